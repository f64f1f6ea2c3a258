#!/usr/bin/env python3
"""Language, as its usual libraries do it: sentence-transformers, transformers, tokenizers, PEFT, and a GPT trained in plain PyTorch.

The GPT is trained as nanoGPT trains it on a CPU: blocks that begin anywhere in a memory-mapped file of uint16, attention by
`scaled_dot_product_attention`, no biases, AdamW with weight decay for matrices alone, gradients clipped to a norm of 1,
nothing compiled. Data lie below PERENNIAL_DATA, MiniLM at PERENNIAL_MINILM, and BENCHMARK_FOLDER has what the other side made.
"""

import json
import os
import pathlib
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from peer import parse, serve

os.environ["TOKENIZERS_PARALLELISM"] = "false"


def data(*path):
    return pathlib.Path(os.environ["PERENNIAL_DATA"], *path)


def questions():
    return [text for text, _ in json.loads(data("clinc150/data/data_full.json").read_text())["train"]]


def verses():
    return [line for line in data("tinyshakespeare/input.txt").read_text().split("\n") if line]


class Repeated:
    """So many texts a step, from where the last step ended."""

    def __init__(self, lines, count, body):
        self.lines, self.count, self.body, self.place = lines, count, body, 0
        body(self.next())

    def next(self):
        if self.place + self.count > len(self.lines):
            self.place = 0
        self.place += self.count
        return self.lines[self.place - self.count:self.place]

    def __call__(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            self.body(self.next())
        return time.perf_counter() - start


def embedding(count, dtype=torch.float32):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(os.environ["PERENNIAL_MINILM"], device="cpu").to(dtype)
    return Repeated(questions(), count, lambda texts: model.encode(texts, show_progress_bar=False))


def encoding(lines, file):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return Repeated(lines, 1000, tokenizer.encode_batch)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.projections = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.widen, self.narrow = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        rows, length, width = x.shape
        split = lambda t: t.view(rows, length, self.heads, width // self.heads).transpose(1, 2)
        query, key, value = map(split, self.projections(self.norm1(x)).split(width, dim=2))
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(seen.transpose(1, 2).reshape(rows, length, width))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary, layers, heads, width, block):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(block, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width, bias=False), nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class LanguageModel:
    batch = 12

    def __init__(self, layers, heads, width, block, dtype=None):
        self.dtype = dtype
        text = data("tinyshakespeare/input.txt").read_text()
        letters = {letter: place for place, letter in enumerate(sorted(set(text)))}
        file = pathlib.Path(os.environ["BENCHMARK_FOLDER"], "characters.bin")
        numpy.array([letters[letter] for letter in text[:len(text) * 9 // 10]], dtype=numpy.uint16).tofile(file)
        self.file, self.block = file, block
        torch.manual_seed(0)
        self.model = GPT(len(letters), layers, heads, width, block)
        parameters = list(self.model.parameters())
        groups = [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
                  {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))
        self.run(2)

    def draw(self):
        text = numpy.memmap(self.file, dtype=numpy.uint16, mode="r")
        starts = torch.randint(len(text) - self.block, (self.batch,))
        rows = [torch.from_numpy(text[start:start + self.block + 1].astype(numpy.int64)) for start in starts]
        rows = torch.stack(rows)
        return rows[:, :-1], rows[:, 1:]

    def run(self, steps):
        for _ in range(steps):
            with torch.autocast("cpu", self.dtype, enabled=self.dtype is not None):
                loss = self.model(*self.draw())
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return loss

    def __call__(self, steps):
        start = time.perf_counter()
        loss = self.run(steps)
        seconds = time.perf_counter() - start
        if not torch.isfinite(loss):
            raise ArithmeticError("the loss is not finite")
        return seconds


class Decoding:
    def __init__(self, dtype=torch.float32):
        from transformers import LlamaConfig, LlamaForCausalLM

        torch.manual_seed(0)
        self.model = LlamaForCausalLM(LlamaConfig(
            vocab_size=8000, hidden_size=512, intermediate_size=1376, num_hidden_layers=8, num_attention_heads=8,
            tie_word_embeddings=True, eos_token_id=None, pad_token_id=0)).eval().to(dtype)
        self(1)

    def __call__(self, steps):
        start = time.perf_counter()
        for step in range(steps):
            prompt = torch.tensor([[(place * 37 + step) % 8000 for place in range(32)]])
            with torch.no_grad():
                made = self.model.generate(
                    prompt, attention_mask=torch.ones_like(prompt), do_sample=False, min_new_tokens=100, max_new_tokens=100)
            if made.shape[1] != 132:
                raise ArithmeticError(f"{made.shape[1] - 32} tokens instead of 100")
        return time.perf_counter() - start


class Tuning:
    """Steps of fine-tuning MiniLM with a linear head, whole or by PEFT's LoRA on the layers that ours adapts."""

    def __init__(self, is_adapted):
        from transformers import AutoModel, AutoTokenizer

        folder = os.environ["PERENNIAL_MINILM"]
        tokenizer, self.encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).float()
        if is_adapted:
            from peft import LoraConfig, get_peft_model

            self.encoder = get_peft_model(self.encoder, LoraConfig(r=8, lora_alpha=16, target_modules=["query", "value"]))
        self.head = nn.Linear(384, 150)
        parameters = [p for p in [*self.encoder.parameters(), *self.head.parameters()] if p.requires_grad]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-4)
        self.rows = [tokenizer(questions()[start:start + 32], padding=True, return_tensors="pt") for start in (0, 32, 64, 96)]

    def __call__(self, steps):
        start = time.perf_counter()
        for step in range(steps):
            rows = self.rows[step % 4]
            hidden = self.encoder(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"]).last_hidden_state
            mask = rows["attention_mask"].unsqueeze(2)
            loss = F.cross_entropy(self.head((hidden * mask).sum(1) / mask.sum(1)), torch.arange(32))
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - start


WORKS = {
    "embed": lambda: embedding(1000),
    "embed-one": lambda: embedding(1),
    "embed-bfloat16": lambda: embedding(1000, torch.bfloat16),
    "gpt-4x128": lambda: LanguageModel(4, 4, 128, 64),
    "gpt-6x384": lambda: LanguageModel(6, 6, 384, 256),
    # Not as nanoGPT is: it computes in float32 on a CPU.
    "gpt-4x128-bfloat16": lambda: LanguageModel(4, 4, 128, 64, torch.bfloat16),
    "gpt-6x384-bfloat16": lambda: LanguageModel(6, 6, 384, 256, torch.bfloat16),
    "decode": Decoding,
    "decode-bfloat16": lambda: Decoding(torch.bfloat16),
    "wordpiece": lambda: encoding(questions(), pathlib.Path(os.environ["PERENNIAL_MINILM"], "tokenizer.json")),
    "bpe": lambda: encoding(verses(), pathlib.Path(os.environ["BENCHMARK_FOLDER"], "bpe.json")),
    "tune-full": lambda: Tuning(False),
    "tune-lora": lambda: Tuning(True),
}

if __name__ == "__main__":
    options = parse(__doc__)
    serve(WORKS, {"torch": torch.__version__, "threads": options.threads}, options)

#!/usr/bin/env python3
"""nanoGPT's configuration for a CPU in plain PyTorch, tested on the whole last tenth of tiny Shakespeare.

    Scripts/reference/tiny_shakespeare.py FILE [SEED …]

4 layers, 4 heads, 128 wide, context 64, batch 12, 2,000 steps, no dropout, no biases; AdamW (0.9, 0.99) with decay 0.1 of
matrices, 100 steps of warm-up to 0.001, cosine to 0.0001, gradients of norm 1. Prints the mean loss in nats a character over blocks that
begin at every eighth and at every 64th character of the test, and over 240 drawn ones, which is what nanoGPT reports.
"""

import math
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch import nn

LAYERS, HEADS, WIDTH, BLOCK, BATCH, STEPS = 4, 4, 128, 64, 12, 2000


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, bias=False) for _ in range(2))
        self.attend, self.mix = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        n, l, _ = x.shape
        q, k, v = (t.view(n, l, HEADS, WIDTH // HEADS).transpose(1, 2) for t in self.attend(self.norms[0](x)).split(WIDTH, 2))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mix(seen.transpose(1, 2).reshape(n, l, WIDTH))
        return x + self.narrow(F.gelu(self.widen(self.norms[1](x))))


class GPT(nn.Module):
    def __init__(self, letters):
        super().__init__()
        self.tokens, self.places = nn.Embedding(letters, WIDTH), nn.Embedding(BLOCK, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, value in self.named_parameters():
            if value.dim() > 1:
                scale = math.sqrt(2 * LAYERS) if name.endswith(("mix.weight", "narrow.weight")) else 1
                nn.init.normal_(value, std=0.02 / scale)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.places.weight
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy((self.norm(x) @ self.tokens.weight.T).flatten(0, 1), targets.flatten())


def rows(text, starts):
    blocks = torch.stack([text[start:start + BLOCK + 1] for start in starts])
    return blocks[:, :-1], blocks[:, 1:]


def rate(step):
    if step < 100:
        return 1e-3 * (step + 1) / 101
    return 1e-4 + 0.5 * (1 + math.cos(math.pi * (step - 100) / (STEPS - 100))) * 9e-4


@torch.no_grad()
def loss(model, text, starts):
    parts = [starts[i:i + 256] for i in range(0, len(starts), 256)]
    return sum(model(*rows(text, part)).item() * len(part) for part in parts) / len(starts)


def main():
    text = pathlib.Path(sys.argv[1]).read_text()
    letters = sorted(set(text))
    ids = torch.tensor([letters.index(letter) for letter in text])
    train, test = ids[:len(ids) * 9 // 10], ids[len(ids) * 9 // 10:]
    for seed in map(int, sys.argv[2:] or [0, 1, 2]):
        torch.manual_seed(seed)
        model = GPT(len(letters))
        matrices = [p for p in model.parameters() if p.dim() > 1]
        vectors = [p for p in model.parameters() if p.dim() < 2]
        optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0}], betas=(0.9, 0.99))
        for step in range(STEPS):
            for group in optimizer.param_groups:
                group["lr"] = rate(step)
            model(*rows(train, torch.randint(len(train) - BLOCK, (BATCH,)))).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        last = len(test) - BLOCK
        eighth, apart = loss(model, test, range(0, last, 8)), loss(model, test, range(0, last, BLOCK))
        drawn = loss(model, test, torch.randint(last, (240,)).tolist())
        print(f"seed {seed}: every eighth {eighth:.4f}, apart {apart:.4f}, 240 drawn {drawn:.4f}", flush=True)


main()

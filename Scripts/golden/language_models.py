#!/usr/bin/env python3
"""Tiny language models as `transformers` writes them, and what they compute: run by itself (see README.md).

    pip install torch transformers safetensors
    python Scripts/golden/language_models.py [--check]

With `--minilm DIR`, a folder of all-MiniLM-L6-v2, and sentence-transformers, also what that model makes of sentences.
"""

import argparse
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import torch
import transformers

import common
from common import ROOT, Golden, deterministic, emit

TEXT = ROOT / "Tests/PerennialTextTests/Golden"
VOCABULARY = 97
NEW = 100

CAUSAL = dict(vocab_size=VOCABULARY, bos_token_id=1, eos_token_id=2, pad_token_id=0)
LLAMA = dict(
    CAUSAL, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=160, initializer_range=0.3)


def rope(**scaling):
    return dict(rope_theta=500.0, rope_scaling=scaling)


def models():
    yield "bert", transformers.BertModel(transformers.BertConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=24, initializer_range=0.3))
    yield "gpt2", transformers.GPT2LMHeadModel(transformers.GPT2Config(
        n_embd=16, n_layer=2, n_head=4, n_positions=128, initializer_range=0.3, **CAUSAL))
    yield "llama3", transformers.LlamaForCausalLM(transformers.LlamaConfig(
        head_dim=8, **rope(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                           original_max_position_embeddings=48), **LLAMA))
    yield "llama-linear", transformers.LlamaForCausalLM(transformers.LlamaConfig(
        attention_bias=True, mlp_bias=True, tie_word_embeddings=True, **rope(rope_type="linear", factor=2.0), **LLAMA))
    yield "qwen2", transformers.Qwen2ForCausalLM(transformers.Qwen2Config(tie_word_embeddings=True, **LLAMA))
    t5 = dict(
        vocab_size=VOCABULARY, d_model=16, d_kv=6, d_ff=32, num_layers=2, num_heads=4, decoder_start_token_id=0,
        relative_attention_num_buckets=8, relative_attention_max_distance=20)
    yield "t5", transformers.T5ForConditionalGeneration(transformers.T5Config(**t5))
    gated = transformers.T5ForConditionalGeneration(transformers.T5Config(
        feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_decoder_layers=1, **t5))
    # Published T5 1.1 checkpoints have an output layer of their own.
    gated.config.tie_word_embeddings = False
    gated.lm_head.weight = torch.nn.Parameter(torch.randn(VOCABULARY, 16) * 0.3)
    yield "t5-gated", gated


def sample(*shape):
    return torch.randint(3, VOCABULARY, shape)


def padded(ids, lengths, left):
    mask = torch.zeros_like(ids, dtype=torch.bool)
    rows = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        place = slice(ids.shape[1] - length, None) if left else slice(0, length)
        mask[row, place] = True
        rows[row, place] = ids[row, :length]
    return rows, mask


def places(mask):
    return (mask.long().cumsum(1) - 1).clamp(min=0)


def gradients(model, names):
    parameters = dict(model.named_parameters())
    return {f"gradient.{name}": parameters[name].grad for name in names}


def disturb(model):
    """Biases and norms start at 0 and 1, where a mistake in them would not show."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "norm" in name.lower() or "ln_" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)


def encoder(golden, name, model):
    ids = sample(3, 12)
    types = torch.randint(0, 2, (3, 12))
    full = model(ids, token_type_ids=types, output_hidden_states=True, output_attentions=True)
    golden.case(f"{name}/full", "BertModel(ids, token_type_ids)", ids=ids, types=types,
                hidden=full.last_hidden_state, pooled=full.pooler_output, embeddings=full.hidden_states[0],
                layer=full.hidden_states[1], attention=full.attentions[1])
    for side, left in (("right", False), ("left", True)):
        rows, mask = padded(ids, [12, 7, 4], left)
        out = model(rows, attention_mask=mask, position_ids=places(mask))
        golden.case(f"{name}/{side}", "BertModel(ids, attention_mask, position_ids of the tokens)", ids=rows, mask=mask,
                    hidden=out.last_hidden_state)
    rows, mask = padded(ids, [12, 7, 4], False)
    model.zero_grad()
    hidden = model(rows, attention_mask=mask).last_hidden_state
    mean = (hidden * mask.unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True)
    loss = mean.square().sum()
    loss.backward()
    golden.add(f"{name}/gradients", "(mean over tokens of BertModel(ids, mask))².sum()", {
        "loss": loss, "mean": mean, "normalized": torch.nn.functional.normalize(mean, dim=1),
        **gradients(model, ["embeddings.word_embeddings.weight", "encoder.layer.0.attention.self.query.weight",
                            "encoder.layer.1.output.LayerNorm.bias"])})


def greedy(model, ids, **options):
    return model.generate(ids, max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, **options)


def causal(golden, name, model, names):
    ids = sample(3, 12)
    out = model(ids, output_hidden_states=True, output_attentions=True)
    golden.case(f"{name}/full", "model(ids)", ids=ids, logits=out.logits, hidden=out.hidden_states[-1],
                layer=out.hidden_states[1], attention=out.attentions[1])
    for side, left in (("right", False), ("left", True)):
        rows, mask = padded(ids, [12, 7, 4], left)
        logits = model(rows, attention_mask=mask, position_ids=places(mask)).logits
        golden.case(f"{name}/{side}", "model(ids, attention_mask, position_ids of the tokens)", ids=rows, mask=mask,
                    logits=logits)
    model.zero_grad()
    loss = model(ids, labels=ids).loss
    loss.backward()
    golden.add(f"{name}/gradients", "model(ids, labels=ids).loss", {"loss": loss, **gradients(model, names)})
    # Greedy choices do not see the end token, so that all 100 tokens count.
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14], [3]]
    width = max(map(len, prompts))
    rows = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    batch = greedy(model, rows, attention_mask=mask)[:, width:]
    single = greedy(model, torch.tensor(prompts[1:2]), attention_mask=torch.ones(1, width, dtype=torch.long))[:, width:]
    golden.case(f"{name}/greedy", f"generate(prompts [5,6,7], [8…14], [3], {NEW} new tokens, no end token before)",
                batch=batch, single=single)
    logits = model(ids[:1]).logits[:, -1]
    processors = transformers.generation.logits_process
    penalized = processors.RepetitionPenaltyLogitsProcessor(1.3)(ids[:1], logits)
    warped = processors.TemperatureLogitsWarper(0.7)(ids[:1], penalized)
    warped = processors.TopKLogitsWarper(10)(ids[:1], warped)
    warped = processors.TopPLogitsWarper(0.8)(ids[:1], warped)
    golden.case(f"{name}/sampling", "probabilities after penalty 1.3, temperature 0.7, top-k 10, top-p 0.8",
                probabilities=warped.softmax(-1))


def encoder_decoder(golden, name, model, names):
    source, target = sample(3, 12), sample(3, 9)
    rows, mask = padded(source, [12, 7, 4], False)
    out = model(input_ids=rows, attention_mask=mask, labels=target, output_attentions=True)
    golden.case(f"{name}/full", "model(ids, attention_mask, labels)", ids=rows, mask=mask, labels=target,
                logits=out.logits, encoded=out.encoder_last_hidden_state, cross=out.cross_attentions[-1],
                attention=out.decoder_attentions[-1])
    model.zero_grad()
    out.loss.backward()
    golden.add(f"{name}/gradients", "model(ids, attention_mask, labels).loss",
               {"loss": out.loss, **gradients(model, names)})
    sources = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14], [3]]
    width = max(map(len, sources))
    rows = torch.tensor([p + [0] * (width - len(p)) for p in sources])
    mask = torch.tensor([[1] * len(p) + [0] * (width - len(p)) for p in sources])
    golden.case(f"{name}/greedy", f"generate(sources [5,6,7], [8…14], [3], {NEW} new tokens, no end token before)",
                batch=greedy(model, rows, attention_mask=mask)[:, 1:])


def store(model, name, **options):
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, **options)
        for file in sorted(pathlib.Path(folder).iterdir()):
            if file.name != "generation_config.json":
                emit(TEXT / "models" / name / file.name, file.read_bytes())


PROBED = {
    "gpt2": ["transformer.wte.weight", "transformer.h.0.attn.c_attn.weight", "transformer.h.1.mlp.c_proj.bias"],
    "llama3": ["model.embed_tokens.weight", "model.layers.0.self_attn.k_proj.weight", "lm_head.weight",
               "model.layers.1.input_layernorm.weight"],
    "llama-linear": ["model.embed_tokens.weight", "model.layers.0.self_attn.o_proj.bias",
                     "model.layers.1.mlp.down_proj.bias"],
    "qwen2": ["model.embed_tokens.weight", "model.layers.0.self_attn.k_proj.bias",
              "model.layers.1.mlp.gate_proj.weight"],
    "t5": ["shared.weight", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
           "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
           "decoder.block.1.layer.1.EncDecAttention.k.weight"],
    "t5-gated": ["shared.weight", "lm_head.weight", "decoder.block.0.layer.2.DenseReluDense.wi_0.weight",
                 "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"],
}


def main():
    deterministic(21)
    golden = Golden("language_models.py")
    golden.metadata["transformers"] = transformers.__version__
    for name, model in models():
        model.set_attn_implementation("eager")
        disturb(model)
        model.eval()
        if name == "bert":
            encoder(golden, name, model)
        elif name.startswith("t5"):
            encoder_decoder(golden, name, model, PROBED[name])
        else:
            causal(golden, name, model, PROBED[name])
        store(model, name)
        if name == "gpt2":
            store(model, "gpt2-shards", max_shard_size="12KB")
            half = transformers.GPT2LMHeadModel(model.config).eval()
            half.load_state_dict(model.state_dict())
            store(half.to(torch.bfloat16), "gpt2-bfloat16")
            ids = sample(1, 6)
            golden.case("gpt2-bfloat16", "weights in bfloat16, sums in float32", ids=ids, logits=half.float()(ids).logits)
    golden.write(TEXT / "language-models.safetensors")


def minilm(folder):
    import sentence_transformers

    sentences = [
        "The cat sat on the mat.", "Continual learning keeps what was learned before.",
        "Ein Satz auf Deutsch, mit Umlauten: über, schön, groß.", "1 + 1 = 2", "word " * 60, "?",
    ]
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    tokens = model.tokenizer(sentences, padding=True, return_tensors="pt")
    golden = Golden("language_models.py")
    golden.metadata |= {"transformers": transformers.__version__, "model": "sentence-transformers/all-MiniLM-L6-v2"}
    with torch.no_grad():
        hidden = transformers.AutoModel.from_pretrained(folder)(**tokens).last_hidden_state
    golden.case("minilm", "SentenceTransformer.encode; hidden states of the first 8 tokens", ids=tokens["input_ids"],
                hidden=hidden[:, :8], embeddings=torch.tensor(model.encode(sentences)))
    golden.write(TEXT / "minilm.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file would change")
    parser.add_argument("--minilm", type=pathlib.Path, help="a folder of all-MiniLM-L6-v2")
    options = parser.parse_args()
    common.checking = options.check
    main()
    if options.minilm:
        minilm(options.minilm)
    if common.changed:
        sys.exit(f"{len(common.changed)} golden file(s) would change")

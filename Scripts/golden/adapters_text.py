#!/usr/bin/env python3
"""Adapters of language models as PEFT writes them, and what the models compute with them: run by itself (see README.md).

    pip install torch transformers peft safetensors
    python Scripts/golden/adapters_text.py [--check]

The models are those of `language_models.py`.
"""

import argparse
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import peft
import torch
import transformers

import common
from common import ROOT, Golden, deterministic, emit

TEXT = ROOT / "Tests/PerennialTextTests/Golden"
TARGETS = {"bert": ["query", "value"], "gpt2": ["c_attn"], "llama3": ["q_proj", "v_proj"], "qwen2": ["q_proj", "v_proj"]}
LENGTH = 3
KINDS = {"bert": transformers.BertModel, "t5": transformers.T5ForConditionalGeneration}


def base(name):
    kind = KINDS.get(name, transformers.AutoModelForCausalLM)
    return kind.from_pretrained(TEXT / "models" / name, attn_implementation="eager").eval()


def variants(name):
    if name == "t5":
        # PEFT gives the decoder a prompt too unless there is one module alone.
        yield "prompt", peft.PromptTuningConfig(
            task_type="SEQ_2_SEQ_LM", num_virtual_tokens=LENGTH, num_transformer_submodules=1)
        return
    task = "FEATURE_EXTRACTION" if name == "bert" else "CAUSAL_LM"
    low = dict(task_type=task, r=2, lora_alpha=6, target_modules=TARGETS[name], fan_in_fan_out=name == "gpt2")
    yield "prompt", peft.PromptTuningConfig(task_type=task, num_virtual_tokens=LENGTH)
    yield "prefix", peft.PrefixTuningConfig(task_type=task, num_virtual_tokens=LENGTH)
    if name == "gpt2":
        yield "projected", peft.PrefixTuningConfig(
            task_type=task, num_virtual_tokens=LENGTH, prefix_projection=True, encoder_hidden_size=8)
    yield "lora", peft.LoraConfig(**low)
    yield "rslora", peft.LoraConfig(use_rslora=True, **low)
    yield "dora", peft.LoraConfig(use_dora=True, **low)


def disturb(model):
    generator = torch.Generator().manual_seed(5)
    for path, parameter in model.named_parameters():
        if parameter.requires_grad:
            noise = torch.randn(parameter.shape, generator=generator) * 0.4
            parameter.data = parameter.data + noise if "magnitude" in path or "prompt" in path else noise


def answer(model, name, ids, mask, length, target):
    if name == "t5":
        return model(input_ids=ids, attention_mask=mask, decoder_input_ids=target).logits
    output = model(input_ids=ids, attention_mask=mask)
    values = output.last_hidden_state if name == "bert" else output.logits
    return values[:, values.shape[1] - length:]


def main():
    deterministic(31)
    golden = Golden("adapters_text.py")
    golden.metadata |= {"transformers": transformers.__version__, "peft": peft.__version__}
    for name in [*TARGETS, "t5"]:
        ids = torch.randint(3, 97, (2, 7))
        mask = torch.ones_like(ids)
        mask[1, 5:] = 0
        padded = torch.where(mask == 1, ids, torch.zeros_like(ids))
        target = torch.randint(3, 97, (2, 5)) if name == "t5" else None
        golden.case(name, ids=ids, padded=padded, mask=mask.bool(), **({} if target is None else {"target": target}))
        for variant, config in variants(name):
            model = peft.get_peft_model(base(name), config)
            disturb(model)
            model.eval()
            with torch.no_grad():
                full = answer(model, name, ids, torch.ones_like(ids), 7, target)
                short = answer(model, name, padded, mask, 7, target)
            golden.case(f"{name}/{variant}", full=full, padded=short)
            with tempfile.TemporaryDirectory() as folder:
                model.save_pretrained(folder)
                for file in ("adapter_config.json", "adapter_model.safetensors"):
                    data = (pathlib.Path(folder) / file).read_bytes()
                    # A path of the machine that wrote it is nobody's business.
                    data = data.replace(str(TEXT / "models").encode() + b"/", b"")
                    emit(TEXT / "adapters" / f"{name}-{variant}" / file, data)
    golden.write(TEXT / "adapters.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file would change")
    common.checking = parser.parse_args().check
    main()
    if common.changed:
        sys.exit(f"{len(common.changed)} golden file(s) would change")

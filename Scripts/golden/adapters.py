"""Low-rank adapters as PEFT has them: their folders, what they compute, and what becomes of several in one.

Needs `peft` beside torch.
"""

import pathlib
import shutil

import peft
import torch

from common import PERENNIAL, Golden, deterministic

FOLDER = PERENNIAL / "adapters"
VARIANTS = {
    "lora": {"lora_alpha": 6},
    "rslora": {"lora_alpha": 6, "use_rslora": True},
    "dora": {"lora_alpha": 6, "use_dora": True},
    "patterns": {"lora_alpha": 6, "rank_pattern": {"2": 3}, "alpha_pattern": {"2": 9}},
}


def base() -> torch.nn.Sequential:
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.GELU(), torch.nn.Linear(8, 5))


def randomize(model, name: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for path, parameter in model.named_parameters():
        if f".{name}" in path and "lora_" in path:
            noise = torch.randn(parameter.shape, generator=generator) * 0.3
            parameter.data = parameter.data + noise if "magnitude" in path else noise


def main() -> None:
    deterministic(0)
    golden = Golden("adapters.py")
    inputs = torch.randn(4, 6)
    golden.case("base", inputs=inputs, **{path.replace(".", "__"): v for path, v in base().state_dict().items()})
    for name, options in VARIANTS.items():
        config = peft.LoraConfig(r=2, target_modules=["0", "2"], **options)
        model = peft.get_peft_model(base(), config)
        randomize(model, "default", 11)
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        model.save_pretrained(FOLDER / name)
        (FOLDER / name / "README.md").unlink(missing_ok=True)
        model.eval()
        outputs = model(inputs)
        outputs.square().sum().backward()
        layer = model.base_model.model[0]
        golden.case(
            name, outputs=outputs.detach(), down=layer.lora_A["default"].weight.grad,
            up=layer.lora_B["default"].weight.grad)
        merged = model.merge_and_unload()
        golden.case(f"{name}/merged", first=merged[0].weight.detach(), second=merged[2].weight.detach())
    combine(golden)
    golden.write(PERENNIAL / "adapters.safetensors")


def combine(golden: Golden) -> None:
    model = peft.get_peft_model(base(), peft.LoraConfig(r=2, lora_alpha=6, target_modules=["0", "2"]), "one")
    model.add_adapter("two", peft.LoraConfig(r=2, lora_alpha=3, target_modules=["0", "2"]))
    randomize(model, "one", 21)
    randomize(model, "two", 22)
    for name in ("one", "two"):
        for index in (0, 2):
            layer = model.base_model.model[index]
            golden.case(
                f"merge/{name}/{index}", down=layer.lora_A[name].weight.detach(), up=layer.lora_B[name].weight.detach())
    methods = {
        "linear": {}, "cat": {}, "svd": {"svd_rank": 2}, "ties": {"density": 0.5},
        "magnitude_prune": {"density": 0.5},
    }
    for weights in ([0.7, 0.5], [1.0, -0.4]):
        for method, options in methods.items():
            name = f"{method}{weights[1]}".replace(".", "_")
            model.add_weighted_adapter(["one", "two"], weights, name, combination_type=method, **options)
            for index in (0, 2):
                delta = model.base_model.model[index].get_delta_weight(name).detach()
                golden.case(f"merge/{method}/{weights[1]}/{index}", delta=delta)


if __name__ == "__main__":
    main()

"""Files of the safetensors format as its reference implementation writes them, byte for byte."""

import torch
from safetensors.torch import save

from common import TORCH, deterministic, emit


def main() -> None:
    deterministic(6)
    numbers = torch.tensor([0.0, -1.5, 3.25, 100.0])
    tensors = {
        "float64": numbers.double(), "float32": numbers, "float16": numbers.half(), "bfloat16": numbers.bfloat16(),
        "int64": torch.tensor([-(2**63), 2**63 - 1]), "int32": torch.tensor([-(2**31), 2**31 - 1]).int(),
        "int16": torch.tensor([-32768, 32767]).short(), "int8": torch.tensor([-128, 127]).char(),
        "uint8": torch.tensor([0, 255]).byte(), "bool": torch.tensor([True, False, True]),
    }
    # Names whose order by bytes is not that by letters, and that need escapes.
    tensors |= {
        "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "empty.bool": torch.zeros(2, 0).bool(),
        "matrix": torch.arange(6.0).reshape(2, 3), "Zeta": torch.tensor([1.0]), "émigré": torch.tensor([2.0]),
        'quote"back\\slash/tab\tbell\u0007': torch.tensor([3.0]), "😀": torch.tensor([4.0]), "": torch.tensor([5.0]),
    }
    emit(TORCH / "reference.safetensors", save(tensors, {"note": 'a "quoted" line\nand another'}))
    emit(TORCH / "reference-plain.safetensors", save({"weight": torch.eye(2), "bias": torch.zeros(3)}))
    emit(TORCH / "reference-empty.safetensors", save({}))

"""Writes golden files: safetensors with a sorted header and an expression for every case."""

import json
import pathlib
import random
import struct

import numpy
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
TORCH = ROOT / "Tests/TorchTests/Golden"
PERENNIAL = ROOT / "Tests/PerennialTests/Golden"
VISION = ROOT / "Tests/PerennialVisionTests/Fixtures"

DTYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.bool: "BOOL", torch.uint8: "U8",
}


def deterministic(seed: int) -> None:
    """One thread and fixed seeds, so that a second run writes the same bytes."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    random.seed(seed)
    numpy.random.seed(seed)


class Golden:
    """The tensors of one file, grouped in cases."""

    def __init__(self, script: str) -> None:
        self.metadata = {"torch": torch.__version__.split("+")[0], "script": f"Scripts/golden/{script}"}
        self.tensors: dict[str, torch.Tensor] = {}

    def case(self, name: str, expression: str | None = None, **tensors) -> None:
        """Adds tensors to a case. In keywords `__` stands for `.`, which Python does not allow in a name."""
        self.add(name, expression, {key.replace("__", "."): value for key, value in tensors.items()})

    def add(self, name: str, expression: str | None, tensors: dict) -> None:
        if expression is not None:
            assert name not in self.metadata, f"case {name} twice"
            self.metadata[name] = expression
        for key, value in tensors.items():
            full = f"{name}/{key}"
            assert full not in self.tensors, f"tensor {full} twice"
            tensor = value.detach() if isinstance(value, torch.Tensor) else torch.tensor(value)
            if tensor.is_floating_point():
                assert torch.isfinite(tensor).all() or "infinite" in name, f"{full} is not finite"
                tensor = tensor.to(torch.float32)
            self.tensors[full] = tensor.contiguous().clone()

    def write(self, path: pathlib.Path) -> None:
        header: dict = {"__metadata__": dict(sorted(self.metadata.items()))}
        blobs, offset = [], 0
        for name in sorted(self.tensors):
            tensor = self.tensors[name]
            blob = tensor.numpy().tobytes()
            header[name] = {
                "dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape),
                "data_offsets": [offset, offset + len(blob)],
            }
            blobs.append(blob)
            offset += len(blob)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        emit(path, struct.pack("<Q", len(text)) + text + b"".join(blobs))


# --check sets this: files are compared instead of written.
checking = False
changed: list[str] = []


def emit(path: pathlib.Path, data: bytes) -> None:
    shown = path.relative_to(ROOT)
    if checking:
        same = path.exists() and path.read_bytes() == data
        print(f"{'same   ' if same else 'DIFFERS'} {shown}")
        if not same:
            changed.append(str(shown))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"{len(data):9,} bytes  {shown}")


def emit_json(path: pathlib.Path, value) -> None:
    emit(path, (json.dumps(value, indent=1) + "\n").encode())

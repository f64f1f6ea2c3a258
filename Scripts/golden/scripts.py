"""A small TorchScript module for the tests of teachers that arrive as files, and what it answers.

    module       two layers with batch normalisation and dropout between, 6-5-3, saved in training mode
    outputs      of the module in evaluation mode

A TorchScript file holds the time of nothing, yet its bytes are those of one PyTorch version; `--check` compares answers
alone.
"""

import io

import torch
from torch import nn

import common
from common import PERENNIAL, Golden, deterministic, emit


def main() -> None:
    deterministic(53)
    module = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3))
    with torch.no_grad():
        module[2].running_mean.normal_()
        module[2].running_var.uniform_(0.5, 2)
    inputs = torch.randn(4, 6)
    golden = Golden("scripts.py")
    outputs = module.eval()(inputs)
    golden.case("module", "scripted-teacher.pt in evaluation mode", inputs=inputs, outputs=outputs)
    golden.write(PERENNIAL / "scripts.safetensors")
    if not common.checking:
        buffer = io.BytesIO()
        torch.jit.save(torch.jit.script(module.train()), buffer)
        emit(PERENNIAL / "scripted-teacher.pt", buffer.getvalue())

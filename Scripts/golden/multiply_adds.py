"""What PyTorch's counter of floating-point operations says of products, convolutions and attention: `multiply_adds`, half of its FLOPs."""

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from common import TORCH, deterministic, emit_json


def main() -> None:
    deterministic(6)
    cases = []

    def case(name, call, *shapes):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            call(*(torch.randn(shape) for shape in shapes))
        cases.append({"name": name, "shapes": shapes, "multiply_adds": counter.get_total_flops() // 2})

    case("linear", F.linear, [32, 20], [7, 20], [7])
    case("linear_of_one_row", F.linear, [1, 20], [7, 20], [7])
    case("linear_of_sequences", F.linear, [2, 9, 20], [7, 20], [7])
    case("matmul", torch.matmul, [6, 5], [5, 4])
    case("batched", torch.bmm, [3, 6, 5], [3, 5, 4])
    case("convolution", lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 2)), [2, 4, 11, 9], [6, 4, 3, 5])
    case("grouped", lambda x, w: F.conv2d(x, w, dilation=2, groups=2), [2, 4, 11, 9], [6, 2, 3, 3])
    case("convolution_of_rows", lambda x, w: F.conv1d(x, w, stride=3), [2, 4, 23], [6, 4, 5])
    case("transposed", lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1), [2, 4, 5, 6], [4, 3, 4, 4])
    with sdpa_kernel(SDPBackend.MATH):  # the counter does not know the fused kernel of the CPU
        case("attention", F.scaled_dot_product_attention, [2, 3, 7, 8], [2, 3, 9, 8], [2, 3, 9, 8])

    emit_json(TORCH / "multiply_adds.json", {
        "torch": torch.__version__.split("+")[0], "script": "Scripts/golden/multiply_adds.py", "cases": cases})

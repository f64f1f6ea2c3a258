"""Compression: rounded weights and activations with their gradients, a short trajectory, and a calibration error."""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic


def dorefa(w: torch.Tensor, bits: int) -> torch.Tensor:
    """Equation 9 of DoReFa-Net, the rounding passed straight through."""
    top = 2**bits - 1
    t = torch.tanh(w)
    x = t / (2 * t.detach().abs().max()) + 0.5
    x = x + (torch.round(x * top) / top - x).detach()
    return 2 * x - 1


def symmetric(w: torch.Tensor, bits: int) -> torch.Tensor:
    """PyTorch's own operator, a scale for each row."""
    top = 2 ** (bits - 1) - 1
    scale = w.detach().flatten(1).abs().amax(1) / top
    return torch.fake_quantize_per_channel_affine(w, scale, torch.zeros_like(scale, dtype=torch.int32), 0, -top, top)


def main() -> None:
    deterministic(31)
    golden = Golden("compression.py")
    for bits in (3, 8):
        w = torch.randn(5, 3, 2, 2)
        golden.case(f"symmetric{bits}", "fake_quantize_per_channel_affine", w=w, value=symmetric(w, bits))
        w = torch.randn(4, 6, requires_grad=True)
        seed = torch.randn(4, 6)
        value = dorefa(w, bits)
        gradient, = torch.autograd.grad((value * seed).sum(), w)
        golden.case(f"dorefa{bits}", "DoReFa eq. 9 and the gradient of Σ value · seed", w=w, seed=seed, value=value,
                    gradient=gradient)
    x = (torch.randn(40) * 2).requires_grad_()
    low, high, bits = -1.5, 2.25, 8
    scale = (high - low) / 255
    zero = round(-low / scale)
    value = torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, 255)
    gradient, = torch.autograd.grad(value.square().sum(), x)
    golden.case("affine", "fake_quantize_per_tensor_affine over −1.5 … 2.25, whose zero is a step", x=x, value=value,
                gradient=gradient)

    inputs, targets = torch.randn(12, 4), torch.arange(12) % 3
    w1, b1 = torch.randn(6, 4), torch.zeros(6)
    w2, b2 = torch.randn(3, 6), torch.zeros(3)
    golden.case("start", "relu(x W1ᵀ + b1) W2ᵀ + b2", inputs=inputs, targets=targets, w1=w1, b1=b1, w2=w2, b2=b2)
    leaves = [t.clone().requires_grad_() for t in (w1, b1, w2, b2)]
    optimizer = torch.optim.SGD(leaves, lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        a, b, c, d = leaves
        hidden = F.relu(F.linear(inputs, symmetric(a, 4), b))
        F.cross_entropy(F.linear(hidden, symmetric(c, 4), d), targets).backward()
        optimizer.step()
    golden.case("trained", "after 4 steps of SGD at 0.1 with 4-bit weights, rounded at the end", w1=symmetric(leaves[0], 4),
                b1=leaves[1], w2=symmetric(leaves[2], 4), b2=leaves[3])

    confidence, correct = torch.rand(200, dtype=torch.float64), (torch.rand(200) < 0.6)
    edges = torch.linspace(0, 1, 16, dtype=torch.float64)
    error = 0.0
    for least, most in zip(edges[:-1], edges[1:]):
        inside = (confidence > least) & (confidence <= most)
        if inside.any():
            gap = (confidence[inside].mean() - correct[inside].double().mean()).abs()
            error += inside.double().mean() * gap
    golden.case("calibration", "expected calibration error over 15 bins", confidence=confidence.float(),
                correct=correct.float(), error=error.float())
    golden.write(PERENNIAL / "compression.safetensors")

"""Masks and formulas of PackNet, hard attention and progressive networks, written out with PyTorch autograd.

    packnet/pruned50   the half of the task's own weights with the smallest |w|, by kthvalue
    hat/…              σ(s e), the factor of ∂e, the sparsity term, 1 − min(a_out, a_in) for all kinds of weights
    progressive/…      the forward pass of a third column, for linear layers and for convolutions
"""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic


def packnet(golden) -> None:
    weights = torch.randn(6, 9)
    own = torch.rand(6, 9) < 0.6
    tensors = {"weights": weights, "own": own}
    for percent in (25, 50, 75):
        mine = weights.abs()[own]
        cutoff = torch.kthvalue(mine, int(percent / 100 * mine.numel() + 0.5)).values
        tensors[f"pruned{percent}"] = (weights.abs() <= cutoff) & own
    golden.add("packnet", "|w| ≤ kthvalue of the own weights", tensors)


def hat(golden) -> None:
    maximum, batches = 400.0, 8
    embedding = torch.randn(7) * 1.5
    tensors = {"embedding": embedding}
    for b in (0, 3, 7):
        s = 1 / maximum + (maximum - 1 / maximum) * b / batches
        tensors[f"s{b}"] = torch.tensor(s)
        tensors[f"mask{b}"] = torch.sigmoid(s * embedding)
        numerator = torch.cosh(torch.clamp(s * embedding.double(), -50, 50)) + 1
        tensors[f"compensation{b}"] = maximum / s * numerator / (torch.cosh(embedding.double()) + 1)
    attention = [torch.rand(4), torch.rand(5)]
    used = [torch.rand(4), torch.rand(5)]
    top = sum((a * (1 - u)).sum() for a, u in zip(attention, used))
    tensors["sparsity"] = top / sum((1 - u).sum() for u in used)
    tensors["sparsity_first"] = sum(a.sum() for a in attention) / 9
    for i in (0, 1):
        tensors[f"attention{i}"], tensors[f"used{i}"] = attention[i], used[i]

    c, out = used
    convolution = torch.empty(5, 4, 3, 3)
    for i in range(5):
        for j in range(4):
            convolution[i, j] = 1 - min(out[i], c[j])
    flattened = torch.empty(5, 24)
    for i in range(5):
        for j in range(24):
            flattened[i, j] = 1 - min(out[i], c[j // 6])  # channel-major: 6 pixels of channel 0 come first
    tensors |= {
        "freedom_convolution": convolution, "freedom_flattened": flattened,
        "freedom_first": (1 - out)[:, None].expand(5, 7), "freedom_bias": 1 - out,
    }
    golden.add("hat", "see the script", tensors)


def progressive(golden) -> None:
    """Column 2 of three: layers 6 → 5 → 4 → head of 3, projections as wide as the layers."""
    widths, inputs, earlier = (5, 4), torch.randn(8, 6), 2
    p = {}
    for k in range(3):
        p[f"column{k}.a.weight"], p[f"column{k}.a.bias"] = torch.randn(5, 6), torch.randn(5)
        p[f"column{k}.b.weight"], p[f"column{k}.b.bias"] = torch.randn(4, 5), torch.randn(4)
        if k > 0:
            for i, width in enumerate(widths, 1):
                p[f"column{k}.adapter{i}.alpha"] = torch.rand(k)
                p[f"column{k}.adapter{i}.V.weight"] = torch.randn(width, width * k)
                p[f"column{k}.adapter{i}.V.bias"] = torch.randn(width)
            p[f"column{k}.adapter1.U"] = torch.randn(4, 5)
    p["head.weight"], p["head.bias"] = torch.randn(3, 8), torch.randn(3)

    def side(k, i, lower):
        joined = torch.cat([p[f"column{k}.adapter{i}.alpha"][j] * h for j, h in enumerate(lower)], 1)
        return F.relu(joined @ p[f"column{k}.adapter{i}.V.weight"].T + p[f"column{k}.adapter{i}.V.bias"])

    first, second = [], []
    outputs = {}
    for k in range(3):
        h1 = F.relu(inputs @ p[f"column{k}.a.weight"].T + p[f"column{k}.a.bias"])  # nothing lateral on raw inputs
        z = h1 @ p[f"column{k}.b.weight"].T + p[f"column{k}.b.bias"]
        if k > 0:
            z = z + side(k, 1, first) @ p[f"column{k}.adapter1.U"].T
        h2 = F.relu(z)
        output = h2 @ p["head.weight"][:, :4].T + p["head.bias"]
        if k > 0:
            output = output + side(k, 2, second) @ p["head.weight"][:, 4:].T
        outputs[f"outputs{k}"] = output
        first.append(h1)
        second.append(h2)
    golden.add("progressive.parameters", "weights by path", p)
    golden.add("progressive", "h = σ(W h + U σ(V α h_<k)), the head likewise", {"inputs": inputs} | outputs)


def masks(golden) -> None:
    """A masked layer: the gradient of the scores is that of the masked weights times the fixed ones."""
    w, s, x = torch.randn(4, 6), torch.randn(4, 6), torch.randn(5, 6)
    masked = (w * (s >= 0)).requires_grad_()
    (x @ masked.T).square().sum().backward()
    golden.case("masks", "w ⊙ [s ≥ 0], straight through", w=w, s=s, x=x, weight=masked, gradient=masked.grad * w)


def copy_weights(golden) -> None:
    """Two consolidations of CWR*: classes 0 and 1, then 1 again with more examples and 2."""
    first, second = torch.randn(2, 4), torch.randn(3, 4)
    c1 = first - first.mean()
    c2 = torch.cat([c1, torch.zeros(1, 4)])
    t = second - second[[1, 2]].mean()
    past = (5 / 20) ** 0.5
    c2[1] = (c2[1] * past + t[1]) / (past + 1)
    c2[2] = t[2]
    golden.case("cwr", "c ← (c √(P/n) + t − mean t) / (√(P/n) + 1)", first=first, second=second, c1=c1, c2=c2)


def main() -> None:
    deterministic(31)
    golden = Golden("isolation.py")
    packnet(golden)
    hat(golden)
    progressive(golden)
    masks(golden)
    copy_weights(golden)
    golden.write(PERENNIAL / "isolation.safetensors")

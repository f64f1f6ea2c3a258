"""Five steps of the search of learn to grow, written out with PyTorch autograd and its optimizers.

    start, end      weights by path, and scores{layer}
    inputs, labels  of the second task; the first, third … of each class move weights by SGD 0.1, the others scores by Adam
                    (0.05, 0.5, 0.999)
    growth          Σ_l n_l/n Σ_c softmax(α_l)_c z_lc at the start

Layers 6 → 5 → 4 under a head of four units, of which the second task has the last two. A layer's options are the first
task's weights, which rest, the same with an adapter of two units, and fresh ones.
"""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic

SIZES = {"a": (5, 6), "b": (4, 5)}
BETA = 0.3


def start():
    p = {}
    for layer, (name, (width, inputs)) in enumerate(SIZES.items()):
        p[f"{name}.weight"], p[f"{name}.bias"] = torch.randn(width, inputs), torch.randn(width)
        p[f"grown.{layer}.0+1.down"], p[f"grown.{layer}.0+1.up"] = torch.randn(2, inputs), torch.randn(width, 2)
        p[f"grown.{layer}.1.weight"], p[f"grown.{layer}.1.bias"] = torch.randn(width, inputs), torch.randn(width)
    p["head.weight"], p["head.bias"] = torch.randn(4, 4), torch.randn(4)
    return p


def outputs(p, scores, x):
    for layer, name in enumerate(SIZES):
        shares = scores[layer].softmax(0)
        old = F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])
        adapted = old + F.linear(F.linear(x, p[f"grown.{layer}.0+1.down"]), p[f"grown.{layer}.0+1.up"])
        fresh = F.linear(x, p[f"grown.{layer}.1.weight"], p[f"grown.{layer}.1.bias"])
        x = sum(share * F.relu(y) for share, y in zip(shares, (old, adapted, fresh)))
    return F.linear(x, p["head.weight"], p["head.bias"])[:, 2:]


def growth(scores):
    whole = sum(w * i + w for w, i in SIZES.values())
    total = 0
    for layer, (width, inputs) in enumerate(SIZES.values()):
        shares = scores[layer].softmax(0)
        total = total + shares[1] * 2 * (inputs + width) + shares[2] * (width * inputs + width)
    return total / whole


def main():
    deterministic(7)
    golden = Golden("learn_to_grow.py")
    p = start()
    scores = [torch.randn(3) * 0.3 for _ in SIZES]
    inputs, labels = torch.randn(12, 6), torch.randint(0, 2, (12,))
    golden.add("start", "weights by path", p | {f"scores{layer}": s.clone() for layer, s in enumerate(scores)})
    golden.add("task", "the second task", {"inputs": inputs, "labels": labels, "growth": growth(scores)})
    frozen = {f"{name}.{part}" for name in SIZES for part in ("weight", "bias")}
    p = {key: value.clone().requires_grad_(key not in frozen) for key, value in p.items()}
    scores = [s.clone().requires_grad_() for s in scores]
    weights = torch.optim.SGD([value for value in p.values() if value.requires_grad], lr=0.1)
    structure = torch.optim.Adam(scores, lr=0.05, betas=(0.5, 0.999))
    judging = torch.tensor([labels[:place].eq(labels[place]).sum() % 2 == 1 for place in range(12)])
    held = p["head.weight"][:2].detach().clone(), p["head.bias"][:2].detach().clone()
    for _ in range(5):
        even = F.cross_entropy(outputs(p, scores, inputs[~judging]), labels[~judging])
        odd = F.cross_entropy(outputs(p, scores, inputs[judging]), labels[judging]) + BETA * growth(scores)
        slopes = torch.autograd.grad(odd, scores)
        weights.zero_grad()
        even.backward()
        weights.step()
        for s, slope in zip(scores, slopes):
            s.grad = slope
        structure.step()
    assert torch.equal(p["head.weight"][:2], held[0]) and torch.equal(p["head.bias"][:2], held[1])
    golden.add("end", "after five steps", {k: v.detach() for k, v in p.items()}
               | {f"scores{layer}": s.detach() for layer, s in enumerate(scores)})
    golden.write(PERENNIAL / "learn_to_grow.safetensors")


if __name__ == "__main__":
    main()

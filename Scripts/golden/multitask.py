"""Multi-task learning: uncertainty weighting, and two backbones that are tied or cross-stitched."""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic


def main() -> None:
    deterministic(17)
    golden = Golden("multitask.py")
    losses, s = torch.rand(8, requires_grad=True), torch.randn(3, requires_grad=True)
    tasks = torch.tensor([0, 2, 2, 0, 0, 2, 2, 2])  # task 1 is not in the batch
    value = sum(torch.exp(-s[t]) * losses[tasks == t].mean() + 0.5 * s[t] for t in (0, 2))
    by_losses, by_s = torch.autograd.grad(value, (losses, s))
    golden.case("uncertainty", "Σ exp(−s_t) L_t + ½ s_t over the tasks of the batch", losses=losses, tasks=tasks, s=s,
                value=value, by_losses=by_losses, by_s=by_s)

    weights = [[torch.randn(5, 4), torch.randn(5), torch.randn(3, 5), torch.randn(3)] for _ in range(2)]
    shares = [[torch.randn(2) for _ in range(2)] for _ in range(2)]
    x = torch.randn(6, 4)
    for place, column in enumerate(weights):
        golden.case(f"column{place}", "two layers with ReLU each", first__weight=column[0], first__bias=column[1],
                    second__weight=column[2], second__bias=column[3])
        golden.case(f"shares{place}", None, **{f"l{layer}": share for layer, share in enumerate(shares[place])})
    for task in range(2):
        states = [x, x]
        for layer in range(2):
            outputs = [F.relu(F.linear(h, w[2 * layer], w[2 * layer + 1])) for h, w in zip(states, weights)]
            states = [shares[a][layer][0] * outputs[0] + shares[a][layer][1] * outputs[1] for a in range(2)]
        golden.case(f"stitched{task}", "the features of a task", outputs=states[task])
    golden.case("stitched_inputs", None, inputs=x)

    leaves = [[w.clone().requires_grad_() for w in column] for column in weights]
    penalty = 0.5 * 0.7 * sum((a - b).square().sum() for a, b in zip(*leaves))
    for place, column in enumerate(leaves):
        a, b, c, d = torch.autograd.grad(penalty, column, retain_graph=True)
        golden.case(f"tied{place}", "gradient of ½ · 0.7 ‖θ_0 − θ_1‖²", first__weight=a, first__bias=b, second__weight=c,
                    second__bias=d)
    golden.write(PERENNIAL / "multitask.safetensors")

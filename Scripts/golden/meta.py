"""Gradients through gradient steps: MAML, first-order MAML, Reptile and the look-ahead of La-MAML, by autograd.

    maml     ∇_θ L_Q(φ_2),  φ_{j+1} = φ_j − 0.3 ∇L_S(φ_j)
    first    ∇_φ L_Q(φ) at φ_2
    reptile  θ − φ_2, with steps on S and Q together
    la_maml  M = mean_j L(φ_j; all items), φ_{j+1} = φ_j − max(α, 0) ⊙ ∇L(φ_j; part j); two parts of the first four items
    oml      L(φ_2; all items), inner steps of rate 0.2 on the head alone
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from common import PERENNIAL, Golden, deterministic

RATE, STEPS, HEAD_RATE = 0.3, 2, 0.2


def mlp():
    return nn.Sequential(nn.Linear(4, 7), nn.ReLU(), nn.Linear(7, 3))


def convnet():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.BatchNorm2d(2, track_running_stats=False), nn.ReLU(), nn.Flatten(),
        nn.Linear(2 * 3 * 3, 3))


def loss(model, weights, x, y):
    return F.cross_entropy(functional_call(model, weights, x), y)


def adapt(model, weights, x, y, create_graph):
    for _ in range(STEPS):
        slopes = torch.autograd.grad(loss(model, weights, x, y), list(weights.values()), create_graph=create_graph)
        weights = {name: w - RATE * g for (name, w), g in zip(weights.items(), slopes)}
    return weights


def meta(golden, name, model, shape):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    weights = dict(model.named_parameters())
    xs, xq = torch.randn(6, *shape), torch.randn(9, *shape)
    ys, yq = torch.arange(6) % 3, torch.arange(9) % 3
    golden.add(name, "weights of a small network", weights)
    golden.case(f"{name}_episode", None, support=xs, support_targets=ys, queries=xq, query_targets=yq)

    outer = loss(model, adapt(model, weights, xs, ys, True), xq, yq)
    second = torch.autograd.grad(outer, list(weights.values()))
    fast = {key: w.detach().requires_grad_() for key, w in adapt(model, weights, xs, ys, False).items()}
    first = torch.autograd.grad(loss(model, fast, xq, yq), list(fast.values()))
    assert max((a - b).abs().max() for a, b in zip(first, second)) > 0.01
    together = adapt(model, weights, torch.cat([xs, xq]), torch.cat([ys, yq]), False)
    for kind, values in (("maml", second), ("first", first), ("reptile", [w - together[k] for k, w in weights.items()])):
        golden.add(f"{name}_{kind}", f"gradient; the loss on queries of maml is {outer.item():.6f}",
                   dict(zip(weights, values)))
    return weights


def look_ahead(golden, model, weights):
    x, y = torch.randn(7, 4), torch.arange(7) % 3
    golden.case("batch", "four fresh items and three remembered ones", inputs=x, targets=y)
    for second_order in (False, True):
        alpha = {key: (0.3 * torch.randn_like(w) + 0.1).requires_grad_() for key, w in weights.items()}
        fast, losses = weights, []
        for part in (slice(0, 2), slice(2, 4)):
            slopes = torch.autograd.grad(
                loss(model, fast, x[part], y[part]), list(fast.values()), create_graph=second_order, retain_graph=True)
            fast = {key: w - alpha[key].relu() * g for (key, w), g in zip(fast.items(), slopes)}
            losses.append(loss(model, fast, x, y))
        mean = torch.stack(losses).mean()
        gradients = torch.autograd.grad(mean, list(weights.values()) + list(alpha.values()))
        name = f"la_maml_{'second' if second_order else 'first'}"
        golden.add(name, "M, α and the gradients of M by θ and α", {"value": mean}
                   | {f"alpha.{k}": a for k, a in alpha.items()}
                   | {f"theta.{k}": g for k, g in zip(weights, gradients)}
                   | {f"slope.{k}": g for k, g in zip(weights, gradients[len(weights):])})
    fast = weights
    for part in (slice(0, 2), slice(2, 4)):
        head = [key for key in weights if key.startswith("2.")]
        slopes = torch.autograd.grad(loss(model, fast, x[part], y[part]), [fast[k] for k in head], create_graph=True)
        fast = fast | {key: fast[key] - HEAD_RATE * g for key, g in zip(head, slopes)}
    value = loss(model, fast, x, y)
    golden.add("oml", "outer loss and its gradient", {"value": value}
               | dict(zip(weights, torch.autograd.grad(value, list(weights.values())))))


def main() -> None:
    deterministic(16)
    golden = Golden("meta.py")
    model = mlp()
    weights = meta(golden, "mlp", model, (4,))
    look_ahead(golden, model, weights)
    meta(golden, "convnet", convnet(), (1, 5, 5))
    golden.write(PERENNIAL / "meta.safetensors")

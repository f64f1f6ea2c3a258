"""Fisher information of two small networks, and the penalties of elastic weight consolidation.

The Fisher information is a plain loop over items and classes with autograd: slow, and hard to get wrong.

    exact      F = mean_x Σ_c p(c|x) (∂ log p(c|x) / ∂θ)²     over the model's own predictive distribution
    empirical  F = mean_x (∂ log p(y|x) / ∂θ)²                 with the true label y
    sampled    the same with the stored labels `sampled`, drawn from p(·|x)
    active     exact, with the softmax over the classes `active` only
    batched    WRONG: mean over batches of 4 of the squared batch gradient; much too small. A test keeps us off it.
"""

import torch
import torch.nn.functional as F
from torch import nn

from common import PERENNIAL, Golden, deterministic

ACTIVE = [0, 2, 3]


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.output = nn.Linear(6, 8), nn.Linear(8, 5)

    def forward(self, x):
        return self.output(F.relu(self.hidden(x)))


class Convnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 3, stride=1, padding=1), nn.Conv2d(3, 4, 3, stride=2)
        self.output = nn.Linear(4, 5)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.output(x.mean(dim=(2, 3)))  # global average pooling


def squared_gradients(model, log_likelihood):
    gradients = torch.autograd.grad(log_likelihood, list(model.parameters()), retain_graph=True)
    return [gradient.square() for gradient in gradients]


def fisher(model, inputs, weights_of_item, active=None):
    """Mean over items of Σ_c weight(c) (∂ log p(c|x))²; `weights_of_item(index, p)` gives the weight of each class."""
    total = [torch.zeros_like(parameter) for parameter in model.parameters()]
    for index in range(len(inputs)):
        logits = model(inputs[index:index + 1])[0]
        log_p = (logits if active is None else logits[active]).log_softmax(dim=0)
        weights = weights_of_item(index, log_p.detach().exp())
        for position in range(len(log_p)):
            if weights[position] == 0:
                continue
            for sum, square in zip(total, squared_gradients(model, log_p[position])):
                sum += weights[position] * square
    return [sum / len(inputs) for sum in total]


def exact(model, inputs, active=None):
    return fisher(model, inputs, lambda _, p: p, active)


def of_labels(model, inputs, labels):
    return fisher(model, inputs, lambda index, p: F.one_hot(labels[index], len(p)).float())


def batched(model, inputs, labels, batch):
    total = [torch.zeros_like(parameter) for parameter in model.parameters()]
    starts = range(0, len(inputs), batch)
    for start in starts:
        loss = F.cross_entropy(model(inputs[start:start + batch]), labels[start:start + batch])
        for sum, square in zip(total, squared_gradients(model, loss)):
            sum += square
    return [sum / len(starts) for sum in total]


def by_name(model, tensors):
    return dict(zip((name for name, _ in model.named_parameters()), tensors))


def main() -> None:
    deterministic(6)
    golden = Golden("ewc.py")
    for name, model, inputs, structure in (
        ("mlp", MLP(), torch.randn(12, 6), "hidden = Linear(6, 8), ReLU, output = Linear(8, 5)"),
        ("convnet", Convnet(), torch.randn(12, 1, 7, 7),
         "conv1 = Conv2d(1, 3, 3, padding 1), ReLU, conv2 = Conv2d(3, 4, 3, stride 2), ReLU, mean over pixels, "
         "output = Linear(4, 5)"),
    ):
        model.eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= 2  # a distribution away from uniform
            logits = model(inputs)
            labels = torch.randint(0, 5, (12,))
            sampled = torch.multinomial(logits.softmax(dim=1), 1)[:, 0]
        golden.add(name, structure, dict(model.named_parameters()))
        golden.case(name, None, inputs=inputs, labels=labels, sampled=sampled, logits=logits,
                    active=torch.tensor(ACTIVE))
        for kind, expression, value in (
            ("exact", "mean_x Σ_c p(c|x) (∂ log p(c|x))²", exact(model, inputs)),
            ("empirical", "mean_x (∂ log p(label|x))²", of_labels(model, inputs, labels)),
            ("sampled", "mean_x (∂ log p(sampled|x))²", of_labels(model, inputs, sampled)),
            ("active", f"exact, softmax over the classes {ACTIVE}", exact(model, inputs, ACTIVE)),
            ("batched", "WRONG on purpose: squared gradients of batches of 4", batched(model, inputs, labels, 4)),
        ):
            golden.add(f"{name}.fisher_{kind}", expression, by_name(model, value))

    penalties(golden)
    golden.write(PERENNIAL / "ewc.safetensors")


def penalties(golden) -> None:
    """Two anchors with their exact Fisher information, and the penalties at a third point."""
    strength, decay = 3.0, 0.9
    anchors = []
    for _ in range(2):
        model = MLP()
        inputs = torch.randn(10, 6)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= 2
        anchors.append((by_name(model, exact(model, inputs)), {k: v.detach() for k, v in model.named_parameters()}))
    point = {name: value.detach() for name, value in MLP().named_parameters()}

    golden.case("penalty", "λ of every penalty, γ of the online one; θ is the point of evaluation",
                **{"lambda": strength, "gamma": decay})
    golden.add("penalty.theta", "θ", point)
    for index, (importance, anchor) in enumerate(anchors, 1):
        golden.add(f"penalty.fisher{index}", f"F{index}", importance)
        golden.add(f"penalty.anchor{index}", f"θ{index}", anchor)

    def penalty(name, expression, terms):
        leaves = {key: value.clone().requires_grad_() for key, value in point.items()}
        value = sum(
            0.5 * strength * (importance[key] * (leaves[key] - anchor[key]).square()).sum()
            for importance, anchor in terms for key in leaves)
        value.backward()
        golden.add(f"penalty.{name}", expression,
                   {"value": value} | {f"gradient.{key}": leaf.grad for key, leaf in leaves.items()})
        return value.item()

    (first, _), (second, last) = anchors
    separate = penalty("separate", "½ λ Σ_t Σ_i F_t (θ − θ_t)²; the folded form must give the same", anchors)
    single = penalty("first", "½ λ Σ_i F1 (θ − θ1)²", anchors[:1])
    online = penalty("online", "½ λ Σ_i (γ F1 + F2) (θ − θ2)²",
                     [({key: decay * first[key] + second[key] for key in first}, last)])
    assert separate > single > 0 and online > 0

    # The folded form, checked here: ½ λ (ΣF θ² − 2 ΣFθ* θ + ΣFθ*²).
    folded = sum(
        0.5 * strength * (
            sum(f[key] for f, _ in anchors) * point[key].square()
            - 2 * sum(f[key] * a[key] for f, a in anchors) * point[key]
            + sum(f[key] * a[key].square() for f, a in anchors)).sum().item()
        for key in point)
    assert abs(folded - separate) < 1e-4 * separate

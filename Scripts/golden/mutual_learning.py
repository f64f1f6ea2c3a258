"""Deep mutual learning: three perceptrons learn two experiences of two classes together, heads growing from 2 to 4 rows.

Every loss is CE_k + w / 2 · Σ_{l≠k} T² KL(p_l ‖ p_k) over the classes seen so far, p_l outside the graph, at T = 2 and
w = 0.5; all three take an SGD step (rate 0.1, momentum 0.9) from the same answers. 6 steps of 8 items an experience, in
order. The first network (8-16) is the model, the second has its architecture, the third is 8-12.
"""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic

HIDDEN, STEPS, BATCH, T, WEIGHT, RATE, MOMENTUM = [16, 16, 12], 6, 8, 2.0, 0.5, 0.1, 0.9


def main() -> None:
    deterministic(41)
    golden = Golden("mutual_learning.py")
    networks, velocities = [], []
    for index, hidden in enumerate(HIDDEN):
        network = {
            "hidden.weight": torch.randn(hidden, 8) * 0.4, "hidden.bias": torch.randn(hidden) * 0.1,
            "head.weight": torch.randn(4, hidden) * 0.4, "head.bias": torch.randn(4) * 0.1,
        }
        golden.add(f"initial{index}", None, network)
        networks.append({name: value.clone().requires_grad_() for name, value in network.items()})
        velocities.append({name: torch.zeros_like(value) for name, value in network.items()})
    centres = torch.randn(4, 8) * 1.5
    losses = []
    for experience in range(2):
        labels = torch.randint(2, (STEPS * BATCH,)) + 2 * experience
        inputs = centres[labels] + 0.7 * torch.randn(STEPS * BATCH, 8)
        golden.case(f"experience{experience}", None, inputs=inputs, labels=labels)
        seen = 2 * experience + 2
        for step in range(STEPS):
            x, y = (part[step * BATCH:(step + 1) * BATCH] for part in (inputs, labels))
            logits = [
                F.linear(F.relu(F.linear(x, n["hidden.weight"], n["hidden.bias"])), n["head.weight"][:seen],
                         n["head.bias"][:seen]) for n in networks
            ]
            total = 0
            for k, own in enumerate(logits):
                total = total + F.cross_entropy(own, y)
                for other, answer in enumerate(logits):
                    if other != k:
                        p = (answer.detach() / T).softmax(1)
                        divergence = (p * (p.log() - (own / T).log_softmax(1))).sum(1).mean()
                        total = total + WEIGHT / 2 * T * T * divergence
            losses.append(total.item())
            for network, velocity in zip(networks, velocities):
                names = list(network)
                for name, gradient in zip(names, torch.autograd.grad(total, list(network.values()), retain_graph=True)):
                    velocity[name] = MOMENTUM * velocity[name] + gradient
                    with torch.no_grad():
                        network[name] -= RATE * velocity[name]
        for index, network in enumerate(networks):
            golden.add(f"after{experience}.{index}", "parameters after the experience", {
                name: value[:seen] if name.startswith("head") else value for name, value in network.items()})
    golden.case("run", "the sum of the three losses of each step", losses=torch.tensor(losses))
    golden.write(PERENNIAL / "mutual_learning.safetensors")

"""Whole trajectories: an MLP 8-16-6 learns three experiences of two classes with a growing head.

Every experience holds 80 items; its 10 steps take them in order, 8 at a time. After e experiences the head has 2 e
rows; `initial/head.weight` has all 6, and a growing head takes its next rows from there. Every loss is the mean
cross-entropy over the classes seen so far, plus the term of the strategy:

    finetune     nothing
    ewc          ½ λ Σ_t Σ_i F_t (θ − θ_t)², separate anchors; λ = 10, as 50 diverges at SGD's rate; F_t is the exact
                 Fisher information of the 80 items over the classes seen at that time, after the experience; rows added
                 later have F_t = 0
    lwf          T² mean KL(teacher ‖ student), T = 2, over the classes seen before; the teacher is the model at the
                 beginning of the experience; weight 1; from the second experience on
    l2           ½ λ Σ_i θ², λ = 0.01, over all parameters that exist
    l1           λ Σ_i |θ|, λ = 0.001
    l2_previous  ½ λ Σ_i (θ − θ*)², λ = 1, θ* the parameters after the previous experience, of those that existed then

The head is kept whole here, and the rows that do not exist yet get no gradient: SGD leaves them alone, and Adam, whose
moments stay zero, does too. That equals a head that grows, new rows with zero moments, one step count for all.
"""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic

EXPERIENCES, STEPS, BATCH, PER = 3, 10, 8, 2
NAMES = ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]


def forward(parameters, x, seen):
    hidden = F.relu(x @ parameters["hidden.weight"].T + parameters["hidden.bias"])
    return hidden @ parameters["head.weight"][:seen].T + parameters["head.bias"][:seen]


def exact_fisher(parameters, x, seen):
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}
    leaves = [parameters[name] for name in NAMES]
    for item in x:
        log_p = forward(parameters, item[None], seen)[0].log_softmax(0)
        for c in range(seen):
            for name, gradient in zip(NAMES, torch.autograd.grad(log_p[c], leaves, retain_graph=True)):
                total[name] += log_p[c].detach().exp() * gradient.square()
    return {name: value / len(x) for name, value in total.items()}


def existing(name, value, seen):
    """The part of a parameter that a growing head has: the first rows."""
    return value[:seen] if name.startswith("head") else value


def term(strategy, parameters, x, logits, seen, previous, memory):
    """`previous` holds the parameters at the beginning of the experience, `memory` (Fisher, anchor, rows)."""
    old = seen - PER
    if strategy == "ewc":
        return sum(
            (0.5 * 10 * (importance[name] * (parameters[name] - anchor[name]).square()).sum()
             for importance, anchor in memory for name in NAMES), torch.zeros(()))
    if strategy == "lwf" and old > 0:
        with torch.no_grad():
            log_t = (forward(previous, x, old) / 2).log_softmax(1)
        log_s = (logits[:, :old] / 2).log_softmax(1)
        return 4 * (log_t.exp() * (log_t - log_s)).sum(1).mean()
    if strategy == "l2":
        return sum(0.5 * 0.01 * existing(name, parameters[name], seen).square().sum() for name in NAMES)
    if strategy == "l1":
        return sum(0.001 * existing(name, parameters[name], seen).abs().sum() for name in NAMES)
    if strategy == "l2_previous" and old > 0:
        return sum(
            0.5 * (existing(name, parameters[name], old) - existing(name, previous[name], old)).square().sum()
            for name in NAMES)
    return torch.zeros(())


def stream(golden):
    """The experiences and the first weights, drawn and written."""
    centres = torch.randn(EXPERIENCES * PER, 8) * 1.5
    inputs, labels = [], []
    for experience in range(EXPERIENCES):
        y = torch.randint(PER, (STEPS * BATCH,)) + experience * PER
        labels.append(y)
        inputs.append(centres[y] + torch.randn(len(y), 8))
        golden.case(f"experience{experience + 1}", "80 items: step k takes rows 8 k ..< 8 k + 8",
                    inputs=inputs[-1], labels=labels[-1])
    initial = {"hidden.weight": torch.empty(16, 8).uniform_(-1, 1) / 8**0.5,
               "hidden.bias": torch.empty(16).uniform_(-1, 1) / 8**0.5,
               "head.weight": torch.empty(6, 16).uniform_(-1, 1) / 4, "head.bias": torch.empty(6).uniform_(-1, 1) / 4}
    golden.add("initial", "hidden = Linear(8, 16), ReLU, head = Linear(16, 6)", initial)
    return inputs, labels, initial


def main() -> None:
    deterministic(9)
    golden = Golden("training.py")
    inputs, labels, initial = stream(golden)

    for optimizer_name, make in (
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.1)), ("adam", lambda p: torch.optim.Adam(p, lr=1e-3)),
    ):
        for strategy in ("finetune", "ewc", "lwf", "l2", "l1", "l2_previous"):
            run = f"{optimizer_name}.{strategy}"
            parameters = {name: value.clone().requires_grad_() for name, value in initial.items()}
            optimizer, memory, losses = make(list(parameters.values())), [], []
            for experience in range(EXPERIENCES):
                seen = (experience + 1) * PER
                previous = {name: value.detach().clone() for name, value in parameters.items()}
                for step in range(STEPS):
                    rows = slice(step * BATCH, (step + 1) * BATCH)
                    x, y = inputs[experience][rows], labels[experience][rows]
                    logits = forward(parameters, x, seen)
                    loss = F.cross_entropy(logits, y) + term(strategy, parameters, x, logits, seen, previous, memory)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    losses.append(loss.detach())
                golden.add(f"{run}.after{experience + 1}", None, {
                    name: existing(name, value, seen) for name, value in parameters.items()})
                if strategy == "ewc":
                    importance = exact_fisher(parameters, inputs[experience], seen)
                    memory.append((importance, {name: value.detach().clone() for name, value in parameters.items()}))
                    golden.add(f"{run}.fisher{experience + 1}", None, {
                        name: existing(name, value, seen) for name, value in importance.items()})
            golden.case(run, "total loss of every step, before the step", losses=torch.stack(losses))
    golden.write(PERENNIAL / "training.safetensors")

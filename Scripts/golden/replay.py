"""Trajectories of methods that rehearse, on the items and the initial weights of training.safetensors: an MLP 8-16-6 learns
three experiences of two classes with a growing head, SGD 0.1, ten steps of eight items each.

Nothing is left to chance: the memory keeps everything, and every draw is of all there is. K is the number of rows that the
head has by now; CE is over those K units unless said otherwise.

    der       CE(fresh) + 0.3 mean over remembered items and their stored units of (h(x) − z)²; z are the outputs of the step
              that stored the item, before its update, over the units of that time
    der++     the same with 0.2, + 0.5 CE(remembered)
    er-ace    CE(fresh) over the classes of the fresh batch + CE(remembered) over all K units; a sum, no mean
    a-gem     g − (g·r / r·r) r where g·r < 0; r over all items of earlier experiences
    gem       g + Gᵀ v, v = argmin ½ vᵀ(GGᵀ + 0.001 I)v + (Gg)ᵀv over v ≥ ½ where some g·g_t < 0; all active sets are tried
    mir       CE(fresh) + CE of the eight remembered items whose loss a step on the fresh items raises most; `chosen` are
              their numbers in the order of arrival, sorted, a row a step from the third on (fewer than nine are kept before)

Everything is computed in double precision.
"""

import itertools
import json
import struct

import numpy
import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic

EXPERIENCES, STEPS, BATCH, PER, RATE = 3, 10, 8, 2, 0.1
NAMES = ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]


def read(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    kinds = {"F32": numpy.float32, "I64": numpy.int64}
    result = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        array = numpy.frombuffer(raw[8 + size + start:8 + size + end], kinds[entry["dtype"]])
        result[name] = torch.from_numpy(array.reshape(entry["shape"]).copy())
    return result


def forward(p, x, seen):
    hidden = F.relu(x @ p["hidden.weight"].T + p["hidden.bias"])
    return hidden @ p["head.weight"][:seen].T + p["head.bias"][:seen]


def gradient(p, loss):
    return [g.clone() for g in torch.autograd.grad(loss, [p[name] for name in NAMES])]


def inner(a, b):
    return sum((x * y).sum() for x, y in zip(a, b))


def quadratic(gram, linear, margin, epsilon):
    """Tries every set of constraints that hold with equality and keeps the best feasible point."""
    n = len(linear)
    matrix = gram + epsilon * torch.eye(n, dtype=gram.dtype)
    best = None
    for active in itertools.product([False, True], repeat=n):
        free = [i for i in range(n) if not active[i]]
        v = torch.full((n,), margin, dtype=gram.dtype)
        if free:
            fixed = [i for i in range(n) if active[i]]
            right = -linear[free] - (matrix[free][:, fixed] @ v[fixed] if fixed else 0)
            v[free] = torch.linalg.solve(matrix[free][:, free], right)
        if (v >= margin - 1e-12).all():
            value = 0.5 * v @ matrix @ v + linear @ v
            if best is None or value < best[0]:
                best = (value, v)
    return best[1]


def run(method, data, golden):
    p = {name: data[f"initial/{name}"].double().requires_grad_() for name in NAMES}
    memory, losses, chosen = [], [], []  # memory: (x, y, z, experience)
    for experience in range(EXPERIENCES):
        seen = (experience + 1) * PER
        inputs = data[f"experience{experience + 1}/inputs"].double()
        labels = data[f"experience{experience + 1}/labels"]
        for step in range(STEPS):
            rows = slice(step * BATCH, (step + 1) * BATCH)
            x, y = inputs[rows], labels[rows]
            logits = forward(p, x, seen)
            loss = F.cross_entropy(logits, y)
            if memory and method in ("der", "der++", "er-ace", "mir"):
                mx, my = torch.stack([m[0] for m in memory]), torch.stack([m[1] for m in memory])
                old = forward(p, mx, seen)
                if method in ("der", "der++"):
                    pairs = [(old[i, :len(m[2])], m[2]) for i, m in enumerate(memory)]
                    error = torch.cat([(h - z).square() for h, z in pairs]).mean()
                    loss = loss + (0.3 if method == "der" else 0.2) * error
                if method == "der++":
                    loss = loss + 0.5 * F.cross_entropy(old, my)
                if method == "er-ace":
                    loss = F.cross_entropy(old, my)
                if method == "mir":
                    pick = torch.arange(len(memory))
                    if len(memory) > BATCH:
                        moved = {name: (p[name] - RATE * g).detach() for name, g in zip(NAMES, gradient(p, loss))}
                        with torch.no_grad():
                            rise = F.cross_entropy(forward(moved, mx, seen), my, reduction="none") \
                                - F.cross_entropy(forward(p, mx, seen), my, reduction="none")
                        pick = rise.argsort(descending=True)[:BATCH]
                        chosen.append(pick.sort().values)
                    loss = F.cross_entropy(forward(p, x, seen), y) + F.cross_entropy(forward(p, mx[pick], seen), my[pick])
            if method == "er-ace":
                present = torch.zeros(seen, dtype=torch.bool)
                present[y] = True
                fresh = F.cross_entropy(forward(p, x, seen).masked_fill(~present, -torch.inf), y)
                loss = fresh + loss if memory else fresh
            g = gradient(p, loss)
            earlier = [m for m in memory if m[3] < experience]
            if earlier and method == "a-gem":
                r = gradient(p, F.cross_entropy(forward(p, torch.stack([m[0] for m in earlier]), seen),
                                                torch.stack([m[1] for m in earlier])))
                product = inner(g, r)
                if product < 0:
                    g = [a - product / inner(r, r) * b for a, b in zip(g, r)]
            if earlier and method == "gem":
                rows = []
                for past in range(experience):
                    own = [m for m in earlier if m[3] == past]
                    rows.append(gradient(p, F.cross_entropy(
                        forward(p, torch.stack([m[0] for m in own]), seen), torch.stack([m[1] for m in own]))))
                linear = torch.stack([inner(g, row) for row in rows])
                if (linear < 0).any():
                    gram = torch.stack([torch.stack([inner(a, b) for b in rows]) for a in rows])
                    for weight, row in zip(quadratic(gram, linear, 0.5, 1e-3), rows):
                        g = [a + weight * b for a, b in zip(g, row)]
            with torch.no_grad():
                for name, change in zip(NAMES, g):
                    p[name] -= RATE * change
            losses.append(loss.detach())
            memory += [(x[i], y[i], logits[i].detach(), experience) for i in range(BATCH)]
        golden.add(f"{method}.after{experience + 1}", None, {
            name: value[:seen] if name.startswith("head") else value for name, value in p.items()})
    golden.case(method, "total loss of every step, before the step", losses=torch.stack(losses))
    if chosen:
        golden.case("mir.chosen", "a row a step", rows=torch.stack(chosen))


def main() -> None:
    deterministic(11)
    data = read(PERENNIAL / "training.safetensors")
    golden = Golden("replay.py")
    for method in ("der", "der++", "er-ace", "a-gem", "gem", "mir"):
        run(method, data, golden)
    golden.write(PERENNIAL / "replay.safetensors")

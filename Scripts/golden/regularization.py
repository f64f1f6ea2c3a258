"""Importances of other methods than EWC, and whole trajectories with them.

Protocol of the trajectories: as in training.py, an MLP 8-16-6 learns three experiences of two classes with a growing
head, 10 steps of 8 items each. The loss is the mean cross-entropy over the classes seen so far; penalties are plain
differentiable terms here, around θ*, the parameters after the previous experience:

    si        c Σ Ω (θ − θ*)², c = 20; ω −= g Δθ with g of the cross-entropy alone, a backward pass of its own;
              Ω = max(0, Ω + ω / ((θ − θ_start)² + 0.1))
    si_total  WRONG on purpose: g of cross-entropy and penalty
    mas       λ Σ Ω (θ − θ*)², λ = 0.2; Ω += mean_x |∂ Σ f² / ∂θ|, item by item over the classes seen
    mas_average  the same with Ω = 0.3 Ω + 0.7 mean_x …
    rwalk     λ Σ (F / max F + s / max s) (θ − θ*)², λ = 2; every 4 steps and after the last, after the step:
              F = 0.9 mean_x∈batch (∂ log p(y|x))² + 0.1 F (the first time F is the mean itself);
              s_own += max(0, ω / (½ F Δθ² + 0.001)), ω and Δθ since the last time; s = s_own, then (s + s_own) / 2
    kfac      ½ λ Σ_t tr(ΔᵀG_t Δ A_t), Δ = [W | b] − [W* | b*] of the rows of time t, λ = 5; earlier G times 0.9
    kfac_nearest  the same with the sum replaced by its nearest Kronecker product, by SVD of the rearranged matrix
    lfl       0.5 · mean_x ½ ‖h(x) − h_old(x)‖², h the hidden layer; rows of the head that were there stay
    wise      nothing; after experiences 2 and 3 what existed before is 0.7 θ_before + 0.3 θ
    ema       nothing; `average` is d average + (1 − d) θ after every step t = 0, 1, …, d = min(0.9, (1 + t) / (10 + t)),
              from the parameters before the first step

The factors of `convnet` are those of ewc.safetensors: A = mean_x Σ_t ā āᵀ over patches t with a 1 appended, G = mean_x
Σ_c p_c (1/T) Σ_t δ δᵀ, δ the gradient of log p_c at position t.
"""

import json
import struct

import numpy
import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic
from ewc import Convnet
from training import BATCH, EXPERIENCES, NAMES, PER, STEPS, existing, forward, stream


def hidden(p, x):
    return F.relu(x @ p["hidden.weight"].T + p["hidden.bias"])


def gradient_of(loss, p):
    found = torch.autograd.grad(loss, [p[n] for n in NAMES], retain_graph=True, allow_unused=True)
    return {n: torch.zeros_like(p[n]) if g is None else g for n, g in zip(NAMES, found)}


def values(p):
    return {n: v.detach().clone() for n, v in p.items()}


def zeros(p):
    return {n: torch.zeros_like(v) for n, v in p.items()}


def per_item(p, x, loss_of_item, magnitude):
    total = zeros(p)
    for i in range(len(x)):
        for n, g in gradient_of(loss_of_item(i), p).items():
            total[n] += magnitude(g) / len(x)
    return total


def nearest_kronecker(pairs):
    """The best A ⊗ G for Σ A_t ⊗ G_t: rank one of the matrix whose rows are vec A and columns vec G."""
    rearranged = sum(a.double().reshape(-1, 1) @ g.double().reshape(1, -1) for a, g in pairs)
    u, s, v = torch.linalg.svd(rearranged, full_matrices=False)
    a, g = u[:, 0].reshape(pairs[0][0].shape), s[0] * v[0].reshape(pairs[0][1].shape)
    sign = 1 if a.trace() > 0 else -1
    return (sign * a).float(), (sign * g).float()


def pad(g, size):
    return F.pad(g, (0, size - len(g), 0, size - len(g)))


def kronecker_factors(p, x, seen):
    """[(A, G)] of the hidden layer and the head."""
    one = torch.ones(len(x), 1)
    h = hidden(p, x).detach()
    inputs = [torch.cat([x, one], 1), torch.cat([h, one], 1)]
    result = []
    for layer in range(2):
        total = 0
        for item in x:
            z = (item @ p["hidden.weight"].T + p["hidden.bias"]).detach().requires_grad_()
            o = (F.relu(z) @ p["head.weight"][:seen].T + p["head.bias"][:seen])
            log_p = o.log_softmax(0)
            for c in range(seen):
                delta = torch.autograd.grad(log_p[c], [z, o][layer], retain_graph=True)[0]
                total = total + log_p[c].detach().exp() * torch.outer(delta, delta) / len(x)
        result.append((inputs[layer].T @ inputs[layer] / len(x), total.detach()))
    return result


class Method:
    def __init__(self, kind):
        self.kind, self.anchor, self.importance, self.factors = kind, None, None, [[], []]
        self.fisher, self.score, self.t = None, None, 0

    def begin(self, p):
        self.start, self.omega, self.path, self.own = values(p), zeros(p), zeros(p), zeros(p)
        if self.t == 0:
            self.average = values(p)

    def penalty(self, p, x, experience):
        if self.kind == "lfl" and experience > 0:
            return 0.5 * 0.5 * (hidden(p, x) - hidden(self.start, x)).square().sum(1).mean()
        if self.importance is not None:
            c = {"si": 20, "si_total": 20, "mas": 0.2, "mas_average": 0.2, "rwalk": 2}[self.kind]
            return c * sum((self.importance[n] * (p[n] - self.anchor[n]).square()).sum() for n in NAMES)
        result = torch.zeros(())
        for layer, pairs in zip(("hidden", "head"), self.factors):
            for a, g in pairs:
                w, b = p[f"{layer}.weight"][:len(g)], p[f"{layer}.bias"][:len(g)]
                w0, b0 = self.anchor[f"{layer}.weight"][:len(g)], self.anchor[f"{layer}.bias"][:len(g)]
                delta = torch.cat([w - w0, (b - b0)[:, None]], 1)
                result = result + 0.5 * 5 * torch.trace(delta.T @ g @ delta @ a)
        return result

    def step(self, p, optimizer, x, y, seen, experience, last):
        ce = F.cross_entropy(forward(p, x, seen), y)
        total = ce + self.penalty(p, x, experience)
        own = gradient_of(total if self.kind == "si_total" else ce, p)
        before = values(p)
        optimizer.zero_grad()
        total.backward()
        old = seen - PER
        if self.kind == "lfl" and experience > 0:
            for n in ("head.weight", "head.bias"):
                p[n].grad[:old] = 0
        optimizer.step()
        with torch.no_grad():
            if self.kind == "lfl" and experience > 0:
                for n in ("head.weight", "head.bias"):
                    p[n][:old] = before[n][:old]
            decay = min(0.9, (1 + self.t) / (10 + self.t))
            self.average = {n: decay * self.average[n] + (1 - decay) * p[n] for n in NAMES}
            for n in NAMES:
                self.omega[n] -= own[n] * (p[n] - before[n])
                self.path[n] -= own[n] * (p[n] - before[n])
        self.t += 1
        if self.kind == "rwalk" and ((last + 1) % 4 == 0 or last + 1 == STEPS):
            fresh = per_item(p, x, lambda i: forward(p, x[i:i + 1], seen).log_softmax(1)[0, y[i]], torch.square)
            self.fisher = fresh if self.fisher is None else {
                n: 0.9 * fresh[n] + 0.1 * self.fisher[n] for n in NAMES}
            for n in NAMES:
                way = p[n].detach() - self.start[n]
                self.own[n] += (self.path[n] / (0.5 * self.fisher[n] * way.square() + 0.001)).clamp(min=0)
            self.start, self.path = values(p), zeros(p)

    def end(self, p, x, seen, experience):
        if self.kind == "wise":
            with torch.no_grad():
                old = seen - PER
                for n in NAMES if experience > 0 else []:
                    part = existing(n, p[n], old)
                    part.copy_(0.7 * existing(n, self.start[n], old) + 0.3 * part)
        if self.kind in ("si", "si_total"):
            before = self.importance or zeros(p)
            self.importance = {
                n: (before[n] + self.omega[n] / ((p[n].detach() - self.start[n]).square() + 0.1)).clamp(min=0)
                for n in NAMES}
        if self.kind.startswith("mas"):
            fresh = per_item(p, x, lambda i: forward(p, x[i:i + 1], seen).square().sum(), torch.abs)
            before = self.importance
            if self.kind == "mas":
                self.importance = {n: (0 if before is None else before[n]) + fresh[n] for n in NAMES}
            else:
                self.importance = fresh if before is None else {
                    n: 0.3 * before[n] + 0.7 * fresh[n] for n in NAMES}
        if self.kind == "rwalk":
            self.score = self.own if self.score is None else {
                n: (self.score[n] + self.own[n]) / 2 for n in NAMES}
            largest = lambda all: max(v.max() for v in all.values())
            self.importance = {
                n: self.fisher[n] / largest(self.fisher) + self.score[n] / largest(self.score) for n in NAMES}
        if self.kind.startswith("kfac"):
            for pairs, (a, g) in zip(self.factors, kronecker_factors(p, x, seen)):
                earlier = [(a_, 0.9 * g_) for a_, g_ in pairs]
                if self.kind == "kfac":
                    pairs[:] = earlier + [(a, g)]
                else:
                    pairs[:] = [nearest_kronecker([(a_, pad(g_, len(g))) for a_, g_ in earlier] + [(a, g)])]
        self.anchor = values(p)


def trajectories(golden):
    inputs, labels, initial = stream(golden)
    kinds = ("finetune", "si", "si_total", "mas", "mas_average", "rwalk", "kfac", "kfac_nearest", "lfl", "wise", "ema")
    for optimizer_name, make in (
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.05)), ("adam", lambda p: torch.optim.Adam(p, lr=1e-2)),
    ):
        ends = {}
        for kind in kinds:
            p = {name: value.clone().requires_grad_() for name, value in initial.items()}
            optimizer, method = make(list(p.values())), Method(kind)
            for experience in range(EXPERIENCES):
                seen = (experience + 1) * PER
                method.begin(p)
                for step in range(STEPS):
                    rows = slice(step * BATCH, (step + 1) * BATCH)
                    method.step(p, optimizer, inputs[experience][rows], labels[experience][rows], seen, experience,
                                step)
                method.end(p, inputs[experience], seen, experience)
                run = f"{optimizer_name}.{kind}"
                golden.add(f"{run}.after{experience + 1}", None, {
                    n: existing(n, value, seen) for n, value in p.items()})
                if method.importance is not None:
                    golden.add(f"{run}.importance{experience + 1}", None, {
                        n: existing(n, value, seen) for n, value in method.importance.items()})
                if kind == "ema":
                    golden.add(f"{run}.average{experience + 1}", None, {
                        n: existing(n, value, seen) for n, value in method.average.items()})
            ends[kind] = values(p)
        for kind in kinds[1:-1]:
            moved = max((ends[kind][n] - ends["finetune"][n]).abs().max().item() for n in NAMES)
            print(f"{optimizer_name} {kind}: {moved:.4f} away from fine-tuning")
            assert 1e-3 < moved < 10
        wrong = max((ends["si"][n] - ends["si_total"][n]).abs().max().item() for n in NAMES)
        print(f"{optimizer_name} si with the total gradient: {wrong:.4f} away")
        assert wrong > 2e-4


def stored(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    types = {"F32": numpy.float32, "I64": numpy.int64}
    return {
        name: torch.tensor(numpy.frombuffer(body[slice(*e["data_offsets"])], types[e["dtype"]]).reshape(e["shape"]))
        for name, e in header.items() if name != "__metadata__"}


def convnet(golden):
    tensors = stored(PERENNIAL / "ewc.safetensors")
    model = Convnet()
    model.load_state_dict({n: tensors[f"convnet/{n}"] for n, _ in model.named_parameters()})
    x = tensors["convnet/inputs"]
    names = [n for n, _ in model.named_parameters()]

    mas = {n: 0 for n in names}
    batched = torch.autograd.grad(model(x).square().sum(1).mean(), list(model.parameters()))
    for item in x:
        found = torch.autograd.grad(model(item[None]).square().sum(), list(model.parameters()))
        mas = {n: mas[n] + g.abs() / len(x) for n, g in zip(names, found)}
    golden.add("convnet.mas", "mean_x |∂ ‖f(x)‖² / ∂θ|", mas)
    golden.add("convnet.mas_batched", "WRONG on purpose: |∂ mean_x ‖f(x)‖² / ∂θ|",
               {n: g.abs() for n, g in zip(names, batched)})

    factors = {n: [0, 0] for n in ("conv1", "conv2", "output")}
    for item in x:
        z1 = model.conv1(item[None])
        z2 = model.conv2(F.relu(z1))
        h = F.relu(z2).mean(dim=(2, 3))
        log_p = model.output(h)
        o, log_p = log_p, log_p[0].log_softmax(0)
        patches = {
            "conv1": F.unfold(item[None], 3, padding=1)[0].T, "conv2": F.unfold(F.relu(z1), 3, stride=2)[0].T,
            "output": h}
        for n, a in patches.items():
            a = torch.cat([a, torch.ones(len(a), 1)], 1).detach()
            factors[n][0] = factors[n][0] + a.T @ a / len(x)
        for c in range(5):
            for n, delta in zip(factors, torch.autograd.grad(log_p[c], [z1, z2, o], retain_graph=True)):
                d = delta[0].reshape(delta.shape[1], -1).T
                factors[n][1] = factors[n][1] + log_p[c].detach().exp() * d.T @ d / len(d) / len(x)
    golden.add("convnet.kfac", "A and G of every layer",
               {f"{n}.{k}": f for n, pair in factors.items() for k, f in zip(("inputs", "outputs"), pair)})


def main() -> None:
    deterministic(12)
    golden = Golden("regularization.py")
    trajectories(golden)
    convnet(golden)
    golden.write(PERENNIAL / "regularization.safetensors")

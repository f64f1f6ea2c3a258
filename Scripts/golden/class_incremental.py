"""Class-incremental learning by distillation, written from the papers: losses with their gradients, and trajectories.

The trajectories take the items and initial weights of training.safetensors: an MLP 8-16-6 learns three experiences of two
classes with a growing head, SGD 0.1, ten steps each of all items at once, so that no order matters. The memory keeps
everything: from the second experience on the training set is everything seen so far, and every mean is over all of it. n is the
number of old classes, K that of all; the past self is the model as the experience began.

    lwf-mc    mean over items and K units of the binary cross-entropy, targets σ(z of the past self) for old units, else labels;
              no memory
    icarl     the same with the memory; `nearest` are −‖φ̂ − μ_c‖² of all items of experience 1 at the end
    softmax   CE + mean KL(past ‖ now) over old units, T = 2, no T²: iCaRL as PyCIL has it
    eeil      CE + the sum over earlier experiences of mean KL over their two units; then five steps of SGD 0.05, momentum 0.9,
              weight decay 1e-4, the rate falling to a tenth after half of them, with the units of this experience held too, at
              the outputs before these steps
    wa        (1 − n/K) CE + n/K mean KL over old units; then the new rows of the head times mean ‖old rows‖ / mean ‖new rows‖
    lucir     outputs η cos, η = 10 at first; CE + 5 √(n/(K−n)) mean (1 − cos(f, f_past)) + the mean over items of old classes of
              Σ over the two nearest new classes of max(0, ½ − cos_y + cos_k); old rows stay, new rows start at the mean direction
              of their items with the mean length of old rows; SGD 0.01
    podnet    two vectors a class, outputs η Σ softmax(cos) cos, η = 1 at first, vectors as in `proxies`; mean of
              max(0, logsumexp_{i≠y} o_i − o_y + 0.6 η) + √(K/(K−n)) mean (1 − cos(h, h_past)); then four steps of SGD 0.05,
              momentum 0.9 for vectors and η alone
    bic       the loss of wa, but outputs of the past self's newest units are α o + β in it; then α, β of this experience's units
              by the held-out items. Each class is its first item ten times over, of which one is held out from the second
              experience on, so that it does not matter which. `correction` are α, β after experiences 2 and 3
    lwm       on pictures: CE + mean KL over old units + mean Σ |Q/‖Q‖ − Q_past/‖Q_past‖|, maps behind the convolution of
              the past self's most likely old class; no memory; SGD 0.02
    podnet-pictures   podnet on pictures, whose past is held at the maps behind the convolution too, at three times the
              strength; SGD 0.01

On pictures the eight values are a picture of 2×4, and the model is a convolution 3×3 to four channels, ReLU, a linear layer to
12 features and ReLU, with initial weights of its own.

Everything is computed in double precision.
"""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic
from replay import read

EXPERIENCES, STEPS, PER = 3, 10, 2
RATES = {"lucir": 0.01, "podnet-pictures": 0.01, "lwm": 0.02}


def unit(x):
    return x / x.norm(dim=1, keepdim=True)


def unit_or_zero(x):
    """Rows of zeros, which an attention map may be, stay."""
    return x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)


def kl(student, teacher, temperature=2.0):
    s, t = (student / temperature).log_softmax(1), (teacher / temperature).log_softmax(1)
    return (t.exp() * (t - s)).sum(1)


def binary(outputs, labels, past=None):
    """Σ is left to the caller: values [N, K]."""
    targets = F.one_hot(labels, outputs.shape[1]).to(outputs.dtype)
    if past is not None:
        targets = torch.cat([past.sigmoid(), targets[:, past.shape[1]:]], 1)
    p = outputs.sigmoid()
    return -(targets * p.log() + (1 - targets) * (1 - p).log())


def turned(now, past):
    return 1 - (unit(now) * unit(past)).sum(1)


def ranking(cosines, labels, known, hardest=2, margin=0.5):
    old = labels < known
    nearest = cosines[old][:, known:].topk(hardest, dim=1).values
    own = cosines[old].gather(1, labels[old, None])
    return (margin - own + nearest).clamp(min=0).sum(1).mean()


def proxies(features, vectors):
    cosines = torch.einsum("nd,kpd->nkp", unit(features), vectors / vectors.norm(dim=2, keepdim=True))
    return (cosines.softmax(2) * cosines).sum(2)


def neighbourhood(similarity, labels, scale, margin=0.6):
    own = similarity.gather(1, labels[:, None])[:, 0]
    others = ~F.one_hot(labels, similarity.shape[1]).bool()
    rest = similarity[others].reshape(len(labels), -1)
    ratio = (scale * (own - margin)).exp() / (scale * rest).exp().sum(1)
    return (-ratio.log()).clamp(min=0)


def pooled(now, past):
    def p(a):
        return unit(torch.cat([a.square().sum(3).flatten(1), a.square().sum(2).flatten(1)], 1))
    return (p(now) - p(past)).norm(dim=1)


def attention(maps, outputs, units, derivable, mistake=None):
    slopes = torch.autograd.grad(outputs.gather(1, units[:, None]).sum(), maps, create_graph=derivable)[0]
    weights = slopes.mean((2, 3), keepdim=True)
    if mistake == "detached":
        weights, maps = weights.detach(), maps.detach()
    return (weights * (slopes if mistake == "slopes" else maps)).sum(1).relu().flatten(1)


def bias_fit(outputs, labels, first):
    """α, β for units from `first` on, and the objective at them, by L-BFGS."""
    alpha = torch.ones((), dtype=torch.float64, requires_grad=True)
    beta = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([alpha, beta], max_iter=500, tolerance_grad=1e-14, tolerance_change=1e-16,
                                  line_search_fn="strong_wolfe")

    def objective():
        corrected = torch.cat([outputs[:, :first], alpha * outputs[:, first:] + beta], 1)
        return F.cross_entropy(corrected, labels) + 0.05 * beta**2 + 0.0005 * (alpha - 1) ** 2

    def closure():
        optimizer.zero_grad()
        value = objective()
        value.backward()
        return value

    optimizer.step(closure)
    return alpha.detach(), beta.detach(), objective().detach()


def losses(golden):
    def leaf(*shape, scale=1.0):
        return (torch.randn(*shape, dtype=torch.float64) * scale).requires_grad_()

    def case(name, expression, value, inputs, **others):
        parts = torch.autograd.grad(value.sum() if value.dim() == 0 else (value * others["upstream"]).sum(),
                                    list(inputs.values()), retain_graph=True)
        golden.add(name, expression, {"value": value, **inputs, **others} | {
            f"gradient.{key}": gradient for key, gradient in zip(inputs, parts)})

    units, past = torch.tensor([0, 4, 2, 1, 3, 4]), leaf(6, 3, scale=2).detach()
    z = leaf(6, 5, scale=2)
    case("binary", "mean over items and units", binary(z, units, past).mean(), {"outputs": z}, past=past, units=units)
    case("binary_first", "the first experience: labels alone", binary(z, units).mean(), {"outputs": z}, units=units)
    case("lambda", "(1 − 3/5) CE + 3/5 mean KL over the three old units, T = 2: BiC and WA",
         0.4 * F.cross_entropy(z, units) + 0.6 * kl(z[:, :3], past).mean(), {"outputs": z}, past=past, units=units)
    wide = leaf(6, 4, scale=2).detach()
    case("heads", "CE + Σ of mean KL over units 0–1 and over units 2–3, T = 2: EEIL",
         F.cross_entropy(z, units) + kl(z[:, :2], wide[:, :2]).mean() + kl(z[:, 2:4], wide[:, 2:4]).mean(),
         {"outputs": z}, past=wide, units=units)

    # A head behind a squashed map, so that the slopes depend on the map.
    a, w, b = leaf(4, 3, 2, 4), leaf(5, 3), leaf(4, 3, 2, 4)
    old = b.tanh().mean((2, 3)) @ w.detach()[:3].T
    top = old.argmax(1)
    wanted = attention(b, old, top, False).detach()
    outputs = a.tanh().mean((2, 3)) @ w.T
    def distance(**kinds):
        return (unit(attention(a, outputs, top, True, **kinds)) - unit(wanted)).abs().sum(1).mean()
    case("attention", "mean Σ |Q/‖Q‖ − Q_t/‖Q_t‖|; outputs are mean(tanh(map)) @ weight.T, the past self's the first three of "
         "its own map", distance(), {"map": a, "weight": w}, past=b, units=top, rows=wanted)
    slopes = distance(mistake="slopes")
    golden.case("attention_of_slopes", "WRONG on purpose: slopes in place of the map (KD zoo #16)", value=slopes.detach())
    assert abs(slopes - distance()) > 0.05

    features, rows, scale = leaf(6, 7), leaf(5, 7), torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
    before = leaf(6, 7).detach()
    cosines = unit(features) @ unit(rows).T
    case("rebalancing", "CE(η cos) + 5 √(3/2) mean (1 − cos(f, f_old)) + ranking of old items, K = 2, m = ½",
         F.cross_entropy(scale * cosines, units) + 5 * (3 / 2) ** 0.5 * turned(features, before).mean()
         + ranking(cosines, units, 3), {"features": features, "weight": rows, "scale": scale}, past=before, units=units)

    vectors, eta = leaf(5, 3, 7), torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    similarity = proxies(features, vectors)
    case("proxies", "mean of max(0, −log exp(η(ŷ_y − 0.6)) / Σ_{i≠y} exp(η ŷ_i)), three vectors a class",
         neighbourhood(similarity, units, eta).mean(), {"features": features, "weight": vectors, "scale": eta},
         units=units, outputs=eta * similarity)
    first, second = leaf(6, 2, 4, 3), leaf(6, 3, 2, 2)
    first_past, second_past = leaf(6, 2, 4, 3).detach(), leaf(6, 3, 2, 2).detach()
    case("pooled", "√(5/2) (3 · mean over two stages of mean POD-spatial + mean (1 − cos(h, h_old)))",
         (5 / 2) ** 0.5 * (3 * (pooled(first, first_past).mean() + pooled(second, second_past).mean()) / 2
                           + turned(features, before).mean()),
         {"first": first, "second": second, "features": features}, first_past=first_past, second_past=second_past,
         past=before)

    # New units are too loud by a line; the minimum of the fit, by L-BFGS on the objective itself.
    labels = torch.randint(5, (60,))
    told = torch.randn(60, 5, dtype=torch.float64) + 2 * F.one_hot(labels, 5)
    told[:, 3:] = 1.7 * told[:, 3:] + 1.1
    alpha, beta, value = bias_fit(told, labels, 3)
    golden.case("bias", "min over α, β of CE + 0.1 β²/2 + 0.001 (α − 1)²/2, units from 3 on corrected", outputs=told,
                units=labels, alpha=alpha, beta=beta, value=value)

    weight = leaf(5, 7).detach()
    aligned = weight.clone()
    aligned[3:] *= weight[:3].norm(dim=1).mean() / weight[3:].norm(dim=1).mean()
    golden.case("aligned", "rows from 3 on get the mean length of those before", weight=weight, output=aligned)


def maps(p, x):
    return F.relu(F.conv2d(x.reshape(-1, 1, 2, 4), p["conv.weight"], p["conv.bias"], padding=1))


def features(p, x):
    rows = maps(p, x).flatten(1) if "conv.weight" in p else x
    return F.relu(rows @ p["hidden.weight"].T + p["hidden.bias"])


def head(p, h):
    if "head.bias" in p:
        return h @ p["head.weight"].T + p["head.bias"]
    if p["head.weight"].dim() == 3:
        return p["head.scale"] * proxies(h, p["head.weight"])
    return p["head.scale"] * unit(h) @ unit(p["head.weight"]).T


def attended(p, x, units, known, derivable):
    """Attention maps of a picture model, for the classes `units` [N], or its own most likely old ones, which come second."""
    a = maps(p, x)
    a = a if a.requires_grad else a.requires_grad_()
    z = head(p, F.relu(a.flatten(1) @ p["hidden.weight"].T + p["hidden.bias"]))
    units = z[:, :known].argmax(1) if units is None else units
    return attention(a, z, units, derivable), units


def moved(p, gradients, rate, decay=0.0, momentum=None):
    result = {}
    for (name, value), gradient in zip(p.items(), gradients):
        step = gradient + decay * value
        if momentum is not None:
            step = momentum[name] = 0.9 * momentum[name] + step if name in momentum else step
        result[name] = (value - rate * step).detach()
    return result


def objective(method, p, x, y, past, known, new=PER):
    """The loss of a batch; `past` is what the past self made of it."""
    total, h = known + new, features(p, x)
    z = head(p, h)
    if method in ("icarl", "lwf-mc"):
        return binary(z, y, past["z"] if known else None).mean()
    if method in ("podnet", "podnet-pictures"):
        value = neighbourhood(proxies(h, p["head.weight"]), y, p["head.scale"]).mean()
        if known:
            value = value + (total / new) ** 0.5 * turned(h, past["h"]).mean()
        if known and method == "podnet-pictures":
            value = value + 3 * (total / new) ** 0.5 * pooled(maps(p, x), past["maps"]).mean()
        return value
    value = F.cross_entropy(z, y)
    if not known:
        return value
    if method in ("softmax", "lwm"):
        value = value + kl(z[:, :known], past["z"]).mean()
    if method == "lwm":
        rows, _ = attended(p, x, past["units"], known, True)
        value = value + (unit_or_zero(rows) - unit_or_zero(past["rows"])).abs().sum(1).mean()
    if method == "eeil":
        value = value + sum(kl(z[:, s:s + PER], past["z"][:, s:s + PER]).mean() for s in range(0, known, PER))
    if method in ("wa", "bic"):
        value = (1 - known / total) * value + known / total * kl(z[:, :known], past["z"]).mean()
    if method == "lucir":
        value = (value + 5 * (known / new) ** 0.5 * turned(h, past["h"]).mean()
                 + ranking(z / p["head.scale"], y, known))
    return value


def trajectory(method, data, golden, initial):
    p = {name: value.double() for name, value in initial.items() if not name.startswith("head.")}
    heads = {name: value.double() for name, value in initial.items() if name.startswith("head.")}
    p |= {name: value[:0] if value.dim() else value for name, value in heads.items()}
    line, lines = (1.0, 0.0), []
    seen_x, seen_y, totals = [], [], []
    for experience in range(EXPERIENCES):
        known, total = experience * PER, (experience + 1) * PER
        own_x = data[f"experience{experience + 1}/inputs"].double()
        own_y = data[f"experience{experience + 1}/labels"]
        if method == "bic":
            own_x = torch.stack([own_x[own_y == c][0] for c in range(known, total) for _ in range(10)])
            own_y = torch.arange(known, total).repeat_interleave(10)
        seen_x.append(own_x)
        seen_y.append(own_y)
        x, y = (own_x, own_y) if method in ("lwf-mc", "lwm") else (torch.cat(seen_x), torch.cat(seen_y))
        held_x, held_y = x[::10], y[::10]
        if method == "bic" and known:
            stays = torch.arange(len(y)) % 10 > 0
            x, y = x[stays], y[stays]
        p |= {name: torch.cat([p[name], value[known:total]]) for name, value in heads.items() if value.dim()}
        before = {name: value.clone() for name, value in p.items()}
        past = {"h": features(before, x)}
        past["z"] = head(before, past["h"])[:, :known]
        if method == "bic" and known:
            past["z"] = torch.cat([past["z"][:, :known - PER], line[0] * past["z"][:, known - PER:] + line[1]], 1)
        if method == "podnet-pictures":
            past["maps"] = maps(before, x)
        if method == "lwm" and known:
            rows, past["units"] = attended(before, x, None, known, False)
            past["rows"] = rows.detach()
        if method == "lucir" and known:
            h = unit(features(p, own_x))
            length = p["head.weight"][:known].norm(dim=1).mean()
            for c in range(known, total):
                direction = h[own_y == c].mean(0)
                p["head.weight"][c] = direction / direction.norm() * length

        for _ in range(STEPS):
            leaves = {name: value.requires_grad_() for name, value in p.items()}
            value = objective(method, leaves, x, y, past, known)
            totals.append(value.detach())
            after = moved(leaves, torch.autograd.grad(value, list(leaves.values())), RATES.get(method, 0.1))
            if method == "lucir":
                after["head.weight"][:known] = p["head.weight"][:known].detach()
            p = after
        if method == "eeil" and known:
            own_z = head(p, features(p, x))[:, known:]
            momentum = {}
            for step in range(5):
                leaves = {name: value.requires_grad_() for name, value in p.items()}
                value = objective(method, leaves, x, y, past, known)
                value = value + kl(head(leaves, features(leaves, x))[:, known:], own_z).mean()
                # Epochs 0, 1, 2 of five at the full rate: a tenth from the second half on.
                p = moved(leaves, torch.autograd.grad(value, list(leaves.values())), 0.05 if step * 2 // 5 == 0 else 0.005,
                          1e-4, momentum)
        if method in ("podnet", "podnet-pictures") and known:
            momentum, h = {}, features(p, x)
            for _ in range(4):
                leaves = {name: p[name].requires_grad_() for name in ("head.weight", "head.scale")}
                value = neighbourhood(proxies(h, leaves["head.weight"]), y, leaves["head.scale"]).mean()
                p |= moved(leaves, torch.autograd.grad(value, list(leaves.values())), 0.05, 0.0, momentum)
        if method == "wa" and known:
            weight = p["head.weight"]
            weight[known:] *= weight[:known].norm(dim=1).mean() / weight[known:].norm(dim=1).mean()
        if method == "bic" and known:
            alpha, beta, _ = bias_fit(head(p, features(p, held_x)), held_y, known)
            line = (alpha.item(), beta.item())
            lines.append(torch.tensor(line, dtype=torch.float64))
        golden.add(f"{method}.after{experience + 1}", None, {name: value.detach() for name, value in p.items()})
    golden.case(method, "total loss of every step of the first stage, before the step", losses=torch.stack(totals))
    if lines:
        golden.case("bic.correction", "α and β after experiences 2 and 3", lines=torch.stack(lines))
    if method == "icarl":
        phi = unit(features(p, torch.cat(seen_x)))
        labels = torch.cat(seen_y)
        means = unit(torch.stack([phi[labels == c].mean(0) for c in range(EXPERIENCES * PER)]))
        golden.case("icarl.nearest", "of the items of experience 1", outputs=-torch.cdist(phi[:80], means).square())


def main() -> None:
    deterministic(17)
    golden = Golden("class_incremental.py")
    losses(golden)
    data = read(PERENNIAL / "training.safetensors")
    layers = {f"hidden.{part}": data[f"initial/hidden.{part}"] for part in ("weight", "bias")}
    weight, bias = (data[f"initial/head.{part}"] for part in ("weight", "bias"))
    pictures = {
        "conv.weight": torch.randn(4, 1, 3, 3) / 3, "conv.bias": torch.randn(4) / 10,
        "hidden.weight": torch.randn(12, 32) / 4, "hidden.bias": torch.randn(12) / 10,
    }
    eta = torch.tensor(1.0)
    heads = {
        "linear": {"head.weight": weight, "head.bias": bias},
        "cosine": {"head.weight": weight, "head.scale": torch.tensor(10.0)},
        "several": {"head.weight": torch.randn(6, 2, 16) / 4, "head.scale": eta},
        "linear of pictures": {"head.weight": torch.randn(6, 12) / 4, "head.bias": torch.randn(6) / 10},
        "several of pictures": {"head.weight": torch.randn(6, 2, 12) / 4, "head.scale": eta},
    }
    golden.case("proxies.initial", "vectors of the trajectory of podnet", weight=heads["several"]["head.weight"])
    golden.case("pictures.initial", "the convolutional model, its linear head and its head of two vectors a class",
                **pictures, **heads["linear of pictures"], vectors=heads["several of pictures"]["head.weight"])
    for method in ("lwf-mc", "icarl", "softmax", "eeil", "wa", "bic"):
        trajectory(method, data, golden, layers | heads["linear"])
    trajectory("lucir", data, golden, layers | heads["cosine"])
    trajectory("podnet", data, golden, layers | heads["several"])
    trajectory("lwm", data, golden, pictures | heads["linear of pictures"])
    trajectory("podnet-pictures", data, golden, pictures | heads["several of pictures"])
    golden.write(PERENNIAL / "class_incremental.safetensors")

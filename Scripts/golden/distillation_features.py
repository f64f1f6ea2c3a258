"""Feature distillation in float64, item by item and element by element as the papers write it.

Every case holds what goes in (`student.i`, `teacher.i`, `parameter.…`), the raw value of each item, and what comes back
for `upstream` [N]: `gradient.student.i` and `gradient.parameter.…`. Batch normalisation follows the batch.
"""

import math

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic


def draw(*shape, scale=1.0):
    """Numbers that float32 holds exactly, for computation in float64."""
    return (torch.randn(*shape) * scale).double()


class Parameters:
    """Named leaves; drawn when first asked for."""

    def __init__(self):
        self.leaves = {}

    def __call__(self, name, *shape, scale=0.4, centre=0.0):
        if name not in self.leaves:
            start = (torch.randn(*shape) * scale + centre).float().double()
            self.leaves[name] = start.requires_grad_()
        return self.leaves[name]


def record(golden, name, expression, students, teachers, function, extra=None):
    """Evaluates `function(students, teachers, parameters)` → [N] and stores it with its gradients."""
    leaves = [s.clone().requires_grad_() for s in students]
    parameters = Parameters()
    value = function(leaves, teachers, parameters)
    assert value.shape == (students[0].shape[0],), value.shape
    upstream = torch.rand(value.shape).double()
    (value * upstream).sum().backward()
    stored = {"value": value, "upstream": upstream, **(extra or {})}
    for index, (leaf, teacher) in enumerate(zip(leaves, teachers)):
        stored[f"student.{index}"], stored[f"teacher.{index}"] = leaf, teacher
        stored[f"gradient.student.{index}"] = leaf.grad
    for path, leaf in parameters.leaves.items():
        stored[f"parameter.{path}"] = leaf
        if leaf.grad is not None:
            stored[f"gradient.parameter.{path}"] = leaf.grad
    golden.add(name, expression, stored)
    return value.detach()


def pointwise(x, weight, bias=None):
    """A 1×1 convolution or a linear layer, as one sum over channels."""
    w = weight.reshape(weight.shape[0], weight.shape[1])
    y = torch.einsum("oc,nc...->no...", w, x)
    return y if bias is None else y + bias.reshape(1, -1, *[1] * (x.dim() - 2))


def normalise(x, gain, shift):
    """Batch normalisation by the batch's own statistics, ε = 1e-5."""
    dims = [d for d in range(x.dim()) if d != 1]
    centred = x - x.mean(dims, keepdim=True)
    variance = (centred**2).mean(dims, keepdim=True)
    view = (1, -1, *[1] * (x.dim() - 2))
    return centred / (variance + 1e-5) ** 0.5 * gain.reshape(view) + shift.reshape(view)


def norm_parameters(parameters, path, channels):
    return (parameters(f"{path}.weight", channels, scale=0.2, centre=1.0),
            parameters(f"{path}.bias", channels, scale=0.2))


def block_means(x, height, width):
    """Adaptive average pooling, window by window."""
    rows, columns = x.shape[2], x.shape[3]
    out = []
    for i in range(height):
        top, bottom = i * rows // height, -(-(i + 1) * rows // height)
        line = []
        for j in range(width):
            left, right = j * columns // width, -(-(j + 1) * columns // width)
            line.append(x[:, :, top:bottom, left:right].mean((2, 3)))
        out.append(torch.stack(line, -1))
    return torch.stack(out, -2)


def squared(a, b):
    """Mean of squared differences of each item."""
    return torch.stack([((x - y) ** 2).sum() / x.numel() for x, y in zip(a, b)])


# --- hints -----------------------------------------------------------------------------------------------------------


def hints(golden):
    def adapted(s, p, channels, style, is_map=True):
        shape = (channels, s.shape[1], 1, 1) if is_map else (channels, s.shape[1])
        if style == "linear":
            return pointwise(s, p("0.map.weight", *shape), p("0.map.bias", channels))
        y = normalise(pointwise(s, p("0.map.weight", *shape)), *norm_parameters(p, "0.norm", channels))
        return y.clamp(min=0) if style == "batch-norm-relu" else y

    same = draw(4, 3, 5, 5), draw(4, 6, 5, 5)
    record(golden, "hint_linear", "‖W s + b − t‖² / D, maps of one size", [same[0]], [same[1]],
           lambda s, t, p: squared(adapted(s[0], p, 6, "linear"), t[0]))
    record(golden, "hint_batch_norm", "the same with batch normalisation", [same[0]], [same[1]],
           lambda s, t, p: squared(adapted(s[0], p, 6, "batch-norm"), t[0]))
    record(golden, "hint_batch_norm_relu", "RepDistiller's regressor: convolution, batch normalisation, ReLU",
           [same[0]], [same[1]], lambda s, t, p: squared(adapted(s[0], p, 6, "batch-norm-relu"), t[0]))
    record(golden, "hint_equal", "equal shapes need no regressor", [draw(4, 6, 5, 5)], [same[1]],
           lambda s, t, p: squared(s[0], t[0]))
    record(golden, "hint_larger", "the student's map is averaged from 7 × 6 to 3 × 4", [draw(3, 2, 7, 6)],
           [draw(3, 5, 3, 4)],
           lambda s, t, p: squared(adapted(block_means(s[0], 3, 4), p, 5, "linear"), t[0]))

    def doubled(x):
        """Bilinear to twice the size, pixel centres at halves: quarters of neighbours."""
        def along(x, dim):
            n = x.shape[dim]
            pick = lambda i: x.select(dim, min(max(i, 0), n - 1))
            lines = []
            for i in range(n):
                lines += [0.25 * pick(i - 1) + 0.75 * pick(i), 0.75 * pick(i) + 0.25 * pick(i + 1)]
            return torch.stack(lines, dim)
        return along(along(x, 2), 3)

    record(golden, "hint_smaller", "the student's map is interpolated from 2 × 3 to 4 × 6", [draw(3, 2, 2, 3)],
           [draw(3, 5, 4, 6)], lambda s, t, p: squared(doubled(adapted(s[0], p, 5, "linear")), t[0]))
    record(golden, "hint_vectors", "vectors", [draw(5, 4)], [draw(5, 7)],
           lambda s, t, p: squared(adapted(s[0], p, 7, "linear", False), t[0]))
    record(golden, "hint_map_to_vector", "the mean over positions, then a linear map", [draw(5, 4, 3, 3)],
           [draw(5, 7)], lambda s, t, p: squared(adapted(s[0].mean((2, 3)), p, 7, "linear", False), t[0]))

    def cosines(a, b):
        out = []
        for x, y in zip(a, b):
            x, y = x.reshape(x.shape[0], -1), y.reshape(y.shape[0], -1)
            angles = [(x[:, k] @ y[:, k]) / (x[:, k].norm() * y[:, k].norm()) for k in range(x.shape[1])]
            out.append(1 - sum(angles) / len(angles))
        return torch.stack(out)

    record(golden, "hint_cosine", "1 − cos over channels, mean over positions", [same[0]], [same[1]],
           lambda s, t, p: cosines(adapted(s[0], p, 6, "linear"), t[0]))
    record(golden, "hint_cosine_vectors", "1 − cos of vectors", [draw(5, 4)], [draw(5, 7)],
           lambda s, t, p: cosines(adapted(s[0], p, 7, "linear", False), t[0]))

    def sequences(s, t, p):
        y = torch.einsum("oc,nlc->nlo", p("0.map.weight", 5, 4), s[0]) + p("0.map.bias", 5)
        return squared(y, t[0])

    record(golden, "hint_sequences", "sequences [N, L, D], a linear map at each place", [draw(3, 6, 4)], [draw(3, 6, 5)],
           sequences)

    def normalised_sequences(s, t, p):
        y = torch.einsum("oc,nlc->nlo", p("0.map.weight", 5, 4), s[0]).reshape(18, 5)
        return squared(normalise(y, *norm_parameters(p, "0.norm", 5)).reshape(3, 6, 5), t[0])

    record(golden, "hint_sequences_batch_norm", "with batch normalisation over items and places", [draw(3, 6, 4)],
           [draw(3, 6, 5)], normalised_sequences)
    record(golden, "hint_two", "the sum over two pairs", [draw(4, 3, 5, 5), draw(4, 6)], [draw(4, 3, 5, 5), draw(4, 6)],
           lambda s, t, p: squared(s[0], t[0]) + squared(s[1], t[1]))


# --- attention transfer ----------------------------------------------------------------------------------------------


def attention_maps(x):
    rows = []
    for item in x:
        q = sum(channel**2 for channel in item).flatten()
        rows.append(q / q.pow(2).sum().sqrt())
    return rows


def attention(golden):
    students, teachers = [draw(4, 3, 6, 6), draw(4, 5, 4, 4)], [draw(4, 6, 6, 6), draw(4, 7, 4, 4)]

    def norms(s, t, p):
        return sum(torch.stack([(a - b).pow(2).sum().sqrt() for a, b in zip(attention_maps(x), attention_maps(y))])
                   for x, y in zip(s, t))

    def means(s, t, p):
        return sum(torch.stack([((a - b) ** 2).sum() / a.numel() for a, b in zip(attention_maps(x), attention_maps(y))])
                   for x, y in zip(s, t))

    paper = record(golden, "at_norm", "eq. 2: ‖Q_s/‖Q_s‖ − Q_t/‖Q_t‖‖₂, two layers", students, teachers, norms)
    record(golden, "at_mean_squared", "the published code: mean of squares", students, teachers, means)
    record(golden, "at_sizes", "the larger map is averaged to 3 × 4", [draw(3, 2, 7, 6)], [draw(3, 4, 3, 4)],
           lambda s, t, p: norms([block_means(s[0], 3, 4)], t, p))
    record(golden, "at_crossed", "each averaged to the smaller side: 6 × 3 and 2 × 6 to 2 × 3", [draw(3, 2, 6, 3)],
           [draw(3, 4, 2, 6)], lambda s, t, p: norms([block_means(s[0], 2, 3)], [block_means(t[0], 2, 3)], p))
    whole = draw(4, 6, 6, 6)

    def unpooled(s, t):
        unit = lambda x: x.flatten() / x.flatten().norm()
        return torch.stack([(unit(a**2) - unit(b**2)).norm() for a, b in zip(s, t)])

    golden.case("at_unpooled", "WRONG on purpose (KD_Lib): squares normalised without the sum over channels",
                student=whole, teacher=teachers[0], value=unpooled(whole, teachers[0]),
                pooled=norms([whole], [teachers[0]], None))
    assert paper.min() > 0.05


# --- factor transfer -------------------------------------------------------------------------------------------------


def factors(golden):
    def stack(x, p, path, widths, transposed=False):
        for step, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            shape = (inputs, outputs, 3, 3) if transposed else (outputs, inputs, 3, 3)
            weight = p(f"{path}.{3 * step}.weight", *shape, scale=0.3)
            # A transposed convolution of stride 1 is a convolution with the kernel turned around.
            kernel = weight.flip(2, 3).transpose(0, 1) if transposed else weight
            padded = F.pad(x, (1, 1, 1, 1))
            height, width = x.shape[2], x.shape[3]
            x = sum(torch.einsum("oc,nchw->nohw", kernel[:, :, i, j], padded[:, :, i:i + height, j:j + width])
                    for i in range(3) for j in range(3))
            x = normalise(x, *norm_parameters(p, f"{path}.{3 * step + 1}", outputs))
            x = torch.where(x > 0, x, 0.1 * x)
        return x

    def unit(x):
        flat = x.reshape(x.shape[0], -1)
        return flat / flat.pow(2).sum(1, keepdim=True).sqrt()

    def transfer(mean, resize=lambda x: x):
        def function(s, t, p):
            factor = stack(t[0], p, "0.paraphraser", [6, 6, 3, 3])
            back = stack(factor, p, "0.decoder", [3, 3, 6, 6], transposed=True)
            mine = stack(resize(s[0]), p, "0.translator", [4, 4, 3, 3])
            difference = (unit(mine) - unit(factor.detach())).abs()
            distance = difference.mean(1) if mean else difference.sum(1)
            return distance + 0.002 * squared(back, t[0])
        return function

    student, teacher = draw(4, 4, 5, 5), draw(4, 6, 5, 5)
    record(golden, "ft_mean", "mean |T(s)/‖T(s)‖ − P(t)/‖P(t)‖| + 0.002 · reconstruction", [student], [teacher],
           transfer(True))
    record(golden, "ft_norm", "eq. 2 with p = 1: the sum", [student], [teacher], transfer(False))
    record(golden, "ft_sizes", "the student's map is averaged to the teacher's size", [draw(4, 4, 10, 10)], [teacher],
           transfer(True, lambda x: block_means(x, 5, 5)))
    # RepDistiller pools channels before it normalises, and so compares attention, not factors.
    pool = lambda x: unit((x**2).mean(1))
    a, b = draw(4, 3, 5, 5), draw(4, 3, 5, 5)
    golden.case("ft_pooled", "WRONG on purpose (RepDistiller): attention instead of factors", student=a, teacher=b,
                value=(pool(a) - pool(b)).abs().mean(1), factors=(unit(a) - unit(b)).abs().mean(1))


# --- values before activations -----------------------------------------------------------------------------------------


def preactivations(golden):
    students = [draw(4, 3, 4, 4), draw(4, 5, 2, 2), draw(4, 6)]
    teachers = [draw(4, 6, 4, 4), draw(4, 5, 2, 2), draw(4, 8)]
    # No channel without negative values, which would have no mean.
    teachers[2][0] = -teachers[2][0].abs()

    def connected(s, p, index, channels, prefix):
        shape = (channels, s.shape[1], 1, 1) if s.dim() == 4 else (channels, s.shape[1])
        y = pointwise(s, p(f"{prefix}.map.weight", *shape))
        return normalise(y, *norm_parameters(p, f"{prefix}.norm", channels))

    def boundaries(s, t, p):
        total = 0
        for i, (a, b) in enumerate(zip(s, t)):
            a = connected(a, p, i, b.shape[1], f"{i}")
            loss = torch.zeros_like(a)
            active = b > 0
            loss = torch.where(active & (a < 1), (a - 1) ** 2, loss)
            loss = torch.where(~active & (a > -1), (a + 1) ** 2, loss)
            total = total + 2.0 ** (i + 1 - len(s)) * loss.flatten(1).sum(1)
        return total

    record(golden, "ab", "Σ_i 2^(i+1−n) of squared shortfalls from the margin 1", students, teachers, boundaries)

    margins = []

    def overhaul(s, t, p):
        total = 0
        for i, (a, b) in enumerate(zip(s, t)):
            a = connected(a, p, i, b.shape[1], f"{i}.connector")
            channels = b.transpose(0, 1).flatten(1)
            margin = torch.stack([c[c < 0].mean() for c in channels])
            margins.append(margin)
            target = torch.max(b, margin.reshape(1, -1, *[1] * (b.dim() - 2)))
            loss = (target - a) ** 2 * ((a > target) | (target > 0))
            total = total + 2.0 ** (i + 1 - len(s)) * loss.flatten(1).sum(1)
        return total

    record(golden, "ofd", "Σ_i 2^(i+1−n) d_p(max(t, m), r(s)), m the mean of each channel's negative values",
           students, teachers, overhaul)
    second = draw(6, 6, 4, 4)
    both = torch.cat([teachers[0].transpose(0, 1).flatten(1), second.transpose(0, 1).flatten(1)], 1)
    golden.case("ofd_margin", "the mean of negative values after one batch, and over two",
                first=margins[0], next=second, second=torch.stack([c[c < 0].mean() for c in both]))

    mean = torch.tensor([0.0, 0.5, -0.7, 2.0, 3.5, -4.0, 0.3]).float().double()
    deviation = torch.tensor([1.0, 0.8, 1.5, 1.0, 1.0, 0.5, 0.001]).float().double()
    closed = []
    for m, s in zip(mean.tolist(), deviation.tolist()):
        below = 0.5 * math.erfc(m / s / math.sqrt(2))
        if below <= 0.001:
            closed.append(-3 * s)
            continue
        # By the trapezium rule, not by the formula: ∫ x φ / ∫ φ over x < 0.
        x = torch.linspace(min(m - 12 * s, -12 * s), 0, 400_001).double()
        density = torch.exp(-0.5 * ((x - m) / s) ** 2)
        closed.append((torch.trapezoid(x * density, x) / torch.trapezoid(density, x)).item())
    golden.case("ofd_closed", "E[x | x < 0] of N(mean, deviation²) by quadrature; −3 deviations where P(x < 0) ≤ 0.001",
                mean=mean, deviation=deviation, margin=torch.tensor(closed).double())


# --- neuron selectivity, variational information -----------------------------------------------------------------------


def selectivity(golden):
    def discrepancy(s, t, p=None):
        unit = lambda x: x.flatten(2) / x.flatten(2).norm(dim=2, keepdim=True)
        s, t = unit(s), unit(t)
        # Every pair of channels by itself: [N, C, C', HW].
        kernel = lambda a, b: ((a[:, :, None] * b[:, None]).sum(3) ** 2).mean((1, 2))
        return kernel(t, t) + kernel(s, s) - 2 * kernel(s, t)

    record(golden, "nst", "MMD² with k = (xᵀy)²", [draw(4, 3, 5, 5)], [draw(4, 6, 5, 5)],
           lambda s, t, p: discrepancy(s[0], t[0]))
    record(golden, "nst_sizes", "the teacher's map is averaged to 3 × 4", [draw(3, 2, 3, 4)], [draw(3, 4, 7, 6)],
           lambda s, t, p: discrepancy(s[0], block_means(t[0], 3, 4)))


def variational(golden):
    def density(mean, t, alpha):
        variance = torch.log1p(torch.exp(alpha)) + 1e-5
        total = 0
        for c in range(t.shape[1]):
            total = total + ((t[:, c] - mean[:, c]) ** 2 / variance[c] + torch.log(variance[c])).flatten(1).sum(1)
        return 0.5 * total / t[0].numel()

    def maps(s, t, p):
        x = s[0]
        for step, (inputs, outputs) in enumerate([(3, 6), (6, 6), (6, 6)]):
            x = pointwise(x, p(f"0.regressor.{2 * step}.weight", outputs, inputs, 1, 1))
            x = x.clamp(min=0) if step < 2 else x
        return density(x, t[0], p("0.alpha", 6, scale=1.0, centre=1.0))

    def vectors(s, t, p):
        x = pointwise(s[0], p("0.regressor.weight", 7, 4), p("0.regressor.bias", 7))
        return density(x[:, :, None], t[0][:, :, None], p("0.alpha", 7, scale=1.0))

    record(golden, "vid_maps", "mean ½ [(t − μ)²/σ² + log σ²], μ of three 1×1 convolutions", [draw(4, 3, 5, 5)],
           [draw(4, 6, 5, 5)], maps)
    record(golden, "vid_vectors", "the same for vectors, μ linear", [draw(5, 4)], [draw(5, 7)], vectors)


# --- contrastive representation ----------------------------------------------------------------------------------------


def contrast(golden):
    examples, negatives, width, tau, momentum = 12, 7, 5, 0.07, 0.5
    student, teacher = draw(4, 3), draw(4, 2, 2, 2)
    places = torch.tensor([3, 0, 11, 7])
    index = torch.stack([torch.cat([place[None], torch.randint(0, examples, (negatives,))]) for place in places])
    unit = lambda x: x / x.pow(2).sum(-1, keepdim=True).sqrt()
    banks = {side: (torch.rand(examples + 1, width) * 2 - 1).double() for side in ("student", "teacher")}
    after, constants = {}, {}

    def estimate(query, bank, side, rows):
        """One direction: gathered embeddings [N, 1 + K, D], the published way."""
        scores = torch.exp(torch.einsum("nkd,nd->nk", bank[rows], query) / tau)
        if side not in constants:
            constants[side] = scores.detach().mean() * examples
        scores = scores / constants[side]
        noise = negatives / examples
        values = []
        for row in scores:
            value = torch.log(row[0] / (row[0] + noise + 1e-7))
            for h in row[1:]:
                value = value + torch.log(noise / (h + noise + 1e-7))
            values.append(-value)
        return torch.stack(values)

    def embed(s, t, p):
        mine = unit(s[0] @ p("student.weight", width, 3).T + p("student.bias", width))
        theirs = unit(t[0].reshape(4, -1) @ p("teacher.weight", width, 8).T + p("teacher.bias", width))
        return mine, theirs

    def first(s, t, p):
        mine, theirs = embed(s, t, p)
        value = estimate(mine, banks["teacher"], "teacher", index) + estimate(theirs, banks["student"], "student", index)
        for side, new in (("student", mine), ("teacher", theirs)):
            bank = banks[side].clone()
            for place, row in zip(places, new.detach()):
                mixed = momentum * bank[place] + (1 - momentum) * row
                bank[place] = mixed / mixed.norm()
            after[side] = bank
        return value

    record(golden, "crd_first", "both directions of eq. 17–18, K = 7 of n = 12, Z from this batch", [student], [teacher],
           first, {"places": places, "index": index})
    other = torch.stack([torch.cat([place[None], torch.randint(0, examples, (negatives,))]) for place in places])
    record(golden, "crd_second", "the next step: banks moved, the same Z", [draw(4, 3)], [draw(4, 2, 2, 2)],
           lambda s, t, p: (lambda m: estimate(m[0], after["teacher"], "teacher", other)
                            + estimate(m[1], after["student"], "student", other))(embed(s, t, p)),
           {"places": places, "index": other})
    golden.case("crd_banks", "banks before and after the first step, and Z", constant__student=constants["student"],
                constant__teacher=constants["teacher"], before__student=banks["student"],
                before__teacher=banks["teacher"], after__student=after["student"], after__teacher=after["teacher"])

    classes = torch.tensor([2, 0, 2, 1])

    def batch(by_class):
        def function(s, t, p):
            mine, theirs = embed(s, t, p)
            values = []
            for i in range(4):
                keep = [j for j in range(4) if j == i or not by_class or classes[j] != classes[i]]
                rows = torch.stack([mine[i] @ theirs[j] / 0.07 for j in keep])
                columns = torch.stack([mine[j] @ theirs[i] / 0.07 for j in keep])
                values.append(-rows.log_softmax(0)[keep.index(i)] - columns.log_softmax(0)[keep.index(i)])
            return torch.stack(values)
        return function

    record(golden, "crd_batch", "InfoNCE over the batch in both directions", [student], [teacher], batch(False))
    record(golden, "crd_batch_by_class", "negatives of other classes only", [student], [teacher], batch(True),
           {"classes": classes})


# --- review, reused classifier -----------------------------------------------------------------------------------------


def kernel3(x, weight):
    padded = F.pad(x, (1, 1, 1, 1))
    height, width = x.shape[2], x.shape[3]
    return sum(torch.einsum("oc,nchw->nohw", weight[:, :, i, j], padded[:, :, i:i + height, j:j + width])
               for i in range(3) for j in range(3))


def nearest(x, height, width):
    rows = [i * x.shape[2] // height for i in range(height)]
    columns = [j * x.shape[3] // width for j in range(width)]
    return x[:, :, rows][:, :, :, columns]


def review(golden):
    shapes = [((3, 8, 8), (5, 8, 8)), ((4, 4, 4), (6, 6, 6)), ((6,), (8,))]
    students = [draw(4, *s) for s, _ in shapes]
    teachers = [draw(4, *t) for _, t in shapes]

    def context(a, b):
        terms, weights = [squared(a, b)], [1.0]
        for side in (4, 2, 1):
            if side < a.shape[2]:
                terms.append(squared(block_means(a, side, side), block_means(b, side, side)))
                weights.append(weights[-1] / 2)
        return sum(w * term for w, term in zip(weights, terms)) / sum(weights)

    def function(s, t, p):
        as_map = lambda x: x[:, :, None, None] if x.dim() == 2 else x
        s, t = [as_map(x) for x in s], [as_map(x) for x in t]
        width, below, total = 6, None, 0
        for i in (2, 1, 0):
            x, target = s[i], t[i]
            height, side = x.shape[2], target.shape[2]
            y = normalise(pointwise(x, p(f"{i}.narrow.weight", width, x.shape[1], 1, 1)),
                          *norm_parameters(p, f"{i}.narrow_norm", width))
            if below is not None:
                up = nearest(below, height, height)
                both = torch.cat([y, up], 1)
                gate = 1 / (1 + torch.exp(-pointwise(both, p(f"{i}.attention.weight", 2, 2 * width, 1, 1),
                                                     p(f"{i}.attention.bias", 2))))
                y = y * gate[:, :1] + up * gate[:, 1:]
            y = nearest(y, side, side)
            below = y
            out = normalise(kernel3(y, p(f"{i}.widen.weight", target.shape[1], width, 3, 3)),
                            *norm_parameters(p, f"{i}.widen_norm", target.shape[1]))
            total = total + context(out, target)
        return total

    record(golden, "review", "Σ HCL(t_i, ABF(s_i, …)); 8 × 8, 4 × 4 to 6 × 6, and vectors", students, teachers, function)
    a, b = draw(3, 2, 8, 8), draw(3, 2, 8, 8)
    golden.case("review_context", "(MSE + ½ MSE₄ + ¼ MSE₂ + ⅛ MSE₁) / (1 + ½ + ¼ + ⅛)", student=a, teacher=b,
                value=context(a, b))


def reuse(golden):
    def function(resize_student=lambda x: x, resize_teacher=lambda x: x):
        def run(s, t, p):
            x = pointwise(resize_student(s[0]), p("0.weight", 4, 3, 1, 1))
            x = normalise(x, *norm_parameters(p, "1", 4)).clamp(min=0)
            x = normalise(kernel3(x, p("3.weight", 4, 4, 3, 3)), *norm_parameters(p, "4", 4)).clamp(min=0)
            x = normalise(pointwise(x, p("6.weight", 8, 4, 1, 1)), *norm_parameters(p, "7", 8)).clamp(min=0)
            return squared(x, resize_teacher(t[0]))
        return run

    record(golden, "simkd", "‖P(s) − t‖² / D, P as published", [draw(4, 3, 4, 4)], [draw(4, 8, 4, 4).clamp(min=0)],
           function())
    record(golden, "simkd_larger", "the student's map is averaged", [draw(4, 3, 8, 8)], [draw(4, 8, 4, 4).clamp(min=0)],
           function(resize_student=lambda x: block_means(x, 4, 4)))
    record(golden, "simkd_smaller", "the teacher's map is averaged", [draw(4, 3, 4, 4)], [draw(4, 8, 8, 8).clamp(min=0)],
           function(resize_teacher=lambda x: block_means(x, 4, 4)))
    record(golden, "simkd_vectors", "a linear map", [draw(5, 3)], [draw(5, 8)],
           lambda s, t, p: squared(pointwise(s[0], p("0.weight", 8, 3), p("0.bias", 8)), t[0]))


# --- centred kernel alignment ------------------------------------------------------------------------------------------


def alignment(golden):
    a = draw(20, 6) + 2
    b = (a @ draw(6, 9, scale=0.5) + draw(20, 9)).float().double()
    batches = [(a[i:i + 5], b[i:i + 5]) for i in range(0, 20, 5)]

    def exact(x, y):
        """By Gram matrices and the centring matrix: tr(K H L H) / √(tr(K H K H) tr(L H L H))."""
        n = x.shape[0]
        centre = torch.eye(n).double() - 1 / n
        k, l = x @ x.T, y @ y.T
        independence = lambda k, l: torch.trace(k @ centre @ l @ centre)
        return independence(k, l) / (independence(k, k) * independence(l, l)).sqrt()

    def unbiased(x, y):
        """Song et al.: by sums over all different i, j, q, r, which is what the closed form adds up."""
        n = x.shape[0]
        k, l = (x @ x.T).tolist(), (y @ y.T).tolist()
        span = range(n)
        two = sum(k[i][j] * l[i][j] for i in span for j in span if i != j)
        three = sum(k[i][j] * l[i][q] for i in span for j in span for q in span if len({i, j, q}) == 3)
        four = sum(k[i][j] * l[q][r] for i in span for j in span for q in span for r in span
                   if len({i, j, q, r}) == 4)
        count = lambda m: math.perm(n, m)
        return two / count(2) - 2 * three / count(3) + four / count(4)

    def over(batches):
        both = sum(unbiased(x, y) for x, y in batches)
        return both / math.sqrt(sum(unbiased(x, x) for x, _ in batches) * sum(unbiased(y, y) for _, y in batches))

    golden.case("cka", "exact, unbiased HSIC of the first batch of 5, debiased over 4 batches of 5 and over one of 10",
                a=a, b=b, exact=exact(a, b), independence=unbiased(*batches[0]), batches=over(batches),
                ten=over([(a[:10], b[:10])]))


# --- Transformers ----------------------------------------------------------------------------------------------------


def transformer_layers(golden):
    """TinyBERT with g(1) = 2, g(2) = 4 and one map for all hidden states; MiniLM's last layer, heads of other widths."""
    tokens = lambda width: draw(3, 5, width)
    scores = lambda: draw(3, 2, 5, 5)
    students = [tokens(4), tokens(4), scores(), tokens(4), scores()]
    teachers = [tokens(6), tokens(6), scores(), tokens(6), scores()]

    def tiny(s, t, p):
        def mapped(x, name):
            return torch.einsum("oc,nlc->nlo", p(f"{name}.map.weight", 6, 4), x) + p(f"{name}.map.bias", 6)

        hidden = squared(mapped(s[1], "hidden"), t[1]) + squared(mapped(s[3], "hidden"), t[3])
        heads = sum(((s[i][:, h] - t[i][:, h]) ** 2).sum((1, 2)) / 25 / 2 for i in (2, 4) for h in (0, 1))
        return squared(mapped(s[0], "embeddings"), t[0]) + hidden + heads

    record(golden, "tinybert", "embeddings, hidden states and scores of layers 2 and 4", students, teachers, tiny)

    def relations(s, t, p):
        def kl(a, b):
            return sum((b[:, h, i] * (b[:, h, i].log() - a[:, h, i].log())).sum(1) for h in (0, 1) for i in range(5)) / 10

        def relation(v):
            return torch.softmax(torch.einsum("nhid,nhjd->nhij", v, v) / v.shape[3] ** 0.5, -1)

        return kl(s[0], t[0]) + kl(relation(s[1]), relation(t[1]))

    record(golden, "minilm", "KL of attention and of value relations, mean over heads and places",
           [scores().softmax(-1), draw(3, 2, 5, 3)], [scores().softmax(-1), draw(3, 2, 5, 4)], relations)


def main() -> None:
    deterministic(11)
    golden = Golden("distillation_features.py")
    for topic in (hints, attention, factors, preactivations, selectivity, variational, contrast, review, reuse, alignment,
                  transformer_layers):
        topic(golden)
    golden.write(PERENNIAL / "distillation_features.safetensors")

"""Response and relation terms of distillation, from the formulas of the papers, with the gradient for the student.

Everything is float64 and spelled out item by item, class by class and pair by pair; the inputs are float32 numbers. A
case's value is what a training step would add to its loss: means, masks and T² applied. What other systems compute in
its place stands beside it where tests tell the two apart.
"""

import itertools
import math

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic


def probabilities(logits, temperature=1.0):
    """A list of lists of scalars: softmax by its definition."""
    rows = []
    for row in logits:
        powers = [torch.exp((z - max(row).detach()) / temperature) for z in row]
        rows.append([power / sum(powers) for power in powers])
    return rows


def kl(p, q):
    return sum(a * torch.log(a / b) for a, b in zip(p, q))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def zscore(logits):
    rows = []
    for row in logits:
        centre = mean(row)
        deviation = torch.sqrt(sum((z - centre) ** 2 for z in row) / (len(row) - 1))
        rows.append(torch.stack([(z - centre) / (deviation + 1e-7) for z in row]))
    return rows


def mixed(p, q, weight):
    return [weight * a + (1 - weight) * b for a, b in zip(p, q)]


# Response


def response(divergence, temperature, scale=None, standardize=False):
    """mean over items of a divergence of (teacher, student), times T²."""
    def loss(s, t):
        if standardize:
            s, t = zscore(s), zscore(t)
        pairs = zip(probabilities(t, temperature), probabilities(s, temperature))
        return (temperature**2 if scale is None else scale) * mean(divergence(p, q) for p, q in pairs)
    return loss


def jensen_shannon(beta, normalized=False):
    def divergence(t, s):
        m = mixed(t, s, beta)
        value = beta * kl(t, m) + (1 - beta) * kl(s, m)
        return value / (beta * (1 - beta)) if normalized else value
    return divergence


def decoupled(s, t, targets, temperature, target_weight, others_weight, standardize=False):
    if standardize:
        s, t = zscore(s), zscore(t)
    values = []
    for a, b, y in zip(probabilities(t, temperature), probabilities(s, temperature), targets):
        if y < 0:
            continue
        rest_t, rest_s = ([x for c, x in enumerate(p) if c != y] for p in (a, b))
        among_t, among_s = [x / sum(rest_t) for x in rest_t], [x / sum(rest_s) for x in rest_s]
        values.append(target_weight * kl([a[y], sum(rest_t)], [b[y], sum(rest_s)])
                      + others_weight * kl(among_t, among_s))
    return temperature**2 * mean(values)


def mdistiller(s, t, targets, temperature, alpha, beta):
    """Its form, with 1000 taken off the target's logit and the logarithm of sums of probabilities."""
    own = F.one_hot(targets, s.shape[1]).double()
    p_s, p_t = (s / temperature).softmax(1), (t / temperature).softmax(1)
    pair_s, pair_t = (torch.stack([(p * own).sum(1), (p * (1 - own)).sum(1)], 1) for p in (p_s, p_t))
    tckd = (pair_t * (pair_t.log() - pair_s.log())).sum() / len(s)
    log_s, log_t = ((z / temperature - 1000 * own).log_softmax(1) for z in (s, t))
    nckd = (log_t.exp() * (log_t - log_s)).sum() / len(s)
    return temperature**2 * (alpha * tckd + beta * nckd)


def pearson(a, b):
    x, y = [v - mean(a) for v in a], [v - mean(b) for v in b]
    product = sum(v * w for v, w in zip(x, y))
    return product / (torch.sqrt(sum(v * v for v in x)) * torch.sqrt(sum(v * v for v in y)) + 1e-8)


def stronger(s, t, temperature, inter, intra):
    p_s, p_t = probabilities(s, temperature), probabilities(t, temperature)
    rows = mean(1 - pearson(a, b) for a, b in zip(p_s, p_t))
    columns = mean(1 - pearson(a, b) for a, b in zip(zip(*p_s), zip(*p_t)))
    return temperature**2 * (inter * rows + intra * columns)


def virtual(y, classes, correct, temperature):
    """The virtual teacher's probabilities to the power 1/T, normalised."""
    p = [(correct if c == y else (1 - correct) / (classes - 1)) ** (1 / temperature) for c in range(classes)]
    return [torch.tensor(x / sum(p), dtype=torch.float64) for x in p]


def virtual_released(y, classes, correct, temperature):
    p = [correct if c == y else (1 - correct) / (classes - 1) for c in range(classes)]
    powers = [math.exp(x / temperature) for x in p]
    return [torch.tensor(x / sum(powers), dtype=torch.float64) for x in powers]


def weighted_soft_labels(s, t, targets, temperature, cross_entropy=False):
    values = []
    hard_s, hard_t = probabilities(s.detach()), probabilities(t)
    for n, (a, b) in enumerate(zip(probabilities(t, temperature), probabilities(s, temperature))):
        y = int(targets[n])
        ratio = torch.log(hard_s[n][y]) / torch.log(hard_t[n][y])
        soft = -sum(x * torch.log(z) for x, z in zip(a, b)) if cross_entropy else kl(a, b)
        values.append((1 - torch.exp(-ratio)) * soft)
    return temperature**2 * mean(values)


# Relation


def distance(a, b):
    square = ((a - b) ** 2).sum()
    return torch.sqrt(square) if square > 0 else square * 0


def huber(difference, delta=1.0):
    size = abs(difference)
    return 0.5 * difference**2 if size < delta else delta * (size - 0.5 * delta)


def relative_distances(x):
    d = {(i, j): distance(x[i], x[j]) for i, j in itertools.product(range(len(x)), repeat=2)}
    average = mean(v for v in d.values() if v > 0)
    return {pair: v / average for pair, v in d.items()}


def rkd_distances(s, t):
    d_s, d_t = relative_distances(s), relative_distances(t)
    return mean(huber(d_s[pair] - d_t[pair]) for pair in d_s)


def direction(a, b):
    length = distance(a, b)
    return (b - a) / length if length > 0 else (b - a) * 0


def rkd_angles(s, t):
    def angle(x, i, j, k):
        return (direction(x[i], x[j]) * direction(x[i], x[k])).sum()
    triples = itertools.product(range(len(s)), repeat=3)
    return mean(huber(angle(s, *triple) - angle(t, *triple)) for triple in triples)


def similarity(s, t):
    def rows(x):
        flat = [item.reshape(-1) for item in x]
        gram = [[(a * b).sum() for b in flat] for a in flat]
        return [[v / torch.sqrt(sum(w * w for w in row)) for v in row] for row in gram]
    differences = [a - b for r_s, r_t in zip(rows(s), rows(t)) for a, b in zip(r_s, r_t)]
    return sum(d * d for d in differences) / len(s) ** 2


def congruence_matrix(x, gamma, order, unit=True):
    flat = [item.reshape(-1) for item in x]
    flat = [v / torch.sqrt((v * v).sum()) for v in flat] if unit else flat
    return [[math.exp(-2 * gamma) * sum((2 * gamma) ** p / math.factorial(p) * (a * b).sum() ** p
                                        for p in range(order + 1)) for b in flat] for a in flat]


def congruence(s, t, gamma=0.4, order=2):
    k_s, k_t = congruence_matrix(s, gamma, order), congruence_matrix(t, gamma, order)
    return mean((a - b) ** 2 for r_s, r_t in zip(k_s, k_t) for a, b in zip(r_s, r_t))


def transfer(s, t, whole_rows=False):
    def rows(x):
        k = [[((a * b).sum() / torch.sqrt((a * a).sum() * (b * b).sum()) + 1) / 2 for b in x] for a in x]
        return [[v / sum(row) for v in row] for row in k]
    terms = [p * torch.log((p + 1e-7) / (q + 1e-7)) for r_t, r_s in zip(rows(t), rows(s)) for p, q in zip(r_t, r_s)]
    return sum(terms) / len(s) if whole_rows else mean(terms)


def inter_channel(s, t):
    values = []
    for a, b in zip(s, t):
        def correlations(item):
            maps = [channel.reshape(-1) for channel in item]
            return [[(x * y).sum() for y in maps] for x in maps]
        def rows(gram):
            return [[v / torch.sqrt(sum(w * w for w in row)) for v in row] for row in gram]
        differences = [x - y for r, q in zip(rows(correlations(a)), rows(correlations(b))) for x, y in zip(r, q)]
        values.append(sum(d * d for d in differences) / len(a))
    return mean(values)


def connected(s, weight, gain, shift):
    """A 1×1 convolution and batch normalisation by the batch's own statistics."""
    projected = torch.einsum("oc,nchw->nohw", weight[:, :, 0, 0], s)
    centre = projected.mean((0, 2, 3), keepdim=True)
    spread = ((projected - centre) ** 2).mean((0, 2, 3), keepdim=True)
    normal = (projected - centre) / torch.sqrt(spread + 1e-5)
    return normal * gain[None, :, None, None] + shift[None, :, None, None]


def flow(first, second, pool="average"):
    """Matrices of one model, item by item; sizes are whole multiples of the smaller."""
    height, width = min(first.shape[2], second.shape[2]), min(first.shape[3], second.shape[3])
    def pooled(x):
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, height, h // height, width, w // width)
        return blocks.mean((3, 5)) if pool == "average" else blocks.amax((3, 5))
    a, b = pooled(first), pooled(second)
    return [torch.stack([torch.stack([(x * y).sum() / (height * width) for y in item_b]) for x in item_a])
            for item_a, item_b in zip(a, b)]


def flows(s, t, elements="sum"):
    total = 0
    for i in range(len(s) - 1):
        for a, b in zip(flow(s[i], s[i + 1]), flow(t[i], t[i + 1])):
            square = (a - b) ** 2
            total = total + (square.sum() if elements == "sum" else square.mean())
    return total / len(s[0])


def main() -> None:
    deterministic(23)
    golden = Golden("distillation_terms.py")

    def draw(*shape, scale=1.0):
        return (torch.randn(*shape) * scale).double()

    def case(name, expression, function, *students, learned=None, **constants):
        """`learned` maps names to further leaves, which follow the students in the call."""
        leaves = [x.clone().requires_grad_() for x in students]
        others = {key: x.clone().requires_grad_() for key, x in (learned or {}).items()}
        value = function(*leaves, *others.values())
        value.backward()
        tensors = {"value": value, **constants}
        for index, leaf in enumerate(leaves):
            tensors[f"gradient.student{index}"] = leaf.grad
        for key, leaf in others.items():
            tensors |= {f"parameter.{key}": leaf, f"gradient.{key}": leaf.grad}
        golden.add(name, expression, tensors)
        return value.detach(), leaves[0].grad

    # Outputs
    s, t = draw(8, 7, scale=2), draw(8, 7, scale=3)
    targets = torch.tensor([0, 3, 6, 2, 2, 5, 1, 4])
    gaps = torch.tensor([0, -1, 6, 2, -1, 5, 1, -1])
    golden.case("logits", "outputs [8, 7], classes, and classes of which some are not known (-1)",
                student0=s, teacher0=t, targets=targets, gaps=gaps)

    case("kd", "T² mean KL(t ‖ s), T = 4", lambda x: response(kl, 4.0)(x, t), s)
    case("kd_reverse", "T² mean KL(s ‖ t), T = 4", lambda x: response(lambda p, q: kl(q, p), 4.0)(x, t), s)
    case("kd_textbrewer", "mean KL(t ‖ s), T = 4, no T²", lambda x: response(kl, 4.0, scale=1)(x, t), s)
    for beta in (0.1, 0.5, 0.9):
        case(f"kd_jensen_shannon_{beta}", f"T² mean of β KL(t ‖ m) + (1 - β) KL(s ‖ m), m = β t + (1 - β) s, β = {beta}",
             lambda x: response(jensen_shannon(beta), 4.0)(x, t), s)
        case(f"kd_jensen_shannon_normalized_{beta}", "the same over β (1 - β)",
             lambda x: response(jensen_shannon(beta, True), 4.0)(x, t), s)
    case("kd_jensen_shannon_trl", "mean over items, T = 1, β = 0.5, no T²",
         lambda x: response(jensen_shannon(0.5), 1.0)(x, t), s)
    case("kd_jensen_shannon_normalized_limit", "β = 10⁻⁶ over β (1 - β): nearly T² KL(t ‖ s)",
         lambda x: response(jensen_shannon(1e-6, True), 4.0)(x, t), s)
    case("kd_skew_forward", "T² mean KL(t ‖ λ t + (1 - λ) s), λ = 0.1",
         lambda x: response(lambda p, q: kl(p, mixed(p, q, 0.1)), 4.0)(x, t), s)
    case("kd_skew_reverse", "T² mean KL(s ‖ λ s + (1 - λ) t), λ = 0.1",
         lambda x: response(lambda p, q: kl(q, mixed(q, p, 0.1)), 4.0)(x, t), s)
    case("kd_standardized", "T² mean KL of (z - mean) / (std + 10⁻⁷), T = 2",
         lambda x: response(kl, 2.0, standardize=True)(x, t), s)
    case("kd_standardized_reverse", "the same with KL(s ‖ t)",
         lambda x: response(lambda p, q: kl(q, p), 2.0, standardize=True)(x, t), s)

    def weighted(x, weights):
        values = [kl(p, q) for p, q in zip(probabilities(t, 4.0), probabilities(x, 4.0))]
        return 16 * sum(w * v for w, v in zip(weights, values) if w is not None) / sum(w is not None for w in weights)

    certain = probabilities(t)
    case("kd_confidence_probability", "T² mean over items of known class of p_t(class) KL(t ‖ s), T = 4",
         lambda x: weighted(x, [None if y < 0 else certain[n][y] for n, y in enumerate(gaps)]), s)
    case("kd_confidence_entropy", "T² mean (1 - H(p_t) / log C) KL(t ‖ s), T = 4",
         lambda x: weighted(x, [1 + sum(p * torch.log(p) for p in row) / math.log(7) for row in certain]), s)
    examples = [0] * 6 + [1] * 3 + [2] * 2 + [-1] * 4 + [5]
    balance = {c: 12 / (4 * examples.count(c)) for c in (0, 1, 2, 5)}
    assert abs(sum(balance[c] for c in examples if c >= 0) / 12 - 1) < 1e-12
    case("kd_balanced", "T² mean n / (classes seen · n_class) KL(t ‖ s), T = 4; 1 for classes without examples",
         lambda x: weighted(x, [balance.get(int(y), 1.0) for y in gaps]), s, examples=torch.tensor(examples))

    case("logits_mean", "mean over items and classes of (z_s - z_t)²",
         lambda x: mean((a - b) ** 2 for p, q in zip(x, t) for a, b in zip(p, q)), s)
    case("logits_sum", "mean over items of the sum over classes of (z_s - z_t)²",
         lambda x: mean(sum((a - b) ** 2 for a, b in zip(p, q)) for p, q in zip(x, t)), s)
    case("logits_centred", "the mean, with each item's logits about their mean",
         lambda x: mean(((a - mean(p)) - (b - mean(q))) ** 2 for p, q in zip(x, t) for a, b in zip(p, q)), s)

    ours, _ = case("dkd", "T² mean of KL over [target, rest] + 8 KL among the rest, T = 4",
                   lambda x: decoupled(x, t, targets, 4.0, 1, 8), s)
    theirs, _ = case("dkd_mdistiller", "mdistiller's form with -1000: the same where no probability vanishes",
                     lambda x: mdistiller(x, t, targets, 4.0, 1, 8), s)
    assert abs(ours - theirs) < 1e-9
    case("dkd_mmrazor", "MMRazor sums over the batch, whatever reduction is asked for",
         lambda x: 8 * decoupled(x, t, targets, 4.0, 1, 8), s)
    case("dkd_gaps", "over items of known class, T = 2, weights 0.5 and 2",
         lambda x: decoupled(x, t, gaps, 2.0, 0.5, 2), s)
    case("dkd_standardized", "of standardised logits, T = 2", lambda x: decoupled(x, t, targets, 2.0, 1, 8, True), s)
    # The target's logit is 200 above: in float32, 1 - p is 0 and its logarithm -∞.
    sure_s, sure_t = draw(3, 5), draw(3, 5)
    sure_s[:, 1] += 150
    sure_t[:, 1] += 200
    golden.case("certain", "outputs that are all but certain, class 1", student0=sure_s, teacher0=sure_t,
                targets=torch.ones(3, dtype=torch.int64))
    case("dkd_certain", "T = 1", lambda x: decoupled(x, sure_t, [1, 1, 1], 1.0, 1, 8), sure_s)

    case("dist", "mean over rows and mean over columns of 1 - ρ, T = 1", lambda x: stronger(x, t, 1.0, 1, 1), s)
    case("dist_T4", "T = 4, weights 2 and 0.5", lambda x: stronger(x, t, 4.0, 2, 0.5), s)
    case("soft_labels", "T² mean KL(p^d to the power 1/T ‖ softmax(z / T)), T = 20, a = 0.9",
         lambda x: 400 * mean(kl(virtual(y, 7, 0.9, 20), q) for y, q in zip(targets, probabilities(x, 20))), s)
    case("soft_labels_smoothing", "T = 1, a = 0.8 over items of known class: label smoothing less its entropy",
         lambda x: mean(kl(virtual(y, 7, 0.8, 1), q) for y, q in zip(gaps, probabilities(x)) if y >= 0), s)
    case("soft_labels_released", "KL(softmax(p^d / T) ‖ softmax(z)) / C, T = 20, a = 0.99: Tf-KD's code",
         lambda x: mean(kl(virtual_released(y, 7, 0.99, 20), q) / 7 for y, q in zip(targets, probabilities(x))), s)
    case("wsld", "T² mean (1 - exp(-CE_s / CE_t)) KL(t ‖ s), T = 2", lambda x: weighted_soft_labels(x, t, targets, 2.0), s)
    case("wsld_released", "with the cross-entropy in place of KL: another value, the same gradient",
         lambda x: weighted_soft_labels(x, t, targets, 2.0, True), s)

    def curriculum(standardize):
        def loss(x, theta):
            temperature = 1 + 20 / (1 + torch.exp(-theta[0]))
            a, b = (zscore(t), zscore(x)) if standardize else (t, x)
            return temperature**2 * mean(
                kl(p, q) for p, q in zip(probabilities(a, temperature), probabilities(b, temperature)))
        return loss

    theta = torch.tensor([-2.25], dtype=torch.float64)
    case("ctkd", "T² mean KL(t ‖ s), T = 1 + 20 σ(θ); the gradient of θ before it is reversed", curriculum(False), s,
         learned={"theta": theta})
    case("ctkd_standardized", "of standardised logits", curriculum(True), s, learned={"theta": theta})

    # Items
    v_s, v_t = draw(6, 5), draw(6, 9, scale=2)
    golden.case("vectors", "features [6, 5] and [6, 9]", student0=v_s, teacher0=v_t)
    case("rkd", "25 · distances + 50 · angles", lambda x: 25 * rkd_distances(x, v_t) + 50 * rkd_angles(x, v_t), v_s)
    case("rkd_distances", "Huber of distances over their mean, over all pairs", lambda x: rkd_distances(x, v_t), v_s)
    case("rkd_angles", "Huber of cosines, over all triples", lambda x: rkd_angles(x, v_t), v_s)
    def lengths_one(x):
        return torch.stack([v / torch.sqrt((v * v).sum()) for v in x])
    case("rkd_mmrazor", "of vectors at length 1",
         lambda x: 25 * rkd_distances(lengths_one(x), lengths_one(v_t))
         + 50 * rkd_angles(lengths_one(x), lengths_one(v_t)), v_s)
    twins = v_s.clone()
    twins[3] = twins[1]
    golden.case("twins", "two items of the student are the same", student0=twins, teacher0=v_t)
    case("rkd_twins", "25 · distances + 50 · angles", lambda x: 25 * rkd_distances(x, v_t) + 50 * rkd_angles(x, v_t), twins)
    # Far from the origin and close to each other: float32 products of items differ in nothing but rounding.
    far = (v_s * 1e-2 + 30).float().double()
    golden.case("far", "items at distances of 0.03 around 30", student0=far, teacher0=v_t)
    case("rkd_far", "25 · distances + 50 · angles", lambda x: 25 * rkd_distances(x, v_t) + 50 * rkd_angles(x, v_t), far)

    case("sp", "‖row-normalised Gram matrices‖² / N²", lambda x: similarity(x, v_t), v_s)
    case("pkt", "mean over pairs of p log(p / q)", lambda x: transfer(x, v_t), v_s)
    case("pkt_rows", "mean over items of Σ p log(p / q)", lambda x: transfer(x, v_t, True), v_s)
    embedding = {"0.weight": draw(9, 5, scale=0.5), "0.bias": draw(9, scale=0.1)}
    case("cc", "Σ (k(e(s_i), e(s_j)) - k(t_i, t_j))² / N², γ = 0.4, P = 2",
         lambda x, w, b: congruence(x @ w.T + b, v_t), v_s, learned=embedding)
    case("cc_plain", "without an embedding, γ = 0.7, P = 3", lambda x: congruence(x, v_t, 0.7, 3), v_s)

    def torchdistill(x):
        k_s, k_t = congruence_matrix(x, 0.7, 3, False), congruence_matrix(v_t, 0.7, 3, False)
        return torch.sqrt(sum((a - b) ** 2 for p, q in zip(k_s, k_t) for a, b in zip(p, q))) / len(x) ** 2

    case("cc_torchdistill", "torchdistill: the norm, not its square, of vectors of any length", torchdistill, v_s)

    def repdistiller(x, t_embedded):
        delta = abs(x - t_embedded)
        return ((delta[:-1] * delta[1:]).sum(1)).mean()

    case("cc_repdistiller", "RepDistiller: a product of neighbours' differences, 0 for equal constants", 
         lambda x: repdistiller(x, v_t[:, :5]), v_s)

    # Maps
    m_s, m_t = draw(4, 3, 4, 4), draw(4, 3, 2, 2)
    golden.case("maps", "maps [4, 3, 4, 4] and [4, 3, 2, 2]", student0=m_s, teacher0=m_t)
    case("ickd", "‖row-normalised channel products‖² / C", lambda x: inter_channel(x, m_t), m_s)
    case("sp_maps", "the Gram matrix of flattened maps", lambda x: similarity(x, m_t), m_s)
    wide = draw(4, 5, 4, 4)
    golden.case("wide", "maps [4, 3, 4, 4] and [4, 5, 4, 4]", student0=m_s, teacher0=wide)
    connector = {"0.0.weight": draw(5, 3, 1, 1), "0.1.weight": draw(5) + 1, "0.1.bias": draw(5)}
    case("ickd_connected", "through a 1×1 convolution and batch normalisation",
         lambda x, w, g, b: inter_channel(connected(x, w, g, b), wide), m_s, learned=connector)

    stages_s = [draw(3, 2, 8, 8), draw(3, 4, 4, 4), draw(3, 3, 4, 2)]
    stages_t = [draw(3, 2, 4, 4), draw(3, 4, 4, 4), draw(3, 3, 2, 2)]
    golden.case("stages", "three layers of two models",
                **{f"student{i}": x for i, x in enumerate(stages_s)}, **{f"teacher{i}": x for i, x in enumerate(stages_t)})
    case("fsp", "Σ over layers of ‖G_s - G_t‖², mean over items", lambda *x: flows(x, stages_t), *stages_s)
    case("fsp_repdistiller", "mean over elements of G",
         lambda *x: flows(x, stages_t, "mean"), *stages_s)

    def max_pooled(a, b, c):
        columns = 0
        for i, (p, q) in enumerate(((a, b), (b, c))):
            for g_s, g_t in zip(flow(p, q, "max"), flow(stages_t[i], stages_t[i + 1], "max")):
                columns = columns + sum(torch.sqrt(((x - y) ** 2).sum()) for x, y in zip(g_s.T, g_t.T))
        return columns / 3

    case("fsp_torchdistill", "torchdistill: largest values in place of averages, norms of columns", max_pooled, *stages_s)
    golden.write(PERENNIAL / "distillation_terms.safetensors")

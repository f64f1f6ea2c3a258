"""Learners on frozen features: streaming LDA and ridge regression in NumPy float64, and memory-based adaptation by autograd.

    lda    Σ = within-class scatter / n, Λ = [(1 − 1e-4) Σ + 1e-4 I]⁻¹, output_k = zᵀ Λ μ_k − ½ μ_kᵀ Λ μ_k
    online the same with the paper's covariance, updated item by item: depends on the order, so two orders are given
    ridge  h = max(z P, 0); λ of 1e-8 … 1e8 with the least squared error on every fifth item, weights of the others;
           then W = (HᵀH + λ I)⁻¹ HᵀY of all items
    mbpa   every question adapts its own copy of a linear layer to its neighbours; one question at a time
"""

import numpy
import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic

ITEMS, FEATURES, CLASSES, WIDTH = 60, 6, 4, 24


def lda(z, y, shrinkage=1e-4):
    means = numpy.stack([z[y == k].mean(axis=0) for k in range(CLASSES)])
    residual = z - means[y]
    covariance = residual.T @ residual / len(z)
    return means, covariance, lda_outputs(z, means, covariance, shrinkage)


def lda_outputs(z, means, covariance, shrinkage):
    precision = numpy.linalg.inv((1 - shrinkage) * covariance + shrinkage * numpy.eye(z.shape[1]))
    return z @ precision @ means.T - 0.5 * numpy.einsum("kd,de,ke->k", means, precision, means)


def online_lda(z, y, order):
    """Algorithm of Hayes & Kanan: the covariance is updated with the class mean of the moment."""
    means, counts = numpy.zeros((CLASSES, z.shape[1])), numpy.zeros(CLASSES)
    covariance, seen = numpy.zeros((z.shape[1],) * 2), 0
    for place in order:
        difference = z[place] - means[y[place]]
        delta = seen / (seen + 1) * numpy.outer(difference, difference)
        covariance = (seen * covariance + delta) / (seen + 1)
        means[y[place]] += difference / (counts[y[place]] + 1)
        counts[y[place]] += 1
        seen += 1
    return covariance


def ridge(z, y, projection):
    h, one_hot = numpy.maximum(z @ projection, 0), numpy.eye(CLASSES)[y]
    held_out = numpy.arange(len(z)) % 5 == 4
    errors = {}
    for exponent in range(-8, 9):
        weight = solve(h[~held_out], one_hot[~held_out], 10.0**exponent)
        errors[exponent] = ((one_hot[held_out] - h[held_out] @ weight) ** 2).sum()
    best = min(errors, key=errors.get)
    return best, h @ solve(h, one_hot, 10.0**best)


def solve(h, one_hot, strength):
    return numpy.linalg.solve(h.T @ h + strength * numpy.eye(h.shape[1]), h.T @ one_hot)


def adapted(query, keys, values, weight, bias, neighbours, steps, rate, decay, epsilon):
    distances = ((keys - query) ** 2).sum(dim=1)
    near = distances.argsort()[:neighbours]
    kernel = 1 / (epsilon + distances[near])
    shares = kernel / kernel.sum()
    w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    for _ in range(steps):
        loss = (shares * F.cross_entropy(F.linear(keys[near], w, b), values[near], reduction="none")).sum()
        loss = loss + 0.5 * decay * ((w - weight).square().sum() + (b - bias).square().sum())
        gradients = torch.autograd.grad(loss, (w, b))
        w, b = ((p - rate * g).detach().requires_grad_() for p, g in zip((w, b), gradients))
    return F.linear(query, w, b).detach()


def main() -> None:
    deterministic(15)
    golden = Golden("frozen_features.py")
    centres = torch.randn(CLASSES, FEATURES) * 1.5
    labels = torch.arange(ITEMS) % CLASSES
    items = centres[labels] + torch.randn(ITEMS, FEATURES) @ torch.randn(FEATURES, FEATURES) * 0.6
    z, y = items.double().numpy(), labels.numpy()

    means, covariance, outputs = lda(z, y)
    shuffled, by_class = numpy.random.permutation(ITEMS), numpy.argsort(y, kind="stable")
    first, second = online_lda(z, y, shuffled), online_lda(z, y, by_class)
    assert abs(first - second).max() > 0.01 * abs(covariance).max()
    golden.case("lda", "streaming LDA, float64", items=items, labels=labels, means=torch.tensor(means),
                covariance=torch.tensor(covariance), outputs=torch.tensor(outputs))
    golden.case("lda_online", "the paper's covariance in a shuffled order and class by class",
                shuffled=torch.tensor(first), by_class=torch.tensor(second))

    projection = torch.randn(FEATURES, WIDTH)
    exponent, outputs = ridge(z, y, projection.double().numpy())
    assert -8 < exponent < 8
    golden.case("ridge", "λ = 10^exponent by every fifth item", projection=projection,
                exponent=torch.tensor(exponent), outputs=torch.tensor(outputs))

    weight, bias = torch.randn(CLASSES, FEATURES) * 0.3, torch.randn(CLASSES) * 0.3
    queries = torch.randn(7, FEATURES)
    options = dict(neighbours=9, steps=4, rate=0.3, decay=0.2, epsilon=1e-3)
    answers = torch.stack([adapted(q, items, labels, weight, bias, **options) for q in queries])
    assert (answers - F.linear(queries, weight, bias)).abs().max() > 0.1
    golden.case("mbpa", f"keys and values are items and labels of lda; {options}", queries=queries, weight=weight,
                bias=bias, outputs=answers)
    golden.write(PERENNIAL / "frozen_features.safetensors")

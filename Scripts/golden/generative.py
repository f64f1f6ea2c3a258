"""Losses of generative, contrastive and prototype replay, and trajectories of deep generative replay.

    vae        L(x) = (reconstruction + KL(N(μ, σ²) ‖ N(0, 1))) / D, z = μ + exp(½ log σ²) ε, with the gradient of its mean;
               `wrong_sigma` is the loss with σ = ½ exp(log σ²), a mistake of another system that a test keeps us off
    gaussian   KL between normal distributions, by torch.distributions
    supcon     supervised contrastive loss (Khosla et al. 2020), a loop over anchors; anchors without positives left out
    ppp        pseudo-prototypical proxy loss (De Lange & Tuytelaars 2021), a loop over pairs
    replay     an MLP 6-8-4 and a VAE 6-7-3-7-6 learn two experiences of two classes, 3 steps of 8 items each, the second
               with 8 generated items a step: hard labels, and `distilled` with T = 2. Random numbers are those of the
               streams of seed 5, drawn in the order of Perennial.
"""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from common import PERENNIAL, Golden, deterministic

MASK = (1 << 64) - 1


def stream(seed, purpose):
    """RandomStreams.derive: SplitMix64 of the seed and FNV-1a of the name."""
    value = 0xCBF29CE484222325
    for byte in purpose.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    z = (seed + value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return torch.Generator().manual_seed(z ^ (z >> 31))


def linear(inputs, outputs, generator):
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        bound = 1 / math.sqrt(inputs)
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer


def perceptron(widths, generator):
    return nn.ModuleList([linear(a, b, generator) for a, b in zip(widths, widths[1:])])


def run(layers, x):
    for index, layer in enumerate(layers):
        x = layer(x)
        if index < len(layers) - 1:
            x = F.relu(x)
    return x


class VAE(nn.Module):
    def __init__(self, width, hidden, latent, generator, pixels):
        super().__init__()
        self.pixels = pixels
        self.encoder = perceptron([width] + hidden, generator)
        self.posterior = nn.ModuleDict()
        self.posterior["mean"] = linear(hidden[-1], latent, generator)
        self.posterior["log_variance"] = linear(hidden[-1], latent, generator)
        self.decoder = perceptron([latent] + hidden[::-1] + [width], generator)

    def losses(self, x, noise, wrong=False):
        features = F.relu(run(self.encoder, x))
        mean, log_variance = self.posterior["mean"](features), self.posterior["log_variance"](features)
        sigma = 0.5 * log_variance.exp() if wrong else log_variance.exp().sqrt()
        outputs = run(self.decoder, mean + sigma * noise)
        if self.pixels:
            reconstruction = -(x * torch.sigmoid(outputs).log() + (1 - x) * torch.sigmoid(-outputs).log())
        else:
            reconstruction = 0.5 * (outputs - x).square()
        posterior = torch.distributions.Normal(mean, log_variance.exp().sqrt())
        prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        divergence = torch.distributions.kl_divergence(posterior, prior).sum(1)
        return (reconstruction.sum(1) + divergence) / x.shape[1]

    def draw(self, noise):
        outputs = run(self.decoder, noise)
        return torch.sigmoid(outputs) if self.pixels else outputs


def vae(golden):
    for name, pixels in (("vae_pixels", True), ("vae_values", False)):
        model = VAE(6, [7, 5], 3, torch.Generator().manual_seed(3), pixels)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= 2
        rows = torch.rand(9, 6) if pixels else torch.randn(9, 6)
        noise = torch.randn(9, 3)
        losses = model.losses(rows, noise)
        losses.mean().backward()
        golden.case(name, "losses of items, gradient of their mean", rows=rows, noise=noise, losses=losses,
                    wrong_sigma=model.losses(rows, noise, wrong=True))
        golden.add(f"{name}.parameters", "initial values", dict(model.named_parameters()))
        golden.add(f"{name}.gradients", "of the mean", {k: p.grad for k, p in model.named_parameters()})


def gaussian(golden):
    values = [torch.randn(5, 4) for _ in range(4)]
    mean, log_variance, prior_mean, prior_log_variance = values
    normal = torch.distributions.Normal
    own = normal(mean, log_variance.exp().sqrt())
    divergence = torch.distributions.kl_divergence(own, normal(prior_mean, prior_log_variance.exp().sqrt())).sum(1)
    golden.case("gaussian", "KL(N(mean) ‖ N(prior)), summed over dimensions", mean=mean, log_variance=log_variance,
                prior_mean=prior_mean, prior_log_variance=prior_log_variance, divergence=divergence)


def supcon(golden):
    temperature = 0.07
    embeddings = torch.randn(11, 5, requires_grad=True)
    units = torch.tensor([0, 1, 2, 0, 1, 1, 0, 2, 3, 0, 1])  # 3 comes once
    z = F.normalize(embeddings, dim=1)
    terms = []
    for i in range(len(units)):
        positives = [p for p in range(len(units)) if p != i and units[p] == units[i]]
        if not positives:
            continue
        denominator = sum((z[i] @ z[a] / temperature).exp() for a in range(len(units)) if a != i)
        terms.append(-sum(((z[i] @ z[p] / temperature).exp() / denominator).log() for p in positives) / len(positives))
    loss = sum(terms) / len(terms)
    loss.backward()
    golden.case("supcon", "supervised contrastive loss at τ = 0.07", embeddings=embeddings, units=units, loss=loss,
                gradient=embeddings.grad, temperature=temperature)


def ppp(golden):
    temperature, classes = 0.1, 4
    raw = torch.randn(10, 6, requires_grad=True)
    units = torch.tensor([0, 1, 2, 0, 1, 1, 0, 2, 0, 1])  # 3 has a prototype and no item
    prototypes = F.normalize(torch.randn(classes, 6), dim=1)
    f = F.normalize(raw, dim=1)
    held = f.detach()

    def s(a, b):
        return (a @ b / temperature).exp()

    def others(i, c):
        return sum(s(f[i], prototypes[k]) for k in range(classes) if k != c)

    total = 0
    for i in range(len(units)):
        c = units[i].item()
        stands = [prototypes[c]] + [held[j] for j in range(len(units)) if j != i and units[j] == c]
        total = total + (sum(s(f[i], a) / (s(f[i], a) + others(i, c)) for a in stands) / len(stands)).log()
        for j in range(len(units)):
            if units[j] == c:
                continue
            p = sum(s(f[j], a) / (s(f[j], a) + others(j, c)) for a in (held[i], prototypes[c])) / 2
            total = total + (1 - p).log()
    loss = -total / len(units)
    loss.backward()
    golden.case("ppp", "pseudo-prototypical proxy loss at T = 0.1", embeddings=raw, units=units, prototypes=prototypes,
                loss=loss, gradient=raw.grad, temperature=temperature)


def replay(golden):
    width, latent, batch, steps, classes = 6, 3, 8, 3, 4
    initial = {"hidden.weight": torch.randn(8, width) * 0.5, "hidden.bias": torch.randn(8) * 0.1,
               "head.weight": torch.randn(classes, 8) * 0.5, "head.bias": torch.randn(classes) * 0.1}
    data = []
    centres = torch.randn(classes, width)
    for experience in range(2):
        y = torch.arange(batch * steps) % 2 + 2 * experience
        data.append((centres[y] + 0.5 * torch.randn(batch * steps, width), y))
    golden.add("replay.initial", "weights of the classifier", initial)
    for index, (x, y) in enumerate(data):
        golden.case(f"replay.experience{index}", "items", inputs=x, labels=y)

    def outputs(parameters, x, seen):
        hidden = F.relu(x @ parameters["hidden.weight"].T + parameters["hidden.bias"])
        return hidden @ parameters["head.weight"][:seen].T + parameters["head.bias"][:seen]

    for name in ("hard", "distilled"):
        parameters = {key: value.clone().requires_grad_() for key, value in initial.items()}
        optimizer = torch.optim.SGD(parameters.values(), lr=0.1)
        order, own, drawn = stream(5, "order"), stream(5, "generator"), stream(5, "generated inputs")
        generator = VAE(width, [7], latent, own, pixels=False)
        adam = torch.optim.Adam(generator.parameters(), lr=1e-3)
        losses = []
        for experience, (inputs, labels) in enumerate(data):
            seen = 2 * (experience + 1)
            if experience:
                VAE(width, [7], latent, own, pixels=False)  # the copy draws weights before it is given others
            past, past_generator = {k: v.detach().clone() for k, v in parameters.items()}, copy.deepcopy(generator)
            places = torch.randperm(batch * steps, generator=order)
            for step in range(steps):
                chosen = places[step * batch:(step + 1) * batch]
                x, y = inputs[chosen], labels[chosen]
                optimizer.zero_grad()
                loss = F.cross_entropy(outputs(parameters, x, seen), y)
                items, factors = x, torch.ones(batch)
                if experience:
                    with torch.no_grad():
                        made = past_generator.draw(torch.randn(batch, latent, generator=drawn))
                        teacher = outputs(past, made, 2)
                    student = outputs(parameters, made, seen)
                    if name == "hard":
                        old = F.cross_entropy(student, teacher.argmax(1))
                    else:
                        p = (teacher / 2).softmax(1)
                        old = -4 * (p * (student / 2).log_softmax(1)[:, :2]).sum(1).mean()
                    loss = loss / 2 + old / 2  # 1/t and 1 − 1/t of the second experience
                    items, factors = torch.cat([x, made]), torch.ones(2 * batch)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                adam.zero_grad()
                noise = torch.randn(len(items), latent, generator=own)
                (generator.losses(items, noise) * factors).mean().backward()
                adam.step()
        golden.add(f"replay.{name}.classifier", "after both experiences", parameters)
        golden.add(f"replay.{name}.generator", "after both experiences", dict(generator.named_parameters()))
        golden.case(f"replay.{name}", "loss of every step", losses=torch.tensor(losses))


def main() -> None:
    deterministic(12)
    golden = Golden("generative.py")
    vae(golden)
    gaussian(golden)
    supcon(golden)
    ppp(golden)
    replay(golden)
    golden.write(PERENNIAL / "generative.safetensors")

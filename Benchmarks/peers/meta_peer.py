"""MAML (second and first order) and Reptile on the small sets of Omniglot in plain PyTorch: what `perennial meta` is held against.

Independent of Perennial but for what must be equal: the images (105 × 105 to 28 × 28 by a triangle filter, ink bright), the
split (every fifth class of the sorted names is for testing), the model and the hyper-parameters of Recipes/omniglot/few-shot.yaml.
"""

import argparse
import pathlib
import struct
import time
import zipfile
import zlib

import numpy
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call


def decode(data: bytes) -> numpy.ndarray:
    """A grey PNG of one bit a pixel."""
    position, packed, size = 8, b"", None
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position:position + 8])
        body = data[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (1, 0), (depth, colour)
            size = (height, width)
        elif kind == b"IDAT":
            packed += body
        position += 12 + length
    stride = (size[1] + 7) // 8
    raw = numpy.frombuffer(zlib.decompress(packed), numpy.uint8).reshape(size[0], stride + 1)
    rows, before = [], numpy.zeros(stride, numpy.int64)
    for line in raw:
        row = line[1:].astype(numpy.int64)
        if line[0] == 1:
            for i in range(1, stride):
                row[i] = (row[i] + row[i - 1]) & 255
        elif line[0] == 2:
            row = (row + before) & 255
        elif line[0] in (3, 4):
            for i in range(stride):
                left, up = (row[i - 1] if i else 0), before[i]
                corner = before[i - 1] if i else 0
                if line[0] == 3:
                    guess = (left + up) // 2
                else:
                    estimate = left + up - corner
                    guess = min((left, up, corner), key=lambda v: abs(estimate - v))
                row[i] = (row[i] + guess) & 255
        rows.append(row)
        before = row
    return numpy.unpackbits(numpy.array(rows, numpy.uint8), axis=1)[:, :size[1]] * 255.0


def triangle(size: int, new: int) -> numpy.ndarray:
    scale = size / new
    places = (numpy.arange(new) + 0.5) * scale
    weights = numpy.maximum(0, 1 - abs((numpy.arange(size) + 0.5 - places[:, None]) / scale))
    return weights / weights.sum(axis=1, keepdims=True)


def characters(root: pathlib.Path) -> list[torch.Tensor]:
    """Drawings [20, 1, 28, 28] of every character, sorted by name."""
    shrink, drawings = triangle(105, 28), {}
    for name in ("images_background_small1.zip", "images_background_small2.zip"):
        archive = zipfile.ZipFile(root / "omniglot/python" / name)
        for path in archive.namelist():
            if path.endswith(".png"):
                *_, alphabet, character, file = path.split("/")
                image = 1 - shrink @ decode(archive.read(path)) @ shrink.T / 255
                drawings.setdefault(f"{alphabet}/{character}", {})[file] = image
    return [
        torch.tensor(numpy.stack([drawings[name][file] for file in sorted(drawings[name])])).float()[:, None]
        for name in sorted(drawings)
    ]


def network(channels: int, ways: int) -> nn.Module:
    layers, inputs = [], 1
    for _ in range(4):
        layers += [nn.Conv2d(inputs, channels, 3, stride=2, padding=1),
                   nn.BatchNorm2d(channels, track_running_stats=False), nn.ReLU()]
        inputs = channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * 4, ways))


def episode(classes, options, random):
    chosen = random.choice(len(classes), options.ways, replace=False)
    support, queries = [], []
    for index in chosen:
        order = torch.tensor(random.permutation(len(classes[index])))
        support.append(classes[index][order[:options.shots]])
        queries.append(classes[index][order[options.shots:options.shots + options.queries]])
    labels = torch.arange(options.ways)
    return (torch.cat(support), labels.repeat_interleave(options.shots),
            torch.cat(queries), labels.repeat_interleave(options.queries))


def adapt(model, weights, x, y, steps, rate, second_order):
    for _ in range(steps):
        loss = F.cross_entropy(functional_call(model, weights, x), y)
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=second_order)
        weights = {name: w - rate * g for (name, w), g in zip(weights.items(), slopes)}
        if not second_order:
            weights = {name: w.detach().requires_grad_() for name, w in weights.items()}
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--algorithm", choices=("maml", "fomaml", "reptile"), default="maml")
    parser.add_argument("--ways", type=int, default=5)
    parser.add_argument("--shots", type=int, default=1)
    parser.add_argument("--queries", type=int, default=5)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=500)
    parser.add_argument("--tasks", type=int, default=8, help="episodes of a meta-step")
    parser.add_argument("--steps", type=int, default=1, help="inner steps in training")
    parser.add_argument("--test-steps", type=int, default=3)
    parser.add_argument("--inner", type=float, default=0.4)
    parser.add_argument("--outer", type=float, default=0.001)
    parser.add_argument("--episodes", type=int, default=400, help="test episodes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    random = numpy.random.default_rng(options.seed)
    classes = characters(options.data)
    train = [c for i, c in enumerate(classes) if i % 5 != 4]
    test = [c for i, c in enumerate(classes) if i % 5 == 4]
    model = network(options.channels, options.ways)
    reptile = options.algorithm == "reptile"
    optimizer = (torch.optim.SGD if reptile else torch.optim.Adam)(model.parameters(), lr=options.outer)
    start = time.time()
    for _ in range(options.iterations):
        optimizer.zero_grad()
        for _ in range(options.tasks):
            xs, ys, xq, yq = episode(train, options, random)
            weights = dict(model.named_parameters())
            if reptile:
                weights = {name: w.detach().requires_grad_() for name, w in weights.items()}
                fast = adapt(model, weights, torch.cat([xs, xq]), torch.cat([ys, yq]), options.steps, options.inner, False)
                slopes = [weights[name] - fast[name] for name in weights]
            else:
                second = options.algorithm == "maml"
                fast = adapt(model, weights, xs, ys, options.steps, options.inner, second)
                loss = F.cross_entropy(functional_call(model, fast, xq), yq)
                slopes = torch.autograd.grad(loss, list((weights if second else fast).values()))
            for parameter, slope in zip(model.parameters(), slopes):
                parameter.grad = (0 if parameter.grad is None else parameter.grad) + slope.detach() / options.tasks
        optimizer.step()
    seconds = time.time() - start
    random = numpy.random.default_rng(10_000 + options.seed)
    right = []
    for _ in range(options.episodes):
        xs, ys, xq, yq = episode(test, options, random)
        weights = {name: w.detach().requires_grad_() for name, w in model.named_parameters()}
        fast = adapt(model, weights, xs, ys, options.test_steps, options.inner, False)
        right.append((functional_call(model, fast, xq).argmax(dim=1) == yq).float().mean().item())
    print(f"{options.algorithm} {options.ways}-way {options.shots}-shot seed {options.seed}: "
          f"{numpy.mean(right):.4f} ± {numpy.std(right) / len(right) ** 0.5:.4f}, "
          f"{seconds / options.iterations * 1000:.0f} ms a meta-step, {len(train)} + {len(test)} classes")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Split MNIST in plain PyTorch by the protocol of van de Ven & Tolias (2019): an independent check of Recipes/mnist/split-*.

Fine-tuning, LwF (soft cross-entropy with probability 0 for new units, T = 2, T², weights 1/t and 1 - 1/t) and experience
replay (100 examples a class chosen at random, weights 1/t and 1 - 1/t), the last two for `class` alone.

    split_mnist.py DATA [task|domain|class] [SEEDS] [none|lwf|er]      DATA holds mnist/*.gz; needs torch and numpy
"""

import copy
import gzip
import pathlib
import statistics
import sys

import numpy
import torch
import torch.nn.functional as F
from torch import nn

data = pathlib.Path(sys.argv[1])
scenario = sys.argv[2] if len(sys.argv) > 2 else "task"
seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
method = sys.argv[4] if len(sys.argv) > 4 else "none"
assert method == "none" or scenario == "class", "lwf and er are written for the class scenario"
torch.set_num_threads(1)


def idx(name, skip):
    file = next(data.rglob(name + "*.gz"))
    return numpy.frombuffer(gzip.decompress(file.read_bytes()), numpy.uint8, offset=skip)


def split(prefix):
    images = torch.from_numpy(idx(f"{prefix}-images", 16).reshape(-1, 784).copy())
    return images, torch.from_numpy(idx(f"{prefix}-labels", 8).astype(numpy.int64))


(images, labels), (test_images, test_labels) = split("train"), split("t10k")
results = []
for seed in range(seeds):
    torch.manual_seed(seed)
    outputs = 2 if scenario == "domain" else 10
    model = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, outputs))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def units(task):
        if scenario == "domain":
            return [0, 1]
        return [2 * task, 2 * task + 1] if scenario == "task" else list(range(2 * task + 2))

    memory, teacher = [], None
    for task in range(5):
        own = (labels // 2 == task).nonzero().squeeze(1)
        order, at = own[torch.randperm(len(own))], 0
        for _ in range(2000):
            if at + 128 > len(order):
                order, at = own[torch.randperm(len(own))], 0
            batch = order[at:at + 128]
            at += 128
            x, y = images[batch].float() / 255, labels[batch]
            y = y % 2 if scenario == "domain" else y - (2 * task if scenario == "task" else 0)
            loss = F.cross_entropy(model(x)[:, units(task)], y)
            if task > 0 and method == "lwf":
                with torch.no_grad():
                    wanted = F.softmax(teacher(x)[:, units(task - 1)] / 2, 1)
                logs = F.log_softmax(model(x)[:, units(task)] / 2, 1)[:, :wanted.shape[1]]
                loss = loss / (task + 1) - (1 - 1 / (task + 1)) * 4 * (wanted * logs).sum(1).mean()
            if task > 0 and method == "er":
                kept = torch.cat(memory)
                old = kept[torch.randint(len(kept), (128,))]
                replay = F.cross_entropy(model(images[old].float() / 255)[:, units(task)], labels[old])
                loss = loss / (task + 1) + (1 - 1 / (task + 1)) * replay
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        teacher = copy.deepcopy(model)
        for label in (2 * task, 2 * task + 1):
            members = (labels == label).nonzero().squeeze(1)
            memory.append(members[torch.randperm(len(members))[:100]])
    accuracies = []
    with torch.no_grad():
        for task in range(5):
            own = test_labels // 2 == task
            y = test_labels[own]
            y = y % 2 if scenario == "domain" else y - (2 * task if scenario == "task" else 0)
            last = units(task) if scenario == "task" else units(4)
            accuracies.append((model(test_images[own].float() / 255)[:, last].argmax(1) == y).float().mean().item())
    results.append(statistics.mean(accuracies))
    print(f"seed {seed}: {results[-1]:.4f}  {[round(a, 3) for a in accuracies]}", flush=True)
if len(results) > 1:
    print(f"{scenario}: {statistics.mean(results):.4f} ± {statistics.stdev(results):.4f}")

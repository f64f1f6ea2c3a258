#!/usr/bin/env python3
"""Plain PyTorch training loops, as a careful engineer writes them: the data in memory, one gather a batch.

Data are random, of MNIST's or CIFAR's shape, float32, made once from a fixed seed; the order of the items is a
permutation that was drawn before the clock starts. A timed step is: gather the batch, zero_grad, forward,
cross-entropy, backward, optimizer step. No compile, no autocast, default memory layout, nothing read back.
"""

import time

import torch
import torch.nn.functional as F
from torch import nn

from peer import parse, serve


def mlp(*widths):
    layers = [nn.Linear(widths[0], widths[1])]
    for inputs, outputs in zip(widths[1:], widths[2:]):
        layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
    return nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = nn.Identity() if stride == 1 and inputs == outputs else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.downsample(x))


def resnet18(width=64):
    """ResNet-18 with the 3×3 stem that is usual for CIFAR."""
    layers = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    inputs = width
    for stage in range(4):
        for stride in (1 if stage == 0 else 2, 1):
            layers.append(Block(inputs, width << stage, stride))
            inputs = width << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


class PaddedBlock(nn.Module):
    """A block of the ResNets for CIFAR whose shortcut pads new channels with zeros."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.added:
            x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.added // 2, self.added // 2))
        return F.relu(y + x)


def cifar_resnet(depth):
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for stage in range(3):
        for place in range((depth - 2) // 6):
            layers.append(PaddedBlock(inputs, 16 << stage, 2 if stage and not place else 1))
            inputs = 16 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


datasets = {}


def data(shape):
    if shape not in datasets:
        generator = torch.Generator().manual_seed(0)
        inputs = torch.rand(shape, generator=generator)
        labels = torch.randint(10, (shape[0],), generator=generator)
        order = torch.randperm(shape[0], generator=generator)
        datasets[shape] = inputs, labels, order
    return datasets[shape]


class Loop:
    def __init__(self, make, shape, batch, rate):
        torch.manual_seed(0)
        self.inputs, self.labels, self.order = data(shape)
        self.model, self.batch, self.position = make(), batch, 0
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=rate)
        start = time.perf_counter()
        while time.perf_counter() - start < 1:
            self.run(3)

    def run(self, steps):
        optimizer, batch = self.optimizer, self.batch
        inputs, labels, order, position = self.inputs, self.labels, self.order, self.position
        self.model.train()
        for _ in range(steps):
            if position + batch > len(order):
                position = 0
            index = order[position:position + batch]
            position += batch
            x, y = inputs.index_select(0, index), labels.index_select(0, index)
            optimizer.zero_grad()
            loss = self.loss(x, y)
            loss.backward()
            optimizer.step()
        self.position = position
        return loss

    def loss(self, x, y):
        return F.cross_entropy(self.model(x), y)

    def __call__(self, steps):
        self.run(3)
        start = time.perf_counter()
        loss = self.run(steps)
        seconds = time.perf_counter() - start
        if not torch.isfinite(loss):
            raise ArithmeticError("the loss is not finite")
        return seconds


class DistillationLoop(Loop):
    """Cross-entropy and 0.9 T² KL(teacher ‖ student) at T = 4."""

    def __init__(self, *options, teacher=torch.float32):
        self.teacher_type = teacher
        self.teacher = cifar_resnet(56).eval().requires_grad_(False).to(teacher)
        super().__init__(*options)

    def loss(self, x, y):
        with torch.no_grad():
            wanted = F.softmax(self.teacher(x.to(self.teacher_type)).float() / 4, dim=1)
        outputs = self.model(x)
        soft = F.kl_div(F.log_softmax(outputs / 4, dim=1), wanted, reduction="batchmean") * 16
        return F.cross_entropy(outputs, y) + 0.9 * soft


MNIST, CIFAR = (60_000, 784), (5_000, 3, 32, 32)
WORKS = {
    "mlp-400-b128": lambda: Loop(lambda: mlp(784, 400, 400, 10), MNIST, 128, 0.05),
    "mlp-256-b64": lambda: Loop(lambda: mlp(784, 256, 256, 10), MNIST, 64, 0.05),
    "mlp-100-b10": lambda: Loop(lambda: mlp(784, 100, 100, 10), MNIST, 10, 0.01),
    "resnet18-b32": lambda: Loop(resnet18, CIFAR, 32, 0.05),
    "kd": lambda: DistillationLoop(lambda: cifar_resnet(20), CIFAR, 64, 0.01),
    "kd-bfloat16": lambda: DistillationLoop(lambda: cifar_resnet(20), CIFAR, 64, 0.01, teacher=torch.bfloat16),
}

if __name__ == "__main__":
    options = parse(__doc__)
    serve(WORKS, {"torch": torch.__version__, "threads": options.threads}, options)

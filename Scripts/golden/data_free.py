"""Data-free distillation (DAFL): the three losses of the generator, its images, and a short trajectory.

    losses       L_oh, L_a and L_ie of given outputs and features, and the gradient of L_oh + 0.1 L_a + 5 L_ie
    images       a generator of 4 channels and codes of 3 numbers draws images [1, 6, 7], in training mode
    trajectory   teacher 42-6-3 (fixed) and student 42-5-3, 4 steps of 8 images: the generator by Adam at 0.01 down its
                 loss, the student by SGD at 0.1 down T² KL at T = 2, on the images from before the generator's step.
                 Codes come from the stream `data-free codes` of seed 5.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from common import PERENNIAL, Golden, deterministic
from generative import stream


class Generator(nn.Module):
    def __init__(self, latent, channels, height, width):
        super().__init__()
        half, self.size, self.channels = channels // 2, (height, width), channels
        self.start = (math.ceil(height / 4), math.ceil(width / 4))
        self.seed = nn.Linear(latent, channels * self.start[0] * self.start[1])
        self.norm0, self.norm1 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels, 0.8)
        self.norm2, self.norm3 = nn.BatchNorm2d(half, 0.8), nn.BatchNorm2d(1, affine=False)
        self.conv0 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv1 = nn.Conv2d(channels, half, 3, padding=1)
        self.conv2 = nn.Conv2d(half, 1, 3, padding=1)

    def forward(self, z):
        x = self.norm0(self.seed(z).view(len(z), self.channels, *self.start))
        x = F.leaky_relu(self.norm1(self.conv0(F.interpolate(x, scale_factor=2))), 0.2)
        x = F.leaky_relu(self.norm2(self.conv1(F.interpolate(x, scale_factor=2))), 0.2)
        x = self.norm3(torch.tanh(self.conv2(x)))
        return x[:, :, :self.size[0], :self.size[1]]


def losses(outputs, features):
    one_hot = F.cross_entropy(outputs, outputs.argmax(1))
    activation = -features.abs().mean()
    p = outputs.softmax(1).mean(0)
    return one_hot, activation, (p * torch.log10(p)).sum()


def whole_state(generator):
    """With the factors 1 and 0 that the last normalisation does not have here."""
    return generator.state_dict() | {"norm3.weight": torch.ones(1), "norm3.bias": torch.zeros(1)}


def main() -> None:
    deterministic(43)
    golden = Golden("data_free.py")
    outputs, features = torch.randn(6, 4) * 2, torch.randn(6, 5)
    leaves = [outputs.requires_grad_(), features.requires_grad_()]
    one_hot, activation, entropy = losses(outputs, features)
    by_outputs, by_features = torch.autograd.grad(one_hot + 0.1 * activation + 5 * entropy, leaves)
    golden.case("losses", "CE(z, argmax z), −mean |f|, Σ p̄ log10 p̄", outputs=outputs, features=features,
                one_hot=one_hot, activation=activation, entropy=entropy, by_outputs=by_outputs, by_features=by_features)

    generator = Generator(3, 4, 6, 7)
    with torch.no_grad():
        for norm in (generator.norm0, generator.norm1, generator.norm2):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.5, 0.5)
    golden.add("generator", "parameters before", whole_state(generator))
    z = torch.randn(8, 3)
    golden.case("images", "generator(codes) in training mode", codes=z, images=generator(z))
    generator.load_state_dict({k: v for k, v in golden_state(golden).items()})

    teacher = [torch.randn(6, 42) * 0.3, torch.randn(6) * 0.1, torch.randn(3, 6) * 0.8, torch.randn(3) * 0.1]
    student = [torch.randn(5, 42) * 0.2, torch.randn(5) * 0.1, torch.randn(3, 5) * 0.3, torch.randn(3) * 0.1]
    names = ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]
    golden.add("teacher", None, dict(zip(names, teacher)))
    golden.add("student", "parameters before", dict(zip(names, student)))
    student = [value.clone().requires_grad_() for value in student]
    optimizers = [torch.optim.Adam(generator.parameters(), lr=0.01), torch.optim.SGD(student, lr=0.1)]

    def answer(network, x):
        hidden = F.relu(F.linear(x.flatten(1), network[0], network[1]))
        return F.linear(hidden, network[2], network[3]), hidden

    draws, values = stream(5, "data-free codes"), []
    for _ in range(4):
        images = generator(torch.randn(8, 3, generator=draws))
        said, hidden = answer(teacher, images)
        parts = losses(said, hidden)
        p = (said.detach() / 2).softmax(1)
        taught = (p * (p.log() - (answer(student, images.detach())[0] / 2).log_softmax(1))).sum(1).mean() * 4
        values.append(taught.item())
        for optimizer in optimizers:
            optimizer.zero_grad()
        (parts[0] + 0.1 * parts[1] + 5 * parts[2] + taught).backward()
        for optimizer in optimizers:
            optimizer.step()
    golden.add("student_after", "parameters after 4 steps", dict(zip(names, student)))
    golden.add("generator_after", "parameters after 4 steps", whole_state(generator))
    golden.case("run", "the student's loss of each step", losses=torch.tensor(values))
    golden.write(PERENNIAL / "data_free.safetensors")


def golden_state(golden):
    """The generator's values as they were written."""
    own = {key.removeprefix("generator/"): value for key, value in golden.tensors.items() if key.startswith("generator/")}
    return {key: value for key, value in own.items() if key not in ("norm3.weight", "norm3.bias")}

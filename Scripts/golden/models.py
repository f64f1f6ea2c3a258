"""Vision models, written here from their papers, at small widths: output, and loss and gradients in training mode.

For each model `m`: `m.state/…` the state before anything ran, `m/input`, `m/labels`, `m/output` (evaluation mode),
`m/loss` (mean cross-entropy in training mode), `m.gradient_norm/…` the L2 norm of the gradient of every parameter, and
`m.after/…` the running statistics after that one forward pass in training mode. Computed in float64.

    mlp              20-16-16-4, ReLU
    lenet            conv 6@5×5 padding 2, ReLU, max pool 2, conv 16@5×5, ReLU, max pool 2, 120-84-10, ReLU; 1×28×28
    slim_resnet18    ResNet-18 as in GEM: 3×3 stem, blocks [2, 2, 2, 2], widths w, 2w, 4w, 8w (GEM: w = 20), projection
                     shortcut, global average pool, linear; 3×32×32; names conv1, bn1, layer1.0.conv1, …,
                     layer2.0.shortcut.0, linear, as GEM's
    cifar_resnet18   the same mathematics (CIFAR: w = 64) under torchvision's names: layer2.0.downsample.0, fc
    cifar_resnet20   ResNet-20 of He et al. for CIFAR: 3×3 stem, 3 stages of 3 blocks, widths w, 2w, 4w (CIFAR: w = 16),
                     option-A shortcut: every second pixel, zero channels on both sides; names conv1, bn1,
                     layer1.0.conv1, …, linear
    cifar_resnet20_projection   the same with a 1×1 convolution and batch norm, layer2.0.shortcut.0, in its place
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from common import VISION, Golden, deterministic


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(20, 16), nn.Linear(16, 16), nn.Linear(16, 4)])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut: `identity` where shapes agree, else `shortcut` (a name) or option A."""

    def __init__(self, inputs, outputs, stride, shortcut):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.changes, self.name, self.padding = stride != 1 or inputs != outputs, shortcut, (outputs - inputs) // 2
        if self.changes and shortcut is not None:
            projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            self.add_module(shortcut, projection)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.changes and self.name is None:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))
        elif self.changes:
            x = getattr(self, self.name)(x)
        return F.relu(y + x)


class ResNet(nn.Module):
    def __init__(self, blocks, width, classes, shortcut, head):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        inputs, self.depth, self.head = width, len(blocks), head
        for index, count in enumerate(blocks):
            outputs, stage = width << index, []
            for position in range(count):
                stage.append(Block(inputs, outputs, 2 if index > 0 and position == 0 else 1, shortcut))
                inputs = outputs
            self.add_module(f"layer{index + 1}", nn.Sequential(*stage))
        self.add_module(head, nn.Linear(inputs, classes))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for index in range(self.depth):
            x = getattr(self, f"layer{index + 1}")(x)
        return getattr(self, self.head)(x.mean(dim=(2, 3)))


def trained(module, input, labels):
    """Gradients, loss and running statistics of one pass in training mode; the module stays as it is."""
    module = copy.deepcopy(module).train()
    loss = F.cross_entropy(module(input), labels)
    loss.backward()
    gradients = {key: value.grad for key, value in module.named_parameters()}
    return gradients, loss, {key: value for key, value in module.named_buffers() if "running" in key}


def main() -> None:
    deterministic(10)
    golden = Golden("models.py")

    def model(name, expression, make, shape, classes):
        module = make()
        with torch.no_grad():  # statistics, scales and shifts that a mistake could not hide behind
            for key, value in module.named_buffers():
                if key.endswith("running_mean"):
                    value.copy_(torch.randn(value.shape) * 0.1)
                elif key.endswith("running_var"):
                    value.copy_(torch.rand(value.shape) + 0.5)
            for key, value in module.named_parameters():
                if "bn" in key or key.split(".")[-2:-1] == ["1"]:
                    value.add_(torch.randn(value.shape) * 0.1)
        state = {
            key: value.clone() for key, value in module.state_dict().items()
            if not key.endswith("num_batches_tracked")
        }
        labels = torch.randint(0, classes, (2,))
        while True:  # near a kink of ReLU rounding decides between two gradients: look for an input away from all
            input = torch.randn(2, *shape)
            rough, _, _ = trained(module, input, labels)
            exact, loss, after = trained(copy.deepcopy(module).double(), input.double(), labels)
            if all((rough[key] - exact[key]).norm() < 1e-5 * exact[key].norm() for key in exact):
                break
        golden.add(f"{name}.state", None, state)
        golden.case(name, expression, input=input, labels=labels, loss=loss,
                    output=copy.deepcopy(module).double().eval()(input.double()))
        golden.add(f"{name}.gradient_norm", None, {key: value.norm() for key, value in exact.items()})
        golden.add(f"{name}.after", None, after)

    model("mlp", "20-16-16-4", MLP, (20,), 4)
    model("lenet", "LeNet-5", LeNet, (1, 28, 28), 10)
    model("slim_resnet18", "ResNet-18, w = 4, 5 classes, GEM's names",
          lambda: ResNet([2, 2, 2, 2], 4, 5, "shortcut", "linear"), (3, 32, 32), 5)
    model("cifar_resnet18", "ResNet-18, w = 4, 10 classes, torchvision's names",
          lambda: ResNet([2, 2, 2, 2], 4, 10, "downsample", "fc"), (3, 32, 32), 10)
    model("cifar_resnet20", "ResNet-20, w = 4, option A",
          lambda: ResNet([3, 3, 3], 4, 10, None, "linear"), (3, 32, 32), 10)
    model("cifar_resnet20_projection", "ResNet-20, w = 4, projection shortcut",
          lambda: ResNet([3, 3, 3], 4, 10, "shortcut", "linear"), (3, 32, 32), 10)
    golden.write(VISION / "golden-models.safetensors")

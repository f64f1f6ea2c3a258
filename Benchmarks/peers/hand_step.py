#!/usr/bin/env python3
"""The same training steps written out by hand: no module, no autograd, no dispatch that can be avoided.

One vector holds the parameters and one their gradient; products write into memory set aside before the clock starts, by MKL
or by oneDNN, whichever is faster for its shape; softmax, cross-entropy and their derivatives are a few operators, the optimizer is
one. It is no bound: a loop without Python, or with products of its own, could be faster. Data are those of
torch_eager.py, or have the size of avalanche_peer.py's experience.
"""

import time

import torch

from peer import parse, serve

torch.set_grad_enabled(False)
onednn = torch.ops.mkldnn._linear_pointwise.default


def faster(*ways):
    def seconds(way):
        start = time.perf_counter()
        for _ in range(50):
            way()
        return time.perf_counter() - start

    for way in ways:
        seconds(way)
    return min(ways, key=lambda way: sorted(seconds(way) for _ in range(7))[3])


class Layer:
    """One linear layer for batches of `rows`, with the places of its results and of its gradients."""

    def __init__(self, weight, bias, dweight, dbias, rows, is_first, is_last):
        self.w, self.b, self.dw, self.db = weight, bias, dweight, dbias
        outputs, inputs = weight.shape
        self.x, self.y, self.g = torch.randn(rows, inputs), torch.empty(rows, outputs), torch.randn(rows, outputs)
        self.dx, self.is_last = torch.empty(rows, inputs), is_last
        self.forward = faster(self.mkl_forward, self.onednn_forward)
        self.weights = faster(self.mkl_weights, self.onednn_weights)
        self.inputs = None if is_first else faster(self.mkl_inputs, self.onednn_inputs)

    def mkl_forward(self):
        torch.addmm(self.b, self.x, self.w.t(), out=self.y)
        if not self.is_last:
            self.y.relu_()

    def onednn_forward(self):
        self.y = onednn(self.x, self.w, self.b, "none" if self.is_last else "relu", [], "")

    def mkl_weights(self):
        torch.mm(self.g.t(), self.x, out=self.dw)

    def onednn_weights(self):
        self.dw.copy_(onednn(self.g.t(), self.x.t(), None, "none", [], ""))

    def mkl_inputs(self):
        torch.mm(self.g, self.w, out=self.dx)

    def onednn_inputs(self):
        self.dx = onednn(self.g, self.w.t(), None, "none", [], "")


class Perceptron:
    def __init__(self, widths, rows):
        pairs = list(zip(widths, widths[1:]))
        count = sum(i * o + o for i, o in pairs)
        self.values, self.gradient = torch.randn(count) * 0.02, torch.zeros(count)
        self.layers, place = [], 0
        for depth, (inputs, outputs) in enumerate(pairs):
            views = []
            for vector in (self.values, self.gradient):
                views.append((vector[place:place + inputs * outputs].view(outputs, inputs),
                              vector[place + inputs * outputs:place + inputs * outputs + outputs]))
            place += inputs * outputs + outputs
            (w, b), (dw, db) = views
            self.layers.append(Layer(w, b, dw, db, rows, depth == 0, depth == len(pairs) - 1))

    def forward(self, x):
        for layer in self.layers:
            layer.x = x
            layer.forward()
            x = layer.y
        return x

    def backward(self, g):
        for layer, below in zip(self.layers[::-1], [*self.layers[-2::-1], None]):
            layer.g = g
            layer.weights()
            torch.sum(g, 0, out=layer.db)
            if below:
                layer.inputs()
                g = torch.ops.aten.threshold_backward.grad_input(layer.dx, below.y, 0, grad_input=layer.dx)


class Step:
    """Cross-entropy and plain SGD."""

    def __init__(self, widths, batch, rate, count=60_000, rows=None):
        generator = torch.Generator().manual_seed(0)
        self.inputs = torch.rand((count, 784), generator=generator)
        self.labels = torch.randint(widths[-1], (count,), generator=generator)
        self.order = torch.randperm(count, generator=generator)
        self.batch, self.rate, self.position = batch, rate, 0
        self.rows = rows or batch
        self.x, self.minus = torch.empty(self.rows, 784), torch.full((self.rows, 1), -1.0)
        self.model = Perceptron(widths, self.rows)

    def places(self):
        if self.position + self.batch > len(self.order):
            self.position = 0
        self.position += self.batch
        return self.order[self.position - self.batch:self.position]

    def slope(self, outputs, labels):
        probability = torch.softmax(outputs, 1)
        self.loss = probability.gather(1, labels[:, None]).log_().mean().neg_().item()
        return probability.scatter_add_(1, labels[:, None], self.minus).div_(self.rows)

    def run(self, steps):
        for _ in range(steps):
            places = self.places()
            torch.index_select(self.inputs, 0, places, out=self.x)
            outputs = self.model.forward(self.x)
            self.model.backward(self.slope(outputs, self.labels.index_select(0, places)))
            self.before_update()
            self.model.values.add_(self.model.gradient, alpha=-self.rate)

    def before_update(self):
        pass

    def __call__(self, steps):
        self.run(50)
        start = time.perf_counter()
        self.run(steps)
        seconds = time.perf_counter() - start
        if not self.loss < 100:
            raise ArithmeticError("the loss is not finite")
        return seconds


class Replay(Step):
    """Half of the batch comes from a memory of 1,000."""

    def __init__(self, *arguments):
        super().__init__(*arguments, rows=128)

    def places(self):
        return torch.cat([super().places(), torch.randint(1000, (64,))])


class LwF(Step):
    """The model of before teaches on the first four units, T = 2."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.teacher = Perceptron([*[layer.w.shape[1] for layer in self.model.layers], 4], self.rows)

    def slope(self, outputs, labels):
        wanted = torch.softmax(self.teacher.forward(self.x) / 2, 1)
        old = outputs[:, :4] / 2
        slope = super().slope(outputs, labels)
        slope[:, :4].add_(torch.softmax(old, 1) - wanted, alpha=2 / self.rows)
        return slope


class EWC(Step):
    """One penalty for both earlier experiences."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.precision, self.weighted = torch.rand_like(self.model.values), torch.rand_like(self.model.values) * 0.02

    def before_update(self):
        self.model.gradient.addcmul_(self.precision, self.model.values, value=1e-3).sub_(self.weighted, alpha=1e-3)


THIRD = [784, 256, 256, 6], 64, 0.01, 12_000
WORKS = {
    "mlp-400-b128": lambda: Step([784, 400, 400, 10], 128, 0.05),
    "mlp-256-b64": lambda: Step([784, 256, 256, 10], 64, 0.05),
    "naive": lambda: Step(*THIRD),
    "replay": lambda: Replay(*THIRD),
    "lwf": lambda: LwF(*THIRD),
    "ewc": lambda: EWC(*THIRD),
}

if __name__ == "__main__":
    options = parse(__doc__)
    serve(WORKS, {"torch": torch.__version__, "threads": options.threads}, options)

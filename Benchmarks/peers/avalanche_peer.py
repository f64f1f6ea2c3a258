#!/usr/bin/env python3
"""Avalanche's training loop at its best: tensors in memory, no metrics, no loggers, no evaluation, no worker processes.

Data have MNIST's shape, split into five experiences of two classes. Every work first learns two experiences and is then
timed inside the third, from one training iteration to another: making data sets, loaders and optimizers, and what
happens at the end of an experience are not counted. The model is 784-256-256-10, SGD, batch 64; replay adds 64 items
from a memory of 1,000; EWC keeps separate penalties; LwF has alpha 1 and temperature 2. A-GEM and GEM keep 250 items of each experience, and A-GEM
draws 64 of them; DER and MIR add 64 items from a memory of 1,000, MIR the worst of 200. These four take batches apart
into input, label and task, so theirs carry a task.
"""

import time
import warnings

import torch
from torch import nn
from torch.utils.data import TensorDataset

from peer import parse, serve

warnings.filterwarnings("ignore")

try:
    import torchvision  # noqa: F401
except RuntimeError:
    # The PyPI wheel of torchvision has operators for CUDA, which do not load beside a CPU-only PyTorch. Avalanche only
    # needs its Python part, whose import fails for want of the names of two operators.
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    operators = torch.library.Library("torchvision", "DEF")
    operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import avalanche
from avalanche.benchmarks import benchmark_from_datasets
from avalanche.benchmarks.utils import ConstantSequence, DataAttribute, TaskAwareSupervisedClassificationDataset
from avalanche.training.plugins import EvaluationPlugin, SupervisedPlugin
from avalanche.training.supervised import AGEM, DER, EWC, GEM, MIR, LwF, Naive, Replay, SynapticIntelligence

WARM_UP = 20  # iterations at the beginning of every request


class Enough(Exception):
    """Leaves `train` in the middle of an experience, so that the next request continues in the same one."""


class Stopwatch(SupervisedPlugin):
    """Measures from the end of one training iteration to the end of another one."""

    def __init__(self):
        super().__init__()
        self.steps = None
        self.seconds = 0.0

    def request(self, steps):
        self.steps, self.done = steps, 0

    def after_training_iteration(self, strategy, **arguments):
        if self.steps is None:
            return
        self.done += 1
        if self.done == WARM_UP:
            self.start = time.perf_counter()
        elif self.done == WARM_UP + self.steps:
            self.seconds = time.perf_counter() - self.start
            if not torch.isfinite(strategy.loss):
                raise ArithmeticError("the loss is not finite")
            raise Enough


experiences = {}


def stream(with_task=False):
    if with_task not in experiences:
        generator = torch.Generator().manual_seed(0)
        sets = []
        for index in range(5):
            inputs = torch.rand(12_000, 784, generator=generator)
            labels = torch.randint(2, (12_000,), generator=generator) + 2 * index
            # LwF asks which labels belong to which task; no batch has to carry the task.
            sets.append(TaskAwareSupervisedClassificationDataset(
                [TensorDataset(inputs, labels)],
                data_attributes=[
                    DataAttribute(labels.tolist(), "targets"),
                    DataAttribute(ConstantSequence(0, len(labels)), "targets_task_labels", use_in_getitem=with_task),
                ]))
        experiences[with_task] = list(benchmark_from_datasets(train=sets).streams["train"])
    return experiences[with_task]


class Work:
    def __init__(self, make, with_task=False):
        torch.manual_seed(0)
        self.stream = stream(with_task)
        model = nn.Sequential(
            nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
        self.stopwatch = Stopwatch()
        self.strategy = make(
            model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.01), criterion=nn.CrossEntropyLoss(),
            train_mb_size=64, train_epochs=1, eval_mb_size=64, device="cpu", plugins=[self.stopwatch],
            evaluator=EvaluationPlugin(), eval_every=-1)
        for experience in self.stream[:2]:
            self.strategy.train(experience)
        self.strategy.train_epochs = 1_000_000
        start = time.perf_counter()
        while time.perf_counter() - start < 1:
            self(50)

    def __call__(self, steps):
        assert self.strategy.clock.train_exp_counter == 2, "not in the third experience"
        self.stopwatch.request(steps)
        try:
            self.strategy.train(self.stream[2])
        except Enough:
            return self.stopwatch.seconds
        raise RuntimeError("training ended before the steps were done")


WORKS = {
    "naive": lambda: Work(Naive),
    "replay": lambda: Work(lambda **common: Replay(mem_size=1000, **common)),
    "ewc": lambda: Work(lambda **common: EWC(ewc_lambda=1.0, mode="separate", **common)),
    "lwf": lambda: Work(lambda **common: LwF(alpha=1.0, temperature=2.0, **common)),
    "si": lambda: Work(lambda **common: SynapticIntelligence(si_lambda=1.0, **common)),
    "a-gem": lambda: Work(lambda **common: AGEM(patterns_per_exp=250, sample_size=64, **common), with_task=True),
    "der": lambda: Work(lambda **common: DER(mem_size=1000, alpha=0.1, beta=0.0, **common), with_task=True),
    "gem": lambda: Work(lambda **common: GEM(patterns_per_exp=250, memory_strength=0.5, **common), with_task=True),
    "mir": lambda: Work(
        lambda **common: MIR(mem_size=1000, subsample=200, batch_size_mem=64, **common), with_task=True),
}

if __name__ == "__main__":
    options = parse(__doc__)
    versions = {"avalanche": avalanche.__version__, "torch": torch.__version__, "threads": options.threads}
    serve(WORKS, versions, options)

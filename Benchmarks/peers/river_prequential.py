"""river's online learners on the stream of Recipes/elec2/prequential.yaml: the same rows, predicted, then learned.

    python3 -m venv /tmp/river && /tmp/river/bin/pip install river==0.26.1 numpy
    /tmp/river/bin/python Benchmarks/peers/river_prequential.py DATA [SEED ...]

Every tenth row is left out, as in the recipe, where it tests. `last label` says what came before: on this stream any
learner has to be held against it, because neighbouring labels are mostly the same.
"""

import csv
import json
import pathlib
import sys
import time

import numpy
from river import ensemble, forest, linear_model, optim, preprocessing, tree

BATCH = 1


class MLP:
    """One hidden layer of 64 ReLU units and SGD, in numpy."""

    def __init__(self, inputs, seed, rate=0.05, momentum=0.0):
        rng = numpy.random.default_rng(seed)
        self.parameters = [
            rng.normal(size=(inputs, 64)) * (2 / inputs) ** 0.5, numpy.zeros(64),
            rng.normal(size=(64, 2)) * (1 / 64) ** 0.5, numpy.zeros(2)]
        self.velocity = [numpy.zeros_like(p) for p in self.parameters]
        self.rate, self.momentum = rate, momentum

    def forward(self, x):
        w, b, v, c = self.parameters
        hidden = numpy.maximum(x @ w + b, 0)
        return hidden, hidden @ v + c

    def learn(self, x, y):
        hidden, outputs = self.forward(x)
        p = numpy.exp(outputs - outputs.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[numpy.arange(len(y)), y] -= 1
        p /= len(y)
        back = (p @ self.parameters[2].T) * (hidden > 0)
        gradients = [x.T @ back, back.sum(0), hidden.T @ p, p.sum(0)]
        for parameter, velocity, gradient in zip(self.parameters, self.velocity, gradients):
            velocity *= self.momentum
            velocity += gradient
            parameter -= self.rate * velocity


def stream(data):
    with open(pathlib.Path(data) / "elec2" / "elec.csv") as file:
        rows = list(csv.reader(file))
    names, rows = rows[0][:-1], rows[1:]
    for index, row in enumerate(rows):
        if index % 10 != 9:
            yield dict(zip(names, map(float, row[:-1]))), int(row[-1])


def river_models(seed):
    return {
        "logistic regression": preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(0.05)),
        "Hoeffding tree": tree.HoeffdingTreeClassifier(),
        "ADWIN bagging of logistic regressions": ensemble.ADWINBaggingClassifier(
            preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(0.05)), n_models=10, seed=seed),
        "adaptive random forest (10 trees)": forest.ARFClassifier(n_models=10, seed=seed),
    }


def follow(model, items):
    right = total = 0
    for x, y in items:
        right += model.predict_one(x) == y
        total += 1
        model.learn_one(x, y)
    return right / total


def follow_mlp(items, seed):
    """Columns in units of what was seen by then, as Perennial's learner gets them."""
    count, mean, squares = 0, numpy.zeros(6), numpy.zeros(6)
    rows, labels = [], []
    for x, y in items:
        x = numpy.array(list(x.values()))
        count += 1
        distance = x - mean
        mean = mean + distance / count
        squares = squares + distance * (x - mean)
        deviation = numpy.sqrt(squares / count)
        rows.append(numpy.where(deviation > 0, (x - mean) / numpy.where(deviation > 0, deviation, 1), 0))
        labels.append(y)
    rows, labels = numpy.array(rows), numpy.array(labels)
    model, right = MLP(6, seed), 0
    for start in range(0, len(rows), BATCH):
        x, y = rows[start:start + BATCH], labels[start:start + BATCH]
        right += int((model.forward(x)[1].argmax(1) == y).sum())
        model.learn(x, y)
    return right / len(rows)


def main():
    data, seeds = sys.argv[1], [int(seed) for seed in sys.argv[2:]] or [0, 1, 2]
    items = list(stream(data))
    last, right = 0, 0
    for _, y in items:
        right += last == y
        last = y
    print(json.dumps({"model": "last label", "accuracy": [right / len(items)]}), flush=True)
    random = {"adaptive random forest (10 trees)", "ADWIN bagging of logistic regressions"}
    for name in river_models(0):
        start = time.time()
        scores = [follow(river_models(seed)[name], items) for seed in (seeds if name in random else seeds[:1])]
        print(json.dumps({"model": name, "accuracy": scores, "seconds": (time.time() - start) / len(scores)}), flush=True)
    start = time.time()
    scores = [follow_mlp(items, seed) for seed in seeds]
    print(json.dumps({"model": "MLP of 64 (numpy)", "accuracy": scores, "seconds": (time.time() - start) / len(scores)}))


main()

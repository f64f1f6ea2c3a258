#!/usr/bin/env python3
"""What the matrix products of a training step cost on this machine, alone: the floor below which no implementation of the
step can go with these libraries. Compares MKL (libtorch's default) with oneDNN.

    Benchmarks/.venv-torch/bin/python Benchmarks/peers/gemm_floor.py [THREADS]
"""

import statistics
import sys
import time

import torch

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
onednn = torch.ops.mkldnn._linear_pointwise


def milliseconds(work, repetitions=42):
    for _ in range(30):
        work()
    rounds = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(repetitions):
            work()
        rounds.append((time.perf_counter() - start) / repetitions * 1000)
    return statistics.median(rounds)


for batch, layers in ((128, [(784, 400), (400, 400), (400, 10)]), (64, [(784, 256), (256, 256), (256, 10)])):
    mkl = best = flop = 0
    for depth, (inputs, outputs) in enumerate(layers):
        x, w, g = torch.randn(batch, inputs), torch.randn(outputs, inputs), torch.randn(batch, outputs)
        products = [(x, w), (g.t(), x.t())] + ([(g, w.t())] if depth else [])
        for a, b in products:
            one = milliseconds(lambda: a @ b.t())
            other = milliseconds(lambda: onednn(a, b, None, "none", [], ""))
            mkl, best, flop = mkl + one, best + min(one, other), flop + 2 * batch * inputs * outputs
    name = "-".join(str(n) for n in [layers[0][0]] + [outputs for _, outputs in layers])
    print(f"{name}, batch {batch}: {flop / 1e6:.0f} MFLOP a step; MKL {mkl:.2f} ms, the better of MKL and oneDNN {best:.2f} ms "
          f"({flop / best / 1e6:.0f} GFLOP/s)")
a = torch.randn(2048, 2048)
for name, work in (("MKL", lambda: a @ a), ("oneDNN", lambda: onednn(a, a, None, "none", [], ""))):
    print(f"2048 × 2048, {name}: {2 * 2048**3 / milliseconds(work, 3) / 1e6:.0f} GFLOP/s")

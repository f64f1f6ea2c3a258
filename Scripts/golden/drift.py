"""Drift detectors of river, and two-sample tests of scipy, on stored streams: what `DriftDetectorTests` compares with.

Needs river and scipy (see requirements-drift.txt), and nothing of PyTorch:

    python3 -m venv /tmp/river && /tmp/river/bin/pip install -r Scripts/golden/requirements-drift.txt
    /tmp/river/bin/python Scripts/golden/drift.py
"""

import json
import pathlib
import random

import numpy
import scipy.stats
from river import drift

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/PerennialTests/Golden/drift.json"


def bits(rng, rates, length):
    return [int(rng.random() < rate) for rate in rates for _ in range(length)]


def streams():
    rng = random.Random(7)
    return {
        "bits_up": bits(rng, [0.2, 0.5], 1000),
        "bits_down_up": bits(rng, [0.5, 0.15, 0.6, 0.6], 700),
        "bits_slow": [int(rng.random() < 0.05 + 0.5 * max(0, t - 800) / 1200) for t in range(2000)],
        "levels": [round(rng.gauss(mean, 0.3), 6) for mean in (0.0, 0.9, 0.9, -0.4) for _ in range(600)],
    }


def run(make, values, names):
    detector = make()
    drifts, warnings, trace = [], [], []
    for index, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            drifts.append(index)
        if getattr(detector, "warning_detected", False):
            warnings.append(index)
        if index % 50 == 49:
            trace.append([float(name(detector)) for name in names])
    return {"drifts": drifts, "warnings": warnings, "trace": trace}


def kswin(values, **options):
    """With river's own draws beside, one list for every comparison."""
    detector = drift.KSWIN(**options)
    draws, drifts, trace = [], [], []

    class Drawing(random.Random):
        def sample(self, population, k, **rest):
            taken = super().sample(population, k, **rest)
            draws.append(list(taken))
            return taken

    def tapped():
        detector._rng = Drawing(detector.seed)

    tapped()
    for value in values:
        if detector.drift_detected:
            detector._reset()
            detector._drift_detected = False
            tapped()
        before = len(draws)
        detector.update(value)
        if len(draws) > before:
            trace.append(detector.p_value)
        if detector.drift_detected:
            drifts.append(len(trace) - 1)
    return {"values": values, "draws": draws, "p": trace, "drifts": drifts}


def mmd(x, y):
    rows = numpy.concatenate([x, y])
    squares = ((rows[:, None] - rows[None]) ** 2).sum(-1)
    median = numpy.median(squares[numpy.tril_indices(len(rows), -1)])
    kernel = numpy.exp(-squares / (2 * median))
    m = len(x)
    return float(kernel[:m, :m].mean() + kernel[m:, m:].mean() - 2 * kernel[:m, m:].mean())


def main():
    data = streams()
    page = lambda d: (d._sum_increase, d._sum_decrease)
    detectors = {
        "adwin": (lambda: drift.ADWIN(), [lambda d: d.width, lambda d: d.total, lambda d: d.variance]),
        "adwin-fast": (
            lambda: drift.ADWIN(delta=0.05, clock=1, max_buckets=3, min_window_length=2, grace_period=5),
            [lambda d: d.width, lambda d: d.total, lambda d: d.variance]),
        "page-hinkley": (lambda: drift.PageHinkley(threshold=20), [lambda d: page(d)[0], lambda d: page(d)[1]]),
        "page-hinkley-up": (
            lambda: drift.PageHinkley(threshold=10, delta=0.01, alpha=0.999, mode="up", min_instances=50),
            [lambda d: page(d)[0], lambda d: page(d)[1]]),
        "ddm": (lambda: drift.binary.DDM(), [lambda d: d._p.get()]),
        "eddm": (lambda: drift.binary.EDDM(), [lambda d: d._p2s_prime_max]),
        "hddm-a": (lambda: drift.binary.HDDMA(), [lambda d: d._z.get(), lambda d: d._x_min.get()]),
        "hddm-a-two": (
            lambda: drift.binary.HDDMA(two_sided_test=True), [lambda d: d._z.get(), lambda d: d._x_min.get()]),
        "hddm-w": (lambda: drift.binary.HDDMW(), [lambda d: d._total.ewma]),
        "hddm-w-two": (lambda: drift.binary.HDDMW(two_sided_test=True, lambda_val=0.1), [lambda d: d._total.ewma]),
    }
    cases = []
    for name, (make, names) in detectors.items():
        for stream, values in data.items():
            if stream == "levels" and not name.startswith(("adwin", "page")):
                continue
            cases.append({"detector": name, "stream": stream, **run(make, values, names)})
    rng = numpy.random.default_rng(3)
    samples = []
    for m, n, shift in [(30, 30, 0.0), (30, 30, 0.9), (5, 8, 1.0), (20, 31, 0.4), (100, 100, 0.6), (60, 60, 3.0)]:
        one, other = rng.normal(size=m).round(2), (rng.normal(size=n) + shift).round(2)
        test = scipy.stats.ks_2samp(one, other, method="exact")
        samples.append({
            "one": one.tolist(), "other": other.tolist(), "statistic": float(test.statistic),
            "p": float(test.pvalue)})
    discrepancies = []
    for shift in (0.0, 0.7):
        x, y = rng.normal(size=(12, 3)).round(4), (rng.normal(size=(15, 3)) + shift).round(4)
        discrepancies.append({"one": x.tolist(), "other": y.tolist(), "statistic": mmd(x, y)})
    golden = {
        "streams": data, "cases": cases, "samples": samples, "discrepancies": discrepancies,
        "kswin": [kswin(data["levels"][500:1400], seed=4), kswin(data["bits_up"][700:1300], seed=1, alpha=0.01)],
    }
    OUT.write_text(json.dumps(golden) + "\n")
    for case in cases:
        print(case["detector"], case["stream"], case["drifts"][:6], len(case["warnings"]))
    print(OUT.stat().st_size, "bytes", [len(k["drifts"]) for k in golden["kswin"]])


main()

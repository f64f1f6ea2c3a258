#!/usr/bin/env python3
"""Golden values of the gate's statistics, from scipy and statsmodels: writes paired.json beside this file.

McNemar's exact test is a binomial test of the discordant pairs. Newcombe's interval for paired proportions (1998,
method 10) is in neither library: it is written out here with scipy's normal quantiles and statsmodels' Wilson intervals.
"""

import json
import math
import pathlib

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint


def newcombe(a, b, c, d, confidence):
    n = a + b + c + d
    alpha = 2 * (1 - confidence)
    before, after = (a + b) / n, (a + c) / n
    l1, u1 = proportion_confint(a + b, n, alpha=alpha, method="wilson")
    l2, u2 = proportion_confint(a + c, n, alpha=alpha, method="wilson")
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    product = a * d - b * c
    phi = 0.0
    if margins:
        if product > n / 2:
            phi = (product - n / 2) / math.sqrt(margins)
        elif product < 0:
            phi = product / math.sqrt(margins)
    down, up = before - l1, u2 - after
    return (before - after) - math.sqrt(down**2 - 2 * phi * down * up + up**2)


def bootstrap(a, b, c, d):
    change = np.array([0] * (a + d) + [-1] * b + [1] * c, dtype=float)
    found = stats.bootstrap(
        (change,), np.mean, n_resamples=20000, method="percentile", confidence_level=0.95, random_state=0
    )
    return [found.confidence_interval.low, found.confidence_interval.high]


cases = []
for a, b, c, d in [
    (80, 5, 3, 12), (0, 0, 0, 10), (50, 0, 0, 0), (90, 10, 0, 0), (10, 0, 40, 5), (470, 12, 30, 88), (7, 1, 2, 0),
    (1500, 61, 33, 106), (36, 12, 2, 0), (20, 3, 9, 18), (1, 1, 1, 1),
]:  # fmt: skip
    table = [[a, b], [c, d]]
    cases.append({
        "table": [a, b, c, d],
        "p_different": float(mcnemar(table, exact=True).pvalue) if b + c else 1.0,
        "p_worse": float(stats.binomtest(b, b + c, 0.5, alternative="greater").pvalue) if b + c else 1.0,
        "surely_dropped_95": newcombe(a, b, c, d, 0.95),
        "surely_dropped_99": newcombe(a, b, c, d, 0.99),
        "gain_interval": bootstrap(a, b, c, d),
    })
quantiles = [[p, float(stats.norm.ppf(p))] for p in (0.5, 0.8, 0.9, 0.95, 0.975, 0.99, 0.999, 0.999999)]
out = pathlib.Path(__file__).with_name("paired.json")
out.write_text(json.dumps({"cases": cases, "quantiles": quantiles}, indent=1) + "\n")

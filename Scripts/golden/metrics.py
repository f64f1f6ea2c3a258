"""Metrics of continual learning on hand-made accuracy matrices, in plain Python.

R[i][j] is the accuracy on experience j after learning experience i, both counted from 0 here; T experiences.
A mean over nothing is written as null.
"""

from common import PERENNIAL, deterministic, emit_json


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


def average_accuracy(R):
    # mean_j R[T][j]
    return mean(R[-1])


def average_incremental_accuracy(R):
    # mean_i mean_{j ≤ i} R[i][j]: every row counts the same, however many experiences it covers
    return mean(mean(row[: i + 1]) for i, row in enumerate(R))


def forgetting(R):
    # mean_{j < T} (max_{i < T} R[i][j] − R[T][j]). The maximum also sees rows before j was learned, and not the last row,
    # so the value may be negative.
    T = len(R)
    return mean(max(R[i][j] for i in range(T - 1)) - R[T - 1][j] for j in range(T - 1))


def forgetting_from_learned(R):
    # mean_{j < T} (R[j][j] − R[T][j])
    T = len(R)
    return mean(R[j][j] - R[T - 1][j] for j in range(T - 1))


def backward_transfer(R):
    # mean_{j < T} (R[T][j] − R[j][j]): over T − 1 experiences, where GEM's code divides by T
    value = forgetting_from_learned(R)
    return None if value is None else -value


def forward_transfer(R, random_init):
    # mean_{j > 1} (R[j−1][j] − random_init[j])
    return mean(R[j - 1][j] - random_init[j] for j in range(1, len(R)))


def intransigence(R, joint):
    # mean_j (joint[j] − R[j][j]), joint[j] = accuracy on j of a model trained on experiences 1 … j together
    return mean(joint[j] - R[j][j] for j in range(len(R)))


def learning_curve_area(curves):
    # A-GEM's LCA_β: mean over experiences of the mean of the first β + 1 accuracies on the experience while it is being
    # learned; curves[k][b] = accuracy on k after b of its mini-batches, b = 0 … β
    return mean(mean(curve) for curve in curves)


def negative_flip_rate(before, after, labels):
    # share of all examples that the model before had right and the model after has wrong
    return mean(float(b == y and a != y) for b, a, y in zip(before, after, labels))


def anytime_accuracy(evaluations):
    # mean over evaluation times of the mean accuracy over the experiences seen so far
    return mean(mean(e["accuracies"][: e["seen"]]) for e in evaluations)


def case(name, R, random_init, joint, curves, evaluations):
    return {
        "name": name, "matrix": R, "random_init": random_init, "joint": joint, "learning_curves": curves,
        "evaluations": evaluations,
        "expected": {
            "average_accuracy": average_accuracy(R),
            "average_incremental_accuracy": average_incremental_accuracy(R),
            "anytime_accuracy": anytime_accuracy(evaluations),
            "forgetting": forgetting(R),
            "forgetting_from_learned": forgetting_from_learned(R),
            "backward_transfer": backward_transfer(R),
            "forward_transfer": forward_transfer(R, random_init),
            "intransigence": intransigence(R, joint),
            "learning_curve_area": learning_curve_area(curves),
        },
    }


def main() -> None:
    deterministic(8)
    one = case("one experience", [[0.9]], [0.5], [0.95], [[0.5, 0.7, 0.9]], [
        {"seen": 1, "accuracies": [0.6]}, {"seen": 1, "accuracies": [0.9]}])
    # Experience 1 is best before the end (0.95 in the second row), experience 2 still improves at the end: forgetting
    # from the best and from just learned differ, and one summand is negative.
    three = case(
        "three experiences",
        [[0.9, 0.2, 0.1],
         [0.95, 0.8, 0.3],
         [0.6, 0.85, 0.7]],
        [0.1, 0.15, 0.05], [0.92, 0.9, 0.85],
        [[0.1, 0.6, 0.8], [0.2, 0.5, 0.7], [0.3, 0.4, 0.6]],
        [{"seen": 1, "accuracies": [0.5, 0.2, 0.1]}, {"seen": 1, "accuracies": [0.9, 0.2, 0.1]},
         {"seen": 2, "accuracies": [0.95, 0.8, 0.3]}, {"seen": 3, "accuracies": [0.6, 0.85, 0.7]}])
    five = case(
        "five experiences",
        [[0.98, 0.0, 0.05, 0.0, 0.11],
         [0.71, 0.97, 0.02, 0.13, 0.0],
         [0.44, 0.62, 0.99, 0.07, 0.01],
         [0.4, 0.31, 0.76, 0.93, 0.2],
         [0.52, 0.17, 0.58, 0.64, 0.96]],
        [0.1, 0.12, 0.08, 0.0, 0.5], [0.99, 0.98, 0.97, 0.96, 0.95],
        [[0.1, 0.4, 0.9, 0.95], [0.0, 0.3, 0.6, 0.97], [0.02, 0.5, 0.5, 0.8], [0.07, 0.2, 0.9, 0.91],
         [0.2, 0.2, 0.2, 0.96]],
        [{"seen": 1, "accuracies": [0.98, 0.0, 0.05, 0.0, 0.11]},
         {"seen": 2, "accuracies": [0.8, 0.5, 0.02, 0.1, 0.0]},
         {"seen": 2, "accuracies": [0.71, 0.97, 0.02, 0.13, 0.0]},
         {"seen": 5, "accuracies": [0.52, 0.17, 0.58, 0.64, 0.96]}])

    # Worked by hand, so that a slip in the formulas above cannot go unseen.
    expected = three["expected"]
    for key, value in {
        "average_accuracy": (0.6 + 0.85 + 0.7) / 3,
        "average_incremental_accuracy": (0.9 + 0.875 + 2.15 / 3) / 3,
        "anytime_accuracy": (0.5 + 0.9 + 0.875 + 2.15 / 3) / 4,
        "forgetting": ((0.95 - 0.6) + (0.8 - 0.85)) / 2,
        "forgetting_from_learned": ((0.9 - 0.6) + (0.8 - 0.85)) / 2,
        "backward_transfer": -0.125,
        "forward_transfer": ((0.2 - 0.15) + (0.3 - 0.05)) / 2,
        "intransigence": (0.02 + 0.1 + 0.15) / 3,
        "learning_curve_area": (1.5 + 1.4 + 1.3) / 9,
    }.items():
        assert abs(expected[key] - value) < 1e-12, key

    flips = []
    for name, before, after, labels in (
        ("none", [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 0]),
        # items 1 and 4 flip to wrong, item 2 flips to right, item 5 is wrong twice
        ("some", [0, 1, 0, 3, 4, 0, 2, 2], [0, 2, 2, 3, 0, 1, 2, 2], [0, 1, 2, 3, 4, 5, 2, 2]),
        ("all", [1, 0, 1], [0, 1, 0], [1, 0, 1]),
    ):
        flips.append({"name": name, "before": before, "after": after, "labels": labels,
                      "expected": negative_flip_rate(before, after, labels)})
    assert [flip["expected"] for flip in flips] == [0, 0.25, 1]

    emit_json(PERENNIAL / "metrics.json", {
        "script": "Scripts/golden/metrics.py", "cases": [one, three, five], "negative_flip_rate": flips})

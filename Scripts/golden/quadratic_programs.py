"""Solutions of quadratic programs with lower bounds by quadprog (Goldfarb & Idnani 1983), for GEM.

Run by itself, in an environment with numpy and quadprog:

    python Scripts/golden/quadratic_programs.py

Each case has A = G Gᵀ of random gradients G, some of them nearly or exactly alike, b = G g, and

    v = argmin over v ≥ margin of ½ vᵀ (A + epsilon I) v + bᵀ v
"""

import json
import pathlib

import numpy
import quadprog

PATH = pathlib.Path(__file__).resolve().parents[2] / "Tests/PerennialTests/Golden/quadratic-programs.json"


def main() -> None:
    random = numpy.random.default_rng(3)
    cases = []
    for size in [1, 1, 2, 2, 3, 4, 6, 9, 14, 19]:
        for margin in (0.0, 0.5):
            rows = random.normal(size=(size, 30)) * 10.0 ** random.uniform(-2, 1)
            if size > 3:
                rows[1] = rows[0]
                rows[2] = -rows[0] + 1e-3 * random.normal(size=30)
            gradient = random.normal(size=30)
            matrix, linear, epsilon = rows @ rows.T, rows @ gradient, 1e-3
            solution = quadprog.solve_qp(
                matrix + epsilon * numpy.eye(size), -linear, numpy.eye(size), numpy.full(size, margin))[0]
            cases.append({"matrix": matrix.ravel().tolist(), "linear": linear.tolist(), "epsilon": epsilon,
                          "margin": margin, "solution": solution.tolist()})
    PATH.write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()

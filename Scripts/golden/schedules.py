"""Learning-rate schedules: `rates[k]` is the learning rate of step k, counted from 0."""

import torch
from torch.optim import lr_scheduler as schedule

from common import TORCH, deterministic, emit_json


def main() -> None:
    deterministic(5)
    cases = []

    def case(name, steps, arguments, make, base=0.1):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
        scheduler, rates = make(optimizer), []
        for step in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step + 1 < steps:  # OneCycleLR raises beyond its end
                scheduler.step()
        cases.append({"name": name, "base": base, "arguments": arguments, "rates": rates})

    case("constant", 5, {}, lambda o: schedule.LambdaLR(o, lambda step: 1.0))
    case("step", 12, {"step_size": 4, "gamma": 0.1}, lambda o: schedule.StepLR(o, 4, gamma=0.1))
    case("step_gamma", 10, {"step_size": 3, "gamma": 0.5}, lambda o: schedule.StepLR(o, 3, gamma=0.5))
    case("multi_step", 12, {"milestones": [2, 5, 9], "gamma": 0.2},
         lambda o: schedule.MultiStepLR(o, [2, 5, 9], gamma=0.2))
    case("exponential", 8, {"gamma": 0.9}, lambda o: schedule.ExponentialLR(o, 0.9))
    # The rate reaches eta_min at step t_max and rises again after it, as PyTorch's does: 10 steps stay below that.
    case("cosine", 11, {"t_max": 10, "eta_min": 0.0}, lambda o: schedule.CosineAnnealingLR(o, 10))
    case("cosine_floor", 11, {"t_max": 10, "eta_min": 0.01}, lambda o: schedule.CosineAnnealingLR(o, 10, eta_min=0.01))
    case("linear_warmup", 8, {"start_factor": 0.1, "total_iters": 5},
         lambda o: schedule.LinearLR(o, start_factor=0.1, total_iters=5))

    def one_cycle(name, steps, **arguments):
        shown = {"max_lr": 0.5, "total_steps": steps, "pct_start": 0.3, "div_factor": 25.0, "final_div_factor": 1e4,
                 "anneal_strategy": "cos", "three_phase": False}
        case(name, steps, shown | arguments,
             lambda o: schedule.OneCycleLR(o, 0.5, total_steps=steps, cycle_momentum=False, **arguments))

    one_cycle("one_cycle", 20)
    one_cycle("one_cycle_linear", 20, anneal_strategy="linear", pct_start=0.25)
    one_cycle("one_cycle_factors", 17, pct_start=0.4, div_factor=10.0, final_div_factor=100.0)
    one_cycle("one_cycle_three_phase", 20, three_phase=True)

    case("warmup_cosine", 20, {"start_factor": 0.1, "warmup_steps": 5, "t_max": 15, "eta_min": 0.0},
         lambda o: schedule.SequentialLR(
             o, [schedule.LinearLR(o, start_factor=0.1, total_iters=5), schedule.CosineAnnealingLR(o, 15)], [5]))
    case("warmup_constant", 10, {"start_factor": 0.25, "warmup_steps": 4},
         lambda o: schedule.LinearLR(o, start_factor=0.25, total_iters=4), base=0.02)

    emit_json(TORCH / "schedules.json", {
        "torch": torch.__version__.split("+")[0], "script": "Scripts/golden/schedules.py", "cases": cases})

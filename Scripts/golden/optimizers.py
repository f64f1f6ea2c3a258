"""Optimizers: parameters after each of five steps with stored gradients, and gradient clipping.

`optimizer_*` cases: start from `start.weight` and `start.bias`, use row k of `gradient.weight` and `gradient.bias` as
the gradient of step k, and find row k of `weight` and `bias` afterwards. Start and gradients are those of `problem`.
"""

import torch

from common import TORCH, Golden, deterministic

STEPS = 5


def main() -> None:
    deterministic(4)
    golden = Golden("optimizers.py")
    start = {"weight": torch.randn(4, 3), "bias": torch.randn(4)}
    gradients = {"weight": torch.randn(STEPS, 4, 3), "bias": torch.randn(STEPS, 4)}
    gradients["bias"][2] = 0  # moments act without a gradient
    golden.add("problem", "start values, and the gradient of every step",
               {f"start.{key}": value for key, value in start.items()}
               | {f"gradient.{key}": value for key, value in gradients.items()})

    def optimizer(name, expression, make, rates=None):
        parameters = {key: value.clone().requires_grad_() for key, value in start.items()}
        subject = make(list(parameters.values()))
        rows = {key: [] for key in parameters}
        for step in range(STEPS):
            if rates is not None:
                subject.param_groups[0]["lr"] = rates[step]
            for key, parameter in parameters.items():
                parameter.grad = gradients[key][step].clone()
            subject.step()
            for key, parameter in parameters.items():
                rows[key].append(parameter.detach().clone())
        golden.add(f"optimizer_{name}", expression, {key: torch.stack(row) for key, row in rows.items()})

    SGD, Adam, AdamW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    optimizer("sgd", "lr 0.1", lambda p: SGD(p, lr=0.1))
    optimizer("sgd_momentum", "lr 0.1, momentum 0.9", lambda p: SGD(p, lr=0.1, momentum=0.9))
    optimizer("sgd_dampening", "lr 0.1, momentum 0.9, dampening 0.5",
              lambda p: SGD(p, lr=0.1, momentum=0.9, dampening=0.5))
    optimizer("sgd_nesterov", "lr 0.1, momentum 0.9, Nesterov", lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True))
    optimizer("sgd_weight_decay", "lr 0.1, weight decay 0.05", lambda p: SGD(p, lr=0.1, weight_decay=0.05))
    optimizer("sgd_all", "lr 0.05, momentum 0.8, Nesterov, weight decay 0.01",
              lambda p: SGD(p, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01))
    optimizer("adam", "lr 1e-3", lambda p: Adam(p, lr=1e-3))
    optimizer("adam_weight_decay", "lr 1e-2, weight decay 0.1 (added to the gradient)",
              lambda p: Adam(p, lr=1e-2, weight_decay=0.1))
    optimizer("adam_eps", "lr 1e-2, eps 0.1", lambda p: Adam(p, lr=1e-2, eps=0.1))
    optimizer("adam_betas", "lr 1e-2, betas 0.5 and 0.9", lambda p: Adam(p, lr=1e-2, betas=(0.5, 0.9)))
    optimizer("adamw", "lr 1e-2, weight decay 0.01 (decoupled)", lambda p: AdamW(p, lr=1e-2))
    optimizer("adamw_weight_decay", "lr 1e-2, weight decay 0.2, betas 0.8 and 0.95, eps 1e-6",
              lambda p: AdamW(p, lr=1e-2, weight_decay=0.2, betas=(0.8, 0.95), eps=1e-6))
    rates = [0.1, 0.05, 0.2, 0.0, 0.01]
    optimizer("sgd_momentum_rates", "momentum 0.9, lr 0.1, 0.05, 0.2, 0, 0.01", lambda p: SGD(p, lr=0, momentum=0.9),
              rates)
    optimizer("adam_rates", "lr 0.1, 0.05, 0.2, 0, 0.01", lambda p: Adam(p, lr=1), rates)

    # Clipping: the gradients of step 0, together, before and after.
    def clip(name, expression, function):
        parameters = {key: value.clone().requires_grad_() for key, value in start.items()}
        for key, parameter in parameters.items():
            parameter.grad = gradients[key][0].clone()
        norm = function(list(parameters.values()))
        stored = {key: parameter.grad for key, parameter in parameters.items()}
        golden.add(f"clip_{name}", expression, stored if norm is None else stored | {"norm": norm})

    clip("norm", "clip_grad_norm_ to 1; norm is the one before clipping",
         lambda p: torch.nn.utils.clip_grad_norm_(p, 1.0))
    clip("norm_large", "clip_grad_norm_ to 100: nothing changes", lambda p: torch.nn.utils.clip_grad_norm_(p, 100.0))
    clip("norm_max", "clip_grad_norm_ to 0.5 in the maximum norm",
         lambda p: torch.nn.utils.clip_grad_norm_(p, 0.5, norm_type=float("inf")))
    clip("value", "clip_grad_value_ to 0.4", lambda p: torch.nn.utils.clip_grad_value_(p, 0.4))

    golden.write(TORCH / "optimizers.safetensors")

"""Initialisers and generators: exact draws for a seed, and the bounds and deviations that the formulas give.

The numbers come from libtorch's own CPU generator, so the same calls in the same order give the same values.
`uniform` cases hold `bound` (values lie in [-bound, bound]), `normal` cases hold `std`.
"""

import math

import torch
from torch import nn

from common import TORCH, Golden, deterministic


def main() -> None:
    deterministic(0)
    golden = Golden("inits.py")

    # What the formulas give, for a linear weight [20, 30] and a convolution weight [8, 3, 5, 5].
    for name, shape in (("linear", (20, 30)), ("conv", (8, 3, 5, 5))):
        receptive = math.prod(shape[2:])
        fan_in, fan_out = shape[1] * receptive, shape[0] * receptive
        relu, sqrt5 = math.sqrt(2), math.sqrt(2 / (1 + 5))
        golden.case(
            f"formula_{name}", f"weight {list(shape)}", fan_in=torch.tensor(fan_in), fan_out=torch.tensor(fan_out),
            kaiming_uniform_sqrt5__bound=sqrt5 * math.sqrt(3 / fan_in),
            kaiming_uniform_relu__bound=relu * math.sqrt(3 / fan_in),
            kaiming_normal_fan_in__std=relu / math.sqrt(fan_in),
            kaiming_normal_fan_out__std=relu / math.sqrt(fan_out),
            xavier_uniform__bound=math.sqrt(6 / (fan_in + fan_out)),
            xavier_uniform_tanh__bound=5 / 3 * math.sqrt(6 / (fan_in + fan_out)),
            xavier_normal__std=math.sqrt(2 / (fan_in + fan_out)),
            default_weight__bound=1 / math.sqrt(fan_in), default_bias__bound=1 / math.sqrt(fan_in))
    golden.case(
        "gain", "gains of the activations", linear=1.0, sigmoid=1.0, tanh=5 / 3, relu=math.sqrt(2),
        leaky_relu_0__2=math.sqrt(2 / 1.04), selu=0.75)
    golden.case("formula_embedding", "Embedding: normal", default_weight__std=1.0)
    golden.case("formula_attention", "MultiheadAttention(8): in_proj_weight is Xavier uniform, biases are zero",
                in_proj__bound=math.sqrt(6 / (8 + 24)), out_proj__bound=1 / math.sqrt(8))

    # Exact draws of the initialisers, each after manual_seed(0), for both shapes.
    initialisers = {
        "kaiming_uniform_sqrt5": lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)),
        "kaiming_uniform_relu": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
        "kaiming_normal_fan_in": lambda w: nn.init.kaiming_normal_(w, mode="fan_in", nonlinearity="relu"),
        "kaiming_normal_fan_out": lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
        "xavier_uniform": lambda w: nn.init.xavier_uniform_(w),
        "xavier_uniform_tanh": lambda w: nn.init.xavier_uniform_(w, gain=5 / 3),
        "xavier_normal": lambda w: nn.init.xavier_normal_(w),
        "orthogonal": lambda w: nn.init.orthogonal_(w),
        "trunc_normal": lambda w: nn.init.trunc_normal_(w, std=0.02),
        "trunc_normal_cut": lambda w: nn.init.trunc_normal_(w, mean=0.5, std=1.0, a=-1.0, b=1.0),
        "trunc_normal_tail": lambda w: nn.init.trunc_normal_(w, a=1.5, b=3.0),
    }
    for name, initialise in initialisers.items():
        for label, shape in (("linear", (20, 30)), ("conv", (8, 3, 5, 5))):
            torch.manual_seed(0)
            golden.case(f"init_{name}_{label}", f"after manual_seed(0), {list(shape)}",
                        output=initialise(torch.empty(shape)))

    # Exact draws of whole layers, each after manual_seed(0).
    for name, make in {
        "linear": lambda: nn.Linear(20, 30), "linear_no_bias": lambda: nn.Linear(20, 30, bias=False),
        "conv2d": lambda: nn.Conv2d(3, 8, 3), "conv2d_groups": lambda: nn.Conv2d(4, 8, 3, groups=2),
        "conv_transpose2d": lambda: nn.ConvTranspose2d(4, 6, 3), "embedding": lambda: nn.Embedding(10, 6),
        "embedding_padding": lambda: nn.Embedding(10, 6, padding_idx=3), "layernorm": lambda: nn.LayerNorm(6),
        "batchnorm2d": lambda: nn.BatchNorm2d(4), "attention": lambda: nn.MultiheadAttention(8, 2),
        "mlp": lambda: nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 4)),
    }.items():
        torch.manual_seed(0)
        module = make()
        golden.add(f"layer_{name}", f"after manual_seed(0): {module}".replace("\n", " "),
                   {f"parameter.{key}": value for key, value in module.named_parameters()})

    # Exact draws of a generator seeded with 123, each from a fresh one.
    draws = {
        "normal": ("normal [5, 7]", lambda g: torch.randn(5, 7, generator=g)),
        "normal_small": ("normal [5]: below 16 values another code path draws", lambda g: torch.randn(5, generator=g)),
        "normal_17": ("normal [17]", lambda g: torch.randn(17, generator=g)),
        "normal_mean_std": ("normal [20], mean 2, std 0.5", lambda g: torch.empty(20).normal_(2, 0.5, generator=g)),
        "uniform": ("uniform [5, 7] in [0, 1)", lambda g: torch.rand(5, 7, generator=g)),
        "uniform_range": ("uniform [9] in [-2, 3)", lambda g: torch.empty(9).uniform_(-2, 3, generator=g)),
        "bernoulli": ("bernoulli(0.3) [40]", lambda g: torch.empty(40).bernoulli_(0.3, generator=g)),
        "bernoulli_tensor": ("bernoulli of the probabilities 0, 1/39 … 1",
                             lambda g: torch.bernoulli(torch.linspace(0, 1, 40), generator=g)),
        "randperm": ("randperm(50)", lambda g: torch.randperm(50, generator=g)),
        "randint": ("randint [30] in 0 ..< 10", lambda g: torch.randint(10, (30,), generator=g)),
        "randint_range": ("randint [30] in -5 ..< 1000", lambda g: torch.randint(-5, 1000, (30,), generator=g)),
        "multinomial": ("12 draws with replacement, weights 1 … 6",
                        lambda g: torch.multinomial(torch.arange(1.0, 7.0), 12, replacement=True, generator=g)),
        "multinomial_distinct": ("4 draws without replacement, weights 1 … 6",
                                 lambda g: torch.multinomial(torch.arange(1.0, 7.0), 4, generator=g)),
    }
    for name, (expression, draw) in draws.items():
        golden.case(f"generator_{name}", expression, output=draw(torch.Generator().manual_seed(123)))
    generator = torch.Generator().manual_seed(123)
    golden.case("generator_sequence", "one generator: uniform [3], then randperm(8), then normal [20]",
                first=torch.rand(3, generator=generator), second=torch.randperm(8, generator=generator),
                third=torch.randn(20, generator=generator))

    golden.write(TORCH / "inits.safetensors")

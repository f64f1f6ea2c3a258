"""Tensor operations: output, and the gradient of every float input for a given upstream gradient."""

import torch
import torch.nn.functional as F

from common import TORCH, Golden, deterministic


def main() -> None:
    deterministic(1)
    golden = Golden("ops.py")

    def op(name, expression, function, **inputs):
        """Evaluates, differentiates where the result is a float, and stores everything."""
        leaves = {
            key: value.clone().requires_grad_() if value.is_floating_point() else value
            for key, value in inputs.items()
        }
        output = function(**leaves)
        stored = dict(inputs)
        if isinstance(output, tuple):
            output, stored["indices"] = output
        stored["output"] = output
        if output.is_floating_point() and output.requires_grad:
            upstream = torch.randn(output.shape)
            output.backward(upstream)
            stored["upstream"] = upstream
            for key, leaf in leaves.items():
                if leaf.is_floating_point():
                    assert leaf.grad is not None, (name, key)
                    stored[f"gradient.{key}"] = leaf.grad
        golden.add(name, expression, stored)

    x = torch.randn(3, 5) * 2
    positive = torch.rand(3, 5) + 0.1

    # Elementwise.
    op("relu", "relu(input)", lambda input: F.relu(input), input=x)
    op("gelu", "gelu(input), exact", lambda input: F.gelu(input), input=x)
    op("gelu_tanh", "gelu(input), tanh approximation", lambda input: F.gelu(input, approximate="tanh"), input=x)
    op("silu", "silu(input)", lambda input: F.silu(input), input=x)
    op("sigmoid", "sigmoid(input)", lambda input: torch.sigmoid(input), input=x)
    op("tanh", "tanh(input)", lambda input: torch.tanh(input), input=x)
    op("exp", "exp(input)", lambda input: torch.exp(input), input=x)
    op("log", "log(input)", lambda input: torch.log(input), input=positive)
    op("log1p", "log1p(input)", lambda input: torch.log1p(input), input=positive)
    op("sqrt", "sqrt(input)", lambda input: torch.sqrt(input), input=positive)
    op("rsqrt", "rsqrt(input)", lambda input: torch.rsqrt(input), input=positive)
    op("softplus", "softplus(input), beta 1, threshold 20", lambda input: F.softplus(input), input=x * 6)
    op("abs", "abs(input)", lambda input: torch.abs(input), input=x)
    op("sign", "sign(input)", lambda input: torch.sign(input), input=torch.tensor([-2.0, -0.0, 0.0, 3.0]))
    op("square", "input²", lambda input: torch.square(input), input=x)
    op("pow_3", "input³", lambda input: input.pow(3), input=x)
    op("pow_fraction", "input^0.7", lambda input: input.pow(0.7), input=positive)
    op("clamp", "clamp(input, -1, 0.5)", lambda input: input.clamp(-1, 0.5), input=x)
    op("clamp_min", "clamp(input, min 0.25)", lambda input: input.clamp(min=0.25), input=x)
    op("reciprocal", "1 / input", lambda input: 1 / input, input=positive)
    op("neg", "-input", lambda input: -input, input=x)

    # Binary, with broadcasting.
    row, column = torch.randn(5), torch.rand(3, 1) + 0.5
    op("add", "a + b, [3, 5] and [5]", lambda a, b: a + b, a=x, b=row)
    op("sub", "a - b, [3, 5] and [3, 1]", lambda a, b: a - b, a=x, b=column)
    op("mul", "a * b, [3, 1] and [5]", lambda a, b: a * b, a=column, b=row)
    op("div", "a / b, [3, 5] and [3, 1]", lambda a, b: a / b, a=x, b=column)
    op("maximum", "maximum(a, b)", lambda a, b: torch.maximum(a, b), a=x, b=torch.randn(3, 5))
    op("minimum", "minimum(a, b)", lambda a, b: torch.minimum(a, b), a=x, b=torch.randn(3, 5))
    op("where", "where(condition, a, b)", lambda condition, a, b: torch.where(condition, a, b),
       condition=x > 0, a=x, b=torch.randn(3, 5))
    op("masked_fill", "input.masked_fill(mask, -7.5)", lambda input, mask: input.masked_fill(mask, -7.5),
       input=x, mask=torch.rand(3, 5) > 0.6)

    # Reductions.
    cube = torch.randn(2, 3, 4)
    for name in ("sum", "mean"):
        op(name, f"{name}(input)", lambda input: getattr(torch, name)(input), input=cube)
        op(f"{name}_1", f"{name}(input, dim 1)", lambda input: getattr(torch, name)(input, dim=1), input=cube)
        op(f"{name}_02_keep", f"{name}(input, dims 0 and 2, keepdim)",
           lambda input: getattr(torch, name)(input, dim=(0, 2), keepdim=True), input=cube)
    for name in ("var", "std"):
        op(name, f"{name}(input), unbiased", lambda input: getattr(torch, name)(input), input=cube)
        op(f"{name}_1_biased", f"{name}(input, dim 1), divided by n",
           lambda input: getattr(torch, name)(input, dim=1, correction=0), input=cube)
        op(f"{name}_2", f"{name}(input, dim -1), unbiased",
           lambda input: getattr(torch, name)(input, dim=-1, correction=1), input=cube)
    op("amax", "amax(input, dim 1)", lambda input: input.amax(dim=1), input=cube)
    op("amin", "amin(input, dim -1, keepdim)", lambda input: input.amin(dim=-1, keepdim=True), input=cube)
    op("max_all", "max(input)", lambda input: input.max(), input=cube)
    op("argmax", "argmax(input, dim 1)", lambda input: input.argmax(dim=1), input=cube)
    op("argmin", "argmin(input, dim 2)", lambda input: input.argmin(dim=2), input=cube)
    op("argmax_all", "argmax(input) of the flattened input", lambda input: input.argmax(), input=cube)
    op("logsumexp", "logsumexp(input, dim 1)", lambda input: input.logsumexp(dim=1), input=cube)
    op("logsumexp_large", "logsumexp(input, dim 0), input around 500: no overflow",
       lambda input: input.logsumexp(dim=0), input=torch.randn(4, 3) + 500)
    op("norm", "L2 norm of input", lambda input: torch.linalg.vector_norm(input), input=cube)
    op("norm_l1", "L1 norm of input, dim 1", lambda input: torch.linalg.vector_norm(input, ord=1, dim=1), input=cube)
    op("norm_max", "largest absolute value of input", lambda input: torch.linalg.vector_norm(input, ord=float("inf")),
       input=cube)
    op("cumsum", "cumsum(input, dim 1)", lambda input: input.cumsum(dim=1), input=cube)
    op("prod", "prod(input, dim 2)", lambda input: input.prod(dim=2), input=cube)
    op("softmax", "softmax(input, dim 1)", lambda input: input.softmax(dim=1), input=cube)
    op("softmax_last", "softmax(input, dim -1)", lambda input: input.softmax(dim=-1), input=cube)
    op("log_softmax", "log_softmax(input, dim -1)", lambda input: input.log_softmax(dim=-1), input=cube)
    op("log_softmax_large", "log_softmax(input, dim 1), input up to ±200",
       lambda input: input.log_softmax(dim=1), input=torch.randn(3, 4) * 100)

    # Products.
    op("matmul", "a @ b, [3, 5] and [5, 2]", lambda a, b: a @ b, a=x, b=torch.randn(5, 2))
    op("matmul_vector", "a @ b, [3, 5] and [5]", lambda a, b: a @ b, a=x, b=torch.randn(5))
    op("matmul_broadcast", "a @ b, [2, 3, 4] and [4, 2]", lambda a, b: a @ b, a=cube, b=torch.randn(4, 2))
    op("bmm", "bmm(a, b)", lambda a, b: torch.bmm(a, b), a=cube, b=torch.randn(2, 4, 3))
    op("dot", "dot(a, b)", lambda a, b: torch.dot(a, b), a=torch.randn(6), b=torch.randn(6))
    op("outer", "outer(a, b)", lambda a, b: torch.outer(a, b), a=torch.randn(3), b=torch.randn(4))
    square = torch.randn(4, 4)
    symmetric = square @ square.T + 2 * torch.eye(4)
    op("solve", "solve a · output = b", lambda a, b: torch.linalg.solve(a, b), a=symmetric, b=torch.randn(4, 2))
    op("cholesky", "lower Cholesky factor of input", lambda input: torch.linalg.cholesky(input), input=symmetric)
    op("inverse", "inverse of input", lambda input: torch.linalg.inv(input), input=symmetric)

    # Indexing.
    table = torch.randn(6, 4)
    rows = torch.tensor([5, 0, 0, 3])
    op("index_select_0", "index_select(input, dim 0, index)", lambda input, index: input.index_select(0, index),
       input=table, index=rows)
    op("index_select_1", "index_select(input, dim 1, index)", lambda input, index: input.index_select(1, index),
       input=table, index=torch.tensor([2, 2, 1]))
    op("gather_1", "gather(input, dim 1, index)", lambda input, index: input.gather(1, index),
       input=table, index=torch.tensor([[0, 3], [1, 1], [2, 0], [3, 3], [0, 1], [2, 2]]))
    op("gather_0", "gather(input, dim 0, index)", lambda input, index: input.gather(0, index),
       input=table, index=torch.tensor([[5, 0, 1, 2]]))
    op("scatter_add_0", "input.scatter_add(dim 0, index, source); rows repeat",
       lambda input, index, source: input.scatter_add(0, index, source), input=torch.randn(3, 2),
       index=torch.tensor([[0, 2], [0, 1], [2, 1], [0, 0]]), source=torch.randn(4, 2))
    op("index_add_0", "input.index_add(dim 0, index, source); rows repeat",
       lambda input, index, source: input.index_add(0, index, source), input=torch.randn(3, 2),
       index=torch.tensor([2, 0, 2]), source=torch.randn(3, 2))
    op("index_copy_0", "input.index_copy(dim 0, index, source)",
       lambda input, index, source: input.index_copy(0, index, source), input=torch.randn(3, 2),
       index=torch.tensor([2, 0]), source=torch.randn(2, 2))
    op("masked_select", "input[mask]", lambda input, mask: input[mask], input=x, mask=x > 0.2)
    op("one_hot", "one_hot(index, 5)", lambda index: F.one_hot(index, 5), index=torch.tensor([4, 0, 2]))
    op("topk", "3 largest of input, dim -1, sorted", lambda input: tuple(input.topk(3, dim=-1)), input=x)
    op("topk_smallest", "2 smallest of input, dim 0, sorted",
       lambda input: tuple(input.topk(2, dim=0, largest=False)), input=x)
    op("sort", "sort(input, dim -1), ascending, stable", lambda input: tuple(input.sort(dim=-1, stable=True)), input=x)
    op("sort_descending", "sort(input, dim 0), descending, stable",
       lambda input: tuple(input.sort(dim=0, descending=True, stable=True)), input=x)
    op("argsort_ties", "argsort(input), ascending, stable, with ties",
       lambda input: input.argsort(stable=True), input=torch.tensor([2.0, 1.0, 2.0, 1.0, 0.0]))
    op("bincount", "bincount(index), at least 6 bins", lambda index: torch.bincount(index, minlength=6),
       index=torch.tensor([3, 1, 1, 4, 3, 3]))

    # Shape.
    op("cat", "cat(a, b along dim 1)", lambda a, b: torch.cat([a, b], dim=1), a=x, b=torch.randn(3, 2))
    op("stack", "stack(a, b along dim 1)", lambda a, b: torch.stack([a, b], dim=1), a=x, b=torch.randn(3, 5))
    op("transpose", "input.transpose(0, 2)", lambda input: input.transpose(0, 2), input=cube)
    op("permute", "input.permute(2, 0, 1)", lambda input: input.permute(2, 0, 1), input=cube)
    op("flip", "input.flip(2)", lambda input: input.flip(2), input=cube)
    op("narrow", "input.narrow(dim 1, start 1, length 2)", lambda input: input.narrow(1, 1, 2), input=cube)
    op("pad", "zero padding: left 1, right 2, top 0, bottom 1", lambda input: F.pad(input, (1, 2, 0, 1)), input=cube)
    op("tril", "tril(input)", lambda input: input.tril(), input=square)
    op("triu", "triu(input, diagonal 1)", lambda input: input.triu(1), input=square)
    op("roll", "roll(input, 1 along dim 2)", lambda input: input.roll(1, 2), input=cube)
    op("repeat", "input.repeat(2, 1)", lambda input: input.repeat(2, 1), input=x)
    op("repeat_interleave", "repeat_interleave(input, 2, dim 0)", lambda input: input.repeat_interleave(2, dim=0),
       input=x)
    op("cdist", "Euclidean distances of the rows of a and b", lambda a, b: torch.cdist(a, b),
       a=x, b=torch.randn(4, 5))
    op("normalize", "input / max(L2 norm along dim 1, 1e-12)", lambda input: F.normalize(input, dim=1), input=x)
    op("cosine_similarity", "cosine similarity of the rows of a and b",
       lambda a, b: F.cosine_similarity(a, b, dim=1), a=x, b=torch.randn(3, 5))

    golden.write(TORCH / "ops.safetensors")

"""Prompts that strategies choose and put together: keys of L2P, and progressive prompts through their perceptron."""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic


def pool(golden: Golden) -> None:
    """As the authors' JAX code has it: l2-normalised query and keys, top N, prompts of a text one behind the other."""
    keys, prompts, query = torch.randn(6, 12), torch.randn(6, 2, 12), torch.randn(5, 12)
    keys.requires_grad_()
    similarity = F.normalize(query, dim=1) @ F.normalize(keys, dim=1).T
    places = similarity.topk(3, dim=1).indices
    chosen = F.normalize(keys, dim=1)[places]
    match = (chosen * F.normalize(query, dim=1)[:, None]).sum() / query.shape[0]
    match.backward()
    golden.case(
        "pool", keys=keys, prompts=prompts, query=query, places=places, match=match, gradient=keys.grad,
        rows=prompts[places].reshape(5, 6, 12))


def progressive(golden: Golden) -> None:
    """The newest prompt in front, through P + LayerNorm(W2 relu(W1 P)); those before it as they are."""
    first, second = torch.randn(2, 12), torch.randn(2, 12)
    inner, outer, norm = torch.nn.Linear(12, 6), torch.nn.Linear(6, 12), torch.nn.LayerNorm(12)
    with torch.no_grad():
        norm.weight.add_(torch.randn(12) * 0.2)
        norm.bias.add_(torch.randn(12) * 0.2)
    made = second + norm(outer(F.relu(inner(second))))
    golden.case(
        "progressive", first=first, second=second, inner__weight=inner.weight, inner__bias=inner.bias,
        outer__weight=outer.weight, outer__bias=outer.bias, norm__weight=norm.weight, norm__bias=norm.bias,
        rows=torch.cat([made, first]))


def bottleneck(golden: Golden) -> None:
    """y + up(gelu(down(y))) behind a linear layer."""
    layer, down, up = torch.nn.Linear(8, 5), torch.nn.Linear(5, 3), torch.nn.Linear(3, 5)
    inputs = torch.randn(4, 8)
    output = layer(inputs)
    golden.case(
        "bottleneck", inputs=inputs, weight=layer.weight, bias=layer.bias, down__weight=down.weight,
        down__bias=down.bias, up__weight=up.weight, up__bias=up.bias, outputs=output + up(F.gelu(down(output))))


def embeddings(golden: Golden) -> None:
    """Vectors that follow those of a teacher: squared error and angle, and which own target is nearest."""
    student, teacher = torch.randn(6, 4, requires_grad=True), torch.randn(6, 4)
    with torch.no_grad():
        teacher[:4] = student[:4] + 0.3 * torch.randn(4, 4)
    squared = ((student - teacher) ** 2).mean(1)
    angle = 1 - F.cosine_similarity(student, teacher)
    nearest = (F.normalize(student, dim=1) @ F.normalize(teacher, dim=1).T).argmax(1)
    golden.case(
        "embeddings", student=student, teacher=teacher, squared=squared, angle=angle,
        hits=(nearest == torch.arange(6)).sum())


def main() -> None:
    deterministic(17)
    golden = Golden("prompts.py")
    for topic in (pool, progressive, bottleneck, embeddings):
        topic(golden)
    golden.write(PERENNIAL / "prompts.safetensors")


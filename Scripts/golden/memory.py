"""External memories: what neighbours say in NumPy float64, and memory networks word by word in PyTorch.

    exact    the nearest keys in half precision of each query by sorting all distances, equal ones by place; also with some
             keys left out
    shares   p(v) = λ Σ exp(−d²/τ) / Z over neighbours of value v + (1 − λ) softmax(outputs), by a loop over neighbours
    memory   end-to-end memory networks with adjacent tables and places, key-value networks with one table: outputs after
             each hop and the gradient of a sum of squares, by loops over sentences and words
"""

import numpy
import torch

from common import PERENNIAL, ROOT, Golden, deterministic

TEXT = ROOT / "Tests/PerennialTextTests/Golden"


def nearest(keys, queries, count, allowed=None):
    d = ((queries[:, None, :].astype(numpy.float64) - keys[None].astype(numpy.float64)) ** 2).sum(axis=2)
    if allowed is not None:
        d[:, ~allowed] = numpy.inf
    order = numpy.argsort(d, axis=1, kind="stable")[:, :count]
    return numpy.take_along_axis(d, order, axis=1), order


def mixture(distances, values, outputs, temperature, share):
    result = []
    for row, own, logits in zip(distances, values, outputs.astype(numpy.float64)):
        model = numpy.exp(logits - logits.max())
        model /= model.sum()
        memory = numpy.zeros_like(model)
        weights = [numpy.exp(-d / temperature) for d in row]
        for weight, value in zip(weights, own):
            memory[value] += weight / sum(weights)
        result.append(share * memory + (1 - share) * model)
    return numpy.log(numpy.array(result))


def embed(table, words, width, encoded):
    own = [word for word in words if word != 0]
    total = torch.zeros(width)
    for j, word in enumerate(own, start=1):
        d = torch.arange(1, width + 1) / width
        factor = (1 - j / len(own)) - d * (1 - 2 * j / len(own)) if encoded else 1
        total = total + factor * table[word]
    return total


def end_to_end(tables, places, question, sentences):
    width = tables[0].shape[1]
    told = [sentence for sentence in sentences if any(sentence)]
    u, states = embed(tables[0], question, width, True), []
    for hop in range(len(tables) - 1):
        def memory(index):
            return torch.stack([
                embed(tables[index], sentence, width, True) + places[index][len(told) - 1 - i]
                for i, sentence in enumerate(told)])
        p = torch.softmax(memory(hop) @ u, dim=0)
        u = u + p @ memory(hop + 1)
        states.append(u)
    return states


def key_value(table, hops, question, keys, values):
    width = table.shape[1]
    pairs = [(key, value) for key, value in zip(keys, values) if any(key)]
    u, states = embed(table, question, width, False), []
    for matrix in hops:
        k = torch.stack([embed(table, key, width, False) for key, _ in pairs])
        v = torch.stack([embed(table, value, width, False) for _, value in pairs])
        u = matrix @ (u + torch.softmax(k @ u, dim=0) @ v)
        states.append(u)
    return states


def stories(vocabulary, rows, sentences, words):
    """Questions and sentences of several lengths, some of which are none."""
    inputs = torch.randint(1, vocabulary, (rows, 1 + sentences, words))
    for row in range(rows):
        for sentence in range(1 + sentences):
            inputs[row, sentence, int(torch.randint(2, words + 1, ())):] = 0
        inputs[row, 1 + sentences - row % 3:] = 0
    return inputs


def networks(golden):
    V, D, S, W, hops = 11, 6, 5, 4, 3
    inputs = stories(V, 4, S, W)
    tables = [(torch.randn(V, D) * 0.5).requires_grad_() for _ in range(hops + 1)]
    places = [(torch.randn(S, D) * 0.5).requires_grad_() for _ in range(hops + 1)]
    states = [end_to_end(tables, places, row[0].tolist(), row[1:].tolist()) for row in inputs]
    outputs = torch.stack([state[-1] for state in states])
    outputs.square().sum().backward()
    golden.add("end-to-end", "u after three hops, and ∂ Σ u² of each table", {
        "inputs": inputs, "outputs": outputs,
        **{f"embeddings.{i}": t for i, t in enumerate(tables)}, **{f"places.{i}": t for i, t in enumerate(places)},
        **{f"gradient/embeddings.{i}": mended(t) for i, t in enumerate(tables)},
        **{f"gradient/places.{i}": t.grad for i, t in enumerate(places)}})

    keys, values = stories(V, 4, S, W), stories(V, 4, S, W)
    paired = torch.cat([keys, values[:, 1:]], dim=1)
    table = (torch.randn(V, D) * 0.5).requires_grad_()
    matrices = [(torch.randn(D, D) * 0.5).requires_grad_() for _ in range(2)]
    outputs = torch.stack([
        key_value(table, matrices, k[0].tolist(), k[1:].tolist(), v[1:].tolist())[-1] for k, v in zip(keys, values)])
    outputs.square().sum().backward()
    golden.add("key-value", "u after two hops, and its gradients", {
        "inputs": paired, "outputs": outputs, "embeddings.0": table, "gradient/embeddings.0": mended(table),
        **{f"hops.{i}": t for i, t in enumerate(matrices)}, **{f"gradient/hops.{i}": t.grad for i, t in enumerate(matrices)}})


def mended(table):
    """Word 0 fills up and learns nothing."""
    gradient = table.grad.clone()
    gradient[0] = 0
    return gradient


def main() -> None:
    deterministic(28)
    golden = Golden("memory.py")
    keys = (torch.randn(300, 24) * torch.rand(300, 1) * 3).half()
    keys[37] = keys[12]
    queries = torch.cat([torch.randn(6, 24), keys[12:13].float()])
    allowed = torch.rand(300) < 0.3
    k, q = keys.numpy(), queries.numpy()
    for name, mask in (("all", None), ("some", allowed.numpy())):
        distances, order = nearest(k, q, 9, mask)
        golden.case(f"exact/{name}", distances=torch.from_numpy(distances), places=torch.from_numpy(order))
    golden.case("exact", "nine nearest by squared distance", keys=keys.float(), queries=queries, allowed=allowed)

    values = torch.randint(0, 7, (7, 9))
    outputs = torch.randn(7, 7) * 2
    distances, _ = nearest(k, q, 9)
    distances = distances / 20
    for name, temperature, share in (("paper", 1.0, 0.25), ("sharp", 0.1, 0.9)):
        golden.case(f"shares/{name}", answers=torch.from_numpy(
            mixture(distances, values.numpy(), outputs.numpy(), temperature, share)))
    golden.case("shares", "log of the mixture", distances=torch.from_numpy(distances), values=values, outputs=outputs)
    golden.write(PERENNIAL / "memory.safetensors")

    golden = Golden("memory.py")
    networks(golden)
    golden.write(TEXT / "memory-network.safetensors")

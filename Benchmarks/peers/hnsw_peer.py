#!/usr/bin/env python3
"""Looking up the ten nearest of a million keys of 384 numbers: by PyTorch's matrix product in float32, and by hnswlib.

LOOKUP_KEYS in the environment is another number of keys. Keys are unit vectors around 10,000 centres, as sentence embeddings lie around their subjects. hnswlib has the settings of
ours: 16 links, construction 100, breadth 100.
"""

import os
import time

import hnswlib
import torch

from peer import parse, serve

COUNT, WIDTH, NEIGHBOURS = int(os.environ.get("LOOKUP_KEYS", 1_000_000)), 384, 10


def embeddings(count, seed):
    centres = torch.randn(10_000, WIDTH, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, count, 50_000):
        rows = min(50_000, count - start)
        own = torch.randint(10_000, (rows,), generator=generator)
        parts.append(centres[own] + torch.randn(rows, WIDTH, generator=generator) * 0.7)
        parts[-1] /= parts[-1].norm(dim=1, keepdim=True)
    return torch.cat(parts)


class Lookup:
    def __init__(self):
        self.keys, self.queries = embeddings(COUNT, 1), embeddings(1000, 2)
        self.squares = self.keys.square().sum(dim=1)

    def find(self, query):
        return (self.squares - 2 * (self.keys @ query)).topk(NEIGHBOURS, largest=False)

    def __call__(self, steps):
        start = time.perf_counter()
        for step in range(steps):
            self.find(self.queries[step % 1000])
        return time.perf_counter() - start


class IndexedLookup(Lookup):
    def __init__(self):
        super().__init__()
        self.graph = hnswlib.Index(space="l2", dim=WIDTH)
        self.graph.init_index(max_elements=COUNT, M=16, ef_construction=100)
        self.graph.add_items(self.keys.numpy(), num_threads=torch.get_num_threads())
        self.graph.set_ef(100)
        del self.keys

    def find(self, query):
        return self.graph.knn_query(query.numpy(), k=NEIGHBOURS, num_threads=1)


WORKS = {"knn-exact": Lookup, "knn-index": IndexedLookup}

if __name__ == "__main__":
    options = parse(__doc__)
    serve(WORKS, {"torch": torch.__version__, "hnswlib": "0.8.0", "threads": options.threads}, options)

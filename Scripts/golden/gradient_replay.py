"""Trajectories of GSS, HAL and MER, on the items and the initial weights of training.safetensors, as in replay.py: an MLP
8-16-6, three experiences of two classes with a growing head, SGD 0.1, ten steps of eight items each.

What is left to chance follows the streams of seed 5: SplitMix64 for places and scores, drawn as Swift's standard library
draws integers and floats, and PyTorch's generator for noise and orders. K is the number of rows that the head has by now; CE
is over those K units.

    gss  memory 12: CE over the eight fresh and four remembered items. After the step every fresh item gets the score c = 1 +
         the largest cosine of its gradient with those of five remembered ones; 0.1 while there are none. A full memory lets
         an item in where c < 1: a slot i is drawn by C_i / ΣC and given up with probability C_i / (C_i + c)
    hal  everything is kept and rehearsed: g of CE(fresh and remembered), + 0.5 ∇ mean over anchors and units of (h(e) − h̃(e))²,
         h̃ after a step along g. When an experience ends: an anchor for each of its two classes, from uniform noise, 20 steps
         of 0.1 along the gradient of ℓ_M(e) − ℓ(e) − 0.1 mean (φ(e) − φ̄)²; ℓ_M has the parameters after one pass of SGD over
         the memory, in batches of eight; φ̄ ← 0.5 φ̄ + 0.5 mean φ(fresh)
    mer  memory 12, a reservoir: two passes over three remembered and then the eight fresh items, a step of SGD on each item;
         0.6 of the way of each pass, then 0.3 of the whole way

`kept` are the items of the memory after each experience by their numbers in the order of arrival, slot by slot. Everything is
computed in double precision; no decision is closer than 10⁻⁵.
"""

import torch
import torch.nn.functional as F

from common import PERENNIAL, Golden, deterministic
from replay import BATCH, EXPERIENCES, NAMES, PER, RATE, STEPS, forward, gradient, inner, read

SEED, WORD = 5, (1 << 64) - 1
CLOSEST = 1e-5


class Numbers:
    """SplitMix64, with the draws that Swift makes of it."""

    def __init__(self, seed):
        self.state = seed & WORD

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & WORD
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        return z ^ (z >> 31)

    def below(self, bound):
        """Lemire's bounded integers."""
        product = self.next() * bound
        if product & WORD < bound:
            least = (1 << 64) % bound
            while product & WORD < least:
                product = self.next() * bound
        return product >> 64

    def unit(self):
        return (self.next() & 0xFFFFFF) / (1 << 24)


def seed_of(purpose):
    value = 0xCBF29CE484222325
    for byte in purpose.encode():
        value = ((value ^ byte) * 0x100000001B3) & WORD
    return Numbers(SEED + value).next()


class Memory:
    """Arrival numbers in slots, a reservoir, and the random stream that decides."""

    def __init__(self, capacity, purpose):
        self.capacity, self.numbers, self.slots, self.offered = capacity, Numbers(seed_of(purpose)), [], 0

    def draw(self, count):
        """Floyd's sampling."""
        count, total, order = min(count, len(self.slots)), len(self.slots), []
        for last in range(total - count, total):
            place = self.numbers.below(last + 1)
            order.append(place if place not in order else last)
        return [self.slots[place] for place in order]

    def offer(self, item):
        self.offered += 1
        if len(self.slots) < self.capacity:
            self.slots.append(item)
            return
        place = self.numbers.below(self.offered)
        if place < self.capacity:
            self.slots[place] = item


def apart(a, b):
    assert abs(float(a) - float(b)) > CLOSEST, "a decision too close to repeat in single precision"


class Run:
    """What the three share: parameters, items by their numbers, the loss of some of them."""

    def __init__(self, data):
        self.p = {name: data[f"initial/{name}"].double().requires_grad_() for name in NAMES}
        self.x = torch.cat([data[f"experience{e + 1}/inputs"].double() for e in range(EXPERIENCES)])
        self.y = torch.cat([data[f"experience{e + 1}/labels"] for e in range(EXPERIENCES)])
        self.seen = 0

    def loss(self, items, p=None):
        return F.cross_entropy(forward(p or self.p, self.x[items], self.seen), self.y[items])

    def move(self, change, by=-RATE):
        with torch.no_grad():
            for name, part in zip(NAMES, change):
                self.p[name] += by * part

    def values(self):
        return {name: value.detach().clone() for name, value in self.p.items()}


class GSS(Run):
    name = "gss"

    def __init__(self, data):
        super().__init__(data)
        self.memory, self.chance, self.scores, self.replaced = Memory(12, "memory-gss"), Numbers(seed_of("gss")), [], 0

    def step(self, fresh):
        loss = self.loss(fresh + self.memory.draw(4))
        self.move(gradient(self.p, loss))
        others = self.memory.draw(5)
        slopes = {item: gradient(self.p, self.loss([item])) for item in fresh + others}
        norms = {item: inner(slope, slope).sqrt() for item, slope in slopes.items()}
        for item in fresh:
            cosines = [inner(slopes[item], slopes[o]) / (norms[item] * norms[o]) for o in others]
            self.offer(item, 1 + float(max(cosines)) if cosines else 0.1)
        return loss

    def offer(self, item, score):
        if len(self.memory.slots) < self.memory.capacity:
            self.memory.slots.append(item)
            self.scores.append(score)
            return
        apart(score, 1)
        if score > 1:
            return
        rest, slot = self.chance.unit() * sum(self.scores), 0
        while rest >= self.scores[slot]:
            rest -= self.scores[slot]
            slot += 1
        apart(rest, 0)
        apart(rest, self.scores[slot])
        share, chance = self.scores[slot] / (self.scores[slot] + score), self.chance.unit()
        apart(share, chance)
        if chance < share:
            self.memory.slots[slot], self.scores[slot] = item, score
            self.replaced += 1

    def end(self, golden, experience):
        golden.add(f"gss.scores{experience + 1}", None, {"scores": torch.tensor(self.scores)})
        assert experience == 0 or self.replaced > experience, "nothing was driven out"


class HAL(Run):
    name = "hal"

    def __init__(self, data):
        super().__init__(data)
        self.memory, self.anchors, self.mean = Memory(1000, "memory-hal"), None, None
        self.noise = torch.Generator().manual_seed(seed_of("hal"))

    def hidden(self, x):
        return F.relu(x @ self.p["hidden.weight"].T + self.p["hidden.bias"])

    def step(self, fresh):
        loss = self.loss(fresh + self.memory.slots)
        change = gradient(self.p, loss)
        if self.anchors is not None:
            trial = {name: (self.p[name] - RATE * part).detach() for name, part in zip(NAMES, change)}
            held = (forward(self.p, self.anchors, self.seen) - forward(trial, self.anchors, self.seen)).square().mean()
            change = [a + 0.5 * b for a, b in zip(change, gradient(self.p, held))]
        mean = self.hidden(self.x[fresh]).mean(0).detach()
        self.mean = mean if self.mean is None else 0.5 * self.mean + 0.5 * mean
        self.move(change)
        for item in fresh:
            self.memory.offer(item)
        return loss

    def end(self, golden, experience):
        classes = torch.arange(experience * PER, (experience + 1) * PER)
        made = torch.empty(PER, self.x.shape[1]).uniform_(generator=self.noise).double()
        order = torch.randperm(len(self.memory.slots), generator=self.noise).tolist()
        before = self.values()
        for start in range(0, len(order), BATCH):
            items = [self.memory.slots[place] for place in order[start:start + BATCH]]
            self.move(gradient(self.p, self.loss(items)))
        tuned = self.values()
        self.move([tuned[name] - before[name] for name in NAMES], by=-1)
        for _ in range(20):
            leaf = made.clone().requires_grad_()
            rise = F.cross_entropy(forward(tuned, leaf, self.seen), classes, reduction="sum") \
                - F.cross_entropy(forward(self.p, leaf, self.seen), classes, reduction="sum") \
                - 0.1 * (self.hidden(leaf) - self.mean).square().mean(1).sum()
            made = (leaf + RATE * torch.autograd.grad(rise, leaf)[0]).detach()
        self.anchors = made if self.anchors is None else torch.cat([self.anchors, made])
        self.mean = None
        golden.add(f"hal.anchors{experience + 1}", None, {"anchors": self.anchors})


class MER(Run):
    name = "mer"

    def __init__(self, data):
        super().__init__(data)
        self.memory = Memory(12, "memory-mer")

    def step(self, fresh):
        loss = self.loss(fresh).detach()
        start = self.values()
        for _ in range(2):
            before = self.values()
            for item in self.memory.draw(3) + fresh:
                self.move(gradient(self.p, self.loss([item])))
            self.return_to(before, 0.6)
        self.return_to(start, 0.3)
        for item in fresh:
            self.memory.offer(item)
        return loss

    def return_to(self, before, share):
        """Goes a share of the way from `before` to here."""
        self.move([self.p[name] - before[name] for name in NAMES], by=share - 1)

    def end(self, golden, experience):
        pass


def main() -> None:
    deterministic(11)
    data = read(PERENNIAL / "training.safetensors")
    golden = Golden("gradient_replay.py")
    for make in (GSS, HAL, MER):
        run, losses = make(data), []
        for experience in range(EXPERIENCES):
            run.seen = (experience + 1) * PER
            for step in range(STEPS):
                first = (experience * STEPS + step) * BATCH
                losses.append(run.step(list(range(first, first + BATCH))).detach())
            golden.add(f"{run.name}.after{experience + 1}", None, {
                name: value[:run.seen] if name.startswith("head") else value for name, value in run.p.items()})
            if run.memory.capacity < 100:
                golden.add(f"{run.name}.kept{experience + 1}", None, {"kept": torch.tensor(run.memory.slots)})
            run.end(golden, experience)
        golden.case(run.name, "loss of every step, before the step", losses=torch.stack(losses))
    golden.write(PERENNIAL / "gradient_replay.safetensors")

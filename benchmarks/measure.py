"""Measure contestants in turns: the machine's moods fall on all of them alike, and ratios survive.

What a contest yields: median seconds, the median over rounds of the ratio to the plain step, operations, and the floor
that the machine's own speed at matrix products and at copying sets.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

PROBE = 1024  # side of the matrices whose product measures the machine
COPIED = 1 << 26  # bytes copied to measure bandwidth: twice the largest caches


@dataclass(frozen=True)
class Contest:
    """The same work done in different ways.

    contestants: name -> a function that builds everything afresh and returns one that does the work once and returns
    its losses, {name: float or 0-d tensor}. Names that begin with "plain" are what people copy, the fastest of which
    counts; "exact" must take its path; others, such as "bf16", need not. precision: name -> "bf16" where not float32.
    tolerances: of a loss of "exact" in the first works.
    """

    name: str
    settings: dict
    contestants: dict[str, Callable[[], Callable[[], dict]]]
    precision: dict[str, str] = field(default_factory=dict)
    tolerances: tuple[float, ...] = (1e-4, 0.05, 0.05)


def compare(contest: Contest, *, rounds: int) -> dict:
    """Paths first, then `rounds` rounds in turns, the probes of the machine among them."""
    found = {"name": contest.name, "settings": contest.settings, "rounds": rounds, "path": paths(contest)}
    works = {name: build() for name, build in contest.contestants.items()}
    for work in works.values():
        work()
    operations = {name: count(work) for name, work in works.items()}
    seconds = interleave({**works, **probes()}, rounds=rounds)
    plain = min((name for name in works if name.startswith("plain")), key=lambda n: statistics.median(seconds[n]))
    rates = machine(seconds)
    rows = {}
    for name, times in seconds.items():
        if name in works:
            precision = contest.precision.get(name, "fp32")
            ratios = [a / b for a, b in zip(seconds[plain], times, strict=True)]
            rows[name] = {"precision": precision, **summary(times, ratios), **operations[name]}
            rows[name] |= floor(rows[name], rates, precision)
    return {**found, "plain": plain, "machine": rates, "contestants": rows}


def paths(contest: Contest) -> dict:
    """How far the losses are from the plain ones in the first works, one number a work.

    The first losses see the same weights and differ by rounding. Then paths part slowly: a unit may be rounded across
    the kink of its ReLU, and the first step of Adam turns gradients into signs, however small they are.
    Raises ValueError if the exact one strays: it does other work then, and its speed means nothing.
    """
    losses = {}
    for name, build in contest.contestants.items():
        work = build()
        losses[name] = [{key: float(value) for key, value in work().items()} for _ in contest.tolerances]
    plain = next(rows for name, rows in losses.items() if name.startswith("plain"))
    differences = {
        name: [max(abs(a[key] - b[key]) for key in a) for a, b in zip(plain, rows, strict=True)]
        for name, rows in losses.items()
    }
    if not all(a < b for a, b in zip(differences["exact"], contest.tolerances, strict=True)):
        raise ValueError(
            f"{contest.name}: the losses of 'exact' are off the plain path by {differences['exact']}, where "
            f"{contest.tolerances} is allowed: not the same work"
        )
    return {"tolerances": contest.tolerances, "largest_differences": differences}


def interleave(works: dict[str, Callable], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each, round by round; every other round runs backward, so that nobody always follows the same one."""
    seconds = {name: [] for name in works}
    for turn in range(rounds):
        for name in list(works)[:: -1 if turn % 2 else 1]:
            began = time.perf_counter()
            works[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def summary(times: list[float], ratios: list[float]) -> dict:
    """Medians, and the middle half of the ratios."""
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return {
        "seconds": statistics.median(times),
        "speedup": statistics.median(ratios),
        "speedup_quartiles": [low, high],
    }


class Counter(TorchDispatchMode):
    """Counts what passes through PyTorch's dispatcher.

    operations: floating-point ones of matrix products and convolutions, by the formulas of `FlopCounterMode`, whose
    hooks on modules do not bear `autograd.grad`. bytes: if every operation reads its arguments and writes its results
    once; views move nothing.
    """

    def __init__(self):
        super().__init__()
        self.operations = self.bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        if formula := flop_registry.get(function._overloadpacket):
            self.operations += formula(*args, **kwargs, out_val=out)
        if not function.is_view and "empty" not in function.name():
            self.bytes += sum(t.numel() * t.element_size() for t in _tensors((args, kwargs, out)))
        return out


def _tensors(nested) -> list[Tensor]:
    return [leaf for leaf in torch.utils._pytree.tree_leaves(nested) if isinstance(leaf, Tensor)]


def count(work: Callable) -> dict:
    """Operations and bytes of one work."""
    with Counter() as counted:
        work()
    return {"operations": counted.operations, "bytes": counted.bytes}


def probes() -> dict[str, Callable]:
    """Works that measure the machine: matrix products in both precisions, and a copy."""
    a = torch.randn(PROBE, PROBE)
    b, source = a.bfloat16(), torch.ones(COPIED // 4)
    target = torch.empty_like(source)
    return {"fp32 product": lambda: a @ a, "bf16 product": lambda: b @ b, "copy": lambda: target.copy_(source)}


def machine(seconds: dict[str, list[float]]) -> dict:
    """Operations and bytes a second, from the probes' medians."""
    median = {name: statistics.median(times) for name, times in seconds.items()}
    return {
        "fp32_operations_per_second": 2 * PROBE**3 / median["fp32 product"],
        "bf16_operations_per_second": 2 * PROBE**3 / median["bf16 product"],
        "bytes_per_second": 2 * COPIED / median["copy"],
    }


def floor(row: dict, rates: dict, precision: str) -> dict:
    """Seconds that the operations and the bytes would take by themselves, and the share of the longer one reached."""
    products = row["operations"] / rates[f"{precision}_operations_per_second"]
    traffic = row["bytes"] / rates["bytes_per_second"]
    return {"floor_seconds": products, "traffic_seconds": traffic, "share_of_floor": products / row["seconds"]}


def cycle(batches: list[Tensor]):
    """An object with next() that hands out the same batches again and again, as a Trainer wants it."""

    class Cycle:
        place = 0

        def next(self) -> Tensor:
            self.place += 1
            return batches[(self.place - 1) % len(batches)]

    return Cycle()

"""Five losses on the ring over many seeds: `python book/results/ring_losses/run.py`, ten minutes of one CPU thread.

Three times: both players start together, and D trains 100 or 300 steps alone first. The code is not copied: the cells
of chapter 6 with the tag `ring-losses` are executed as they are printed. At one seed all losses meet the same weights,
noise and data. Kept are, for every seed, the share of points near the circle at three steps and the slope at the
first. Numbers go to metrics.json, their circumstances, with the hash of the code, to provenance.json.
"""

import hashlib
import math
import sys
import time
from pathlib import Path

import torch
from torch.nn.functional import leaky_relu

from ganedu import losses

HERE = Path(__file__).resolve().parent
CHAPTER = HERE.parents[1] / "chapters" / "06_generator_loss.md"
TAG, SEEDS, STEPS = "ring-losses", 50, (500, 1000, 2000)
GOOD = ("log(1-D)", "-log D", "-D")
ARMS = {  # losses, steps of D alone
    "at once": ((*GOOD, "-log(1-D)", "log D"), 0),
    "100 first": (GOOD, 100),
    "300 first": (GOOD, 300),
}
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep, tagged  # noqa: E402


def code() -> str:
    """The source of the chapter's cells with the tag."""
    return tagged(CHAPTER, TAG)


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    provenance, start, source = circumstances(HERE), time.time(), code()
    scope = {"torch": torch, "math": math, "losses": losses, "leaky_relu": leaky_relu}
    exec(source, scope)
    arms: dict = {arm: {name: {} for name in names} for arm, (names, _) in ARMS.items()}
    for seed in range(SEEDS):
        for arm, (names, first) in ARMS.items():
            points, slopes = scope["play"](names, first, STEPS, seed)
            found = {f"near_at_{step}": scope["near_circle"](each) for step, each in points.items()} | {"slope": slopes}
            for key, values in found.items():
                for name, value in zip(names, values.tolist(), strict=True):
                    arms[arm][name].setdefault(key, []).append(float(f"{value:.4g}"))
    settings = {"seeds": SEEDS, "steps": STEPS, "first": {arm: first for arm, (_, first) in ARMS.items()}}
    provenance |= {"code_sha256": hashlib.sha256(source.encode()).hexdigest(), "seeds": list(range(SEEDS))}
    keep(HERE, {"settings": settings, "arms": arms}, provenance | {"wall_seconds": round(time.time() - start)})


if __name__ == "__main__":
    main()

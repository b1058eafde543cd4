"""Repeat the ring runs of chapter 10 over many seeds: `python book/results/ring_coverage/run.py`, about 7 minutes
on two cores that do nothing else.

The training code is not copied: the chapter's cells with the tag `ring-code` are executed as they are printed. Results
go to metrics.json beside this file, their circumstances to provenance.json.
"""

import hashlib
import json
import platform
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from ganedu import densities, losses, metrics
from ganedu.networks.mlp import Discriminator, Generator

HERE = Path(__file__).resolve().parent
CHAPTER = HERE.parents[1] / "chapters" / "10_first_gan.md"
sys.path.insert(0, str(HERE.parent))
from store import tagged  # noqa: E402

SEEDS, STEPS, EARLY = 16, 2000, 500
ARMS = {
    "D then G": {},
    "G then D": {"order": "GD"},
    "five steps of D": {"order": "DDDDDG"},
    "rate 1e-5": {"rates": (1e-5, 1e-5)},
    "rate 1e-4": {"rates": (1e-4, 1e-4)},
    "rate 1e-3": {},  # the same runs as "D then G"
    "rate 1e-2": {"rates": (1e-2, 1e-2)},
}


def ring_code() -> str:
    """The source of the chapter's cells with the tag `ring-code`."""
    return tagged(CHAPTER, "ring-code")


def run(arm: str, seed: int) -> dict:
    """One training; coverage early and at the end, and the mean losses of the last 200 steps."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(seed)
    scope = dict(torch=torch, densities=densities, losses=losses, Generator=Generator, Discriminator=Discriminator)
    exec(ring_code(), scope)
    generator, discriminator = scope["ring_players"](seed)
    clouds = {}

    def keep(step):
        if step in (EARLY, STEPS):
            clouds[step] = scope["draw"](generator)

    history = scope["play"](generator, discriminator, scope["ring_points"], STEPS, seed=seed, observe=keep, **ARMS[arm])
    early, late = (metrics.mode_coverage(clouds[step], densities.ring_centers(), std=0.1) for step in (EARLY, STEPS))
    loss_d, loss_g = history[-200:].mean(0).tolist()
    return {
        "modes_early": early.modes,
        "quality_early": round(early.quality, 4),
        "modes": late.modes,
        "quality": round(late.quality, 4),
        "loss_d": round(loss_d, 4),
        "loss_g": round(loss_g, 4),
    }


def main() -> None:
    start = time.time()
    jobs = [(arm, seed) for arm in ARMS if arm != "rate 1e-3" for seed in range(SEEDS)]
    with ProcessPoolExecutor(2) as pool:
        results = dict(zip(jobs, pool.map(run, *zip(*jobs, strict=True)), strict=True))
    results |= {("rate 1e-3", seed): results["D then G", seed] for seed in range(SEEDS)}
    arms = {arm: {key: [results[arm, s][key] for s in range(SEEDS)] for key in results[arm, 0]} for arm in ARMS}
    settings = {"seeds": SEEDS, "steps": STEPS, "early": EARLY}
    (HERE / "metrics.json").write_text(json.dumps({"settings": settings, "arms": arms}, indent=1) + "\n")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    provenance = {
        "command": "python book/results/ring_coverage/run.py",
        "code_sha256": hashlib.sha256(ring_code().encode()).hexdigest(),
        "seeds": list(range(SEEDS)),
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, 2 processes of one thread",
        "wall_seconds": round(time.time() - start),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n")


if __name__ == "__main__":
    main()

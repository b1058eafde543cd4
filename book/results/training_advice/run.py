"""Put the training advice of chapter 12 on trial: `python book/results/training_advice/run.py`, about 15 minutes on
one core that does nothing else.

The training code is not copied: the chapter's cells with the tag `trial-code` are executed as they are printed. What
is finished is kept in the folder `runs` beside this file, so that a run that was stopped goes on; results go to
metrics.json, their circumstances to provenance.json.
"""

import hashlib
import json
import math
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from ganedu import densities, metrics
from ganedu.networks.mlp import Discriminator, Generator

HERE = Path(__file__).resolve().parent
CHAPTER = HERE.parents[1] / "chapters" / "12_training_advice.md"
sys.path.insert(0, str(HERE.parent))
from store import tagged  # noqa: E402

SETS, SEEDS, EARLY = 3, 8, 20  # sets of 8 seeds; a round whose losses are kept
ARMS = {
    "reference": {},
    "nothing changed": {"stream": 1},
    "k = 3": {"k": 3},
    "k = 5": {"k": 5},
    "k = 3, equal work": {"k": 3, "rounds": 1000},
    "k = 5, equal work": {"k": 5, "rounds": 667},
    "beta_1 = 0.9": {"beta_1": 0.9},
    "rate 1e-4": {"rate": 1e-4},
    "rate 1e-2": {"rate": 1e-2},
    "labels 0.9, 0.1": {"labels": (0.9, 0.1)},
    "labels 0.9, 0": {"labels": (0.9, 0.0)},
    "500 steps of D first": {"head_start": 500},
    "n_z = 100": {"n_z": 100},
    "n_z = 1": {"n_z": 1},
    "scaled, tanh": {"scale": 2.5},
    "rate 1e-2, beta_1 = 0.9": {"rate": 1e-2, "beta_1": 0.9},
    "rate 1e-2, k = 3, equal work": {"rate": 1e-2, "k": 3, "rounds": 1000},
    "saturating": {"saturating": True},
    "saturating, 500 steps of D first": {"saturating": True, "head_start": 500},
    "uniform noise": {"uniform": True},
}


def trial_code() -> str:
    """The source of the chapter's cells with the tag `trial-code`."""
    return tagged(CHAPTER, "trial-code")


def run(scope: dict, arm: str, seeds: range) -> dict:
    """One arm over some seeds: good samples at each mode, of 2000, and the losses of D early and late."""
    trial = scope["Trial"](**ARMS[arm])
    samples, history = scope["train"](trial, seeds)
    counts = [metrics.mode_coverage(cloud, densities.ring_centers(), std=0.1).counts.tolist() for cloud in samples]
    late = history[-trial.rounds // 10 :].mean(0)
    return {
        "counts": counts,
        "loss_d_early": [round(x, 5) for x in history[EARLY - 1].tolist()],
        "loss_d_late": [round(x, 4) for x in late.tolist()],
    }


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    code = trial_code()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    digest = hashlib.sha256(code.encode()).hexdigest()
    scope = dict(torch=torch, math=math, F=F, densities=densities, dataclass=dataclass)
    scope |= {"Discriminator": Discriminator, "Generator": Generator, "__name__": "trial"}
    exec(code, scope)
    kept = HERE / "runs"
    kept.mkdir(exist_ok=True)
    arms: dict[str, dict] = {arm: {} for arm in ARMS}
    seconds = 0.0
    for first in range(0, SETS * SEEDS, SEEDS):
        for number, arm in enumerate(ARMS):
            path = kept / f"{digest[:8]}_{first:02}_{number:02}.json"
            if not path.exists():
                start = time.time()
                found = run(scope, arm, range(first, first + SEEDS))
                path.write_text(json.dumps({"seconds": time.time() - start, "found": found}), encoding="utf-8")
            stored = json.loads(path.read_text(encoding="utf-8"))
            seconds += stored["seconds"]
            for key, values in stored["found"].items():
                arms[arm].setdefault(key, []).extend(values)
    settings = {"seeds": SETS * SEEDS, "sets": SETS, "early": EARLY, "samples": 2000, "arms": ARMS}
    (HERE / "metrics.json").write_text(json.dumps({"settings": settings, "results": arms}) + "\n", encoding="utf-8")
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "code_sha256": digest,
        "seeds": list(range(SETS * SEEDS)),
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, one thread, {SEEDS} seeds side by side",
        "wall_seconds": round(seconds),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""BigGAN's miniature with one thing less: `python book/results/biggan_ablation/run.py`, about an hour of computing.

The run of `biggan_digits` over more seeds, and again with a quarter of the batch, half the channels, without attention
and without the orthogonal regularization, for the same steps unless said otherwise. Kept after every run are the
averaged generator's numbers at the end; a script that was stopped goes on with the next run. The numbers go to
metrics.json, their circumstances to provenance.json.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from ganedu import recipes
from ganedu.metrics import features

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from biggan_digits.run import STEPS, held_out, measured, training  # noqa: E402
from store import circumstances, keep  # noqa: E402

SEEDS = 12
ARMS = {
    "reference": {},
    "a quarter of the batch": {"batch_size": 16},
    "the same, four times the steps": {"batch_size": 16, "steps": 4 * STEPS},
    "half of the channels": {"width": 4},
    "no attention": {"attention": 0},
    "no orthogonal rows": {"orthogonal": 0.0},
}


def run(changes: dict, seed: int) -> dict:
    """Numbers of the averaged generator after a training of the miniature with `changes` of its configuration."""
    steps, changes = changes.get("steps", STEPS), {k: v for k, v in changes.items() if k != "steps"}
    config = replace(recipes.get("biggan").Config().small(), **changes)
    *_, (_, recipe, generator) = training(config, seed, steps)
    return measured(recipe, generator, held_out(config))


def main() -> None:
    torch.set_num_threads(1)
    about, start, file = circumstances(HERE), time.time(), HERE / "metrics.json"
    runs = json.loads(file.read_text())["runs"] if file.exists() else {}
    for seed in range(SEEDS):
        for arm, changes in ARMS.items():
            if len(runs.setdefault(arm, [])) > seed:
                continue
            runs[arm].append(run(changes, seed))
            print(seed, arm, runs[arm][-1], flush=True)
            provenance = about | {
                "seeds": list(range(seed + 1)),
                "features": features.network("digits").tag,
                "wall_seconds": round(time.time() - start),
            }
            keep(HERE, {"steps": STEPS, "changes": ARMS, "runs": runs}, provenance)


if __name__ == "__main__":
    main()

"""The longer CPU runs of chapter 25 without the identity loss, one thread.

Called by `python book/results/cyclegan_no_identity/run.py`. All else is as in `cyclegan_shapes_long`: the recipe's
miniature with its own normalization, on shapes of known pairing, three seeds. Numbers go to metrics.json, their
circumstances to provenance.json.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from ganedu import recipes

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402
from translated_shapes import train  # noqa: E402

STEPS, EVERY, SEEDS = 2500, 500, (0, 1, 2)
Recipe = recipes.get("cyclegan")


def main():
    torch.set_num_threads(1)
    about, began = circumstances(HERE) | {"seeds": SEEDS}, time.monotonic()
    config, runs = replace(Recipe.Config().small(), identity=0.0), []
    for seed in SEEDS:
        run, _ = train(Recipe(config, image_shape=(3, 32, 32), seed=seed), STEPS, EVERY, seed=seed)
        runs.append(run | {"seed": seed})
    keep(HERE, {"recipe": "cyclegan", "runs": runs}, about | {"wall_seconds": round(time.monotonic() - began, 1)})


if __name__ == "__main__":
    main()

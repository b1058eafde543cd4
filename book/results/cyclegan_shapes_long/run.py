"""The longer CPU runs of chapter 25: `python book/results/cyclegan_shapes_long/run.py`, one thread.

The recipe's miniature on shapes of known pairing, with the identity loss, measured on the 512 test images of domain A,
from three seeds. Numbers go to metrics.json, their circumstances to provenance.json. samples.png has rows of the first
twelve test images, of the first seed: the images, their translations on the way and at the end, the way back at the
end, and the true partners.
"""

import sys
import time
from pathlib import Path

import torch

from ganedu import recipes
from ganedu.training import run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402
from translated_shapes import SHOWN, test_images, train  # noqa: E402

STEPS, EVERY, ON_THE_WAY, SEEDS = 2500, 500, (500, 1000, 1500), (0, 1, 2)
Recipe = recipes.get("cyclegan")


def main():
    torch.set_num_threads(1)
    about, began = circumstances(HERE) | {"seeds": SEEDS}, time.monotonic()
    runs, pictures = [], []
    for seed in SEEDS:
        run, shown = train(Recipe(Recipe.Config().small(), image_shape=(3, 32, 32), seed=seed), STEPS, EVERY, seed=seed)
        runs.append(run | {"seed": seed})
        pictures.append(shown)
    test, partners = (images[:SHOWN] for images in test_images())
    rows = [test, *(pictures[0][step][0] for step in ON_THE_WAY), *pictures[0][STEPS], partners]
    run_folder.write_samples(HERE / "samples.png", torch.cat(rows), columns=SHOWN)
    keep(HERE, {"recipe": "cyclegan", "runs": runs}, about | {"wall_seconds": round(time.monotonic() - began, 1)})


if __name__ == "__main__":
    main()

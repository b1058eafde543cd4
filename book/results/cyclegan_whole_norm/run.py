"""CycleGAN with another normalization, for chapter 25: `python book/results/cyclegan_whole_norm/run.py`, one thread.

The recipe's miniature on shapes of known pairing, as in `cyclegan_shapes_long`, three seeds. But where its generators
bring every map of every image to mean 0 and variance 1, here one mean and one variance serve all maps of an image.
Then the same three seeds without the identity loss. Numbers go to metrics.json, their circumstances to provenance.json.
samples.png has rows of the first twelve test images: the images, their translations by each run with the identity loss
and by each without, and the true partners.
"""

import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from ganedu import recipes
from ganedu.networks.translation import InstanceNorm
from ganedu.training import run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402
from translated_shapes import SHOWN, test_images, train  # noqa: E402

STEPS, EVERY, SEEDS, IDENTITIES = 2500, 500, (0, 1, 2), (0.5, 0.0)
Recipe = recipes.get("cyclegan")


class WholeNorm(nn.Module):
    """All maps [C, H, W] of an image together to mean 0 and variance 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.group_norm(x, 1)


def use_whole_norm(network: nn.Module) -> None:
    """Put WholeNorm in place of every InstanceNorm; neither has weights."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, InstanceNorm):
                setattr(parent, name, WholeNorm())


def main():
    torch.set_num_threads(1)
    about, began = circumstances(HERE) | {"seeds": SEEDS}, time.monotonic()
    test, partners = (images[:SHOWN] for images in test_images())
    runs, made = [], []
    for identity, seed in product(IDENTITIES, SEEDS):
        config = replace(Recipe.Config().small(), identity=identity)
        recipe = Recipe(config, image_shape=(3, 32, 32), seed=seed)
        use_whole_norm(recipe.networks["generator"])
        run, pictures = train(recipe, STEPS, EVERY, seed=seed)
        runs.append(run | {"seed": seed})
        made.append(pictures[STEPS][0])
    run_folder.write_samples(HERE / "samples.png", torch.cat([test, *made, partners]), columns=SHOWN)
    keep(HERE, {"recipe": "cyclegan", "runs": runs}, about | {"wall_seconds": round(time.monotonic() - began, 1)})


if __name__ == "__main__":
    main()

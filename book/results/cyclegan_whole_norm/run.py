"""CycleGAN with another normalization, for chapter 25: `python book/results/cyclegan_whole_norm/run.py`, one thread.

The recipe's miniature on shapes of known pairing, as in `cyclegan_shapes_long`, three seeds. But where its generators
bring every map of every image to mean 0 and variance 1, here one mean and one variance serve all maps of an image.
Numbers go to metrics.json, their circumstances to provenance.json. samples.png has rows of the first twelve test
images: the images, their translations by each run, those of the first translated back, and the true partners.
"""

import sys
import time
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

STEPS, EVERY, SEEDS = 2500, 500, (0, 1, 2)
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
    runs, made, back = [], [], []
    for seed in SEEDS:
        recipe = Recipe(Recipe.Config().small(), image_shape=(3, 32, 32), seed=seed)
        use_whole_norm(recipe.networks["generator"])
        run, pictures = train(recipe, STEPS, EVERY, seed=seed)
        runs.append(run)
        made.append(pictures[STEPS][0])
        back.append(pictures[STEPS][1])
    rows = torch.cat([test, *made, back[0], partners])
    run_folder.write_samples(HERE / "samples.png", rows, columns=SHOWN)
    keep(HERE, {"recipe": "cyclegan", "runs": runs}, about | {"wall_seconds": round(time.monotonic() - began, 1)})


if __name__ == "__main__":
    main()

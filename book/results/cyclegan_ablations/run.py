"""The ablations of chapter 25: `python book/results/cyclegan_ablations/run.py`, one thread.

The recipe's miniature on shapes of known pairing without the identity loss, and again without more parts of its loss,
as in the paper's table 4; measured on the 512 test images of domain A. Then the run with the cycle only again, from
three seeds, with the recipe's norm and with one mean and variance for all maps of an image. Numbers go to metrics.json,
their circumstances to provenance.json. samples.png and cycle_only.png have rows of the first twelve test images: the
images, a row of translations for each run, and the true partners.
"""

import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch

from ganedu import recipes
from ganedu.training import run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from cyclegan_whole_norm.run import use_whole_norm  # noqa: E402
from store import circumstances, keep  # noqa: E402
from translated_shapes import SEED, SHOWN, test_images, train  # noqa: E402

STEPS, EVERY, SEEDS = 800, 200, (0, 1, 2)
PARTS = {  # weights of the judges, of the cycle from A and of the cycle from B
    "all": (1, 1, 1),
    "judges only": (1, 0, 0),
    "cycle only": (0, 1, 1),
    "one direction": (1, 1, 0),
}
Recipe = recipes.get("cyclegan")


class Ablated(Recipe):
    """CycleGAN without the identity loss, whose translators descend some parts of their loss only."""

    parts: tuple[int, int, int]

    def generator_loss(self, a, b):
        fake_b, fake_a = self.networks["generator"](a, b)
        back_b, back_a = self.networks["generator"](fake_a, fake_b)
        judged = sum((logits - 1).square().mean() for logits in self._judge(fake_a, fake_b))
        loops = (back_a - a).abs().mean(), (back_b - b).abs().mean()
        weights = self.parts[0], *(self.config.lambda_cycle * part for part in self.parts[1:])
        loss = sum(weight * term for weight, term in zip(weights, (judged, *loops), strict=True))
        return loss, fake_a, fake_b, {"loss_g": loss.detach()}


def trained(parts, *, seed=SEED, norm="each map"):
    """The run, and what it makes of the first test images at its end."""
    recipe = Ablated(replace(Recipe.Config().small(), identity=0.0), image_shape=(3, 32, 32), seed=seed)
    recipe.parts = parts
    if norm == "all maps":
        use_whole_norm(recipe.networks["generator"])
    run, pictures = train(recipe, STEPS, EVERY, seed=seed)
    return run, pictures[STEPS][0]


def blue(images):
    """How much more blue than red, mean over images [n, 3, H, W] in [-1, 1]."""
    return (images[:, 2] - images[:, 0]).mean().item()


def main():
    torch.set_num_threads(1)
    about, began = circumstances(HERE) | {"seed": SEED}, time.monotonic()
    test, partners = (images[:SHOWN] for images in test_images())
    runs, rows = {}, [test]
    for name, parts in PARTS.items():
        runs[name], made = trained(parts)
        rows.append(made)
    run_folder.write_samples(HERE / "samples.png", torch.cat([*rows, partners]), columns=SHOWN)
    alone, rows = {}, [test]
    for norm, seed in product(("each map", "all maps"), SEEDS):
        run, made = trained(PARTS["cycle only"], seed=seed, norm=norm)
        alone.setdefault(norm, []).append(run["rows"][-1] | {"seed": seed, "blue": blue(made)})
        rows.append(made)
    run_folder.write_samples(HERE / "cycle_only.png", torch.cat([*rows, partners]), columns=SHOWN)
    tints = {"images": blue(test), "partners": blue(partners)}
    metrics = {"recipe": "cyclegan", "parts": PARTS, "runs": runs, "cycle only": alone, "blue": tints}
    keep(HERE, metrics, about | {"wall_seconds": round(time.monotonic() - began, 1)})


if __name__ == "__main__":
    main()

"""The longer CPU runs of chapter 25: `python book/results/cyclegan_ablations/run.py`, one thread.

The recipe's miniature on shapes of known pairing, with and without the identity loss, and the ablations of the paper's
table 4, shorter. It is measured on the 512 test images of domain A. Numbers go to metrics.json, their circumstances to
provenance.json. Rows of the first twelve test images go to two pictures: samples.png has the translator with identity
loss on its way, its way back at the end, the end without identity loss, and the true partners; ablations.png has one
row for each ablation.
"""

import sys
import time
from collections import namedtuple
from dataclasses import asdict, replace
from pathlib import Path

import torch

from ganedu import data, recipes
from ganedu.data import kinds, shape_domains
from ganedu.data.batches import DeviceBatches
from ganedu.training import run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402

SEED, SHOWN, ON_THE_WAY = 0, 12, (500, 1000, 2000)
Recipe = recipes.get("cyclegan")
Run = namedtuple("Run", "steps every identity parts", defaults=(0.0, None))
RUNS = {
    "with identity loss": Run(3000, 500, identity=0.5),
    "without": Run(3000, 500),
    "judges only": Run(1000, 500, parts=(1, 0, 0)),  # weights of judges, cycle from A, cycle from B
    "cycle only": Run(1000, 500, parts=(0, 1, 1)),
    "one direction": Run(1000, 500, parts=(1, 1, 0)),
}


class Ablated(Recipe):
    """CycleGAN whose translators descend some parts of their loss only: judges, cycle from A, cycle from B."""

    parts: tuple[int, int, int]

    def generator_loss(self, a, b):
        fake_b, fake_a = self.networks["generator"](a, b)
        back_b, back_a = self.networks["generator"](fake_a, fake_b)
        judged = sum((logits - 1).square().mean() for logits in self._judge(fake_a, fake_b))
        loops = (back_a - a).abs().mean(), (back_b - b).abs().mean()
        weights = self.parts[0], *(self.config.lambda_cycle * part for part in self.parts[1:])
        loss = sum(weight * term for weight, term in zip(weights, (judged, *loops), strict=True))
        return loss, fake_a, fake_b, {"loss_g": loss.detach()}


def measure(made, back, test, partners):
    """Pairing accuracy, correlation of the amounts of green in the shapes, mean errors of translation and way back."""
    apart = torch.cdist(made.flatten(1), partners.flatten(1), p=1)
    inside = (partners[:, 2] > 0).double()  # blue is 1 inside, the background 0.2
    greens = [(images[:, 1] * inside).sum((1, 2)) / inside.sum((1, 2)) for images in (made, partners)]
    return {
        "accuracy": (apart.argmin(1) == torch.arange(len(made))).double().mean().item(),
        "hue_correlation": torch.corrcoef(torch.stack(greens))[0, 1].item(),
        "error": (made - partners).abs().mean().item(),
        "cycle": (back - test).abs().mean().item(),
    }


def train(name, run, test, partners):
    """One run; returns its measurements, and at each the first translations and their way back."""
    config = replace(Recipe.Config().small(), identity=run.identity)
    recipe = (Ablated if run.parts else Recipe)(config, image_shape=(3, 32, 32), seed=SEED)
    recipe.parts = run.parts
    images = data.load_unpaired("shape-domains")
    batches = DeviceBatches(
        kinds.Unpaired(images.a, images.b), config.batch_size, device="cpu", seed=SEED, flip=config.flip
    )
    random, rows, pictures, began = torch.Generator().manual_seed(SEED), [], {}, time.process_time()
    for step in range(run.steps + 1):
        if step % run.every == 0:
            made = recipe.translate(test, "AtoB")
            back = recipe.translate(made, "BtoA")
            rows.append({"step": step, **measure(made, back, test, partners)})
            pictures[step] = made[:SHOWN], back[:SHOWN]
            print(name, rows[-1], f"{time.process_time() - began:.0f} s", flush=True)
        for optimizer in recipe.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * recipe.learning_rate_factor(step, run.steps)
        if step < run.steps:
            recipe.step(batches.next(), random)
    return {"config": asdict(config), "rows": rows, "cpu_seconds": round(time.process_time() - began, 1)}, pictures


def main():
    torch.set_num_threads(1)
    about, began = circumstances(HERE) | {"seed": SEED}, time.monotonic()
    test = data.to_floats(data.load_unpaired("shape-domains", "test").a)
    partners = shape_domains.partners(test)
    found = {name: train(name, run, test, partners) for name, run in RUNS.items()}
    shown = {name: pictures for name, (_, pictures) in found.items()}
    full, plain, *ablations = ((shown[name], run.steps) for name, run in RUNS.items())
    way = [full[0][step][0] for step in ON_THE_WAY]
    rows = [test[:SHOWN], *way, *full[0][full[1]], plain[0][plain[1]][0], partners[:SHOWN]]
    run_folder.write_samples(HERE / "samples.png", torch.cat(rows), columns=SHOWN)
    rows = [test[:SHOWN], *(pictures[steps][0] for pictures, steps in ablations), partners[:SHOWN]]
    run_folder.write_samples(HERE / "ablations.png", torch.cat(rows), columns=SHOWN)
    metrics = {"recipe": "cyclegan", "test_images": len(test), "runs": {name: run for name, (run, _) in found.items()}}
    keep(HERE, metrics, about | {"wall_seconds": round(time.monotonic() - began, 1)})


if __name__ == "__main__":
    main()

"""BigGAN on the digits over two seeds: `python book/results/biggan_digits/run.py`, about 2 minutes of computing.

Every run is like that of `ganedu train biggan --seed SEED --steps 500` on a CPU. Measured are the averaged generator's
Fréchet distance and how often a classifier sees the class that was asked for, and for noise truncated at several limits
precision and recall, with the statistics of batch normalization from training and taken anew. The numbers go to
metrics.json, their circumstances to provenance.json, one class a row of the first seed to samples.png.
"""

import math
import sys
import time
from pathlib import Path

import torch

from ganedu import data, recipes
from ganedu.data.batches import DeviceBatches
from ganedu.data.kinds import Labeled
from ganedu.metrics import features, frechet_from_features, precision_recall
from ganedu.training.ema import Average
from ganedu.training.sampling import options_of
from ganedu.training.trainer import NOISE, stream_seed

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, in_rows, keep  # noqa: E402

SEEDS, STEPS, EVERY, IMAGES = 2, 500, 100, 2000
LIMITS = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, None)  # of the truncated noise


def measured(recipe, generator, real, **options) -> dict:
    """Numbers of IMAGES samples, as many of each class. options: truncation, standing; as for `sample`."""
    network = features.network("digits")
    asked = options_of(recipe, IMAGES, classes=",".join(recipe.classes)) | options
    made = network.extract(recipe.sample(IMAGES, torch.Generator().manual_seed(0), generator=generator, **asked))
    found = precision_recall(real, made.features)
    return {
        "frechet_distance": round(frechet_from_features(real, made.features).item(), 2),
        "accuracy": round((made.probabilities.argmax(1) == asked["labels"]).double().mean().item(), 4),
        "precision": round(found.precision, 3),
        "recall": round(found.recall, 3),
    }


def held_out(config) -> torch.Tensor:
    """Features of the real test digits, at the size of the configuration."""
    return features.network("digits").extract(data.load("digits", "test", size=config.size).images).features


def training(config, seed: int, steps: int):
    """Trains BigGAN on the digits. Yields step, recipe and averaged generator, first at step 0 and then after each."""
    shown = data.load("digits", size=config.size)
    recipe = recipes.get("biggan")(config, image_shape=(1, config.size, config.size), seed=seed, classes=shown.classes)
    average = Average(recipe.networks["generator"], decay=0.999)
    stored = Labeled(shown.images, shown.labels)
    batches = DeviceBatches(stored, config.batch_size * recipe.n_real, device="cpu", seed=seed)
    random = torch.Generator().manual_seed(stream_seed(seed, NOISE))
    yield 0, recipe, average.network
    for step in range(1, steps + 1):
        recipe.step(batches.next(), random)
        average.update(recipe.networks["generator"], step)
        yield step, recipe, average.network


def run(seed: int) -> tuple[dict, torch.Tensor]:
    """One training: its numbers on the way, those of truncated noise at the end, and a sheet of samples."""
    config = recipes.get("biggan").Config().small()
    real, rows = held_out(config), []
    for step, recipe, generator in training(config, seed, STEPS):
        if step % EVERY == 0:
            rows.append(measured(recipe, generator, real))
            print(seed, step, rows[-1], flush=True)
    cut = {
        "truncated": [measured(recipe, generator, real, truncation=c, standing=False) for c in LIMITS],
        "truncated_anew": [measured(recipe, generator, real, truncation=c or math.inf) for c in LIMITS],
    }
    sheet = recipe.sheet(None, torch.Generator().manual_seed(0), generator=generator)
    turned = {name: [row[name] for row in rows] for name in rows[0]}
    return turned | {how: {name: [row[name] for row in rows] for name in rows[0]} for how, rows in cut.items()}, sheet


def main() -> None:
    torch.set_num_threads(1)
    about, start, runs = circumstances(HERE), time.time(), []
    for seed in range(SEEDS):
        found, sheet = run(seed)
        runs.append(found)
        if seed == 0:
            in_rows(sheet).save(HERE / "samples.png", optimize=True)
        write(runs, about, start)


def write(runs: list[dict], about: dict, start: float) -> None:
    """Numbers and circumstances, after every seed."""
    steps = list(range(0, STEPS + 1, EVERY))
    metrics = {"steps": steps, "limits": LIMITS, "images": IMAGES, "runs": runs}
    provenance = about | {
        "like": f"ganedu train biggan --seed SEED --steps {STEPS}",
        "seeds": list(range(len(runs))),
        "features": features.network("digits").tag,
        "cpu_seconds": round(time.process_time()),
        "wall_seconds": round(time.time() - start),
    }
    keep(HERE, metrics, provenance)


if __name__ == "__main__":
    main()

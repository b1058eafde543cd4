"""ProGAN on the digits with one seed: `python book/results/progressive_digits/run.py`, about a minute of computing.

The run is like that of `ganedu train progressive --seed SEED --steps 500` on a CPU. Fréchet distances of the averaged
generator go to metrics.json, beside them those of the generator itself, their circumstances to provenance.json; eight
images of the average, a row for each of five steps, to samples.png.
"""

import sys
import time
from pathlib import Path

import torch

from ganedu import data, recipes
from ganedu.data.batches import DeviceBatches
from ganedu.data.kinds import Images
from ganedu.metrics import features, frechet_from_features
from ganedu.training.ema import Average
from ganedu.training.trainer import NOISE, stream_seed

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, in_rows, keep  # noqa: E402

SEEDS, STEPS, IMAGES = 1, 500, 2000
SHOWN = (40, 80, 120, 160, 500)  # held at 4 pixels, 8 faded in, held, 16 faded in, long held


def run(seed: int) -> tuple[dict, torch.Tensor]:
    """One training: Fréchet distances, and eight images at each of the shown steps."""
    network = features.network("digits")
    config = recipes.get("progressive").Config().small()
    real = network.extract(data.load("digits", "test", size=config.size).images).features
    recipe = recipes.get("progressive")(config, image_shape=(1, config.size, config.size), seed=seed)
    average = Average(recipe.networks["generator"], decay=0.999)
    stored = Images(data.load("digits", size=config.size).images)
    batches = DeviceBatches(stored, config.batch_size * recipe.n_real, device="cpu", seed=seed)
    random, rows = torch.Generator().manual_seed(stream_seed(seed, NOISE)), []
    found = {"frechet_distance": [], "frechet_distance_without_average": []}
    for step in range(1, STEPS + 1):
        recipe.step(batches.next(), random)
        average.update(recipe.networks["generator"], step)
        if step in SHOWN or step % 100 == 0:
            for distances, generator in zip(found.values(), (average.network, None), strict=True):
                made = recipe.sample(IMAGES, torch.Generator().manual_seed(0), generator=generator)
                distance = frechet_from_features(real, network.extract(made).features).item()
                distances.append([step, *recipe.growth, round(distance, 2)])
                rows += [made[:8]] if step in SHOWN and generator is not None else []
            print(seed, [distances[-1] for distances in found.values()], flush=True)
    return found, torch.cat(rows)


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
    metrics = {"columns": ["step", "level", "alpha", "frechet_distance"], "images": IMAGES, "runs": runs}
    provenance = about | {
        "like": f"ganedu train progressive --seed SEED --steps {STEPS}",
        "seeds": list(range(len(runs))),
        "features": features.network("digits").tag,
        "cpu_seconds": round(time.process_time()),
        "wall_seconds": round(time.time() - start),
    }
    keep(HERE, metrics, provenance)


if __name__ == "__main__":
    main()

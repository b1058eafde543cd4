"""ProGAN on the digits with one seed: `python book/results/progressive_digits/run.py`, about a minute of computing.

The run is like that of `ganedu train progressive --seed SEED --steps 500` on a CPU. Fréchet distances of the averaged
generator go to metrics.json, their circumstances to provenance.json; eight images, a row for each of
five steps, to samples.png.
"""

import json
import platform
import subprocess
import time
from pathlib import Path

import torch
from PIL import Image
from torch.nn.functional import pad

from ganedu import data, recipes
from ganedu.data.batches import DeviceBatches
from ganedu.data.kinds import Images
from ganedu.metrics import features, frechet_from_features
from ganedu.training.ema import Average
from ganedu.training.trainer import NOISE, stream_seed

HERE = Path(__file__).resolve().parent
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
    random, distances, rows = torch.Generator().manual_seed(stream_seed(seed, NOISE)), [], []
    for step in range(1, STEPS + 1):
        recipe.step(batches.next(), random)
        average.update(recipe.networks["generator"], step)
        if step in SHOWN or step % 100 == 0:
            made = recipe.sample(IMAGES, torch.Generator().manual_seed(0), generator=average.network)
            distance = frechet_from_features(real, network.extract(made).features).item()
            distances.append([step, *recipe.growth, round(distance, 2)])
            rows += [made[:8]] if step in SHOWN else []
            print(seed, distances[-1], flush=True)
    return {"frechet_distance": distances}, torch.cat(rows)


def main() -> None:
    torch.set_num_threads(1)
    start, runs = time.time(), []
    for seed in range(SEEDS):
        found, sheet = run(seed)
        runs.append(found)
        if seed == 0:
            picture(sheet).save(HERE / "samples.png", optimize=True)
        write(runs, start)


def write(runs: list[dict], start: float) -> None:
    """Numbers and circumstances, after every seed."""
    metrics = {"columns": ["step", "level", "alpha", "frechet_distance"], "images": IMAGES, "runs": runs}
    (HERE / "metrics.json").write_text(json.dumps(metrics) + "\n", encoding="utf-8")
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE)
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "like": f"ganedu train progressive --seed SEED --steps {STEPS}",
        "seeds": list(range(len(runs))),
        "features": features.network("digits").tag,
        "commit": git.stdout.strip(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, 1 thread",
        "cpu_seconds": round(time.process_time()),
        "wall_seconds": round(time.time() - start),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def picture(images: torch.Tensor) -> Image.Image:
    """Images [8 n, 1, H, W] as rows of eight with black between them, each pixel repeated twice."""
    rows = (
        data.to_bytes(pad(images, (1, 1, 1, 1), value=-1.0))[:, 0]
        .unflatten(0, (-1, 8))
        .permute(0, 2, 1, 3)
        .flatten(2)
        .flatten(0, 1)
    )
    return Image.fromarray(rows.repeat_interleave(2, 0).repeat_interleave(2, 1).numpy())


if __name__ == "__main__":
    main()

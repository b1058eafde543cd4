"""Five recipes at equal time, for chapter 30: `python book/results/equal_time/run.py [SECONDS]`, on one thread.

Every arm is the miniature of a recipe, at 16 x 16 pixels on the digits that ship, three seeds each, and trains for the
same SECONDS of the processor (not of the clock, which on a busy machine would count the others). Ten times on the way
the averaged generator is measured; that time does not count. An arm that has ended is kept under _build/equal_time, so
that a run that was stopped goes on where it was. Numbers go to metrics.json, their circumstances to provenance.json,
64 samples of every arm, of its first seed, not selected, to samples.png.
"""

import json
import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image

from ganedu import data, metrics, recipes
from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches
from ganedu.metrics import features
from ganedu.training.ema import Average

HERE = Path(__file__).resolve().parent
PARTS = HERE.parents[2] / "_build" / "equal_time"
SEEDS, POINTS, SAMPLES = (0, 1, 2), 10, 1541
GAME = {"loss": "relativistic", "penalty": "r1_r2", "penalty_weight": 0.3, "norm": "none"}
ARMS = {  # name: (recipe, changes of its miniature)
    "DCGAN": ("dcgan", {}),
    "WGAN-GP": ("wgan-gp", {}),
    "SNGAN": ("sngan", {}),
    "R3GAN": ("r3gan", {}),
    "R3GAN's game, DCGAN's networks": ("dcgan", {**GAME, "learning_rate_d": 1e-3, "anneal": 0}),
}


def main(seconds: float) -> None:
    torch.set_num_threads(1)
    PARTS.mkdir(parents=True, exist_ok=True)
    found = {}
    for seed in SEEDS:
        for arm in ARMS:
            part = PARTS / f"{arm}-{seed}-{seconds:g}.json".replace(" ", "_")
            if not part.exists():
                part.write_text(json.dumps(run(arm, seed, seconds, part.with_suffix(".png"))))
            found.setdefault(arm, []).append(json.loads(part.read_text()))
    store(found, seconds)


def run(arm: str, seed: int, seconds: float, sheet: Path) -> dict:
    """Train one arm for so many seconds of the processor; Fréchet distances and steps at POINTS times."""
    name, changes = ARMS[arm]
    kind = recipes.get(name)
    config = replace(kind.Config().small(), **changes)
    images = data.load("digits", size=config.size).images
    recipe = kind(config, image_shape=tuple(images.shape[1:]), seed=seed)
    for network in recipe.networks.values():
        network.to(memory_format=torch.channels_last)  # as `ganedu train` lays them out on a CPU
    batches = DeviceBatches(kinds.Images(images), config.batch_size * recipe.n_real, device="cpu", seed=seed)
    average, random = Average(recipe.networks["generator"], decay=0.999), torch.Generator().manual_seed(100 + seed)
    groups = [group for each in recipe.optimizers.values() for group in each.param_groups]
    rates = [group["lr"] for group in groups]
    classifier = features.network("digits")
    real = classifier.extract(images).features
    spent, step, found = 0.0, 0, {"seconds": [], "steps": [], "frechet_distance": []}
    for point in range(1, POINTS + 1):
        while spent < seconds * point / POINTS:
            began = time.process_time()
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate * recipe.learning_rate_factor(step, 10**9)
            recipe.step(batches.next(), random)
            step += 1
            average.update(recipe.networks["generator"], step)
            spent += time.process_time() - began
        made = recipe.sample(SAMPLES, torch.Generator().manual_seed(9), generator=average.network).clamp(-1, 1)
        distance = metrics.frechet_from_features(classifier.extract(made).features, real).item()
        for key, value in zip(found, (spent, step, distance), strict=True):
            found[key].append(round(value, 3))
    table = data.to_bytes(made[:64]).reshape(8, 8, config.size, config.size).permute(0, 2, 1, 3)
    Image.fromarray(table.reshape(8 * config.size, 8 * config.size).numpy()).save(sheet)
    return found


def store(found: dict, seconds: float) -> None:
    settings = {"seconds": seconds, "seeds": SEEDS, "points": POINTS, "samples": SAMPLES, "data": "digits, 16 x 16"}
    arms = {arm: {key: [part[key] for part in parts] for key in parts[0]} for arm, parts in found.items()}
    changes = {arm: {"recipe": name, "changes": changed} for arm, (name, changed) in ARMS.items()}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    provenance = {
        "command": "python book/results/equal_time/run.py",
        "commit": commit,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "threads": 1,
        "device": "cpu",
        "machine": platform.machine(),
        "wall_seconds": round(sum(run["seconds"][-1] for parts in found.values() for run in parts)),
        "wall_seconds_are": "seconds of the processor in training, all runs together; the clock ran longer",
    }
    table = {"settings": settings, "how": changes, "arms": arms}
    for name, content in (("metrics", table), ("provenance", provenance)):
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    sheets = [Image.open(PARTS / f"{arm}-0-{seconds:g}.png".replace(" ", "_")) for arm in ARMS]
    joined = Image.new("L", (sum(sheet.width for sheet in sheets) + 8 * (len(sheets) - 1), sheets[0].height), 0)
    left = 0
    for sheet in sheets:
        joined.paste(sheet, (left, 0))
        left += sheet.width + 8
    joined.save(HERE / "samples.png")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)

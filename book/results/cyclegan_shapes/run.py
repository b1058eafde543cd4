"""The CPU runs of chapter 25 on shapes of known pairing: `python book/results/cyclegan_shapes/run.py`, six processes.

The recipe's miniature, three seeds with and three without the identity loss, one thread each. It is measured every 100
steps on the 512 test images of domain A: how often a translation is nearest to its own true partner, and to which of
the ties (`KINDS`) of its partner it is nearest. Numbers go to metrics.json, their circumstances to provenance.json, the
first 8 test images, their translations by seed 0 with and without the identity loss, and their partners to samples.png.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
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

SEEDS, STEPS, EVERY, SHARES = (0, 1, 2), 600, 100, (0.5, 0.0)
KINDS = ("partner", "half-turn", "mirrored", "mirrored half-turn")
Recipe = recipes.get("cyclegan")


def half_turn(partners):
    """Partners whose amount of green is exchanged: hue h + 1/2 in place of 2/3 - h; floats [N, 3, H, W] in [-1, 1]."""
    cover = ((partners[:, 2:] + 1) / 2 - 0.2) / 0.8  # blue is 1 inside, the background 0.2
    green = 2 * (0.4 + 0.6 * cover) - 1 - (partners[:, 1:2] + 1)
    return torch.cat([partners[:, :1], green, partners[:, 2:]], 1)


def measure(made, partners):
    """Pairing accuracy of translations, and the share that is nearest to each of the ties, all in the 1-norm."""
    apart = torch.cdist(made.flatten(1), partners.flatten(1), p=1)
    accuracy = (apart.argmin(1) == torch.arange(len(made))).double().mean().item()
    ties = [partners, half_turn(partners), partners.flip(3), half_turn(partners).flip(3)]
    nearest = torch.stack([(made - tie).abs().sum((1, 2, 3)) for tie in ties]).argmin(0)
    shares = torch.bincount(nearest, minlength=len(ties)).double() / len(made)
    return {"accuracy": accuracy, "nearest": dict(zip(KINDS, shares.tolist(), strict=True))}


def train(task):
    """One run; returns its measurements and the first 8 translations."""
    identity, seed = task
    torch.set_num_threads(1)
    config = replace(Recipe.Config().small(), identity=identity)
    images, test = data.load_unpaired("shape-domains"), data.to_floats(data.load_unpaired("shape-domains", "test").a)
    partners = shape_domains.partners(test)
    recipe = Recipe(config, image_shape=(3, 32, 32), seed=seed)
    batches = DeviceBatches(
        kinds.Unpaired(images.a, images.b), config.batch_size, device="cpu", seed=seed, flip=config.flip
    )
    random, rows, scalars, began = torch.Generator().manual_seed(seed), [], {}, time.process_time()
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            made = recipe.translate(test, "AtoB")
            seen = {name: scalars[name].item() for name in ("cycle", "loss_d") if scalars}
            rows.append({"step": step, **measure(made, partners), **seen})
            print(identity, seed, rows[-1], f"{time.process_time() - began:.0f} s", flush=True)
        for optimizer in recipe.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * recipe.learning_rate_factor(step, STEPS)
        if step < STEPS:
            scalars = recipe.step(batches.next(), random)
    run = {"identity": identity, "seed": seed, "rows": rows, "cpu_seconds": round(time.process_time() - began, 1)}
    return run, made[:8], asdict(config)


def main():
    about, began = circumstances(HERE), time.monotonic()
    tasks = [(identity, seed) for identity in SHARES for seed in SEEDS]
    with ProcessPoolExecutor(len(tasks)) as pool:
        results = list(pool.map(train, tasks))
    test = data.to_floats(data.load_unpaired("shape-domains", "test").a[:8])
    with_identity, without = results[0][1], results[len(SEEDS)][1]
    sheet = torch.cat([test, with_identity, without, shape_domains.partners(test)])
    run_folder.write_samples(HERE / "samples.png", sheet)
    metrics = {"recipe": {"name": "cyclegan", "config": results[0][2]}, "test_images": 512}
    metrics["runs"] = [run for run, _, _ in results]
    provenance = about | {
        "processes": len(tasks),
        "seeds": list(SEEDS),
        "wall_seconds": round(time.monotonic() - began, 1),
    }
    keep(HERE, metrics, provenance)


if __name__ == "__main__":
    main()

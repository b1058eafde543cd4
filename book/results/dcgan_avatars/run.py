"""The gallery's faces: `python book/results/dcgan_avatars/run.py`, one thread.

A DCGAN learns drawn faces of 32 x 32 pixels by the command TRAIN. The run is kept under _build/dcgan_avatars, so that
one that was stopped goes on where it was. The averaged generators are then measured as those of StyleGAN in chapter 22
are: by the same reader of attributes, trained anew here. samples_1.png and samples_2.png
show 64 samples, not selected; neighbors.png the first eight and, below, the training image nearest to each.
"""

import resource
import runpy
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from ganedu import data
from ganedu.data import avatars
from ganedu.metrics.frechet import frechet_from_features
from ganedu.metrics.intervals import student
from ganedu.metrics.precision import precision_recall
from ganedu.reporting.neighbors import nearest
from ganedu.training import load, run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, ganedu, keep, read, save_picture  # noqa: E402

STEPS = (250, 500, 1000)
TRAIN = "train dcgan --data avatars --size 32 --learning-rate-d 0.0005 --ema 0.998"
PARTS = HERE.parents[2] / "_build" / "dcgan_avatars"
SIDE, COMPARED, DRAWS, COPIES = 32, 2048, 3, 256
chapter_22 = runpy.run_path(str(HERE.with_name("stylegan_avatars") / "run.py"))


def main():
    torch.set_num_threads(1)
    about, began = circumstances(HERE), time.monotonic()
    PARTS.mkdir(parents=True, exist_ok=True)
    ganedu(f"{TRAIN} --steps {STEPS[-1]} --keep-every {STEPS[0]} --out run --resume", str(PARTS))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    train, test = avatars.load("train"), avatars.load("test")
    reader, accuracy = chapter_22["learn_to_read"](train, test)
    shown, held_out = (data.resize(each.images, SIDE) for each in (train, test))

    def seen(images: Tensor) -> Tensor:
        """Features [n, 64] of images [n, 3, 32, 32], bytes."""
        return chapter_22["read"](reader, data.to_floats(images))[0]

    real, known = seen(held_out), seen(shown[:COMPARED])
    rows = []
    for step in STEPS:
        recipe = load(PARTS / "run", at=step if step < STEPS[-1] else None)
        draws = [seen(sample(recipe, COMPARED, seed)) for seed in range(DRAWS)]
        distances = torch.tensor([frechet_from_features(each, real).item() for each in draws], dtype=torch.float64)
        shares = precision_recall(real, draws[0])
        rows.append({"step": step, "frechet": student(distances)._asdict(), **shares._asdict()})
        print(rows[-1], flush=True)
    metrics = {
        "recipe": read(PARTS / "run", "config")["config"]["recipe"],
        "reader": accuracy,
        "compared": COMPARED,
        "draws": DRAWS,
        "between real faces": {"frechet": frechet_from_features(known, real).item()}
        | precision_recall(real, known)._asdict(),
        "rows": rows,
        "nearest": copies(recipe, shown, held_out),
    }
    for half, images in enumerate(sample(recipe, 64, 6).chunk(2), 1):  # one file of both would have 200 kB
        save_picture(HERE / f"samples_{half}.png", run_folder.sheet(data.to_floats(images, torch.float32)))
    provenance = about | {
        "train": f"ganedu {TRAIN} --steps {STEPS[-1]}",
        "seeds": [0],
        "cpu_seconds_of_training": round(spent.ru_utime + spent.ru_stime, 1),
        "wall_seconds": round(time.monotonic() - began, 1),
    }
    keep(HERE, metrics, provenance)


def sample(recipe, n: int, seed: int) -> Tensor:
    """n images [n, 3, 32, 32] as bytes."""
    random = torch.Generator().manual_seed(seed)
    return torch.cat([data.to_bytes(recipe.sample(min(256, n), random)) for _ in range(-(-n // 256))])


def copies(recipe, train: Tensor, test: Tensor) -> dict:
    """Median distances to the nearest training image, of samples and of test faces; draws neighbors.png."""
    made = sample(recipe, COPIES, 6)
    near = nearest(made, train)
    pairs = torch.cat([made[:8], near.images[:8]])
    save_picture(HERE / "neighbors.png", run_folder.sheet(data.to_floats(pairs, torch.float32)))
    found = {"samples": near.distances, "test faces": nearest(test[:COPIES], train).distances}
    return {name: round(each.median().item(), 4) for name, each in found.items()}


if __name__ == "__main__":
    main()

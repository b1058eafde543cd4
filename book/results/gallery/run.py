"""What every recipe makes of its bare command: `python book/results/gallery/run.py [RECIPE ...]`, one thread.

Each `ganedu train RECIPE` runs as a reader runs it, without another option. metrics.json has an entry a recipe: the
command's processor time, and a number of the untrained weights ("before"), of the run's averaged ones ("after") and of
what no generator can beat but by luck ("floor"). RECIPE.png shows samples, not selected, and, below a gray line, real
ones. Entries of recipes that are not named stay as they are; provenance.json is that of the last call.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor

from ganedu import recipes
from ganedu.data import captions, kinds, shape_domains, stored, to_floats
from ganedu.data.projection import shaded
from ganedu.recipes.paired import alike
from ganedu.training import cost, load, run_folder
from ganedu.training.evaluation import Evaluator
from ganedu.training.loading import facts_of, recipe_of

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, ganedu, keep, save_picture  # noqa: E402

TESTED = 256  # pairs, captions and solids of the test set; every set has that many
SHOWN, ROW = 24, 8  # samples, and real ones below
LINE = 6  # pixels between both


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    about, began, path = circumstances(HERE), time.monotonic(), HERE / "metrics.json"
    for name in names or recipes.NAMES:
        with tempfile.TemporaryDirectory() as folder:
            found = made_by(name, Path(folder)) | {"commit": about["commit"]}
        table = (json.loads(path.read_text()) if path.exists() else {}) | {name: found}
        table = {each: table[each] for each in recipes.NAMES if each in table}
        keep(HERE, table, about | {"seed": 0, "wall_seconds": round(time.monotonic() - began, 1)})
        print(name, found["processor_seconds"], found["number"], [found[k] for k in ("before", "after", "floor")])


def made_by(name: str, folder: Path) -> dict:
    """The entry of a recipe; its picture lands beside this file."""
    spent = processor_seconds()
    ganedu(f"train {name} --out run", str(folder))
    spent = processor_seconds() - spent
    plan = run_folder.read_config(folder / "run")
    trained, fresh = load(folder / "run"), cost.build(*recipe_of(plan), facts_of(plan), device="cpu", seed=0)
    data, size = plan["data"]["name"], plan["recipe"]["image_shape"][-1]
    real = {split: stored.load(type(trained).Batch, data, split, size=size).data for split in ("train", "test")}
    number, *values = MEASURES[type(trained).Batch](plan, fresh, trained, real)
    draw(HERE / f"{name}.png", trained, real["test"])
    return {
        "command": f"ganedu train {name}",
        "data": data,
        "config": plan["recipe"]["config"],
        "steps": plan["training"]["steps"],
        "processor_seconds": round(spent, 1),
        "weights": sum(p.numel() for net in trained.networks.values() for p in net.parameters()),
        "number": number,
        **{when: value and round(value, 4) for when, value in zip(("before", "after", "floor"), values, strict=True)},
    }


def processor_seconds() -> float:
    """Of all commands so far that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def distance(plan: dict, fresh, trained, real: dict) -> tuple:
    """Fréchet distances to the test set, of 2000 samples; the floor: of as many real images to train on, or of all."""
    judge = Evaluator(plan, type(trained), n=2000)
    known = real["train"][0][:2000]
    floor = judge.reference.report(known, step=0, averaged=False, names=("frechet_distance",))
    reports = [judge.measure(recipe, step=0, averaged=False) for recipe in (fresh, trained)]
    return "Fréchet distance", *(each.values["frechet_distance"] for each in (*reports, floor))


def restored(plan: dict, fresh, trained, real: dict) -> tuple:
    """Mean errors a pixel; before: of the input itself, with its pixels and channels repeated; of a hole, inside it.

    No floor: more than one picture may fit an input.
    """
    inputs, targets = (to_floats(each[:TESTED], torch.float32) for each in real["test"])
    made, copied = trained.translate(inputs), alike(inputs, trained.image_shape)
    where = slice(None)
    if plan["data"]["name"].startswith("holes:"):
        where = slice(targets.shape[-1] // 4, 3 * targets.shape[-1] // 4)
    errors = [(each - targets)[:, :, where, where].abs().mean().item() for each in (copied, made)]
    return "error a pixel", *errors, None


def translated(plan: dict, fresh, trained, real: dict) -> tuple:
    """Mean errors a pixel to the true partners of images of A, which no run sees; before: of the images themselves."""
    given = to_floats(real["test"].a[:TESTED], torch.float32)
    wanted, made = shape_domains.partners(given), trained.translate(given, "AtoB")
    return "error a pixel to the partner", *((each - wanted).abs().mean().item() for each in (given, made)), 0.0


def obeyed(plan: dict, fresh, trained, real: dict) -> tuple:
    """How often the color follows when its word is swapped for the next but one of the circle, in test captions."""
    tokens, lengths = (each[:TESTED] for each in real["test"][1:])
    first = trained.words.index(captions.COLORS[0])
    colored = (tokens >= first) & (tokens < first + len(captions.COLORS))
    swapped = torch.where(colored, first + (tokens - first + 2) % len(captions.COLORS), tokens)
    wanted = ((swapped - first) * colored).sum(1)

    def right(images: Tensor, said: Tensor) -> float:
        return (captions.color(images) == said).double().mean().item()

    made = [
        right(each.sample(TESTED, torch.Generator().manual_seed(0), tokens=swapped, lengths=lengths), wanted)
        for each in (fresh, trained)
    ]
    told = ((tokens - first) * colored).sum(1)
    return "swapped color obeyed", *made, right(to_floats(real["test"][0][:TESTED], torch.float32), told)


def occupied(plan: dict, fresh, trained, real: dict) -> tuple:
    """How far the shares of filled space are from those of the test set; the floor: of solids to train on."""
    shares = {split: filled(to_floats(each[0][:TESTED], torch.float32)) for split, each in real.items()}
    made = [filled(each.sample(TESTED, torch.Generator().manual_seed(0))) for each in (fresh, trained)]
    apart = [wasserstein_distance(each, shares["test"]) for each in (*made, shares["train"])]
    return "occupancy distance", *map(float, apart)


def filled(voxels: Tensor) -> np.ndarray:
    """The share of the cube that is full [n], of voxels [n, 1, D, H, W] in [-1, 1]."""
    return ((voxels.double().flatten(1).mean(1) + 1) / 2).numpy()


MEASURES = {
    kinds.Images: distance,
    kinds.Labeled: distance,
    kinds.Pairs: restored,
    kinds.Unpaired: translated,
    kinds.Described: obeyed,
    kinds.Voxels: occupied,
}


def draw(path: Path, recipe, real) -> None:
    """Rows of eight: what the recipe makes, a gray line, what is real."""
    examples = type(real)(*(to_floats(each[:ROW], torch.float32) if each.ndim > 3 else each[:ROW] for each in real))
    made = recipe.sheet(examples, torch.Generator().manual_seed(1), n=SHOWN)
    match examples:
        case kinds.Pairs() | kinds.Unpaired() | kinds.Described():
            blocks = blocks_of(recipe, examples, made)
        case kinds.Voxels():
            blocks = [made, shaded(examples.voxels)]
        case _:
            blocks = [made, examples.images]
    sheets = [run_folder.sheet(block) for block in blocks]
    sheets[1:] = [np.concatenate([np.full_like(each[:LINE], 128), each]) for each in sheets[1:]]
    save_picture(path, np.concatenate(sheets))


def blocks_of(recipe, examples, made: Tensor) -> list[Tensor]:
    """Of pairs: inputs and what is made of them, then the truth. Of two domains: there, then back. Of captions: two
    rows of pictures, then the real ones."""
    match examples:
        case kinds.Pairs():
            return [made[: 2 * ROW], made[2 * ROW :]]
        case kinds.Unpaired():
            there = made[: 2 * ROW]
            return [there, shape_domains.partners(examples.a)]
    images = [
        recipe.sample(ROW, torch.Generator().manual_seed(seed), tokens=examples.tokens, lengths=examples.lengths)
        for seed in (1, 2)
    ]
    return [torch.cat(images), examples.images]


if __name__ == "__main__":
    main(sys.argv[1:])

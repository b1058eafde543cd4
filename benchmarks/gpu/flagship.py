"""A flagship of the GPU day: a recipe at full size for some minutes, measured, its pictures kept."""

import argparse
import shutil
import tempfile
from pathlib import Path

from ganedu import recipes
from ganedu.data import stored
from ganedu.data.files import data_root, find
from ganedu.data.registry import FILE_SETS, UNPAIRED_SETS
from ganedu.reporting import run_report
from ganedu.training import TrainConfig, train
from ganedu.training.evaluation import evaluate
from ganedu.training.precision import choose

FLAGSHIPS = {  # recipe: sets to try in this order
    "r3gan": ("avatars",),
    "stylegan": ("avatars",),
    "biggan": ("cifar10", "digits"),
    "dcgan": ("cifar10", "digits"),
    "wgan-gp": ("cifar10", "digits"),
    "cyclegan": ("apple2tomato", "shape-domains"),
}
KEPT = ("config.json", "metrics.jsonl", "evaluation.json", "provenance.json", "report.html")
FOREVER = 1_000_000_000  # steps: the time given ends the run, at the learning rate it begins with


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", metavar="RECIPE")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--data-root", type=Path, default=None)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args(arguments)
    keep(options.recipe, options.out, options)


def keep(name: str, out: Path, options) -> None:
    """Train, measure, and copy what is worth keeping of the run into OUT."""
    kind = recipes.get(name)
    config = kind.Config().small() if options.small else kind.Config()
    data = first_of(kind, FLAGSHIPS[name], config, options.data_root)
    print(f"{name} on {data}, {options.minutes:.1f} minutes", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        every = TrainConfig(
            steps=FOREVER, precision=choose(None, fast=True, device=options.device), log_every=50, sample_every=100
        )
        rest = {"device": options.device, "root": options.data_root, "max_minutes": options.minutes, "show": False}
        done = train(name, data, out=run, config=every, recipe_config=config, **rest)
        print(f"{done.step} steps", flush=True)
        copy(run, out)  # first: a measurement that takes too long costs itself only
        try:
            print(evaluate(run, n=2000, device=options.device, root=options.data_root), flush=True)
        except ValueError as error:
            print(f"not measured: {error}")
        run_report.write(run)
        copy(run, out)


def copy(run: Path, out: Path) -> None:
    """What there is of KEPT, and the last sheet of samples."""
    for each in KEPT:
        if (run / each).exists():
            shutil.copy(run / each, out / each)
    for sheet in sorted((run / "samples").glob("step_*.png"))[-1:]:
        shutil.copy(sheet, out / "samples.png")


def first_of(kind, names, config, root) -> str:
    """The first of some sets that can be read here; its exported pictures where the set itself cannot."""
    side, problems = config.load_size or config.size, []
    for name in names:
        folder = f"image-folder:{root / name}" if root and (root / name).is_dir() else None
        for choice in filter(None, (name, folder)):
            if not is_here(choice, root):
                problems.append(f"{choice} is not here")
                continue
            try:
                stored.load(kind.Batch, choice, "train", root, size=side)
                return choice
            except ValueError as error:
                problems.append(f"{choice}: {error}")
    raise ValueError("; ".join(problems))


def is_here(name: str, root) -> bool:
    """Whether no file would have to be downloaded."""
    if name in UNPAIRED_SETS:
        return (data_root(root) / UNPAIRED_SETS[name].path).is_file()
    return name not in FILE_SETS or find(FILE_SETS[name], "train", data_root(root)) is not None


if __name__ == "__main__":
    main()

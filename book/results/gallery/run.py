"""What every recipe makes of its bare command: `python book/results/gallery/run.py [RECIPE ...]`, one thread.

Each `ganedu train RECIPE` runs as a reader would run it, without another option, and once more for a single step, to
tell what training changed. Numbers and circumstances go to metrics.json, one entry a recipe, the last sheet of samples,
not selected, to RECIPE.png.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from ganedu import recipes
from ganedu.data import kinds, shape_domains, stored, to_floats
from ganedu.training import load, run_folder
from ganedu.training.evaluation import stored as reports_of

HERE = Path(__file__).resolve().parent
TESTED = 256  # samples of the test set that a translation is measured on


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or recipes.NAMES:
        with tempfile.TemporaryDirectory() as folder:
            found = made_by(name, Path(folder))
        table = json.loads((HERE / "metrics.json").read_text()) if (HERE / "metrics.json").exists() else {}
        order = [each for each in recipes.NAMES if each in {**table, name: found}]
        run_folder.write_json(HERE / "metrics.json", {each: {**table, name: found}[each] for each in order})
        print(name, found["seconds"], found["number"], flush=True)


def made_by(name: str, folder: Path) -> dict:
    """The entry of a recipe; its sheet lands beside this file."""
    began = time.monotonic()
    train(folder, name, "--out", "run")
    seconds = time.monotonic() - began
    train(folder, name, "--out", "start", "--steps", "1", "--ema", "0")
    plan, run = run_folder.read_config(folder / "run"), folder / "run"
    provenance = json.loads((run / "provenance.json").read_text())
    shutil.copy(sorted((run / "samples").glob("step_*.png"))[-1], HERE / f"{name}.png")
    before, after = (measured(each) for each in (folder / "start", run))
    kept = {key: provenance[key] for key in ("ganedu", "commit", "python", "packages", "device", "threads")}
    return {
        "command": f"ganedu train {name}",
        "data": plan["data"]["name"],
        "size": plan["recipe"]["image_shape"][-1],
        "steps": plan["training"]["steps"],
        "seconds": round(seconds, 1),
        "weights": {player: sum(p.numel() for p in net.parameters()) for player, net in load(run).networks.items()},
        "number": after[0],
        "before": before[1],
        "after": after[1],
        **kept,
    }


def train(folder: Path, *options: str) -> None:
    """`ganedu train`, on one thread."""
    command = [sys.executable, "-m", "ganedu", "train", *options]
    subprocess.run(command, check=True, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"})


def measured(run: Path) -> tuple[str, float | None]:
    """What is measured of a run, in words, and its value; None where nothing is."""
    recipe, plan = load(run), run_folder.read_config(run)
    if hasattr(recipe, "sample"):
        if type(recipe).Batch.sides != 2:
            return occupancy(recipe, plan)
        evaluate = [sys.executable, "-m", "ganedu", "evaluate", str(run)]
        subprocess.run(evaluate, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        return "Fréchet distance", round(reports_of(run)[-1].values["frechet_distance"], 2)
    size = plan["recipe"]["image_shape"][-1]
    found = stored.load(type(recipe).Batch, plan["data"]["name"], "test", size=size).data
    given, wanted = (to_floats(each[:TESTED], torch.float32) for each in found)
    if type(recipe).Batch is kinds.Pairs:
        return "mean error a pixel", round(float((recipe.translate(given) - wanted).abs().mean()), 3)
    wanted = to_floats(shape_domains.partners(found.a[:TESTED]), torch.float32)
    return "mean error a pixel to the true partner", round(
        float((recipe.translate(given, "AtoB") - wanted).abs().mean()), 3
    )


def occupancy(recipe, plan) -> tuple[str, float]:
    """How far the shares of filled voxels are apart, real and made, a volume each: Wasserstein distance in 1-D."""
    size = plan["recipe"]["image_shape"][-1]
    real = stored.load(kinds.Voxels, plan["data"]["name"], "test", size=size).data.voxels.double().div(255)
    made = (recipe.sample(TESTED, torch.Generator().manual_seed(0)).double() + 1) / 2
    shares = [volumes.flatten(1).mean(1).sort().values for volumes in (real[:TESTED], made)]
    return "distance of filled shares", round(float((shares[0] - shares[1]).abs().mean()), 4)


if __name__ == "__main__":
    main(sys.argv[1:])

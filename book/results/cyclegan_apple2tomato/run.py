"""The CPU run of chapter 25 on apples and tomatoes: `python book/results/cyclegan_apple2tomato/run.py`, one thread.

It calls the command that the chapter prints, and measures the end on the 300 + 300 test photographs; `between_real` has
the distances between real photographs to compare with. Needs apple2tomato.zip in the folder that GANEDU_DATA names.
Numbers go to metrics.json, their circumstances to provenance.json. samples.png has what the networks made of every 25th
test photograph of each domain in the order of their names: translated above, there and back again below. The
photographs themselves are no part of this project. With the name of a folder as argument, a sheet with them is written
there as well.

Data: Fruits-360 by M. Oltean, a selection, CC BY-SA 4.0; samples.png is under the same license.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch.nn.functional import avg_pool2d

from ganedu import data, metrics
from ganedu.training import load, run_folder

HERE = Path(__file__).resolve().parent
TRAIN = (
    "train cyclegan --data apple2tomato --small --size 64 --batch-size 2 --set blocks=3 --set learning_rate=0.001 "
    "--steps 800"
)
KEPT = ("ganedu", "commit", "python", "packages", "device", "threads", "seed", "wall_seconds")


def ganedu(command: str, folder: str) -> None:
    """Run one command of the package on one thread, in `folder`; an error ends the script."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "ganedu", *command.split()], check=True, cwd=folder, env=environment)


def distance(images, others) -> float:
    """Fréchet distance of two sets of images, of their pixels at 4 x 4."""
    coarse = [avg_pool2d(each, each.shape[-1] // 4).flatten(1).double() for each in (images, others)]
    return metrics.frechet_from_features(*coarse).item()


def measure(recipe, a, b) -> dict:
    """For each direction: how far from the target domain before and after, how much is changed, and what comes back."""
    found = {}
    for there, back, x, y in (("AtoB", "BtoA", a, b), ("BtoA", "AtoB", b, a)):
        made = recipe.translate(x, there)
        found[there] = {
            "distance_before": distance(x, y),
            "distance_after": distance(made, y),
            "change": (made - x).abs().mean().item(),
            "cycle": (recipe.translate(made, back) - x).abs().mean().item(),
            "identity": (recipe.translate(y, there) - y).abs().mean().item(),
        }
    return found


def between_real(test, train, halvings: int = 20) -> dict:
    """Distances of real photographs of one fruit: halves of the test set (mean), and training to test set."""
    random, halves = torch.Generator().manual_seed(0), []
    for _ in range(halvings):
        order = torch.randperm(len(test), generator=random)
        halves.append(distance(*test[order].chunk(2)))
    return {"halves": sum(halves) / halvings, "train_to_test": distance(train, test)}


def main() -> None:
    torch.set_num_threads(1)
    test = data.load_unpaired("apple2tomato", "test", size=64)
    a, b = data.to_floats(test.a), data.to_floats(test.b)
    with tempfile.TemporaryDirectory() as folder:
        ganedu(TRAIN, folder)
        run = Path(folder) / "runs" / "cyclegan-apple2tomato"
        recipe = load(run)
        found = measure(recipe, a, b)
        read = {name: json.loads((run / f"{name}.json").read_text()) for name in ("config", "provenance")}
    train = data.load_unpaired("apple2tomato", size=64)
    found["AtoB"]["real"] = between_real(b, data.to_floats(train.b))  # of the target domain
    found["BtoA"]["real"] = between_real(a, data.to_floats(train.a))
    rows = []
    for there, back, x in (("AtoB", "BtoA", a[::25]), ("BtoA", "AtoB", b[::25])):
        made = recipe.translate(x, there)
        rows += [x, made, recipe.translate(made, back)]
    made_only = torch.cat([rows[1], rows[2], rows[4], rows[5]])
    run_folder.write_samples(HERE / "samples.png", made_only, columns=12)
    if len(sys.argv) > 1:
        run_folder.write_samples(Path(sys.argv[1]) / "sheet.png", torch.cat(rows), columns=12)
    provenance = {
        "command": "python book/results/cyclegan_apple2tomato/run.py",
        "train": f"ganedu {TRAIN}",
        "data_sha256": read["config"]["data"]["sha256"],
        "data_license": "CC BY-SA 4.0, Fruits-360 by M. Oltean, a selection; samples.png is under the same license",
        **{key: read["provenance"][key] for key in KEPT},
        "machine": platform.machine(),
    }
    metrics_found = {"recipe": read["config"]["recipe"], "test_images": [len(a), len(b)], "directions": found}
    for name, content in (("metrics", metrics_found), ("provenance", provenance)):
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

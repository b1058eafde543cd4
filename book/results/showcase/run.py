"""Pictures of up to an hour and a half of one core each: `python book/results/showcase/run.py [NAME ...]`, one thread.

Each of COMMANDS trains a recipe at the sizes where pictures begin to convince. A run is kept under _build/showcase, so
that one that was stopped goes on where it was. metrics.json has an entry a run: the curve of Fréchet distances, the
last one over three draws with its interval, the floor between real images, and how near samples and unseen real images
are to the training set. NAME_1.png and NAME_2.png show 64 samples, not selected; NAME_near.png the first eight and,
below, the training image nearest to each; of StyleGAN there is a table of faces mixed at layer SWITCH, too. Entries of
runs that are not named stay as they are; provenance.json is that of the last call.
"""

import json
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from ganedu import data
from ganedu.metrics.intervals import student
from ganedu.reporting.neighbors import nearest
from ganedu.training import evaluation, load, run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, ganedu, keep, read, save_picture  # noqa: E402

PARTS = HERE.parents[2] / "_build" / "showcase"
COMPARED, DRAWS, SHOWN, COPIES, SWITCH = 2000, 3, 64, 256, 3
SEEN = "--sample-every 2000 --evaluate-every 1000 --device cpu"
WIDER = "--set width=12 --set widest=96 --set latent_dim=64 --learning-rate 0.006 --set burn_in=1500"
COMMANDS = {
    "r3gan": f"train r3gan --data avatars --size 64 {SEEN} --steps 3000 {WIDER}",
    "dcgan_photographs": f"train dcgan --data cifar10 --size 32 --flip {SEEN} --steps 12000 --set width=64 "
    "--learning-rate 0.0005 --set anneal=4000",
    "stylegan_faces": f"train stylegan --data avatars --size 64 {SEEN} --steps 16000 --set penalty_weight=10 "
    "--set anneal=6000",
    "biggan_faces": f"train biggan --data avatars --size 32 {SEEN} --steps 3000 --set attention=16 --set width=12",
    "r3gan_clothes": f"train r3gan --data fashion-mnist --size 32 {SEEN} --steps 6000 {WIDER}",
}


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    about, began, path = circumstances(HERE), time.monotonic(), HERE / "metrics.json"
    PARTS.mkdir(parents=True, exist_ok=True)
    for name in names or COMMANDS:
        ganedu(f"{COMMANDS[name]} --out {name} --resume", str(PARTS))
        found = measured(name, PARTS / name) | {"command": f"ganedu {COMMANDS[name]}", "commit": about["commit"]}
        table = (json.loads(path.read_text()) if path.exists() else {}) | {name: found}
        table = {each: table[each] for each in COMMANDS if each in table}
        keep(HERE, table, about | {"seed": 0, "wall_seconds": round(time.monotonic() - began, 1)})
        print(name, found["distance"], "floor", found["floor"], found["nearest"])


def measured(name: str, folder: Path) -> dict:
    """The entry of a run; its pictures land beside this file."""
    recipe, plan = load(folder), run_folder.read_config(folder)
    size = plan["recipe"]["image_shape"][-1]
    train, test = (data.load(plan["data"]["name"], split, size=size).images for split in ("train", "test"))
    judge = evaluation.Evaluator(plan, type(recipe), n=COMPARED)
    reports = [judge.measure(recipe, seed=seed, step=0, averaged=True) for seed in range(DRAWS)]
    known = judge.reference.report(train[:COMPARED], step=0, averaged=False)
    made = drawn(recipe, COPIES)
    near = {"samples": nearest(made, train), "unseen": nearest(test[:COPIES], train)}
    draw(name, made, near["samples"].images)
    if hasattr(recipe, "mixtures"):
        table = recipe.mixtures(4, 7, SWITCH, torch.Generator().manual_seed(7), truncation=0.8)
        save_picture(HERE / f"{name}_mixtures.png", run_folder.sheet(table.flatten(0, 1)))
    return {
        "config": plan["recipe"]["config"],
        "steps": plan["training"]["steps"],
        "wall_seconds": read(folder, "provenance")["provenance"]["wall_seconds"],
        "weights": {who: sum(p.numel() for p in net.parameters()) for who, net in recipe.networks.items()},
        "protocol": reports[0].record()["protocol"],
        "curve": [[each.step, each.values["frechet_distance"]] for each in evaluation.stored(folder)],
        "distance": student(torch.tensor([each.values["frechet_distance"] for each in reports]).double())._asdict(),
        "values": dict(reports[0].values),
        "floor": known.values["frechet_distance"],
        "nearest": {whose: round(each.distances.median().item(), 4) for whose, each in near.items()},
    }


def drawn(recipe, n: int) -> Tensor:
    """n images as bytes [n, C, H, W]; of a recipe with classes, eight of each in turn."""
    random, asked = torch.Generator().manual_seed(6), {}
    parts = []
    for first in range(0, n, 32):
        if classes := getattr(recipe, "classes", ()):
            asked = {"labels": torch.arange(first, first + 32) // 8 % len(classes)}
        parts.append(data.to_bytes(recipe.sample(32, random, **asked)))
    return torch.cat(parts)


def draw(name: str, made: Tensor, near: Tensor) -> None:
    """The sheets of a run, of samples and the training images nearest to them."""
    sheets = {"1": made[: SHOWN // 2], "2": made[SHOWN // 2 : SHOWN], "near": torch.cat([made[:8], near[:8]])}
    for which, images in sheets.items():
        save_picture(HERE / f"{name}_{which}.png", run_folder.sheet(data.to_floats(images, torch.float32)))


if __name__ == "__main__":
    main(sys.argv[1:])

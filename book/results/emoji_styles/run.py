"""The CPU run of chapter 24 on emoji: `python book/results/emoji_styles/run.py`, one thread, four minutes.

Three translators learn to redraw Google's emoji in Twitter's style, at 32 x 32 pixels: Pix2Pix, the same network
without its adversary, and CycleGAN, which is shown the same pictures without being told which belong together. They are
measured on the 542 pairs to test. Needs the set emoji, see `ganedu data list`. Numbers go to metrics.json, their
circumstances to provenance.json, twelve of the test pairs and what the three made of them to samples.png.

Pictures: Noto Emoji, Apache License 2.0, Google; Twemoji, CC BY 4.0, Twitter and contributors; samples.png likewise.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from ganedu import __version__, data, recipes
from ganedu.data import emoji, kinds
from ganedu.training import run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402
from translated_pairs import measure  # noqa: E402

SIDE, SEED = 32, 0
STEPS = {"pix2pix": 1500, "l1": 1500, "cyclegan": 1500}
SHOWN = 12
Pix2Pix, CycleGAN = recipes.get("pix2pix"), recipes.get("cyclegan")


def config(name):
    """The miniatures of both recipes, for 32 x 32 pixels."""
    if name == "cyclegan":
        return replace(CycleGAN.Config().small(), batch_size=4)
    small = replace(Pix2Pix.Config().small(), width=24, restoration=100.0, flip=True)
    return replace(small, adversarial=0.0) if name == "l1" else small


def trained(name, x, y):
    """A recipe after its steps on the pairs x, y, and the seconds they took on the processor."""
    kind = CycleGAN if name == "cyclegan" else Pix2Pix
    recipe = kind(config(name), image_shape=(3, SIDE, SIDE), seed=SEED)
    random, size, start = torch.Generator().manual_seed(SEED), recipe.config.batch_size, time.process_time()
    for step in range(STEPS[name]):
        for player in recipe.optimizers.values():
            for group in player.param_groups:
                group["lr"] = recipe.config.learning_rate * recipe.learning_rate_factor(step, STEPS[name])
        first, second = (torch.randint(len(x), (size,), generator=random) for _ in range(2))
        if name == "cyclegan":  # no two belong together
            recipe.step(kinds.Unpaired(x[first], y[second]), random)
        else:
            mirrored = torch.rand(size, 1, 1, 1, generator=random) < 0.5
            recipe.step(kinds.Pairs(*(torch.where(mirrored, z[first].flip(3), z[first]) for z in (x, y))), random)
        if step % 250 == 249:
            print(name, step + 1, f"{time.process_time() - start:.0f} s", flush=True)
    return recipe, time.process_time() - start


def measured(made, y) -> dict:
    """Numbers of what was made of the test inputs, against the true partners y; also how many find their own."""
    apart = torch.cdist(made.flatten(1).double(), y.flatten(1).double(), p=1)
    accuracy = (apart.argmin(1) == torch.arange(len(y))).double().mean().item()
    return measure(made, y) | {"pairing_accuracy": accuracy}


def main() -> None:
    torch.set_num_threads(1)
    about, started = circumstances(HERE), time.perf_counter()
    train, test = emoji.load("train"), emoji.load("test")
    x, y, test_x, test_y = (
        data.to_floats(data.resize(each, SIDE), torch.float32)
        for each in (train.noto, train.twemoji, test.noto, test.twemoji)
    )
    found, rows = {"copy": measured(test_x, test_y)}, [test_x, test_y]
    for name in STEPS:
        recipe, seconds = trained(name, x, y)
        made = recipe.translate(test_x, "AtoB") if name == "cyclegan" else recipe.translate(test_x)
        found[name] = measured(made, test_y) | {"steps": STEPS[name], "cpu_seconds": seconds}
        rows.append(made)
        print(name, found[name], flush=True)
    chosen = torch.arange(0, len(test), len(test) // SHOWN)[:SHOWN]
    sheet = torch.cat([each[chosen] for each in (rows[0], *rows[2:], rows[1])])
    run_folder.write_samples(HERE / "samples.png", sheet, columns=SHOWN)
    provenance = about | {
        "data": "emoji: Noto Emoji (Apache-2.0, Google) and Twemoji (CC BY 4.0, Twitter and contributors), 16.0.0",
        "ganedu": __version__,
        "seed": SEED,
        "wall_seconds": round(time.perf_counter() - started),
    }
    numbers = {"train_pairs": len(train), "test_pairs": len(test), "shown": [test.names[i] for i in chosen]}
    keep(HERE, numbers | {"systems": found}, provenance)


if __name__ == "__main__":
    main()

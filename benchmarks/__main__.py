"""Run the benchmarks and store what they find: `python -m benchmarks [NAME ...] [--rounds N] [--threads N]`.

Those of speed run if none is named. To be named are "quality" and "ingredients", which train for hours (--seconds for
each plain run, two thirds of that for the others; --parts to go on), and "playground", which needs a browser.
"""

import argparse
from functools import partial
from pathlib import Path

import torch

from benchmarks import cyclegan, dcgan, epoch, playground, quality, record, scaling, wgan_gp
from benchmarks.measure import compare

CONTESTS = {
    "dcgan": dcgan.contest,
    "wgan_gp_conv": partial(wgan_gp.contest, "conv"),
    "wgan_gp_resnet": partial(wgan_gp.contest, "resnet"),
    "cyclegan": cyclegan.contest,
    "epoch": epoch.contest,
    "epoch_photographs": partial(epoch.contest, photographs=True),
}
SPEED = (*CONTESTS, "scaling")
TRAINED = {"quality": quality.measure, "ingredients": quality.ingredients}
NAMES = (*SPEED, "playground", *TRAINED)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; those of speed if none is")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of all contestants in turns (15)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch (its own choice)")
    parser.add_argument("--seconds", type=float, default=600.0, help="of each plain run of those that train (600)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each of their runners (3)")
    parser.add_argument("--parts", type=Path, help="folder of what they have done; the same command goes on from it")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    torch.set_num_threads(options.threads)
    command = f"python -m benchmarks {{}} --rounds {options.rounds} --threads {options.threads}"
    for name in options.names or SPEED:
        if name in TRAINED:
            told = f"{name} --seconds {options.seconds:g} --seeds {options.seeds} --threads {options.threads}"
            told = f"python -m benchmarks {told}"
            seeds = tuple(range(options.seeds))
            found = TRAINED[name](seconds=options.seconds, seeds=seeds, parts=options.parts)
            print(f"{record.write(found, command=told)} written")
            for runner, row in found["runners"].items():
                print(f"  {runner:36} Fréchet distance {row['last']:8.1f}")
            continue
        print(f"{name}: {options.rounds} rounds ...", flush=True)
        rounds, others = options.rounds, {"scaling": scaling.measure, "playground": playground.measure}
        found = others[name](rounds=rounds) if name in others else compare(CONTESTS[name](), rounds=rounds)
        print(f"{record.write(found, command=command.format(name))} written")
        for speed, row in found.get("speeds", {}).items():  # of the playground
            print(f"  {speed:18} {row['steps']:8.1f} steps, {row['frames']:5.1f} frames a second")
        for contestant, row in found.get("contestants", {}).items():
            print(f"  {contestant:18} {row['seconds']:8.3f} s  {row['speedup']:5.2f}x")


if __name__ == "__main__":
    main()

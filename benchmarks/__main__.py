"""Run the benchmarks and store what they find: `python -m benchmarks [NAME ...] [--rounds N] [--threads N]`."""

import argparse
from functools import partial

import torch

from benchmarks import cyclegan, dcgan, epoch, record, scaling, wgan_gp
from benchmarks.measure import compare

CONTESTS = {
    "dcgan": dcgan.contest,
    "wgan_gp_conv": partial(wgan_gp.contest, "conv"),
    "wgan_gp_resnet": partial(wgan_gp.contest, "resnet"),
    "cyclegan": cyclegan.contest,
    "epoch": epoch.contest,
    "epoch_photographs": partial(epoch.contest, photographs=True),
}
NAMES = (*CONTESTS, "scaling")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all if none is given")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of all contestants in turns (15)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch (its own choice)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    torch.set_num_threads(options.threads)
    command = f"python -m benchmarks {{}} --rounds {options.rounds} --threads {options.threads}"
    for name in options.names or NAMES:
        print(f"{name}: {options.rounds} rounds ...", flush=True)
        rounds = options.rounds
        found = scaling.measure(rounds=rounds) if name == "scaling" else compare(CONTESTS[name](), rounds=rounds)
        print(f"{record.write(found, command=command.format(name))} written")
        for contestant, row in found.get("contestants", {}).items():
            print(f"  {contestant:18} {row['seconds']:8.3f} s  {row['speedup']:5.2f}x")


if __name__ == "__main__":
    main()

"""A day on a GPU in nine minutes: tests, speeds, flagships at full size; `python -m benchmarks.gpu OUT`.

Needs the source tree, PyTorch and the usual scientific packages; no network. Every part is a process with a limit of
its own: one that fails or takes too long costs itself only. OUT then holds, for each part, what it printed and made,
and summary.json with the provenance of all. Data sets are looked for in --data-root; where `avatars` cannot be drawn,
for want of its packages, its pictures are read from what `ganedu data export avatars ROOT/avatars` has made.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks import record
from benchmarks.gpu.flagship import FLAGSHIPS
from ganedu import recipes
from ganedu.training import run_folder

TESTS = ("data_windows", "networks_translation", "recipes_image_pool", "training_speed")  # those that have GPU tests
LEAST = 20.0  # seconds that a flagship needs to be worth its start
SHARES = {"machine": 0.05, "tests": 0.15, "speed": 0.2}  # of the whole time, at most; the flagships share the rest


@dataclass(frozen=True)
class Part:
    """A process of the day: its name, its command behind `python -m`, and its limit in seconds."""

    name: str
    command: tuple[str, ...]
    seconds: float


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit code is 1 if a part failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder for everything that is found")
    parser.add_argument("--minutes", type=float, default=9.0, help="of the whole day (9)")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, cpu to rehearse")
    parser.add_argument("--data-root", type=Path, default=None, help="folder of the data sets")
    parser.add_argument("--small", action="store_true", help="miniatures instead of the papers' sizes, to rehearse")
    parser.add_argument("--only", nargs="*", default=None, metavar="PART", help="machine, tests, speed, a recipe ...")
    options = parser.parse_args(arguments)
    known = (*SHARES, *available())
    if unknown := set(options.only or ()) - set(known):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; choose from {', '.join(known)}")
    if options.out.exists() and any(options.out.iterdir()):
        parser.error(f"{options.out} is not empty, and nothing is overwritten; give another folder")
    if options.device != "cpu" and not torch.cuda.is_available():
        parser.error("there is no CUDA GPU; rehearse with --device cpu --small")
    return day(options, [name for name in known if options.only is None or name in options.only])


def available() -> list[str]:
    """The flagships that this version has."""
    return [name for name in FLAGSHIPS if name in recipes.NAMES]


def day(options, names: list[str]) -> int:
    """All parts, one after the other, within the time; summary.json is written anew after each."""
    ends, summary = time.monotonic() + 60 * options.minutes, {}
    for i, name in enumerate(names):
        left = ends - time.monotonic()
        flagships = sum(each not in SHARES for each in names[i:])
        seconds = 60 * options.minutes * SHARES[name] if name in SHARES else left / flagships
        if left < (seconds if name in SHARES else LEAST * min(1, options.minutes)):
            summary[name] = {"outcome": "no time left"}
            continue
        found = run(Part(name, command(name, options, seconds), seconds), options.out / name)
        print(f"{name}: {found['outcome']} in {found['seconds']:.0f} s", flush=True)
        summary[name] = found
        about = record.provenance(" ".join(["python -m benchmarks.gpu", *sys.argv[1:]]))
        about["device"] = run_folder.device_name(torch.device(options.device))
        run_folder.write_json(options.out / "summary.json", {"parts": summary, "provenance": about})
    return int(any(each["outcome"] not in ("done", "no time left") for each in summary.values()))


def command(name: str, options, seconds: float) -> tuple[str, ...]:
    """What a part runs."""
    out, size = options.out / name, ["--small"] if options.small else []
    match name:
        case "machine":
            return ("ganedu", "doctor")
        case "tests":
            return ("pytest", "-q", "-rs", "-p", "no:cacheprovider", *(f"tests/test_{each}.py" for each in TESTS))
        case "speed":
            return ("benchmarks.gpu.speed", str(out / "speed.json"), "--device", options.device, *size)
    root = ["--data-root", str(options.data_root)] if options.data_root else []
    minutes = str(0.65 * seconds / 60)  # the rest is for starting, measuring and drawing
    return ("benchmarks.gpu.flagship", name, str(out), "--minutes", minutes, "--device", options.device, *size, *root)


def run(part: Part, out: Path) -> dict:
    """A part in a process group of its own, which ends with its limit; what it prints goes to OUT/PART/log.txt."""
    out.mkdir(parents=True)
    began = time.monotonic()
    with open(out / "log.txt", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *part.command], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            outcome = "done" if process.wait(part.seconds) == 0 else f"failed with exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            outcome = f"stopped after {part.seconds:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return {"outcome": outcome, "seconds": time.monotonic() - began, "command": " ".join(part.command)}


if __name__ == "__main__":
    sys.exit(main())

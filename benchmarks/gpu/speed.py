"""What a step of each recipe costs on a GPU: exact, TF32, bfloat16, compiled, as a CUDA graph; beside the floors.

Contestants of a recipe take turns in one process. Batches are random and stay on the device: what is measured is the
step. The file is written anew after each recipe, so that a limit of time loses nothing that was found.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.measure import Counter, cycle, interleave
from ganedu import recipes
from ganedu.cli.recipes import usual_facts
from ganedu.data import kinds
from ganedu.training import TrainConfig, run_folder
from ganedu.training.distributed import World
from ganedu.training.trainer import Trainer

RECIPES = ("dcgan", "wgan-gp", "sngan", "cyclegan", "r3gan", "stylegan", "biggan")
OPTIONS = {  # of TrainConfig
    "fp32": {},
    "tf32": {"precision": "tf32"},
    "bf16": {"precision": "bf16"},
    "bf16, compiled": {"precision": "bf16", "compile": True},
    "bf16, CUDA graph": {"precision": "bf16", "cuda_graph": True},
}
ON_CPU = ("fp32", "bf16")
ROUNDS, STEPS, WARM_UP = 5, 5, 5
PROBE = 8192  # side of the matrices whose product measures the device


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, metavar="FILE")
    parser.add_argument("--device", required=True)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args(arguments)
    device, table = torch.device(options.device), {}
    rates = machine(device, side=PROBE if device.type == "cuda" else 512)
    for name in (each for each in RECIPES if each in recipes.NAMES):
        table[name] = measure(name, device, small=options.small, rates=rates)
        for contestant, row in table[name]["contestants"].items():
            print(name, contestant, row.get("problem") or f"{row['seconds']:.4f} s, {row['speedup']:.2f}x", flush=True)
        run_folder.write_json(options.out, {"machine": rates, "recipes": table})


def measure(name: str, device: torch.device, *, small: bool, rates: dict) -> dict:
    """The contestants of a recipe: median seconds a step, how often faster than fp32, memory, share of the floor."""
    works, rows = {}, {}
    for contestant in OPTIONS if device.type == "cuda" else ON_CPU:
        try:
            works[contestant], rows[contestant] = prepared(name, device, OPTIONS[contestant], small)
        except (RuntimeError, ValueError) as error:
            rows[contestant] = {"problem": str(error).splitlines()[0]}
    seconds = interleave({each: several_steps(trainer, device) for each, trainer in works.items()}, rounds=ROUNDS)
    operations = counted(name, device, small)
    for contestant, times in seconds.items():
        ratios = [a / b for a, b in zip(seconds["fp32"], times, strict=True)]
        rate = rates["bf16" if "bf16" in contestant else contestant.partition(",")[0]]
        rows[contestant] |= {"seconds": statistics.median(times) / STEPS, "speedup": statistics.median(ratios)}
        rows[contestant]["share_of_floor"] = operations / rate / rows[contestant]["seconds"]
    return {"operations": operations, "batch_size": configured(name, small).batch_size, "contestants": rows}


def configured(name: str, small: bool):
    """The configuration at which a recipe is measured."""
    config = recipes.get(name).Config()
    return replace(config.small(), batch_size=8) if small else config


def trainer_of(name: str, device: torch.device, options: dict, small: bool) -> Trainer:
    """A trainer of a recipe with batches that stay on the device."""
    kind, config = recipes.get(name), configured(name, small)
    recipe = kind(config, **usual_facts(kind, config), device=device, seed=0)
    random = torch.Generator().manual_seed(0)
    shape = (config.batch_size, *recipe.image_shape)
    pictures = [torch.rand(shape, generator=random) * 2 - 1 for _ in range(kind.Batch.pictures)]
    numbers = [torch.randint(10, (config.batch_size,), generator=random)] * (kind.Batch is kinds.Labeled)
    batches = cycle([kind.Batch(*(each.to(device) for each in [*pictures, *numbers]))])
    return Trainer(recipe, batches, TrainConfig(ema=0.0, **options), device=device, world=World())


def prepared(name: str, device: torch.device, options: dict, small: bool) -> tuple:
    """A trainer that has warmed up, and the memory it took."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    trainer = trainer_of(name, device, options, small)
    for _ in range(WARM_UP):
        trainer.advance()
    peak = torch.cuda.max_memory_allocated(device) - before if device.type == "cuda" else None
    return trainer, {"peak_bytes": peak}


def several_steps(trainer: Trainer, device: torch.device) -> Callable[[], None]:
    """The work that is timed: STEPS steps, until the device has done them."""

    def work():
        for _ in range(STEPS):
            trainer.advance()
        wait(device)

    return work


def counted(name: str, device: torch.device, small: bool) -> int:
    """Floating-point operations of a step: of matrix products and convolutions."""
    trainer = trainer_of(name, device, {}, small)
    with Counter() as counter:
        trainer.advance()
    return counter.operations


def machine(device: torch.device, *, side: int) -> dict[str, float]:
    """Floating-point operations a second of large matrix products, by precision: the best of several."""
    rates = {}
    a = torch.randn(side, side, device=device)
    for name, dtype, tf32 in (("fp32", None, False), ("tf32", None, True), ("bf16", torch.bfloat16, False)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        matrix, best = a if dtype is None else a.to(dtype), float("inf")
        for _ in range(4):
            wait(device)
            began = time.perf_counter()
            matrix @ matrix
            wait(device)
            best = min(best, time.perf_counter() - began)
        rates[name] = 2 * side**3 / best
    torch.backends.cuda.matmul.allow_tf32 = False
    return rates


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()

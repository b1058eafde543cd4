"""What a step of DCGAN costs in time and memory, against the batch and against the side of the images."""

import multiprocessing
import resource
import statistics

import torch

from benchmarks import dcgan
from benchmarks.measure import interleave

BATCHES, SIDES = (4, 8, 16, 32, 64), (16, 32, 64, 128)
SIZE, BATCH = 32, 16  # where the other one varies


def measure(*, rounds: int, batches=BATCHES, sides=SIDES, **changes) -> dict:
    """Rows {size, batch_size, seconds, peak_bytes}; seconds in turns, memory each in a process of its own."""
    settings = {"batch": [{"size": SIZE, "batch_size": n} for n in batches]}
    settings["side"] = [{"size": n, "batch_size": BATCH} for n in sides]
    found = {"name": "scaling", "rounds": rounds, "settings": {"width": dcgan.WIDTH, **changes}}
    for axis, rows in settings.items():
        works = {str(i): dcgan.ours(**{**changes, **row}) for i, row in enumerate(rows)}
        for work in works.values():
            work()
        seconds = interleave(works, rounds=rounds)
        found[axis] = [
            {**row, "seconds": statistics.median(seconds[str(i)]), "peak_bytes": peak_memory({**changes, **row})}
            for i, row in enumerate(rows)
        ]
    return found


def peak_memory(settings: dict) -> int:
    """Bytes by which three steps raise the high-water mark of a fresh process: weights, optimizers, activations."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.dcgan"])
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_steps, args=(settings, torch.get_num_threads(), writer))
    process.start()
    writer.close()
    peak = reader.recv()
    process.join()
    return peak


def _steps(settings: dict, threads: int, writer) -> None:
    torch.set_num_threads(threads)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work = dcgan.ours(**settings)
    for _ in range(3):
        work()
    writer.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)  # Linux counts in KiB

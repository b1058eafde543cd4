"""What this machine can do for training, what is missing, and how to get it.

Taught in {ref}`training`.
"""

import os
import platform
import shutil
from importlib.util import find_spec
from pathlib import Path

import torch

OPTIONAL = {
    "pooch": "downloads data sets: pip install pooch",
    "tensorboard": "shows curves in a browser: pip install tensorboard",
    "torchmetrics": "a second opinion on the metrics: pip install torchmetrics",
}


def report() -> str:
    """One line for each thing: found and good, or missing with the way to get it.

    Taught in {ref}`training`.
    """
    lines = [("python", platform.python_version()), ("torch", torch.__version__), *_devices(), *_compiler()]
    lines.append(("processes", _distributed()))
    lines += [(name, "found" if find_spec(name) else f"missing; {use}") for name, use in OPTIONAL.items()]
    lines.append(("data", _data()))
    lines.append(("disk", f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB free in {Path.cwd()}"))
    return "\n".join(f"{name:13} {text}" for name, text in lines)


def _devices() -> list[tuple[str, str]]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    lines = [("cpu", f"{cores} cores, torch uses {torch.get_num_threads()} threads: --device cpu, fp32 or bf16")]
    for i in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(i)
        kinds = "fp32, tf32 or bf16" if torch.cuda.is_bf16_supported() else "fp32"
        lines.append((f"cuda:{i}", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB: {kinds}"))
    if torch.backends.mps.is_available():
        lines.append(("mps", "found: --device mps"))
    if len(lines) == 1:
        lines.append(("gpu", "none that torch can use; miniatures train on the CPU, full sizes want a GPU"))
    return lines


def _compiler() -> list[tuple[str, str]]:
    found = next(
        (name for name in (os.environ.get("CXX"), "c++", "g++", "clang++", "cl") if name and shutil.which(name)), None
    )
    return [("--compile", f"possible, with {found}" if found else "needs a C++ compiler (g++, clang++ or cl)")]


def _distributed() -> str:
    if not torch.distributed.is_available():
        return "this torch has no torch.distributed: one process only"
    backends = [name for name in ("gloo", "nccl") if getattr(torch.distributed, f"is_{name}_available")()]
    return f"several by torchrun, over {' and '.join(backends)}"


def _data() -> str:
    root = os.environ.get("GANEDU_DATA")
    if root is None:
        return "digits need no file; GANEDU_DATA is not set, others are downloaded into the cache folder"
    return f"GANEDU_DATA is {root}" + ("" if Path(root).is_dir() else ", which is no folder: create it or correct it")

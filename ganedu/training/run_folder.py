"""The files of a run, but for the checkpoint: config, metrics, samples, weights for others, provenance.

Taught in {ref}`training`.
"""

import importlib.metadata
import io
import json
import math
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganedu._files import write_atomically
from ganedu.data import to_bytes
from ganedu.training import checkpoint
from ganedu.training.errors import TrainingError
from ganedu.training.records import ROW, check_plan, read_json
from ganedu.training.validation import require

CONFIG, METRICS, WEIGHTS, PROVENANCE = "config.json", "metrics.jsonl", "generator.safetensors", "provenance.json"
RESULTS, BEST, REPORT = "evaluation.json", "generator.best.safetensors", "report.html"
NAMES = (checkpoint.NAME, checkpoint.PREVIOUS, METRICS, WEIGHTS, PROVENANCE, RESULTS, BEST)  # besides config.json
COLUMNS, GAP = 8, 2  # of a sheet: images in a row, white pixels between two of them
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "pillow", "safetensors")


def write_json(path: Path, content: dict) -> None:
    """Write a dictionary of primitives as readable JSON, whole or not at all.

    Taught in {ref}`training`.
    """
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def read_config(run: Path) -> dict:
    """The plan of a run. Raises TrainingError if there is no run in the folder, or its config.json is not one.

    Taught in {ref}`training`.
    """
    path = run / CONFIG
    if not path.is_file():
        raise TrainingError(
            f"there is no run in {run}: it has no {CONFIG}; start one with `ganedu train ... --out {run}`"
        )
    return check_plan(read_json(path), path)


def append_metrics(run: Path, row: dict) -> None:
    """Add one line of JSON to metrics.jsonl.

    Taught in {ref}`training`.
    """
    with (run / METRICS).open("a") as file:
        file.write(json.dumps(row) + "\n")


def read_metrics(run: Path, *, until: int | None = None) -> list[dict]:
    """The rows of metrics.jsonl, up to and including step `until`; a line that is no row, torn by a kill, is left out.

    Taught in {ref}`training`.
    """
    if not (run / METRICS).exists():
        return []
    rows = []
    for line in (run / METRICS).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            require(row, ROW, METRICS)
        except (ValueError, RecursionError):
            continue
        if until is None or row["step"] <= until:
            rows.append(row)
    return rows


def cut_metrics(run: Path, step: int) -> None:
    """Drop the rows of metrics.jsonl that are later than `step`.

    Raises OSError if the file cannot be written.
    Taught in {ref}`training`.
    """
    rows = read_metrics(run, until=step)
    write_atomically(run / METRICS, "".join(json.dumps(row) + "\n" for row in rows).encode())


def zoom_of(side: int) -> int:
    """By how much an image of so many pixels a side is enlarged, pixel by pixel, so that a person sees something.

    Taught in {ref}`training`.
    """
    return max(1, 64 // side)


def sheet(images: Tensor, *, columns: int = COLUMNS) -> np.ndarray:
    """Images [n, C, H, W] in [-1, 1], C of 1 or 3, row by row, two white pixels between them: uint8 [h, w, C].

    Images below 64 pixels are enlarged, see `zoom_of`.
    Raises ValueError for other channel counts, and for NaN.
    Taught in {ref}`training`.
    """
    n, channels, *sides = images.shape
    if channels not in (1, 3):
        raise ValueError(f"images of {channels} channels cannot be drawn; 1 (gray) or 3 (RGB) can")
    zoom = zoom_of(max(sides))
    pixels = to_bytes(images.detach().float().cpu()).permute(0, 2, 3, 1).numpy()
    pixels = pixels.repeat(zoom, axis=1).repeat(zoom, axis=2)
    height, width = pixels.shape[1:3]
    columns = min(columns, n)
    rows = -(-n // columns)
    drawn = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, channels), 255, np.uint8)
    for index, image in enumerate(pixels):
        top, left = GAP + index // columns * (height + GAP), GAP + index % columns * (width + GAP)
        drawn[top : top + height, left : left + width] = image
    return drawn


def write_samples(path: Path, images: Tensor, *, columns: int = COLUMNS) -> None:
    """Write the `sheet` of images as one PNG.

    Taught in {ref}`training`.
    """
    drawn, buffer = sheet(images, columns=columns), io.BytesIO()
    Image.fromarray(drawn if drawn.shape[2] == 3 else drawn[:, :, 0]).save(buffer, format="PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())


def write_weights(path: Path, weights: dict[str, Tensor], *, about: dict) -> None:
    """Write named tensors as safetensors, which any program can read safely; `about` goes into its header, as JSON.

    Taught in {ref}`training`.
    """
    from safetensors.torch import save

    tensors = {name: tensor.contiguous().cpu() for name, tensor in weights.items()}
    header = {"ganedu": json.dumps(about)}  # one entry: safetensors writes several in an order that changes
    write_atomically(path, save(tensors, metadata=header))


def step_of(weights: Path) -> float:
    """The step that a file of weights names; infinite if it does not say so, that it counts as too late.

    Taught in {ref}`training`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="pt") as opened:
            step = json.loads(opened.metadata()["ganedu"])["step"]
            return step if type(step) is int else math.inf
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError):
        return math.inf


def provenance(*, device: torch.device, seed: int, processes: int, sessions: list[dict]) -> dict:
    """Where results come from: versions, machine, seed, commit, and the sessions the run took.

    Taught in {ref}`training`.
    """
    from ganedu import __version__

    return {
        "ganedu": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "platform": platform.platform(terse=True),
        "device": _all_or_one(sessions, "device", device_name(device)),
        "threads": _all_or_one(sessions, "threads", torch.get_num_threads()),
        "processes": processes,
        "seed": seed,
        "wall_seconds": round(sum(session["seconds"] for session in sessions), 3),
        "sessions": sessions,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def device_name(device: torch.device) -> str:
    """What a session computes on, as provenance.json names it.

    Taught in {ref}`training`.
    """
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _all_or_one(sessions: list[dict], name: str, now):
    """What all sessions had, or a list if they differ: a run is not all of what its last session is."""
    found = list(dict.fromkeys([*(session[name] for session in sessions if name in session), now]))
    return found[0] if len(found) == 1 else found


@cache  # reading a package's metadata takes milliseconds, at every checkpoint
def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache  # the code that runs was read when the process began
def _commit() -> str | None:
    """The commit of the source tree, with "+changes" if files differ from it; None outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
        dirty = subprocess.run([*git, "status", "--porcelain", "."], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if head.returncode else head.stdout.strip() + ("+changes" if dirty.stdout.strip() else "")

"""What the runs that are stored beside this file share: they call the commands of a chapter and keep what it shows.

Scripts that train by themselves take `circumstances` when they begin, and `keep` them with what they found.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import jupytext
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import pad

from ganedu.data import to_bytes

KEPT = ("ganedu", "commit", "python", "packages", "device", "threads", "seed", "wall_seconds")


def ganedu(command: str, folder: str) -> None:
    """Run one command of the package on one thread, in `folder`; an error ends the script."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "ganedu", *command.split()], check=True, cwd=folder, env=environment)


def circumstances(here: Path) -> dict:
    """What makes the result in the folder `here`: command, commit, versions, machine; of a script on one CPU thread.

    Files may change while it runs, so it asks at the start. A commit with changes is marked as such, and is refused by
    the tests of stored results.
    """
    changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    return {
        "command": f"python book/results/{here.name}/run.py",
        "commit": _git(here, "rev-parse", "HEAD") + ("+changes" if changed else ""),
        "python": platform.python_version(),
        "packages": {"torch": str(torch.__version__)},
        "device": "cpu",
        "threads": 1,
        "machine": platform.machine(),
    }


def _git(here: Path, *words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, cwd=here, check=True).stdout.strip()


def tagged(chapter: Path, tag: str) -> str:
    """The source of a chapter's code cells with a tag, to be executed as it is printed."""
    return "\n\n\n".join(cell.source for cell in jupytext.read(chapter).cells if tag in cell.metadata.get("tags", []))


def keep(here: Path, metrics: dict, provenance: dict) -> None:
    """Write metrics.json and provenance.json into the folder `here`."""
    for name, content in (("metrics", metrics), ("provenance", provenance)):
        (here / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def halved(network: nn.Module) -> dict[str, Tensor]:
    """The weights and buffers of a network, rounded to half precision where they are fractions: half of the bytes."""
    return {name: w.half() if w.is_floating_point() else w for name, w in network.state_dict().items()}


def save_picture(path: Path, drawn: np.ndarray) -> None:
    """Write a sheet, bytes [H, W, 1 or 3], as a PNG that is as small as can be: readers load many of them at once."""
    Image.fromarray(drawn if drawn.shape[2] == 3 else drawn[:, :, 0]).save(path, optimize=True)


def in_rows(images: Tensor) -> Image.Image:
    """Images [8 n, 1, H, W] in [-1, 1] as rows of eight with black between them, each pixel repeated twice."""
    framed = to_bytes(pad(images, (1, 1, 1, 1), value=-1.0))[:, 0]
    sheet = framed.unflatten(0, (-1, 8)).permute(0, 2, 1, 3).flatten(2).flatten(0, 1)
    return Image.fromarray(sheet.repeat_interleave(2, 0).repeat_interleave(2, 1).numpy())


def read(run: Path, *names: str) -> dict:
    """The JSON files of a run, by name."""
    return {name: json.loads((run / f"{name}.json").read_text()) for name in names}


def store(here: Path, run: Path, train: str, **metrics) -> None:
    """Write metrics.json (the recipe, the reports and `metrics`) and provenance.json of a run into the folder `here`.

    train: the command line behind `ganedu` that the chapter prints.
    """
    found = read(run, "config", "evaluation", "provenance")
    provenance = {
        "command": f"python book/results/{here.name}/run.py",
        "train": f"ganedu {train}",
        "data_sha256": found["config"]["data"]["sha256"],
        **{key: found["provenance"][key] for key in KEPT},
        "machine": platform.machine(),
    }
    metrics = {"recipe": found["config"]["recipe"], "reports": found["evaluation"]["reports"], **metrics}
    keep(here, metrics, provenance)

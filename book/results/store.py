"""What the runs that are stored beside this file share: they call the commands of a chapter and keep what it shows."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

KEPT = ("ganedu", "commit", "python", "packages", "device", "threads", "seed", "wall_seconds")


def ganedu(command: str, folder: str) -> None:
    """Run one command of the package on one thread, in `folder`; an error ends the script."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "ganedu", *command.split()], check=True, cwd=folder, env=environment)


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
    for name, content in (("metrics", metrics), ("provenance", provenance)):
        (here / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

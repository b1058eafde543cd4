"""The CPU run of chapter 19 on CIFAR-10: `python book/results/dcgan_cifar10/run.py`, one thread.

It calls the commands that the chapter prints. Needs the data set, by download or in the folder that GANEDU_DATA names.
Numbers go to metrics.json, their circumstances to provenance.json, 64 samples, not selected, to samples.png.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUN = Path("runs") / "dcgan-cifar10"
TRAIN = (
    "train dcgan --data cifar10 --small --size 32 --flip --set learning_rate=0.0005 --steps 2000 --evaluate-every 500"
)
KEPT = ("ganedu", "commit", "python", "packages", "device", "threads", "seed", "wall_seconds")


def ganedu(command: str, folder: str) -> None:
    """Run one command of the package on one thread, in `folder`; an error ends the script."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "ganedu", *command.split()], check=True, cwd=folder, env=environment)


def store(run: Path) -> None:
    """Keep of a run what the chapter shows."""
    read = {name: json.loads((run / f"{name}.json").read_text()) for name in ("config", "evaluation", "provenance")}
    metrics = {"recipe": read["config"]["recipe"], "reports": read["evaluation"]["reports"]}
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "train": f"ganedu {TRAIN}",
        "data_sha256": read["config"]["data"]["sha256"],
        **{key: read["provenance"][key] for key in KEPT},
        "machine": platform.machine(),
    }
    for name, content in (("metrics", metrics), ("provenance", provenance)):
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ganedu(TRAIN, folder)
        ganedu(f"evaluate {RUN}", folder)
        ganedu(f"sample {RUN} --n 64 --out {HERE / 'samples.png'}", folder)
        store(Path(folder) / RUN)


if __name__ == "__main__":
    main()

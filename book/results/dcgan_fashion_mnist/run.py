"""The CPU run of chapter 19 on Fashion-MNIST: `python book/results/dcgan_fashion_mnist/run.py`, one thread.

It calls the commands that the chapter prints, and stops at a few steps on the way to measure. Needs the data set, by
download or in the folder that GANEDU_DATA names. Numbers go to metrics.json, their circumstances to provenance.json,
64 samples, not selected, to samples.png.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import ganedu, store  # noqa: E402

RUN = Path("runs") / "dcgan-fashion-mnist"
STEPS = (1, 100, 300, 1000, 2000, 3000, 4000, 5000, 6000)
TRAIN = "train dcgan --data fashion-mnist --small --size 32"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, steps in enumerate(STEPS):
            ganedu(f"resume {RUN} --steps {steps}" if number else f"{TRAIN} --steps {steps}", folder)
            ganedu(f"evaluate {RUN}", folder)
        ganedu(f"sample {RUN} --n 64 --out {HERE / 'samples.png'}", folder)
        store(HERE, Path(folder) / RUN, f"{TRAIN} --steps {STEPS[-1]}")


if __name__ == "__main__":
    main()

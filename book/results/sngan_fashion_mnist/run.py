"""The SNGAN run of chapter 20 on Fashion-MNIST: `python book/results/sngan_fashion_mnist/run.py`, one thread.

It calls the commands that the chapter prints. Needs the data set, by download or in the folder that GANEDU_DATA names.
Numbers go to metrics.json, their circumstances to provenance.json, 64 samples, not selected, to samples.png.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import ganedu, store  # noqa: E402

RUN = Path("runs") / "sngan-fashion-mnist"
TRAIN = "train sngan --data fashion-mnist --small --size 32 --set width=8 --steps 800 --evaluate-every 100"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ganedu(TRAIN, folder)
        ganedu(f"evaluate {RUN}", folder)
        ganedu(f"sample {RUN} --n 64 --out {HERE / 'samples.png'}", folder)
        store(HERE, Path(folder) / RUN, TRAIN)


if __name__ == "__main__":
    main()

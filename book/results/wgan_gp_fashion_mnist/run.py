"""The WGAN-GP run of chapter 20 on Fashion-MNIST: `python book/results/wgan_gp_fashion_mnist/run.py`, one thread.

It calls the commands that the chapter prints. Needs the data set, by download or in the folder that GANEDU_DATA names.
Numbers go to metrics.json, their circumstances to provenance.json, 64 samples, not selected, to samples.png.
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import ganedu, store  # noqa: E402

RUN = Path("runs") / "wgan-gp-fashion-mnist"
TRAIN = (
    "train wgan-gp --data fashion-mnist --small --size 32 --set width=16 --set learning_rate=0.001 "
    "--steps 1500 --evaluate-every 250"
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ganedu(TRAIN, folder)
        ganedu(f"evaluate {RUN}", folder)
        ganedu(f"sample {RUN} --n 64 --out {HERE / 'samples.png'}", folder)
        rows = [json.loads(line) for line in (Path(folder) / RUN / "metrics.jsonl").read_text().splitlines()]
        estimate = {row["step"]: round(row["d_real"] - row["d_fake"], 4) for row in rows}
        store(HERE, Path(folder) / RUN, TRAIN, estimate=estimate)


if __name__ == "__main__":
    main()

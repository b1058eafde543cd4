"""A fully connected generator of digits for the page: `python book/results/mlp_digits/run.py`, about two minutes.

The run is that of `ganedu train mlp`, without any option: 64 numbers of noise become 8 x 8 pixels. What the page loads
is generator.json, weights of 16 bits, by `ganedu export`. The reports of `ganedu evaluate` go to metrics.json, their
circumstances to provenance.json.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import ganedu, store  # noqa: E402

RUN = Path("runs") / "mlp-digits"
TRAIN = "train mlp"
EXPORT = f"export {RUN} generator.json --web --half"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ganedu(TRAIN, folder)
        ganedu(f"evaluate {RUN}", folder)
        ganedu(EXPORT, folder)
        (HERE / "generator.json").write_bytes((Path(folder) / "generator.json").read_bytes())
        store(HERE, Path(folder) / RUN, TRAIN, export=f"ganedu {EXPORT}")


if __name__ == "__main__":
    main()

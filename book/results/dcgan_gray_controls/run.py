"""Is it the norm, or the missing bias? `python book/results/dcgan_gray_controls/run.py`, about 4 minutes of one CPU
thread.

Chapter 19 says why two passes leave the paper gray: where the first convolution has no bias, the first norm forgets
the contrast. Three arms beside those of `dcgan_digits`, trained and measured as there, also in two passes. A bias: the
first convolution of D learns one, as in the miniature of the recipe, and nothing else is changed. No norm: D has no
batch norm at all, nor a bias. The third is no norm but the bias. Numbers go to metrics.json, their circumstances to
provenance.json.
"""

import sys
import time
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from dcgan_digits.run import GRAY, SEEDS, Dcgan, over_seeds  # noqa: E402
from store import circumstances, keep  # noqa: E402

ARMS = {
    "a bias": {},
    "no norm": {"norm": "none", "bias": False},
    "no norm, a bias": {"norm": "none"},
}


def main() -> None:
    torch.set_num_threads(1)
    provenance, start = circumstances(HERE), time.time()
    found = {name: over_seeds(Dcgan, **changes)[0] for name, changes in ARMS.items()}
    settings = {"seeds": SEEDS, "steps": GRAY}
    provenance |= {"seeds": list(range(SEEDS)), "wall_seconds": round(time.time() - start)}
    keep(HERE, {"settings": settings, "arms": found}, provenance)


if __name__ == "__main__":
    main()

"""Is it the norm? `python book/results/dcgan_gray_controls/run.py`, about 3 minutes of one CPU thread.

Chapter 19 says why two passes leave the paper gray: where the first convolution has no bias, the first norm forgets the
contrast. Two arms beside those of `dcgan_digits`, trained and measured as there, also in two passes and with both
players at the rate of G. A bias: the first convolution of D learns one, and nothing else is changed. No norm: D has no
batch norm at all. Numbers go to metrics.json, their circumstances to provenance.json.
"""

import sys
import time
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from dcgan_digits.run import GRAY, SEEDS, Dcgan, over_seeds  # noqa: E402
from store import circumstances, keep  # noqa: E402

SPREAD = 0.1  # standard deviation of the first biases


class Biased(Dcgan):
    """D's first convolution has a bias; all other weights start as they do without it."""

    def build(self):
        generator, discriminator = super().build()
        first = discriminator.layers[0]
        first.bias = nn.Parameter(SPREAD * torch.randn(first.out_channels))
        return generator, discriminator


ARMS = {"a bias": (Biased, {}), "no norm": (Dcgan, {"norm": "none"})}


def main() -> None:
    torch.set_num_threads(1)
    provenance, start = circumstances(HERE), time.time()
    found = {name: over_seeds(kind, **changes)[0] for name, (kind, changes) in ARMS.items()}
    settings = {"seeds": SEEDS, "steps": GRAY, "spread_of_bias": SPREAD}
    provenance |= {"seeds": list(range(SEEDS)), "wall_seconds": round(time.time() - start)}
    keep(HERE, {"settings": settings, "arms": found}, provenance)


if __name__ == "__main__":
    main()

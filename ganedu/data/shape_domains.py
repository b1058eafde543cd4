"""Two domains of drawn shapes of which the true pairing is known, to measure what a translation between them finds.

Both show the shapes of `ganedu.data.factors`, alike in class, position and size. They differ in the hue only: A has the
warm ones, from red to yellow, B the cold ones, from blue to cyan. The partner of an image is the same drawing with red
and blue exchanged, so that hue h becomes 2/3 - h: it keeps everything that both domains have, the amount of green
included. No image has its partner in the other set.
Taught in {ref}`ch-cyclegan`.
"""

import torch
from torch import Tensor

from ganedu.data import factors

COUNTS = {"train": 2048, "test": 512}  # images of each domain
HUES = {"A": (0.0, 1 / 6), "B": (1 / 2, 2 / 3)}  # in turns
SEEDS = {("A", "train"): 10, ("B", "train"): 11, ("A", "test"): 12, ("B", "test"): 13}


def load(domain: str, split: str, *, side: int = factors.SIDE) -> Tensor:
    """The images of one domain, uint8 [N, 3, side, side], always the same ones: 2048 to train, 512 to test.

    domain: "A" or "B". All factors are distributed as in `ganedu.data.factors.load`, but for the hue, which is uniform
    in HUES.
    Taught in {ref}`ch-cyclegan`.
    """
    random = torch.Generator().manual_seed(SEEDS[domain, split])
    labels, table = factors.sample(COUNTS[split], random)
    low, high = HUES[domain]
    table[:, 3] = low + (high - low) * table[:, 3]
    return factors.draw(labels, table, side=side)


def partners(images: Tensor) -> Tensor:
    """The true partners in B of images of A, and in A of images of B: the same shapes, with red and blue exchanged.

    images: [N, 3, H, W], bytes or floats. Returns the same type and shape. Applied twice it gives the images back.
    Raises ValueError for images that do not have three channels.
    Taught in {ref}`ch-cyclegan`.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"color images [N, 3, H, W] expected, not {list(images.shape)}")
    return images.flip(1)

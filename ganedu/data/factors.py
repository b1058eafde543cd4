"""Drawn shapes of which position, size, hue and class are known: a set with the truth in the table beside it.

Real images come without the numbers that made them. Here a network can be asked whether it found them.
Taught in {ref}`ch-latent-space`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganedu import _memory
from ganedu.data.images import ImageData

SHAPES = ("disc", "square", "triangle")
FACTORS = ("x", "y", "size", "hue")
SIDE = 32
COUNTS = {"train": 8192, "test": 2048}
SIZES = (0.12, 0.3)  # radius of the circumscribed circle, in widths of the image
TEMPORARIES = 12  # numbers of 8 bytes for every pixel that is drawn, at most
BACKGROUND = 0.2  # gray level behind the shapes, 0 to 1; a whole byte, 51


@dataclass(frozen=True)
class FactorData(ImageData):
    """Images with the table of what they show.

    factors: float64 [N, 4], columns `factor_names`: x and y of the center (x to the right, y down, in widths of the
    image), size (radius of the circumscribed circle, in widths), hue (in turns, 0 and 1 are red). `labels` is the
    shape, an index into `classes`.
    Taught in {ref}`ch-latent-space`.
    """

    factors: Tensor
    factor_names: tuple[str, ...] = FACTORS


def load(split: str) -> FactorData:
    """The set "factors": 8192 images to train, 2048 to test, uint8 [N, 3, 32, 32], always the same ones.

    Classes and hues are uniform, sizes uniform within SIZES, centers uniform where the whole shape fits in: given the
    size, everything is independent.
    Taught in {ref}`ch-latent-space`.
    """
    labels, factors = sample(COUNTS[split], torch.Generator().manual_seed(("train", "test").index(split)))
    return FactorData(draw(labels, factors), labels, SHAPES, factors)


def sample(n: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """The classes int64 [n] and factors float64 [n, 4] of n images, distributed as `load` says.

    Taught in {ref}`ch-latent-space`.
    """
    labels = torch.randint(len(SHAPES), (n,), generator=random)
    x, y, size, hue = torch.rand(4, n, generator=random, dtype=torch.float64)
    size = SIZES[0] + (SIZES[1] - SIZES[0]) * size
    x, y = size + (1 - 2 * size) * x, size + (1 - 2 * size) * y
    return labels, torch.stack([x, y, size, hue], dim=1)


def draw(labels: Tensor, factors: Tensor, *, side: int = SIDE) -> Tensor:
    """The images of these classes and factors, with smooth edges.

    labels: int64 [N], indices into SHAPES; factors: [N, 4], columns FACTORS. Returns uint8 [N, 3, side, side].
    The shade of a pixel mixes the color and the background by how far inside the edge its center lies: 1 from half a
    pixel inside, 0 from half a pixel outside.
    Raises ValueError for shapes that do not match, labels that are no shape, a side below 1 or beyond the memory.
    Taught in {ref}`ch-latent-space`.
    """
    if labels.ndim != 1 or factors.shape != (len(labels), len(FACTORS)):
        raise ValueError(f"labels [N] and factors [N, 4] expected, got {list(labels.shape)} and {list(factors.shape)}")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(SHAPES):
        raise ValueError(f"labels must be 0 to {len(SHAPES) - 1}, indices of {', '.join(SHAPES)}")
    if side < 1:
        raise ValueError(f"side must be at least 1 pixel, not {side}")
    what = f"drawing {len(labels)} shapes of {side} x {side} pixels"
    _memory.require(TEMPORARIES * 8 * len(labels) * side**2, what, "give a smaller size")
    x, y, size, hue = factors.double().T[:, :, None, None]  # each [N, 1, 1]
    centers = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    right, down = centers[None, None, :] - x, centers[None, :, None] - y  # [N, 1, side], [N, side, 1]
    outside = torch.stack([_disc(right, down, size), _square(right, down, size), _triangle(right, down, size)])
    distance = outside[labels, torch.arange(len(labels))]  # [N, side, side], negative inside
    cover = (0.5 - distance * side).clamp(0, 1)[:, None]
    color = hue_to_rgb(hue.flatten())[:, :, None, None]
    return ((BACKGROUND + (color - BACKGROUND) * cover) * 255).round().to(torch.uint8)


def hue_to_rgb(hue: Tensor) -> Tensor:
    """Fully saturated colors: [N] in turns to [N, 3] in 0..1; hue 0 is red, 1/3 green, 2/3 blue.

    Taught in {ref}`ch-latent-space`.
    """
    thirds = torch.tensor([0.0, 1 / 3, 2 / 3], dtype=hue.dtype)
    apart = ((hue[:, None] - thirds + 0.5) % 1 - 0.5).abs()  # distance on the circle, 0..1/2
    return (2 - 6 * apart).clamp(0, 1)


def _disc(right, down, size):
    return (right.square() + down.square()).sqrt() - size


def _square(right, down, size):
    return torch.maximum(right.abs(), down.abs()) - size / math.sqrt(2)


def _triangle(right, down, size):
    """Equilateral, one corner up: inside all of its three edges, each size / 2 from the center."""
    slanted = right.abs() * math.cos(math.pi / 6) - down * math.sin(math.pi / 6)
    return torch.maximum(slanted, down + torch.zeros_like(right)) - size / 2

"""Pairs of pictures: an input, and what it is to become. Made from any set of images, or found as pairs.

Taught in {ref}`ch-paired-translation`; where each set comes from: {ref}`data-sets`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from ganedu import data
from ganedu.data import earth, emoji
from ganedu.data.images import resize

STEEP = 64  # gray levels within two pixels: a line is drawn there
GRAY = 128  # byte in a hole
FOUND = ("emoji", "earth")


@dataclass(frozen=True)
class PairData:
    """Pairs as stored: inputs[i] is to become targets[i].

    inputs: uint8 [N, C', H', W']; targets: uint8 [N, C, H, W].
    Taught in {ref}`ch-paired-translation`.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)


def load_pairs(name: str, split: str = "train", root: str | Path | None = None, *, size: int | None = None) -> PairData:
    """Pairs of one set, see `ganedu.data.load` for NAME, which may be "emoji" or "earth" as well: the inputs of those.

    "edges:NAME": from `outline`, black on white in one channel, to the picture.
    "holes:NAME": from the picture without its middle half, see `with_hole`, to the picture.
    "half:NAME", "quarter:NAME": from the picture at a half or a quarter of the size to the picture.
    "emoji": from Google's style to Twitter's, on white, 64 x 64, see `ganedu.data.emoji`.
    "earth": from what a satellite sees to a relief map, 64 x 64, see `ganedu.data.earth`.
    split: "train" or "test". root: folder of downloaded sets. size: side of the targets, to which the pictures are cut
    and resampled before anything is made of them; None for that of the set.
    Raises ValueError, listing the choices, for an unknown name; for what `data.load` refuses; for pictures that cannot
    be halved.
    Taught in {ref}`ch-paired-translation` and {ref}`data-sets`.
    """
    if split not in data.SPLITS:
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(data.SPLITS)}")
    if name in FOUND:
        return PairData(*_found(name, split, root, size))
    how, _, of = name.partition(":")
    if how not in MADE or not of:
        choices = ", ".join((*FOUND, *(f"{each}:NAME" for each in MADE)))
        raise ValueError(f"unknown set of pairs {name!r}; choose one of {choices}")
    targets = _found(of, split, root, size)[0] if of in FOUND else data.load(of, split, root, size=size).images
    return PairData(MADE[how](targets), targets)


def outline(images: Tensor) -> Tensor:
    """Where pictures change, as black lines on white: uint8 [N, C, H, W] to uint8 [N, 1, H, W], 0 or 255.

    A pixel is black if, in one of the channels, the slope over two pixels, sqrt(d_x^2 + d_y^2) with d_x the difference
    of its right and left neighbor, is above 64 gray levels. Beyond the border the last pixel repeats.
    Raises ValueError for images that are not bytes of four dimensions.
    Taught in {ref}`ch-paired-translation`.
    """
    _require_bytes(images)
    parts = []
    for part in images.split(1024):
        x = pad(part.float(), (1, 1, 1, 1), mode="replicate")
        across, down = x[:, :, 1:-1, 2:] - x[:, :, 1:-1, :-2], x[:, :, 2:, 1:-1] - x[:, :, :-2, 1:-1]
        steep = (across.square() + down.square()).amax(1, keepdim=True) > STEEP**2
        parts.append(255 - 255 * steep.to(torch.uint8))
    return torch.cat(parts)


def with_hole(images: Tensor) -> Tensor:
    """Pictures without their middle half, uint8 [N, C, H, W]: rows and columns from 1/4 to 3/4 are 128.

    A constant says where the hole is; there is no mask beside it.
    Raises ValueError for images that are not bytes of four dimensions, or with sides that 4 does not divide.
    Taught in {ref}`ch-paired-translation`; Pathak et al. 2016.
    """
    _require_bytes(images, divisor=4, made="have a hole in the middle half")
    (top, left), out = (side // 4 for side in images.shape[2:]), images.clone()
    out[:, :, top : 3 * top, left : 3 * left] = GRAY
    return out


def reduced(images: Tensor, factor: int) -> Tensor:
    """Pictures of 1 / factor the size, uint8 [N, C, H / factor, W / factor]; see `resize`, which averages what it must.

    Raises ValueError for images that are not bytes of four dimensions, not square, or not divisible by the factor.
    Taught in {ref}`ch-paired-translation`.
    """
    _require_bytes(images, divisor=factor, made=f"be made smaller by {factor}")
    height, width = images.shape[2:]
    if height != width:
        raise ValueError(f"images of {width} x {height} pixels are not square; give a size")
    return resize(images, width // factor)


MADE: dict[str, Callable[[Tensor], Tensor]] = {
    "edges": outline,
    "holes": with_hole,
    "half": lambda images: reduced(images, 2),
    "quarter": lambda images: reduced(images, 4),
}


def _found(name: str, split: str, root, size: int | None) -> list[Tensor]:
    if name == "emoji":
        found = emoji.load(split, root)
        both = found.noto, found.twemoji
    else:
        found = earth.load(split)
        both = found.satellite, found.relief
    return [each if size is None else resize(each, size) for each in both]


def _require_bytes(images: Tensor, *, divisor: int = 1, made: str = "") -> None:
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"images must be uint8 [N, C, H, W], not {images.dtype} {list(images.shape)}")
    height, width = images.shape[2:]
    if height % divisor or width % divisor:
        raise ValueError(
            f"pictures of {width} x {height} pixels cannot {made}: {divisor} does not divide both; give another size"
        )

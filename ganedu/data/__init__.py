"""Named sets of real images, and the scaling between bytes and [-1, 1].

Taught in {ref}`ch-first-gan`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SPLITS = ("train", "test")
DIGITS_TEST_EVERY = 7  # coprime to 10: the file runs through the ten classes in order in places


@dataclass(frozen=True)
class ImageData:
    """Images as stored, with their classes.

    images: uint8 [N, C, H, W]; labels: int64 [N], indices into `classes`; classes: their names.
    Taught in {ref}`ch-first-gan`.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def load(name: str, split: str = "train", root: str | Path | None = None) -> ImageData:
    """The images of one set, one of NAMES.

    "digits": 1797 handwritten digits, 8 x 8 pixels in 17 gray levels, which come with scikit-learn (nothing is
    downloaded, `root` is not used). Level v of 16 becomes the byte round(255 v / 16). Test split: every seventh image
    of the file, 256 in all; train split: the other 1541. Both hold all writers.
    split: "train" or "test". root: folder of downloaded sets; none of the present sets needs it.
    Raises ValueError, listing the choices, for an unknown name or split.
    Taught in {ref}`ch-first-gan`; digits: Alpaydin and Kaynak 1998.
    """
    if name not in _LOADERS:
        raise ValueError(f"unknown data set {name!r}; choose one of {', '.join(NAMES)}")
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    return _LOADERS[name](split)


def to_floats(images: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Bytes 0..255 to floats in [-1, 1], the range of tanh; `to_bytes` brings them back exactly.

    images: uint8, any shape. dtype: float32 or float64, torch's default if None.
    Raises ValueError for images that are not bytes: they have probably been scaled already.
    Taught in {ref}`ch-first-gan`.
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"images must be bytes (torch.uint8), not {images.dtype}; have they been scaled already?")
    dtype = dtype or torch.get_default_dtype()
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"scaling to {dtype} and back would lose gray levels; use torch.float32 or torch.float64")
    return images.to(dtype) / 127.5 - 1


def to_bytes(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to the nearest of the bytes 0..255, as `torch.uint8`.

    Raises ValueError for NaN, for values outside [-1, 1] beyond rounding, and for images that are not floats.
    Taught in {ref}`ch-first-gan`.
    """
    if not images.is_floating_point():
        raise ValueError(f"images must be floats in [-1, 1], not {images.dtype}; are they bytes already?")
    if images.isnan().any():
        raise ValueError(f"{int(images.isnan().sum())} of {images.numel()} pixels are NaN")
    if images.numel() and images.abs().max() > 1 + 1e-5:
        raise ValueError(f"pixels range over [{images.min():.3g}, {images.max():.3g}], not within [-1, 1]")
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _digits(split: str) -> ImageData:
    from sklearn.datasets import load_digits  # half a second: only for those who ask for it

    bunch = load_digits()
    levels, labels = bunch.images, bunch.target  # [1797, 8, 8] in 0..16, [1797]
    in_test = np.arange(len(labels)) % DIGITS_TEST_EVERY == DIGITS_TEST_EVERY - 1
    chosen = in_test if split == "test" else ~in_test
    images = np.rint(levels[chosen] * (255 / 16)).astype(np.uint8)[:, None]
    return ImageData(torch.from_numpy(images), torch.from_numpy(labels[chosen].astype(np.int64)), tuple("0123456789"))


_LOADERS = {"digits": _digits}
NAMES = tuple(_LOADERS)

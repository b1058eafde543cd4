"""Images as bytes: the container, the scaling to [-1, 1] and back, and one way to resize.

Taught in {ref}`ch-first-gan`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganedu import _memory

RESIZE_AT_ONCE, PIXELS_AT_ONCE = 4096, 2**26  # images, and their pixels: bounds the float copy that resizing needs


@dataclass(frozen=True)
class ImageData:
    """Images as stored, with their classes.

    images: uint8 [N, C, H, W]; labels: int64 [N], indices into `classes`, or None where the set has no classes;
    classes: their names.
    Taught in {ref}`ch-first-gan`.
    """

    images: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


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


def resize(images: Tensor, size: int) -> Tensor:
    """Square images of side `size`: the largest centered square is cut out, then resampled.

    images: uint8 [N, C, H, W]. Returns uint8 [N, C, size, size], on the CPU.
    Bilinear and antialiased: when an image shrinks, every output pixel averages all the input pixels below it.
    Resampling runs on the CPU in float32, so that every device trains on the same bytes.
    Raises ValueError for images that are not bytes of four dimensions, a size below 1, or one that memory cannot hold.
    Taught in {ref}`ch-convolutions`.
    """
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"images must be uint8 [N, C, H, W], not {images.dtype} {list(images.shape)}")
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, not {size}")
    height, width = images.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images.cpu()[:, :, top : top + side, left : left + side]
    if side == size:
        return square.contiguous()
    channels, what = images.shape[1], f"{len(images)} images of {size} x {size} pixels"
    _memory.require(len(images) * channels * size**2, what, "give a smaller size")
    at_once = max(1, min(RESIZE_AT_ONCE, PIXELS_AT_ONCE // (max(1, channels) * max(size, side) ** 2)))
    parts = [
        interpolate(part.to(torch.float32), size=(size, size), mode="bilinear", antialias=True, align_corners=False)
        .round_()
        .clamp_(0, 255)
        .to(torch.uint8)
        for part in square.split(at_once)
    ]
    return torch.cat(parts)

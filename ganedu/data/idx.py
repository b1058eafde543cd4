"""The idx format of MNIST and Fashion-MNIST: a magic number, the dimensions, the bytes.

Taught in {ref}`data-sets`; LeCun, Cortes and Burges, "The MNIST database", section "File formats".
"""

import math
import struct

import numpy as np
import torch

from ganedu.data.images import ImageData

UNSIGNED_BYTE = 0x08


def parse(content: bytes, *, dims: int, where: str) -> np.ndarray:
    """The array of unsigned bytes that an idx file holds.

    content: the whole file: two zero bytes, the type 0x08, the number of dimensions, each dimension as a big-endian
    32-bit integer, then exactly as many bytes as their product. dims: the number of dimensions it must have.
    where: how errors name the file. Returns uint8 [d_1, ..., d_dims], read-only.
    Raises ValueError for any other header, another number of dimensions, or a single byte too many or too few.
    Taught in {ref}`data-sets`.
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise ValueError(f"{where} is no idx file of bytes: it begins with {content[:4].hex(' ') or 'nothing'}")
    if content[3] != dims:
        raise ValueError(f"{where} has {content[3]} dimensions, {dims} expected; are images and labels exchanged?")
    start = 4 + 4 * dims
    if len(content) < start:
        raise ValueError(f"{where} ends within its header")
    shape = struct.unpack(f">{dims}I", content[4:start])
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise ValueError(f"{where} has {len(content)} bytes, its dimensions {list(shape)} need {expected}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def images_with_labels(images: bytes, labels: bytes, classes: tuple[str, ...], *, where: str) -> ImageData:
    """A pair of idx files as one set: uint8 [N, 1, H, W] and int64 [N].

    Raises ValueError for what `parse` refuses, for different counts, and for labels that are no index of `classes`.
    Taught in {ref}`data-sets`.
    """
    pixels = parse(images, dims=3, where=f"the images of {where}")
    numbers = parse(labels, dims=1, where=f"the labels of {where}")
    if len(pixels) != len(numbers):
        raise ValueError(f"{where} has {len(pixels)} images but {len(numbers)} labels")
    if numbers.size and numbers.max() >= len(classes):
        raise ValueError(f"{where} has the label {numbers.max()}, but only {len(classes)} classes")
    return ImageData(torch.from_numpy(pixels.copy())[:, None], torch.from_numpy(numbers.astype(np.int64)), classes)

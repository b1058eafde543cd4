"""Kinds of data: what a recipe learns from, told by the class of its batches.

A batch is a named tuple of tensors with the samples in front. Pictures are float32 in [-1, 1], as [B, C, H, W]. The
stored data have the same fields with all N samples in front: pictures as bytes (uint8), everything else as it is.
What has to be known of a kind besides stands here, so that order, checkpoint, evaluation and sample sheets can treat
all kinds alike:

* a field of bytes is a picture: it is resized, cut, mirrored and scaled, and the pictures of one sample alike;
* `apart`: whether each field is a set of its own, in an order of its own;
* `pictures`: how many of the fields are pictures; `sides`: how many sides each has, 3 for voxels.
Taught in {ref}`training`.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Images(NamedTuple):
    """images [B, C, H, W].

    Taught in {ref}`ch-dcgan`.
    """

    images: Tensor

    kind = "images"
    apart = False
    pictures, sides = 1, 2


class Labeled(NamedTuple):
    """images [B, C, H, W] with labels, int64 [B], indices into the classes; -1 where the class is not known.

    Taught in {ref}`ch-conditional`.
    """

    images: Tensor
    labels: Tensor

    kind = "labeled"
    apart = False
    pictures, sides = 1, 2


class Described(NamedTuple):
    """images [B, C, H, W] with captions: tokens, int64 [B, T], numbers of words, 0 after the end; lengths, int64 [B].

    Taught in {ref}`ch-text-to-image`.
    """

    images: Tensor
    tokens: Tensor
    lengths: Tensor

    kind = "described"
    apart = False
    pictures, sides = 1, 2


class Pairs(NamedTuple):
    """inputs [B, C', H', W'] and what each is to become, targets [B, C, H, W].

    Taught in {ref}`ch-paired-translation`.
    """

    inputs: Tensor
    targets: Tensor

    kind = "pairs"
    apart = False
    pictures, sides = 2, 2


class Unpaired(NamedTuple):
    """Images of A beside images of B, each [B, C, H, W], which nobody has paired.

    Taught in {ref}`ch-cyclegan`.
    """

    a: Tensor
    b: Tensor

    kind = "unpaired"
    apart = True
    pictures, sides = 2, 2


class Voxels(NamedTuple):
    """voxels [B, 1, D, H, W]: -1 empty, 1 full.

    Taught in {ref}`ch-solids`.
    """

    voxels: Tensor

    kind = "voxels"
    apart = False
    pictures, sides = 1, 3


KINDS = (Images, Labeled, Described, Pairs, Unpaired, Voxels)


def require(batch, kind: type, name: str) -> None:
    """Raises ValueError for a batch that is not of the kind from which the recipe called `name` learns.

    Taught in {ref}`ch-dcgan`.
    """
    if type(batch) is not kind:
        wanted = f"{kind.__name__}({', '.join(kind._fields)})"
        raise ValueError(f"{name}: a batch is a ganedu.data.kinds.{wanted}, not a {type(batch).__name__}")


def join(batches):
    """Several batches of one kind as one, the first ones in front.

    Taught in {ref}`ch-wgan-gp`.
    """
    first, *more = batches
    return type(first)(*(torch.cat(fields) for fields in zip(first, *more, strict=True))) if more else first


def split(batch, parts: int):
    """A batch as so many equal ones, the opposite of `join`.

    Raises ValueError if it cannot be divided so.
    Taught in {ref}`ch-wgan-gp`.
    """
    if not len(batch[0]) or len(batch[0]) % parts:
        raise ValueError(f"a batch of {len(batch[0])} samples cannot be divided into {parts} equal ones")
    return [type(batch)(*fields) for fields in zip(*(field.chunk(parts) for field in batch), strict=True)]

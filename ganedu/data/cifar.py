"""CIFAR-10's batches: Python pickles, read without letting them run anything.

A pickle is a small program; `pickle.load` runs it, whatever it does. The batches need three names of numpy and
nothing else. Here even these three stand for classes of our own that only keep what they are given.
Taught in {ref}`data-sets`; Krizhevsky 2009.
"""

import io
import pickle

import numpy as np
import torch

from ganedu.data.images import ImageData

SIDE = 32
PIXELS = 3 * SIDE * SIDE  # an image is a row: 1024 red, 1024 green, 1024 blue


class _Marker:
    """Stands for `numpy.ndarray` and `numpy.dtype`: takes any arguments and any state, does nothing."""

    def __init__(self, *arguments):
        self.arguments = arguments
        self.state = ()

    def __setstate__(self, state):
        self.state = state


class _Unpickler(pickle.Unpickler):
    ALLOWED = (("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"))

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise ValueError(f"it asks for {module}.{name}, which no CIFAR batch needs; nothing was executed")
        return _Marker


def parse(content: bytes, *, where: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of one batch, uint8 [N, 3, 32, 32] and int64 [N].

    content: a pickle of a dictionary with `data`, an array of N x 3072 bytes, and `labels`, a list of N numbers 0..9.
    where: how errors name the file.
    Raises ValueError for any other pickle, in particular for one that asks for any function or class but the three
    that numpy arrays need; nothing in it is executed.
    Taught in {ref}`data-sets`.
    """
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a hostile or cut pickle can raise anything
        raise ValueError(f"{where} is no CIFAR batch: {error}") from None
    if not isinstance(batch, dict) or not {b"data", b"labels"} <= batch.keys():
        raise ValueError(f"{where} is no CIFAR batch: it has no data and labels")
    images = _bytes_of(batch[b"data"], where)
    labels = batch[b"labels"]
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 10 for label in labels):
        raise ValueError(f"{where}: labels must be a list of the numbers 0 to 9")
    if len(images) != len(labels):
        raise ValueError(f"{where} has {len(images)} images but {len(labels)} labels")
    return images, np.array(labels, dtype=np.int64)


def images_with_labels(contents: list[bytes], classes: tuple[str, ...], *, where: str) -> ImageData:
    """The batches of a split, one after the other, as one set.

    Raises ValueError for what `parse` refuses.
    Taught in {ref}`data-sets`.
    """
    batches = [parse(content, where=f"batch {number} of {where}") for number, content in enumerate(contents, 1)]
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return ImageData(torch.from_numpy(images), torch.from_numpy(labels), classes)


def _bytes_of(array, where: str) -> np.ndarray:
    """The state of a pickled array is (version, shape, dtype, column order?, bytes)."""
    state = getattr(array, "state", ())
    try:
        _, (n, pixels), dtype, column_order, raw = state
        is_bytes = dtype.arguments[0] == b"u1" and not column_order and isinstance(raw, bytes)
    except (TypeError, ValueError, AttributeError, IndexError):
        is_bytes = False
    if not is_bytes or pixels != PIXELS or len(raw) != n * PIXELS:
        raise ValueError(f"{where}: data must be an array of bytes with {PIXELS} columns")
    return np.frombuffer(raw, np.uint8).reshape(n, 3, SIDE, SIDE)

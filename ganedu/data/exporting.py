"""A named set as a folder of files, to look at, to change, or to give to another program.

Taught in {ref}`data-sets`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from ganedu import data
from ganedu.data import kinds, stored

SUBFOLDERS = {
    kinds.Unpaired: ("{split}A", "{split}B"),
    kinds.Pairs: ("{split}/inputs", "{split}/targets"),
    kinds.Voxels: ("{split}",),
}


def export(name: str, out: Path, *, root=None, split: str | None = None, n: int | None = None, size=None) -> dict:
    """Write a set into the new or empty folder `out`; returns how many files lie in each of its subfolders.

    Images become train/CLASS/00000.png and test/..., which `image-folder:OUT` reads with the classes in their order;
    two domains become trainA, trainB, testA, testB, which `unpaired:OUT` reads; pairs become train/inputs and
    train/targets with the same names, and inputs can be given to `ganedu translate`; voxels become train/00000.npy,
    uint8 [1, D, H, W], for NumPy. Files are numbered as the set is, and hold its bytes. split: only this one, all if
    None. n: only the first samples of each split or domain. size: cut and resample first.
    Raises ValueError for a folder that holds something, or is a file, and for what the set's loader refuses.
    Taught in {ref}`data-sets`.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, and samples need a folder; give another name")
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty, and nothing is overwritten; give a new folder")
    kind = stored.kind_of(name)
    counts: dict[str, int] = {}
    for each in stored.splits(name, root) if split is None else (split,):
        samples = _images(name, each, root, size) if kind is kinds.Images else _fields(kind, name, each, root, size)
        for folder, number, sample in samples:
            if n is None or number < n:
                _write(out / folder / f"{number:05d}", sample)
                counts[folder] = counts.get(folder, 0) + 1
    return counts


def _fields(kind, name: str, split: str, root, size) -> Iterator[tuple[str, int, Tensor]]:
    for folder, field in zip(SUBFOLDERS[kind], stored.load(kind, name, split, root, size=size).data, strict=True):
        for number, sample in enumerate(field):
            yield folder.format(split=split), number, sample


def _images(name: str, split: str, root, size) -> Iterator[tuple[str, int, Tensor]]:
    found = data.load(name, split, root, size=size)
    folders = [f"{split}/{each}" for each in folder_names(found.classes)]
    for number, image in enumerate(found.images):
        yield split if found.labels is None else folders[found.labels[number]], number, image


def folder_names(classes: tuple[str, ...]) -> list[str]:
    """Names of folders for some classes: letters and digits only, different from each other, and in their order.

    Taught in {ref}`data-sets`.
    """
    names = [re.sub(r"[^\w.-]+", "-", each).strip(".-") or "class" for each in classes]
    if names == sorted(set(names)):
        return names
    width = len(str(len(names) - 1))
    return [f"{i:0{width}d}-{name}" for i, name in enumerate(names)]


def _write(path: Path, sample: Tensor) -> None:
    """One picture [C, H, W] or grid [1, D, H, W] of bytes, into a file that must not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if sample.ndim == 4:
        with path.with_suffix(".npy").open("xb") as file:
            np.save(file, sample.numpy())
        return
    pixels = sample.permute(1, 2, 0).numpy()
    with path.with_suffix(".png").open("xb") as file:
        Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0]).save(file, format="PNG")

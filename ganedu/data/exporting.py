"""A named set as a folder of PNG files, to look at, to change, or to give to another program.

Taught in {ref}`data-sets`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from torch import Tensor

from ganedu import data
from ganedu.data import unpaired


def export(name: str, out: Path, *, root=None, split: str | None = None, n: int | None = None, size=None) -> dict:
    """Write the images of a set into the new or empty folder `out`; returns how many lie in each of its subfolders.

    One set becomes train/CLASS/00000.png and test/..., which `image-folder:OUT` reads with the classes in their order;
    two domains become trainA, trainB, testA, testB, which `unpaired:OUT` reads. Files are numbered as the set is, and
    their pixels have its bytes. split: only this one, all if None. n: only the first images of each split or domain.
    size: cut and resample first.
    Raises ValueError for a folder that holds something, or is a file, and for what `ganedu.data.load` refuses.
    Taught in {ref}`data-sets`.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, and images need a folder; give another name")
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty, and nothing is overwritten; give a new folder")
    two = name in data.UNPAIRED_NAMES or name.startswith(data.UNPAIRED)
    counts: dict[str, int] = {}
    for each in _splits(name, root, two) if split is None else (split,):
        for folder, number, image in (_of_two if two else _of_one)(name, each, root, size, n):
            _write(out / folder / f"{number:05d}.png", image)
            counts[folder] = counts.get(folder, 0) + 1
    return counts


def _splits(name: str, root, two: bool) -> tuple[str, ...]:
    if two:
        return unpaired.splits(name, root)
    return data.folder.splits(name.removeprefix(data.FOLDER)) if name.startswith(data.FOLDER) else data.SPLITS


def _of_two(name: str, split: str, root, size, n) -> Iterator[tuple[str, int, Tensor]]:
    found = data.load_unpaired(name, split, root, size=size)
    for domain, images in (("A", found.a), ("B", found.b)):
        for number, image in enumerate(images[:n]):
            yield f"{split}{domain}", number, image


def _of_one(name: str, split: str, root, size, n) -> Iterator[tuple[str, int, Tensor]]:
    found = data.load(name, split, root, size=size)
    folders = [f"{split}/{each}" for each in folder_names(found.classes)]
    for number, image in enumerate(found.images[:n]):
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


def _write(path: Path, image: Tensor) -> None:
    """One picture [C, H, W] of bytes, into a file that must not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = image.permute(1, 2, 0).numpy()
    with path.open("xb") as file:
        Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0]).save(file, format="PNG")

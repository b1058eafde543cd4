"""Named sets of real images, and the scaling between bytes and [-1, 1].

Taught in {ref}`ch-first-gan`; where each set comes from: {ref}`data-sets`.
"""

from dataclasses import replace
from pathlib import Path

from ganedu.data import avatars, cifar, digits, download, factors, folder, idx
from ganedu.data.avatars import AvatarData
from ganedu.data.factors import FactorData
from ganedu.data.files import data_root, find, read
from ganedu.data.images import ImageData, resize, to_bytes, to_floats
from ganedu.data.registry import FILE_SETS
from ganedu.data.unpaired import UNPAIRED, UNPAIRED_NAMES, UnpairedData, load_unpaired

__all__ = [
    "UNPAIRED",
    "UNPAIRED_NAMES",
    "AvatarData",
    "FactorData",
    "ImageData",
    "UnpairedData",
    "load",
    "load_unpaired",
    "resize",
    "to_bytes",
    "to_floats",
]

SPLITS = ("train", "test")
FOLDER = "image-folder:"
NAMES = ("digits", *FILE_SETS, "factors", "avatars")


def load(name: str, split: str = "train", root: str | Path | None = None, *, size: int | None = None) -> ImageData:
    """The images of one set: one of NAMES, or "image-folder:PATH".

    "digits": 1797 handwritten digits, 8 x 8 pixels in 17 gray levels, which come with scikit-learn (nothing is
    downloaded, `root` is not used). Level v of 16 becomes the byte round(255 v / 16). Test split: every seventh image
    of the file, 256 in all; train split: the other 1541. Both hold all writers.
    "mnist", "fashion-mnist": 60,000 and 10,000 gray images of 28 x 28. "cifar10": 50,000 and 10,000 color photographs
    of 32 x 32. They are read from `root` if they lie there, as torchvision lays them out or as their original
    archives, else downloaded into it.
    "factors": drawn shapes whose position, size and hue are known, as `FactorData`.
    "avatars": drawn faces of which hair, glasses, colors and more are known, with captions, as `AvatarData`.
    "image-folder:PATH": your own pictures, see `ganedu.data.folder.listing`.
    split: "train" or "test". root: folder of downloaded sets; if None, the variable GANEDU_DATA, else the platform's
    cache. size: cut all images to squares and resample them to this side, see `resize`; a folder of pictures of
    different sizes needs it.
    Raises ValueError, listing the choices, for an unknown name or split; naming the file, for whatever is damaged,
    truncated, missing or not an image; saying what to put where, if a set is missing and there is no network.
    Taught in {ref}`ch-first-gan` and {ref}`data-sets`; digits: Alpaydin and Kaynak 1998.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    if name.startswith(FOLDER):
        return folder.images_with_labels(name.removeprefix(FOLDER), split, size=size)
    if name in UNPAIRED_NAMES or name.startswith(UNPAIRED):
        raise ValueError(f"{name} holds two sets of images; load it with load_unpaired, or train cyclegan on it")
    if name not in NAMES:
        raise ValueError(f"unknown data set {name!r}; choose one of {', '.join(NAMES)}, or {FOLDER}PATH")
    return _resized(_load(name, split, root), size)


def _load(name, split, root):
    if name == "digits":
        return digits.load(split)
    if name == "factors":
        return factors.load(split)
    if name == "avatars":
        return avatars.load(split)
    files, root = FILE_SETS[name], data_root(root)
    if find(files, split, root) is None:
        download.fetch(files, root)
    contents = read(files, split, find(files, split, root))
    where = f"{name} ({split})"
    if name == "cifar10":
        return cifar.images_with_labels(contents, files.classes, where=where)
    return idx.images_with_labels(*contents, files.classes, where=where)


def _resized(found, size):
    return found if size is None else replace(found, images=resize(found.images, size))

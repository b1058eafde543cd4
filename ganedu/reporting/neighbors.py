"""Whether a generator repeats its training images: the nearest one to each of its own.

Taught in {ref}`ch-evaluation`.
"""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from ganedu import data as sets
from ganedu.data.files import data_root, find
from ganedu.data.registry import FILE_SETS
from ganedu.training import source
from ganedu.training.loading import recipe_of

FEW = 2000  # pictures of a folder: decoding more takes longer than a person waits who did not ask for it
MUCH = 2 * 10**8  # bytes of images: reading and comparing more takes longer than a few seconds
CHUNK = 2000


@dataclass(frozen=True)
class Nearest:
    """For each of n images the nearest of others, uint8 [n, C, H, W], and the distance to it, float64 [n].

    Taught in {ref}`ch-evaluation`.
    """

    images: Tensor
    distances: Tensor


def nearest(images: Tensor, others: Tensor, *, but_itself: bool = False) -> Nearest:
    """The nearest of `others` to each image: root mean square of the differences of pixels, black 0 and white 1.

    images: uint8 [n, C, H, W]; others: uint8 [m, C, H, W]. but_itself: `images` are the first of `others`, and none is
    to find itself. Two pictures that a person finds alike may be far apart: a shift by a pixel is enough.
    Taught in {ref}`ch-evaluation`.
    """
    mine = images.flatten(1).float() / 255
    best, where = torch.full((len(mine),), float("inf")), torch.zeros(len(mine), dtype=torch.int64)
    for start in range(0, len(others), CHUNK):
        theirs = others[start : start + CHUNK].flatten(1).float() / 255
        squares = mine.square().sum(1)[:, None] + theirs.square().sum(1) - 2 * mine @ theirs.T
        if but_itself:
            itself = torch.arange(len(mine)) - start
            inside = (itself >= 0) & (itself < len(theirs))
            squares[inside, itself[inside]] = float("inf")
        found, index = squares.min(1)
        where = torch.where(found < best, start + index, where)
        best = torch.minimum(found, best)
    differences = (images.double() - others[where].double()) / 255  # the product above has lost digits
    return Nearest(others[where], differences.square().flatten(1).mean(1).sqrt())


def spread(images: Tensor) -> float:
    """Mean distance between two of n images, as `nearest` has it, over all pairs.

    images: uint8 [n, C, H, W].
    Taught in {ref}`ch-evaluation`.
    """
    flat = images.flatten(1).double() / 255
    n, pixels = flat.shape
    return (torch.cdist(flat, flat).sum() / max(1, n * (n - 1)) / pixels**0.5).item()


def training_images(plan: dict, *, patient: bool) -> Tensor:
    """The images that a run learned from, as it saw them, uint8 [N, C, H, W]; nothing is downloaded.

    plan: its config.json. patient: also read a folder of more than FEW pictures, or more than MUCH.
    Raises ValueError, with the reason in words, where they cannot be had.
    Taught in {ref}`training`.
    """
    about = plan["data"]
    name, root = about["name"], about.get("root")
    if name == source.TENSOR:
        raise ValueError("the images were given from Python, and no name says where they are")
    if about.get("streamed"):
        raise ValueError("the pictures were streamed, and are too many to look through")
    too_many = name.startswith(sets.FOLDER) and about["images"] > FEW
    if not patient and (too_many or about["images"] * prod(plan["recipe"]["image_shape"]) > MUCH):
        raise ValueError(f"reading {about['images']} pictures again takes its time; `ganedu report` does it")
    if name in FILE_SETS and not find(FILE_SETS[name], "train", data_root(root)):
        raise ValueError(f"{name} is not below {data_root(root)}; `ganedu data prepare {name}` fetches it")
    kind, config = recipe_of(plan)
    found = source.find(name, kind, config, root=root)
    if found.plan["sha256"] != about["sha256"]:
        raise ValueError(f"{name} does not hold the images any more that the run was trained on")
    if found.data[0].ndim != 4:
        raise ValueError("the sheets show voxels from one side, and the data are whole")
    return sets.resize(found.data[0], config.size)

"""Named sets as the kinds of data that recipes learn from.

Taught in {ref}`training`; where each set comes from: {ref}`data-sets`.
"""

from dataclasses import dataclass, field
from typing import Any

from ganedu import data as sets
from ganedu.data import captions, kinds, pairs, solids


@dataclass(frozen=True)
class Stored:
    """All samples of a set, as one of `ganedu.data.kinds` with N samples in front, and what else a recipe must know.

    data: pictures as bytes, numbers as int64. details: names with plain values, given to the recipe's class: `classes`
    of labeled images, `words` of described ones.
    Taught in {ref}`training`.
    """

    data: Any
    details: dict = field(default_factory=dict)


def load(kind, name: str, split: str = "train", root=None, *, size: int | None = None) -> Stored:
    """The set of that name, or "image-folder:PATH", "unpaired:PATH", as data of a kind.

    kind: one of `ganedu.data.kinds.KINDS`; the rest as for `ganedu.data.load`.
    Raises ValueError, listing the choices, for a set that is not of this kind, and for what its loader refuses.
    Taught in {ref}`data-sets`.
    """
    return _LOADERS[kind](name, split, root, size)


def names(kind) -> tuple[str, ...]:
    """The sets of a kind that have a name; pairs are also made from other sets, see `ganedu.data.pairs`.

    Taught in {ref}`data-sets`.
    """
    own = {kinds.Unpaired: sets.UNPAIRED_NAMES, kinds.Pairs: pairs.FOUND}
    own |= {kinds.Described: captions.SETS, kinds.Voxels: (solids.NAME,)}
    return own.get(kind, sets.NAMES)


def kind_of(name: str):
    """The kind that a set is found as: pairs, two domains, voxels, or else images, with classes or without.

    Taught in {ref}`data-sets`.
    """
    if name in pairs.FOUND or name.partition(":")[0] in pairs.MADE:
        return kinds.Pairs
    if name in sets.UNPAIRED_NAMES or name.startswith(sets.UNPAIRED):
        return kinds.Unpaired
    return kinds.Voxels if name == solids.NAME else kinds.Images


def splits(name: str, root=None) -> tuple[str, ...]:
    """The splits of a set: both of a named one, those that are there of a folder.

    Raises ValueError for a folder that cannot be read.
    Taught in {ref}`data-sets`.
    """
    if kind_of(name) is kinds.Unpaired:
        return sets.unpaired.splits(name, root)
    return sets.folder.splits(name.removeprefix(sets.FOLDER)) if name.startswith(sets.FOLDER) else sets.SPLITS


def _images(name, split, root, size) -> Stored:
    return Stored(kinds.Images(sets.load(name, split, root, size=size).images))


def _labeled(name, split, root, size) -> Stored:
    found = sets.load(name, split, root, size=size)
    if found.labels is None:
        raise ValueError(f"{name} has no classes; put the pictures of each into a folder of its own")
    return Stored(kinds.Labeled(found.images, found.labels), {"classes": found.classes})


def _unpaired(name, split, root, size) -> Stored:
    found = sets.load_unpaired(name, split, root, size=size)
    return Stored(kinds.Unpaired(found.a, found.b))


def _pairs(name, split, root, size) -> Stored:
    found = pairs.load_pairs(name, split, root, size=size)
    return Stored(kinds.Pairs(found.inputs, found.targets))


def _described(name, split, root, size) -> Stored:
    found = captions.load_described(name, split, root, size=size)
    return Stored(kinds.Described(found.images, found.tokens, found.lengths), {"words": found.words})


def _voxels(name, split, root, size) -> Stored:
    if name != solids.NAME:
        raise ValueError(f"unknown set of voxels {name!r}; there is {solids.NAME}")
    return Stored(kinds.Voxels(solids.load(split, side=size or solids.SIDE).voxels))


_LOADERS = {
    kinds.Images: _images,
    kinds.Labeled: _labeled,
    kinds.Described: _described,
    kinds.Pairs: _pairs,
    kinds.Unpaired: _unpaired,
    kinds.Voxels: _voxels,
}

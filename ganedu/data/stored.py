"""Named sets as the kinds of data that recipes learn from.

Taught in {ref}`training`; where each set comes from: {ref}`data-sets`.
"""

from dataclasses import dataclass, field
from typing import Any

from ganedu import data as sets
from ganedu.data import kinds


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
    """The sets of a kind that have a name.

    Taught in {ref}`data-sets`.
    """
    return {kinds.Unpaired: sets.UNPAIRED_NAMES}.get(kind, sets.NAMES)


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


_LOADERS = {kinds.Images: _images, kinds.Labeled: _labeled, kinds.Unpaired: _unpaired}

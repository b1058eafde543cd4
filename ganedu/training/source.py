"""The data of a run, in memory or streamed from a folder, and what config.json says of them.

Taught in {ref}`training`.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ganedu import data as sets
from ganedu.data import batches, folder, kinds, stored

TENSOR = "tensor"  # the name of data that were given as such
EXAMPLES = 8  # samples that the sample pictures of some recipes show again and again


@dataclass(frozen=True)
class Source:
    """Data to train on.

    plan: their name, number, SHA-256 and folder. data: one of `ganedu.data.kinds` with all samples in front; the
    images of a folder that is streamed are paths. details: what the recipe must know besides, see `for_recipe`.
    Taught in {ref}`training`.
    """

    plan: dict
    data: Any
    details: dict = field(default_factory=dict)

    @property
    def streamed(self) -> bool:
        """Whether pictures are decoded when their turn comes."""
        return not isinstance(self.data[0], Tensor)

    def for_recipe(self, size: int) -> dict:
        """What a recipe's class wants to know of them besides its configuration: image_shape and details.

        image_shape: (C, size, size) of what is to come out, (C, size, size, size) for voxels. For pairs also
        input_shape, (C, H, W) of what goes in.
        """
        if self.streamed:
            return {"image_shape": (len(folder.decode(self.data[0][0])), size, size), **self.details}
        shapes = [each.shape[1:] for each in self.data if batches.is_picture(each)]
        channels, *sides = shapes[-1]
        facts = {"image_shape": (channels, *[size] * len(sides)), **self.details}
        if type(self.data) is kinds.Pairs:
            facts["input_shape"] = (shapes[0][0], *[round(size * min(shapes[0][1:]) / min(sides))] * len(sides))
        return facts

    def batches(self, config, batch_size: int, *, device: torch.device, seed: int, rank: int, world: int):
        """Batches of a process, resized, cut and mirrored as the recipe's `config` says."""
        kind = batches.FolderBatches if self.streamed else batches.DeviceBatches
        options = {"size": config.size, "load_size": config.load_size, "flip": config.flip}
        return kind(self.data, batch_size, device=device, seed=seed, rank=rank, world=world, **options)

    def examples(self, size: int, device: torch.device):
        """A batch of the first samples, EXAMPLES if there are so many, pictures of side `size`."""
        k = min(EXAMPLES, *map(len, self.data))
        few = [each[:k] for each in self.data]
        if self.streamed:
            few[0] = torch.stack([folder.decode(path, size=size) for path in few[0]])
        few = batches.brought(type(self.data)(*few), size)
        floats = [sets.to_floats(each, torch.float32) if batches.is_picture(each) else each for each in few]
        return type(few)(*(each.to(device) for each in floats))


def find(data, kind, config, *, root=None, stream: bool = False) -> Source:
    """The data that `data` means to a recipe of class `kind` with this configuration.

    data: a name of a set; a `ganedu.data.stored.Stored`, or its `data`; a tensor or a tuple of tensors, the fields of
    the recipe's kind. root: folder of downloaded sets. stream: decode the pictures of an image-folder when their turn
    comes.
    Raises ValueError for data that are not of the recipe's kind, and for what `ganedu.data` refuses.
    Taught in {ref}`training`.
    """
    if stream:
        return _streamed(data, kind)
    if isinstance(data, str):
        found, name = stored.load(kind.Batch, data, "train", root, size=config.load_size or config.size), data
    else:
        found, name = _given(data, kind), TENSOR
    digest = hashlib.sha256()
    for each in found.data:
        digest.update(each.contiguous().numpy())
    counts = [len(each) for each in found.data]
    plan = {"name": name, "images": counts if kind.Batch.apart else counts[0], "sha256": digest.hexdigest()}
    plan |= {"streamed": False, "root": str(root) if root else None}
    return Source(plan, found.data, found.details)


def _given(data, kind) -> stored.Stored:
    """Data that were given as such."""
    if isinstance(data, stored.Stored) and type(data.data) is kind.Batch:
        return data
    fields = (data,) if isinstance(data, Tensor) else data
    wanted = kind.Batch._fields
    is_other_kind = isinstance(data, kinds.KINDS) and type(data) is not kind.Batch
    if is_other_kind or not isinstance(fields, tuple | list) or len(fields) != len(wanted):
        given = type(data).__name__ if not isinstance(data, tuple | list) or is_other_kind else f"{len(data)} tensors"
        raise ValueError(
            f"{kind.name} learns from {kind.Batch.kind} data ({', '.join(wanted)}), but {given} given; "
            f"see ganedu.data.kinds.{kind.Batch.__name__}"
        )
    found = kind.Batch(*fields)
    details = {"classes": tuple(map(str, range(int(found.labels.max()) + 1)))} if kind.Batch is kinds.Labeled else {}
    return stored.Stored(found, details)


def _streamed(name, kind) -> Source:
    if kind.Batch not in (kinds.Images, kinds.Labeled) or not isinstance(name, str) or not name.startswith(sets.FOLDER):
        raise ValueError(
            f"only {sets.FOLDER}PATH can be streamed, for recipes that learn from one set of images; give it, or leave "
            "out stream"
        )
    found = folder.listing(name.removeprefix(sets.FOLDER), "train")
    plan = {"name": name, "images": len(found.paths), "sha256": found.digest(), "streamed": True, "root": None}
    plan["names_sha256"] = found.digest(lengths=False)
    if kind.Batch is kinds.Images:
        return Source(plan, kinds.Images(found.paths))
    if found.labels is None:
        raise ValueError(f"{name} has no classes; put the pictures of each into a folder of its own")
    return Source(plan, kinds.Labeled(found.paths, torch.tensor(found.labels)), {"classes": found.classes})

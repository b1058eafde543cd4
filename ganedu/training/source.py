"""The images of a run: one set or two, in memory or streamed from a folder, and what config.json says of them.

Taught in {ref}`training`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganedu import data as sets
from ganedu.data import batches, folder

TENSOR = "tensor"  # the name of images that were given as such
EXAMPLES = 8  # of each domain, translated again and again in the sample pictures


@dataclass(frozen=True)
class Source:
    """Images to train on.

    plan: their name, number, SHA-256 and folder; channels: 1 (gray) or 3 (color). domains: uint8 [N, C, H, W], one
    tensor, or two for recipes that translate; none where the pictures at `paths` are streamed.
    Taught in {ref}`training`.
    """

    plan: dict
    channels: int
    domains: tuple[Tensor, ...] = ()
    paths: tuple[Path, ...] = ()

    def batches(self, config, batch_size: int, *, device: torch.device, seed: int, rank: int, world: int):
        """Batches of a process, resized, cut and mirrored as the recipe's `config` says."""
        if self.paths:
            kind, images = batches.FolderBatches, (self.paths,)
        elif len(self.domains) == 1:
            kind, images = batches.DeviceBatches, self.domains
        else:
            kind, images = batches.UnpairedBatches, self.domains
        options = {"size": config.size, "load_size": config.load_size, "flip": config.flip}
        return kind(*images, batch_size, device=device, seed=seed, rank=rank, world=world, **options)

    def examples(self, size: int, device: torch.device) -> Tensor | None:
        """The first images of two domains, [2, k, C, size, size] in [-1, 1]; None for one domain."""
        if len(self.domains) < 2:
            return None
        k = min(EXAMPLES, *map(len, self.domains))
        return sets.to_floats(torch.stack([sets.resize(each[:k], size) for each in self.domains]), torch.float32).to(
            device
        )


def find(data, kind, config, *, root=None, stream: bool = False) -> Source:
    """The images that `data` means to a recipe of class `kind` with this configuration.

    data: a name of `ganedu.data`, uint8 images [N, C, H, W], or two such tensors for a recipe of two domains.
    root: folder of downloaded sets. stream: decode the pictures of an image-folder when their turn comes.
    Raises ValueError for data that are not of the recipe's kind, and for what `ganedu.data` refuses.
    Taught in {ref}`training`.
    """
    if stream:
        return _streamed(data, kind)
    if isinstance(data, str):
        domains, name = _load(data, kind, config, root), data
    else:
        domains, name = (data,) if isinstance(data, Tensor) else tuple(data), TENSOR
    if len(domains) != kind.domains:
        raise ValueError(f"{kind.name} learns from {kind.domains} sets of images, {len(domains)} given")
    digest = hashlib.sha256()
    for images in domains:
        digest.update(images.contiguous().numpy())
    counts = [len(images) for images in domains]
    plan = {"name": name, "images": counts if len(counts) > 1 else counts[0], "sha256": digest.hexdigest()}
    plan |= {"streamed": False, "root": str(root) if root else None}
    return Source(plan, domains[0].shape[1], domains)


def _load(name: str, kind, config, root) -> tuple[Tensor, ...]:
    side = config.load_size or config.size
    unpaired = name in sets.UNPAIRED_NAMES or name.startswith(sets.UNPAIRED)
    if unpaired and kind.domains == 1:
        raise ValueError(f"{name} holds two sets of images, for cyclegan; {kind.name} learns from one")
    if kind.domains == 1:
        return (sets.load(name, "train", root, size=side).images,)
    if not unpaired:
        choices = ", ".join([*sets.UNPAIRED_NAMES, f"{sets.UNPAIRED}PATH"])
        raise ValueError(f"{kind.name} learns from two sets of images, but {name} is one; choose one of {choices}")
    found = sets.load_unpaired(name, "train", root, size=side)
    return found.a, found.b


def _streamed(name, kind) -> Source:
    if kind.domains > 1 or not isinstance(name, str) or not name.startswith(sets.FOLDER):
        raise ValueError(
            f"only {sets.FOLDER}PATH can be streamed, for recipes of one set; give it, or leave out stream"
        )
    found = folder.listing(name.removeprefix(sets.FOLDER), "train")
    plan = {"name": name, "images": len(found.paths), "sha256": found.digest(), "streamed": True, "root": None}
    plan["names_sha256"] = found.digest(lengths=False)
    return Source(plan, len(folder.decode(found.paths[0])), paths=found.paths)

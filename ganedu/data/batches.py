"""Batches of images for training: shuffled, flipped and scaled on the device, and resumable to the bit.

Taught in {ref}`ch-dcgan`.
"""

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from ganedu.data.folder import agree, decode
from ganedu.data.images import resize, to_floats


class Order:
    """Which images come next: one permutation after the other, each image once in each, cut into batches.

    n: number of images; batch_size: images a rank and step. Batches run on across the end of a permutation, so that
    none is smaller and no image is left out. All ranks draw the same permutations and take turns: the batches of the
    `world` ranks, one after the other, are the batch that one process of batch_size * world would see.
    The state is the generator's at the start of the permutation and the position in it, from which everything follows.
    Raises ValueError for counts below 1, a rank outside of the world, or a state of another number of images.
    Taught in {ref}`ch-dcgan`.
    """

    def __init__(self, n: int, batch_size: int, *, seed: int, flip: bool, rank: int, world: int):
        if n < 1 or batch_size < 1:
            raise ValueError(f"at least one image and one a batch expected, not {n} images in batches of {batch_size}")
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} is not one of the {world} ranks 0 to {world - 1}")
        self.n, self.batch_size, self.flip, self.rank, self.world = n, batch_size, flip, rank, world
        self.random = torch.Generator().manual_seed(seed)  # on the CPU: the same order on every device
        self._start_epoch()

    def next(self) -> Tensor:
        """Image numbers and whether to flip each: int64 [2, batch_size], on the CPU."""
        missing, pieces = self.batch_size * self.world, []
        while missing:
            if self.position == self.n:
                self._start_epoch()
            pieces.append(self.epoch[:, self.position : self.position + missing])
            self.position += pieces[-1].shape[1]
            missing -= pieces[-1].shape[1]
        first = self.rank * self.batch_size
        return torch.cat(pieces, dim=1)[:, first : first + self.batch_size]

    def state_dict(self) -> dict:
        """A tensor and two numbers."""
        return {"epoch_random": self.epoch_random.clone(), "position": self.position, "images": self.n}

    def load_state_dict(self, state: dict) -> None:
        """Continue where `state` was taken, with the same batch_size and world."""
        if state["images"] != self.n:
            raise ValueError(f"the saved order is of {state['images']} images, there are {self.n} now")
        self.random.set_state(state["epoch_random"].cpu())
        self._start_epoch()
        self.position = state["position"]

    def _start_epoch(self) -> None:
        self.epoch_random = self.random.get_state()
        order = torch.randperm(self.n, generator=self.random)
        flips = torch.randint(2, (self.n,), generator=self.random) if self.flip else torch.zeros_like(order)
        self.epoch, self.position = torch.stack([order, flips]), 0


class DeviceBatches:
    """Batches from images that stay on the device as bytes: a quarter of the memory of floats, no copy a step.

    images: uint8 [N, C, H, W], copied to `device` once, after `resize` to `size` if that is given. seed: of the order
    and the flips, which have a generator of their own. flip: mirror each image left to right with probability 1/2.
    rank, world: see `Order`; every rank must be given the same images and seed.
    Raises ValueError for what `Order` and `resize` refuse, and for images that are not bytes of four dimensions.
    Taught in {ref}`ch-dcgan`.
    """

    def __init__(
        self,
        images: Tensor,
        batch_size: int,
        *,
        device: torch.device | str,
        seed: int,
        size: int | None = None,
        flip: bool = False,
        rank: int = 0,
        world: int = 1,
    ):
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(f"images must be uint8 [N, C, H, W], not {images.dtype} {list(images.shape)}")
        self.order = Order(len(images), batch_size, seed=seed, flip=flip, rank=rank, world=world)
        self.images = (images if size is None else resize(images, size)).to(device)

    def next(self) -> Tensor:
        """The next batch, float32 [batch_size, C, H, W] in [-1, 1], on the device."""
        chosen, flips = self.order.next().to(self.images.device, non_blocking=True)
        return _finish(self.images.index_select(0, chosen), flips if self.order.flip else None)

    def state_dict(self) -> dict:
        """What `load_state_dict` needs to give the same next batches, bit for bit."""
        return self.order.state_dict()

    def load_state_dict(self, state: dict) -> None:
        """Continue where `state` was taken."""
        self.order.load_state_dict(state)


class FolderBatches:
    """The same batches as `DeviceBatches`, from picture files that are decoded when their turn comes.

    For folders that do not fit into memory. paths: the files, as `ganedu.data.folder.listing` gives them; size: as for
    `DeviceBatches`, needed if the pictures differ in size. A pool of threads decodes `ahead` batches in advance; what
    comes out, and its order, does not depend on the threads.
    Raises ValueError from `next`, naming the file, for pictures that cannot be read or do not match the first.
    Taught in {ref}`ch-dcgan`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        batch_size: int,
        *,
        device: torch.device | str,
        seed: int,
        size: int | None = None,
        flip: bool = False,
        rank: int = 0,
        world: int = 1,
        ahead: int = 2,
    ):
        self.order = Order(len(paths), batch_size, seed=seed, flip=flip, rank=rank, world=world)
        self.paths, self.device, self.size, self.ahead = tuple(paths), device, size, ahead
        self.first = decode(self.paths[0], size=size)
        self.pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode")
        self.waiting = deque()  # of (the order's state before, flips, futures)

    def next(self) -> Tensor:
        """The next batch, float32 [batch_size, C, H, W] in [-1, 1], on the device."""
        while len(self.waiting) <= self.ahead:
            state = self.order.state_dict()
            chosen, flips = self.order.next()
            self.waiting.append((state, flips, [self.pool.submit(self._decode, i) for i in chosen.tolist()]))
        _, flips, futures = self.waiting[0]
        images = torch.stack([each.result() for each in futures]).to(self.device)
        self.waiting.popleft()  # only now: a failure leaves the state before this batch
        return _finish(images, flips.to(self.device) if self.order.flip else None)

    def state_dict(self) -> dict:
        """What `load_state_dict` needs to give the same next batches; batches decoded ahead do not count."""
        return self.waiting[0][0] if self.waiting else self.order.state_dict()

    def load_state_dict(self, state: dict) -> None:
        """Continue where `state` was taken."""
        self.order.load_state_dict(state)
        self.waiting.clear()

    def _decode(self, i: int) -> Tensor:
        image = decode(self.paths[i], size=self.size)
        agree(image, self.paths[i], self.first, self.paths[0])
        return image


def _finish(images: Tensor, flips: Tensor | None) -> Tensor:
    """Bytes [B, C, H, W] to float32 in [-1, 1], those with flips 1 mirrored left to right."""
    if flips is not None:
        images = torch.where(flips.bool()[:, None, None, None], images.flip(3), images)
    return to_floats(images, torch.float32)

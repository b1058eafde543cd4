"""Batches of images for training: shuffled, cut, flipped and scaled on the device, and resumable to the bit.

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
    flip: draw for each image whether to mirror it. offsets: the number of places, along each side, where a window can
    be cut out of an image; 1 if nothing is cut.
    The state is the generator's at the start of the permutation and the position in it, from which everything follows.
    Raises ValueError for counts below 1, a rank outside of the world, or a state of another number of images.
    Taught in {ref}`ch-dcgan`.
    """

    def __init__(self, n: int, batch_size: int, *, seed: int, flip: bool, offsets: int = 1, rank: int, world: int):
        if n < 1 or batch_size < 1:
            raise ValueError(f"at least one image and one a batch expected, not {n} images in batches of {batch_size}")
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} is not one of the {world} ranks 0 to {world - 1}")
        self.n, self.batch_size, self.flip, self.offsets = n, batch_size, flip, offsets
        self.rank, self.world = rank, world
        self.random = torch.Generator().manual_seed(seed)  # on the CPU: the same order on every device
        self._start_epoch()

    def next(self) -> Tensor:
        """Rows image number, whether to flip it, top and left of its window: int64 [4, batch_size], on the CPU."""
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
        if type(state["position"]) is not int or not 0 <= state["position"] <= self.n:
            raise ValueError(f"the saved order has no place {state['position']!r} among {self.n} images")
        self.random.set_state(state["epoch_random"].cpu())
        self._start_epoch()
        self.position = state["position"]

    def _start_epoch(self) -> None:
        self.epoch_random = self.random.get_state()
        order = torch.randperm(self.n, generator=self.random)
        flips = torch.randint(2, (self.n,), generator=self.random) if self.flip else torch.zeros_like(order)
        corners = torch.zeros(
            2, self.n, dtype=torch.int64
        )  # nothing is drawn that is not used: the rest stays the same
        if self.offsets > 1:
            corners = torch.randint(self.offsets, (2, self.n), generator=self.random)
        self.epoch, self.position = torch.cat([order[None], flips[None], corners]), 0


class DeviceBatches:
    """Batches from images that stay on the device as bytes: a quarter of the memory of floats, no copy a step.

    images: uint8 [N, C, H, W], copied to `device` once, after `resize` to `size` if that is given. load_size: if not 0,
    `resize` to this larger side instead, and cut a window of side `size` out of each image at a place drawn anew every
    time, all places being equally probable. flip: mirror each image left to right with probability 1/2. seed: of the
    order, the windows and the flips, which have a generator of their own. rank, world: see `Order`; every rank must be
    given the same images and seed.
    Raises ValueError for what `Order` and `resize` refuse, for images that are not bytes of four dimensions, and for a
    load_size below `size` or without one.
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
        load_size: int = 0,
        flip: bool = False,
        rank: int = 0,
        world: int = 1,
    ):
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(f"images must be uint8 [N, C, H, W], not {images.dtype} {list(images.shape)}")
        offsets = count_offsets(size, load_size)
        self.order = Order(len(images), batch_size, seed=seed, flip=flip, offsets=offsets, rank=rank, world=world)
        side = load_size or size
        self.images = (images if side is None else resize(images, side)).to(device)

    def next(self) -> Tensor:
        """The next batch, float32 [batch_size, C, H, W] in [-1, 1], on the device."""
        return _finish(self.images, self.order.next().to(self.images.device, non_blocking=True), self.order)

    def state_dict(self) -> dict:
        """What `load_state_dict` needs to give the same next batches, bit for bit."""
        return self.order.state_dict()

    def load_state_dict(self, state: dict) -> None:
        """Continue where `state` was taken."""
        self.order.load_state_dict(state)


class UnpairedBatches:
    """Batches of two sets that nobody has paired: images of A beside images of B, each in an order of its own.

    a: uint8 [N, C, H, W]; b: uint8 [M, C, H, W]; the rest as for `DeviceBatches`, batch_size images of each. The orders
    of A and B are independent, from seeds derived from the one given. An epoch is `epoch_images` images of each, the
    size of the larger set; the order of the smaller one begins anew as often as needed, so that its images come
    more often, and equally often to within one.
    Raises ValueError for what `DeviceBatches` refuses, and for sets whose batches differ in channels or size.
    Taught in {ref}`ch-cyclegan`.
    """

    def __init__(self, a: Tensor, b: Tensor, batch_size: int, *, device: torch.device | str, seed: int, **options):
        random = torch.Generator().manual_seed(seed)
        seeds = torch.randint(2**62, (2,), generator=random).tolist()
        self.domains = [
            DeviceBatches(images, batch_size, device=device, seed=each, **options)
            for images, each in zip((a, b), seeds, strict=True)
        ]
        shapes = [list(each.images.shape[1:]) for each in self.domains]
        if shapes[0] != shapes[1]:
            raise ValueError(f"images of A are {shapes[0]} (channels, height, width), of B {shapes[1]}; give a size")
        self.epoch_images = max(len(a), len(b))

    def next(self) -> Tensor:
        """The next batch, float32 [2, batch_size, C, H, W] in [-1, 1], on the device: first A, then B."""
        return torch.stack([each.next() for each in self.domains])

    def state_dict(self) -> dict:
        """What `load_state_dict` needs to give the same next batches, bit for bit."""
        return dict(zip("ab", (each.state_dict() for each in self.domains), strict=True))

    def load_state_dict(self, state: dict) -> None:
        """Continue where `state` was taken."""
        for name, each in zip("ab", self.domains, strict=True):
            each.load_state_dict(state[name])


class FolderBatches:
    """The same batches as `DeviceBatches`, from picture files that are decoded when their turn comes.

    For folders that do not fit into memory. paths: the files, as `ganedu.data.folder.listing` gives them; size and
    load_size: as for `DeviceBatches`, needed if the pictures differ in size. A pool of threads decodes `ahead` batches
    in advance; what comes out, and its order, does not depend on the threads, which end with `close` or the object.
    Raises ValueError from `next`, naming the file, for pictures that cannot be read or do not match the first; the
    batch is then still to come, and the next call decodes it again.
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
        load_size: int = 0,
        flip: bool = False,
        rank: int = 0,
        world: int = 1,
        ahead: int = 2,
    ):
        offsets = count_offsets(size, load_size)
        self.order = Order(len(paths), batch_size, seed=seed, flip=flip, offsets=offsets, rank=rank, world=world)
        self.paths, self.device, self.ahead = tuple(paths), device, ahead
        self.side = load_size or size
        self.first = decode(self.paths[0], size=self.side)
        self.pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode")
        self.waiting = deque()  # of (the order's state before, what the order said, futures)

    def next(self) -> Tensor:
        """The next batch, float32 [batch_size, C, H, W] in [-1, 1], on the device."""
        while len(self.waiting) <= self.ahead:
            state, drawn = self.order.state_dict(), self.order.next()
            self.waiting.append((state, drawn, [self.pool.submit(self._decode, i) for i in drawn[0].tolist()]))
        state, drawn, futures = self.waiting[0]
        try:
            images = torch.stack([each.result() for each in futures]).to(self.device)
        except ValueError:
            self.load_state_dict(state)  # a picture that is mended meanwhile is then read anew
            raise
        self.waiting.popleft()
        drawn[0] = torch.arange(len(drawn[0]))  # they lie in the order of the batch, and no longer in that of the files
        return _finish(images, drawn.to(self.device), self.order)

    def state_dict(self) -> dict:
        """What `load_state_dict` needs to give the same next batches; batches decoded ahead do not count."""
        return self.waiting[0][0] if self.waiting else self.order.state_dict()

    def load_state_dict(self, state: dict) -> None:
        """Continue where `state` was taken."""
        self.order.load_state_dict(state)
        for _, _, futures in self.waiting:
            for each in futures:
                each.cancel()
        self.waiting.clear()

    def close(self) -> None:
        """End the threads; pictures that are not decoded yet are left."""
        self.pool.shutdown(cancel_futures=True)

    def _decode(self, i: int) -> Tensor:
        image = decode(self.paths[i], size=self.side)
        agree(image, self.paths[i], self.first, self.paths[0])
        return image


def count_offsets(size: int | None, load_size: int) -> int:
    """How many places a window of side `size` has along a side of load_size pixels; 1 if load_size is 0.

    Raises ValueError for a load_size below `size`, or without a size.
    Taught in {ref}`ch-cyclegan`.
    """
    if not load_size:
        return 1
    if size is None or load_size < size:
        raise ValueError(
            f"load_size {load_size} is the side from which windows of side {size} are cut; make it at least as large, "
            "or 0 to cut nothing"
        )
    return load_size - size + 1


def _finish(images: Tensor, drawn: Tensor, order: Order) -> Tensor:
    """The batch that `order` has drawn, float32 [B, C, H, W] in [-1, 1].

    images: bytes [N, C, H, W]; drawn: [4, B], as `Order.next` gives it, on the device of the images.
    """
    chosen, flips, top, left = drawn
    if order.offsets > 1:
        side = images.shape[2] - order.offsets + 1
        windows = images.unfold(2, side, 1).unfold(
            3, side, 1
        )  # [N, C, offsets, offsets, side, side], nothing is copied
        batch = windows[chosen, :, top, left]
    else:
        batch = images.index_select(0, chosen)
    if order.flip:
        batch = torch.where(flips.bool()[:, None, None, None], batch.flip(3), batch)
    return to_floats(batch, torch.float32)

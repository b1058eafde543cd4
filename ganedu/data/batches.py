"""Batches of images for training: shuffled, cut, flipped and scaled on the device, and resumable to the bit.

Taught in {ref}`ch-dcgan`.
"""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor

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
    """Batches from data that stay on the device, pictures as bytes: a quarter of the memory of floats, no copy a step.

    data: one of `ganedu.data.kinds`, its fields with all samples in front, copied to `device` once; pictures, after
    `resize` to `size` if that is given (where the pictures of a sample differ in size, the largest; the others in
    proportion). load_size: if not 0, `resize` to this larger side instead, and cut a window of side `size` out of each
    picture at a place drawn anew every time, all places being equally probable. flip: mirror the pictures of a sample
    left to right with probability 1/2. seed: of the order, the windows and the flips, which have a generator of their
    own. rank, world: see `Order`; every rank must be given the same data and seed.
    Where nobody has paired the fields (`apart`), each has an order of its own, from seeds derived from the one given,
    so that the order of a smaller set begins anew more often.
    Raises ValueError for what `Order` and `resize` refuse, for fields that are neither bytes of pictures nor whole
    numbers, or of different lengths, and for a load_size below `size`, without one, or for pictures of different sizes.
    Taught in {ref}`ch-dcgan`; two sets in {ref}`ch-cyclegan`.
    """

    def __init__(
        self,
        data,
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
        offsets = count_offsets(size, load_size)
        options = {"flip": flip, "offsets": offsets, "rank": rank, "world": world}
        self.orders = _orders(data, batch_size, seed, options)
        self.data = type(data)(*(field.to(device) for field in brought(data, load_size or size)))
        if offsets > 1 and len({field.shape[2:] for field in self.data if is_picture(field)}) > 1:
            raise ValueError("no windows can be cut out of pictures of different sizes; set load_size=0 for none")

    def next(self):
        """The next batch: pictures as float32 in [-1, 1], the rest as it is, on the device."""
        drawn = [order.next().to(self.data[0].device, non_blocking=True) for order in self.orders]
        every = drawn if type(self.data).apart else drawn * len(self.data)
        return type(self.data)(
            *(_finish(field, each, self.orders[0]) for field, each in zip(self.data, every, strict=True))
        )

    def state_dict(self) -> dict:
        """What `load_state_dict` needs to give the same next batches, bit for bit."""
        states = [order.state_dict() for order in self.orders]
        return dict(zip(self.data._fields, states, strict=True)) if type(self.data).apart else states[0]

    def load_state_dict(self, state: dict) -> None:
        """Continue where `state` was taken."""
        for order, each in zip(self.orders, state.values() if type(self.data).apart else [state], strict=True):
            order.load_state_dict(each)


class FolderBatches:
    """The same batches as `DeviceBatches`, from picture files that are decoded when their turn comes.

    For folders that do not fit into memory. data: `Images` or `Labeled` of `ganedu.data.kinds` whose images are paths,
    as `ganedu.data.folder.listing` gives them; size and load_size: as for `DeviceBatches`, needed if the pictures
    differ in size. A pool of threads decodes `ahead` batches in advance; what comes out, and its order, does not depend
    on the threads, which end with `close` or the object.
    Raises ValueError from `next`, naming the file, for pictures that cannot be read or do not match the first; the
    batch is then still to come, and the next call decodes it again.
    Taught in {ref}`ch-dcgan`.
    """

    def __init__(
        self,
        data,
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
        options = {"flip": flip, "offsets": offsets, "rank": rank, "world": world}
        (self.order,) = _orders(data, batch_size, seed, options)
        self.data, self.device, self.ahead = data, device, ahead
        self.paths, self.numbers = data[0], [field.to(device) for field in data[1:]]
        self.side = load_size or size
        self.first = decode(self.paths[0], size=self.side)
        self.pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode")
        self.waiting = deque()  # of (the order's state before, what the order said, futures)

    def next(self):
        """The next batch: pictures as float32 in [-1, 1], the rest as it is, on the device."""
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
        there = drawn.clone()
        there[0] = torch.arange(len(images))  # they lie in the order of the batch, and no longer in that of the files
        drawn, there = drawn.to(self.device), there.to(self.device)
        rest = [_finish(field, drawn, self.order) for field in self.numbers]
        return type(self.data)(_finish(images, there, self.order), *rest)

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


def is_picture(field: Tensor) -> bool:
    """Whether a field of stored data holds pictures, which are bytes.

    Taught in {ref}`training`.
    """
    return field.dtype == torch.uint8


def brought(data, side: int | None):
    """Stored data with their pictures brought to one side; where those of a sample differ, the largest of them.

    data: one of `ganedu.data.kinds`; side: None to leave them as they are. Voxels are not resampled.
    Raises ValueError for fields that are neither pictures nor whole numbers, for voxels of another side, and for sets
    whose pictures then differ though they are to be of one kind.
    Taught in {ref}`training`.
    """
    for name, field in zip(data._fields, data, strict=True):
        if not (is_picture(field) and field.ndim in (4, 5)) and field.dtype != torch.int64:
            raise ValueError(f"{name} must be uint8 [N, C, H, W] or int64, not {field.dtype} {list(field.shape)}")
    sides = [min(field.shape[2:]) for field in data if is_picture(field)]
    made = type(data)(*(_brought(field, side, None if type(data).apart else max(sides)) for field in data))
    shapes = [list(field.shape[1:]) for field in made]
    if type(data).apart and shapes[0] != shapes[1]:
        raise ValueError(f"images of A are {shapes[0]} (channels, height, width), of B {shapes[1]}; give a size")
    return made


def _brought(field: Tensor, side: int | None, largest: int | None) -> Tensor:
    """A field with its pictures brought to `side`, or to as much less as they are smaller than `largest`."""
    if side is None or not is_picture(field):
        return field
    if field.ndim == 5:
        if set(field.shape[2:]) != {side}:
            raise ValueError(f"voxels of {list(field.shape[2:])} given, {side} a side expected; draw them at this size")
        return field
    return resize(field, round(side * min(field.shape[2:]) / largest) if largest else side)


def _orders(data, batch_size: int, seed: int, options: dict) -> list[Order]:
    """One order for all fields, or one for each."""
    lengths = [len(field) for field in data]
    if not type(data).apart:
        if len(set(lengths)) > 1:
            told = ", ".join(f"{length} {name}" for name, length in zip(data._fields, lengths, strict=True))
            raise ValueError(f"each sample has one of each, but there are {told}")
        return [Order(lengths[0], batch_size, seed=seed, **options)]
    random = torch.Generator().manual_seed(seed)
    seeds = torch.randint(2**62, (len(data),), generator=random).tolist()
    return [Order(length, batch_size, seed=each, **options) for length, each in zip(lengths, seeds, strict=True)]


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


def _finish(field: Tensor, drawn: Tensor, order: Order) -> Tensor:
    """What `order` has drawn of a field: pictures as float32 in [-1, 1], cut and mirrored, numbers as they are.

    field: all samples; drawn: [4, B], as `Order.next` gives it, on the device of the field.
    """
    chosen, flips, top, left = drawn
    if not is_picture(field):
        return field.index_select(0, chosen)
    if order.offsets > 1:
        side = field.shape[2] - order.offsets + 1
        windows = field.unfold(2, side, 1).unfold(3, side, 1)  # [N, C, offsets, offsets, side, side], nothing is copied
        batch = windows[chosen, :, top, left]
    else:
        batch = field.index_select(0, chosen)
    if order.flip:
        batch = torch.where(flips.bool().view(-1, *[1] * (batch.ndim - 1)), batch.flip(-1), batch)
    return to_floats(batch, torch.float32)

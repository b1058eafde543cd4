"""Solids of which class, place, size and volume are known, as voxels: a set for generators beyond pictures.

A chair stands on four legs, its back away from the viewer; a torus lies flat. Axes of a grid are depth (away from the
viewer), height (downwards) and width (to the right); the cube has the side 1.
Taught in {ref}`ch-solids`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganedu import _memory

NAME = "solids"
SOLIDS = ("sphere", "box", "torus", "chair")
FACTORS = ("x", "y", "z", "size", "a", "b")
SIDE = 16
COUNTS = {"train": 2048, "test": 512}
SIZES = (0.28, 0.46)  # half of the extent of a solid in its longest direction, in sides of the cube
PLATE, LEG = 0.3, 0.34  # thickness of a chair's seat and back, width of its legs, in sizes
AT_ONCE = 2**23  # voxels that are drawn in one piece
TEMPORARIES = 40  # bytes for each of them and for each of the solids, at most


@dataclass(frozen=True)
class SolidData:
    """Voxels with the table of what they show.

    voxels: uint8 [N, 1, D, H, W], 255 inside, 0 outside, between them where the surface passes through; labels: int64
    [N], indices into `classes`; factors: float64 [N, 6], columns `factor_names`: the center (x right, y down, z away),
    size (half of the longest extent), a and b in [0, 1] for the proportions; volumes: float64 [N], in cubes.
    Taught in {ref}`ch-solids`.
    """

    voxels: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    factors: Tensor
    volumes: Tensor
    factor_names: tuple[str, ...] = FACTORS

    def __len__(self) -> int:
        return len(self.voxels)


def load(split: str, *, side: int = SIDE) -> SolidData:
    """The set "solids": 2048 grids to train, 512 to test, uint8 [N, 1, side, side, side], always the same solids.

    Classes and proportions are uniform, sizes uniform within SIZES, centers uniform where the whole solid fits in.
    Raises ValueError for another split, and as `draw` does.
    Taught in {ref}`ch-solids`.
    """
    if split not in COUNTS:
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(COUNTS)}")
    labels, factors = sample(COUNTS[split], torch.Generator().manual_seed(tuple(COUNTS).index(split)))
    return SolidData(draw(labels, factors, side=side), labels, SOLIDS, factors, volumes(labels, factors))


def sample(n: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """The classes int64 [n] and factors float64 [n, 6] of n solids, distributed as `load` says.

    Taught in {ref}`ch-solids`.
    """
    labels = torch.randint(len(SOLIDS), (n,), generator=random)
    x, y, z, size, a, b = torch.rand(6, n, generator=random, dtype=torch.float64)
    size = SIZES[0] + (SIZES[1] - SIZES[0]) * size
    right, down, away = _extents(labels, a, b) * size
    centers = [half + (1 - 2 * half) * at for half, at in ((right, x), (down, y), (away, z))]
    return labels, torch.stack([*centers, size, a, b], dim=1)


def draw(labels: Tensor, factors: Tensor, *, side: int = SIDE) -> Tensor:
    """The voxels of these classes and factors, with smooth edges.

    labels: int64 [N], indices into SOLIDS; factors: [N, 6], columns FACTORS. Returns uint8 [N, 1, side, side, side].
    A voxel is full where its center lies half a voxel inside the surface or more, empty half a voxel outside.
    Raises ValueError for shapes that do not match, labels that are no solid, a side below 1 or beyond the memory.
    Taught in {ref}`ch-solids`.
    """
    _check(labels, factors)
    if side < 1:
        raise ValueError(f"side must be at least 1 voxel, not {side}")
    count = max(1, AT_ONCE // side**3)
    size = len(labels) * side**3 + TEMPORARIES * min(len(labels), count) * side**3
    _memory.require(size, f"drawing {len(labels)} solids of {side} x {side} x {side} voxels", "give a smaller side")
    centers = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    voxels = torch.zeros(len(labels), 1, side, side, side, dtype=torch.uint8)
    for label, distance in enumerate(_DISTANCES):
        for which in (labels == label).nonzero().flatten().split(count):
            x, y, z, scale, a, b = factors[which].double().T[:, :, None, None, None]
            right, down, away = centers - x, centers[:, None] - y, centers[:, None, None] - z
            outside = scale * distance(right / scale, down / scale, away / scale, a, b)  # negative inside
            voxels[which, 0] = ((0.5 - outside * side).clamp(0, 1) * 255).round().to(torch.uint8)
    return voxels


def volumes(labels: Tensor, factors: Tensor) -> Tensor:
    """The volumes [N] of solids with these classes [N] and factors [N, 6], in cubes, by school geometry.

    Raises ValueError as `draw` does.
    Taught in {ref}`ch-solids`.
    """
    _check(labels, factors)
    size, a, b = factors.double().T[3:]
    right, down, away = _extents(labels, a, b)
    tube, seat, width = _tube(a), _seat(b), right
    chair = 4 * width**2 * PLATE + 2 * width * PLATE * (1 + seat) + 4 * LEG**2 * (1 - seat - PLATE)
    sphere, box = torch.full_like(a, 4 / 3 * math.pi), 8 * right * down * away
    unit = torch.stack([sphere, box, 2 * math.pi**2 * (1 - tube) * tube**2, chair])
    return unit[labels, torch.arange(len(labels))] * size**3


def _check(labels, factors):
    if labels.ndim != 1 or factors.shape != (len(labels), len(FACTORS)):
        raise ValueError(f"labels [N] and factors [N, 6] expected, got {list(labels.shape)} and {list(factors.shape)}")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(SOLIDS):
        raise ValueError(f"labels must be 0 to {len(SOLIDS) - 1}, indices of {', '.join(SOLIDS)}")


def _extents(labels, a, b):
    """Half extents to the right, down and away, [3, N], of solids of size 1: the longest is 1 (in a box, right)."""
    one, width = torch.ones_like(a), 0.55 + 0.25 * a
    box = torch.stack([one, 0.5 + 0.5 * a, 0.5 + 0.5 * b])
    each = torch.stack([one.expand(3, -1), box, torch.stack([one, _tube(a), one]), torch.stack([width, one, width])])
    return each[labels, :, torch.arange(len(labels))].T


def _tube(a):
    """Radius of the tube of a torus of size 1."""
    return 0.28 + 0.12 * a


def _seat(b):
    """How far below the center the upper side of a chair's seat lies."""
    return 0.3 * b - 0.05


def _brick(right, down, away):
    """Signed distance to a brick from |coordinate| minus half extent along each axis, by its nearest face."""
    return torch.maximum(torch.maximum(right, down), away)


def _sphere(right, down, away, a, b):
    return (right.square() + down.square() + away.square()).sqrt() - 1


def _box(right, down, away, a, b):
    return _brick(right.abs() - 1, down.abs() - 0.5 - 0.5 * a, away.abs() - 0.5 - 0.5 * b)


def _torus(right, down, away, a, b):
    tube = _tube(a)
    around = (right.square() + away.square()).sqrt() - (1 - tube)
    return (around.square() + down.square()).sqrt() - tube


def _chair(right, down, away, a, b):
    """Back and legs reach through the seat, so that no seam is left between them."""
    width, seat = 0.55 + 0.25 * a, _seat(b)
    aside, behind = right.abs() - width, away.abs() - width
    plate = _brick(aside, (down - seat - PLATE / 2).abs() - PLATE / 2, behind)
    back = _brick(aside, (down + (1 - seat - PLATE) / 2).abs() - (1 + seat + PLATE) / 2, behind)
    back = torch.maximum(back, width - PLATE - away)
    leg = _brick(aside, (down - (1 + seat) / 2).abs() - (1 - seat) / 2, behind)
    leg = torch.maximum(leg, torch.maximum(width - LEG - right.abs(), width - LEG - away.abs()))
    return torch.minimum(torch.minimum(plate, back), leg)


_DISTANCES = (_sphere, _box, _torus, _chair)

"""Pictures of voxels: parallel rays, light from above, and a solid that turns.

Taught in {ref}`ch-solids`.
"""

import io
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ganedu._files import write_atomically
from ganedu.data.images import to_bytes

AZIMUTH, ELEVATION = 35.0, 25.0  # degrees: how far the solid is turned, and from how far above it is seen
PICTURE = 64  # pixels a side
AT_ONCE = 4  # pictures: the rays of more would not stay in the cache, and take three times as long
LIGHT = (-0.35, -0.75, -0.56)  # towards the lamp: left, up, to the viewer
STEEPNESS = 12.0  # how fast a ray is swallowed where a voxel is more than half full


def shaded(voxels: Tensor, *, azimuth: float = AZIMUTH, elevation: float = ELEVATION, side: int = PICTURE) -> Tensor:
    """Voxels [n, 1, D, H, W] in [-1, 1] as gray pictures [n, 1, side, side] in [-1, 1], on white.

    azimuth: by how many degrees the solid has been turned about its upright axis; elevation: by how many the viewer
    looks down. The grid is turned and read between its voxels, then parallel rays run through it. A ray is swallowed
    where voxels are more than half full; the gray there is the cosine of the angle between the surface and the lamp,
    darker at the far side.
    Raises ValueError for voxels of another shape, and a side below 1.
    Taught in {ref}`ch-solids`.
    """
    if voxels.ndim != 5 or voxels.shape[1] != 1:
        raise ValueError(f"voxels of shape {tuple(voxels.shape)} given, [n, 1, depth, height, width] expected")
    if side < 1:
        raise ValueError(f"side must be at least 1 pixel, not {side}")
    return torch.cat([_shaded(few, azimuth, elevation, side) for few in voxels.split(AT_ONCE)])


def _shaded(voxels: Tensor, azimuth: float, elevation: float, side: int) -> Tensor:
    turn = torch.eye(3, 4)
    turn[:, :3] = _view(math.radians(azimuth), math.radians(elevation))
    where = affine_grid(turn.to(voxels)[None].expand(len(voxels), -1, -1), [len(voxels), 1, *[side] * 3], False)
    grid = grid_sample((voxels + 1) / 2, where, padding_mode="zeros", align_corners=False)[:, 0]  # [n, depth, h, w]
    swallowed = torch.sigmoid(STEEPNESS * (2 * grid - 1))
    swallowed = torch.where(grid < 0.25, torch.zeros_like(grid), swallowed)
    left = torch.cumprod(1 - swallowed, dim=1)
    reach = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], dim=1)
    slopes = torch.stack(torch.gradient(grid, dim=(3, 2, 1)))  # right, down, away: they point inside
    lamp = torch.tensor(LIGHT, dtype=grid.dtype, device=grid.device)[:, None, None, None, None]
    facing = -(slopes * lamp).sum(0) / slopes.square().sum(0).add(1e-8).sqrt()
    depth = torch.linspace(0, 1, side, dtype=grid.dtype, device=grid.device)[:, None, None]
    gray = 0.12 + 0.78 * facing.clamp(min=0) + 0.15 * (0.5 - depth)
    picture = (reach * swallowed * gray.clamp(0, 1)).sum(1) + left[:, -1]
    return (2 * picture - 1).clamp(-1, 1)[:, None]


def turning(voxels: Tensor, *, frames: int = 24, columns: int = 4, side: int = PICTURE) -> Tensor:
    """A sheet of turning solids, frame by frame: uint8 [frames, rows * side, columns * side].

    voxels: [n, 1, D, H, W] in [-1, 1], drawn row by row; one turn takes all frames.
    Raises ValueError for fewer than one frame or column, no voxels, and as `shaded` does.
    Taught in {ref}`ch-solids`.
    """
    if frames < 1 or columns < 1 or not len(voxels):
        raise ValueError(f"{len(voxels)} solids in {frames} frames and {columns} columns given; 1 is the least of each")
    columns = min(columns, len(voxels))
    missing = -len(voxels) % columns
    film = []
    for i in range(frames):
        pictures = to_bytes(shaded(voxels, azimuth=AZIMUTH + 360 * i / frames, side=side).float().cpu())[:, 0]
        pictures = torch.cat([pictures, pictures.new_full((missing, side, side), 255)])
        film.append(pictures.unflatten(0, (-1, columns)).transpose(1, 2).flatten(2).flatten(0, 1))
    return torch.stack(film)


def write_turning(path: Path, voxels: Tensor, *, milliseconds: int = 90, **options) -> None:
    """Write `turning(voxels, **options)` as an animated GIF that repeats, whole or not at all.

    Raises ValueError as `turning` does.
    Taught in {ref}`ch-solids`.
    """
    from PIL import Image

    first, *others = (Image.fromarray(frame.numpy()) for frame in turning(voxels, **options))
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())


def _view(azimuth: float, elevation: float) -> Tensor:
    """From places (right, down, away) in [-1, 1]^3 of the picture to places in the cube, [3, 3]: turned and enlarged.

    What is shown holds the cube with all its corners, however it is turned about its upright axis.
    """
    c, s, up, over = math.cos(azimuth), math.sin(azimuth), math.cos(elevation), math.sin(elevation)
    about = torch.tensor([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    nod = torch.tensor([[1.0, 0.0, 0.0], [0.0, up, over], [0.0, -over, up]])
    corner = math.sqrt(2)
    across = max(corner, up + corner * abs(over))
    return about @ nod @ torch.diag(torch.tensor([across, across, abs(over) + corner * up]))

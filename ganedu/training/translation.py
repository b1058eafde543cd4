"""Carry a folder of pictures from one domain to the other, with a trained recipe of two domains.

Taught in {ref}`ch-cyclegan`.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ganedu import _memory
from ganedu._files import write_atomically
from ganedu.data import resize, to_bytes, to_floats
from ganedu.data.folder import decode, pictures
from ganedu.networks.translation import DIVISOR, SMALLEST
from ganedu.recipes.cyclegan import DIRECTIONS
from ganedu.training import run_folder
from ganedu.training.errors import TrainingError
from ganedu.training.loading import load

SHEET = "sheet.png"
ON_SHEET = 16  # pairs
BYTES_A_PIXEL = 256  # of a picture, on its way through the first layer of a network: 64 channels
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}


@dataclass(frozen=True)
class Translated:
    """What became of a folder: the number of pictures written, one sentence for each that could not be read.

    Taught in {ref}`ch-cyclegan`.
    """

    written: int
    unreadable: tuple[str, ...]


def translate(
    run, source, out, *, direction="AtoB", size=None, ema=True, device="cpu", previous=False, recipe=None
) -> Translated:
    """Translate every picture below `source` into the folder `out`, under the same names, and draw sheet.png there.

    direction: "AtoB" or "BtoA". size: to which the shorter side is brought, as learned if None; the longer side keeps
    its proportion, both are rounded to multiples of 4. Gray pictures become color, or the other way, as the recipe
    learned. recipe: the class again, if the run was given one. A picture that cannot be read is left out and told.
    Raises TrainingError for a run of a recipe that does not translate, or a folder `out` that holds something;
    ValueError for a folder without pictures, an unknown direction, a size below 8.
    Taught in {ref}`ch-cyclegan`.
    """
    run, source, out = Path(run), Path(source), Path(out)
    paths = _check(source, out, direction, size)
    translator = load(run, recipe=recipe, device=device, ema=ema, previous=previous)
    if not hasattr(translator, "translate"):
        raise TrainingError(f"{run} is a run of {translator.name}, which draws images and translates none")
    channels, learned = translator.image_shape[0], translator.config.size
    unreadable, sheet, written = [], [], 0
    for path in paths:
        try:
            picture = _as_learned(decode(path), channels)
        except ValueError as error:
            unreadable.append(str(error))
            continue
        given = _scaled(picture, size or learned)[None].to(device)
        made = translator.translate(given, direction)
        _write(out / path.relative_to(source), made[0])
        written += 1
        if len(sheet) < 2 * ON_SHEET:
            sheet += [_square(given, learned), _square(made, learned)]
    if sheet:
        run_folder.write_samples(out / SHEET, torch.cat(sheet))
    return Translated(written, tuple(unreadable))


def _check(source: Path, out: Path, direction: str, size: int | None) -> list[Path]:
    if direction not in DIRECTIONS:
        raise ValueError(f"unknown direction {direction!r}; choose {' or '.join(DIRECTIONS)}")
    if size is not None and size < SMALLEST:
        raise ValueError(f"size must be at least {SMALLEST} pixels, not {size}")
    if not source.is_dir():
        raise ValueError(f"{source} is no folder of pictures")
    paths = pictures(source)
    if not paths:
        raise ValueError(f"{source} has no pictures; looked for {', '.join(FORMATS)} at any depth")
    if source / SHEET in paths:
        raise ValueError(f"{source / SHEET} has the name of the overview that is drawn; rename it")
    if out.exists() and any(out.iterdir()):
        raise TrainingError(f"{out} is not empty, and nothing is overwritten; give another folder")
    return paths


def _as_learned(picture: Tensor, channels: int) -> Tensor:
    """uint8 [C, H, W] with the channels that the recipe knows; gray is the luma of ITU-R BT.601, as Pillow has it."""
    if len(picture) == channels:
        return picture
    if channels == 3:
        return picture.expand(3, -1, -1)
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    return (picture * weights).sum(0, keepdim=True).round().to(torch.uint8)


def _scaled(picture: Tensor, shorter: int) -> Tensor:
    """The picture in [-1, 1] with its shorter side brought to `shorter`, both sides multiples of 4."""
    height, width = picture.shape[1:]
    scale = shorter / min(height, width)
    sides = [max(SMALLEST, round(side * scale / DIVISOR) * DIVISOR) for side in (height, width)]
    what = f"translating a picture at {sides[1]} x {sides[0]} pixels"
    _memory.require(BYTES_A_PIXEL * sides[0] * sides[1], what, "give a smaller size")
    floats = to_floats(picture, torch.float32)
    if sides == [height, width]:
        return floats
    return interpolate(floats[None], size=sides, mode="bilinear", antialias=True, align_corners=False)[0].clamp(-1, 1)


def _square(images: Tensor, side: int) -> Tensor:
    return to_floats(resize(to_bytes(images.cpu()), side), torch.float32)


def _write(path: Path, image: Tensor) -> None:
    pixels = to_bytes(image.cpu()).permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    quality = {"quality": 95} if path.suffix.lower() in (".jpg", ".jpeg", ".webp") else {}
    Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0]).save(
        buffer, format=FORMATS[path.suffix.lower()], **quality
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())

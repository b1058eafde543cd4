"""Carry a folder of pictures from one domain to the other, or from inputs to what they are to become.

Taught in {ref}`ch-cyclegan` and {ref}`ch-paired-translation`.
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
from ganedu.data import kinds, pairs, resize, to_bytes, to_floats
from ganedu.data.folder import decode, pictures
from ganedu.networks.translation import DIVISOR, SMALLEST
from ganedu.recipes.cyclegan import DIRECTIONS
from ganedu.recipes.paired import alike
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
    run, source, out, *, direction="AtoB", make=None, size=None, ema=True, device="cpu", previous=False, recipe=None
) -> Translated:
    """Translate every picture below `source` into the folder `out`, under the same names, and draw sheet.png there.

    direction: "AtoB" or "BtoA"; pairs are learned from A to B only. make: what is made of each picture before it is
    translated, for recipes of pairs: "edges", "holes", "half" or "quarter", see `ganedu.data.pairs.load_pairs`; the
    picture is then cut to a square. size: to which the shorter side is brought, as learned if None; the longer side
    keeps its proportion, both are rounded to what the network can take. Where a recipe enlarges, the pictures stay as
    large as they are if None. Gray pictures become color, or the other way, as the recipe learned. recipe: the class
    again, if the run was given one. A picture that cannot be read is left out and told.
    Raises TrainingError for a run of a recipe that does not translate, or not so, or a folder `out` that holds
    something; ValueError for a folder without pictures, an unknown direction or make, a size below 8.
    Taught in {ref}`ch-cyclegan` and {ref}`ch-paired-translation`.
    """
    run, source, out = Path(run), Path(source), Path(out)
    paths = _check(source, out, direction, make, size)
    translator = load(run, recipe=recipe, device=device, ema=ema, previous=previous)
    if not hasattr(translator, "translate"):
        raise TrainingError(f"{run} is a run of {translator.name}, which draws images and translates none")
    learned = translator.config.size
    unreadable, sheet, written = [], [], 0
    carry = _pair_maker(translator, run, direction, make, size) if translator.Batch is kinds.Pairs else None
    if make and not carry:
        raise TrainingError(f"{run} is a run of {translator.name}, of whose inputs nothing is made; leave out make")
    for path in paths:
        try:
            picture = decode(path)
        except ValueError as error:
            unreadable.append(str(error))
            continue
        if carry:
            given = carry(picture).to(device)
            made = translator.translate(given)
        else:
            given = _scaled(_as_learned(picture, translator.image_shape[0]), size or learned)[None].to(device)
            made = translator.translate(given, direction)
        _write(out / path.relative_to(source), made[0])
        written += 1
        if len(sheet) < 2 * ON_SHEET:
            sheet += [_square(each, learned) for each in (alike(given, tuple(made.shape[1:])), made)]
    if sheet:
        run_folder.write_samples(out / SHEET, torch.cat(sheet))
    return Translated(written, tuple(unreadable))


def _pair_maker(translator, run: Path, direction: str, make: str | None, size: int | None):
    """What turns a picture, uint8 [C, H, W], into the input of a recipe of pairs, [1, C', H', W'] in [-1, 1]."""
    if direction != DIRECTIONS[0]:
        raise TrainingError(f"{run} has learned pairs from A to B only; leave out the direction")
    channels, side, _ = translator.input_shape

    def carry(picture: Tensor) -> Tensor:
        if make:
            whole = _as_learned(picture, translator.image_shape[0])[None]
            return to_floats(pairs.MADE[make](resize(whole, size or translator.config.size)), torch.float32)
        picture = _as_learned(picture, channels)
        if translator.side_step is None:
            return to_floats(resize(picture[None], side), torch.float32)
        if translator.enlarges and size is None:
            return to_floats(picture[None], torch.float32)
        return _scaled(picture, size or side, divisor=translator.side_step)[None]

    if make:
        target, wanted = translator.image_shape, translator.input_shape
        given = pairs.MADE[make](torch.zeros(1, *target, dtype=torch.uint8)).shape[1:]
        if tuple(given) != wanted:
            raise ValueError(
                f"{run} learned from inputs {wanted} (channels, height, width), but {make} of pictures {target} are "
                f"{tuple(given)}; name what it learned from"
            )
    if translator.side_step is None and size not in (None, translator.config.size):
        learned = translator.config.size
        raise ValueError(f"{translator.name} takes pictures of {learned} pixels only; leave out the size")
    return carry


def _check(source: Path, out: Path, direction: str, make: str | None, size: int | None) -> list[Path]:
    if direction not in DIRECTIONS:
        raise ValueError(f"unknown direction {direction!r}; choose {' or '.join(DIRECTIONS)}")
    if make is not None and make not in pairs.MADE:
        raise ValueError(f"{make!r} cannot be made of pictures; choose one of {', '.join(pairs.MADE)}")
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


def _scaled(picture: Tensor, shorter: int, *, divisor: int = DIVISOR) -> Tensor:
    """The picture in [-1, 1] with its shorter side brought to `shorter`, both sides multiples of `divisor`."""
    height, width = picture.shape[1:]
    scale = shorter / min(height, width)
    smallest = max(SMALLEST, divisor)
    sides = [max(smallest, round(side * scale / divisor) * divisor) for side in (height, width)]
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

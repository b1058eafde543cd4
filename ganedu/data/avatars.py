"""Drawn faces of which every attribute is known, with a caption for each: hair, glasses, beard, clothes, colors.

The parts and colors are those of python-avatars (MIT, after Avataaars by Pablo Stanley), the pixels come from resvg.
A whole face takes milliseconds, and there are 10,240. But a face is a stack of layers, of which there are 298 different
ones: drawn once, they make any number of faces within a second or two, and nothing has to be stored.
Taught in {ref}`ch-latent-space`.
"""

import hashlib
import io
import warnings
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganedu import _memory
from ganedu.data.images import ImageData

SIDE = 64
COUNTS = {"train": 8192, "test": 2048}
SQUARE = {"width": "280", "height": "280", "viewBox": "-8 0 280 280"}  # the drawings are 264 wide and 280 high
AT_ONCE = 256  # faces whose layers are put together at a time: what fits in a processor's cache
INSTALL = "pip install python-avatars resvg-py"
# SHA-256 of the bytes of all images of a split: Linux, x86-64, python-avatars 1.4.1, resvg-py 0.5.0
REFERENCE = {
    "train": "4a6be6270f23421f180421628451f50c28416cdce855bf8dce0556aa9fe60d11",
    "test": "e6d23d369d716fdabb5fcaea61da5d69c2c93115254f7f6efbe813e75f4dedba",
}


class Attribute(NamedTuple):
    """One thing that a face has. `parts`: what each of the values, given in words, is called in python-avatars.

    Taught in {ref}`ch-latent-space`.
    """

    name: str
    parts: dict[str, str]

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(self.parts)

    @property
    def shares(self) -> tuple[float, ...]:
        """How often each value occurs: all alike, but half of the faces have no beard, and half have no glasses."""
        others = len(self.parts) - 1
        if self.values[0].startswith("no "):
            return (0.5, *[0.5 / others] * others)
        return (1 / len(self.parts),) * len(self.parts)


HAIR = {
    "short": "SHORT_FLAT",
    "mohawk": "MOHAWK",
    "bun": "BUN",
    "pigtails": "DREADLOCKS",
    "bob": "BOB",
    "straight": "STRAIGHT_STRAND",
    "wavy": "CURVY",
    "curly": "CURLY",
    "afro": "FRO",
    "spiky": "SHORT_DREADS_2",
}
HAIR_COLORS = {
    "black": "#2C1B18",
    "brown": "#724133",
    "golden": "#D6B370",
    "red": "#C93305",
    "white": "#E8E1E1",
    "pink": "#F59797",
}
CLOTHES = {
    "t-shirt": "SHIRT_CREW_NECK",
    "hoodie": "HOODIE",
    "overalls": "OVERALL",
    "sweater": "COLLAR_SWEATER",
    "blazer": "BLAZER_SHIRT",
}
CLOTHES_COLORS = {
    "black": "#262E33",
    "blue": "#5199E4",
    "green": "#3F9C5A",
    "red": "#FF5C5C",
    "gray": "#929598",
    "yellow": "#F2D43D",
}
ATTRIBUTES = (
    Attribute("hair", HAIR),
    Attribute("hair color", HAIR_COLORS),
    Attribute("skin", {"pale": "#FFDBB4", "tan": "#EDB98A", "brown": "#AE5D29", "dark": "#614335"}),
    Attribute("eyes", {"open": "DEFAULT", "closed": "CLOSED", "wide": "SURPRISED", "heart": "HEART"}),
    Attribute(
        "mouth",
        {
            "smiling": "BIG_SMILE",
            "serious": "SERIOUS",
            "shouting": "SCREAM_OPEN",
            "grinning": "GRIMACE",
            "cheeky": "TONGUE",
        },
    ),
    Attribute(
        "beard",
        {
            "no beard": "NONE",
            "mustache": "MOUSTACHE_MAGNUM",
            "short beard": "BEARD_MEDIUM",
            "long beard": "BEARD_MAGESTIC",
        },
    ),
    Attribute(
        "glasses",
        {
            "no glasses": "NONE",
            "round glasses": "ROUND",
            "square glasses": "PRESCRIPTION_2",
            "white glasses": "PRESCRIPTION_1",
        },
    ),
    Attribute("clothes", CLOTHES),
    Attribute("clothes color", CLOTHES_COLORS),
    Attribute(
        "background",
        {"white": "#FFFFFF", "blue": "#A5D8F5", "green": "#BDE3B9", "yellow": "#FFF0B3", "pink": "#F7C9D9"},
    ),
)
NAMES = tuple(each.name for each in ATTRIBUTES)
# From below to above: what is drawn as one layer. The beard and the hair are one, as some hair falls over the beard.
LAYERS = (("skin",), ("clothes", "clothes color"), ("eyes", "mouth"), ("hair", "hair color", "beard"), ("glasses",))
HAIR_PHRASES = {"mohawk": "a {} mohawk", "bun": "a {} bun", "pigtails": "{} pigtails", "bob": "a {} bob"}
HAIR_PHRASES["afro"] = "a {} afro"  # all others: "curly {} hair"


@dataclass(frozen=True)
class AvatarData(ImageData):
    """Faces with the table of what they show, and a caption for each.

    attributes: int64 [N, A], columns `attribute_names`, each an index into `values` of that column. `labels` is the
    column "hair". tokens: int64 [N, T], numbers of the caption's words in `words`, 0 after the end; lengths: int64 [N].
    Taught in {ref}`ch-latent-space`.
    """

    attributes: Tensor
    tokens: Tensor
    lengths: Tensor
    attribute_names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]

    def captions(self) -> list[str]:
        """What each face shows, in words."""
        return captions(self.attributes)


def load(split: str) -> AvatarData:
    """The set "avatars": 8192 faces to train, 2048 to test, uint8 [N, 3, 64, 64], always the same ones.

    Attributes are independent, their values uniform, but that half of the faces have no beard and half no glasses. The
    beard has the color of the hair. Another processor or another version of resvg may round a few pixels otherwise: a
    warning says so, because numbers should be compared over the same pixels only.
    Raises ValueError, with the remedy, if the two packages that draw are not installed.
    Taught in {ref}`ch-latent-space`.
    """
    attributes = sample(COUNTS[split], torch.Generator().manual_seed(("train", "test").index(split)))
    images = draw(attributes)
    if hashlib.sha256(images.numpy().tobytes()).hexdigest() != REFERENCE[split]:
        warnings.warn(
            f"the faces of avatars ({split}) are drawn with other pixels here than where this course was made: "
            "all works, but compare numbers only with those of this machine",
            stacklevel=2,
        )
    values = tuple(each.values for each in ATTRIBUTES)
    return AvatarData(images, attributes[:, 0], values[0], attributes, *tokenize(attributes), NAMES, values, WORDS)


def sample(n: int, random: torch.Generator) -> Tensor:
    """The attributes int64 [n, A] of n faces, distributed as `load` says.

    Taught in {ref}`ch-latent-space`.
    """
    uniform = torch.rand(n, len(ATTRIBUTES), generator=random, dtype=torch.float64)
    columns = []
    for i, each in enumerate(ATTRIBUTES):
        edges = torch.tensor(each.shares, dtype=torch.float64).cumsum(0)[:-1]
        columns.append(torch.searchsorted(edges, uniform[:, i].contiguous(), right=True))
    return torch.stack(columns, dim=1)


def draw(attributes: Tensor, *, side: int = SIDE) -> Tensor:
    """The faces with these attributes.

    attributes: int64 [N, A], columns `NAMES`. Returns uint8 [N, 3, side, side].
    Layers lie on one another with opacity a as round(a top + (1 - a) below), in whole numbers: the same everywhere.
    Raises ValueError for a table of another shape, values out of range, a side below 1 or beyond the memory, and, with
    the remedy, if the packages that draw are missing.
    Taught in {ref}`ch-latent-space`.
    """
    _require_valid(attributes)
    if side < 1:
        raise ValueError(f"side must be at least 1 pixel, not {side}")
    n = len(attributes)
    _memory.require((4 * n + 5000) * side**2, f"drawing {n} faces of {side} x {side} pixels", "give a smaller size")
    colors = torch.tensor([_rgb(code) for code in ATTRIBUTES[-1].parts.values()], dtype=torch.uint8)
    images = colors[attributes[:, -1]][:, :, None, None].repeat(1, 1, side, side).numpy()
    for names in LAYERS:
        columns = attributes[:, [NAMES.index(name) for name in names]]
        distinct, which = columns.unique(dim=0, return_inverse=True)
        layers = [_layer(dict(zip(names, row, strict=True)), side) for row in distinct.tolist()]
        if layers:
            _lay(np.stack(layers), which.numpy(), images)
    return torch.from_numpy(images)


def captions(attributes: Tensor) -> list[str]:
    """What each face shows, in words: "a smiling face with pale skin, a red bun, wide eyes and round glasses ...".

    attributes: int64 [N, A], columns `NAMES`. Commas aside, all words are in `WORDS`.
    Raises ValueError for a table of another shape or values out of range.
    Taught in {ref}`ch-text-to-image`.
    """
    _require_valid(attributes)
    table = [each.values for each in ATTRIBUTES]
    return [_caption(*(values[i] for values, i in zip(table, row, strict=True))) for row in attributes.tolist()]


def tokenize(attributes: Tensor) -> tuple[Tensor, Tensor]:
    """The captions of faces as numbers of words: tokens int64 [N, T], 0 after the end, and lengths int64 [N].

    attributes: int64 [N, A], columns `NAMES`. T is the length of the longest caption that there can be.
    Raises ValueError as `captions` does.
    Taught in {ref}`ch-text-to-image`.
    """
    number = {word: i for i, word in enumerate(WORDS)}
    lines = [[number[word] for word in _words(caption)] for caption in captions(attributes)]
    lengths = torch.tensor([len(line) for line in lines], dtype=torch.int64)
    tokens = torch.zeros(len(lines), LONGEST, dtype=torch.int64)
    for row, line in zip(tokens, lines, strict=True):
        row[: len(line)] = torch.tensor(line)
    return tokens, lengths


def _caption(hair, hair_color, skin, eyes, mouth, beard, glasses, clothes, clothes_color, background):
    has = [f"{skin} skin", HAIR_PHRASES.get(hair, f"{hair} {{}} hair").format(hair_color), f"{eyes} eyes"]
    if beard != "no beard":
        has.append(f"a {beard}")
    if glasses != "no glasses":
        has.append(glasses)
    article = "" if clothes == "overalls" else "a "
    return (
        f"a {mouth} face with {', '.join(has[:-1])} and {has[-1]}, in {article}{clothes_color} {clothes}, "
        f"on a {background} background"
    )


def _words(caption: str) -> list[str]:
    return caption.replace(",", "").split()


def _layer(row: dict[str, int], side: int) -> np.ndarray:
    """One layer alone on a transparent ground, uint8 [4, side, side]; row: the values of the attributes it shows."""
    pa = _packages()[0]
    part = {each.name: list(each.parts.values())[row[each.name]] for each in ATTRIBUTES if each.name in row}
    face = "eyes" in part
    svg = pa.Avatar(
        style=pa.AvatarStyle.TRANSPARENT,
        skin_color=part.get("skin", "none"),
        top=pa.HairType[part["hair"]] if "hair" in part else pa.HairType.NONE,
        hair_color=part.get("hair color", "none"),
        facial_hair=pa.FacialHairType[part.get("beard", "NONE")],
        facial_hair_color=part.get("hair color", "none"),
        accessory=pa.AccessoryType[part.get("glasses", "NONE")],
        eyes=pa.EyeType[part["eyes"]] if face else None,
        mouth=pa.MouthType[part["mouth"]] if face else None,
        nose=pa.NoseType.DEFAULT if face else None,
        eyebrows=pa.EyebrowType.DEFAULT if face else None,
        clothing=pa.ClothingType[part.get("clothes", "NONE")],
        clothing_color=part.get("clothes color", "none"),
    ).render()
    return pixels(svg, side, body="skin" in part)


def pixels(svg: str, side: int, *, body: bool = True) -> np.ndarray:
    """A drawing of python-avatars, widened to a square: red, green, blue and opacity, uint8 [4, side, side].

    body: False leaves out head and shoulders, which python-avatars always draws.
    Taught in {ref}`ch-latent-space`.
    """
    root = ET.fromstring(svg)
    for name, value in SQUARE.items():
        root.set(name, value)
    if not body:
        group = next(each for each in root if each.get("id", "").endswith("_Avataaar/Default"))
        group.remove(next(each for each in group if each.get("id").endswith("_Body")))
    png = _packages()[1].svg_to_bytes(
        svg_string=ET.tostring(root, encoding="unicode"), width=side, height=side, skip_system_fonts=True
    )
    with Image.open(io.BytesIO(png)) as opened:
        return np.asarray(opened.convert("RGBA")).transpose(2, 0, 1)


def _lay(layers: np.ndarray, which: np.ndarray, images: np.ndarray) -> None:
    """Put the layer `which` [N] of layers, uint8 [K, 4, H, W], on top of each image, uint8 [N, 3, H, W], in place."""
    seen = layers[:, 3].any(axis=0)
    if not seen.any():
        return
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    box = (..., slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    layers = layers[box].astype(np.uint16)  # 255 x 255 + 127 fits
    opacity = layers[:, 3:]
    top, through = layers[:, :3] * opacity + 127, 255 - opacity
    for start in range(0, len(which), AT_ONCE):
        below, chosen = images[start : start + AT_ONCE][box], which[start : start + AT_ONCE]
        below[...] = (top[chosen] + through[chosen] * below) // 255


def _require_valid(attributes: Tensor) -> None:
    if attributes.ndim != 2 or attributes.shape[1] != len(NAMES):
        raise ValueError(f"attributes [N, {len(NAMES)}] expected ({', '.join(NAMES)}), got {list(attributes.shape)}")
    for each, column in zip(ATTRIBUTES, attributes.T, strict=True):
        if len(column) and not 0 <= int(column.min()) <= int(column.max()) < len(each.values):
            raise ValueError(
                f"{each.name} must be 0 to {len(each.values) - 1} ({', '.join(each.values)}), "
                f"found {int(column.min())} to {int(column.max())}"
            )


def _rgb(code: str) -> list[int]:
    return [int(code[i : i + 2], 16) for i in (1, 3, 5)]


def _packages():
    try:
        import python_avatars
        import resvg_py
    except ImportError as error:
        raise ValueError(f"avatars are drawn by packages of which one is missing ({error.name}); {INSTALL}") from None
    return python_avatars, resvg_py


# Rows in which each value of each attribute occurs, and with the longest phrases for all: they have all words.
_ALL = torch.tensor([[min(row, len(each.values) - 1) for each in ATTRIBUTES] for row in range(len(HAIR))])
_LINES = [_words(caption) for caption in captions(_ALL)]
WORDS = ("", *sorted({word for line in _LINES for word in line}))
LONGEST = max(map(len, _LINES))

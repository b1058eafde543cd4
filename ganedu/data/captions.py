"""Captions of drawn shapes, made from the numbers that drew them: every word is true, and can be measured.

"a small red disc at the top left" tells size, hue, shape and place of an image of `ganedu.data.factors`, each rounded
to a word. Six colors, two sizes, three shapes and nine places make 324 captions of seven or eight words. A caption says
less than the image shows, and never something wrong: what is drawn from a caption can be checked word by word.
Taught in {ref}`ch-text-to-image`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import torch
from torch import Tensor

from ganedu.data import avatars, factors
from ganedu.data.images import resize

COLORS = ("red", "yellow", "green", "cyan", "blue", "magenta")  # a sixth of a turn each, centered at 0, 1/6, ...
SIZES = ("small", "large")
ROWS = ("top", "middle", "bottom")
COLUMNS = ("left", "center", "right")
MEDIUM = sum(factors.SIZES) / 2  # the radius from which a shape is large
BORDERS = (0.4, 0.6)  # between the places, in widths of the image
PLACES = {(1, 1): "in the center"} | {
    (row, column): "at the " + " ".join(ROWS[row : row + (row != 1)] + COLUMNS[column : column + (column != 1)])
    for row in range(3)
    for column in range(3)
    if (row, column) != (1, 1)
}
WORDS = ("", "a", *SIZES, *COLORS, *factors.SHAPES, "at", "in", "the", "top", "bottom", "left", "right", "center")
SETS = ("factors", "avatars")
SPLITS = ("train", "test")


@dataclass(frozen=True)
class DescribedData:
    """Images as stored, with a caption each.

    images: uint8 [N, C, H, W]; tokens: int64 [N, T], numbers of words in `words`, 0 after the end; lengths: int64 [N],
    words of each caption; words: the vocabulary, number 0 is ""; captions: the N texts.
    Taught in {ref}`ch-text-to-image`.
    """

    images: Tensor
    tokens: Tensor
    lengths: Tensor
    words: tuple[str, ...]
    captions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def load_described(
    name: str, split: str = "train", root: str | Path | None = None, *, size: int | None = None
) -> DescribedData:
    """The images of one described set with their captions, always the same ones.

    "factors": the 8192 images to train and 2048 to test of `ganedu.data.factors`, drawn at side `size`, 32 if None.
    "avatars": as many faces of `ganedu.data.avatars`, resampled to `size`, 64 if None.
    split: "train" or "test". root: folder of downloaded sets, which neither of them needs.
    Raises ValueError, listing the choices, for an unknown name or split.
    Taught in {ref}`ch-text-to-image`.
    """
    if name not in SETS:
        raise ValueError(f"unknown described data set {name!r}; choose one of {', '.join(SETS)}")
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    if name == "avatars":
        faces = avatars.load(split)
        images = faces.images if size is None else resize(faces.images, size)
        return DescribedData(images, faces.tokens, faces.lengths, faces.words, tuple(faces.captions()))
    found = factors.load(split)
    side = factors.SIDE if size is None else size
    images = found.images if side == factors.SIDE else factors.draw(found.labels, found.factors, side=side)
    texts = describe(found.labels, found.factors)
    return DescribedData(images, *encode_all(texts, WORDS), WORDS, texts)


def describe(labels: Tensor, table: Tensor) -> tuple[str, ...]:
    """The caption of each image, from its class int64 [N] and its factors [N, 4], columns `factors.FACTORS`.

    Taught in {ref}`ch-text-to-image`.
    """
    said = attributes(table)
    shapes = [factors.SHAPES[label] for label in labels.tolist()]
    return tuple(
        f"a {SIZES[size]} {COLORS[color]} {shape} {PLACES[row, column]}"
        for shape, size, color, row, column in zip(shapes, *(said[name].tolist() for name in ATTRIBUTES), strict=True)
    )


ATTRIBUTES = ("size", "color", "row", "column")


def attributes(table: Tensor) -> dict[str, Tensor]:
    """What the words say, as numbers: indices int64 [N] into SIZES, COLORS, ROWS and COLUMNS.

    table: factors [N, 4], columns `factors.FACTORS`.
    Taught in {ref}`ch-text-to-image`.
    """
    x, y, size, hue = table.T
    borders = torch.tensor(BORDERS, dtype=table.dtype)
    return {
        "size": (size >= MEDIUM).long(),
        "color": (hue * len(COLORS)).round().long() % len(COLORS),
        "row": torch.bucketize(y.contiguous(), borders),
        "column": torch.bucketize(x.contiguous(), borders),
    }


def encode(caption: str, words: Sequence[str]) -> list[int]:
    """The numbers of the words of a caption in the vocabulary `words`; capitals, commas and periods do not count.

    Raises ValueError for an empty caption, and for words that are not in the vocabulary, with those most like them.
    Taught in {ref}`ch-text-to-image`.
    """
    number = {word: i for i, word in enumerate(words) if word}
    said = caption.lower().replace(",", " ").replace(".", " ").split()
    if not said:
        raise ValueError("the caption is empty; say, for instance, 'a small red disc at the top left'")
    for word in said:
        if word not in number:
            near = get_close_matches(word, number, n=3)
            hint = f"nearest: {', '.join(near)}" if near else f"choose among: {', '.join(sorted(number))}"
            raise ValueError(f"the word {word!r} of {caption!r} is not in the vocabulary; {hint}")
    return [number[word] for word in said]


def encode_all(captions: Iterable[str], words: Sequence[str], *, longest: int = 0) -> tuple[Tensor, Tensor]:
    """Tokens int64 [N, T], 0 after the end of each caption, and lengths int64 [N].

    T is the length of the longest caption, or `longest` if that is more.
    Raises ValueError for what `encode` refuses.
    Taught in {ref}`ch-text-to-image`.
    """
    rows = [encode(caption, words) for caption in captions]
    width = max([longest, *map(len, rows)])
    tokens = torch.tensor([row + [0] * (width - len(row)) for row in rows], dtype=torch.int64).reshape(-1, width)
    return tokens, torch.tensor([len(row) for row in rows], dtype=torch.int64)


def decode(tokens: Sequence[int], words: Sequence[str]) -> str:
    """The caption of a row of tokens, up to the first 0.

    Taught in {ref}`ch-text-to-image`.
    """
    said = [words[i] for i in tokens]
    return " ".join(said[: said.index("")] if "" in said else said)


def swap(tokens: Tensor, old: str, new: str, words: Sequence[str]) -> Tensor:
    """The same captions with every `old` replaced by `new`; tokens: int64, any shape.

    Raises ValueError for a word that is not in the vocabulary.
    Taught in {ref}`ch-text-to-image`.
    """
    (was,), (becomes,) = encode(old, words), encode(new, words)
    return torch.where(tokens == was, becomes, tokens)


def cover(images: Tensor) -> Tensor:
    """How much of each pixel the shape covers, as its color tells: 0 on gray, 1 on a saturated color.

    images: floats [N, 3, H, W] in [-1, 1]. Returns [N, H, W]: the largest minus the smallest of red, green and blue.
    Taught in {ref}`ch-text-to-image`.
    """
    return (images.amax(1) - images.amin(1)) / 2


def color(images: Tensor) -> Tensor:
    """The color that an image shows, int64 [N], indices into COLORS: the nearest hue of its mean color.

    images: floats [N, 3, H, W] in [-1, 1]. The mean of all pixels, less its gray part, has the hue of the shape. Where
    no pixel is covered by half, nothing is shown, and the index is -1: even an empty picture has some nearest hue.
    Taught in {ref}`ch-text-to-image`.
    """
    red, green, blue = images.mean((2, 3)).T
    hue = torch.atan2(3**0.5 * (green - blue), 2 * red - green - blue)  # the angle of the color circle
    nearest = (hue * len(COLORS) / (2 * torch.pi)).round().long() % len(COLORS)
    return torch.where(cover(images).amax((1, 2)) < 0.5, -1, nearest)

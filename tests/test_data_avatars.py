"""`ganedu.data.avatars`: what the table says is what the pictures show, and what the captions say."""

import builtins
import math
import warnings

import numpy as np
import pytest
import torch

from ganedu.data import avatars
from ganedu.data.avatars import ATTRIBUTES, NAMES, WORDS

N = 48
pytest.importorskip("python_avatars")
pytest.importorskip("resvg_py")


@pytest.fixture(scope="module")
def table():
    return avatars.sample(N, torch.Generator().manual_seed(7))


@pytest.fixture(scope="module")
def faces(table):
    return avatars.draw(table)


@pytest.fixture(scope="module")
def test_set():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this machine may round otherwise than the one of the reference
        return avatars.load("test")


def whole(row):
    """The face as python-avatars puts it together, on its background."""
    import python_avatars as pa

    part = {each.name: list(each.parts.values())[i] for each, i in zip(ATTRIBUTES, row.tolist(), strict=True)}
    svg = pa.Avatar(
        style=pa.AvatarStyle.TRANSPARENT,
        skin_color=part["skin"],
        top=pa.HairType[part["hair"]],
        hair_color=part["hair color"],
        facial_hair=pa.FacialHairType[part["beard"]],
        facial_hair_color=part["hair color"],
        accessory=pa.AccessoryType[part["glasses"]],
        eyes=pa.EyeType[part["eyes"]],
        mouth=pa.MouthType[part["mouth"]],
        clothing=pa.ClothingType[part["clothes"]],
        clothing_color=part["clothes color"],
    ).render()
    drawn = avatars.pixels(svg, avatars.SIDE).astype(float)
    background = np.array([int(part["background"][i : i + 2], 16) for i in (1, 3, 5)])[:, None, None]
    return drawn[:3] * drawn[3] / 255 + background * (1 - drawn[3] / 255)


def test_layers_make_the_face_that_the_package_draws(table, faces):
    for row, face in zip(table, faces.numpy(), strict=True):
        difference = np.abs(whole(row) - face)
        assert difference.mean() < 1  # the filter behind the rims of glasses falls on other pixels with some hair
        if row[NAMES.index("glasses")] == 0:
            assert difference.max() <= 3


def test_types_sizes_and_truth(test_set):
    assert test_set.images.shape == (2048, 3, 64, 64) and test_set.images.dtype == torch.uint8
    assert test_set.attributes.shape == (2048, len(NAMES)) and test_set.attributes.dtype == torch.int64
    assert torch.equal(test_set.labels, test_set.attributes[:, NAMES.index("hair")])
    assert test_set.classes == test_set.values[0] and len(test_set.classes) == 10
    assert torch.equal(test_set.images[:8], avatars.draw(test_set.attributes[:8]))
    assert test_set.attribute_names == NAMES and test_set.words == WORDS


def test_splits_differ_and_are_always_the_same():
    first, again, other = (avatars.sample(9, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_values_occur_as_often_as_said_and_attributes_are_independent():
    n = 20_000
    table = avatars.sample(n, torch.Generator().manual_seed(3))
    for each, column in zip(ATTRIBUTES, table.T, strict=True):
        shares = torch.tensor(each.shares, dtype=torch.float64)
        found = torch.bincount(column, minlength=len(shares)) / n
        assert ((found - shares) / (shares * (1 - shares) / n).sqrt()).abs().max() < 4.5, each.name
    assert ATTRIBUTES[NAMES.index("glasses")].shares[0] == 0.5
    correlation = torch.corrcoef(table.T.double()) - torch.eye(len(NAMES), dtype=torch.float64)
    assert correlation.abs().max() < 4.5 / math.sqrt(n)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_shows(name, table):
    """Two values of one attribute make two pictures that differ by three full pixels or more."""
    column = NAMES.index(name)
    rows = table[:1].repeat(len(ATTRIBUTES[column].values), 1)
    rows[:, NAMES.index("beard")] = 0  # where the mouth is free
    rows[:, column] = torch.arange(len(rows))
    images = avatars.draw(rows).double()
    for i in range(len(rows)):
        for j in range(i):
            assert (images[i] - images[j]).abs().sum() > 3 * 255, (name, i, j)


def test_colors_are_where_they_belong(faces, table):
    corner = faces[:, :, 0, 0]
    codes = list(ATTRIBUTES[-1].parts.values())
    for pixel, row in zip(corner, table, strict=True):
        assert "#{:02X}{:02X}{:02X}".format(*pixel.tolist()) == codes[row[-1]]


@pytest.mark.parametrize("side", [1, 16, 96])
def test_other_sides(table, side):
    assert avatars.draw(table[:3], side=side).shape == (3, 3, side, side)


def test_no_faces():
    assert avatars.draw(torch.zeros(0, len(NAMES), dtype=torch.int64)).shape == (0, 3, 64, 64)


def test_captions_name_every_value(table):
    for row, caption in zip(table, avatars.captions(table), strict=True):
        for each, i in zip(ATTRIBUTES, row.tolist(), strict=True):
            value = each.values[i]
            assert value.startswith("no ") or value in caption, (value, caption)
        assert ("glasses" in caption) == (row[NAMES.index("glasses")] > 0)
        assert ("beard" in caption or "mustache" in caption) == (row[NAMES.index("beard")] > 0)


def test_a_caption_word_by_word():
    row = [each.values for each in ATTRIBUTES]
    wanted = ("bun", "red", "pale", "wide", "smiling", "no beard", "round glasses", "hoodie", "gray", "blue")
    table = torch.tensor([[values.index(value) for values, value in zip(row, wanted, strict=True)]])
    assert avatars.captions(table) == [
        "a smiling face with pale skin, a red bun, wide eyes and round glasses, in a gray hoodie, on a blue background"
    ]


def test_tokens_spell_the_captions(test_set):
    assert WORDS[0] == "" and len(set(WORDS)) == len(WORDS)
    for caption, tokens, length in zip(test_set.captions(), test_set.tokens, test_set.lengths, strict=True):
        assert " ".join(WORDS[i] for i in tokens[:length]) == caption.replace(",", "")
        assert (tokens[:length] > 0).all() and (tokens[length:] == 0).all()
    assert test_set.lengths.max() == test_set.tokens.shape[1] == avatars.LONGEST


def test_other_pixels_are_told(monkeypatch):
    monkeypatch.setattr(avatars, "COUNTS", {"train": 4, "test": 4})
    with pytest.warns(UserWarning, match="other pixels"):
        avatars.load("test")


def test_missing_packages_are_named(monkeypatch, table):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "python_avatars":
            raise ImportError(name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match="pip install python-avatars resvg-py"):
        avatars.draw(table[:1])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(3, dtype=torch.int64), "expected"),
        (torch.zeros(3, 4, dtype=torch.int64), "hair, hair color"),
        (torch.full((1, 10), 4), "skin must be 0 to 3"),
    ],
)
def test_bad_tables_are_named(bad, message):
    for function in (avatars.draw, avatars.captions, avatars.tokenize):
        with pytest.raises(ValueError, match=message):
            function(bad)


def test_a_side_without_pixels_is_named(table):
    with pytest.raises(ValueError, match="at least 1 pixel"):
        avatars.draw(table, side=0)

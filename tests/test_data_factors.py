"""`ganedu.data.factors`: what the table says is what the pictures show, measured from their pixels."""

import colorsys
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu import data
from ganedu.data import factors

GRAY = factors.BACKGROUND


@pytest.fixture(scope="module")
def test_set():
    return data.load("factors", "test")


def cover(images):
    """How much of each pixel the shape covers, [N, H, W], from the channel that its color fills."""
    return ((images.double() / 255 - GRAY) / (1 - GRAY)).amax(dim=1).clamp(0, 1)


def test_types_and_sizes(test_set):
    assert test_set.images.shape == (2048, 3, 32, 32) and test_set.images.dtype == torch.uint8
    assert test_set.factors.shape == (2048, 4) and test_set.factors.dtype == torch.float64
    assert test_set.labels.shape == (2048,) and test_set.classes == ("disc", "square", "triangle")
    assert test_set.factor_names == ("x", "y", "size", "hue")
    assert len(data.load("factors")) == 8192


def test_the_set_is_always_the_same_and_its_splits_differ(test_set):
    again = data.load("factors", "test")
    assert torch.equal(again.images, test_set.images) and torch.equal(again.factors, test_set.factors)
    assert not torch.equal(data.load("factors").factors[:2048], test_set.factors)


def test_center_of_mass_is_the_position(test_set):
    mass = cover(test_set.images)
    centers = (torch.arange(32, dtype=torch.float64) + 0.5) / 32
    x = (mass.sum(dim=1) * centers).sum(dim=1) / mass.sum(dim=(1, 2))
    y = (mass.sum(dim=2) * centers).sum(dim=1) / mass.sum(dim=(1, 2))
    assert (x - test_set.factors[:, 0]).abs().max() < 0.25 / 32  # a quarter of a pixel
    assert (y - test_set.factors[:, 1]).abs().max() < 0.25 / 32


def test_area_is_that_of_the_shape_of_that_size(test_set):
    area = cover(test_set.images).mean(dim=(1, 2))
    factor = torch.tensor([math.pi, 2.0, 3 * math.sqrt(3) / 4], dtype=torch.float64)[test_set.labels]
    ratio = area / (factor * test_set.factors[:, 2] ** 2)
    assert ratio.min() > 0.9 and ratio.max() < 1.1
    assert 0.98 < ratio.mean() < 1.02


def test_hue_is_that_of_the_most_colorful_pixel(test_set):
    for image, row in zip(test_set.images[:200], test_set.factors[:200], strict=True):
        pixels = image.flatten(1).T  # [1024, 3]
        red, green, blue = pixels[pixels.amax(dim=1).argmax()].tolist()
        hue = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)[0]
        assert abs((hue - row[3].item() + 0.5) % 1 - 0.5) < 0.02


def test_the_border_is_background(test_set):
    corners = test_set.images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == round(GRAY * 255)).all()


def test_factors_are_uniform_and_classes_balanced(test_set):
    hue = test_set.factors[:, 3].sort().values
    steps = torch.arange(1, 2049, dtype=torch.float64) / 2048
    assert (hue - steps).abs().max() < 1.95 / math.sqrt(2048)  # Kolmogorov-Smirnov at 0.1 %
    assert torch.bincount(test_set.labels).min() > 600
    low, high = factors.SIZES
    assert low <= test_set.factors[:, 2].min() and test_set.factors[:, 2].max() <= high


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_hues_are_those_of_the_standard_library(hue):
    ours = factors.hue_to_rgb(torch.tensor([hue], dtype=torch.float64))[0]
    assert torch.allclose(ours, torch.tensor(colorsys.hsv_to_rgb(hue, 1, 1), dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize(
    ("labels", "table", "message"),
    [
        (torch.zeros(2, dtype=torch.int64), torch.zeros(3, 4), "expected"),
        (torch.zeros(2, dtype=torch.int64), torch.zeros(2, 3), "expected"),
        (torch.tensor([3]), torch.full((1, 4), 0.3), "labels must be 0 to 2"),
    ],
)
def test_bad_input_is_named(labels, table, message):
    with pytest.raises(ValueError, match=message):
        factors.draw(labels, table)

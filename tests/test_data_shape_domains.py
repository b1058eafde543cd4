"""`ganedu.data.shape_domains`: two domains that differ in hue only, and the true partner of every image."""

import colorsys

import pytest
import torch

from ganedu import data
from ganedu.data import factors, shape_domains


@pytest.fixture(scope="module")
def shapes():
    return {split: data.load_unpaired("shape-domains", split) for split in ("train", "test")}


def hues(images):
    """Hue in turns of the most colorful pixel of each image, by the standard library."""
    pixels = images.flatten(2)  # [N, 3, 1024]
    chosen = pixels.amax(dim=1).argmax(dim=1)
    colors = pixels[torch.arange(len(images)), :, chosen].double() / 255
    return torch.tensor([colorsys.rgb_to_hsv(*color)[0] for color in colors.tolist()], dtype=torch.float64)


def test_the_domains_differ_in_hue_and_in_nothing_else(shapes):
    found = shapes["test"]
    assert found.a.shape == found.b.shape == (512, 3, 32, 32) and len(shapes["train"].a) == 2048
    a, b = hues(found.a), hues(found.b)
    assert a.min() >= 0 and a.max() <= 1 / 6 + 0.01 and b.min() >= 0.5 - 0.01 and b.max() <= 2 / 3 + 0.01
    cover = [images.amax(dim=1).double() / 255 - factors.BACKGROUND for images in (found.a, found.b)]
    for moment in (lambda c: c.mean(dim=(1, 2)), lambda c: c.mean(dim=1).argmax(dim=1).double()):  # area, position
        first, second = (moment(each) for each in cover)
        error = (first.var() / 512 + second.var() / 512).sqrt()
        assert (first.mean() - second.mean()).abs() < 5 * error


def test_partners_are_the_same_drawings_in_the_other_hue():
    labels, table = factors.sample(50, torch.Generator().manual_seed(0))
    table[:, 3] /= 6
    warm = factors.draw(labels, table)
    table[:, 3] = 2 / 3 - table[:, 3]
    assert torch.equal(shape_domains.partners(warm), factors.draw(labels, table))
    assert torch.equal(shape_domains.partners(shape_domains.partners(warm)), warm)
    with pytest.raises(ValueError, match=r"color images \[N, 3, H, W\] expected"):
        shape_domains.partners(warm[:, :1])


def test_partners_follow_the_law_of_the_other_domain(shapes):
    turned, real = hues(shape_domains.partners(shapes["train"].a)).sort().values, hues(shapes["train"].b).sort().values
    assert (turned - real).abs().max() < 0.02  # two samples of 2048 from one uniform law on a sixth of a turn
    assert (turned.mean() - 7 / 12).abs() < 0.005


def test_no_image_is_in_two_places_and_no_partner_is_there(shapes):
    kinds = [images for found in shapes.values() for images in (found.a, found.b)]
    kinds += [shape_domains.partners(images) for images in kinds]
    seen = [bytes(image.numpy().tobytes()) for images in kinds for image in images]
    assert len(set(seen)) == len(seen) == 2 * 2 * (2048 + 512)


def test_shapes_are_the_same_every_time_and_drawn_at_the_size_asked_for(shapes):
    again = data.load_unpaired("shape-domains", "test")
    assert torch.equal(again.a, shapes["test"].a) and torch.equal(again.b, shapes["test"].b)
    large = data.load_unpaired("shape-domains", "test", size=48)
    assert large.a.shape == (512, 3, 48, 48)
    difference = data.resize(large.a, 32).int() - again.a.int()
    assert difference.abs().double().mean() < 3  # the same drawings

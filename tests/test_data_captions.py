"""`ganedu.data.captions`: every word is true, the vocabulary is closed, and what a picture shows can be measured."""

import pytest
import torch

from ganedu import data
from ganedu.data import captions, factors

TEST = captions.load_described("factors", "test")


def one(label, x, y, size, hue):
    return captions.describe(torch.tensor([label]), torch.tensor([[x, y, size, hue]], dtype=torch.float64))[0]


def test_captions_say_size_color_shape_and_place():
    assert one(0, 0.2, 0.2, 0.13, 0.01) == "a small red disc at the top left"
    assert one(1, 0.5, 0.5, 0.29, 0.34) == "a large green square in the center"
    assert one(2, 0.7, 0.5, 0.2, 0.99) == "a small red triangle at the right"
    assert one(2, 0.45, 0.75, 0.22, 0.8) == "a large magenta triangle at the bottom"


def test_the_set_is_that_of_the_factors_with_a_caption_each():
    assert torch.equal(TEST.images, factors.load("test").images)
    assert len(TEST) == len(TEST.captions) == len(TEST.tokens) == len(TEST.lengths) == 2048
    assert TEST.words == captions.WORDS and TEST.words[0] == ""
    assert len(set(captions.load_described("factors").captions)) == 324
    for row, length, text in zip(TEST.tokens[:50].tolist(), TEST.lengths[:50].tolist(), TEST.captions, strict=False):
        assert captions.decode(row, TEST.words) == text
        assert length == len(text.split()) == sum(token > 0 for token in row)
    assert captions.load_described("factors", "test", size=16).images.shape == (2048, 3, 16, 16)


def test_words_of_a_caption_agree_with_the_numbers_that_drew_the_image():
    found = factors.load("test")
    said = captions.attributes(found.factors)
    for i in range(300):
        x, y, size, hue = found.factors[i].tolist()
        text = TEST.captions[i].split()
        assert (text[1] == "small") == (size < 0.21)
        assert factors.SHAPES[found.labels[i]] == text[3]
        apart = abs((hue - captions.COLORS.index(text[2]) / 6 + 0.5) % 1 - 0.5)
        assert apart <= 1 / 12 + 1e-9
        assert ("left" in text, "right" in text) == (x < 0.4, x >= 0.6)
        assert ("top" in text, "bottom" in text) == (y < 0.4, y >= 0.6)
        assert captions.COLORS[said["color"][i]] == text[2]


@pytest.mark.parametrize("side", [16, 32])
def test_the_color_that_is_measured_is_the_one_that_is_said(side):
    images = data.to_floats(captions.load_described("factors", "test", size=side).images)
    said = captions.attributes(factors.load("test").factors)["color"]
    assert (captions.color(images) == said).double().mean() > 0.998  # a byte is coarse where two colors meet


def test_a_picture_that_shows_next_to_nothing_has_no_color():
    images = torch.zeros(2, 3, 4, 4)
    images[0, 0, 1, 1], images[1, 0, 1, 1] = 0.9, 1.1  # a red pixel, covered by 0.45 and by 0.55
    assert captions.color(images).tolist() == [-1, 0]


def test_the_cover_is_one_inside_and_zero_on_the_gray():
    images = data.to_floats(factors.draw(torch.tensor([1]), torch.tensor([[0.5, 0.5, 0.3, 0.0]])))
    cover = captions.cover(images)[0]
    assert cover[16, 16] == pytest.approx(1, abs=0.01) and cover[0, 0] == 0


def test_encoding_does_not_mind_capitals_and_commas_and_decoding_undoes_it():
    tokens, lengths = captions.encode_all(["A small red disc, at the top left.", "a large red disc"], captions.WORDS)
    assert lengths.tolist() == [8, 4] and tokens.dtype == torch.int64
    assert captions.decode(tokens[0].tolist(), captions.WORDS) == "a small red disc at the top left"
    assert tokens[1, 4:].tolist() == [0] * 4
    assert captions.encode_all(["a disc"], captions.WORDS, longest=5)[0].shape == (1, 5)


def test_a_swap_changes_one_word_and_nothing_else():
    tokens, _ = captions.encode_all(["a small red disc at the top left"], captions.WORDS)
    swapped = captions.swap(tokens, "red", "blue", captions.WORDS)
    assert captions.decode(swapped[0].tolist(), captions.WORDS) == "a small blue disc at the top left"


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: captions.encode("a red disk", captions.WORDS), r"'disk' of 'a red disk' .* nearest: disc"),
        (lambda: captions.encode("a qqqq disc", captions.WORDS), "'qqqq' .* choose among: a, at, blue"),
        (lambda: captions.encode(" , ", captions.WORDS), "the caption is empty"),
        (
            lambda: captions.load_described("birds"),
            "unknown described data set 'birds'; choose one of factors, avatars",
        ),
        (lambda: captions.load_described("factors", "dev"), "unknown split 'dev'"),
        (lambda: captions.swap(TEST.tokens, "red", "pink", captions.WORDS), "'pink'"),
    ],
)
def test_what_cannot_be_read_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()


def test_faces_come_with_their_captions():
    pytest.importorskip("python_avatars")
    pytest.importorskip("resvg_py")
    faces = captions.load_described("avatars", "test", size=16)
    assert faces.images.shape == (2048, 3, 16, 16) and len(faces.captions) == 2048
    assert captions.decode(faces.tokens[0].tolist(), faces.words) == faces.captions[0].replace(",", "")
    assert captions.encode(faces.captions[0], faces.words) == faces.tokens[0, : faces.lengths[0]].tolist()

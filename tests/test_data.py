"""`ganedu.data`: the digits against scikit-learn's own file, and the scaling for every byte."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from ganedu import data


@pytest.fixture(scope="module")
def splits():
    return data.load("digits", "train"), data.load("digits", "test")


def test_digits_have_the_announced_types_and_sizes(splits):
    train, test = splits
    assert train.images.shape == (1541, 1, 8, 8) and test.images.shape == (256, 1, 8, 8)
    assert len(train) == 1541 and len(test) == 256
    for part in splits:
        assert part.images.dtype == torch.uint8 and part.labels.dtype == torch.int64
        assert part.classes == tuple("0123456789")
        assert part.images.is_contiguous()


def test_both_splits_together_are_the_file_of_scikit_learn(splits):
    file = load_digits()
    order = np.arange(1797) % 7 == 6
    for part, chosen in zip(splits, (~order, order), strict=True):
        levels = (part.images[:, 0].double() * 16 / 255).round().numpy()
        assert np.array_equal(levels, file.images[chosen])
        assert np.array_equal(part.labels.numpy(), file.target[chosen])


def test_gray_levels_use_the_whole_range_of_a_byte(splits):
    values = splits[0].images.unique().tolist()
    assert values == [round(level * 255 / 16) for level in range(17)]


def test_no_picture_is_in_both_splits(splits):
    train, test = ({bytes(image.flatten().tolist()) for image in part.images} for part in splits)
    assert not train & test


def test_every_class_is_well_represented_in_both_splits(splits):
    for part in splits:
        shares = torch.bincount(part.labels, minlength=10) / len(part)
        assert shares.min() > 0.06 and shares.max() < 0.14


def test_loading_twice_gives_the_same_and_shares_no_memory(splits):
    again = data.load("digits")
    assert torch.equal(again.images, splits[0].images)
    again.images.zero_()
    assert splits[0].images.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_byte_survives_the_round_trip(dtype):
    every = torch.arange(256, dtype=torch.uint8)
    floats = data.to_floats(every, dtype)
    assert floats.dtype == dtype
    assert floats[0] == -1 and floats[-1] == 1
    assert (floats.diff() > 0).all()
    assert torch.equal(data.to_bytes(floats), every)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_a_float_becomes_the_nearest_byte(values):
    floats = torch.tensor(values, dtype=torch.float64)
    back = data.to_floats(data.to_bytes(floats), torch.float64)
    assert (back - floats).abs().max() <= 1 / 255 + 1e-12


def test_no_images_are_resized_to_no_images():
    resized = data.resize(torch.zeros(0, 3, 5, 6, dtype=torch.uint8), 4)
    assert resized.shape == (0, 3, 4, 4) and resized.dtype == torch.uint8


def test_default_dtype_is_that_of_torch():
    assert data.to_floats(torch.zeros(2, dtype=torch.uint8)).dtype == torch.get_default_dtype()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.load("digit"), "unknown data set 'digit'; choose one of digits"),
        (lambda: data.load("digits", split="valid"), "unknown split 'valid'; choose one of train, test"),
        (lambda: data.to_floats(torch.zeros(3)), "must be bytes.*scaled already"),
        (lambda: data.to_floats(torch.zeros(3, dtype=torch.uint8), torch.bfloat16), "would lose gray levels"),
        (lambda: data.to_bytes(torch.zeros(3, dtype=torch.uint8)), "must be floats"),
        (lambda: data.to_bytes(torch.tensor([0.0, float("nan")])), "1 of 2 pixels are NaN"),
        (lambda: data.to_bytes(torch.tensor([0.0, 1.5])), "not within"),
        (lambda: data.to_bytes(torch.tensor([0.0, float("inf")])), "not within"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

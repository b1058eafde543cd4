"""The formats of the named sets: parsers that accept nothing but the format, and execute nothing."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from data_cases import as_cifar, as_idx
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu.data import cifar, idx

light = settings(max_examples=40, deadline=None)


# The idx format


arrays = st.integers(1, 3).flatmap(
    lambda dims: st.tuples(*[st.integers(0, 5)] * dims).map(
        lambda shape: np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)
    )
)


@light
@given(arrays)
def test_idx_round_trip(array):
    assert np.array_equal(idx.parse(as_idx(array), dims=array.ndim, where="it"), array)


@light
@given(arrays, st.data())
def test_idx_accepts_no_other_length(array, draw):
    content = as_idx(array)
    cut = draw.draw(st.integers(0, len(content) - 1))
    for wrong in (content[:cut], content + b"\0"):
        with pytest.raises(ValueError, match="it "):
            idx.parse(wrong, dims=array.ndim, where="it")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no idx file of bytes: it begins with nothing"),
        (b"\x89PNG....", "no idx file of bytes: it begins with 89 50 4e 47"),
        (bytes([0, 0, 0x0D, 1]), "no idx file of bytes"),  # floats
        (as_idx(np.zeros(4, np.uint8)), "has 1 dimensions, 3 expected; are images and labels exchanged"),
        (bytes([0, 0, 8, 3, 0, 0]), "ends within its header"),
        (as_idx(np.zeros((2, 3, 3), np.uint8))[:-1], "has 33 bytes, its dimensions .2, 3, 3. need 34"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "need 792281"),  # absurd dimensions: no memory is asked for
    ],
)
def test_what_is_no_idx_file_of_images_is_named(content, message):
    with pytest.raises(ValueError, match=f"it .*{message}|it {message}"):
        idx.parse(content, dims=3, where="it")


def test_counts_and_labels_must_fit():
    images, classes = as_idx(np.zeros((2, 3, 3), np.uint8)), tuple("01")
    with pytest.raises(ValueError, match="it has 2 images but 3 labels"):
        idx.images_with_labels(images, as_idx(np.zeros(3, np.uint8)), classes, where="it")
    with pytest.raises(ValueError, match="it has the label 2, but only 2 classes"):
        idx.images_with_labels(images, as_idx(np.array([0, 2], np.uint8)), classes, where="it")


# CIFAR's pickles


def test_cifar_batches_are_read_as_numpy_would():
    images = np.random.default_rng(1).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    content = as_cifar(images, [3, 0, 9, 1])
    pixels, labels = cifar.parse(content, where="it")
    assert np.array_equal(pixels, images) and labels.tolist() == [3, 0, 9, 1]
    oracle = pickle.loads(content, encoding="bytes")  # our own bytes: safe here, and only here
    assert np.array_equal(oracle[b"data"].reshape(-1, 3, 32, 32), images)


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("protocol", range(6))
def test_code_in_a_pickle_is_refused_and_not_executed(protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps({"data": Hostile(), "labels": []}, protocol)
    with pytest.raises(ValueError, match=r"no CIFAR batch: it asks for .*mkdir.*nothing was executed"):
        cifar.parse(content, where="it")
    assert not Path("executed").exists()


@light
@given(st.integers(0, 12_000), st.integers(0, 255))
def test_a_changed_byte_gives_a_value_error_or_the_same_kind_of_batch(position, byte):
    content = bytearray(as_cifar(np.zeros((2, 3, 32, 32), np.uint8), [0, 1]))
    content[position % len(content)] = byte
    try:
        images, labels = cifar.parse(bytes(content), where="it")
    except ValueError as error:
        assert str(error).startswith("it")
    else:
        assert images.shape == (2, 3, 32, 32) and labels.shape == (2,)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([1], "it has no data and labels"),
        ({b"data": b"", b"labels": [1]}, "must be an array of bytes with 3072 columns"),
    ],
)
def test_other_pickles_are_no_batches(batch, message):
    with pytest.raises(ValueError, match=message):
        cifar.parse(pickle.dumps(batch), where="it")


@pytest.mark.parametrize(("labels", "message"), [([1, 10], "numbers 0 to 9"), ([1], "2 images but 1 labels")])
def test_cifar_labels_must_fit(labels, message):
    with pytest.raises(ValueError, match=message):
        cifar.parse(as_cifar(np.zeros((2, 3, 32, 32), np.uint8), labels), where="it")

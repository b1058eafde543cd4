"""`ganedu.data.batches`: windows cut out at random, and batches of two domains."""

import io

import pytest
import torch
from data_cases import numbered, pictures_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu import data
from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches, FolderBatches

light = settings(max_examples=30, deadline=None)


# Windows cut out at random


def coordinates(n, side):
    """n images of side x side pixels: channel 0 is the image's number, 1 the row, 2 the column."""
    line = torch.arange(side, dtype=torch.uint8)
    images = torch.empty(n, 3, side, side, dtype=torch.uint8)
    images[:, 0] = torch.arange(n)[:, None, None]
    images[:, 1], images[:, 2] = line[:, None], line[None, :]
    return images


def windows_of(n, side, size, batch_size, **options):
    options = {"device": "cpu", "seed": 0, "size": size, "load_size": side, **options}
    return DeviceBatches(kinds.Images(coordinates(n, side)), batch_size, **options)


@light
@given(st.integers(1, 12), st.integers(2, 9), st.integers(0, 6), st.booleans(), st.integers(0, 3))
def test_a_window_is_one_piece_of_one_image(n, size, margin, flip, seed):
    batches = windows_of(n, size + margin, size, 5, flip=flip, seed=seed)
    for _ in range(3):
        for number, rows, columns in data.to_bytes(batches.next().images).int():
            assert (number == number[0, 0]).all() and number[0, 0] < n
            columns = columns.flip(1) if flip and columns[0, 0] > columns[0, 1] else columns
            top, left = rows[0, 0].item(), columns[0, 0].item()
            assert 0 <= top <= margin and 0 <= left <= margin
            assert torch.equal(rows, torch.arange(top, top + size)[:, None].expand(size, size).int())
            assert torch.equal(columns, torch.arange(left, left + size)[None, :].expand(size, size).int())


def test_every_place_is_equally_probable_for_each_image_and_side():
    batches = windows_of(200, 6, 3, 200)  # 4 x 4 places
    corners = torch.cat([data.to_bytes(batches.next().images)[:, 1:, 0, 0] for _ in range(20)]).long()
    counts = torch.bincount(4 * corners[:, 0] + corners[:, 1], minlength=16).double()
    chi_square = ((counts - 250).square() / 250).sum().item()
    assert 2.0 < chi_square < 44.3  # 15 degrees of freedom: 99.99 % lie in between


@light
@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 3), st.booleans())
def test_ranks_cut_what_one_process_would_cut(n, batch_size, world, flip):
    joint = windows_of(n, 6, 4, batch_size * world, flip=flip)
    ranks = [windows_of(n, 6, 4, batch_size, flip=flip, rank=rank, world=world) for rank in range(world)]
    for _ in range(3):
        assert torch.equal(torch.cat([each.next().images for each in ranks]), joint.next().images)


def test_windows_are_resumed_to_the_bit():
    batches, resumed = windows_of(7, 8, 5, 3, flip=True), windows_of(7, 8, 5, 3, flip=True, seed=9)
    for _ in range(4):
        batches.next()
    resumed.load_state_dict(batches.state_dict())
    for _ in range(5):
        assert torch.equal(batches.next().images, resumed.next().images)


def test_without_cutting_the_stream_of_random_numbers_is_what_it_was():
    images = coordinates(11, 4)
    batches = DeviceBatches(kinds.Images(images), 11, device="cpu", seed=5, flip=True)
    random = torch.Generator().manual_seed(5)
    for _ in range(3):  # stored runs depend on this law: a permutation, then a coin for each place of it
        order, flips = torch.randperm(11, generator=random), torch.randint(2, (11,), generator=random)
        expected = torch.stack([images[i].flip(2) if f else images[i] for i, f in zip(order, flips, strict=True)])
        assert torch.equal(data.to_bytes(batches.next().images), expected)


def test_a_load_size_equal_to_the_size_only_resizes():
    for options in ({"load_size": 4}, {}):
        batches = DeviceBatches(kinds.Images(coordinates(5, 9)), 5, device="cpu", seed=0, size=4, flip=True, **options)
        assert torch.equal(
            batches.next().images,
            DeviceBatches(kinds.Images(coordinates(5, 9)), 5, device="cpu", seed=0, size=4, flip=True).next().images,
        )


@pytest.mark.parametrize("kind", [DeviceBatches, FolderBatches])
@pytest.mark.parametrize(("size", "load_size"), [(4, 3), (None, 3), (4, -1)])
def test_a_window_that_does_not_fit_is_named(tmp_path, kind, size, load_size):
    images = coordinates(3, 5)
    source = images if kind is DeviceBatches else pictures_of(images, tmp_path)
    with pytest.raises(ValueError, match=rf"load_size {load_size} is .*windows of side {size}.* at least as large"):
        kind(kinds.Images(source), 2, device="cpu", seed=0, size=size, load_size=load_size)


# Two domains


def unpaired(n, m, batch_size, **options):
    return DeviceBatches(
        kinds.Unpaired(numbered(n), 255 - numbered(m)), batch_size, **{"device": "cpu", "seed": 0, **options}
    )


def numbers_of_both(batch):
    a, b = map(data.to_bytes, batch)
    return a.flatten(1).min(dim=1).values.tolist(), (255 - b.flatten(1).max(dim=1).values).tolist()


@light
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 3))
def test_in_an_epoch_of_the_larger_domain_all_images_of_each_come_equally_often(n, m, batch_size, seed):
    batches = unpaired(n, m, batch_size, seed=seed)
    drawn = [numbers_of_both(batches.next()) for _ in range(-(-2 * max(n, m) // batch_size))]
    for images, count in enumerate((n, m)):
        stream = [number for both in drawn for number in both[images]]
        epoch = torch.tensor(stream[: max(n, m)])
        often = torch.bincount(epoch, minlength=count)
        assert often.max() - often.min() <= 1
        if count == max(n, m):
            assert often.tolist() == [1] * count


def test_a_domain_of_one_image_and_one_of_many():
    batches = unpaired(1, 200, 8)
    drawn = [numbers_of_both(batches.next()) for _ in range(25)]
    assert {number for a, _ in drawn for number in a} == {0}
    assert sorted(number for _, b in drawn for number in b) == list(range(200))


def test_the_orders_of_the_domains_are_independent():
    a, b = numbers_of_both(unpaired(200, 200, 200).next())
    assert sorted(a) == sorted(b) == list(range(200))
    same = sum(i == j for i, j in zip(a, b, strict=True))
    assert same <= 8  # matches of two random permutations: Poisson of mean 1


@light
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 9), st.integers(1, 3))
def test_unpaired_batches_resume_to_the_bit_and_ranks_take_turns(n, m, steps, world):
    joint = unpaired(n, m, 2 * world, flip=True)
    ranks = [unpaired(n, m, 2, flip=True, rank=rank, world=world) for rank in range(world)]
    for _ in range(steps):
        assert all(map(torch.equal, kinds.join([each.next() for each in ranks]), joint.next()))
    file = io.BytesIO()
    torch.save(ranks[-1].state_dict(), file)
    file.seek(0)
    resumed = unpaired(n, m, 2, flip=True, rank=world - 1, world=world, seed=99)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(4):
        assert all(map(torch.equal, resumed.next(), ranks[-1].next()))


def test_unpaired_batches_are_cut_and_resized_alike():
    batches = DeviceBatches(
        kinds.Unpaired(coordinates(3, 9), coordinates(4, 7)), 2, device="cpu", seed=0, size=4, load_size=6, flip=True
    )
    for images in batches.next():
        assert images.shape == (2, 3, 4, 4) and images.dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unpaired(0, 3, 2), "at least one image"),
        (
            lambda: DeviceBatches(kinds.Unpaired(numbered(3), coordinates(3, 4)), 2, device="cpu", seed=0),
            r"of B \[3, 4, 4\]; give a",
        ),
        (lambda: unpaired(3, 3, 2).load_state_dict(unpaired(3, 4, 2).state_dict()), "of 4 images, there are 3"),
    ],
)
def test_domains_that_do_not_fit_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_gives_the_same_batches_and_the_host_does_not_wait_for_it():
    options = {"seed": 0, "size": 4, "load_size": 6, "flip": True}
    there, here = (
        DeviceBatches(kinds.Unpaired(coordinates(9, 6), coordinates(5, 6)), 3, device=d, **options)
        for d in ("cuda", "cpu")
    )
    torch.cuda.set_sync_debug_mode("error")
    try:
        batches = [there.next() for _ in range(4)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for batch in batches:
        assert all(torch.equal(of_gpu.cpu(), of_cpu) for of_gpu, of_cpu in zip(batch, here.next(), strict=True))

"""`ganedu.data.batches`: every image once an epoch, ranks that share nothing, flips, and states that lose nothing."""

import gc
import io
import threading

import numpy as np
import pytest
import torch
from data_cases import numbered, pictures_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganedu import data
from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches, FolderBatches

light = settings(max_examples=30, deadline=None)


def numbers(batch):
    return data.to_bytes(batch.images).flatten(1).min(dim=1).values.tolist()


def batches_of(n, batch_size, **options):
    return DeviceBatches(kinds.Images(numbered(n)), batch_size, **{"device": "cpu", "seed": 0, **options})


sizes = st.integers(1, 60), st.integers(1, 25)


@light
@given(*sizes, st.integers(0, 5), st.booleans())
def test_every_image_comes_exactly_once_in_every_epoch(n, batch_size, seed, flip):
    batches = batches_of(n, batch_size, seed=seed, flip=flip)
    stream = [number for _ in range(-(-3 * n // batch_size)) for number in numbers(batches.next())]
    for epoch in range(3):
        assert sorted(stream[epoch * n : (epoch + 1) * n]) == list(range(n))


@light
@given(*sizes, st.integers(1, 4), st.booleans())
def test_ranks_together_see_what_one_process_with_the_joint_batch_sees(n, batch_size, world, flip):
    joint = batches_of(n, batch_size * world, flip=flip)
    ranks = [batches_of(n, batch_size, flip=flip, rank=rank, world=world) for rank in range(world)]
    for _ in range(4):
        assert torch.equal(torch.cat([each.next().images for each in ranks]), joint.next().images)


def test_ranks_share_no_image_within_an_epoch():
    ranks = [batches_of(24, 3, rank=rank, world=4) for rank in range(4)]
    seen = [{number for _ in range(2) for number in numbers(each.next())} for each in ranks]
    assert sorted(number for each in seen for number in each) == list(range(24))


@light
@given(*sizes, st.integers(0, 12), st.booleans())
def test_a_saved_state_gives_the_same_next_batches(n, batch_size, steps, flip):
    batches = batches_of(n, batch_size, flip=flip)
    for _ in range(steps):
        batches.next()
    file = io.BytesIO()
    torch.save(batches.state_dict(), file)
    file.seek(0)
    resumed = batches_of(n, batch_size, seed=99, flip=flip)  # the seed is of no account: the state decides
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(5):
        assert torch.equal(batches.next().images, resumed.next().images)


def test_taking_a_state_changes_nothing_and_later_batches_do_not_change_it():
    batches, untouched = batches_of(10, 3), batches_of(10, 3)
    state = batches.state_dict()
    for _ in range(7):
        assert torch.equal(batches.next().images, untouched.next().images)
    assert state["position"] == 0
    batches.load_state_dict(state)
    assert torch.equal(batches.next().images, batches_of(10, 3).next().images)


def test_the_global_generator_is_neither_used_nor_changed():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = batches_of(20, 5, flip=True).next().images
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(batches_of(20, 5, flip=True).next().images, first)


def test_seeds_and_epochs_differ():
    streams = [numbers(batches_of(50, 50, seed=seed).next()) for seed in range(3)]
    batches = batches_of(50, 50)
    epochs = [numbers(batches.next()) for _ in range(2)]
    assert streams[0] != streams[1] != streams[2] != streams[0]
    assert epochs[0] != epochs[1]


def test_about_half_of_the_images_are_mirrored_and_only_with_flip():
    def share(**options):
        batches = batches_of(200, 200, **options)
        return torch.stack([(batches.next().images[:, 0, 0, 0] == 1).double().mean() for _ in range(10)]).mean().item()

    assert 0.4 < share(flip=True) < 0.6  # 2000 coins: five standard deviations are 0.056
    assert share(flip=False) == 0


def test_a_flipped_image_is_the_mirror_image_in_every_row_and_channel():
    image = torch.randint(256, (1, 3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    batches = DeviceBatches(kinds.Images(image), 40, device="cpu", seed=0, flip=True)
    straight = data.to_floats(image[0], torch.float32)
    mirrored = torch.from_numpy(np.ascontiguousarray(straight.numpy()[:, :, ::-1]))
    found = [torch.equal(each, straight) - torch.equal(each, mirrored) for each in batches.next().images]
    assert sorted(set(found)) == [-1, 1]


def test_batches_are_floats_of_the_range_of_tanh():
    batch = (
        DeviceBatches(kinds.Images(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1)), 2, device="cpu", seed=0)
        .next()
        .images
    )
    assert batch.dtype == torch.float32 and batch.shape == (2, 1, 1, 1)
    assert sorted(batch.flatten().tolist()) == [-1, 1]


def test_images_are_resized_once_to_bytes():
    batches = DeviceBatches(kinds.Images(numbered(3)), 2, device="cpu", seed=0, size=4)
    assert batches.data.images.shape == (3, 1, 4, 4) and batches.data.images.dtype == torch.uint8
    assert batches.next().images.shape == (2, 1, 4, 4)


@light
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3))
def test_resizing_agrees_with_pillow(side, size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    ours = data.resize(torch.from_numpy(pixels)[None, None], size)[0, 0].int()
    pillow = torch.from_numpy(np.array(Image.fromarray(pixels).resize((size, size), Image.BILINEAR))).int()
    assert (ours - pillow).abs().max() <= 1  # Pillow rounds after each of its two passes


def test_halving_an_image_averages_what_lies_below_each_pixel():
    stripes = torch.tensor([0, 255], dtype=torch.uint8).repeat(8).expand(1, 1, 16, 16)
    inner = data.resize(stripes, 4)[..., 1:-1]
    assert (inner.int() - 127).abs().max() <= 1


def test_resizing_cuts_out_the_centered_square():
    wide = torch.zeros(1, 1, 4, 10, dtype=torch.uint8)
    wide[..., 3:7] = 200
    assert torch.equal(data.resize(wide, 4), torch.full((1, 1, 4, 4), 200, dtype=torch.uint8))
    assert (data.resize(wide, 8) == 200).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batches_of(0, 4), "at least one image"),
        (lambda: batches_of(4, 0), "at least one image"),
        (lambda: batches_of(4, 2, rank=2, world=2), "rank 2 is not one of the 2 ranks"),
        (lambda: DeviceBatches(kinds.Images(torch.zeros(2, 1, 4, 4)), 2, device="cpu", seed=0), "must be uint8"),
        (lambda: batches_of(4, 2, size=0), "at least 1 pixel"),
        (lambda: batches_of(4, 2).load_state_dict(batches_of(5, 2).state_dict()), "of 5 images, there are 4"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    images = torch.randint(256, (23, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    return pictures_of(images, tmp_path_factory.mktemp("pictures")), images


CUT = {"size": 4, "load_size": 5, "flip": True}


@pytest.mark.parametrize("options", [{}, {"flip": True}, {"size": 4, "flip": True}, {"rank": 1, "world": 2}, CUT])
def test_streaming_gives_the_batches_that_memory_gives(pictures, options):
    paths, images = pictures
    streamed = FolderBatches(kinds.Images(paths), 5, device="cpu", seed=7, **options)
    resident = DeviceBatches(kinds.Images(images), 5, device="cpu", seed=7, **options)
    for _ in range(12):
        assert torch.equal(streamed.next().images, resident.next().images)


@pytest.mark.parametrize("steps", [0, 1, 6])
@pytest.mark.parametrize("options", [{"flip": True}, CUT])
def test_streaming_resumes_where_the_last_batch_was_taken(pictures, steps, options):
    paths, images = pictures
    streamed = FolderBatches(kinds.Images(paths), 5, device="cpu", seed=7, **options)
    for _ in range(steps):
        streamed.next()
    state = streamed.state_dict()
    resident = DeviceBatches(kinds.Images(images), 5, device="cpu", seed=0, **options)
    resident.load_state_dict(state)  # a run may change from one to the other
    resumed = FolderBatches(kinds.Images(paths), 5, device="cpu", seed=0, **options)
    resumed.next()
    resumed.load_state_dict(state)
    for _ in range(6):
        expected = streamed.next().images
        assert torch.equal(resumed.next().images, expected)
        assert torch.equal(resident.next().images, expected)


def test_a_picture_that_breaks_while_streaming_is_named(pictures, tmp_path):
    paths, _ = pictures
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths[1].read_bytes()[:60])
    streamed = FolderBatches(kinds.Images([paths[0], broken]), 2, device="cpu", seed=0)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"cannot read the picture .*broken\.png"):
            streamed.next()
    broken.write_bytes(paths[1].read_bytes())
    whole = FolderBatches(kinds.Images(paths[:2]), 2, device="cpu", seed=0)
    assert torch.equal(streamed.next().images, whole.next().images)  # mended, and not a batch was lost


@pytest.mark.parametrize("end", ["close", "forget"])
def test_streaming_leaves_no_threads(pictures, end):
    before = set(threading.enumerate())
    streamed = FolderBatches(kinds.Images(pictures[0]), 5, device="cpu", seed=0)
    streamed.next()
    started = set(threading.enumerate()) - before
    assert started
    if end == "close":
        streamed.close()
    del streamed
    gc.collect()
    for each in started:
        each.join(timeout=60)
    assert not any(each.is_alive() for each in started)

"""`ganedu.recipes.image_pool`: nothing lost, one half exchanged, every place alike, and a state that goes on."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu.recipes.image_pool import ImagePool


def random(seed=2):
    return torch.Generator().manual_seed(seed)


@given(st.integers(1, 4), st.integers(0, 5), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_no_image_is_lost_or_doubled_by_a_pool(batch, capacity, rounds):
    capacity += batch if capacity else 0
    pool, given_in, returned = ImagePool(capacity, (1, 1, 1)), [], []
    for i in range(rounds):
        fresh = torch.arange(batch).view(-1, 1, 1, 1) + 1.0 + i * batch
        given_in += fresh.flatten().tolist()
        returned += pool.exchange(fresh, random(i)).flatten().tolist()
        assert pool.count == min((i + 1) * batch, capacity)
    kept = given_in[:capacity]  # handed out and kept at once
    assert sorted(returned + pool.images[: pool.count].flatten().tolist()) == sorted(given_in + kept)
    assert returned[:capacity] == kept
    assert capacity or returned == given_in


def test_a_full_pool_gives_back_an_older_image_with_probability_one_half():
    pool, draws, n, rounds = ImagePool(50, (1, 1, 1)), random(), 5, 800
    for i in range(10):
        pool.exchange(torch.full((n, 1, 1, 1), float(i)), draws)
    older, places, previous = 0, torch.zeros(50), pool.images.clone()
    for i in range(10, 10 + rounds):
        older += int((pool.exchange(torch.full((n, 1, 1, 1), float(i)), draws) != i).sum())
        places += (pool.images != previous).flatten()
        previous = pool.images.clone()
    deviation = (n * rounds * 0.25) ** 0.5
    assert abs(older - n * rounds / 2) < 5 * deviation
    assert places.sum() == older
    share = (
        older / 50
    )  # every place is taken equally often: chi square with 49 degrees of freedom, mean 49, variance 98
    assert abs(float(((places - share).square() / share).sum()) - 49) < 5 * 98**0.5


def test_images_wait_in_a_pool_as_long_as_a_geometric_law_says():
    pool, draws, waited = ImagePool(2, (1, 1, 1)), random(), []
    for i in range(3000):
        out = int(pool.exchange(torch.full((1, 1, 1, 1), float(i)), draws))
        waited += [i - out] if i > 2 and out != i else []
    expected = [0.25 * 0.75 ** (k - 1) for k in range(1, 6)]  # each step takes a given one of two with 1/2 * 1/2
    for k, p in enumerate(expected, start=1):
        assert abs(waited.count(k) - p * len(waited)) < 5 * (p * (1 - p) * len(waited)) ** 0.5


@pytest.mark.parametrize("filled", [2, 9])
def test_a_pools_state_continues_it_to_the_bit(filled):
    first, second, draws = ImagePool(4, (1, 2, 2)), ImagePool(4, (1, 2, 2)), random()
    for _ in range(filled):
        first.exchange(torch.rand(1, 1, 2, 2, generator=draws), draws)
    state = first.state_dict()
    second.load_state_dict(state)
    stored, fresh = state["images"].clone(), torch.rand(10, 2, 1, 2, 2, generator=draws)
    draws, others = random(9), random(9)
    for images in fresh:
        assert torch.equal(first.exchange(images, draws), second.exchange(images, others))
    assert torch.equal(first.images, second.images)
    assert torch.equal(state["images"], stored)  # a copy, which later exchanges leave alone
    assert not torch.equal(first.images[: len(stored)], stored)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_an_exchange_on_a_gpu_does_not_wait_for_it():
    pool, draws = ImagePool(4, (3, 8, 8), device="cuda"), torch.Generator("cuda").manual_seed(0)
    fresh = torch.rand(3, 3, 8, 8, device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        returned = [pool.exchange(fresh + i, draws) for i in range(5)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.stack(returned).shape == (5, 3, 3, 8, 8)
    assert pool.is_full


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: ImagePool(2, (1, 1, 1)).exchange(torch.zeros(3, 1, 1, 1), random()), "3 images .* a pool of 2"),
        (
            lambda: ImagePool(2, (1, 1, 1)).load_state_dict({"images": torch.zeros(3, 1, 1, 1)}),
            r"\(2, 1, 1, 1\) cannot hold images \(3, 1, 1, 1\)",
        ),
        (
            lambda: ImagePool(2, (1, 4, 4)).load_state_dict({"images": torch.zeros(1, 3, 4, 4)}),
            r"\(2, 1, 4, 4\) cannot hold images \(1, 3, 4, 4\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

"""`ganedu.latent`: walks keep what they promise, directions find what made the labels."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu import latent

T = torch.linspace(0, 1, 9, dtype=torch.float64)


def pair(seed, d, n=3):
    return torch.randn(2, n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(2, 40))
def test_walks_start_and_end_where_they_should(seed, d):
    a, b = pair(seed, d)
    for walk in (latent.lerp, latent.slerp):
        path = walk(a, b, T)
        assert path.shape == (9, 3, d)
        assert torch.allclose(path[0], a, atol=1e-12) and torch.allclose(path[-1], b, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(2, 40))
def test_slerp_keeps_equal_lengths_and_turns_evenly(seed, d):
    a, b = (each / each.norm(dim=-1, keepdim=True) * 3 for each in pair(seed, d))
    path = latent.slerp(a, b, T)
    assert torch.allclose(path.norm(dim=-1), torch.full((9, 3), 3.0, dtype=torch.float64), atol=1e-12)
    turned = (path[:-1] * path[1:]).sum(-1) / 9
    assert torch.allclose(turned, turned[:1].expand_as(turned), atol=1e-10)


def test_slerp_of_one_direction_is_straight():
    a = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)
    assert torch.allclose(latent.slerp(a, 3 * a, T), latent.lerp(a, 3 * a, T), atol=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [([1.0, 0.0], [-2.0, 0.0], "opposite"), ([0.0, 0.0], [1.0, 0.0], "zero vector"), ([1.0], [1.0, 0.0], "one shape")],
)
def test_walks_that_do_not_exist_are_named(a, b, message):
    with pytest.raises(ValueError, match=message):
        latent.slerp(torch.tensor(a), torch.tensor(b), T)


def test_mean_direction_finds_the_normal_of_the_labels():
    random = torch.Generator().manual_seed(1)
    z, w = (torch.randn(*shape, generator=random, dtype=torch.float64) for shape in ((20_000, 10), (10,)))
    found = latent.mean_direction(z, z @ w > 0.5)
    assert found.norm() == pytest.approx(1)
    assert found @ w / w.norm() > 0.99


@pytest.mark.parametrize("all_alike", [True, False])
def test_a_direction_needs_both_kinds(all_alike):
    with pytest.raises(ValueError, match="needs both kinds"):
        latent.mean_direction(torch.randn(5, 2), torch.full((5,), all_alike))


def test_without_leaves_the_others_alone():
    v, *others = torch.randn(5, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    others = torch.stack([*others, others[0] - 2 * others[1]])  # one of them depends on two others
    left = latent.without(v, others)
    assert left.norm() == pytest.approx(1) and (others @ left).abs().max() < 1e-12
    assert torch.allclose(latent.without(v, 7 * others[:1]), latent.without(v, others[:1]), atol=1e-12)
    assert torch.allclose(latent.without(v, 1e-9 * others), left, atol=1e-12)  # of any lengths
    nothing = latent.without(v, torch.zeros(0, 12, dtype=torch.float64))
    assert torch.allclose(nothing, v / v.norm(), atol=1e-12)


def test_nothing_is_left_of_a_combination():
    others = torch.randn(2, 6, dtype=torch.float64)
    with pytest.raises(ValueError, match="nothing is left"):
        latent.without(others[0] + math.pi * others[1], others)

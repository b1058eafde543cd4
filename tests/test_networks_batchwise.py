"""`ganedu.networks.batchwise` against sums by hand, its bounds and torch's own distances."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu.networks.batchwise import MinibatchDiscrimination, pack, similarity

few = settings(max_examples=20, deadline=None)
sizes = st.integers(1, 5)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 7), sizes, sizes, st.integers(0, 99))
@few
def test_similarity_is_the_sum_over_the_batch_and_lies_between_1_and_n(n, kernels, width, seed):
    rows = normal(n, kernels, width, seed=seed)
    got = similarity(rows)
    for b in range(kernels):
        expected = torch.exp(-torch.cdist(rows[:, b], rows[:, b], p=1)).sum(1)
        assert torch.allclose(got[:, b], expected, rtol=0, atol=1e-12)
    assert (got >= 1).all() and (got <= n).all()


def test_a_collapsed_batch_has_similarity_n_and_a_scattered_one_1():
    rows = normal(1, 3, 4)
    assert torch.equal(similarity(rows.repeat(32, 1, 1)), torch.full((32, 3), 32.0, dtype=torch.float64))
    scattered = 1000 * torch.arange(32, dtype=torch.float64)[:, None, None] + rows
    assert torch.allclose(similarity(scattered), torch.ones(32, 3, dtype=torch.float64), atol=1e-12)


@given(st.integers(1, 6), sizes, sizes, sizes)
@few
def test_layer_appends_the_similarities_to_the_features(n, features, kernels, width):
    layer = MinibatchDiscrimination(features, kernels=kernels, width=width, dtype=torch.float64)
    x = normal(n, features)
    out = layer(x)
    assert out.shape == (n, features + kernels) and torch.equal(out[:, :features], x)
    rows = torch.einsum("nf,fbc->nbc", x, layer.tensor.view(features, kernels, width))
    assert torch.allclose(out[:, features:], similarity(rows), atol=1e-12)


def test_similarity_of_a_sample_is_moved_by_the_others_alone():
    layer = MinibatchDiscrimination(3, dtype=torch.float64)
    x = normal(5, 3).requires_grad_()
    (slope,) = torch.autograd.grad(layer(x)[0, 3:].sum(), x)
    assert slope.abs().sum(1).min() > 0
    order = torch.tensor([0, 4, 2, 1, 3])
    assert torch.allclose(layer(x)[order], layer(x[order]), atol=1e-12)


def test_gradients_of_the_layer_agree_with_finite_differences():
    layer = MinibatchDiscrimination(3, kernels=2, width=2, dtype=torch.float64)
    assert torch.autograd.gradcheck(layer, normal(4, 3).requires_grad_())


def test_packs_of_points_are_rows_and_packs_of_one_are_the_samples():
    x = torch.arange(8.0).view(4, 2)
    assert torch.equal(pack(x, 2), torch.tensor([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]))
    assert torch.equal(pack(x, 1), x)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
@few
def test_packs_hold_neighbors_side_by_side(packs, size, channels):
    x = normal(packs * size, channels, 2, 2)
    got = pack(x, size)
    assert got.shape == (packs, size * channels, 2, 2)
    for i, each in enumerate(got):
        assert torch.equal(each, torch.cat(list(x[i * size : (i + 1) * size])))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pack(torch.zeros(5, 2), 2), r"\(5, 2\) do not divide into packs of 2"),
        (lambda: pack(torch.zeros(4), 2), "do not divide"),
        (lambda: MinibatchDiscrimination(0), "at least 1, not 0, 16, 8"),
        (lambda: MinibatchDiscrimination(3)(torch.zeros(2, 4)), r"\[batch, 3\] expected"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_new_layer_spreads_its_features_by_about_one():
    torch.manual_seed(0)
    rows = normal(500, 64) @ MinibatchDiscrimination(64, dtype=torch.float64).tensor.detach()
    assert rows.std().item() == pytest.approx(1, abs=0.05)

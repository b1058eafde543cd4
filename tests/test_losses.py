"""`ganedu.losses` against torch's own cross-entropy, the formulas in D, and autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from ganedu import losses


def generator_loss(name, fake, real):
    loss = losses.get(name)
    return loss.generator(fake, real) if loss.relativistic else loss.generator(fake)


logits = st.lists(st.floats(-12, 12), min_size=1, max_size=8).map(lambda v: torch.tensor(v, dtype=torch.float64))


@given(logits, logits)
def test_cross_entropy_is_the_sum_of_two_binary_cross_entropies(real, fake):
    expected = binary_cross_entropy_with_logits(real, torch.ones_like(real)) + binary_cross_entropy_with_logits(
        fake, torch.zeros_like(fake)
    )
    assert losses.cross_entropy(real, fake).item() == pytest.approx(expected.item(), abs=1e-12)


@given(logits)
def test_generator_losses_are_their_formulas_in_d(fake):
    d = torch.sigmoid(fake)
    assert losses.saturating(fake).item() == pytest.approx((1 - d).log().mean().item(), abs=1e-9)
    assert losses.non_saturating(fake).item() == pytest.approx(-d.log().mean().item(), abs=1e-9)


@pytest.mark.parametrize(
    ("loss", "factor"), [(losses.saturating, lambda d: -d), (losses.non_saturating, lambda d: d - 1)]
)
def test_slope_in_the_logit(loss, factor):
    a = torch.linspace(-8, 8, 33, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(a) * len(a), a)
    assert torch.allclose(slope, factor(torch.sigmoid(a)).detach(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", losses.NAMES)
def test_descending_a_generator_loss_raises_the_logit(name):
    a = torch.linspace(-3, 0.9 if name == "least_squares" else 3, 7, requires_grad=True)  # its target is 1
    (slope,) = torch.autograd.grad(generator_loss(name, a, torch.zeros(7)), a)
    assert (slope < 0).all()


@pytest.mark.parametrize("name", losses.NAMES)
def test_descending_a_discriminator_loss_separates(name):
    real, fake = torch.full((5,), 0.5, requires_grad=True), torch.full((5,), 0.5, requires_grad=True)
    on_real, on_fake = torch.autograd.grad(losses.get(name).discriminator(real, fake), [real, fake])
    assert (on_real < 0).all()
    assert (on_fake > 0).all()


@pytest.mark.parametrize("name", losses.NAMES)
def test_extreme_logits_give_finite_losses_and_gradients_in_float32(name):
    a = torch.tensor([-1e4, -40.0, 0.0, 40.0, 1e4], requires_grad=True)
    total = losses.get(name).discriminator(a, a.flip(0)) + generator_loss(name, a, a.flip(0))
    (slope,) = torch.autograd.grad(total, a)
    assert total.isfinite()
    assert slope.isfinite().all()


def test_value_at_the_equilibrium():
    zero = torch.zeros(4, dtype=torch.float64)
    assert losses.cross_entropy(zero, zero).item() == pytest.approx(1.3862943611198906, abs=1e-15)
    assert losses.non_saturating(zero).item() == pytest.approx(0.6931471805599453, abs=1e-15)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="unknown loss 'hinges'; choose one of minimax, non_saturating, wasserstein"):
        losses.get("hinges")
    with pytest.raises(ValueError, match="empty batch"):
        losses.saturating(torch.empty(0))
    probability = torch.sigmoid(torch.zeros(3, requires_grad=True))
    pairs = (losses.cross_entropy, losses.hinge, losses.relativistic, losses.relativistic_generator)
    for loss in (losses.saturating, losses.non_saturating, *(lambda d, pair=pair: pair(d, d) for pair in pairs)):
        with pytest.raises(ValueError, match="a probability was given where a logit is expected"):
            loss(probability)


def test_a_critic_may_be_bounded_by_a_sigmoid():
    probability = torch.sigmoid(torch.zeros(3, requires_grad=True))
    assert losses.critic_generator(probability).item() == pytest.approx(-0.5)


@given(logits, logits)
def test_least_squares_is_half_the_squared_error_of_the_targets_one_and_zero(real, fake):
    r, f = real.numpy(), fake.numpy()
    expected = (np.mean((r - 1) ** 2) + np.mean(f**2)) / 2
    assert losses.least_squares(real, fake).item() == pytest.approx(expected, abs=1e-12)
    assert losses.least_squares_generator(fake).item() == pytest.approx(np.mean((f - 1) ** 2) / 2, abs=1e-12)


def test_least_squares_discriminator_is_optimal_at_the_ratio_p_over_p_plus_q():
    p, q = torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], dtype=torch.float64)
    f = (p / (p + q)).requires_grad_()
    batch = [torch.repeat_interleave(f, (10 * density).round().long()) for density in (p, q)]
    (slope,) = torch.autograd.grad(losses.least_squares(*batch), f)
    assert torch.allclose(slope, torch.zeros_like(slope), rtol=0, atol=1e-15)


@given(logits, logits)
def test_hinge_is_torchs_margin_loss(real, fake):
    margin = torch.nn.functional.hinge_embedding_loss  # max(0, margin - x) for the target -1
    expected = margin(real, -torch.ones_like(real), margin=1) + margin(-fake, -torch.ones_like(fake), margin=1)
    assert losses.hinge(real, fake).item() == pytest.approx(expected.item(), abs=1e-12)


def test_hinge_ignores_samples_beyond_the_margin():
    real, fake = torch.tensor([1.5, 0.5], requires_grad=True), torch.tensor([-1.5, -0.5], requires_grad=True)
    on_real, on_fake = torch.autograd.grad(losses.hinge(real, fake), [real, fake])
    assert on_real.tolist() == [0.0, -0.5]
    assert on_fake.tolist() == [0.0, 0.5]


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=8))
def test_relativistic_is_the_cross_entropy_of_differences(pairs):
    real, fake = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    ones = torch.ones_like(real)
    expected = binary_cross_entropy_with_logits(real - fake, ones)
    assert losses.relativistic(real, fake).item() == pytest.approx(expected.item(), abs=1e-12)
    expected = binary_cross_entropy_with_logits(fake - real, ones)
    assert losses.relativistic_generator(fake, real).item() == pytest.approx(expected.item(), abs=1e-12)


def test_relativistic_loss_ignores_a_common_shift_of_all_logits_and_needs_pairs():
    real, fake = torch.randn(6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    shifted = losses.relativistic(real + 5, fake + 5).item()
    assert losses.relativistic(real, fake).item() == pytest.approx(shifted, abs=1e-12)
    with pytest.raises(ValueError, match=r"pairs real and fake samples.*\(6,\) and \(5,\)"):
        losses.relativistic(real, fake[:5])


def test_only_the_relativistic_generator_asks_for_real_logits():
    assert [name for name in losses.NAMES if losses.get(name).relativistic] == ["relativistic"]
    assert losses.Loss(losses.cross_entropy, losses.saturating).relativistic is False

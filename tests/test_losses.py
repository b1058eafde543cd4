"""`ganedu.losses` against torch's own cross-entropy, the formulas in D, and autograd."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from ganedu import losses

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
    a = torch.linspace(-3, 3, 7, requires_grad=True)
    (slope,) = torch.autograd.grad(losses.get(name).generator(a), a)
    assert (slope < 0).all()


@pytest.mark.parametrize("name", losses.NAMES)
def test_descending_a_discriminator_loss_separates(name):
    real, fake = torch.zeros(5, requires_grad=True), torch.zeros(5, requires_grad=True)
    on_real, on_fake = torch.autograd.grad(losses.get(name).discriminator(real, fake), [real, fake])
    assert (on_real < 0).all()
    assert (on_fake > 0).all()


@pytest.mark.parametrize("name", losses.NAMES)
def test_extreme_logits_give_finite_losses_and_gradients_in_float32(name):
    a = torch.tensor([-1e4, -40.0, 0.0, 40.0, 1e4], requires_grad=True)
    total = losses.get(name).discriminator(a, a) + losses.get(name).generator(a)
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
    for loss in (losses.saturating, losses.non_saturating, lambda d: losses.cross_entropy(d, d)):
        with pytest.raises(ValueError, match="a probability was given where a logit is expected"):
            loss(probability)


def test_a_critic_may_be_bounded_by_a_sigmoid():
    probability = torch.sigmoid(torch.zeros(3, requires_grad=True))
    assert losses.critic_generator(probability).item() == pytest.approx(-0.5)

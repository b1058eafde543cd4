"""`ganedu.value` against numerical optimization and closed forms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from ganedu import densities, divergences
from ganedu.value import optimal_discriminator, optimal_logit, value

GRID = densities.interval(-40.0, 40.0)
LOG_P = densities.log_on(GRID, densities.gaussian(0, 1))
LOG_Q = densities.log_on(GRID, densities.gaussian(1, 2))


def test_value_of_an_undecided_discriminator_is_minus_log_four():
    assert value(torch.zeros_like(LOG_P), LOG_P, LOG_Q, GRID).item() == pytest.approx(-math.log(4), abs=1e-13)


def test_value_of_the_optimum_is_two_js_minus_log_four():
    best = value(optimal_logit(LOG_P, LOG_Q), LOG_P, LOG_Q, GRID).item()
    assert best == pytest.approx(2 * divergences.js(LOG_P, LOG_Q, GRID).item() - math.log(4), abs=1e-13)


@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_no_other_logit_does_better(weights):
    a, b, c, d = weights
    other = optimal_logit(LOG_P, LOG_Q) + a * torch.sin(b * GRID.nodes) + c * torch.cos(d * GRID.nodes)
    assert value(other, LOG_P, LOG_Q, GRID) <= value(optimal_logit(LOG_P, LOG_Q), LOG_P, LOG_Q, GRID) + 1e-13


@given(st.floats(0.05, 2), st.floats(0.05, 2), st.floats(0.05, 0.95))
def test_optimal_discriminator_is_the_numerical_maximizer(p, q, prior):
    def loss(d):
        return -prior * p * math.log(d) - (1 - prior) * q * math.log(1 - d)

    numerical = minimize_scalar(loss, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-10}).x
    log_p, log_q = (torch.tensor([x], dtype=torch.float64).log() for x in (p, q))
    assert optimal_discriminator(log_p, log_q, prior).item() == pytest.approx(numerical, abs=1e-6)


def test_optimum_where_one_or_no_density_lives():
    inf = math.inf
    got = optimal_discriminator(torch.tensor([0.0, -inf, -inf]), torch.tensor([-inf, 0.0, -inf]))
    assert got[:2].tolist() == [1.0, 0.0]
    assert got[2].isnan()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="the logits are NaN at 2000 of 2000 nodes"):
        value(LOG_P * math.nan, LOG_P, LOG_Q, GRID)
    with pytest.raises(ValueError, match="p integrates to 2"):
        value(LOG_P, LOG_P + math.log(2), LOG_Q, GRID)
    for prior in (-0.1, 0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match=rf"strictly between 0 and 1, not {prior}"):
            optimal_logit(LOG_P, LOG_Q, prior)
    with pytest.raises(ValueError, match="log_q"):
        optimal_logit(LOG_P, LOG_Q[1:])

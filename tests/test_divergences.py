"""`ganedu.divergences` against closed forms, scipy and the laws they obey."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from ganedu import densities, divergences

GRID = densities.interval(-40.0, 40.0)
BOXES = densities.interval(-1.0, 4.0, breaks=[0.0, 0.4, 1.0, 1.4, 2.0, 3.0])
gaussians = st.tuples(st.floats(-2, 2), st.floats(0.5, 2))


def on_grid(mean, std):
    return densities.log_on(GRID, densities.gaussian(mean, std))


@given(gaussians, gaussians)
def test_kl_of_gaussians_is_the_closed_form(a, b):
    (m1, s1), (m2, s2) = a, b
    closed = math.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5
    assert divergences.kl(on_grid(*a), on_grid(*b), GRID).item() == pytest.approx(closed, abs=1e-11)


@given(gaussians, gaussians)
def test_js_is_symmetric_bounded_and_the_entropy_form(a, b):
    log_p, log_q = on_grid(*a), on_grid(*b)
    js = divergences.js(log_p, log_q, GRID).item()
    log_m = divergences.log_mean(log_p, log_q)
    entropies = [divergences.entropy(log, GRID).item() for log in (log_m, log_p, log_q)]
    assert -1e-14 <= js <= math.log(2)
    assert js == pytest.approx(divergences.js(log_q, log_p, GRID).item(), abs=1e-14)
    assert js == pytest.approx(entropies[0] - (entropies[1] + entropies[2]) / 2, abs=1e-11)


def test_js_agrees_with_adaptive_quadrature():
    p, q = stats.norm(0, 1), stats.norm(1, 1)

    def integrand(x):
        m = (p.pdf(x) + q.pdf(x)) / 2
        return (p.pdf(x) * math.log(p.pdf(x) / m) + q.pdf(x) * math.log(q.pdf(x) / m)) / 2

    expected = integrate.quad(integrand, -12, 13, epsabs=1e-13)[0]
    assert divergences.js(on_grid(0, 1), on_grid(1, 1), GRID).item() == pytest.approx(expected, abs=1e-12)


@given(st.sampled_from([0.0, 0.4, 1.0, 2.0]))
def test_uniforms_that_overlap_in_part(shift):
    log_p = densities.log_on(BOXES, densities.uniform(0, 1))
    log_q = densities.log_on(BOXES, densities.uniform(shift, shift + 1))
    apart = min(shift, 1.0)
    assert divergences.js(log_p, log_q, BOXES).item() == pytest.approx(apart * math.log(2), abs=1e-13)
    assert divergences.total_variation(log_p, log_q, BOXES).item() == pytest.approx(apart, abs=1e-13)


def test_kl_is_infinite_where_q_vanishes():
    log_p = densities.log_on(BOXES, densities.uniform(0, 1))
    log_q = densities.log_on(BOXES, densities.uniform(0.4, 1.4))
    assert divergences.kl(log_p, log_q, BOXES).item() == math.inf


@given(st.floats(-3, 3))
def test_total_variation_of_shifted_gaussians(shift):
    grid = densities.interval(-40.0, 40.0, breaks=[shift / 2])  # |p - q| has its kink there
    log_p, log_q = (densities.log_on(grid, densities.gaussian(m, 1.0)) for m in (0.0, shift))
    closed = 2 * stats.norm.cdf(abs(shift) / 2) - 1
    assert divergences.total_variation(log_p, log_q, grid).item() == pytest.approx(closed, abs=1e-12)


def test_js_is_differentiable_even_where_a_density_is_zero():
    mass = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    log_p = densities.log_on(BOXES, densities.uniform(0, 1))
    log_q = torch.where(
        log_p > -math.inf, torch.log(mass), torch.where(BOXES.nodes >= 3, torch.log(1 - mass), -math.inf)
    )
    (slope,) = torch.autograd.grad(divergences.js(log_p, log_q, BOXES), mass)

    def closed(m):  # three atoms' worth of boxes: p = (1, 0), q = (m, 1 - m)
        return (math.log(2 / (1 + m)) + m * math.log(2 * m / (1 + m)) + (1 - m) * math.log(2)) / 2

    assert slope.item() == pytest.approx((closed(0.3 + 1e-6) - closed(0.3 - 1e-6)) / 2e-6, abs=1e-8)


def test_bad_input_is_named():
    good = on_grid(0, 1)
    with pytest.raises(ValueError, match=r"log_p has shape \(2000,\), log_q \(1999,\)"):
        divergences.js(good, good[1:], GRID)
    with pytest.raises(ValueError, match="q is NaN at 1 of 2000"):
        divergences.kl(good, good.index_fill(0, torch.tensor([3]), math.nan), GRID)
    with pytest.raises(ValueError, match="p integrates to 2 on this grid, not to 1"):
        divergences.js(good + math.log(2), good, GRID)
    with pytest.raises(ValueError, match=r"p integrates to 0\.5"):
        divergences.entropy(good - math.log(2), GRID)

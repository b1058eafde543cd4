"""`ganedu.divergences` against closed forms, scipy and the laws they obey."""

import itertools
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


NARROW = densities.interval(-8.0, 8.0)
NAMES = sorted(divergences.F_DIVERGENCES)


def narrow(mean, std):
    return densities.log_on(NARROW, densities.gaussian(mean, std))


def test_f_divergences_are_the_ones_of_their_names():
    log_p, log_q = narrow(0.3, 0.8), narrow(-0.2, 1.0)
    p, q = log_p.exp(), log_q.exp()
    expected = {
        "kl": divergences.kl(log_p, log_q, NARROW),
        "reverse_kl": divergences.kl(log_q, log_p, NARROW),
        "pearson": NARROW.integrate((p - q) ** 2 / q),
        "hellinger": NARROW.integrate((p.sqrt() - q.sqrt()) ** 2),
        "gan": 2 * divergences.js(log_p, log_q, NARROW),
    }
    assert sorted(expected) == NAMES
    for name, value in expected.items():
        assert divergences.f_divergence(name, log_p, log_q, NARROW).item() == pytest.approx(value.item(), abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_conjugates_are_the_suprema_and_derivatives_those_of_f(name):
    f, conjugate, derivative = divergences.F_DIVERGENCES[name]
    u = torch.linspace(0.2, 4, 40, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(f(u).sum(), u)
    assert torch.allclose(derivative(u), slope, rtol=0, atol=1e-12)
    assert f(torch.ones(1, dtype=torch.float64)).abs().item() < 1e-15
    t = derivative(u).detach()
    fine = torch.logspace(-3, 3, 200_001, dtype=torch.float64)
    suprema = torch.stack([(fine * each - f(fine)).max() for each in t])
    assert torch.allclose(conjugate(t), suprema, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_variational_bound_is_attained_by_its_critic_and_by_no_other(name):
    log_p, log_q = narrow(0.3, 0.8), narrow(-0.2, 1.0)
    value = divergences.f_divergence(name, log_p, log_q, NARROW).item()
    best = divergences.f_critic(name, log_p, log_q, NARROW)
    assert divergences.f_variational(name, best, log_p, log_q, NARROW).item() == pytest.approx(value, abs=1e-10)
    for shift in (-0.05, 0.05):
        other = best + shift * best.abs().clamp(max=1) * torch.sin(NARROW.nodes)
        other = other.clamp(max=best.max().item())  # where the conjugate is finite
        assert divergences.f_variational(name, other, log_p, log_q, NARROW).item() < value - 1e-6


def test_variational_form_of_the_gan_is_the_value_function():
    log_p, log_q = narrow(0.3, 0.8), narrow(-0.2, 1.0)
    d = torch.sigmoid(0.7 * NARROW.nodes - 0.1)  # T = log(2 D)
    bound = divergences.f_variational("gan", (2 * d).log(), log_p, log_q, NARROW).item()
    value = NARROW.expect(log_p, d.log()) + NARROW.expect(log_q, (1 - d).log())
    assert bound == pytest.approx(value.item() + math.log(4), abs=1e-12)


def points(seed, n, d=2, shift=0.0):
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + shift


@given(st.integers(0, 999), st.integers(2, 6), st.integers(2, 6), st.floats(0.3, 3))
def test_mmd_is_the_sum_over_pairs_of_different_samples(seed, n, m, bandwidth):
    x, y = points(seed, n), points(seed + 1, m, shift=0.5)

    def mean(pairs):
        values = [math.exp(-(a - b).square().sum().item() / (2 * bandwidth**2)) for a, b in pairs]
        return sum(values) / len(values)

    within = sum(mean(list(itertools.permutations(z, 2))) for z in (x, y))
    expected = within - 2 * mean(list(itertools.product(x, y)))
    assert divergences.mmd(x, y, bandwidth=bandwidth).item() == pytest.approx(expected, abs=1e-12)


def test_mmd_has_no_bias_over_all_ways_to_halve_a_set():
    pool = points(0, 6)
    values = []
    for cut in itertools.combinations(range(6), 3):
        chosen = torch.tensor([i in cut for i in range(6)])
        values.append(divergences.mmd(pool[chosen], pool[~chosen]).item())
    assert sum(values) / len(values) == pytest.approx(0, abs=1e-14) and min(values) < 0 < max(values)


def test_mmd_of_shifted_gaussians_is_the_closed_form():
    shift, values = 1.0, []
    for seed in range(20):
        values.append(divergences.mmd(points(2 * seed, 300, 1), points(2 * seed + 1, 300, 1, shift)).item())
    closed = 2 * (1 - math.exp(-(shift**2) / (2 * 3))) / math.sqrt(3)  # variance 1 + 1 + bandwidth^2
    error = stats.sem(values)
    assert sum(values) / 20 == pytest.approx(closed, abs=4 * error) and error < 0.01


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
    with pytest.raises(ValueError, match="unknown f-divergence 'chi'; choose one of kl, reverse_kl"):
        divergences.f_divergence("chi", good, good, GRID)
    with pytest.raises(ValueError, match="p / q is 0 or infinite at a node"):
        divergences.f_divergence("kl", on_grid(0, 0.5), on_grid(0, 2), GRID)
    with pytest.raises(ValueError, match="conjugate of 'gan' is not finite at 2000"):
        divergences.f_variational("gan", good.new_full(good.shape, 1.0), good, good, GRID)
    for x, y in ([(1, 2), (3, 2)], [(3, 2), (1, 2)], [(3, 2), (3, 1)], [(3,), (3, 2)], [(3, 2, 2), (3, 2)]):
        for a, b in ((x, y), (y, x)):
            with pytest.raises(ValueError, match="n, m >= 2 expected"):
                divergences.mmd(torch.zeros(a), torch.zeros(b))
    with pytest.raises(ValueError, match="must be positive, not 0"):
        divergences.mmd(torch.zeros(2, 2), torch.zeros(3, 2), bandwidth=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda p, q: divergences.kl(p, q, GRID),
        lambda p, q: divergences.js(p, q, GRID),
        lambda p, q: divergences.f_divergence("kl", p, q, GRID),
        lambda p, q: divergences.f_critic("kl", p, q, GRID),
        lambda p, q: divergences.f_variational("kl", torch.zeros_like(p), p, q, GRID),
    ],
    ids=["kl", "js", "f_divergence", "f_critic", "f_variational"],
)
def test_the_density_that_is_none_is_named(call):
    good = on_grid(0, 1)
    for name, p, q in (("p", good - 1, good), ("q", good, good - 1)):
        with pytest.raises(ValueError, match=f"^{name} integrates to"):
            call(p, q)

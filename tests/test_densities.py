"""`ganedu.densities` against scipy, closed forms and each other."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn import datasets

from ganedu import densities

means, stds = st.floats(-3, 3), st.floats(0.3, 3)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12))
def test_interval_is_exact_for_polynomials(coefficients):
    grid = densities.interval(-1.5, 2.0, panels=3, order=6)
    powers = torch.arange(len(coefficients))
    c = torch.tensor(coefficients, dtype=torch.float64)
    got = grid.integrate((c[:, None] * grid.nodes ** powers[:, None]).sum(0))
    exact = (c * (2.0 ** (powers + 1) - (-1.5) ** (powers + 1)) / (powers + 1)).sum()
    assert abs(got - exact) <= 1e-9 * max(1.0, c.abs().sum().item())


def test_interval_agrees_with_adaptive_quadrature_at_a_jump():
    grid = densities.interval(0.0, 2.0, breaks=[0.7])
    jump = torch.where(grid.nodes < 0.7, grid.nodes.exp(), grid.nodes.cos())
    expected = integrate.quad(math.exp, 0, 0.7)[0] + integrate.quad(math.cos, 0.7, 2)[0]
    assert grid.integrate(jump).item() == pytest.approx(expected, abs=1e-13)


@given(means, stds)
def test_gaussian_agrees_with_scipy_and_integrates_to_one(mean, std):
    grid = densities.interval(-40.0, 40.0)
    log_p = densities.log_on(grid, densities.gaussian(mean, std))
    assert log_p.numpy() == pytest.approx(stats.norm(mean, std).logpdf(grid.nodes.numpy()), rel=1e-12)
    assert grid.expect(log_p, grid.nodes).item() == pytest.approx(mean, abs=1e-10)
    assert grid.expect(log_p, (grid.nodes - mean) ** 2).item() == pytest.approx(std**2, abs=1e-10)


def test_mixture_is_the_weighted_sum_of_its_components():
    mix = densities.mixture([-1, 2], [0.5, 1.0], [3, 1])
    x = torch.linspace(-4, 5, 50, dtype=torch.float64)
    parts = [densities.gaussian(m, s).log_prob(x).exp() for m, s in ((-1, 0.5), (2, 1.0))]
    assert torch.allclose(mix.log_prob(x).exp(), 0.75 * parts[0] + 0.25 * parts[1], rtol=0, atol=1e-14)


def test_ring_integrates_to_one_and_has_its_modes_on_the_circle():
    grid = densities.square(-4.0, 4.0, panels=60, order=8)
    densities.log_on(grid, densities.ring(std=0.2))
    centers = densities.ring_centers(8, 2.0)
    assert torch.allclose(centers.norm(dim=1), torch.full((8,), 2.0, dtype=torch.float64))
    gaps = (centers - centers.roll(1, 0)).norm(dim=1)
    assert torch.allclose(gaps, torch.full_like(gaps, 4 * math.sin(math.pi / 8)))


def test_expectation_ignores_infinite_values_where_the_density_is_zero():
    grid = densities.interval(0.0, 2.0, breaks=[1.0])
    log_p = densities.log_on(grid, densities.uniform(0, 1))
    values = torch.where(grid.nodes < 1, grid.nodes, torch.tensor(math.inf, dtype=torch.float64))
    assert grid.expect(log_p, values).item() == pytest.approx(0.5, abs=1e-14)


def test_bad_densities_are_named():
    grid = densities.interval(-1.0, 1.0)
    with pytest.raises(ValueError, match="cannot be negative"):
        densities.log_on(grid, lambda x: x.new_full(x.shape, -0.5))
    with pytest.raises(ValueError, match=r"integrates to 0\.68.*widen the grid"):
        densities.log_on(grid, densities.gaussian())
    with pytest.raises(ValueError, match="NaN at 2000 of 2000 nodes"):
        densities.log_on(grid, lambda x: x * math.nan)


def test_a_density_that_is_negative_somewhere_is_refused_where_it_first_is():
    grid = densities.interval(0.0, 2.0, panels=2, order=2)
    with pytest.raises(ValueError, match=r"cannot be negative: it is -0\.5 \(first at 1\.21"):
        densities.log_on(grid, lambda x: torch.where(x < 1, 0.0, -0.5 * torch.ones_like(x)))


def test_breaks_may_come_in_any_order_and_lie_outside():
    grid = densities.interval(0.0, 2.0, breaks=[1.3137, 5.0, 0.7137, -1.0], panels=2)
    steps = torch.where(grid.nodes < 0.7137, 1.0, torch.where(grid.nodes < 1.3137, 10.0, 100.0)).double()
    assert grid.integrate(steps).item() == pytest.approx(0.7137 + 10 * 0.6 + 100 * 0.6863, abs=1e-11)
    assert len(grid.nodes) == 3 * 2 * 20
    ends = densities.interval(0.0, 2.0, breaks=[0.0, 2.0])
    assert torch.equal(ends.nodes, densities.interval(0.0, 2.0).nodes)


def test_square_is_exact_for_products_of_polynomials():
    grid = densities.square(-1.0, 2.0)
    assert grid.nodes.shape == ((20 * 10) ** 2, 2)
    x, y = grid.nodes.unbind(1)
    exact = (2**6 - 1) / 6 * (2**4 - 1) / 4  # x^5 y^3 on [-1, 2]^2
    assert grid.integrate(x**5 * y**3).item() == pytest.approx(exact, rel=1e-12)


def test_a_ring_may_have_one_mode():
    assert densities.ring_centers(1, 0.5).tolist() == [[0.5, 0.0]]


def test_one_nan_is_enough_to_refuse_a_density():
    grid = densities.interval(0.0, 1.0, panels=1, order=4)
    log_p = torch.zeros(4, dtype=torch.float64).index_fill(0, torch.tensor([2]), math.nan)
    with pytest.raises(ValueError, match="p is NaN at 1 of 4 nodes"):
        densities.check_normalized(log_p, grid, name="p")


def test_a_density_may_be_zero():
    grid = densities.interval(0.0, 2.0, breaks=[1.0])
    log_p = densities.log_on(grid, lambda x: torch.where(x < 1, 1.0, 0.0))
    assert torch.equal(log_p, torch.where(grid.nodes < 1, 0.0, -math.inf).double())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: densities.interval(1.0, 0.0), "must be finite and increasing"),
        (lambda: densities.interval(0.0, math.inf), "must be finite and increasing"),
        (lambda: densities.mixture([0, 1], [1], [1, 1]), "2 means, 1 stds"),
        (lambda: densities.ring(modes=0), "at least one mode"),
        (lambda: densities.ring(radius=0.0), "a positive radius, not 8 and 0"),
        (lambda: densities.interval(0.0, 1.0, panels=1, order=3).integrate(torch.ones(4)), "evaluate the function at"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_lattice_has_25_centers_around_the_origin_and_integrates_to_one():
    centers = densities.lattice_centers(5, 2.0)
    assert len(set(map(tuple, centers.tolist()))) == 25
    assert sorted(set(centers.flatten().tolist())) == [-4, -2, 0, 2, 4]
    grid = densities.square(-3.0, 3.0, panels=40, order=8)
    log_p = densities.log_on(grid, densities.lattice(3, 1.5, std=0.15))
    assert grid.expect(log_p, grid.nodes.square().sum(1)).item() == pytest.approx(2 * (1.5 + 0.15**2), abs=1e-9)


def test_swiss_roll_is_scikit_learns_and_integrates_to_one():
    roll, scikit = densities.swiss_roll(), datasets.make_swiss_roll(20_000, noise=0.25, random_state=0)[0][:, [0, 2]]
    torch.manual_seed(0)
    ours, theirs = roll.sample([20_000]), torch.from_numpy(scikit / 7.5)
    for moment in (1, 2, 3):
        a, b = ours**moment, theirs**moment
        error = ((a.var(0) + b.var(0)) / 20_000).sqrt()
        assert ((a.mean(0) - b.mean(0)).abs() < 4 * error).all()
    grid = densities.square(-2.3, 2.3, panels=48, order=6)
    few = grid.nodes.split(256)  # times 1200 components: all at once would be gigabytes
    densities.check_normalized(torch.cat([roll.log_prob(nodes) for nodes in few]), grid, tolerance=1e-6)


def test_density_of_the_swiss_roll_is_the_integral_along_the_curve():
    roll, std = densities.swiss_roll(), 0.25 / 7.5
    for x, y in ((0.3, 0.9), (-1.2, 0.1), (1.88, 0.02)):

        def pen(t, x=x, y=y):
            square = (x - t * math.cos(t) / 7.5) ** 2 + (y - t * math.sin(t) / 7.5) ** 2
            return math.exp(-square / (2 * std**2)) / (2 * math.pi * std**2) / (3 * math.pi)

        parts = [integrate.quad(pen, (1.5 + k * 0.1) * math.pi, (1.6 + k * 0.1) * math.pi)[0] for k in range(30)]
        got = roll.log_prob(torch.tensor([x, y], dtype=torch.float64)).exp().item()
        assert got == pytest.approx(sum(parts), rel=1e-8, abs=1e-12)


def test_bad_lattices_and_rolls_are_named():
    with pytest.raises(ValueError, match="at least one point a side"):
        densities.lattice(0)
    with pytest.raises(ValueError, match="must be positive"):
        densities.swiss_roll(std=0.0)
    with pytest.raises(ValueError, match="too fine for 1000 nodes"):
        densities.swiss_roll(std=1e-3)

"""`ganedu.transport`: four ways to one distance, POT as oracle, and what theory says of the solutions."""

import math

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ganedu import transport

few = settings(max_examples=10, deadline=None)
sizes, seeds = st.integers(1, 7), st.integers(0, 999)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def masses(n, seed=0):
    return normal(n, seed=seed).softmax(0)


def even(n):
    return torch.full((n,), 1 / n, dtype=torch.float64)


@given(sizes, seeds)
@few
def test_sorting_distribution_functions_and_both_programs_agree_with_pot(n, seed):
    x, y = normal(n, seed=seed), 2 * normal(n, seed=seed + 1) + 1
    cost = (x[:, None] - y[None]).abs()
    found = [
        transport.wasserstein_1d(x, y).item(),
        transport.wasserstein_cdf(x, y).item(),
        transport.wasserstein_lp(even(n), even(n), cost).cost,
        transport.wasserstein_dual(even(n), even(n), cost).value,
    ]
    oracle = ot.emd2(even(n).numpy(), even(n).numpy(), cost.numpy())
    assert found == pytest.approx([float(oracle)] * 4, abs=1e-9)


@given(sizes, sizes, seeds)
@few
def test_distribution_functions_take_masses_and_sizes_as_the_program_does(n, m, seed):
    x, y, a, b = normal(n, seed=seed), normal(m, seed=seed + 1), masses(n, seed + 2), masses(m, seed + 3)
    expected = transport.wasserstein_lp(a, b, (x[:, None] - y[None]).abs()).cost
    assert transport.wasserstein_cdf(x, y, a, b).item() == pytest.approx(expected, abs=1e-9)
    assert expected == pytest.approx(stats.wasserstein_distance(x, y, a, b), abs=1e-9)


@given(sizes, sizes, seeds)
@few
def test_in_the_plane_primal_and_dual_agree_and_fulfill_their_conditions(n, m, seed):
    a, b = masses(n, seed), masses(m, seed + 1)
    cost = torch.cdist(normal(n, 2, seed=seed + 2), normal(m, 2, seed=seed + 3))
    cost_found, plan = transport.wasserstein_lp(a, b, cost)
    value, f, g = transport.wasserstein_dual(a, b, cost)
    assert cost_found == pytest.approx(value, abs=1e-9)
    assert cost_found == pytest.approx(float(ot.emd2(a.numpy(), b.numpy(), cost.numpy())), abs=1e-9)
    assert (plan >= 0).all() and (plan * cost).sum().item() == pytest.approx(cost_found, abs=1e-12)
    assert torch.allclose(plan.sum(1), a, atol=1e-9) and torch.allclose(plan.sum(0), b, atol=1e-9)
    slack = cost - f[:, None] - g[None]
    assert (slack >= -1e-9).all() and f[0] == 0
    assert (slack * plan).abs().max() < 1e-9  # mass moves only where the constraint is tight


def test_on_one_set_of_points_the_potentials_are_a_critic_of_slope_one():
    points, a, b = normal(9, 2), masses(9, 1), masses(9, 2)
    cost = torch.cdist(points, points)
    value, _, g = transport.wasserstein_dual(a, b, cost)
    critic = (cost - g).amin(1)  # the c-transform of g: an optimal f everywhere
    assert ((critic[:, None] - critic[None]).abs() <= cost + 1e-9).all()
    assert (a @ critic - b @ critic).item() == pytest.approx(value, abs=1e-9)


@given(st.floats(-3, 3), seeds)
@few
def test_translation_costs_its_length_and_pulls_with_unit_slope(shift, seed):
    x = normal(20, seed=seed)
    move = torch.tensor(shift, dtype=torch.float64, requires_grad=True)
    distance = transport.wasserstein_1d(x, x + move)
    assert distance.item() == pytest.approx(abs(shift), abs=1e-12)
    if abs(shift) > 1e-6:
        assert torch.autograd.grad(distance, move)[0].item() == pytest.approx(math.copysign(1, shift), abs=1e-12)


@given(seeds)
@few
def test_difference_of_the_means_is_a_lower_bound(seed):
    x, y = normal(15, seed=seed), 0.5 * normal(15, seed=seed + 1) + 0.3
    assert transport.wasserstein_1d(x, y) >= (x.mean() - y.mean()).abs() - 1e-12


def test_distance_by_distribution_functions_can_be_differentiated():
    x, y = normal(4, seed=1).requires_grad_(), normal(3, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(transport.wasserstein_cdf, (x, y))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transport.wasserstein_1d(torch.zeros(2), torch.zeros(3)), "`wasserstein_cdf` takes different sizes"),
        (lambda: transport.wasserstein_lp(even(2), even(3), torch.zeros(3, 2)), r"shape \(2, 3\) is expected"),
        (
            lambda: transport.wasserstein_lp(even(2), 2 * even(3), torch.zeros(2, 3)),
            "b of shape .* sum 2 are no masses",
        ),
        (lambda: transport.wasserstein_lp(even(2) / 2, even(3), torch.zeros(2, 3)), "a of shape .* sum 0.5 are no"),
        (
            lambda: transport.wasserstein_dual(torch.tensor([1.5, -0.5]), even(1), torch.zeros(2, 1)),
            "a of shape .* are no masses of 2 points",
        ),
        (lambda: transport.wasserstein_lp(even(1), even(1), torch.full((1, 1), math.inf)), "a finite cost"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""`ganedu.implicit` against finite differences, closed forms and direct solves."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import grad, hessian
from torch.nn.functional import logsigmoid

from ganedu import densities, implicit

few = settings(max_examples=8, deadline=None)
GRID = densities.interval(-10.0, 10.0, panels=30, order=10)
P = densities.log_on(GRID, densities.mixture([-1.5, 1.5], [0.6, 0.8], [1, 2]))
NOISE = densities.log_on(GRID, densities.gaussian())
THETA = torch.tensor([0.4, 1.2], dtype=torch.float64)  # the generator is z -> theta_0 + theta_1 z


def logit(phi, x):
    return phi[0] + phi[1] * x + phi[2] * x**2


def fooled(theta, phi):
    return logit(phi, theta[0] + theta[1] * GRID.nodes)


def value(theta, phi):
    """V of a discriminator with a quadratic logit, by quadrature, less a ridge that keeps the maximum finite."""
    real, fake = logsigmoid(logit(phi, GRID.nodes)), logsigmoid(-fooled(theta, phi))
    return GRID.expect(P, real) + GRID.expect(NOISE, fake) - 0.05 * phi.square().sum() / 2


def non_saturating(theta, phi):
    return -GRID.expect(NOISE, logsigmoid(fooled(theta, phi)))


def respond(theta):
    return implicit.best_response(value, theta, torch.zeros(3, dtype=torch.float64))


def differences(function, at, step=1e-4):
    """Derivative [..., k] by central differences of fourth order."""
    columns = []
    for e in torch.eye(len(at), dtype=at.dtype):
        near, far = (function(at + h * e) - function(at - h * e) for h in (step, 2 * step))
        columns.append((8 * near - far) / (12 * step))
    return torch.stack(columns, dim=-1)


def test_best_response_is_where_the_gradient_vanishes_and_no_neighbor_is_better():
    phi = respond(THETA)
    assert grad(value, 1)(THETA, phi).abs().max() < 1e-12
    random = torch.Generator().manual_seed(0)
    for step in torch.randn(20, 3, dtype=torch.float64, generator=random):
        assert value(THETA, phi + 0.1 * step) < value(THETA, phi)


def test_derivative_of_the_best_response_agrees_with_finite_differences():
    got = implicit.response_derivative(value, THETA, respond(THETA))
    assert got.shape == (3, 2) and got.abs().max() > 0.1
    assert (got - differences(respond, THETA)).abs().max() < 1e-7


def test_envelope_theorem_leaves_no_residual_for_the_value_itself():
    phi = respond(THETA)
    total = differences(lambda at: value(at, respond(at)), THETA)
    partial = grad(value, 0)(THETA, phi)
    assert (total - partial).abs().max() < 1e-8
    assert (implicit.total_gradient(value, value, THETA, phi) - partial).abs().max() < 1e-10


def test_total_gradient_of_the_non_saturating_loss_needs_the_implicit_term():
    phi = respond(THETA)
    expected = differences(lambda at: non_saturating(at, respond(at)), THETA)
    got = implicit.total_gradient(non_saturating, value, THETA, phi)
    assert (got - expected).abs().max() < 1e-7
    assert (grad(non_saturating, 0)(THETA, phi) - expected).abs().max() > 0.05


def test_conjugate_gradients_agree_with_the_direct_solve():
    phi, vector = respond(THETA), torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    direct = implicit.response_derivative(value, THETA, phi).T @ vector
    assert (implicit.response_product(value, THETA, phi, vector) - direct).abs().max() < 1e-10


@given(st.integers(1, 12), st.integers(0, 999))
@few
def test_conjugate_gradients_solve_any_positive_definite_system(m, seed):
    random = torch.Generator().manual_seed(seed)
    root = torch.randn(m, m, dtype=torch.float64, generator=random)
    matrix, right = root @ root.T + torch.eye(m), torch.randn(m, dtype=torch.float64, generator=random)
    got = implicit.conjugate_gradients(lambda v: matrix @ v, right)
    assert torch.allclose(got, torch.linalg.solve(matrix, right), rtol=0, atol=1e-10)


@pytest.mark.parametrize("steps", [0, 1, 3, 7])
def test_unrolled_gradient_agrees_with_finite_differences(steps):
    phi = torch.tensor([0.2, -0.4, 0.1], dtype=torch.float64)

    def unrolled(at):
        return non_saturating(at, implicit.unroll(value, at, phi, steps=steps, rate=0.3))

    got = implicit.unrolled_gradient(non_saturating, value, THETA, phi, steps=steps, rate=0.3)
    assert (got - differences(unrolled, THETA)).abs().max() < 1e-8


def test_without_steps_the_unrolled_gradient_is_the_partial_one_and_with_many_the_total_one():
    phi = respond(THETA)
    for loss in (value, non_saturating):
        none, many = (implicit.unrolled_gradient(loss, value, THETA, phi, steps=steps, rate=0.3) for steps in (0, 400))
        assert torch.equal(none, grad(loss, 0)(THETA, phi))
        assert (many - implicit.total_gradient(loss, value, THETA, phi)).abs().max() < 1e-8


def test_one_unrolled_step_from_the_best_response_takes_the_inverse_for_the_rate():
    phi, rate = respond(THETA), 0.3
    got = implicit.unrolled_gradient(non_saturating, value, THETA, phi, steps=1, rate=rate)
    through = grad(non_saturating, 1)(THETA, phi)
    mixed = -hessian(value, 1)(THETA, phi) @ implicit.response_derivative(value, THETA, phi)
    expected = grad(non_saturating, 0)(THETA, phi) + rate * mixed.T @ through
    assert (got - expected).abs().max() < 1e-10


def test_the_residual_of_conjugate_gradients_is_relative_to_the_right_side():
    right = torch.tensor([3e-9, -1e-9], dtype=torch.float64)
    assert torch.allclose(implicit.conjugate_gradients(lambda v: 2 * v, right), right / 2, rtol=1e-12, atol=0)


def test_bad_responses_are_named():
    theta, phi = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    with pytest.raises(ValueError, match="not concave; start nearer"):
        implicit.best_response(lambda t, p: p.square().sum() + t.sum(), theta, phi)
    with pytest.raises(ValueError, match="not concave; start nearer"):  # flat is no maximum either
        implicit.best_response(lambda t, p: t.sum() - p.pow(4).sum(), theta, 0 * phi)
    with pytest.raises(ValueError, match=r"no best response after 5 steps of Newton: the gradient is"):
        implicit.best_response(lambda t, p: -(-p).exp().sum() + t.sum(), theta, phi, steps=5)
    with pytest.raises(ValueError, match="not positive definite"):
        implicit.response_product(lambda t, p: (t * p).sum() + p.square().sum(), theta, phi, phi)
    with pytest.raises(ValueError, match="a direction has curvature 0"):
        implicit.conjugate_gradients(torch.zeros_like, phi)

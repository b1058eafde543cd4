"""The independent methods behind the checks, against functions whose slopes are known."""

import pytest
import torch

from ganedu.checks import _numeric


def cubes(x):
    return (x**3).sum()


def test_autograd_gives_the_slope_and_leaves_its_argument_alone():
    at = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    slope = _numeric.autograd(cubes, at)
    assert torch.allclose(slope, 3 * at**2, rtol=1e-14)
    assert not slope.requires_grad and not at.requires_grad and at.grad is None


def test_autograd_of_a_constant_is_zero_and_of_a_vector_refused():
    at = torch.ones(2, dtype=torch.float64)
    assert torch.equal(_numeric.autograd(lambda x: torch.ones(1, requires_grad=True).sum(), at), torch.zeros_like(at))
    with pytest.raises(ValueError, match=r"must return a scalar, but gave shape \(2,\)"):
        _numeric.autograd(lambda x: x, at)


@pytest.mark.parametrize("n", [1, 64])
def test_central_differences_look_along_the_axes_of_small_spaces(n):
    at = torch.linspace(-1, 2, n, dtype=torch.float64)
    along, slopes = _numeric.central_differences(cubes, at)
    assert torch.equal(along, torch.eye(n, dtype=torch.float64))
    assert torch.allclose(slopes, 3 * at**2, rtol=0, atol=1e-8)


def test_central_differences_look_along_64_unit_directions_of_a_large_space():
    at = torch.linspace(-1, 2, 65, dtype=torch.float64).reshape(5, 13)
    along, slopes = _numeric.central_differences(cubes, at)
    assert along.shape == (64, 65)
    assert torch.allclose(along.norm(dim=1), torch.ones(64, dtype=torch.float64))
    assert torch.allclose(slopes, along @ (3 * at**2).flatten(), rtol=0, atol=1e-8)
    assert torch.equal(along, _numeric.central_differences(cubes, at)[0])


def test_partial_differences_are_the_gradient_in_the_shape_of_the_argument():
    at = torch.linspace(-1, 2, 6, dtype=torch.float64).reshape(2, 3)
    slopes = _numeric.partial_differences(cubes, at)
    assert slopes.shape == (2, 3) and torch.allclose(slopes, 3 * at**2, rtol=0, atol=1e-8)
    rough = _numeric.partial_differences(cubes, torch.zeros(1, dtype=torch.float64), step=0.1)
    assert rough.item() == pytest.approx(0.01, rel=1e-12)


def test_as_many_partial_differences_as_a_thousand_are_taken():
    at = torch.ones(1000, dtype=torch.float64)
    assert torch.allclose(_numeric.partial_differences(lambda x: x.sum(), at), at, atol=1e-8)
    with pytest.raises(ValueError, match="1001 partial derivatives by differences are too many"):
        _numeric.partial_differences(lambda x: x.sum(), torch.ones(1001, dtype=torch.float64))


def test_a_smaller_step_is_taken_where_asked():
    at = torch.zeros(1, dtype=torch.float64)
    assert _numeric.central_differences(cubes, at, step=0.1)[1].item() == pytest.approx(0.01, rel=1e-12)


def test_slope_is_that_of_the_least_squares_line():
    x, y = torch.tensor([0.0, 1.0, 2.0, 4.0]).double(), torch.tensor([1.0, 3.0, 2.0, 6.0]).double()
    assert _numeric.slope(x, y).item() == pytest.approx(40 / 35, rel=1e-12)

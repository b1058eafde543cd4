"""The independent methods behind `ganedu.checks`: autograd, central differences, a least-squares slope."""

from collections.abc import Callable

import torch
from torch import Tensor

MAX_PARTIALS = 1000
MAX_COORDINATES = 64  # beyond it, central differences look along this many random directions instead


def autograd(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Gradient of a scalar function at `at` by reverse-mode automatic differentiation, shaped like `at`."""
    at = at.clone().requires_grad_()
    value = function(at)
    if value.numel() != 1:
        raise ValueError(f"the function must return a scalar, but gave shape {tuple(value.shape)}")
    (slope,) = torch.autograd.grad(value.reshape(()), at, materialize_grads=True)
    return slope.detach()


def central_differences(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Directional derivatives of a scalar function without automatic differentiation.

    Returns directions [k, n] (coordinate axes, or random unit vectors if n is large) and derivatives [k].
    """
    n = at.numel()
    if n <= MAX_COORDINATES:
        directions = torch.eye(n, dtype=at.dtype)
    else:
        generator = torch.Generator().manual_seed(0)
        directions = torch.randn(MAX_COORDINATES, n, dtype=at.dtype, generator=generator)
        directions /= directions.norm(dim=1, keepdim=True)

    def along(direction, length):
        with torch.enable_grad():  # the function may itself differentiate
            return float(function((at.flatten() + length * direction).reshape(at.shape)).detach())

    slopes = [(along(u, step) - along(u, -step)) / (2 * step) for u in directions]
    return directions, torch.tensor(slopes, dtype=at.dtype)


def partial_differences(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-5) -> Tensor:
    """All partial derivatives of a scalar function by central differences, shaped like `at` (at most 1000)."""
    if at.numel() > MAX_PARTIALS:
        raise ValueError(f"{at.numel()} partial derivatives by differences are too many: check a smaller case")
    slopes = []
    for direction in torch.eye(at.numel(), dtype=at.dtype):
        offset = step * direction.reshape(at.shape)
        with torch.enable_grad():  # the function may itself differentiate
            slopes.append(float((function(at + offset) - function(at - offset)).detach()) / (2 * step))
    return torch.tensor(slopes, dtype=at.dtype).reshape(at.shape)


def slope(x: Tensor, y: Tensor) -> Tensor:
    """Slope of the least-squares line through the points (x, y), both [n]."""
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / x.square().sum()

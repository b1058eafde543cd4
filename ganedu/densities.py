"""Named densities on `torch.distributions`, and the quadrature grids to integrate them on.

Every density has ``sample([n])`` and ``log_prob(x)``; a 1-D density takes x of shape [n], a 2-D one [n, 2].
All are float64. Taught in {ref}`ch-optimal-discriminator`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    Normal,
    Uniform,
)


@dataclass(frozen=True)
class Grid:
    """Nodes and weights of a quadrature rule: the integral of f is the sum of weights * f(nodes).

    nodes: [n] or [n, 2] float64; weights: [n] float64.
    Taught in {ref}`ch-optimal-discriminator`.
    """

    nodes: Tensor
    weights: Tensor

    def integrate(self, values: Tensor) -> Tensor:
        """Integral of a function given by its values [..., n] at the nodes; returns [...]."""
        if values.shape[-1:] != self.weights.shape:
            raise ValueError(
                f"the grid has {len(self.weights)} nodes, but the values have shape {tuple(values.shape)}; "
                "evaluate the function at grid.nodes"
            )
        return (values * self.weights).sum(-1)

    def expect(self, log_density: Tensor, values: Tensor) -> Tensor:
        """Expectation of values [..., n] under a density given by its logarithm [n] at the nodes; returns [...].

        Where the density is 0 the product is 0, whatever the value there (0 log 0 = 0).
        """
        density = log_density.exp()
        return self.integrate(torch.where(density > 0, density * values, torch.zeros_like(density)))


def interval(low: float, high: float, *, breaks: Sequence[float] = (), panels: int = 100, order: int = 20) -> Grid:
    """Composite Gauss-Legendre rule on [low, high], exact for piecewise polynomials of degree 2 order - 1.

    breaks: points where the integrand may jump (edges of a uniform density); each becomes an edge of a panel.
    panels: number of equal panels between two such points. Error for Gaussians within the interval: about 1e-15.
    Raises ValueError if the limits are not finite and increasing.
    Taught in {ref}`ch-optimal-discriminator`.
    """
    ends = [low, *sorted(b for b in breaks if low < b < high), high]
    if not all(math.isfinite(e) for e in ends) or not low < high:
        raise ValueError(f"the interval [{low}, {high}] must be finite and increasing")
    edges = torch.cat([torch.linspace(a, b, panels + 1, dtype=torch.float64)[:-1] for a, b in pairwise(ends)])
    edges = torch.cat([edges, torch.tensor([high], dtype=torch.float64)])
    unit_nodes, unit_weights = (torch.from_numpy(t) for t in _legendre(order))  # on [-1, 1]
    half = edges.diff()[:, None] / 2  # [panels, 1]
    middle = (edges[:-1, None] + edges[1:, None]) / 2
    return Grid((middle + half * unit_nodes).flatten(), (half * unit_weights).flatten())


def square(low: float, high: float, *, panels: int = 20, order: int = 10) -> Grid:
    """Product of two `interval` rules on [low, high] x [low, high]; nodes [n, 2].

    Taught in {ref}`ch-first-gan`.
    """
    line = interval(low, high, panels=panels, order=order)
    return Grid(torch.cartesian_prod(line.nodes, line.nodes), torch.outer(line.weights, line.weights).flatten())


@lru_cache
def _legendre(order: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(order)


def gaussian(mean: float = 0.0, std: float = 1.0) -> Normal:
    """Normal density N(mean, std^2) on the line.

    Taught in {ref}`ch-optimal-discriminator`.
    """
    return Normal(_scalar(mean), _scalar(std))


def uniform(low: float, high: float) -> Uniform:
    """Uniform density on [low, high); its log density is -inf outside.

    Taught in {ref}`ch-optimal-discriminator`.
    """
    return Uniform(_scalar(low), _scalar(high), validate_args=False)  # else log_prob raises outside the support


def mixture(means: Sequence[float], stds: Sequence[float], weights: Sequence[float]) -> MixtureSameFamily:
    """Gaussian mixture on the line; weights need not be normalized.

    Taught in {ref}`ch-optimal-discriminator`.
    """
    if not len(means) == len(stds) == len(weights):
        raise ValueError(f"a mixture of {len(means)} means, {len(stds)} stds and {len(weights)} weights")
    return MixtureSameFamily(Categorical(_vector(weights)), Normal(_vector(means), _vector(stds)))


def ring(modes: int = 8, radius: float = 2.0, std: float = 0.1) -> MixtureSameFamily:
    """Equal Gaussians with centers evenly on a circle: the classical toy of mode coverage, [n, 2].

    Taught in {ref}`ch-first-gan`.
    """
    return _round_gaussians(ring_centers(modes, radius), std)


def ring_centers(modes: int = 8, radius: float = 2.0) -> Tensor:
    """Centers of `ring`, [modes, 2], the first on the positive x axis.

    Taught in {ref}`ch-first-gan`.
    """
    if modes < 1 or radius <= 0:
        raise ValueError(f"a ring needs at least one mode and a positive radius, not {modes} and {radius}")
    angle = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    return radius * torch.stack([angle.cos(), angle.sin()], dim=1)


def lattice(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> MixtureSameFamily:
    """Equal Gaussians on a square grid of side x side points around the origin, [n, 2]: "the grid of 25".

    Taught in {ref}`ch-mode-collapse`.
    """
    return _round_gaussians(lattice_centers(side, spacing), std)


def lattice_centers(side: int = 5, spacing: float = 2.0) -> Tensor:
    """Centers of `lattice`, [side * side, 2], row by row from the lower left.

    Taught in {ref}`ch-mode-collapse`.
    """
    if side < 1 or spacing <= 0:
        raise ValueError(f"a lattice needs at least one point a side and a positive spacing, not {side} and {spacing}")
    line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    return torch.cartesian_prod(line, line).flip(1)


def swiss_roll(turns: float = 1.5, std: float = 0.25 / 7.5, scale: float = 1 / 7.5) -> MixtureSameFamily:
    """A Gaussian pen drawn along a spiral, [n, 2]: scale * t (cos t, sin t), t uniform on 3 pi / 2 + [0, 2 pi turns].

    The integral over t is a sum over the nodes of a quadrature rule, so that the density is exact to about 1e-12 as
    long as the pen is no finer than the default; the defaults are scikit-learn's law as WGAN-GP's code scales it.
    Raises ValueError for sizes that are not positive, or a pen finer than the nodes of the rule lie apart.
    Taught in {ref}`ch-gradient-penalty`; Gulrajani et al. 2017, figure 2.
    """
    if not (turns > 0 and std > 0 and scale > 0):
        raise ValueError(f"turns {turns}, std {std} and scale {scale} must be positive")
    start = 1.5 * math.pi
    rule = interval(start, start + 2 * math.pi * turns, panels=50)
    centers = scale * rule.nodes[:, None] * torch.stack([rule.nodes.cos(), rule.nodes.sin()], dim=1)
    if centers.diff(dim=0).norm(dim=1).max() > std:
        raise ValueError(f"a pen of width {std} is too fine for {len(centers)} nodes; widen it or draw fewer turns")
    return _round_gaussians(centers, std, rule.weights)


def _round_gaussians(centers: Tensor, std: float, weights: Tensor | None = None) -> MixtureSameFamily:
    weights = torch.ones_like(centers[:, 0]) if weights is None else weights
    return MixtureSameFamily(Categorical(weights), Independent(Normal(centers, torch.full_like(centers, std)), 1))


def log_on(grid: Grid, density: Distribution | Callable[[Tensor], Tensor], *, tolerance: float = 1e-6) -> Tensor:
    """Log density [n] at the nodes of a grid, after checking that it is a density there.

    density: a distribution, or a function from nodes to density VALUES (not logarithms).
    Raises ValueError if a value is NaN or negative, or if the integral over the grid is not 1 within `tolerance`.
    Taught in {ref}`ch-optimal-discriminator`.
    """
    if isinstance(density, Distribution):
        log_density = density.log_prob(grid.nodes)
    else:
        values = density(grid.nodes)
        if (values < 0).any():
            where = grid.nodes[values < 0][0].tolist()
            raise ValueError(f"a density cannot be negative: it is {values.min():.3g} (first at {where})")
        log_density = values.log()
    check_normalized(log_density, grid, tolerance=tolerance)
    return log_density


def check_normalized(log_density: Tensor, grid: Grid, *, name: str = "the density", tolerance: float = 1e-6) -> None:
    """Raise ValueError unless exp(log_density) [n] is free of NaN and integrates to 1 on the grid.

    Taught in {ref}`ch-optimal-discriminator`.
    """
    if log_density.isnan().any():
        raise ValueError(f"{name} is NaN at {int(log_density.isnan().sum())} of {log_density.numel()} nodes")
    mass = grid.integrate(log_density.exp()).item()
    if not abs(mass - 1) <= tolerance:
        raise ValueError(
            f"{name} integrates to {mass:.6g} on this grid, not to 1 within {tolerance:g}: "
            "normalize it, widen the grid, or put its jumps into `breaks`"
        )


def _scalar(value: float) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def _vector(values: Sequence[float]) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64)

"""Wasserstein distances of order 1, four ways: by sorting, by distribution functions, by two linear programs.

Taught in {ref}`ch-disjoint-supports` and {ref}`ch-wasserstein`.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Transport(NamedTuple):
    """The solution of the primal program: its cost, and how much mass [n, m] goes where.

    Taught in {ref}`ch-wasserstein`.
    """

    cost: float
    plan: Tensor


class Potentials(NamedTuple):
    """The solution of the dual program: its value, and the potentials f [n] and g [m] with f_i + g_j <= cost_ij.

    Taught in {ref}`ch-wasserstein`.
    """

    value: float
    f: Tensor
    g: Tensor


def wasserstein_1d(x: Tensor, y: Tensor) -> Tensor:
    """W1 of two samples on the line, [n] each: the mean of |x - y| after sorting both; differentiable.

    Raises ValueError for samples of other shapes.
    Taught in {ref}`ch-disjoint-supports`.
    """
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(
            f"sorting pairs two samples of one size on the line, not {tuple(x.shape)} and {tuple(y.shape)}; "
            "`wasserstein_cdf` takes different sizes and weights"
        )
    return (x.sort().values - y.sort().values).abs().mean()


def wasserstein_cdf(x: Tensor, y: Tensor, a: Tensor | None = None, b: Tensor | None = None) -> Tensor:
    """W1 on the line as the area between the distribution functions, the integral of |F - G|; differentiable in x, y.

    x [n], y [m]: points; a [n], b [m]: their masses, equal ones if None.
    Raises ValueError for masses that are negative or do not sum to 1.
    Taught in {ref}`ch-disjoint-supports`; Vallender 1974.
    """
    masses = [torch.full_like(z, 1 / len(z)) if mass is None else mass for z, mass in ((x, a), (y, b))]
    _check_masses(*masses, (len(x), len(y)))
    points, order = torch.cat([x, y]).sort()
    gap = torch.cat([masses[0], -masses[1]])[order].cumsum(0)[:-1]  # F - G between neighboring points
    return (gap.abs() * points.diff()).sum()


def wasserstein_lp(a: Tensor, b: Tensor, cost: Tensor) -> Transport:
    """Kantorovich's program: min of sum plan * cost over plans >= 0 with row sums a and column sums b.

    a [n], b [m]: masses; cost [n, m].
    Raises ValueError for masses that are negative or do not sum to 1, or a cost of another shape.
    Taught in {ref}`ch-wasserstein`; Kantorovich 1942.
    """
    from scipy.optimize import linprog

    n, m = _check_program(a, b, cost)
    found = linprog(cost.double().flatten().numpy(), A_eq=_marginals(n, m), b_eq=torch.cat([a, b]).double().numpy())
    return Transport(float(found.fun), torch.from_numpy(found.x).reshape(n, m))


def wasserstein_dual(a: Tensor, b: Tensor, cost: Tensor) -> Potentials:
    """Kantorovich's dual: max of sum a f + sum b g over potentials with f_i + g_j <= cost_ij.

    If cost is a distance between points of one set, g = -f on it, and f is an optimal critic with slope at most 1.
    Potentials are unique up to a constant at best; this one has f_0 = 0.
    Raises ValueError for masses that are negative or do not sum to 1, or a cost of another shape.
    Taught in {ref}`ch-wasserstein`; Kantorovich and Rubinstein 1958.
    """
    from scipy.optimize import linprog

    n, m = _check_program(a, b, cost)
    found = linprog(
        -torch.cat([a, b]).double().numpy(),
        A_ub=_marginals(n, m).T,
        b_ub=cost.double().flatten().numpy(),
        bounds=[(0, 0)] + [(None, None)] * (n + m - 1),
    )
    potentials = torch.from_numpy(found.x)
    return Potentials(-float(found.fun), potentials[:n], potentials[n:])


def _marginals(n: int, m: int):
    """Sparse matrix [n + m, n m] that takes a flattened plan to its row sums and its column sums."""
    from scipy import sparse

    rows = sparse.kron(sparse.identity(n), np.ones((1, m)))
    columns = sparse.kron(np.ones((1, n)), sparse.identity(m))
    return sparse.vstack([rows, columns]).tocsr()


def _check_program(a: Tensor, b: Tensor, cost: Tensor) -> tuple[int, int]:
    if cost.shape != (len(a), len(b)) or not cost.isfinite().all():
        raise ValueError(f"a finite cost of shape ({len(a)}, {len(b)}) is expected, {tuple(cost.shape)} given")
    _check_masses(a, b, tuple(cost.shape))
    return len(a), len(b)


def _check_masses(a: Tensor, b: Tensor, sizes: tuple[int, int]) -> None:
    for name, mass, size in (("a", a, sizes[0]), ("b", b, sizes[1])):
        if mass.shape != (size,) or (mass < 0).any() or not abs(mass.sum().item() - 1) < 1e-6:
            raise ValueError(
                f"{name} of shape {tuple(mass.shape)} and sum {mass.sum().item():.6g} are no masses of {size} points; "
                "give numbers that are not negative and sum to 1"
            )

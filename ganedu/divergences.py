"""Divergences between two densities on a quadrature grid, in nats.

Every function takes log densities [n] at the nodes of a `ganedu.densities.Grid` and returns a scalar that autograd
can differentiate in the parameters of either density. Densities are checked: NaN, or a mass that is not 1, is an error.
Taught in {ref}`ch-jensen-shannon`.
"""

import math

import torch
from torch import Tensor

from ganedu.densities import Grid, check_normalized


def kl(log_p: Tensor, log_q: Tensor, grid: Grid) -> Tensor:
    """Kullback-Leibler divergence KL(p || q) = E_p[log p - log q]; infinite where q = 0 < p.

    Taught in {ref}`ch-jensen-shannon`; Kullback and Leibler 1951.
    """
    _check(log_p, log_q, grid)
    return grid.expect(log_p, _difference(log_p, log_q))


def js(log_p: Tensor, log_q: Tensor, grid: Grid) -> Tensor:
    """Jensen-Shannon divergence (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2; between 0 and log 2.

    Taught in {ref}`ch-jensen-shannon`; Lin 1991.
    """
    _check(log_p, log_q, grid)
    log_m = log_mean(log_p, log_q)
    return (grid.expect(log_p, _difference(log_p, log_m)) + grid.expect(log_q, _difference(log_q, log_m))) / 2


def total_variation(log_p: Tensor, log_q: Tensor, grid: Grid) -> Tensor:
    """Total variation distance, half the integral of |p - q|; between 0 and 1.

    Taught in {ref}`ch-jensen-shannon`.
    """
    _check(log_p, log_q, grid)
    return grid.integrate((log_p.exp() - log_q.exp()).abs()) / 2


def entropy(log_p: Tensor, grid: Grid) -> Tensor:
    """Differential entropy -E_p[log p]; may be negative.

    Taught in {ref}`ch-jensen-shannon`.
    """
    check_normalized(log_p, grid, name="p")
    return -grid.expect(log_p, log_p)


def log_mean(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Logarithm of the mixture (p + q) / 2, without leaving the log domain.

    Taught in {ref}`ch-jensen-shannon`.
    """
    return torch.logaddexp(log_p, log_q) - math.log(2)


def _difference(log_p: Tensor, log_q: Tensor) -> Tensor:
    """log p - log q where p > 0, and 0 elsewhere (there -inf - -inf would be NaN, also in the gradient)."""
    support = log_p > -math.inf
    zero = torch.zeros_like(log_p)
    return torch.where(support, log_p, zero) - torch.where(support, log_q, zero)


def _check(log_p: Tensor, log_q: Tensor, grid: Grid) -> None:
    if log_p.shape != log_q.shape:
        raise ValueError(f"log_p has shape {tuple(log_p.shape)}, log_q {tuple(log_q.shape)}; both belong to one grid")
    check_normalized(log_p, grid, name="p")
    check_normalized(log_q, grid, name="q")

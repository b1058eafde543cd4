"""Divergences between two densities on a quadrature grid, in nats, and distances between two sets of samples.

Functions of densities take log densities [n] at the nodes of a `ganedu.densities.Grid` and return a scalar that
autograd can differentiate in the parameters of either density. Densities are checked: NaN, or a mass that is not 1, is
an error. Transport of samples and of weights stands in `ganedu.transport`.
Taught in {ref}`ch-jensen-shannon`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

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


class FDivergence(NamedTuple):
    """A convex f with f(1) = 0, its conjugate f*(t) = sup over u of u t - f(u), and its derivative.

    Taught in {ref}`ch-jensen-shannon`; Csiszar 1963, Nowozin et al. 2016, table 1.
    """

    f: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]


F_DIVERGENCES = {
    "kl": FDivergence(lambda u: u * u.log(), lambda t: (t - 1).exp(), lambda u: 1 + u.log()),
    "reverse_kl": FDivergence(lambda u: -u.log(), lambda t: -1 - (-t).log(), lambda u: -1 / u),
    "pearson": FDivergence(lambda u: (u - 1) ** 2, lambda t: t**2 / 4 + t, lambda u: 2 * (u - 1)),
    "hellinger": FDivergence(lambda u: (u.sqrt() - 1) ** 2, lambda t: t / (1 - t), lambda u: 1 - u.rsqrt()),
    "gan": FDivergence(
        lambda u: u * u.log() - (u + 1) * ((u + 1) / 2).log(),
        lambda t: -math.log(2) - torch.log1p(-t.exp() / 2),
        lambda u: math.log(2) + u.log() - torch.log1p(u),
    ),  # twice the Jensen-Shannon divergence
}


def f_divergence(name: str, log_p: Tensor, log_q: Tensor, grid: Grid) -> Tensor:
    """D_f(p || q) = E_q f(p / q), for densities that are positive at all nodes.

    name: one of F_DIVERGENCES.
    Raises ValueError, listing the names, for any other; and for densities that vanish at a node.
    Taught in {ref}`ch-jensen-shannon`; Nowozin et al. 2016, eq. 2.
    """
    return grid.expect(log_q, _f(name).f(_ratio(log_p, log_q, grid)))


def f_variational(name: str, critic: Tensor, log_p: Tensor, log_q: Tensor, grid: Grid) -> Tensor:
    """The lower bound E_p T - E_q f*(T) of D_f(p || q), for a critic given by its values T [n] at the nodes.

    It is attained by T = f'(p / q): see `f_critic`. T must lie where f* is finite.
    Raises ValueError where f* is not finite.
    Taught in {ref}`ch-jensen-shannon`; Nguyen et al. 2010, Nowozin et al. 2016, eq. 4.
    """
    _check(log_p, log_q, grid)
    conjugate = _f(name).conjugate(critic)
    if not conjugate.isfinite().all():
        raise ValueError(f"the conjugate of {name!r} is not finite at {int((~conjugate.isfinite()).sum())} values of T")
    return grid.expect(log_p, critic) - grid.expect(log_q, conjugate)


def f_critic(name: str, log_p: Tensor, log_q: Tensor, grid: Grid) -> Tensor:
    """The critic f'(p / q) [n] that attains the bound of `f_variational`.

    Taught in {ref}`ch-jensen-shannon`; Nowozin et al. 2016, eq. 5.
    """
    return _f(name).derivative(_ratio(log_p, log_q, grid))


def mmd(x: Tensor, y: Tensor, *, bandwidth: float = 1.0) -> Tensor:
    """Squared maximum mean discrepancy with the Gaussian kernel, without bias; may be negative.

    x [n, d], y [m, d], n, m >= 2: samples. Kernel exp(-||a - b||^2 / (2 bandwidth^2)); the mean of k(x, x') + k(y, y')
    over pairs of different samples, less twice that of k(x, y). Differentiable in the samples.
    Raises ValueError for fewer samples, other shapes, or a bandwidth that is not positive.
    Taught in {ref}`ch-evaluation`; Gretton et al. 2012, eq. 3.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(
            f"samples {tuple(x.shape)} and {tuple(y.shape)} given; [n, d] and [m, d] with n, m >= 2 expected"
        )
    if not bandwidth > 0:
        raise ValueError(f"the bandwidth of the kernel must be positive, not {bandwidth}")

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-(a[:, None] - b[None]).square().sum(2) / (2 * bandwidth**2))

    def within(a: Tensor) -> Tensor:
        n = len(a)
        return (kernel(a, a).sum() - n) / (n * (n - 1))  # k(a, a) = 1 on the diagonal

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def _f(name: str) -> FDivergence:
    if name not in F_DIVERGENCES:
        raise ValueError(f"unknown f-divergence {name!r}; choose one of {', '.join(F_DIVERGENCES)}")
    return F_DIVERGENCES[name]


def _ratio(log_p: Tensor, log_q: Tensor, grid: Grid) -> Tensor:
    _check(log_p, log_q, grid)
    ratio = (log_p - log_q).exp()
    if not (ratio.isfinite() & (ratio > 0)).all():
        raise ValueError("p / q is 0 or infinite at a node; give densities that are positive on the whole grid")
    return ratio


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

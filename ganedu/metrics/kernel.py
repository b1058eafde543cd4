"""Kernel distance of two sets of features: a comparison of all third moments without a bias in n.

Taught in {ref}`ch-evaluation`; Bińkowski et al. 2018, Gretton et al. 2012.
"""

import torch
from torch import Tensor

from ganedu.metrics._checked import feature_pair

ROWS = 1024  # rows of the kernel matrix held at once, so that 50,000 samples fit into memory


def kernel_distance(features_a: Tensor, features_b: Tensor, *, degree: int = 3) -> Tensor:
    """Squared maximum mean discrepancy with the kernel (x . y / d + 1)^degree, a float64 scalar.

    The mean of k(a, a') and k(b, b') over pairs of *different* samples, minus twice the mean of k(a, b). It is
    unbiased, so it is negative more often than not if both sets follow one law.
    features_a: [n, d]; features_b: [m, d]; only values over the same features can be compared. It is called KID only
    for the features of Inception-v3.
    Raises ValueError for mismatched shapes, NaN or infinity, fewer than 2 samples, or a degree below 1.
    Taught in {ref}`ch-evaluation`; Bińkowski et al. 2018.
    """
    a, b = feature_pair(("features_a", features_a), ("features_b", features_b), least=2)
    if not isinstance(degree, int) or degree < 1:
        raise ValueError(f"the degree of the kernel must be a positive whole number, not {degree!r}")
    return _within(a, degree) + _within(b, degree) - 2 * _total(a, b, degree) / (len(a) * len(b))


def _within(x: Tensor, degree: int) -> Tensor:
    """Mean kernel over all ordered pairs of two different samples."""
    itself = (x.square().mean(1) + 1).pow(degree).sum()
    return (_total(x, x, degree) - itself) / (len(x) * (len(x) - 1))


def _total(x: Tensor, y: Tensor, degree: int) -> Tensor:
    sums = [(rows @ y.T / y.shape[1] + 1).pow(degree).sum() for rows in x.split(ROWS)]
    return torch.stack(sums).sum()

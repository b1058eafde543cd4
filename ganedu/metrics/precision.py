"""Precision and recall of a generator: are its samples real-like, and does it reach all real ones?

Taught in {ref}`ch-evaluation`; Kynkäänniemi et al. 2019.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ganedu.metrics._checked import feature_pair

ROWS = 1024  # rows of the distance matrix held at once


class PrecisionRecall(NamedTuple):
    """Result of `precision_recall`, both within [0, 1].

    precision: share of generated samples in the region of real ones; recall: share of real in that of generated ones.
    Taught in {ref}`ch-evaluation`.
    """

    precision: float
    recall: float


def precision_recall(real_features: Tensor, fake_features: Tensor, *, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall.

    The region of a set of samples is the union of balls, one around each sample, that just reach its k-th nearest
    neighbor in the set (the sample itself not counted). Depends on the sizes of both sets: report them.
    real_features: [n, d]; fake_features: [m, d], of one network. Costs n^2 + m^2 + n m distances, in blocks.
    Raises ValueError for mismatched shapes, NaN or infinity, k below 1, or no more than k samples in a set.
    Taught in {ref}`ch-evaluation`; Kynkäänniemi et al. 2019.
    """
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"k, the neighbor that a ball reaches, must be a positive whole number, not {k!r}")
    real, fake = feature_pair(("real_features", real_features), ("fake_features", fake_features), least=k + 1)
    return PrecisionRecall(_share_inside(fake, real, _radii(real, k)), _share_inside(real, fake, _radii(fake, k)))


def _distances(x: Tensor, y: Tensor) -> Tensor:
    # not by |x|^2 + |y|^2 - 2xy: rounding there pushes copies of a sample out of a ball of radius 0
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def _radii(x: Tensor, k: int) -> Tensor:
    """Distance [n] of each sample to its k-th nearest neighbor: the (k+1)-th smallest, the first being its own 0."""
    return torch.cat([_distances(rows, x).kthvalue(k + 1, dim=1).values for rows in x.split(ROWS)])


def _share_inside(x: Tensor, centers: Tensor, radii: Tensor) -> float:
    inside = [(_distances(rows, centers) <= radii).any(1) for rows in x.split(ROWS)]
    return torch.cat(inside).double().mean().item()

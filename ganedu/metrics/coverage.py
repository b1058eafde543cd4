"""How many modes of a known mixture the samples reach.

Taught in {ref}`ch-first-gan`.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Coverage(NamedTuple):
    """Result of `mode_coverage`.

    modes: number of modes covered; quality: share of samples close to a center; counts: int64 [k] of close samples.
    Taught in {ref}`ch-first-gan`.
    """

    modes: int
    quality: float
    counts: Tensor


def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, *, radius: float = 3.0, fair_share: float = 0.1
) -> Coverage:
    """Modes covered, and share of samples of high quality, for a mixture of equal round Gaussians.

    samples: [n, d]; centers: [k, d]; std: standard deviation of every mode.
    A sample is of high quality within `radius` standard deviations of its nearest center. A mode is covered if it
    gets at least `fair_share` of its fair share n / k in such samples, so that one stray sample covers nothing.
    Raises ValueError for mismatched shapes, NaN or infinity, fewer than 10 k samples, or an std that is not positive.
    Taught in {ref}`ch-first-gan`; after Srivastava et al. 2017, who let one sample suffice.
    """
    if samples.ndim != 2 or centers.ndim != 2 or samples.shape[1] != centers.shape[1]:
        raise ValueError(
            f"samples {tuple(samples.shape)} and centers {tuple(centers.shape)} given, [n, d] and [k, d] expected"
        )
    if not std > 0 or not radius > 0 or not 0 < fair_share <= 1:
        raise ValueError(f"std {std} and radius {radius} must be positive, fair_share {fair_share} within (0, 1]")
    n, k = len(samples), len(centers)
    if k == 0 or n < 10 * k:
        raise ValueError(f"{n} samples are too few for {k} modes; draw at least 10 per mode")
    for name, points in (("samples", samples), ("centers", centers)):
        if not points.isfinite().all():
            raise ValueError(f"{int((~points.isfinite()).any(1).sum())} of {len(points)} {name} are not finite")
    differences = samples.detach().double()[:, None] - centers.detach().double()[None]  # [n, k, d]
    distance, nearest = differences.norm(dim=2).min(dim=1)
    close = distance <= radius * std
    counts = torch.bincount(nearest[close], minlength=k)
    modes = int((counts >= fair_share * n / k).sum())
    return Coverage(modes, close.double().mean().item(), counts)

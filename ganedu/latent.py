"""Walks through the noise of a generator, and directions in it that change one thing.

Taught in {ref}`ch-latent-space`.
"""

import torch
from torch import Tensor

DEPENDENT = 1e-6  # of its length: a vector that is shorter than this after a projection counts as zero
ALIKE = 1e-6  # an angle, in radians, below which two directions count as one


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight walk (1 - t) a + t b.

    a, b: [..., d]; t: [T]. Returns [T, ..., d].
    Taught in {ref}`ch-latent-space`.
    """
    t = _steps(a, b, t)
    return (1 - t) * a + t * b


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The walk along the great circle: weights sin((1 - t) w) / sin w and sin(t w) / sin w, w the angle of a and b.

    a, b: [..., d]; t: [T]. Returns [T, ..., d]. Equal lengths stay; unequal ones pass into one another. Where both have
    one direction it is the straight walk.
    Raises ValueError for opposite directions, between which no great circle is the shortest, and for a zero vector.
    Taught in {ref}`ch-latent-space`; Shoemake 1985.
    """
    t = _steps(a, b, t)
    lengths = a.norm(dim=-1) * b.norm(dim=-1)
    if (lengths == 0).any():
        raise ValueError("slerp needs a direction at either end, and one of them is the zero vector")
    angle = ((a * b).sum(-1) / lengths).clamp(-1, 1).acos()[..., None]
    if (angle > torch.pi - ALIKE).any():
        raise ValueError("slerp between opposite directions: every great circle is as short; choose another end")
    straight, sine = angle < ALIKE, angle.sin()
    weights = [torch.where(straight, s, (s * angle).sin() / sine) for s in (1 - t, t)]
    return weights[0] * a + weights[1] * b


def mean_direction(z: Tensor, has: Tensor) -> Tensor:
    """The unit vector from the mean of the latents without an attribute to the mean of those with it.

    z: [n, d]; has: bool [n]. Returns [d].
    Raises ValueError if all have it or none.
    Taught in {ref}`ch-latent-space`.
    """
    if has.all() or not has.any():
        raise ValueError(f"{int(has.sum())} of {len(has)} samples have the attribute; a direction needs both kinds")
    difference = z[has].mean(0) - z[~has].mean(0)
    return difference / difference.norm()


def without(v: Tensor, others: Tensor) -> Tensor:
    """The part of a direction that is orthogonal to others, as a unit vector.

    v: [d]; others: [k, d], of any lengths, dependent ones too. Returns [d].
    Raises ValueError if nothing is left: v is a combination of the others.
    Taught in {ref}`ch-latent-space`.
    """
    span, sizes, _ = torch.linalg.svd(others.T, full_matrices=False)  # columns of span: an orthonormal basis
    span = span[:, sizes > DEPENDENT * sizes[:1]]
    left = v - span @ (span.T @ v)
    if left.norm() <= DEPENDENT * v.norm():
        raise ValueError("the direction is a combination of the others: nothing is left of it without them")
    return left / left.norm()


def _steps(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    if a.shape != b.shape or t.ndim != 1:
        raise ValueError(
            f"two ends of one shape and steps [T] expected, got {list(a.shape)}, {list(b.shape)} and {list(t.shape)}"
        )
    return t.reshape(-1, *[1] * a.ndim)

"""Discriminators that judge several samples at once: minibatch discrimination, deviation, and packing as in PacGAN.

A judge of single samples never learns that all samples of a batch are alike. These show it the batch.
Taught in {ref}`ch-mode-collapse`.
"""

import torch
from torch import Tensor, nn

from ganedu._wide import wide


class MinibatchDiscrimination(nn.Module):
    """Features [n, d] to [n, d + kernels]: beside its own features, each sample gets how close the batch is to it.

    The features are mapped to rows M_i of shape [kernels, width]. What is appended is the sum of the similarities
    o_b = sum over j of exp(-||M_i,b - M_j,b||_1), the sample itself included, so that 1 <= o_b <= n.
    kernels, width: numbers of similarities and of coordinates that each is measured in; dtype: torch's default if None.
    Raises ValueError for sizes below 1, or for features of another shape.
    Taught in {ref}`ch-mode-collapse`; Salimans et al. 2016, section 3.2.
    """

    def __init__(self, features: int, *, kernels: int = 16, width: int = 8, dtype: torch.dtype | None = None):
        super().__init__()
        if min(features, kernels, width) < 1:
            raise ValueError(f"features, kernels and width must be at least 1, not {features}, {kernels}, {width}")
        self.features, self.shape = features, (kernels, width)
        self.tensor = nn.Parameter(torch.randn(features, kernels * width, dtype=dtype) / features**0.5)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.features:
            raise ValueError(f"features of shape {tuple(x.shape)} given, [batch, {self.features}] expected")
        rows = (x @ self.tensor).unflatten(1, self.shape)  # [n, kernels, width]
        return torch.cat([x, similarity(rows)], dim=1)


def similarity(rows: Tensor) -> Tensor:
    """o_b(x_i) = sum over j of exp(-||M_i,b - M_j,b||_1), from rows M [n, kernels, width]; returns [n, kernels].

    It is n in every entry for a batch of equal samples, and 1 for samples far from each other.
    Taught in {ref}`ch-mode-collapse`; Salimans et al. 2016, section 3.2.
    """
    distance = (rows[:, None] - rows[None]).abs().sum(3)  # [n, n, kernels]
    return torch.exp(-distance).sum(1)


def append_deviation(x: Tensor, group: int = 4) -> Tensor:
    """Maps [n, c, h, w] to [n, c + 1, h, w]: the new map tells how much the samples of a group differ.

    One number a group: the standard deviation over its samples, of every channel and pixel, then the mean of these. A
    group is every (n / group)-th sample, as in the authors' code; all of them where there are fewer than `group`.
    Raises ValueError for a number of samples that is no multiple of `group`.
    Taught in {ref}`ch-biggan`; Karras et al. 2018, section 3.
    """
    group = min(group, len(x))
    if x.ndim != 4 or group < 1 or len(x) % group:
        raise ValueError(f"samples of shape {tuple(x.shape)} do not divide into groups of {group}")
    groups = wide(x).unflatten(0, (group, -1))  # [group, n / group, c, h, w]
    deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))  # a number for each of n / group groups
    return torch.cat([x, deviation.to(x.dtype).repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])], dim=1)


def pack(x: Tensor, size: int) -> Tensor:
    """Samples [n * size, c, ...] to packs [n, size * c, ...]: `size` samples in a row become one input.

    A discriminator of packs compares the laws of several samples at once, p x ... x p with q x ... x q, which lie
    farther apart the more modes q drops. The remedy is nothing but its wider first layer.
    Raises ValueError if the number of samples is no multiple of `size`.
    Taught in {ref}`ch-mode-collapse`; Lin et al. 2018 (PacGAN).
    """
    if x.ndim < 2 or size < 1 or len(x) % size:
        raise ValueError(f"samples of shape {tuple(x.shape)} do not divide into packs of {size}")
    return x.reshape(len(x) // size, size * x.shape[1], *x.shape[2:])

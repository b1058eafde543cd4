"""Fully connected generator and discriminator: the pair with which the course trains its first GAN.

Taught in {ref}`ch-first-gan`.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU for negative inputs


class Generator(nn.Module):
    """Noise [B, latent_dim] to samples [B, output_dim]; ReLU between the layers.

    hidden: widths of the hidden layers. bounded: end with tanh, so that samples lie in [-1, 1] as scaled images do;
    without it they range over all numbers, as points of the plane do. dtype: of the weights, torch's default if None.
    Raises ValueError for widths below 1, or for noise of another shape.
    Taught in {ref}`ch-first-gan`.
    """

    def __init__(
        self, latent_dim: int, output_dim: int, *, hidden: Sequence[int] = (256, 512), bounded=True, dtype=None
    ):
        super().__init__()
        self.latent_dim, self.output_dim = latent_dim, output_dim
        layers = _layers([latent_dim, *hidden, output_dim], nn.ReLU, dtype)
        self.layers = nn.Sequential(*layers, nn.Tanh()) if bounded else nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        _check_batch(z, self.latent_dim, "noise")
        return self.layers(z)


class Discriminator(nn.Module):
    """Samples [B, input_dim] to logits [B]; leaky ReLU between the layers and no sigmoid at the end.

    The probability of "real" is sigmoid(logit); the functions of `ganedu.losses` take the logit itself.
    hidden: widths of the hidden layers; dtype: of the weights, torch's default if None.
    Raises ValueError for widths below 1, or for samples of another shape.
    Taught in {ref}`ch-first-gan`.
    """

    def __init__(self, input_dim: int, *, hidden: Sequence[int] = (512, 256), dtype=None):
        super().__init__()
        self.input_dim = input_dim
        self.layers = nn.Sequential(*_layers([input_dim, *hidden, 1], lambda: nn.LeakyReLU(SLOPE), dtype))

    def forward(self, x: Tensor) -> Tensor:
        _check_batch(x, self.input_dim, "samples")
        return self.layers(x).squeeze(1)


def parameter_count(network: nn.Module) -> int:
    """Number of trainable numbers of a network, weights and biases.

    Taught in {ref}`ch-first-gan`.
    """
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _layers(widths: Sequence[int], activation, dtype: torch.dtype | None) -> list[nn.Module]:
    """Linear maps between consecutive widths, an activation between two of them and none at the end."""
    if min(widths) < 1:
        raise ValueError(f"every layer needs at least one unit, but the widths are {', '.join(map(str, widths))}")
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs, dtype=dtype), activation()]
    return layers[:-1]


def _check_batch(batch: Tensor, width: int, what: str) -> None:
    if batch.ndim != 2 or batch.shape[1] != width:
        raise ValueError(f"{what} of shape {tuple(batch.shape)} given, [batch, {width}] expected; flatten images first")

"""A recipe whose discriminator has what DCGAN's lacks: biases in its first convolution.

Shared by `dcgan_gray_controls` and `critic_bias`, which train it.
"""

import torch
from torch import nn

SPREAD = 0.1  # standard deviation of the first biases


def biased(kind: type) -> type:
    """The recipe `kind`, but D's first convolution learns biases; all other weights start as they do without them."""

    class Biased(kind):
        def build(self):
            generator, discriminator = super().build()
            first = discriminator.layers[0]
            first.bias = nn.Parameter(SPREAD * torch.randn(first.out_channels))
            return generator, discriminator

    return Biased

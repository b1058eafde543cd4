"""The residual pair of R3GAN, without any normalization, for images of 8, 16, 32, 64, ... pixels a side.

Both players are towers of stages of 4, 8, 16, ... pixels, the discriminator's in the opposite order. A stage has a few
residual blocks and one transition to the next: a 1 x 1 convolution where the width changes, and bilinear resampling.
A block is an inverted bottleneck: a 1 x 1 convolution that widens, a 3 x 3 one in groups, a 1 x 1 one that narrows.
Only the two activations in between have biases. At first the last convolution of every block is 0, so that a block is
the identity, and the other two are scaled down with the number of blocks, as in Fixup.

The public program's widths, 768 for CIFAR-10 and 96, 192, 384, 768, ... for faces of 256 pixels, are `width` next to
the image, doubled from stage to stage up to `widest`. With them: 20,732,160 and 20,683,776 parameters for CIFAR-10
without classes, 23,057,952 and 23,009,568 for the faces, the 23.058 and 23.010 million of the paper's table. A
departure: beyond the border an image goes on as it ends, where the program resamples as if zeros followed.
Taught in {ref}`ch-today`; Huang et al. 2024, section 3 and its public program.
"""

from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganedu.networks.dcgan import check_images, check_noise, doublings

SLOPE = 0.2  # of the leaky ReLU for negative inputs
GAIN = sqrt(2 / (1 + SLOPE**2))  # what the leaky ReLU takes from the size of its inputs


class Block(nn.Module):
    """Images [B, width, H, W] to images of the same shape: x plus what three convolutions make of it, at first nothing.

    blocks: how many blocks the network has in all, L. The weights that are not 0 have the variance GAIN^2 / fan-in,
    divided by the root of L: each of the two takes L^(-1/4). expansion: how much wider the inside is. group: channels
    in a group of the 3 x 3 convolution; 0 for one group of all.
    Taught in {ref}`ch-today`; Huang et al. 2024; the start is that of Zhang et al. 2019.
    """

    def __init__(self, width: int, *, blocks: int, expansion: int = 2, group: int = 16):
        super().__init__()
        inside, gain = width * expansion, GAIN * blocks**-0.25
        groups = max(inside // group, 1) if group else 1
        self.widen = _conv(width, inside, 1, gain=gain)
        self.mix = _conv(inside, inside, 3, gain=gain, groups=groups)
        self.narrow = _conv(inside, width, 1, gain=0.0)
        self.first, self.second = Activation(inside), Activation(inside)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(self.second(self.mix(self.first(self.widen(x)))))


class Activation(nn.Module):
    """leaky_relu(x + bias), the only place of a bias; at first it is 0.

    Taught in {ref}`ch-today`; Huang et al. 2024.
    """

    def __init__(self, width: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.bias, SLOPE)


class Generator(nn.Module):
    """Noise [B, latent_dim] to images [B, channels, size, size], in evaluation mode clipped to [-1, 1].

    In training nothing ends it: there is no tanh that could go flat, and whites may be whiter than white. The first
    maps are a learned basis of 4 x 4 pixels, each times a number that depends on the noise.
    Raises ValueError for a size that is not 4 doubled at least once, widths that cannot be grouped, other noise.
    Taught in {ref}`ch-today`; Huang et al. 2024.
    """

    def __init__(self, latent_dim: int, channels: int, *, size: int = 32, width: int = 768, widest: int = 768, **block):
        super().__init__()
        self.latent_dim = latent_dim
        widths = stages(size, width, widest)
        self.basis = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.project = nn.Linear(latent_dim, widths[0], bias=False)
        nn.init.normal_(self.project.weight, 0.0, 1 / sqrt(latent_dim))
        layers = _blocks(widths[0], len(widths), **block)
        for inputs, outputs in pairwise(widths):
            layers += [*_change(inputs, outputs), Double(), *_blocks(outputs, len(widths), **block)]
        self.layers = nn.Sequential(*layers, _conv(widths[-1], channels, 1))

    def forward(self, z: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        images = self.layers(self.basis * self.project(z)[:, :, None, None])
        return images if self.training else images.clamp(-1, 1)


class Discriminator(nn.Module):
    """Images [B, channels, size, size] to logits [B], each sample by itself.

    At 4 x 4 pixels every map is weighed by a learned one and summed, and a dense layer makes the logit of the sums.
    Raises ValueError for a size that is not 4 doubled at least once, widths that cannot be grouped, other images.
    Taught in {ref}`ch-today`; Huang et al. 2024.
    """

    def __init__(self, channels: int, *, size: int = 32, width: int = 768, widest: int = 768, **block):
        super().__init__()
        self.image_shape = (channels, size, size)
        widths = stages(size, width, widest)[::-1]
        layers = [_conv(channels, widths[0], 1), *_blocks(widths[0], len(widths), **block)]
        for inputs, outputs in pairwise(widths):
            layers += [Halve(), *_change(inputs, outputs), *_blocks(outputs, len(widths), **block)]
        self.layers = nn.Sequential(*layers)
        self.basis = nn.Conv2d(widths[-1], widths[-1], 4, groups=widths[-1], bias=False)
        self.score = nn.Linear(widths[-1], 1, bias=False)
        nn.init.normal_(self.basis.weight, 0.0, 1 / 4)
        nn.init.normal_(self.score.weight, 0.0, 1 / sqrt(widths[-1]))

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        return self.score(self.basis(self.layers(x)).flatten(1)).squeeze(1)


class Double(nn.Module):
    """Images [B, C, H, W] to [B, C, 2H, 2W], bilinear: a row's new pixels are 3/4 of one old pixel, 1/4 of the next.

    Taught in {ref}`ch-today`.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Halve(nn.Module):
    """Images [B, C, 2H, 2W] to [B, C, H, W]: each new pixel weighs the four nearest old ones of a row 1 : 3 : 3 : 1.

    The transpose of `Double`, over 4; away from the border.
    Taught in {ref}`ch-today`.
    """

    def forward(self, x: Tensor) -> Tensor:
        return _halve_rows(_halve_rows(x).transpose(2, 3)).transpose(2, 3)


def _halve_rows(x: Tensor) -> Tensor:
    """Along the third dimension, by slices: they have no second derivative to carry through a penalty."""
    even, odd = x[:, :, ::2], x[:, :, 1::2]
    before = torch.cat([even[:, :, :1], odd[:, :, :-1]], 2)
    after = torch.cat([even[:, :, 1:], odd[:, :, -1:]], 2)
    return (3 * (even + odd) + before + after) / 8


def stages(size: int, width: int, widest: int) -> list[int]:
    """The widths of the generator's stages, from 4 x 4 pixels to the image: `width` there, doubled up to `widest`.

    Raises ValueError for a size that is not 4 doubled at least once, or a width that is not positive.
    Taught in {ref}`ch-today`.
    """
    if width < 1 or widest < width:
        raise ValueError(f"widths must be positive, and widest at least width, not width={width}, widest={widest}")
    return [min(width << i, widest) for i in reversed(range(doublings(size, start=4) + 1))]


def _blocks(width: int, stages: int, *, depth: int = 2, expansion: int = 2, group: int = 16) -> list[nn.Module]:
    return [Block(width, blocks=stages * depth, expansion=expansion, group=group) for _ in range(depth)]


def _change(inputs: int, outputs: int) -> list[nn.Module]:
    return [_conv(inputs, outputs, 1)] if inputs != outputs else []


def _conv(inputs: int, outputs: int, kernel: int, *, gain: float = 1.0, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps the side, without a bias, and the size of what passes it times `gain`."""
    if inputs % groups or outputs % groups:
        raise ValueError(
            f"{inputs} channels cannot be parted into {groups} groups; choose a width that times `expansion` is a "
            "multiple of `group`, or group=0"
        )
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    nn.init.normal_(layer.weight, 0.0, gain / sqrt(inputs // groups * kernel**2))
    return layer

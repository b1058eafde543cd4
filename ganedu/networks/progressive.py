"""The pair that grows: both networks start with images of 4 x 4 pixels, and new blocks are faded in while they train.

At level L the images have 4 * 2^L pixels a side. While level L fades in with alpha, G's image is

    (1 - alpha) * twice(image of level L - 1) + alpha * image of level L

and D mixes the maps that it makes of the image likewise. Up to 1024 x 1024 pixels, with 512 channels at most, the pair
has 23,079,115 and 23,087,249 parameters for color images; table 2 of the paper has 23.1 million each.
Level and alpha are buffers, so a checkpoint, an averaged generator and a file of weights all know how far they grew.
Taught in {ref}`ch-biggan`; Karras et al. 2018, sections 2 to 4 and appendix A.
"""

from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.utils.parametrize import register_parametrization

from ganedu.networks.batchwise import append_deviation
from ganedu.networks.dcgan import check_noise, doublings

SLOPE = 0.2  # of the leaky ReLU for negative inputs
EPSILON = 1e-8  # of the pixel norm
GAIN = sqrt(2.0)  # of He's initialization


class Scale(nn.Module):
    """weight to factor * weight, of any shape.

    Taught in {ref}`ch-biggan`.
    """

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        return self.factor * weight


def equalize(layer: nn.Module, *, gain: float = GAIN, fan_in: int | None = None) -> nn.Module:
    """Equalized learning rate: a layer whose weights are drawn from N(0, 1) and multiplied by gain / sqrt(fan_in).

    layer: a convolution or linear map, changed in place and returned; its biases become 0. fan_in: inputs of one
    output, the entries of a row of the weight if None. At the start the layer is as He would initialize it. But since
    Adam moves each stored weight by about the learning rate, all weights now move by the same share of their size.
    Taught in {ref}`ch-biggan`; Karras et al. 2018, section 4.1.
    """
    nn.init.normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    register_parametrization(layer, "weight", Scale(gain / sqrt(fan_in or layer.weight[0].numel())))
    return layer


class PixelNorm(nn.Module):
    """The channels [B, C, ...] of every pixel divided by the root of their mean square.

    Taught in {ref}`ch-biggan`; Karras et al. 2018, section 4.2.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()


class _Growing(nn.Module):
    """What both networks know of their growth.

    The buffers `reached` and `alpha` are what is stored; `level` and `fading` are the same for Python, which decides by
    them, without asking the device, what there is to compute.
    """

    def __init__(self, size: int):
        super().__init__()
        self.levels = doublings(size, start=4)
        self.register_buffer("reached", torch.zeros((), dtype=torch.int64))
        self.register_buffer("alpha", torch.ones(()))
        self.level, self.fading = 0, False
        self.register_load_state_dict_post_hook(lambda module, _: module.recall())

    def grow_to(self, level: int, alpha: float = 1.0) -> None:
        """Work at `level`, of which the share alpha is faded in.

        Raises ValueError for a level that the network does not have, and a share outside of [0, 1].
        """
        if not 0 <= level <= self.levels or not 0 <= alpha <= 1:
            raise ValueError(f"levels are 0 to {self.levels}, shares 0 to 1; level {level} with share {alpha} given")
        self.level, self.fading = level, level > 0 and alpha < 1
        self.reached.fill_(level)
        self.alpha.fill_(alpha)

    def recall(self) -> None:
        """Take up level and alpha from the buffers, after others have written them."""
        self.level = int(self.reached)
        self.fading = self.level > 0 and float(self.alpha) < 1


class Generator(_Growing):
    """Noise [B, latent_dim] to images [B, channels, 4 * 2^level, 4 * 2^level], not limited to [-1, 1].

    widest: most channels, at 4 x 4 pixels and beyond; base: channels times half the side where they are fewer.
    Raises ValueError for a size that is not 4 doubled at least once, and noise of another shape.
    Taught in {ref}`ch-biggan`; Karras et al. 2018, table 2.
    """

    def __init__(self, latent_dim: int, channels: int, *, size: int = 1024, widest: int = 512, base: int = 8192):
        super().__init__(size)
        self.latent_dim = latent_dim
        widths = channels_at(size, widest=widest, base=base)
        dense = nn.ConvTranspose2d(latent_dim, widths[0], 4)  # a linear map to 4 x 4 pixels with a bias a channel
        start = [PixelNorm(), equalize(dense, gain=GAIN / 4, fan_in=latent_dim), nn.LeakyReLU(SLOPE), PixelNorm()]
        self.blocks = nn.ModuleList([nn.Sequential(*start, *_normalized(widths[0], widths[0]))])
        for inputs, outputs in pairwise(widths):
            double = [nn.Upsample(scale_factor=2), *_normalized(inputs, outputs), *_normalized(outputs, outputs)]
            self.blocks.append(nn.Sequential(*double))
        self.to_image = nn.ModuleList(equalize(nn.Conv2d(width, channels, 1), gain=1.0) for width in widths)

    def forward(self, z: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        x, before = self.blocks[0](z[:, :, None, None]), None
        for block in self.blocks[1 : self.level + 1]:
            before, x = x, block(x)
        image = self.to_image[self.level](x)
        if self.fading:
            older = interpolate(self.to_image[self.level - 1](before), scale_factor=2.0)
            image = torch.lerp(older, image, self.alpha.to(image.dtype))
        return image


class Discriminator(_Growing):
    """Images [B, channels, 4 * 2^level, 4 * 2^level] to scores [B].

    At 4 x 4 pixels a map is appended that tells how much the images of a group differ: samples are judged together.
    widest, base: as for the generator. group: images that are compared, see `ganedu.networks.batchwise`.
    Raises ValueError for a size that is not 4 doubled at least once, images of another shape, and batches that do not
    divide into groups.
    Taught in {ref}`ch-biggan`; Karras et al. 2018, table 2.
    """

    def __init__(self, channels: int, *, size: int = 1024, widest: int = 512, base: int = 8192, group: int = 4):
        super().__init__(size)
        self.channels, self.group = channels, group
        widths = channels_at(size, widest=widest, base=base)
        self.from_image = nn.ModuleList(
            nn.Sequential(equalize(nn.Conv2d(channels, width, 1)), nn.LeakyReLU(SLOPE)) for width in widths
        )
        last = [
            *_convolution(widths[0] + 1, widths[0]),
            nn.Flatten(),
            equalize(nn.Linear(widths[0] * 4 * 4, widths[0])),
        ]
        score = [nn.LeakyReLU(SLOPE), equalize(nn.Linear(widths[0], 1), gain=1.0)]
        self.blocks = nn.ModuleList([nn.Sequential(*last, *score)])
        for outputs, inputs in pairwise(widths):
            halve = [*_convolution(inputs, inputs), *_convolution(inputs, outputs), nn.AvgPool2d(2)]
            self.blocks.append(nn.Sequential(*halve))

    def forward(self, image: Tensor) -> Tensor:
        shape = (self.channels, 4 << self.level, 4 << self.level)
        if image.ndim != 4 or tuple(image.shape[1:]) != shape:
            expected = ", ".join(map(str, shape))
            raise ValueError(f"images of shape {tuple(image.shape)} given, [batch, {expected}] expected at this level")
        x = self.from_image[self.level](image)
        for level in range(self.level, 0, -1):
            x = self.blocks[level](x)
            if level == self.level and self.fading:
                older = self.from_image[level - 1](avg_pool2d(image, 2))
                x = torch.lerp(older, x, self.alpha.to(x.dtype))
        return self.blocks[0](append_deviation(x, self.group)).squeeze(1)


def channels_at(size: int, *, widest: int, base: int) -> list[int]:
    """Channels of the maps of 4, 8, ..., `size` pixels a side: base / (side / 2), at most `widest`, at least 1.

    Taught in {ref}`ch-biggan`; the authors' code.
    """
    return [max(min(2 * base // (4 << level), widest), 1) for level in range(doublings(size, start=4) + 1)]


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [equalize(nn.Conv2d(inputs, outputs, 3, padding=1)), nn.LeakyReLU(SLOPE)]


def _normalized(inputs: int, outputs: int) -> list[nn.Module]:
    return [*_convolution(inputs, outputs), PixelNorm()]

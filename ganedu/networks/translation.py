"""Generators that turn one image into another: a ResNet between two strided convolutions down and two up.

Convolutions read a mirrored border instead of zeros, and every feature map of every image is normalized by itself.
Taught in {ref}`ch-cyclegan`; Zhu et al. 2017, appendix 7.2; Johnson et al. 2016.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from ganedu.networks.dcgan import initialize

DIVISOR = 4  # two convolutions of stride 2, undone by two transposed ones
SMALLEST = 2 * DIVISOR  # pixels a side; below it a residual block has nothing to mirror


class Generator(nn.Module):
    """Images [B, channels, H, W] to images of the same shape in [-1, 1], for any H and W that 4 divides.

    width: channels at full size, twice and four times as many at a half and a quarter. blocks: residual blocks at a
    quarter of the size; 9 of width 64 make 11,378,179 parameters for color images.
    Raises ValueError for images with other channels, with a side that 4 does not divide, or below 8 pixels.
    Taught in {ref}`ch-cyclegan`; Zhu et al. 2017, appendix 7.2.
    """

    def __init__(self, channels: int, *, width: int = 64, blocks: int = 9):
        super().__init__()
        self.channels = channels
        half, quarter = 2 * width, 4 * width
        self.layers = nn.Sequential(
            *_normalized(nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect")),
            *_normalized(nn.Conv2d(width, half, 3, stride=2, padding=1)),
            *_normalized(nn.Conv2d(half, quarter, 3, stride=2, padding=1)),
            *(Residual(quarter) for _ in range(blocks)),
            *_normalized(nn.ConvTranspose2d(quarter, half, 3, stride=2, padding=1, output_padding=1)),
            *_normalized(nn.ConvTranspose2d(half, width, 3, stride=2, padding=1, output_padding=1)),
            nn.Conv2d(width, channels, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:
        _check_images(x, self.channels)
        return self.layers(x)


class Translators(nn.Module):
    """Both directions between two domains: `AtoB` and `BtoA`, two generators with weights of their own.

    Called with a batch of A and a batch of B, [n, C, H, W] and [m, C, H, W], it returns AtoB(a) and BtoA(b).
    Taught in {ref}`ch-cyclegan`.
    """

    def __init__(self, channels: int, *, width: int = 64, blocks: int = 9):
        super().__init__()
        self.AtoB = Generator(channels, width=width, blocks=blocks)
        self.BtoA = Generator(channels, width=width, blocks=blocks)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return self.AtoB(a), self.BtoA(b)


class Residual(nn.Module):
    """x + f(x) on feature maps [B, width, H, W], f being two 3 x 3 convolutions; no activation after the sum.

    Taught in {ref}`ch-cyclegan`; Zhu et al. 2017, appendix 7.2.
    """

    def __init__(self, width: int):
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect") for _ in range(2))
        self.layers = nn.Sequential(*_normalized(first), second, InstanceNorm())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class InstanceNorm(nn.Module):
    """Every feature map [H, W] of every image to mean 0 and variance 1, by its own statistics in training and after.

    No parameters and no running averages: an image's result does not depend on the others of its batch.
    Taught in {ref}`ch-cyclegan`; Ulyanov et al. 2016.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu":  # groups of one channel are the same numbers in half the time
            return F.group_norm(x, x.shape[1])
        return F.instance_norm(x)


class AffineNorm(nn.GroupNorm):
    """`InstanceNorm` with a scale and a shift for each of the `width` maps, which are learned.

    What batch normalization is for a batch of one image, as Pix2Pix is trained, and the same in training and after.
    Taught in {ref}`ch-paired-translation`; Isola et al. 2017, section 3.3.
    """

    def __init__(self, width: int):
        super().__init__(width, width)


def _normalized(convolution: nn.Module) -> list[nn.Module]:
    return [convolution, InstanceNorm(), nn.ReLU(inplace=True)]


def _check_images(x: Tensor, channels: int) -> None:
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"images of shape {tuple(x.shape)} given, [batch, {channels}, H, W] expected; convert them")
    height, width = x.shape[2:]
    if height % DIVISOR or width % DIVISOR or min(height, width) < SMALLEST:
        fitting = [max(SMALLEST, round(side / DIVISOR) * DIVISOR) for side in (height, width)]
        raise ValueError(
            f"images of {height} x {width} pixels cannot be halved twice and doubled back; "
            f"resize or crop them to {fitting[0]} x {fitting[1]}"
        )

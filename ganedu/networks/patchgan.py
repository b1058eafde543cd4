"""Discriminators that judge patches: one logit for each 70 x 70 window of an image, all by the same weights.

Taught in {ref}`ch-cyclegan`; Isola et al. 2017, section 3.2.2; Zhu et al. 2017, appendix 7.2.
"""

from torch import Tensor, nn

from ganedu.networks.dcgan import SLOPE, initialize
from ganedu.networks.translation import AffineNorm, InstanceNorm


class Discriminator(nn.Module):
    """Images [B, channels, H, W] to logits [B, 1, h, w], one for each patch; H and W may be any that are large enough.

    width: channels of the first convolution, doubled up to eight times as many. halvings: convolutions of stride 2;
    1, 2, 3 see patches of 16, 34, 70 pixels. All kernels are 4 x 4; the first layer and the last are not normalized.
    affine: give every normalized map a scale and a shift of its own, instead of a bias to the convolution before it.
    With 3 halvings of width 64 there are 2,764,737 parameters for color images, and 2,768,705 for pairs of them
    (6 channels) if affine, those of Pix2Pix.
    Raises ValueError for halvings below 1, images with other channels, or too small to be halved that often.
    Taught in {ref}`ch-cyclegan` and {ref}`ch-paired-translation`; Zhu et al. 2017, appendix 7.2.
    """

    def __init__(self, channels: int, *, width: int = 64, halvings: int = 3, affine: bool = False):
        super().__init__()
        if halvings < 1:
            raise ValueError(f"a patch discriminator halves its images at least once, not {halvings} times")
        self.channels, self.smallest = channels, smallest_side(halvings)
        widths = [width * min(2**i, 8) for i in range(halvings + 1)]  # 64, 128, 256, 512
        layers: list[nn.Module] = [
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(SLOPE, inplace=True),
        ]
        for i in range(halvings):
            stride = 2 if i < halvings - 1 else 1  # the last layer before the logits keeps the side, less one pixel
            layers += [nn.Conv2d(widths[i], widths[i + 1], 4, stride=stride, padding=1, bias=not affine)]
            layers += [AffineNorm(widths[i + 1]) if affine else InstanceNorm(), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, stride=1, padding=1))
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.channels or min(x.shape[2:]) < self.smallest:
            raise ValueError(
                f"images of shape {tuple(x.shape)} given, [batch, {self.channels}, H, W] expected with sides of at "
                f"least {self.smallest} pixels; convert or resize them, or take fewer halvings"
            )
        return self.layers(x)


class Discriminators(nn.Module):
    """The judges of two domains, `A` and `B`, two discriminators with weights of their own.

    Called with images of A and images of B, [n, C, H, W] and [m, C, H, W], it returns the logits A(a) and B(b).
    Taught in {ref}`ch-cyclegan`.
    """

    def __init__(self, channels: int, *, width: int = 64, halvings: int = 3):
        super().__init__()
        self.A = Discriminator(channels, width=width, halvings=halvings)
        self.B = Discriminator(channels, width=width, halvings=halvings)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return self.A(a), self.B(b)


def smallest_side(halvings: int) -> int:
    """Pixels a side below which no logit is left: three after the halvings, of which two convolutions take one each.

    Taught in {ref}`ch-cyclegan`.
    """
    return 3 * 2**halvings

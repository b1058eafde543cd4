"""The context encoder: what surrounds a hole, squeezed through one vector, becomes what belongs into it.

Taught in {ref}`ch-paired-translation`; Pathak et al. 2016, section 3 and the authors' program.
"""

from torch import Tensor, nn

from ganedu.networks import dcgan
from ganedu.networks.dcgan import SLOPE, check_images, doublings, initialize

SMALLEST = 4  # pixels a side of a hole, for which one layer draws, and two dense ones judge


class Generator(nn.Module):
    """Images [B, channels, size, size] with a hole to what fills it, [B, channels, size / 2, size / 2] in [-1, 1].

    Convolutions of stride 2 halve the side down to 4 pixels, one more makes `bottleneck` numbers of them; from there
    the generator of DCGAN (Chintala's port) draws the middle half of the picture. width: channels nearest to pictures.
    At size 128, width 64 and bottleneck 4000 there are 71,124,544 parameters, none of them a bias beside normalization.
    Raises ValueError for a size that is not 4 doubled at least once, and images of another shape.
    Taught in {ref}`ch-paired-translation`; Pathak et al. 2016.
    """

    def __init__(self, channels: int, *, size: int = 128, width: int = 64, bottleneck: int = 4000):
        super().__init__()
        self.image_shape = (channels, size, size)
        widths = [width] + [width << i for i in range(doublings(size, start=4) - 1)]  # 64, 64, 128, 256, 512 for 128
        layers: list[nn.Module] = []
        for inputs, outputs in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(outputs)] if len(layers) > 1 else []
            layers += [nn.LeakyReLU(SLOPE, inplace=True)]
        layers += [nn.Conv2d(widths[-1], bottleneck, 4, bias=False), nn.BatchNorm2d(bottleneck)]
        self.encoder = nn.Sequential(*layers, nn.LeakyReLU(SLOPE, inplace=True), nn.Flatten())
        if size // 2 == SMALLEST:
            drawn = nn.ConvTranspose2d(bottleneck, channels, SMALLEST)
            self.decoder = nn.Sequential(nn.Unflatten(1, (bottleneck, 1, 1)), drawn, nn.Tanh())
        else:
            self.decoder = dcgan.Generator(bottleneck, channels, size=size // 2, width=width, kernel=4)
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        return self.decoder(self.encoder(x))


class Discriminator(nn.Module):
    """What fills a hole, [B, channels, side, side], to logits [B]: DCGAN's, or two dense layers for 4 pixels a side.

    Taught in {ref}`ch-paired-translation`; Pathak et al. 2016, the authors' program.
    """

    def __init__(self, channels: int, *, side: int = 64, width: int = 64):
        super().__init__()
        if side == SMALLEST:
            dense = [nn.Conv2d(channels, 8 * width, SMALLEST), nn.LeakyReLU(SLOPE), nn.Conv2d(8 * width, 1, 1)]
            self.layers = nn.Sequential(*dense, nn.Flatten(0)).apply(initialize)
        else:
            self.layers = dcgan.Discriminator(channels, size=side, width=width, kernel=4)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def hole(size: int) -> slice:
    """The rows, and the columns, of the hole in a picture of `size` pixels a side: the middle half.

    Taught in {ref}`ch-paired-translation`.
    """
    return slice(size // 4, size // 4 + size // 2)

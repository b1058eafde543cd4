"""SRResNet, which enlarges pictures by shuffling channels into pixels, and the discriminator of SRGAN.

Taught in {ref}`ch-paired-translation`; Ledig et al. 2017, figure 4; Shi et al. 2016.
"""

from torch import Tensor, nn

from ganedu.networks.dcgan import SLOPE, check_images, doublings


class Generator(nn.Module):
    """Images [B, channels, h, w] to images [B, channels, zoom * h, zoom * w] in [-1, 1], for any h and w.

    zoom: 2, 4, 8, ...; each doubling is a 3 x 3 convolution to four times the channels and a pixel shuffle. width:
    channels everywhere else. blocks: residual blocks of two 3 x 3 convolutions with batch normalization, before the
    pixels get more. 16 blocks of width 64 make 1,547,350 parameters for color images zoomed by 4.
    Raises ValueError for a zoom that is no power of two, and images of other channels.
    Taught in {ref}`ch-paired-translation`; Ledig et al. 2017.
    """

    def __init__(self, channels: int, *, zoom: int = 4, width: int = 64, blocks: int = 16):
        super().__init__()
        self.channels = channels
        self.first = nn.Sequential(nn.Conv2d(channels, width, 9, padding=4), nn.PReLU())
        normed = [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        self.body = nn.Sequential(*(Residual(width) for _ in range(blocks)), *normed)
        larger = [layer for _ in range(doublings(zoom, start=1)) for layer in doubling(width)]
        self.last = nn.Sequential(*larger, nn.Conv2d(width, channels, 9, padding=4), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ValueError(f"images of shape {tuple(x.shape)} given, [batch, {self.channels}, h, w] expected")
        x = self.first(x)
        return self.last(x + self.body(x))


class Residual(nn.Module):
    """x + f(x) on feature maps [B, width, h, w], f being two 3 x 3 convolutions, normalized; none after the sum.

    Taught in {ref}`ch-paired-translation`; Ledig et al. 2017, figure 4.
    """

    def __init__(self, width: int):
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.layers = nn.Sequential(first, nn.BatchNorm2d(width), nn.PReLU(), second, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Discriminator(nn.Module):
    """Images [B, channels, size, size] to logits [B]: pairs of 3 x 3 convolutions, of stride 1 and 2, two dense ones.

    halvings: pairs; each after the first has twice the channels, up to eight times `width`. dense: units between the
    last pair and the logit. With 4 halvings of width 64 and 1024 units there are 23.6 million parameters at 96 pixels.
    Raises ValueError for a size that is not divisible so often, and images of another shape.
    Taught in {ref}`ch-paired-translation`; Ledig et al. 2017, figure 4.
    """

    def __init__(self, channels: int, *, size: int = 96, width: int = 64, halvings: int = 4, dense: int = 1024):
        super().__init__()
        if halvings < 1 or size % 2**halvings:
            raise ValueError(f"{size} pixels cannot be halved {halvings} times; give another size or fewer halvings")
        self.image_shape = (channels, size, size)
        layers: list[nn.Module] = []
        for i in range(halvings):
            outputs = width * min(2**i, 8)
            for stride in (1, 2):
                layers += [nn.Conv2d(channels, outputs, 3, stride=stride, padding=1, bias=not layers)]
                layers += [nn.BatchNorm2d(outputs)] if len(layers) > 1 else []
                layers += [nn.LeakyReLU(SLOPE, inplace=True)]
                channels = outputs
        pixels = (size >> halvings) ** 2
        layers += [nn.Flatten(), nn.Linear(channels * pixels, dense), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(dense, 1))

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        return self.layers(x).squeeze(1)


def doubling(width: int) -> list[nn.Module]:
    """The layers that double the sides of [B, width, h, w]: a convolution to 4 * width channels, shuffled into pixels.

    Taught in {ref}`ch-paired-translation`; Shi et al. 2016.
    """
    return [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]

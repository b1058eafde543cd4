"""The plain convolutional pair of SNGAN, without residual blocks, for images of 8, 16, 32, 64, ... pixels a side.

At 32 x 32 as printed: 3,811,907 and 2,935,873 parameters for RGB images. The generator's layers that feed a batch
normalization have no bias, on which the paper is silent: the normalization would remove it.
Taught in {ref}`ch-wgan-gp`; Miyato et al. 2018, table 3.
"""

from itertools import pairwise

from torch import Tensor, nn

from ganedu.networks import spectral
from ganedu.networks.dcgan import check_images, check_noise, doublings, initialize

SLOPE = 0.1  # of the leaky ReLU for negative inputs: table 3; `chainer-gan-lib`, of the same company, has 0.2


class Generator(nn.Module):
    """Noise [B, latent_dim] to images [B, channels, size, size] in [-1, 1].

    A dense layer of 4 x 4 pixels, transposed convolutions (4 x 4, stride 2) that double the side and halve the width,
    a 3 x 3 convolution. width: channels of the layer before the image.
    Raises ValueError for a size that is not 4 doubled at least once, and for noise of another shape.
    Taught in {ref}`ch-wgan-gp`; Miyato et al. 2018, table 3a.
    """

    def __init__(self, latent_dim: int, channels: int, *, size: int = 32, width: int = 64):
        super().__init__()
        self.latent_dim = latent_dim
        widths = [width << i for i in reversed(range(doublings(size, start=4) + 1))]  # 512, 256, 128, 64 for 32 pixels
        layers: list[nn.Module] = [nn.Linear(latent_dim, widths[0] * 4 * 4), nn.Unflatten(1, (widths[0], 4, 4))]
        for inputs, outputs in pairwise(widths):
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]  # n -> 2n pixels
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1), nn.Tanh())
        self.apply(initialize)

    def forward(self, z: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        return self.layers(z)


class Discriminator(nn.Module):
    """Images [B, channels, size, size] to logits [B], each sample by itself: there is no batch normalization.

    A 3 x 3 convolution widens, a 4 x 4 one of stride 2 halves the side, down to 4 pixels; a last 3 x 3 convolution, a
    dense layer. width: channels next to the image. normalized: spectral normalization of every layer.
    Raises ValueError for a size that is not 4 doubled at least once, and for images of another shape.
    Taught in {ref}`ch-wgan-gp`; Miyato et al. 2018, table 3b.
    """

    def __init__(self, channels: int, *, size: int = 32, width: int = 64, normalized: bool = True):
        super().__init__()
        self.image_shape = (channels, size, size)
        widths = [width << i for i in range(doublings(size, start=4))]  # 64, 128, 256 for 32 pixels
        layers: list[nn.Module] = []
        for inputs, outputs in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
            layers += [nn.Conv2d(outputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
        last = 2 * widths[-1]
        layers += [nn.Conv2d(widths[-1], last, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(last * 4 * 4, 1))
        if normalized:
            spectral.normalize(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        return self.layers(x).squeeze(1)

"""The convolutional pair that article 004 lists in its section 3.2, kept as printed, flaws included.

Printed there: 5 x 5 kernels with stride 2 (padding 'same'), whose uneven overlap draws checkerboards; no normalization
or activation after the dense layer; leaky ReLU before batch normalization; dropout. The sigmoid at the end has moved
into the loss. For 64 x 64 RGB images: 5,134,339 and 1,046,401 parameters.
Taught in {ref}`ch-convolutions`.
"""

from itertools import pairwise

from torch import Tensor, nn

from ganedu.networks.dcgan import SLOPE, check_images, check_noise, check_norm, doublings

DROPOUT = 0.3
UPSAMPLINGS = ("k5", "k4", "resize")


class Generator(nn.Module):
    """Noise [B, latent_dim] to images [B, channels, size, size] in [-1, 1], from a dense layer of 4 x 4 pixels.

    width: channels of the layer before the image. upsampling: how the side doubles; "k5" is the article's transposed
    convolution, "k4" one whose kernel the stride divides, "resize" repeats pixels and convolves 5 x 5.
    Raises ValueError for an unknown upsampling, a size that is not 4 doubled, and noise of another shape.
    Taught in {ref}`ch-convolutions`; Odena et al. 2016 for "resize".
    """

    def __init__(self, latent_dim: int, channels: int, *, size: int = 64, width: int = 64, upsampling: str = "k5"):
        super().__init__()
        self.latent_dim = latent_dim
        widths = [width << i for i in reversed(range(doublings(size, start=4)))]  # 512, 256, 128, 64 for 64 pixels
        layers: list[nn.Module] = [nn.Linear(latent_dim, widths[0] * 4 * 4), nn.Unflatten(1, (widths[0], 4, 4))]
        for inputs, outputs in pairwise(widths):
            layers += [_double(inputs, outputs, upsampling), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, _double(widths[-1], channels, upsampling), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        return self.layers(z)


class Discriminator(nn.Module):
    """Images [B, channels, size, size] to logits [B]: 5 x 5 convolutions of stride 2 down to 8 x 8, then a dense layer.

    norm: "batch" as printed, after the activation of all but the first; "none" for critics with a penalty.
    Dropout draws from torch's default generator, whose state belongs into a checkpoint.
    Raises ValueError for a size that is not 8 doubled, an unknown norm, and images of another shape.
    Taught in {ref}`ch-convolutions`.
    """

    def __init__(self, channels: int, *, size: int = 64, width: int = 64, norm: str = "batch"):
        super().__init__()
        check_norm(norm)
        self.image_shape = (channels, size, size)
        widths = [width << i for i in range(doublings(size, start=8))]  # 64, 128, 256 for 64 pixels
        layers: list[nn.Module] = []
        for inputs, outputs in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 5, stride=2, padding=2), nn.LeakyReLU(SLOPE)]  # 2n -> n pixels
            layers += [nn.BatchNorm2d(outputs)] if norm == "batch" and outputs > width else []
            layers += [nn.Dropout(DROPOUT)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * 8 * 8, 1))

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        return self.layers(x).squeeze(1)


def _double(inputs: int, outputs: int, upsampling: str) -> nn.Module:
    """A layer that turns n x n pixels into 2n x 2n."""
    match upsampling:
        case "k5":  # n' = 2(n - 1) - 2 * 2 + 5 + 1 = 2n, Keras' padding 'same'
            return nn.ConvTranspose2d(inputs, outputs, 5, stride=2, padding=2, output_padding=1)
        case "k4":  # n' = 2(n - 1) - 2 * 1 + 4 = 2n
            return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
        case "resize":
            return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 5, padding=2))
    raise ValueError(f"unknown upsampling {upsampling!r}; choose one of {', '.join(UPSAMPLINGS)}")

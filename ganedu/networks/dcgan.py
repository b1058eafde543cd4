"""The convolutional pair of DCGAN, for images of 8, 16, 32, 64, ... pixels a side.

All convolutions have 4 x 4 kernels; from one layer to the next the side doubles and the width halves (generator), or
the other way round (discriminator). `width` is that of the layer nearest to the image. The paper draws 128, so that
64 x 64 images start from 1024 channels; the default here, 64, is that of the public implementations (512 channels).
Taught in {ref}`ch-dcgan`; Radford et al. 2016, section 3 and figure 1.
"""

from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU for negative inputs
NORMS = ("batch", "none")


class Generator(nn.Module):
    """Noise [B, latent_dim] to images [B, channels, size, size] in [-1, 1].

    A transposed convolution projects the noise to 4 x 4 pixels, others of stride 2 double the side. Batch
    normalization and ReLU follow each but the last, which ends with tanh.
    Raises ValueError for a size that is not 4 doubled at least once, and for noise of another shape.
    Taught in {ref}`ch-dcgan`; Radford et al. 2016.
    """

    def __init__(self, latent_dim: int, channels: int, *, size: int = 64, width: int = 64):
        super().__init__()
        self.latent_dim = latent_dim
        widths = [width << i for i in reversed(range(doublings(size, start=4)))]  # 512, 256, 128, 64 for 64 pixels
        layers = [nn.ConvTranspose2d(latent_dim, widths[0], 4, stride=1, padding=0, bias=False)]  # 1 -> 4 pixels
        for inputs, outputs in zip(widths, [*widths[1:], channels], strict=True):
            layers += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]  # n -> 2n pixels
        self.layers = nn.Sequential(*layers, nn.Tanh())
        self.apply(initialize)

    def forward(self, z: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        return self.layers(z[:, :, None, None])


class Discriminator(nn.Module):
    """Images [B, channels, size, size] to logits [B].

    Convolutions of stride 2 halve the side down to 4 pixels, a last one reads these; leaky ReLU between them.
    norm: "batch" normalizes all but the first and the last, as in the paper; "none" is for critics with a penalty on
    the slope of each sample.
    Raises ValueError for a size that is not 4 doubled at least once, an unknown norm, and images of another shape.
    Taught in {ref}`ch-dcgan`; Radford et al. 2016.
    """

    def __init__(self, channels: int, *, size: int = 64, width: int = 64, norm: str = "batch"):
        super().__init__()
        check_norm(norm)
        self.image_shape = (channels, size, size)
        widths = [width << i for i in range(doublings(size, start=4))]  # 64, 128, 256, 512 for 64 pixels
        layers: list[nn.Module] = []
        for inputs, outputs in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]  # 2n -> n pixels
            layers += [nn.BatchNorm2d(outputs)] if norm == "batch" and len(layers) > 1 else []
            layers += [nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, stride=1, padding=0, bias=False))
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        return self.layers(x).flatten()  # [B, 1, 1, 1] -> [B]


def initialize(module: nn.Module) -> None:
    """Weights of convolutions from N(0, 0.02^2), scales of batch normalization from N(1, 0.02^2), biases 0.

    Taught in {ref}`ch-dcgan`; Radford et al. 2016, section 4; the scales as in the public implementations.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def doublings(size: int, *, start: int) -> int:
    """How often `start` pixels must double to make `size`, at least once.

    Raises ValueError, naming the nearest possible sizes, where they never do.
    Taught in {ref}`ch-convolutions`.
    """
    count = (max(size, 1) // start).bit_length() - 1
    if count < 1 or size != start << count:
        nearest = sorted({start << max(count, 1), start << max(count + 1, 1)})
        raise ValueError(
            f"images of {size} x {size} pixels do not arise from {start} x {start} by doubling; "
            f"resize them to {' or '.join(map(str, nearest))}"
        )
    return count


def check_norm(norm: str) -> None:
    """Raises ValueError for a normalization that is not one of NORMS.

    Taught in {ref}`ch-dcgan`.
    """
    if norm not in NORMS:
        raise ValueError(f"unknown normalization {norm!r}; choose one of {', '.join(NORMS)}")


def check_noise(z: Tensor, latent_dim: int) -> None:
    """Raises ValueError for noise that is not [B, latent_dim].

    Taught in {ref}`ch-dcgan`.
    """
    if z.ndim != 2 or z.shape[1] != latent_dim:
        raise ValueError(f"noise of shape {tuple(z.shape)} given, [batch, {latent_dim}] expected")


def check_images(x: Tensor, image_shape: tuple[int, int, int]) -> None:
    """Raises ValueError for images that are not [B, C, H, W] with this (C, H, W).

    Taught in {ref}`ch-dcgan`.
    """
    if x.ndim != 4 or tuple(x.shape[1:]) != image_shape:
        expected = ", ".join(map(str, image_shape))
        raise ValueError(
            f"images of shape {tuple(x.shape)} given, [batch, {expected}] expected; resize or convert them"
        )

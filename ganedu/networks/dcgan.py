"""The convolutional pair of DCGAN, for images of 8, 16, 32, 64, ... pixels a side.

From one layer to the next the side doubles and the width halves (generator), or the other way round (discriminator).
`width` is that of the layer nearest to the image: 128 in the paper, whose 64 x 64 images start from 1024 channels.
`kernel` chooses between the two programs that the paper's authors published:

* 5, the program of the paper (Radford's, in Theano): 5 x 5 kernels with padding 2. The stride 2 does not divide 5, so
  inner pixels of the generator's images belong to 4, 6 or 9 kernels in turn: checkerboards, see {ref}`ch-convolutions`.
  Each of the numbers that the noise is projected to, 1024 x 4 x 4 of them, is normalized by itself.
* 4, Chintala's port to Torch, which the tutorials copy: 4 x 4 kernels with padding 1, and the projection, written as a
  convolution, normalized channel by channel. It has half the channels, hence the default width here.

The paper's text tells no size of kernel. Neither program has biases beside those of the normalization; Radford's takes
the statistics of a batch when it samples too, and pulls all weights toward 0 by 1e-5 of themselves: neither is so here.
Taught in {ref}`ch-dcgan`; Radford et al. 2016, section 3 and figure 1.
"""

from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU for negative inputs
NORMS = ("batch", "none")
PADDING = {4: 1, 5: 2}  # of the kernels; both make n pixels 2n, and 2n pixels n
KERNELS = tuple(PADDING)
SPREAD = 0.02  # standard deviation of the initial weights; Radford et al. 2016, section 4


class Generator(nn.Module):
    """Noise [B, latent_dim] to images [B, channels, size, size] in [-1, 1].

    A linear map projects the noise to 4 x 4 pixels, transposed convolutions of stride 2 double the side. Batch
    normalization and ReLU follow each but the last, which ends with tanh. kernel: side of the convolutions' kernels,
    one of KERNELS, which also says how the projection is normalized: see above.
    Raises ValueError for a size that is not 4 doubled at least once, another kernel, and noise of another shape.
    Taught in {ref}`ch-dcgan`; Radford et al. 2016.
    """

    def __init__(self, latent_dim: int, channels: int, *, size: int = 64, width: int = 64, kernel: int = 4):
        super().__init__()
        check_kernel(kernel)
        self.latent_dim = latent_dim
        widths = [width << i for i in reversed(range(doublings(size, start=4)))]  # 512, 256, 128, 64 for 64 pixels
        layers = _projection(latent_dim, widths[0], kernel)
        for inputs, outputs in zip(widths, [*widths[1:], channels], strict=True):
            layers += [nn.BatchNorm2d(inputs)] if inputs < widths[0] or kernel == 4 else []
            layers += [nn.ReLU(inplace=True), _double(inputs, outputs, kernel)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        self.apply(initialize)

    def forward(self, z: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        return self.layers(z[:, :, None, None])


class Discriminator(nn.Module):
    """Images [B, channels, size, size] to logits [B].

    Convolutions of stride 2 halve the side down to 4 pixels, a linear map of these gives the logit; leaky ReLU between
    them. norm: "batch" normalizes all but the first and the last, as in the paper; "none" is for critics with a penalty
    on the slope of each sample. kernel: side of the convolutions' kernels, one of KERNELS. bias: whether the first
    convolution learns a number for each of its maps, 0 at the start, which neither program has: without it the sign of
    the verdict hardly depends on the contrast of an image, see the chapter.
    Raises ValueError for a size that is not 4 doubled at least once, an unknown norm or kernel, and images of another
    shape.
    Taught in {ref}`ch-dcgan`; Radford et al. 2016.
    """

    def __init__(
        self,
        channels: int,
        *,
        size: int = 64,
        width: int = 64,
        norm: str = "batch",
        kernel: int = 4,
        bias: bool = False,
    ):
        super().__init__()
        check_norm(norm)
        check_kernel(kernel)
        self.image_shape = (channels, size, size)
        widths = [width << i for i in range(doublings(size, start=4))]  # 64, 128, 256, 512 for 64 pixels
        layers: list[nn.Module] = []
        for inputs, outputs in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inputs, outputs, kernel, 2, PADDING[kernel], bias=bias and not layers)]  # 2n -> n
            layers += [nn.BatchNorm2d(outputs)] if norm == "batch" and len(layers) > 1 else []
            layers += [nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, bias=False))  # 4 x 4 pixels -> 1
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        return self.layers(x).flatten()  # [B, 1, 1, 1] -> [B]


def _projection(latent_dim: int, width: int, kernel: int) -> list[nn.Module]:
    """Noise [B, latent_dim, 1, 1] to [B, width, 4, 4], by a linear map that a transposed convolution writes as well."""
    linear: list[nn.Module] = [nn.ConvTranspose2d(latent_dim, width, 4, bias=False)]
    if kernel == 4:  # normalized channel by channel, like every other layer
        return linear
    return [*linear, nn.Flatten(), nn.BatchNorm1d(width * 4 * 4), nn.Unflatten(1, (width, 4, 4))]


def _double(inputs: int, outputs: int, kernel: int) -> nn.Module:
    """n to 2n pixels: n' = 2(n - 1) - 2 * padding + kernel, and one more pixel for the odd kernel."""
    options = {"stride": 2, "padding": PADDING[kernel], "output_padding": kernel % 2, "bias": False}
    return nn.ConvTranspose2d(inputs, outputs, kernel, **options)


def initialize(module: nn.Module) -> None:
    """Weights of convolutions from N(0, 0.02^2), scales of normalizations from N(1, 0.02^2), biases 0.

    Taught in {ref}`ch-dcgan`; Radford et al. 2016, section 4; the scales as in both programs of the authors.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, SPREAD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm):
        nn.init.normal_(module.weight, 1.0, SPREAD)
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


def check_kernel(kernel: int) -> None:
    """Raises ValueError for the side of a kernel that is not one of KERNELS.

    Taught in {ref}`ch-dcgan`.
    """
    if kernel not in KERNELS:
        raise ValueError(f"no DCGAN has kernels of {kernel} x {kernel}; choose one of {', '.join(map(str, KERNELS))}")


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

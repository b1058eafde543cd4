"""The networks of the 3D-GAN: DCGAN's pair with one more axis.

The paper and its supplement give the layers: from 200 numbers to 64 x 64 x 64 voxels, five transposed convolutions with
4 x 4 x 4 kernels and 512, 256, 128, 64 and 1 output channels, the first of stride 1, the others of stride 2; then the
mirror image of that. The authors' program, which samples, removes the biases of all convolutions.
Departures: theirs ends with a sigmoid in (0, 1), here with tanh in (-1, 1), which is the same curve, rescaled. Neither
says whether the discriminator's first layer is normalized; as in DCGAN it is not. The initial weights are DCGAN's.
Taught in {ref}`ch-solids`; Wu et al. 2016, section 3.1.
"""

from torch import Tensor, nn

from ganedu.networks.dcgan import SLOPE, SPREAD, check_noise, check_norm

START = 4  # voxels a side behind the first layer
OPTIONS = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}  # n to 2n voxels a side, or back


class Generator(nn.Module):
    """Noise [B, latent_dim] to voxels [B, 1, size, size, size] in [-1, 1]: -1 empty, 1 full.

    The first transposed convolution makes 4 x 4 x 4 voxels of one, the others double the side. Batch normalization and
    ReLU follow each but the last, which ends with tanh. width: channels next to the voxels, doubled towards the noise.
    Raises ValueError for a size that is not 4 doubled at least once, and noise of another shape.
    Taught in {ref}`ch-solids`; Wu et al. 2016.
    """

    def __init__(self, latent_dim: int, *, size: int = 64, width: int = 64):
        super().__init__()
        self.latent_dim = latent_dim
        widths = [width << i for i in reversed(range(doublings(size)))]  # 512, 256, 128, 64 for 64 voxels
        layers: list[nn.Module] = [nn.ConvTranspose3d(latent_dim, widths[0], START, bias=False)]
        for inputs, outputs in zip(widths, [*widths[1:], 1], strict=True):
            layers += [nn.BatchNorm3d(inputs), nn.ReLU(inplace=True), nn.ConvTranspose3d(inputs, outputs, **OPTIONS)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        self.apply(initialize)

    def forward(self, z: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        return self.layers(z[:, :, None, None, None])


class Discriminator(nn.Module):
    """Voxels [B, 1, size, size, size] to logits [B]: the generator's mirror image, with leaky ReLU.

    norm: "batch" normalizes all but the first and the last layer; "none" is for critics with a penalty on the slope of
    each sample.
    Raises ValueError for a size that is not 4 doubled at least once, an unknown norm, and voxels of another shape.
    Taught in {ref}`ch-solids`; Wu et al. 2016.
    """

    def __init__(self, *, size: int = 64, width: int = 64, norm: str = "batch"):
        super().__init__()
        check_norm(norm)
        self.side = size
        widths = [width << i for i in range(doublings(size))]  # 64, 128, 256, 512 for 64 voxels
        layers: list[nn.Module] = []
        for inputs, outputs in zip([1, *widths], widths, strict=False):
            layers += [nn.Conv3d(inputs, outputs, **OPTIONS)]
            layers += [nn.BatchNorm3d(outputs)] if norm == "batch" and len(layers) > 1 else []
            layers += [nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv3d(widths[-1], 1, START, bias=False))  # 4 x 4 x 4 -> 1
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 5 or tuple(x.shape[1:]) != (1, *[self.side] * 3):
            expected = ", ".join(map(str, [1, *[self.side] * 3]))
            raise ValueError(f"voxels of shape {tuple(x.shape)} given, [batch, {expected}] expected; draw them anew")
        return self.layers(x).flatten()  # [B, 1, 1, 1, 1] -> [B]


def initialize(module: nn.Module) -> None:
    """Weights of convolutions from N(0, 0.02^2), scales of batch normalization from N(1, 0.02^2), shifts 0.

    Taught in {ref}`ch-solids`; as in {ref}`ch-dcgan`, the paper is silent.
    """
    if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
        nn.init.normal_(module.weight, 0.0, SPREAD)
    elif isinstance(module, nn.BatchNorm3d):
        nn.init.normal_(module.weight, 1.0, SPREAD)
        nn.init.zeros_(module.bias)


def doublings(size: int) -> int:
    """How often 4 voxels must double to make `size`, at least once.

    Raises ValueError, naming the nearest possible sizes, where they never do.
    Taught in {ref}`ch-solids`.
    """
    count = (max(size, 1) // START).bit_length() - 1
    if count < 1 or size != START << count:
        nearest = sorted({START << max(count, 1), START << max(count + 1, 1)})
        raise ValueError(
            f"{size} voxels a side do not arise from {START} by doubling; take {' or '.join(map(str, nearest))}"
        )
    return count

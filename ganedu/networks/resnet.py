"""The residual pair of WGAN-GP and SNGAN, for images of 16, 32, 64, ... pixels a side.

Both papers share it: pre-activation blocks of two 3 x 3 convolutions, all of one width; batch normalization in the
generator only. For CIFAR-10, WGAN-GP has 128 channels everywhere (1,204,483 and 1,053,825 parameters), SNGAN 256 in the
generator (4,276,739 and 1,053,824). Where text and public code differ, the code decides: it repeats pixels before the
first convolution of a block, the text of WGAN-GP says before the second.
Taught in {ref}`ch-wgan-gp`; Gulrajani et al. 2017, appendix F; Miyato et al. 2018, table 4.
"""

from math import sqrt

from torch import Tensor, nn

from ganedu.networks import spectral
from ganedu.networks.dcgan import check_images, check_noise, doublings

POOLS = ("mean", "sum")


class Block(nn.Module):
    """Images [B, inputs, H, W] to [B, outputs, H', W']: two convolutions beside a shortcut, added.

    resample: "up" doubles the side by repeating pixels, "down" halves it by means of 2 x 2, "none" keeps it.
    norm: batch normalization before each activation. first: no activation before the first convolution, for a block
    that reads the image itself. The shortcut is the identity where nothing changes, else a 1 x 1 convolution, done on
    the smaller of its two sides: it commutes with repeating and with means, and costs a quarter there.
    Taught in {ref}`ch-wgan-gp`; He et al. 2016.
    """

    def __init__(self, inputs: int, outputs: int, *, resample: str = "none", norm: bool = False, first: bool = False):
        super().__init__()
        before = [] if first else [*_normalization(norm, inputs), nn.ReLU()]
        up = [nn.Upsample(scale_factor=2)] if resample == "up" else []
        down = [nn.AvgPool2d(2)] if resample == "down" else []
        middle = [*_normalization(norm, outputs), nn.ReLU(inplace=True)]
        self.residual = nn.Sequential(
            *before, *up, _conv(inputs, outputs, 3), *middle, _conv(outputs, outputs, 3), *down
        )
        changes = resample != "none" or inputs != outputs
        self.shortcut = nn.Sequential(*down, _conv(inputs, outputs, 1), *up) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


class Generator(nn.Module):
    """Noise [B, latent_dim] to images [B, channels, size, size] in [-1, 1]: a dense layer of 4 x 4, blocks that double.

    width: channels everywhere.
    Raises ValueError for a size that is not 4 doubled at least once, and for noise of another shape.
    Taught in {ref}`ch-wgan-gp`; Gulrajani et al. 2017, appendix F.
    """

    def __init__(self, latent_dim: int, channels: int, *, size: int = 32, width: int = 128):
        super().__init__()
        self.latent_dim = latent_dim
        blocks = [Block(width, width, resample="up", norm=True) for _ in range(doublings(size, start=4))]
        dense = [nn.Linear(latent_dim, width * 4 * 4), nn.Unflatten(1, (width, 4, 4))]
        last = [nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, channels, 3, padding=1)]
        self.layers = nn.Sequential(*dense, *blocks, *last, nn.Tanh())
        _start([dense[0], last[-1]])

    def forward(self, z: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        return self.layers(z)


class Critic(nn.Module):
    """Images [B, channels, size, size] to scores [B], each sample by itself: there is no batch normalization.

    Blocks halve the side down to 8 pixels, two more keep it; then ReLU, a pool over all pixels and a dense layer.
    pool: "mean" as in WGAN-GP, "sum" as in SNGAN. normalized: spectral normalization of every layer, and no bias in the
    last, as SNGAN's public code has it.
    Raises ValueError for a size that is not 8 doubled at least once, an unknown pool, and images of another shape.
    Taught in {ref}`ch-wgan-gp`; Gulrajani et al. 2017, appendix F; Miyato et al. 2018, table 4.
    """

    def __init__(
        self, channels: int, *, size: int = 32, width: int = 128, pool: str = "mean", normalized: bool = False
    ):
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f"unknown pool {pool!r}; choose one of {', '.join(POOLS)}")
        self.image_shape, self.pool = (channels, size, size), pool
        down = doublings(size, start=8)
        first = Block(channels, width, resample="down", first=True)
        halving = [Block(width, width, resample="down") for _ in range(down - 1)]
        self.blocks = nn.Sequential(first, *halving, Block(width, width), Block(width, width), nn.ReLU())
        self.score = nn.Linear(width, 1, bias=not normalized)
        _start([self.score])
        if normalized:
            spectral.normalize(self)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        features = self.blocks(x).flatten(2)  # [B, width, 64]
        pooled = features.mean(2) if self.pool == "mean" else features.sum(2)
        return self.score(pooled).squeeze(1)


def _normalization(wanted: bool, channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if wanted else []


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """A convolution that keeps the side; uniform weights as in the public code of both papers, biases 0.

    Followed by ReLU or its sum (3 x 3), the variance is that of He, averaged over fan-in and fan-out; on the shortcut
    (1 x 1) that of Glorot.
    """
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(layer.weight, gain=sqrt(2) if kernel > 1 else 1.0)
    nn.init.zeros_(layer.bias)
    return layer


def _start(layers: list[nn.Module]) -> None:
    """Glorot's uniform weights and no bias, for the layers outside of the blocks."""
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

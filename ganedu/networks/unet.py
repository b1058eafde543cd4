"""The U-Net of Pix2Pix: down to one pixel and up again, every layer up reading the layer down of its size as well.

Taught in {ref}`ch-paired-translation`; Isola et al. 2017, section 3.2.1 and appendix 6.1; Ronneberger et al. 2015.
"""

import torch
from torch import Tensor, nn

from ganedu.networks.dcgan import SLOPE, doublings, initialize
from ganedu.networks.translation import AffineNorm

DROPPED = 3  # layers up that have dropout
DROPOUT = 0.5


class Generator(nn.Module):
    """Images [B, inputs, H, W] to images [B, outputs, H, W] in [-1, 1], for sides that 2^depth divides.

    size: pixels a side it is made for, a power of two from 8 on; depth = log2(size), so that one pixel is left in the
    middle. width: channels of the first layer, doubled up to eight times as many. All kernels are 4 x 4 of stride 2,
    leaky ReLU on the way down, ReLU up. Every map of every image is normalized by itself (see `AffineNorm`), but for
    the first layer, the last, and the single pixel, of which nothing would be left.
    At size 256, width 64, for color images there are 54,413,955 parameters.

    noise: [B, noise_size] numbers 0 or 2, which switch off and double the maps' pixels behind the first layers up:
    dropout of one half, given from outside. None switches off nothing. For images of side `size` only.
    Raises ValueError for a size that is no power of two, images of other channels or sides, and other noise.
    Taught in {ref}`ch-paired-translation`; Isola et al. 2017, appendix 6.1.
    """

    def __init__(self, inputs: int, outputs: int, *, size: int = 256, width: int = 64):
        super().__init__()
        self.inputs, self.size = inputs, size
        depth = doublings(size, start=4) + 2
        widths = [width * min(2**i, 8) for i in range(depth)]  # 64, 128, 256, 512, 512, ...
        self.down = nn.ModuleList([nn.Conv2d(inputs, width, 4, stride=2, padding=1, bias=False)])
        for i in range(1, depth):
            convolution = nn.Conv2d(widths[i - 1], widths[i], 4, stride=2, padding=1, bias=False)
            norm = [AffineNorm(widths[i])] if i < depth - 1 else []
            self.down.append(nn.Sequential(nn.LeakyReLU(SLOPE), convolution, *norm))
        self.up = nn.ModuleList()
        for i in reversed(range(1, depth)):
            read = widths[i] * (1 if i == depth - 1 else 2)
            convolution = nn.ConvTranspose2d(read, widths[i - 1], 4, stride=2, padding=1, bias=False)
            self.up.append(nn.Sequential(nn.ReLU(), convolution, AffineNorm(widths[i - 1])))
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * width, outputs, 4, stride=2, padding=1), nn.Tanh())
        dropped = range(min(DROPPED, depth - 1))
        self.shapes = [(widths[depth - 2 - i], 2 ** (i + 1), 2 ** (i + 1)) for i in dropped]  # behind the layers up
        self.noise_size = sum(c * h * w for c, h, w in self.shapes)
        self.apply(initialize)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        self._check(x, noise)
        kept = self._split(noise)
        skips = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        skips.pop()
        for layer in self.up:
            x = layer(x)
            x = x * kept.pop(0) if kept else x
            x = torch.cat([x, skips.pop()], dim=1)
        return self.last(x)

    def _split(self, noise: Tensor | None) -> list[Tensor]:
        """The factors of each layer that drops, [B, C, h, w]."""
        if noise is None:
            return []
        parts = noise.split([c * h * w for c, h, w in self.shapes], dim=1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _check(self, x: Tensor, noise: Tensor | None) -> None:
        step = 2 ** len(self.down)
        if x.ndim != 4 or x.shape[1] != self.inputs or x.shape[2] % step or x.shape[3] % step or not x[0, 0].numel():
            raise ValueError(
                f"images of shape {tuple(x.shape)} given, [batch, {self.inputs}, H, W] expected with sides that are "
                f"multiples of {step}; convert, resize or crop them"
            )
        if noise is not None and (tuple(noise.shape) != (len(x), self.noise_size) or x.shape[2:] != (self.size,) * 2):
            raise ValueError(
                f"noise of shape {tuple(noise.shape)} for images of {tuple(x.shape)} given; [{len(x)}, "
                f"{self.noise_size}] is for {self.size} x {self.size} pixels; leave it out for other sides"
            )

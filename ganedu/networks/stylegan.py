"""The style-based generator of StyleGAN and StyleGAN2, and the residual discriminator of the second.

Noise z becomes a style vector w in a mapping network; a synthesis network starts from a constant of 4 x 4 pixels and
takes one style in each of its layers, besides noise of its own for every pixel.

A style enters in one of two ways. With "adain" each channel's mean and deviation are replaced by the style's (Karras et
al. 2019). With "demodulation" the style scales the channels that enter a convolution, and what comes out is divided by
the deviation that this would give to independent inputs of variance 1 (Karras et al. 2020, section 2.2).

Weights are stored with variance 1 and scaled at run time, by He's constant and by a factor that slows the learning
rate (`Dense`, `Convolution`). At 1024 x 1024 pixels "demodulation" has 30,370,060 parameters and the discriminator
29,012,513, as in the public code of StyleGAN2's config F; "adain" of width 16 has 26,219,627, as in that of StyleGAN.
Departures of "adain": images are the sum of all resolutions as in StyleGAN2, where StyleGAN grew progressively, and
resampling is StyleGAN2's.
Taught in {ref}`ch-stylegan`; Karras et al. 2019 and 2020.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import gcd, log2, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganedu.networks.dcgan import check_images, check_noise, doublings

STYLES = ("demodulation", "adain")
EPSILON = 1e-8  # under every root, as in the public code of both papers
SLOPE = 0.2  # of the leaky ReLU for negative inputs
GROUP = 4  # samples of which the discriminator takes the deviation


def adain(x: Tensor, scale: Tensor, shift: Tensor, *, epsilon: float = EPSILON) -> Tensor:
    """Feature maps x [B, C, H, W], each with the mean `shift` and the deviation |`scale`|, both [B, C].

    Each map of each sample is normalized by itself, over its pixels, whatever it was scaled and shifted by before.
    epsilon: added to the variance v, so that the deviation is off by the factor sqrt(v / (v + epsilon)).
    Taught in {ref}`ch-stylegan`; Huang and Belongie 2017, eq. 8; Karras et al. 2019, eq. 1.
    """
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    return scale[:, :, None, None] * (x - mean) * (variance + epsilon).rsqrt() + shift[:, :, None, None]


def modulated_convolution(
    x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool = True, up: bool = False
) -> Tensor:
    """Convolve x [B, I, H, W] with `weight` [O, I, k, k], of which each sample scales the inputs by its `style` [B, I].

    demodulate: then divide by the deviation that the outputs have if the inputs are independent, with variance 1.
    up: double the side, with StyleGAN2's filter. The scales are multiplied to inputs and outputs instead of the
    weights: the numbers stay the same, and all samples share one convolution.
    Taught in {ref}`ch-stylegan`; Karras et al. 2020, eq. 1 and 3.
    """
    scaled = x * style[:, :, None, None]
    out = _doubled(scaled, weight) if up else F.conv2d(scaled, weight, padding=weight.shape[2] // 2)
    if not demodulate:
        return out
    energy = style.square() @ weight.square().sum((2, 3)).T  # [B, O], the sum over i and k of (style_i weight_oik)^2
    return out * (energy + EPSILON).rsqrt()[:, :, None, None]


class Dense(nn.Module):
    """A linear map [B, inputs] to [B, outputs] with equalized learning rate.

    Weights are drawn from N(0, 1 / slow^2) and multiplied by slow / sqrt(inputs) whenever they are used. Adam moves all
    numbers by about its rate, so the map learns at the rate times `slow`.
    Taught in {ref}`ch-stylegan`; Karras et al. 2018, section 4.1; Karras et al. 2019, appendix C.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, slow: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / slow)
        self.bias = nn.Parameter(torch.full((outputs,), bias / slow))
        self.slow = slow

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * (self.slow / sqrt(self.weight.shape[1])), self.bias * self.slow)


class Convolution(nn.Module):
    """A convolution that keeps the side, [B, inputs, H, W] to [B, outputs, H, W], or halves it (`down`).

    Equalized as `Dense` is; before pixels are left out they are blurred.
    Taught in {ref}`ch-stylegan`; Karras et al. 2020, section 3.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, down: bool = False, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        weight, kernel = equalized(self.weight), self.weight.shape[2]
        if not self.down:
            return F.conv2d(x, weight, self.bias, padding=kernel // 2)
        if kernel == 1:  # every second pixel is enough
            return F.conv2d(_blur(x, padding=1, stride=2), weight, self.bias)
        return F.conv2d(_blur(x, padding=2), weight, self.bias, stride=2)


class Mapping(nn.Module):
    """Noise z [B, dim] to style vectors w [B, dim]: z is scaled to length sqrt(dim), then dense layers follow.

    depth: number of layers; slow: factor of their learning rate.
    Taught in {ref}`ch-stylegan`; Karras et al. 2019, section 2.
    """

    def __init__(self, dim: int, *, depth: int = 8, slow: float = 0.01):
        super().__init__()
        self.layers = nn.ModuleList(Dense(dim, dim, slow=slow) for _ in range(depth))

    def forward(self, z: Tensor) -> Tensor:
        w = z * (z.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        for layer in self.layers:
            w = activation(layer(w))
        return w


class StyledLayer(nn.Module):
    """One layer of the synthesis, x [B, inputs, H, W] and style w [B, dim] to [B, outputs, H, W] or twice the side.

    The convolution, noise [B, 1, H, W] or None with a learned strength, bias and leaky ReLU; the style comes in by
    `modulated_convolution`, or at the end by `adain`. inputs: 0 for no convolution, how "adain" treats the constant.
    Taught in {ref}`ch-stylegan`; Karras et al. 2019, figure 1; Karras et al. 2020, figure 2.
    """

    def __init__(self, inputs: int, outputs: int, dim: int, *, style: str, up: bool = False):
        super().__init__()
        self.up, self.demodulates = up, style == "demodulation"
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3)) if inputs else None
        self.style = Dense(dim, inputs, bias=1.0) if self.demodulates else Dense(dim, 2 * outputs)
        self.strength = nn.Parameter(torch.zeros(1 if self.demodulates else outputs))  # as the two programs have it
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        style = self.style(w)
        if self.demodulates:
            x = modulated_convolution(x, equalized(self.weight), style, up=self.up)
        elif self.weight is not None:
            x = modulated_convolution(
                x, equalized(self.weight), torch.ones_like(x[:, :, 0, 0]), demodulate=False, up=self.up
            )
        if noise is not None:
            x = x + self.strength[:, None, None] * noise
        x = activation(x + self.bias[:, None, None])
        if self.demodulates:
            return x
        scale, shift = style.chunk(2, dim=1)
        return adain(x, 1 + scale, shift)


class ToImage(nn.Module):
    """Feature maps x [B, inputs, H, W] to colors [B, channels, H, W], modulated by w but not demodulated.

    "adain" colors without a style.
    Taught in {ref}`ch-stylegan`; Karras et al. 2020, section 2.2 and figure 7.
    """

    def __init__(self, inputs: int, channels: int, dim: int, *, style: str):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.style = Dense(dim, inputs, bias=1.0) if style == "demodulation" else None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = torch.ones_like(x[:, :, 0, 0]) if self.style is None else self.style(w)
        colors = modulated_convolution(x, equalized(self.weight), style, demodulate=False)
        return colors + self.bias[:, None, None]


class Synthesis(nn.Module):
    """Styles [B, layers, dim] and noise to images [B, channels, size, size]: two layers a resolution, colors added up.

    `layers` counts the styles, 2 log2(size) - 2: the first for 4 x 4 pixels, then two for each doubling and, in
    "demodulation", one more for the last colors, which share a style with the layer that follows them; "adain" needs
    that one for the constant. noises: one for each of `noise_shapes`, or None for none; they are scaled by learned
    numbers that start from 0.
    Taught in {ref}`ch-stylegan`.
    """

    def __init__(self, dim: int, channels: int, *, size: int, width: int, max_width: int, style: str):
        super().__init__()
        if style not in STYLES:
            raise ValueError(f"unknown style {style!r}; choose one of {', '.join(STYLES)}")
        steps = doublings(size, start=4)
        widths = [min(width << step, max_width) for step in reversed(range(steps + 1))]
        self.constant = nn.Parameter(
            torch.randn(1, widths[0], 4, 4) if style == STYLES[0] else torch.ones(1, widths[0], 4, 4)
        )
        first = [] if style == "demodulation" else [StyledLayer(0, widths[0], dim, style=style)]
        first.append(StyledLayer(widths[0], widths[0], dim, style=style))
        self.blocks = nn.ModuleList([nn.ModuleList(first)])
        for inputs, outputs in pairwise(widths):
            pair = (
                StyledLayer(inputs, outputs, dim, style=style, up=True),
                StyledLayer(outputs, outputs, dim, style=style),
            )
            self.blocks.append(nn.ModuleList(pair))
        self.colors = nn.ModuleList(ToImage(each, channels, dim, style=style) for each in widths)
        self.layers = 2 * int(log2(size)) - 2
        self.sides = [4 << i for i, block in enumerate(self.blocks) for _ in block]

    def noise_shapes(self, n: int) -> list[tuple[int, int, int, int]]:
        """Shapes [n, 1, H, W] of the noise of n images, one for each layer.

        Taught in {ref}`ch-stylegan`.
        """
        return [(n, 1, side, side) for side in self.sides]

    def forward(self, styles: Tensor, noises: Sequence[Tensor] | None = None) -> Tensor:
        x, image, number = self.constant.expand(len(styles), -1, -1, -1), None, 0
        for block, color in zip(self.blocks, self.colors, strict=True):
            for layer in block:
                x = layer(x, styles[:, number], None if noises is None else noises[number])
                number += 1
            shade = color(x, styles[:, min(number, self.layers - 1)])
            image = shade if image is None else _larger(image) + shade
        return image


class Generator(nn.Module):
    """Noise [B, latent_dim] to images [B, channels, size, size]: mapping, then synthesis. w has latent_dim numbers too.

    width: channels nearest to the image, doubling from resolution to resolution inward, up to max_width. depth, slow:
    see `Mapping`. style: one of STYLES. Nothing squashes the colors: they may leave [-1, 1] a little, as the papers'.
    Raises ValueError for a size that is not 4 doubled at least once, another style, and noise of another shape.
    Taught in {ref}`ch-stylegan`; Karras et al. 2019 and 2020.
    """

    def __init__(
        self,
        latent_dim: int,
        channels: int,
        *,
        size: int = 1024,
        width: int = 32,
        max_width: int = 512,
        depth: int = 8,
        slow: float = 0.01,
        style: str = "demodulation",
    ):
        super().__init__()
        self.latent_dim = latent_dim
        self.mapping = Mapping(latent_dim, depth=depth, slow=slow)
        sizes = {"size": size, "width": width, "max_width": max_width}
        self.synthesis = Synthesis(latent_dim, channels, style=style, **sizes)
        self.layers = self.synthesis.layers

    def forward(self, z: Tensor, noises: Sequence[Tensor] | None = None) -> Tensor:
        return self.synthesis(self.styles(z), noises)

    def styles(self, z: Tensor, other: Tensor | None = None, switch: Tensor | int | None = None) -> Tensor:
        """One style for each layer, [B, layers, latent_dim]: w(z) everywhere, or w(other) from layer `switch` on.

        z, other: [B, latent_dim]; switch: int64 [B] or one number, 1 to layers - 1 for a mixture.
        Taught in {ref}`ch-stylegan`; Karras et al. 2019, section 3.1.
        """
        check_noise(z, self.latent_dim)
        coarse = self.mapping(z)[:, None]
        if other is None:
            return coarse.repeat(1, self.layers, 1)
        check_noise(other, self.latent_dim)
        return torch.where(self._reaches(switch, z.device), self.mapping(other)[:, None], coarse)

    def center(self, n: int = 4096) -> Tensor:
        """The mean style [latent_dim] over n vectors of noise, the same ones every time.

        Taught in {ref}`ch-stylegan`; Karras et al. 2019, appendix B.
        """
        weight = self.mapping.layers[0].weight if self.mapping.layers else self.synthesis.constant
        z = torch.randn(n, self.latent_dim, generator=torch.Generator().manual_seed(0), dtype=weight.dtype)
        return self.mapping(z.to(weight.device)).mean(0)

    def truncated(self, styles: Tensor, truncation: float = 1.0) -> Tensor:
        """Styles pulled to the center of all styles: their distance from it times `truncation`.

        Raises ValueError for a truncation below 0.
        Taught in {ref}`ch-stylegan`; Karras et al. 2019, appendix B.
        """
        if not truncation >= 0:
            raise ValueError(f"truncation must be 0 (always the mean style), 1 (none) or between, not {truncation}")
        if truncation == 1:
            return styles
        center = self.center()
        return center + truncation * (styles - center)

    def _reaches(self, switch: Tensor | int, device: torch.device) -> Tensor:
        """Which layers [B or 1, layers, 1] come at or after `switch`."""
        first = torch.as_tensor(switch, device=device).reshape(-1, 1, 1)
        return torch.arange(self.layers, device=device)[None, :, None] >= first


def mixtures(generator: Generator, left: Tensor, top: Tensor, switch: int, noises: Sequence[Tensor]) -> Tensor:
    """A table of mixed styles [R + 1, C + 1, channels, H, W]: `left[r]` before layer `switch`, `top[c]` from there on.

    left [R, layers, dim], top [C, layers, dim]: styles, whose own images are the first column and the first row; the
    corner is white. noises: of one image, shared by all. Values are clipped to [-1, 1].
    Raises ValueError for a switch that is no layer from 1 to layers - 1.
    Taught in {ref}`ch-stylegan`; Karras et al. 2019, figure 3.
    """
    if not 1 <= switch < generator.layers:
        raise ValueError(f"switch must be a layer from 1 to {generator.layers - 1}, not {switch}")
    rows, columns = len(left), len(top)
    coarse, fine = left[:, None, :switch].expand(-1, columns, -1, -1), top[None, :, switch:].expand(rows, -1, -1, -1)
    styles = torch.cat([left, top, torch.cat([coarse, fine], 2).flatten(0, 1)])
    shared = [noise.expand(len(styles), -1, -1, -1) for noise in noises]
    beside, above, inside = generator.synthesis(styles, shared).clamp(-1, 1).split([rows, columns, rows * columns])
    above = torch.cat([torch.ones_like(above[:1]), above])
    return torch.cat([above[None], torch.cat([beside[:, None], inside.unflatten(0, (rows, columns))], 1)])


class ResidualBlock(nn.Module):
    """[B, inputs, H, W] to [B, outputs, H / 2, W / 2]: two convolutions and a 1 x 1 one beside, added, over sqrt(2).

    Taught in {ref}`ch-stylegan`; Karras et al. 2020, figure 7.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.first, self.second = Convolution(inputs, inputs, 3), Convolution(inputs, outputs, 3, down=True)
        self.shortcut = Convolution(inputs, outputs, 1, down=True, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return (activation(self.second(activation(self.first(x)))) + self.shortcut(x)) / sqrt(2)


class Discriminator(nn.Module):
    """Images [B, channels, size, size] to logits [B]: residual blocks halve the side down to 4 pixels.

    There the deviation of a group of GROUP samples is appended as one more channel, see `group_deviation`; then come a
    convolution and two dense layers. width, max_width: as in `Generator`.
    Raises ValueError for a size that is not 4 doubled at least once, and for images of another shape.
    Taught in {ref}`ch-stylegan`; Karras et al. 2020, config F.
    """

    def __init__(self, channels: int, *, size: int = 1024, width: int = 32, max_width: int = 512):
        super().__init__()
        self.image_shape = (channels, size, size)
        widths = [min(width << step, max_width) for step in range(doublings(size, start=4) + 1)]
        self.enter = Convolution(channels, widths[0], 1)
        self.blocks = nn.Sequential(*(ResidualBlock(inputs, outputs) for inputs, outputs in pairwise(widths)))
        self.last = Convolution(widths[-1] + 1, widths[-1], 3)
        self.dense = Dense(widths[-1] * 4 * 4, widths[-1])
        self.score = Dense(widths[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.image_shape)
        x = self.blocks(activation(self.enter(x)))
        x = activation(self.last(torch.cat([x, group_deviation(x, GROUP)], 1)))
        return self.score(activation(self.dense(x.flatten(1)))).squeeze(1)


def group_deviation(x: Tensor, group: int) -> Tensor:
    """How much the samples of a group differ: the standard deviation of each feature over the group, averaged.

    x: [B, C, H, W]; groups are samples that follow each other, `group` of them or, where B is no multiple of that, as
    many as divide both. Returns [B, 1, H, W], one number a group.
    Groups of neighbors stay whole when a batch is dealt out to several processes. The public code takes every
    (B / group)-th sample instead, which is the same in law.
    Taught in {ref}`ch-stylegan`; Karras et al. 2018, section 3.
    """
    size = gcd(len(x), group)
    groups = x.reshape(len(x) // size, size, *x.shape[1:])
    deviation = (groups.var(1, correction=0) + EPSILON).sqrt().mean((1, 2, 3))
    return deviation.repeat_interleave(size)[:, None, None, None].expand(-1, 1, *x.shape[2:])


def activation(x: Tensor) -> Tensor:
    """Leaky ReLU times sqrt(2), which gives back what it takes of the mean square of a normal variable, nearly.

    Taught in {ref}`ch-stylegan`.
    """
    return F.leaky_relu(x, SLOPE) * sqrt(2)


def equalized(weight: Tensor) -> Tensor:
    """Weights [outputs, inputs, k, k] of variance 1, divided by the root of the numbers that an output sums up.

    Taught in {ref}`ch-stylegan`; Karras et al. 2018, section 4.1.
    """
    return weight / sqrt(weight[0].numel())


def _blur(x: Tensor, *, padding: int, stride: int = 1, gain: float = 1.0) -> Tensor:
    """Each map filtered by 1, 3, 3, 1 in both directions, the 16 numbers adding up to `gain`."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype, device=x.device)
    kernel = (torch.outer(row, row) * (gain / 64)).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, padding=padding, stride=stride, groups=x.shape[1])


def _doubled(x: Tensor, weight: Tensor) -> Tensor:
    """n to 2n pixels a side: zeros between the pixels and the convolution in one, then the blur, which fills the gaps.

    Inside the border it is the convolution, with the kernel turned by 180 degrees, of the bilinearly enlarged maps, for
    a quarter of the work.
    """
    return _blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4.0)


def _larger(image: Tensor) -> Tensor:
    """Twice the side, bilinearly: the filter 1, 3, 3, 1 again, but for the border."""
    return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)

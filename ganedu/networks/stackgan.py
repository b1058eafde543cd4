"""The two stages of StackGAN: a sketch from noise and caption, a larger picture from sketch and caption, two judges.

Each network reads the caption by a `ganedu.networks.text.CaptionEncoder` of its own. Convolutions are those of the
authors' PyTorch program; the map that joins image and caption in a judge is 1 x 1, as the paper says, there 3 x 3.
Taught in {ref}`ch-text-to-image`; Zhang et al. 2017.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganedu.networks.dcgan import SLOPE, check_images, check_norm, doublings, initialize
from ganedu.networks.text import Augmentation, CaptionEncoder, Memory


class Drawn(NamedTuple):
    """What a generator returns: its images, small to large, and mean and log variance of the sentence codes [B, n].

    attention: weights [B, T, H, W] of the words, where the generator attends to them, else None.
    Taught in {ref}`ch-text-to-image`.
    """

    images: list[Tensor]
    mu: Tensor
    log_variance: Tensor
    attention: Tensor | None = None


class Sketch(nn.Module):
    """Noise and code [B, inputs] to features [B, width, size, size]: a linear map to 4 x 4 pixels, doubled as needed.

    width: channels at the end, twice as many before each doubling.
    Raises ValueError for a size that is not 4 doubled at least once.
    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017, section 3.3.
    """

    def __init__(self, inputs: int, *, size: int, width: int):
        super().__init__()
        widths = [width << i for i in reversed(range(doublings(size, start=4) + 1))]
        start = widths[0] * 4 * 4
        self.layers = nn.Sequential(
            nn.Linear(inputs, start, bias=False),
            nn.BatchNorm1d(start),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, (widths[0], 4, 4)),
            *(double(before, after) for before, after in pairwise(widths)),
        )

    def forward(self, code: Tensor) -> Tensor:
        return self.layers(code)


class Refinement(nn.Module):
    """A sketch [B, channels, first, first] and a code [B, code] to features [B, width, size, size].

    The sketch is halved `halvings` times, the code laid over all its pixels, both are joined, go through residual
    blocks and are doubled up to `size`. width: channels of the sketch's first convolution and at the end.
    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017, section 3.4.
    """

    def __init__(self, channels: int, code: int, *, first: int, size: int, width: int, halvings: int, blocks: int):
        super().__init__()
        wide = width << halvings
        halving = [halve(width << i, width << (i + 1)) for i in range(halvings)]
        self.look = nn.Sequential(conv3(channels, width), nn.ReLU(inplace=True), *halving)
        self.join = nn.Sequential(conv3(wide + code, wide), nn.BatchNorm2d(wide), nn.ReLU(inplace=True))
        ups = doublings(size, start=first >> halvings)
        widths = [max(wide >> i, width) for i in range(ups + 1)]
        self.draw = nn.Sequential(
            *(Residual(wide) for _ in range(blocks)),
            *(double(before, after) for before, after in pairwise(widths)),
        )

    def forward(self, sketch: Tensor, code: Tensor) -> Tensor:
        seen = self.look(sketch)
        return self.draw(self.join(torch.cat([seen, spread(code, seen)], 1)))


class Generator(nn.Module):
    """Noise [B, noise_dim] and captions to images of two sizes, `first` and `size`, in [-1, 1], as a `Drawn`.

    noise_dim = latent_dim + 2 * code: what the sketch starts from, and the eps of the two conditioning augmentations.
    The second stage takes the sketch as given: nothing of its loss flows back into the first.
    longest: words of a caption at most. remember: captions that it keeps, see `ganedu.networks.text.Memory`.
    Raises ValueError for sizes that do not fit, and noise of another shape.
    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017.
    """

    def __init__(
        self,
        words: int,
        channels: int,
        *,
        first: int = 64,
        size: int = 256,
        width: int = 96,
        latent_dim: int = 100,
        sentence: int = 1024,
        code: int = 128,
        encoder: str = "bag",
        halvings: int = 2,
        blocks: int = 4,
        longest: int = 32,
        remember: int = 1024,
    ):
        super().__init__()
        self.latent_dim, self.code, self.noise_dim = latent_dim, code, latent_dim + 2 * code
        self.captions = Memory(remember, longest)
        self.encoder = CaptionEncoder(words, width=sentence, kind=encoder)
        self.first_code, self.second_code = Augmentation(sentence, code), Augmentation(sentence, code)
        self.sketch = Sketch(latent_dim + code, size=first, width=width)
        self.first_image = to_image(width, channels)
        options = {"first": first, "size": size, "width": width, "halvings": halvings, "blocks": blocks}
        self.refine = Refinement(channels, code, **options)
        self.second_image = to_image(width, channels)
        self.apply(initialize)

    def forward(self, z: Tensor, tokens: Tensor, lengths: Tensor) -> Drawn:
        if z.ndim != 2 or z.shape[1] != self.noise_dim:
            raise ValueError(f"noise of shape {tuple(z.shape)} given, [batch, {self.noise_dim}] expected")
        z, *eps = z.split([self.latent_dim, self.code, self.code], dim=1)
        _, sentence = self.encoder(tokens, lengths)
        c, *first = self.first_code(sentence, eps[0])
        sketch = self.first_image(self.sketch(torch.cat([z, c], 1)))
        c, *second = self.second_code(sentence, eps[1])
        image = self.second_image(self.refine(sketch.detach(), c))
        return Drawn([sketch, image], *(torch.cat(each, 1) for each in zip(first, second, strict=True)))


class Judge(nn.Module):
    """Does an image [B, channels, size, size] look real, and does a caption belong to it? Logits [B] of either.

    `look` makes features of images, of 4 x 4 pixels, once for all captions; `match(features, tokens, lengths)` and,
    if `alone`, `judge(features)` give the logits. width: channels of the first layer, doubled down to 4 x 4 pixels and
    brought back to 8 times the first. code: numbers that a caption is reduced to. norm: see `ganedu.networks.dcgan`.
    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017, section 3.3.
    """

    def __init__(
        self,
        words: int,
        channels: int,
        *,
        size: int,
        width: int = 96,
        sentence: int = 1024,
        code: int = 128,
        encoder: str = "bag",
        norm: str = "batch",
        alone: bool = False,
    ):
        super().__init__()
        check_norm(norm)
        self.image_shape, halvings = (channels, size, size), doublings(size, start=4)
        widths = [width << i for i in range(halvings)]
        layers: list[nn.Module] = []
        for inputs, outputs in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]
            layers += _activated(outputs, norm if inputs != channels else "none")
        last = min(widths[-1], 8 * width)
        for outputs in [width << i for i in reversed(range(3, halvings - 1))]:
            layers += [conv3(2 * outputs, outputs), *_activated(outputs, norm)]
        self.layers = nn.Sequential(*layers)
        self.encoder = CaptionEncoder(words, width=sentence, kind=encoder)
        self.reduce = nn.Sequential(nn.Linear(sentence, code), nn.LeakyReLU(SLOPE))
        self.join = nn.Sequential(nn.Conv2d(last + code, last, 1, bias=False), *_activated(last, norm))
        self.matches = nn.Conv2d(last, 1, 4)
        self.real = nn.Conv2d(last, 1, 4) if alone else None
        self.apply(initialize)

    def look(self, images: Tensor) -> Tensor:
        """Features [B, n, 4, 4] of images."""
        check_images(images, self.image_shape)
        return self.layers(images)

    def match(self, features: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Logits [B] of "real, and described by this caption"."""
        code = self.reduce(self.encoder(tokens, lengths)[1])
        return self.matches(self.join(torch.cat([features, spread(code, features)], 1))).flatten()

    def judge(self, features: Tensor) -> Tensor:
        """Logits [B] of "real", whatever the caption."""
        return self.real(features).flatten()

    def forward(self, images: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        return self.match(self.look(images), tokens, lengths)


class Residual(nn.Module):
    """Features [B, width, H, W] plus two normalized convolutions of them, then ReLU.

    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017; He et al. 2016.
    """

    def __init__(self, width: int):
        super().__init__()
        first = [conv3(width, width), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*first, conv3(width, width), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.layers(x)).relu()


def shrink(images: Tensor, size: int) -> Tensor:
    """Images [B, C, H, W] at a side that divides theirs: each pixel is the mean of those it covers.

    Taught in {ref}`ch-text-to-image`.
    """
    factor = images.shape[-1] // size
    return F.avg_pool2d(images, factor) if factor > 1 else images


def spread(code: Tensor, features: Tensor) -> Tensor:
    """A code [B, n] laid over every pixel of features [B, m, H, W]: [B, n, H, W].

    Taught in {ref}`ch-text-to-image`.
    """
    return code[:, :, None, None].expand(-1, -1, *features.shape[2:])


def conv3(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3 x 3 convolution without bias that keeps the side.

    Taught in {ref}`ch-text-to-image`.
    """
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def double(inputs: int, outputs: int) -> nn.Sequential:
    """n to 2n pixels: each is repeated, then a normalized convolution and ReLU.

    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017.
    """
    layers = [nn.Upsample(scale_factor=2), conv3(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def halve(inputs: int, outputs: int) -> nn.Sequential:
    """2n to n pixels: a convolution of stride 2, normalized, and ReLU.

    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017.
    """
    layers = [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def to_image(width: int, channels: int) -> nn.Sequential:
    """Features [B, width, H, W] to images [B, channels, H, W] in [-1, 1].

    Taught in {ref}`ch-text-to-image`.
    """
    return nn.Sequential(conv3(width, channels), nn.Tanh())


def _activated(width: int, norm: str) -> list[nn.Module]:
    return [*([nn.BatchNorm2d(width)] if norm == "batch" else []), nn.LeakyReLU(SLOPE, inplace=True)]

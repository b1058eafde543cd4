"""BigGAN's residual pair: the class and the noise reach every block of G, D compares what it sees with the class.

For ImageNet, 1000 classes at 128 x 128 pixels with width 96: 70,433,988 parameters in G, 87,982,370 in D, together
158.4 million, as the tests of Google's compare_gan count them. Table 1 of the paper has 158.3.
Every weight is divided by its largest singular value, in both networks, except G's embedding of the classes.
Departures: at 32 pixels D is G's mirror as well, where the authors' code keeps 8 x 8 pixels to the end; 16 pixels are
ours.
Taught in {ref}`ch-biggan`; Brock et al. 2019, appendix B.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.parametrize import register_parametrization

from ganedu.networks import resnet, spectral
from ganedu.networks.attention import SelfAttention
from ganedu.networks.dcgan import check_images, check_noise

# Channels of G from 4 x 4 pixels up, as multiples of the width; those of D from the image down are the same reversed.
MULTIPLES = {
    16: (8, 4, 2),
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}


class ConditionalBatchNorm(nn.Module):
    """Batch normalization of maps [B, channels, H, W] whose scale and shift depend on a condition [B, inputs].

    Each channel becomes (1 + gain(condition)) * normalized + shift(condition), with linear gain and shift.
    Taught in {ref}`ch-biggan`; Dumoulin et al. 2017, de Vries et al. 2017.
    """

    def __init__(self, channels: int, inputs: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain, self.shift = (nn.Linear(inputs, channels, bias=False) for _ in range(2))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain, shift = (layer(condition)[:, :, None, None] for layer in (self.gain, self.shift))
        return (1 + gain) * self.norm(x) + shift


class UpBlock(nn.Module):
    """Maps [B, inputs, H, W] with a condition [B, condition] to [B, outputs, 2 H, 2 W].

    Two convolutions and a shortcut, added; attention: self-attention behind the sum. The shortcut's 1 x 1 convolution
    comes before the pixels are repeated, which gives the same numbers for a quarter of the work.
    Taught in {ref}`ch-biggan`; Brock et al. 2019, figure 15b.
    """

    def __init__(self, inputs: int, outputs: int, condition: int, *, attention: bool = False):
        super().__init__()
        self.first, self.second = (ConditionalBatchNorm(channels, condition) for channels in (inputs, outputs))
        self.wide = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.deep = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut, self.twice = nn.Conv2d(inputs, outputs, 1), nn.Upsample(scale_factor=2)
        self.attention = SelfAttention(outputs) if attention else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.wide(self.twice(relu(self.first(x, condition))))
        h = self.deep(relu(self.second(h, condition)))
        return self.attention(h + self.twice(self.shortcut(x)))


class Generator(nn.Module):
    """Noise [B, latent_dim] and labels [B] to images [B, channels, size, size] in [-1, 1].

    The noise is cut into equal parts: the first makes the 4 x 4 pixels, every block gets the next one beside the
    class, embedded in `shared` numbers once for all blocks. attention: side of the maps that are attended, 0 for none.
    normalized: spectral normalization of all weights but the embedding's.
    Raises ValueError for sizes that it cannot have, for noise of another shape and, on a CPU, for unknown classes.
    Taught in {ref}`ch-biggan`; Brock et al. 2019, appendix B.
    """

    def __init__(
        self,
        latent_dim: int,
        channels: int,
        classes: int,
        *,
        size: int = 128,
        width: int = 96,
        shared: int = 128,
        attention: int = 64,
        normalized: bool = True,
    ):
        super().__init__()
        widths = [multiple * width for multiple in _multiples(size)]
        check_parts(latent_dim, size)
        check_attention(attention, size)
        self.latent_dim, self.parts = latent_dim, len(widths)
        part = latent_dim // self.parts
        self.embedding = nn.Embedding(classes, shared)
        self.dense = nn.Linear(part, widths[0] * 4 * 4)
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, shared + part, attention=4 * 2**number == attention)
            for number, (inputs, outputs) in enumerate(pairwise(widths), start=1)
        )
        last = [nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True), nn.Conv2d(widths[-1], channels, 3, padding=1)]
        self.image = nn.Sequential(*last, nn.Tanh())
        self.apply(_initialize)
        if normalized:
            spectral.normalize(self)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        check_noise(z, self.latent_dim)
        first, *others = z.chunk(self.parts, dim=1)
        y = _of_class(self.embedding, labels)
        h = self.dense(first).unflatten(1, (-1, 4, 4))
        for block, part in zip(self.blocks, others, strict=True):
            h = block(h, torch.cat([y, part], dim=1))
        return self.image(h)


class Discriminator(nn.Module):
    """Images [B, channels, size, size] and labels [B] to logits [B], each sample by itself.

    Blocks halve the side down to 4 pixels, one more keeps it. The features h, summed over all pixels, are judged by a
    linear map, and compared with the class: logit = linear(h) + <embedding(label), h>, the projection discriminator.
    attention: side of the maps that are attended, 0 for none. normalized: spectral normalization of all weights.
    Raises ValueError for sizes that it cannot have, images of another shape and, on a CPU, unknown classes.
    Taught in {ref}`ch-biggan`; Miyato and Koyama 2018; Brock et al. 2019, appendix B.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        size: int = 128,
        width: int = 96,
        attention: int = 64,
        normalized: bool = True,
    ):
        super().__init__()
        widths = [multiple * width for multiple in reversed(_multiples(size))]
        check_attention(attention, size)
        self.image_shape = (channels, size, size)
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(pairwise([channels, *widths]), start=1):
            last = number == len(widths)
            layers += [resnet.Block(inputs, outputs, resample="none" if last else "down", first=number == 1)]
            layers += [SelfAttention(outputs)] if not last and size >> number == attention else []
        self.blocks = nn.Sequential(*layers, nn.ReLU())
        self.linear, self.embedding = nn.Linear(widths[-1], 1), nn.Embedding(classes, widths[-1])
        self.apply(_initialize)
        if normalized:
            spectral.normalize(self)
            register_parametrization(self.embedding, "weight", spectral.SpectralNorm(self.embedding.weight))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        h = self.features(x)
        return self.linear(h).squeeze(1) + (_of_class(self.embedding, labels) * h).sum(1)

    def features(self, x: Tensor) -> Tensor:
        """The numbers [B, widest] in which images are compared with classes."""
        check_images(x, self.image_shape)
        return self.blocks(x).sum((2, 3))


def regularized(generator: nn.Module) -> list[Tensor]:
    """The weights of a generator that orthogonal regularization concerns: all but its biases and its embedding.

    Taught in {ref}`ch-biggan`; Brock et al. 2019, section 3.1, and the authors' code.
    """
    return [w for name, w in generator.named_parameters() if w.ndim > 1 and not name.startswith("embedding.")]


def check_parts(latent_dim: int, size: int) -> None:
    """Raises ValueError for noise that cannot be dealt out equally to the first layer and the blocks.

    Taught in {ref}`ch-biggan`.
    """
    parts = len(_multiples(size))
    if latent_dim < parts or latent_dim % parts:
        raise ValueError(
            f"latent_dim {latent_dim} does not divide into {parts} parts, one for the first layer and one for each "
            f"block up to {size} pixels; take a multiple of {parts}"
        )


def check_attention(side: int, size: int) -> None:
    """Raises ValueError for a side at which the networks have no maps to attend to.

    Taught in {ref}`ch-biggan`.
    """
    sides = [0, *(8 << i for i in range((size // 8).bit_length() - 1))]
    if side not in sides:
        raise ValueError(f"no maps of {side} x {side} pixels to attend to; choose one of {', '.join(map(str, sides))}")


def _multiples(size: int) -> tuple[int, ...]:
    if size not in MULTIPLES:
        raise ValueError(
            f"no BigGAN has images of {size} x {size} pixels; choose one of {', '.join(map(str, MULTIPLES))}"
        )
    return MULTIPLES[size]


def _of_class(embedding: nn.Embedding, labels: Tensor) -> Tensor:
    try:
        return embedding(labels)
    except IndexError:  # told by the CPU only: on a GPU to look would be to wait
        last = embedding.num_embeddings - 1
        found = f"{int(labels.min())} to {int(labels.max())}"
        raise ValueError(f"labels from {found} given, but the classes are numbered 0 to {last}") from None


def _initialize(module: nn.Module) -> None:
    """Orthogonal weights and no biases."""
    if isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding):
        nn.init.orthogonal_(module.weight)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)

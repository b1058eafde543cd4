"""BigGAN: class-conditional images from large residual networks, by the hinge loss and a truncated noise.

Taught in {ref}`ch-biggan`; Brock et al. 2019.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganedu import penalties
from ganedu.data import kinds
from ganedu.networks import biggan
from ganedu.recipes import adversarial, class_conditional
from ganedu.recipes.evaluated import evaluated, with_standing_statistics

COLUMNS, MOST_ROWS = 8, 16  # of a sheet
STANDING = 16, 64  # batches and images in each that give truncated samples their statistics


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The paper's numbers for ImageNet at 128 x 128 (section 3, appendices B and C.1).

    width: channels next to the image. shared: numbers that a class is embedded in. attention: side of the maps with
    self-attention, 0 for none. orthogonal: weight of the orthogonal regularization of G, 0 for none.
    latent_dim: 20 for the first layer and for each of the five blocks.
    Departures: the authors move G with fakes of its own; here the last of D serve. They average G with decay 0.9999,
    here the trainer's `ema` does it.
    Taught in {ref}`ch-biggan`.
    """

    size: int = 128
    batch_size: int = 2048
    latent_dim: int = 120
    learning_rate: float = 5e-5  # of G; half that of SAGAN
    learning_rate_d: float = 2e-4
    beta1: float = 0.0
    beta2: float = 0.999
    loss: str = "hinge"
    n_critic: int = 2
    norm: str = "none"  # of D: spectral normalization instead, in both networks
    width: int = 96
    shared: int = 128
    attention: int = 64
    orthogonal: float = 1e-4

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images, attention at 8 x 8, few channels, one step of D a round."""
        return replace(
            self,
            size=16,
            batch_size=64,
            latent_dim=24,
            learning_rate=1e-3,
            learning_rate_d=4e-3,
            n_critic=1,
            width=8,
            shared=16,
            attention=8,
        )


class Recipe(class_conditional.Recipe):
    """A generator that is told a class, a discriminator that asks whether an image is of its class.

    classes: their names, in the order of the labels.
    Raises ValueError, besides those of every recipe, for fewer than one class, a penalty (its slope would need labels),
    and numbers that `ganedu.networks.biggan` refuses.
    Taught in {ref}`ch-biggan`; Brock et al. 2019.
    """

    name = "biggan"
    Config = Config

    def __init__(self, config, *, image_shape, device="cpu", seed: int = 0, classes: tuple[str, ...] = ()):
        if not classes:
            raise ValueError("biggan needs images with classes, and is given none; train on a labeled set")
        if config.penalty != "none":
            raise ValueError(
                f"biggan has no penalty, its discriminator is normalized; set penalty='none', not {config.penalty!r}"
            )
        if config.orthogonal < 0:
            raise ValueError(f"orthogonal must not be negative, but is {config.orthogonal}")
        self.classes = tuple(classes)
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.biggan`."""
        c, channels, classes = self.config, self.image_shape[0], len(self.classes)
        same = {"size": c.size, "width": c.width, "attention": c.attention}
        generator = biggan.Generator(c.latent_dim, channels, classes, shared=c.shared, **same)
        return generator, biggan.Discriminator(channels, classes, **same)

    def fakes(self, real: kinds.Labeled, random: torch.Generator) -> kinds.Labeled:
        """As many generated images as real ones, of classes drawn uniformly."""
        z, labels = self.noise(len(real.images), random), self.draw_labels(len(real.images), random)
        return kinds.Labeled(self.networks["generator"](z, labels), labels)

    def generator_loss(self, real: kinds.Labeled, fake: kinds.Labeled) -> Tensor:
        """The generator's scalar to descend, with the orthogonal regularization of its weights."""
        loss = super().generator_loss(real, fake)
        if self.config.orthogonal:
            weights = biggan.regularized(self.networks["generator"])
            loss = loss + self.config.orthogonal * sum(penalties.orthogonality(weight) for weight in weights)
        return loss

    def sample(
        self,
        n: int,
        random: torch.Generator,
        *,
        generator: nn.Module | None = None,
        labels: Tensor | None = None,
        truncation: float | None = None,
        standing: bool = True,
    ) -> Tensor:
        """n images [n, C, H, W] in [-1, 1], of the classes `labels` [n], drawn uniformly if None.

        truncation: no number of the noise is larger than this, see `truncated_noise`; None for all of the noise.
        standing: with truncated noise, whether the batch norms get the statistics of batches that are truncated alike,
        as in the paper, or keep those of training.
        Raises ValueError for labels that are not n numbers of classes, and for a negative truncation.
        """
        network = self.networks["generator"] if generator is None else generator
        z = self.latents(n, random, truncation)
        labels = self.draw_labels(n, random) if labels is None else self._checked(labels, n)
        if truncation is not None and standing:
            batches, size = STANDING
            drawn = ((self.latents(size, random, truncation), self.draw_labels(size, random)) for _ in range(batches))
            network = with_standing_statistics(network, drawn)
        return evaluated(network, z, labels)

    def latents(self, n: int, random: torch.Generator, truncation: float | None) -> Tensor:
        """Latents [n, latent_dim], truncated or, for None, all of the noise. Raises ValueError if truncated below 0."""
        if truncation is None:
            return self.noise(n, random)
        return truncated_noise(n, self.latent_dim, truncation, random, device=self.device)

    def sheet(self, examples, random: torch.Generator, *, n: int = 64, generator: nn.Module | None = None) -> Tensor:
        """One class a row, the same eight latents in every row; at least n images, and rows for up to 16 classes."""
        rows = max(n // COLUMNS, min(len(self.classes), MOST_ROWS))
        labels = torch.arange(rows, device=self.device) % len(self.classes)
        z = self.noise(COLUMNS, random).repeat(rows, 1)
        network = self.networks["generator"] if generator is None else generator
        return evaluated(network, z, labels.repeat_interleave(COLUMNS))

    def _checked(self, labels: Tensor, n: int) -> Tensor:
        if labels.shape != (n,) or labels.is_floating_point():
            raise ValueError(
                f"{n} whole numbers expected as labels of {n} images, not {labels.dtype} {list(labels.shape)}"
            )
        if n and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.classes):
            raise ValueError(f"labels are numbers of classes, 0 to {len(self.classes) - 1}, not {labels.tolist()}")
        return labels.to(self.device)


def truncated_noise(n: int, latent_dim: int, limit: float, random: torch.Generator, *, device) -> Tensor:
    """Latents [n, latent_dim] of independent numbers with the law of N(0, 1) given that they lie in [-limit, limit].

    The same as drawing anew whatever falls outside, but in one go: the distribution function, uniform on the interval,
    is inverted. limit 0 gives zeros.
    Raises ValueError for a limit below 0.
    Taught in {ref}`ch-biggan`; Brock et al. 2019, section 3.1.
    """
    if not limit >= 0:
        raise ValueError(f"the noise is truncated to [-t, t] with t >= 0, not {limit}")
    half = torch.special.ndtr(torch.tensor(limit, dtype=torch.float64)) - 0.5
    u = torch.rand(n, latent_dim, generator=random, device=device, dtype=torch.float64)
    z = torch.special.ndtri(0.5 + half.to(device) * (2 * u - 1)).clamp(-limit, limit)
    return z.to(torch.get_default_dtype())

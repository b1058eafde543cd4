"""Conditional GAN: both players are told the class, of real images by their labels, of fakes by a draw::

    y ~ uniform over the classes, z ~ noise
    D descends  (1 - s) loss.discriminator(D(x, y_x), D(G(z, y), y))
                + s loss.discriminator(D(x, y_x), D(x, y'))  for wrong classes y', if mismatches are asked for
    G descends  loss.generator(D(G(z, y), y))

The pairs (x, y) take the place of the images of `ganedu.recipes.adversarial`; nothing else changes.
Taught in {ref}`ch-conditional`; Mirza and Osindero 2014; Miyato and Koyama 2018.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganedu import penalties
from ganedu.data import kinds
from ganedu.networks import conditional
from ganedu.recipes import class_conditional, dcgan
from ganedu.recipes.evaluated import evaluated

CONDITIONINGS = ("concat", "projection")
NORMS = {"concat": ("batch", "none"), "projection": ("spectral", "none")}
PENALTIES = ("none", "r1")  # both look at the real pairs alone
ROWS = 16  # of a sheet with one class a row


@dataclass(frozen=True)
class Config(dcgan.Config):
    """DCGAN's numbers with the class appended; `.projection()` has those of the projection discriminator.

    conditioning: how the class enters, one of CONDITIONINGS, see `ganedu.networks.conditional`. mismatched: share of
    real images with a wrong class among what D is to call fake, from Reed et al. 2016, who have 0.5; 0 for none.
    Departures: the paper of conditional GANs had layers of maxout units on MNIST; appending to DCGAN is what came
    after it. The projection's paper has residual networks, of 128 x 128 pixels, a falling rate and fakes of their own
    for G; here the class enters plain convolutional networks, and the last fakes of D serve G.
    Taught in {ref}`ch-conditional`.
    """

    conditioning: str = "concat"
    mismatched: float = 0.0

    def projection(self) -> "Config":
        """The numbers of Miyato and Koyama 2018, section 6: hinge loss, five steps of D, Adam without momentum."""
        of_g = {"latent_dim": 128, "noise": "normal", "kernel": 4, "width": 64, "batch_size": 64}
        of_d = {"norm": "spectral", "loss": "hinge", "n_critic": 5, "beta1": 0.0, "beta2": 0.9}
        return replace(self, conditioning="projection", learning_rate=2e-4, **of_g, **of_d)

    def small(self) -> "Config":
        """A miniature for two CPU cores: DCGAN's without its bias, with mismatched pairs and D at a fifth of G's rate.

        Of the projection, one step of D, half as fast as G.
        """
        if self.conditioning == "projection":
            rates = {"learning_rate": 2e-3, "learning_rate_d": 1e-3, "beta1": 0.5}
            return replace(self, size=16, latent_dim=32, width=16, n_critic=1, **rates)
        return replace(super().small(), bias=False, mismatched=0.5, learning_rate_d=2e-4)


class Recipe(class_conditional.Recipe):
    """A generator and a discriminator of pairs (image, class).

    classes: names of the classes. Raises ValueError, besides those of every recipe, for an unknown conditioning, a
    normalization or a bias that its networks do not have, and penalties that would have to mix the classes of two
    images.
    Taught in {ref}`ch-conditional`; Mirza and Osindero 2014; Miyato and Koyama 2018.
    """

    name = "cgan"
    Config = Config

    def __init__(self, config, *, image_shape: tuple[int, int, int], classes: tuple[str, ...], device="cpu", seed=0):
        self.classes = tuple(classes)
        _check(config, self.classes)
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator [B, latent_dim], [B] -> [B, C, H, W] and discriminator [B, C, H, W], [B] -> [B], on the CPU."""
        c, channels, k = self.config, self.image_shape[0], len(self.classes)
        shape = {"size": c.size, "width": c.width}
        if c.conditioning == "projection":
            generator = conditional.ProjectionGenerator(c.latent_dim, channels, k, **shape)
            normalized = c.norm == "spectral"
            return generator, conditional.ProjectionDiscriminator(channels, k, normalized=normalized, **shape)
        shape |= {"kernel": c.kernel}
        generator = conditional.ConcatGenerator(c.latent_dim, channels, k, **shape)
        return generator, conditional.ConcatDiscriminator(channels, k, norm=c.norm, bias=c.bias, **shape)

    def fakes(self, real: kinds.Labeled, random: torch.Generator) -> kinds.Labeled:
        """As many generated images as real ones, each with the class that it was asked for.

        Where the class of a real image is not known, D is not told that of the fake beside it: else it would know
        every image without a class for a real one.
        """
        labels = self.draw_labels(len(real.labels), random)
        images = self.networks["generator"](self.noise(len(labels), random), labels)
        return kinds.Labeled(images, torch.where(real.labels < 0, real.labels, labels))

    def draw(self, real: kinds.Labeled, random: torch.Generator) -> Tensor | None:
        """A wrong class for each real image [B], all equally probable; None if D is shown no mismatched pairs.

        An image whose class is not known gets some class, which is wrong most of the time.
        """
        if not self.config.mismatched:
            return None
        others = torch.randint(1, len(self.classes), real.labels.shape, generator=random, device=self.device)
        return (real.labels + others) % len(self.classes)

    def discriminator_loss(self, real, fake, drawn) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator's scalar to descend, and its numbers to report, of pairs (images, labels)."""
        of_real, of_fake, s = self._judge(real), self._judge(fake), self.config.mismatched
        loss = (1 - s) * self.loss.discriminator(of_real, of_fake)
        if s:
            loss = loss + s * self.loss.discriminator(of_real, self._judge(real._replace(labels=drawn)))
        scalars = {"loss_d": loss, "d_real": of_real.mean(), "d_fake": of_fake.mean()}
        if self.config.penalty == "r1":
            scalars["penalty"] = penalties.r1(lambda x: self.networks["discriminator"](x, real.labels), real.images)
            loss = loss + self.config.penalty_weight * scalars["penalty"]
        return loss, {name: value.detach() for name, value in scalars.items()}

    def sample(self, n: int, random: torch.Generator, *, generator: nn.Module | None = None, labels=None) -> Tensor:
        """n images [n, C, H, W] in [-1, 1], of the classes `labels`, int64 [n]; drawn at random if None.

        generator: an average of weights, say; the recipe's own if None. It is put into evaluation mode for the call.
        Raises ValueError for labels of another shape, or out of range.
        """
        if labels is None:
            labels = self.draw_labels(n, random)
        labels = self._checked(labels, n)
        network = self.networks["generator"] if generator is None else generator
        return evaluated(network, self.noise(n, random), labels)

    def sheet(self, examples, random: torch.Generator, *, n: int = 64, generator: nn.Module | None = None) -> Tensor:
        """Rows of 8 images of one class, all classes in turn if there are at most ROWS."""
        rows = max(n // 8, min(len(self.classes), ROWS))
        labels = (torch.arange(rows, device=self.device) % len(self.classes)).repeat_interleave(8)
        return self.sample(len(labels), random, generator=generator, labels=labels)

    def _checked(self, labels, n: int) -> Tensor:
        labels = torch.as_tensor(labels, device=self.device)
        if labels.shape != (n,) or labels.dtype != torch.int64:
            raise ValueError(f"cgan: labels of shape {tuple(labels.shape)}, {labels.dtype} given; int64 [{n}] expected")
        if n and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.classes):
            raise ValueError(
                f"cgan: labels from {int(labels.min())} to {int(labels.max())} given; the classes are 0 to "
                f"{len(self.classes) - 1}: {', '.join(self.classes)}"
            )
        return labels


def _check(config: Config, classes: tuple[str, ...]) -> None:
    if config.conditioning not in CONDITIONINGS:
        raise ValueError(
            f"cgan: unknown conditioning {config.conditioning!r}; choose one of {', '.join(CONDITIONINGS)}"
        )
    norms = NORMS[config.conditioning]
    if config.norm not in norms:
        raise ValueError(
            f"cgan: conditioning={config.conditioning!r} has no normalization {config.norm!r}; choose one of "
            f"{', '.join(norms)}"
        )
    if config.bias and config.conditioning == "projection":
        raise ValueError("cgan: the convolutions of conditioning='projection' have no choice of biases; set bias=false")
    if config.penalty not in PENALTIES:
        raise ValueError(
            f"cgan: the penalty {config.penalty!r} would need the class of a mixture of two images, or none; choose "
            f"one of {', '.join(PENALTIES)}"
        )
    if not 0 <= config.mismatched < 1:
        raise ValueError(f"cgan: mismatched is a share of the fakes, from 0 to below 1, not {config.mismatched}")
    if config.mismatched and len(classes) == 1:
        raise ValueError("cgan: with a single class no class is wrong; set mismatched=0")
    if len(classes) < 1:
        raise ValueError("cgan: the data have no classes; take a set with labels, or train dcgan")

"""Semi-supervised GAN: the discriminator is a classifier, of K classes of real images and one more for fakes.

With K logits l(x), the logit of "fake" fixed at 0, and Z = sum of exp(l): D(x) = Z / (Z + 1), whose logit is log Z.

    D descends  -log softmax(l(x))_y where y is known  +  weight * (-log D(x) - log(1 - D(G(z)))) / 2
    G descends  |mean of phi(x) - mean of phi(G(z))|^2  for the last hidden layer phi of D

Taught in {ref}`ch-conditional`; Salimans et al. 2016, sections 3.1 and 5.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from ganedu import _joint
from ganedu._wide import wide
from ganedu.data import few_labels, kinds
from ganedu.networks import conditional, dcgan
from ganedu.recipes import adversarial
from ganedu.recipes.evaluated import evaluated

OBJECTIVES = ("feature_matching", "adversarial")


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The numbers of the paper's program for CIFAR-10, where the networks here have them.

    labels_per_class: how many labels are kept, 0 for all; the others become -1, chosen by a fixed seed. objective: of
    G, one of OBJECTIVES; "adversarial" plays the game of `loss`. unlabeled_weight: of the terms without labels.
    width: channels of D next to the image; width_g: of G. Under several processes means of features, and over images
    with or without a label, are those of the joint batch.
    Departures: the networks are smaller, without dropout, noise and weight normalization, G is DCGAN's; one batch has
    images with and without labels, half of each on average, where the program draws a batch of each; for CIFAR-10 it
    measures the distance of features by absolute values, here it is squared, as in the paper.
    Taught in {ref}`ch-conditional`; Salimans et al. 2016.
    """

    size: int = 32
    batch_size: int = 100
    latent_dim: int = 100
    learning_rate: float = 3e-4
    norm: str = "none"
    labels_per_class: int = 0
    objective: str = "feature_matching"
    unlabeled_weight: float = 1.0
    width: int = 64
    width_g: int = 64

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images, a quarter of the channels, ten labels of each class."""
        few = {"size": 16, "latent_dim": 32, "width": 16, "width_g": 32, "labels_per_class": 10}
        return replace(self, learning_rate=1e-3, **few)


class Recipe(adversarial.Recipe):
    """A generator and a classifier that is its discriminator.

    classes: names of the classes of the real images.
    Raises ValueError, besides those of every recipe, for an unknown objective, and for options that its step lacks.
    Taught in {ref}`ch-conditional`; Salimans et al. 2016.
    """

    name = "sgan"
    Config = Config
    Batch = kinds.Labeled
    default_data = "digits"

    def __init__(self, config, *, image_shape: tuple[int, int, int], classes: tuple[str, ...], device="cpu", seed=0):
        self.classes = tuple(classes)
        _check(config, self.classes)
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)

    @classmethod
    def prepare(cls, stored: kinds.Labeled, config: Config) -> kinds.Labeled:
        """The training data as this recipe is shown them: all images without labels, then as often few with one.

        Half of a batch then has labels, on average, as in the paper's program. Nothing changes if labels_per_class=0.
        """
        if not config.labels_per_class:
            return stored
        return few_labels.apart(stored, config.labels_per_class)

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator [B, latent_dim] -> [B, C, H, W] and classifier [B, C, H, W] -> [B, K], on the CPU."""
        c, channels = self.config, self.image_shape[0]
        generator = dcgan.Generator(c.latent_dim, channels, size=c.size, width=c.width_g)
        return generator, conditional.Classifier(channels, len(self.classes), size=c.size, width=c.width)

    def step(self, batch: kinds.Labeled, random: torch.Generator) -> dict[str, Tensor]:
        """One step of the discriminator, then one of the generator.

        batch: images [B, C, H, W] in [-1, 1] with labels [B], -1 where they are not known; random: source of the noise.
        Returns 0-d tensors, still on the device: loss_d, supervised (the cross-entropy of the labels), loss_g, and
        d_real and d_fake, mean logits of "real". Raises ValueError for a batch of another shape.
        """
        self._check_batch(batch)
        fake = self.networks["generator"](self.noise(len(batch.images), random))
        return self.discriminator_step(batch, fake.detach(), random) | self.generator_step(batch, fake)

    def discriminator_loss(self, real: kinds.Labeled, fake: Tensor, drawn=None) -> tuple[Tensor, dict[str, Tensor]]:
        """The classifier's scalar to descend, and its numbers to report."""
        of_real, of_fake = self._logits(real.images), self._logits(fake)
        real_logits, fake_logits = real_logit(of_real), real_logit(of_fake)
        weights = without_label(real.labels, of_real.dtype)
        terms = {"supervised": known_cross_entropy(of_real, real.labels)}
        unsupervised = (weights @ softplus(-real_logits) + softplus(fake_logits).mean()) / 2
        loss = terms["supervised"] + self.config.unlabeled_weight * unsupervised
        terms |= {"loss_d": loss, "d_real": weights @ real_logits, "d_fake": fake_logits.mean()}
        return loss, {name: value.detach() for name, value in terms.items()}

    def draw(self, real, random):
        """No random numbers: there is no penalty."""
        return None

    def generator_loss(self, real: kinds.Labeled, fake: Tensor) -> Tensor:
        """The generator's scalar to descend: the distance of mean features, or that of the non-saturating game."""
        if self.config.objective == "adversarial":
            return softplus(-real_logit(self._logits(fake))).mean()
        phi = self.networks["discriminator"].features
        of_real, of_fake = (wide(phi(images)) for images in (real.images, fake))
        apart = without_label(real.labels, of_real.dtype) @ of_real - of_fake.mean(0)
        return _joint.mean(apart).square().sum()

    def classify(self, images: Tensor) -> Tensor:
        """The most probable class of each image [n, C, H, W] in [-1, 1]: int64 [n]."""
        return evaluated(self.networks["discriminator"], images.to(self.device)).argmax(1)

    def _logits(self, images: Tensor) -> Tensor:
        return wide(self.networks["discriminator"](images))


def real_logit(logits: Tensor) -> Tensor:
    """log Z, the logit of "real", [B], of the logits [B, K] of the real classes, where that of "fake" is 0.

    Taught in {ref}`ch-conditional`; Salimans et al. 2016, section 5.
    """
    return logits.logsumexp(1)


def known_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean of -log softmax(l)_y over the samples whose label is known; 0 if there is none. logits: [B, K].

    Of several processes each divides the sum of its part by the mean number of known labels in a part.

    Taught in {ref}`ch-conditional`; Salimans et al. 2016, section 5.
    """
    known = labels >= 0
    total = cross_entropy(logits, labels, ignore_index=few_labels.UNKNOWN, reduction="sum")
    return total / _joint.mean(known.sum().to(total.dtype)).clamp_min(1 / _joint.processes())


def without_label(labels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Weights [B], of sum 1, that take the mean over samples without a label, or over all if each has one.

    Those with a label are few, shown again and again: the generator is to learn the law of all images. Of several
    processes each has the weights of its part, which sum to 1 on average: the joint batch decides.
    Taught in {ref}`ch-conditional`.
    """
    unknown = labels < 0
    some = _joint.mean(unknown.sum().to(dtype))  # in a part, on average
    chosen = (unknown | (some == 0)).to(dtype)
    return chosen / torch.where(some > 0, some, len(labels))


def _check(config: Config, classes: tuple[str, ...]) -> None:
    if config.objective not in OBJECTIVES:
        raise ValueError(f"sgan: unknown objective {config.objective!r}; choose one of {', '.join(OBJECTIVES)}")
    fixed = {"loss": "non_saturating", "penalty": "none", "norm": "none", "n_critic": 1, "clip": 0}
    for name, only in fixed.items():
        if (given := getattr(config, name)) != only:
            raise ValueError(f"sgan: its step knows no other {name} than {only}, but {name}={given} is given")
    if config.unlabeled_weight < 0:
        raise ValueError(f"sgan: unlabeled_weight must not be negative, but is {config.unlabeled_weight}")
    if len(classes) < 2:
        raise ValueError(f"sgan: {len(classes)} classes given, and there is nothing to tell apart; take labeled data")

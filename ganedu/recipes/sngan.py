"""SNGAN: a discriminator whose every weight is divided by its largest singular value, under any loss.

Taught in {ref}`ch-wgan-gp`; Miyato et al. 2018.
"""

from dataclasses import dataclass, replace

from torch import nn

from ganedu.networks import resnet, sngan
from ganedu.recipes import adversarial

ARCHITECTURES = ("conv", "resnet")
NORMS = ("spectral", "none")


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The paper's numbers for CIFAR-10 with residual networks; `.conv()` has its plain convolutional ones.

    architecture: "resnet" or "conv". width: channels of D, everywhere ("resnet") or next to the image ("conv");
    width_g: the same of G. norm: of D, "spectral" or, for comparison, "none".
    learning_rate_d: set it apart from the other for the two time scales of Heusel et al. 2017, with n_critic = 1.
    loss: the method is the normalization, which takes any loss. The paper compares two, the hinge and the original one,
    as does the public code ("hinge", "dcgan"); here these are "hinge" and "non_saturating".
    Departures: the public code moves G with 128 fakes of its own, before D; here the last 64 of D serve, after it. It
    runs for 50,000 steps of G without classes, all of them with a falling rate; how many you do is up to you.
    Taught in {ref}`ch-wgan-gp`.
    """

    size: int = 32
    batch_size: int = 64  # the public configuration for CIFAR-10
    latent_dim: int = 128  # tables 3 and 4
    learning_rate: float = 2e-4  # appendix B.2, with the next two and n_critic
    beta1: float = 0.0
    beta2: float = 0.9
    loss: str = "hinge"  # of the public configuration for CIFAR-10; section 4 has the original loss as well
    n_critic: int = 5
    decay: bool = True  # from the first step on: iteration_decay_start 0 in the same configuration
    norm: str = "spectral"
    architecture: str = "resnet"
    width: int = 128  # table 4
    width_g: int = 256  # table 4

    def conv(self) -> "Config":
        """The plain convolutional networks of table 3."""
        return replace(self, architecture="conv", width=64, width_g=64)

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images, plain convolutions, fewer channels and steps of D."""
        return replace(
            self.conv(),
            size=16,
            latent_dim=32,
            width=16,
            width_g=16,
            learning_rate=1e-3,
            beta1=0.5,
            n_critic=2,
            decay=False,
        )


class Recipe(adversarial.Recipe):
    """A spectrally normalized discriminator, with the hinge loss unless another is asked for.

    Raises ValueError, besides those of every recipe, for an unknown architecture or normalization.
    Taught in {ref}`ch-wgan-gp`; Miyato et al. 2018.
    """

    name = "sngan"
    Config = Config

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.resnet` or `ganedu.networks.sngan`."""
        c, channels = self.config, self.image_shape[0]
        if c.norm not in NORMS:
            raise ValueError(f"sngan: unknown normalization {c.norm!r}; choose one of {', '.join(NORMS)}")
        of_g, of_d = {"size": c.size, "width": c.width_g}, {"size": c.size, "width": c.width}
        of_d |= {"normalized": c.norm == "spectral"}
        match c.architecture:
            case "conv":
                return sngan.Generator(c.latent_dim, channels, **of_g), sngan.Discriminator(channels, **of_d)
            case "resnet":
                generator = resnet.Generator(c.latent_dim, channels, **of_g)
                return generator, resnet.Critic(channels, pool="sum", **of_d)
        raise ValueError(f"sngan: unknown architecture {c.architecture!r}; choose one of {', '.join(ARCHITECTURES)}")

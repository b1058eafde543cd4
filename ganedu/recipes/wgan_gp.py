"""WGAN-GP: a critic kept near slope 1 by a penalty, so that its loss estimates a Wasserstein distance.

d_real - d_fake, which every step returns, is that estimate.
Taught in {ref}`ch-wgan-gp`; Gulrajani et al. 2017.
"""

from dataclasses import dataclass, replace

from torch import nn

from ganedu.networks import dcgan, resnet
from ganedu.recipes import adversarial

ARCHITECTURES = ("conv", "resnet")


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The paper's numbers, with the convolutional pair of DCGAN at 64 x 64; `.resnet()` has those of its CIFAR-10 run.

    architecture: "conv" or "resnet". width: channels nearest to the image ("conv") or everywhere ("resnet").
    norm: "none"; "batch" only without a penalty, and only in "conv". bias: of the first convolution of the critic of
    "conv", as for DCGAN; those of "resnet" have one anyway.
    Departures: the public code moves G with fakes of its own, twice as many for CIFAR-10; here the last fakes of D
    serve. Its convolutional pair at 64 x 64 has 5 x 5 kernels and layer normalization in D; here 4 x 4, and none.
    Taught in {ref}`ch-wgan-gp`.
    """

    batch_size: int = 64  # appendix F and the public code
    latent_dim: int = 128  # appendix F and the public code
    learning_rate: float = 1e-4  # algorithm 1, with the next two; appendix E has beta1 = 0.5 for the LSUN comparison
    beta1: float = 0.0
    beta2: float = 0.9
    loss: str = "wasserstein"  # equation 3, with the penalty and its weight 10
    penalty: str = "gradient_penalty"
    n_critic: int = 5  # algorithm 1
    norm: str = "none"  # section 4
    bias: bool = False
    architecture: str = "conv"
    width: int = 64

    def resnet(self) -> "Config":
        """The CIFAR-10 run of appendix F: residual networks of 128 channels at 32 x 32, 2e-4 falling linearly to 0."""
        return replace(self, size=32, learning_rate=2e-4, decay=True, architecture="resnet", width=128)

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images, fewer channels and steps of D, a higher learning rate."""
        return replace(self, size=16, latent_dim=32, width=32, learning_rate=2e-3, beta1=0.5, n_critic=3)


class Recipe(adversarial.Recipe):
    """A critic without batch normalization, the Wasserstein loss and the gradient penalty.

    Raises ValueError, besides those of every recipe, for an unknown architecture, and for batch normalization or a
    choice of biases in the residual critic, which has neither.
    Taught in {ref}`ch-wgan-gp`; Gulrajani et al. 2017, algorithm 1.
    """

    name = "wgan-gp"
    Config = Config

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and critic of `ganedu.networks.dcgan` or `ganedu.networks.resnet`."""
        c, channels = self.config, self.image_shape[0]
        size = {"size": c.size, "width": c.width}
        match c.architecture:
            case "conv":
                generator = dcgan.Generator(c.latent_dim, channels, **size)
                return generator, dcgan.Discriminator(channels, norm=c.norm, bias=c.bias, **size)
            case "resnet":
                if c.norm != "none":
                    raise ValueError(f"wgan-gp: the residual critic has no normalization; norm={c.norm!r} given")
                if c.bias:
                    raise ValueError("wgan-gp: the residual critic has no choice of biases; set bias=false")
                return resnet.Generator(c.latent_dim, channels, **size), resnet.Critic(channels, **size)
        raise ValueError(f"wgan-gp: unknown architecture {c.architecture!r}; choose one of {', '.join(ARCHITECTURES)}")

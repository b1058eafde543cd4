"""DCGAN: the first convolutional pair that trained reliably.

Taught in {ref}`ch-dcgan`; Radford et al. 2016.
"""

from dataclasses import dataclass, replace

from torch import nn

from ganedu.networks import dcgan
from ganedu.recipes import adversarial


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The paper's numbers: batches of 128, Adam with learning rate 2e-4 and beta1 = 0.5 (section 4), z of 100 numbers.

    width: channels nearest to the image; 64 as in the public implementations, 128 in the paper's figure 1.
    Where the paper leaves a choice (Gaussian or uniform z), the public implementations decide: Gaussian.
    Taught in {ref}`ch-dcgan`.
    """

    width: int = 64

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images, half the channels, a higher learning rate."""
        return replace(self, size=16, batch_size=64, latent_dim=32, width=32, learning_rate=1e-3)


class Recipe(adversarial.Recipe):
    """DCGAN, with any loss and penalty of the package.

    Taught in {ref}`ch-dcgan`; Radford et al. 2016.
    """

    name = "dcgan"
    Config = Config

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.dcgan`."""
        c, channels = self.config, self.image_shape[0]
        return (
            dcgan.Generator(c.latent_dim, channels, size=c.size, width=c.width),
            dcgan.Discriminator(channels, size=c.size, width=c.width, norm=c.norm),
        )

"""DCGAN: the first convolutional pair that trained reliably.

Taught in {ref}`ch-dcgan`; Radford et al. 2016.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType

from torch import nn

from ganedu.networks import dcgan
from ganedu.recipes import adversarial


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The paper's numbers, and where it is silent those of its program (Radford's, for faces).

    width: channels nearest to the image. kernel: side of the kernels, with what else follows: 5 or 4, see
    `ganedu.networks.dcgan`. bias: whether the discriminator's first convolution has one, which the program has not.
    Departures: the program gives each player batches and noise of its own, G first; here both move by the same ones, D
    first. It takes the statistics of a batch when it samples too, and has a weight decay.
    Taught in {ref}`ch-dcgan`; Radford et al. 2016.
    """

    batch_size: int = 128  # section 4, with the next two
    learning_rate: float = 2e-4  # "the suggested learning rate of 0.001" was "too high"
    beta1: float = 0.5
    latent_dim: int = 100  # figure 1, with the next two
    noise: str = "uniform"
    width: int = 128
    kernel: int = 5  # the program
    bias: bool = False

    BEFORE = MappingProxyType({"noise": "normal", "kernel": 4})  # what runs had that do not name them: the port's

    def port(self) -> "Config":
        """Chintala's port to Torch, which the tutorials copy: half the channels, 4 x 4 kernels, Gaussian noise."""
        return replace(self, batch_size=64, noise="normal", width=64, kernel=4)

    def small(self) -> "Config":
        """A miniature for two CPU cores: the port at 16 x 16 pixels, half its channels, a `bias`, and another rate.

        Both players learn five times as fast as in the paper, so that the first minute shows something; from step 1000
        on the rate falls like 1/step. Without the bias the backgrounds stay gray at one rate for both: {ref}`ch-dcgan`
        finds out why, and what 32 numbers change.
        """
        return replace(self.port(), size=16, latent_dim=32, width=32, bias=True, learning_rate=1e-3, anneal=1000)


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
            dcgan.Generator(c.latent_dim, channels, size=c.size, width=c.width, kernel=c.kernel),
            dcgan.Discriminator(channels, size=c.size, width=c.width, kernel=c.kernel, norm=c.norm, bias=c.bias),
        )

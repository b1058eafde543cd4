"""The fully connected GAN of article 001, on flattened images.

Taught in {ref}`ch-first-gan`.
"""

from dataclasses import dataclass, replace
from math import prod

from torch import nn

from ganedu.networks import mlp
from ganedu.recipes import adversarial


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The article's networks, 64 -> 256 -> 512 -> 784 and back, for 28 x 28 gray images.

    The article gives no numbers for the training; those of DCGAN serve. hidden: widths of the generator, which the
    discriminator has in reverse. Without batch normalization, any penalty goes.
    Taught in {ref}`ch-first-gan`.
    """

    size: int = 28
    latent_dim: int = 64
    norm: str = "none"
    hidden: tuple[int, ...] = (256, 512)

    def small(self) -> "Config":
        """A miniature for two CPU cores: the 8 x 8 digits at their own size, with a higher learning rate."""
        return replace(self, size=8, batch_size=64, hidden=(128, 256), learning_rate=1e-3)


class Recipe(adversarial.Recipe):
    """The fully connected pair, with any loss and penalty of the package.

    Raises ValueError, besides those of every recipe, for a normalization: these networks have none.
    Taught in {ref}`ch-first-gan`.
    """

    name = "mlp"
    Config = Config
    default_steps = 3000  # after 500 its samples are still alike

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.mlp`, with images unflattened after and flattened before."""
        if self.config.norm != "none":
            raise ValueError(
                f"mlp: the fully connected networks have no normalization; norm={self.config.norm!r} given"
            )
        pixels, hidden = prod(self.image_shape), tuple(self.config.hidden)
        generator = mlp.Generator(self.config.latent_dim, pixels, hidden=hidden)
        discriminator = mlp.Discriminator(pixels, hidden=hidden[::-1])
        return (
            nn.Sequential(generator, nn.Unflatten(1, self.image_shape)),
            nn.Sequential(nn.Flatten(), discriminator),
        )

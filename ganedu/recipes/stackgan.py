"""StackGAN: a caption becomes a sketch, sketch and caption become a picture.

Taught in {ref}`ch-text-to-image`; Zhang et al. 2017.
"""

from dataclasses import dataclass, replace

from torch import nn

from ganedu.networks import stackgan
from ganedu.recipes import captioned


@dataclass(frozen=True)
class Config(captioned.Config):
    """The paper's numbers; where it is silent, those of the authors' PyTorch program.

    halvings: of the sketch, before the second stage joins it with the caption. Departures: both stages learn in the
    same step, where the paper trains the second after the first; in both versions the second takes the sketch as given.
    Captions are read by an encoder that learns in the game, where the paper has one that was trained before; the
    discriminators' is their own, as in the paper, where the program lends them the generator's. The divergence is the
    paper's sum over the code with weight 1; the program takes the mean of 128 numbers with weight 2, 64 times less.
    Learning rates stay, where they are halved every 100 epochs.
    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017.
    """

    batch_size: int = 64
    learning_rate: float = 2e-4
    width: int = 96
    halvings: int = 2

    def small(self) -> "Config":
        """A miniature for two CPU cores: sketches of 16 x 16 and pictures of 32 x 32 pixels, and narrow networks."""
        sizes = {"size": 32, "first": 16, "batch_size": 32, "width": 16, "width_d": 24, "halvings": 1, "blocks": 1}
        codes = {"latent_dim": 16, "sentence": 64, "code": 16}
        return replace(self, **sizes, **codes, learning_rate=1e-3, learning_rate_d=5e-4, kl_weight=0.01)


class Recipe(captioned.Recipe):
    """Two generators on top of each other, and two discriminators that look for a match.

    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017.
    """

    name = "stackgan"
    Config = Config
    default_steps = 800

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminators of `ganedu.networks.stackgan`."""
        c = self.config
        self.sides = (c.first, c.size)
        names = ("first", "size", "width", "latent_dim", "sentence", "code", "encoder", "halvings", "blocks", "longest")
        options = {name: getattr(c, name) for name in (*names, "remember")}
        generator = stackgan.Generator(len(self.words), self.image_shape[0], **options)
        return generator, self.judges(stackgan.Judge)

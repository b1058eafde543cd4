"""Context encoder: filling a hole in the middle of a picture with what its surroundings suggest.

    D descends  -log D(h) - log(1 - D(G(x)))            h: what was cut out of the picture to leave x
    G descends  0.999 (G(x) - h)^2 - 0.001 log D(G(x))

The error is counted in the hole alone, and the discriminator sees the hole alone.
Taught in {ref}`ch-paired-translation`; Pathak et al. 2016.
"""

from dataclasses import dataclass, replace

from torch import Tensor, nn

from ganedu.networks import context
from ganedu.recipes import paired


@dataclass(frozen=True)
class Config(paired.Config):
    """The numbers of the paper (sections 3.2 and 5.1), and where it is silent those of the authors' program.

    bottleneck: numbers between encoder and decoder. Departures: the hole is filled with mid-gray (byte 128) instead of
    the mean of the set; it is the whole middle half, where the program leaves a band of 4 pixels of the truth within
    the half that it predicts, and counts the error there tenfold; and the encoder is not AlexNet, as in the program.
    Taught in {ref}`ch-paired-translation`; Pathak et al. 2016.
    """

    size: int = 128
    batch_size: int = 64
    learning_rate: float = 2e-3  # ten times that of the discriminator: section 5.1
    learning_rate_d: float = 2e-4
    beta1: float = 0.5
    distance: str = "l2"
    restoration: float = 0.999  # section 5.1
    adversarial: float = 0.001
    bottleneck: int = 4000

    def small(self) -> "Config":
        """A miniature for two CPU cores: holes of 4 in 8 x 8 pixels, few numbers in between, a louder adversary who
        learns as fast as the encoder.
        """
        rates = {"learning_rate": 1e-3, "learning_rate_d": 1e-3, "restoration": 1.0, "adversarial": 0.3}
        return replace(self, size=8, bottleneck=128, **rates)


class Recipe(paired.Recipe):
    """An encoder of the surroundings, a decoder that draws the hole, and DCGAN's discriminator for the hole.

    Taught in {ref}`ch-paired-translation`; Pathak et al. 2016.
    """

    name = "context-encoder"
    Config = Config
    default_data = "holes:digits"

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator of `ganedu.networks.context`, discriminator of `ganedu.networks.context`."""
        c, channels = self.config, self.image_shape[0]
        return (
            context.Generator(channels, size=c.size, width=c.width, bottleneck=c.bottleneck),
            context.Discriminator(channels, side=c.size // 2, width=c.width),
        )

    @property
    def side_step(self) -> None:
        """Everything passes through one vector, so one size is possible."""
        return None

    def wanted(self, targets: Tensor) -> Tensor:
        """What was cut out, [B, C, size / 2, size / 2]."""
        hole = context.hole(self.config.size)
        return targets[:, :, hole, hole]

    def finished(self, inputs: Tensor, made: Tensor) -> Tensor:
        """The picture with the hole filled; everything else is as it was."""
        picture, hole = inputs.clone(), context.hole(self.config.size)
        picture[:, :, hole, hole] = made
        return picture

    def check(self) -> None:
        """Raises ValueError for shapes and numbers that do not fit together."""
        super().check()
        self.require_inputs(self.config.size, channels=self.image_shape[0])
        if self.config.load_size:
            raise ValueError("a window cut out of a picture has its hole elsewhere than in the middle; set load_size=0")

"""3D-GAN: a generator of solids, as voxels. DCGAN with one more axis, and a discriminator that waits.

    D descends    -log D(x) - log(1 - D(G(z))), in the batches before which its accuracy was 80 % or less
    G descends    -log D(G(z))

Taught in {ref}`ch-solids`; Wu et al. 2016.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganedu import _joint
from ganedu.data import kinds
from ganedu.data.projection import PICTURE, shaded
from ganedu.networks import voxels
from ganedu.recipes import adversarial


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The paper's numbers.

    size: voxels a side. width: channels next to the voxels. patience: D is trained only while its accuracy on the batch
    before is at most this; 1 for always. noise: "uniform" here means numbers in [0, 1], as in the authors' program.
    Departures: those of `ganedu.networks.voxels`; the fakes of D's step serve G as well, see `adversarial`; G descends
    -log D(G(z)), while the paper prints the game and not which loss G takes from it.
    Taught in {ref}`ch-solids`; Wu et al. 2016, section 3.1.
    """

    batch_size: int = 100  # section 3.1, with the next five
    learning_rate: float = 2.5e-3
    learning_rate_d: float = 1e-5
    beta1: float = 0.5
    patience: float = 0.8
    latent_dim: int = 200
    noise: str = "uniform"  # the program
    width: int = 64  # the supplement

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 x 16 voxels, a quarter of the channels, higher learning rates.

        With the paper's rate of 1e-5 the discriminator would hardly have moved after a few hundred steps; at this one
        it wins from time to time, and waits.
        """
        rates = {"learning_rate": 5e-3, "learning_rate_d": 1e-3, "anneal": 1000}
        return replace(self, size=16, batch_size=32, latent_dim=32, width=16, noise="normal", **rates)


class Recipe(adversarial.Recipe):
    """The 3D-GAN, with any loss and penalty of the package; image_shape is (1, size, size, size).

    Raises ValueError for a patience below 0 or, without Adam, below 1, and what `adversarial.check` refuses.
    Taught in {ref}`ch-solids`; Wu et al. 2016.
    """

    name = "gan3d"
    Config = Config
    Batch = kinds.Voxels
    default_data = "solids"
    default_steps = 1300  # a minute of one thread; after 500 its chairs have no legs
    sheet_side = PICTURE  # pixels of a picture on a sheet

    def __init__(self, config, *, image_shape: tuple[int, int, int, int], device="cpu", seed: int = 0):
        if config.patience < 0:
            raise ValueError(f"patience is an accuracy between 0 and 1, not {config.patience}; 1 trains D always")
        if config.patience < 1 and config.optimizer != "adam":
            raise ValueError(f"only Adam can leave a step out; set patience=1 for {config.optimizer}, or take adam")
        if tuple(image_shape[:1]) != (1,):
            raise ValueError(f"image_shape is {tuple(image_shape)}; voxels have one channel, [1, D, H, W]")
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)
        self.accuracy = torch.zeros((), device=self.device)  # of D on the batch before

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.voxels`."""
        c = self.config
        return (
            voxels.Generator(c.latent_dim, size=c.size, width=c.width),
            voxels.Discriminator(size=c.size, width=c.width, norm=c.norm),
        )

    def discriminator_step(self, real: Tensor, fake: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """As for every recipe, but Adam leaves the step out where the accuracy before was above `patience`.

        Adam is told by the flag that is meant for gradients with an infinity: so nobody waits to read the accuracy.
        Several processes go by their mean accuracy.
        """
        if self.config.patience < 1:
            adam = self.optimizers["discriminator"]
            adam.grad_scale, adam.found_inf = None, (self.accuracy > self.config.patience).float()
        scalars = super().discriminator_step(real, fake, random)
        scalars["accuracy"] = _joint.mean(scalars["accuracy"])
        self.accuracy.copy_(scalars["accuracy"])
        return scalars

    def verdicts(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """Mean logits and accuracy of the discriminator on a batch."""
        right = torch.cat([real_logits > 0, fake_logits < 0])
        return super().verdicts(real_logits, fake_logits) | {"accuracy": right.float().mean()}

    def noise(self, n: int, random: torch.Generator) -> Tensor:
        """Latent vectors [n, latent_dim] from N(0, 1), or uniform in [0, 1]."""
        numbers = super().noise(n, random)
        return numbers if self.config.noise == "normal" else (numbers + 1) / 2

    def sheet(self, examples, random: torch.Generator, *, n: int = 64, generator: nn.Module | None = None) -> Tensor:
        """Pictures [n, 1, sheet_side, sheet_side] of n samples, seen from one side."""
        return shaded(self.sample(n, random, generator=generator).float())

    def extra_state(self) -> dict:
        """The accuracy that decides about the discriminator's next step."""
        return {"accuracy": self.accuracy}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""
        self.accuracy.copy_(state["accuracy"])

"""R3GAN: a relativistic loss, R1 and R2 together, and residual networks without normalization.

Taught in {ref}`ch-today`; Huang et al. 2024.
"""

from dataclasses import dataclass, replace
from math import cos, pi

import torch
from torch import Tensor, nn

from ganedu.data import kinds
from ganedu.networks import r3gan
from ganedu.recipes import adversarial


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The public program's numbers for CIFAR-10, without its classes; `.faces()` has those for FFHQ at 256 pixels.

    width, widest: channels next to the image, and at most. depth: blocks a stage. expansion, group: of the blocks, see
    `ganedu.networks.r3gan`. penalty_weight: gamma of R1 and of R2, whose penalties have the factor 1/2.
    burn_in: steps in which learning rate, gamma and beta2 move along a cosine from their first to their last values,
    `last_...`, where they stay; 0 for none of that. It does not depend on how many steps a run has.
    Departures: the program gives each player batches and noise of its own; here both move by the same ones. Its average
    of the generator lengthens during the burn-in as well, and it shows its discriminator altered images (rotated,
    stretched, recolored), more of them from step to step, up to 0.55 of all; here neither is so.
    Taught in {ref}`ch-today`; Huang et al. 2024, and the presets of its public program.
    """

    size: int = 32
    batch_size: int = 512
    latent_dim: int = 64
    learning_rate: float = 2e-4
    last_learning_rate: float = 5e-5
    beta1: float = 0.0
    beta2: float = 0.9
    last_beta2: float = 0.99
    loss: str = "relativistic"
    penalty: str = "r1_r2"
    penalty_weight: float = 0.05
    last_penalty_weight: float = 0.005
    burn_in: int = 39_062  # 20 million images
    norm: str = "none"
    width: int = 768
    widest: int = 768
    depth: int = 2
    expansion: int = 2
    group: int = 16

    def faces(self) -> "Config":
        """The preset for FFHQ at 256 pixels."""
        weights = {"penalty_weight": 150.0, "last_penalty_weight": 15.0}
        return replace(self, size=256, batch_size=256, burn_in=78_125, width=96, **weights)

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images, one block a stage, narrow, small batches and large steps.

        The learning rate is forty times the paper's at first: with a tenth of it the digits are still lumps after two
        hundred steps, at twice as much the discriminator runs away.
        """
        sizes = {"size": 16, "batch_size": 32, "latent_dim": 32, "width": 8, "widest": 64, "depth": 1, "group": 4}
        rates = {"learning_rate": 8e-3, "last_learning_rate": 2e-3, "burn_in": 500}
        return replace(self, **sizes, **rates, penalty_weight=1.0, last_penalty_weight=0.1)


class Recipe(adversarial.Recipe):
    """R3GAN; its weights, schedules and random numbers decide every step, so that a run resumes to the bit.

    done: steps so far, where the schedules stand.
    Raises ValueError, besides what every recipe refuses, for a schedule that cannot be.
    Taught in {ref}`ch-today`; Huang et al. 2024.
    """

    name = "r3gan"
    Config = Config
    Batch = kinds.Images
    default_data = "digits"

    def __init__(self, config, *, image_shape: tuple[int, int, int], device="cpu", seed: int = 0):
        _check(config)
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)
        self.done = 0
        self.penalty_weight = torch.tensor(config.penalty_weight, device=self.device)  # compiled losses see it change

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.r3gan`."""
        c, channels = self.config, self.image_shape[0]
        sizes = {"size": c.size, "width": c.width, "widest": c.widest}
        blocks = {"depth": c.depth, "expansion": c.expansion, "group": c.group}
        return (
            r3gan.Generator(c.latent_dim, channels, **sizes, **blocks),
            r3gan.Discriminator(channels, **sizes, **blocks),
        )

    def step(self, batch: kinds.Images, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration, with gamma and beta2 of this step."""
        c = self.config
        self.penalty_weight.fill_(scheduled(self.done, c.burn_in, c.penalty_weight, c.last_penalty_weight))
        self._set_beta2(scheduled(self.done, c.burn_in, c.beta2, c.last_beta2))
        scalars = super().step(batch, random)
        self._set_beta2(c.beta2)  # between steps as configured: a checkpoint's optimizers are compared with new ones
        self.done += 1
        return scalars

    def learning_rate_factor(self, step: int, steps: int) -> float:
        """Factor of both learning rates at `step` (0 is the first), on the same cosine as gamma and beta2."""
        c = self.config
        return scheduled(step, c.burn_in, c.learning_rate, c.last_learning_rate) / c.learning_rate

    @property
    def settled(self) -> bool:
        """Whether every further step does the same, which a CUDA graph needs: the burn-in is over."""
        return self.done >= self.config.burn_in

    def extra_state(self) -> dict:
        """Where the schedules stand."""
        return {"done": self.done}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""
        self.done = state["done"]

    def _set_beta2(self, beta2: float) -> None:
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["betas"] = (self.config.beta1, beta2)


def scheduled(step: int, burn_in: int, first: float, last: float) -> float:
    """What a schedule says at `step`: `first` at 0, `last` from step `burn_in` on, half a cosine in between.

    Taught in {ref}`ch-today`; Huang et al. 2024.
    """
    if step >= burn_in:
        return last if burn_in else first
    return last + (first - last) * (1 + cos(pi * step / burn_in)) / 2


def _check(config) -> None:
    if config.burn_in < 0:
        raise ValueError(f"r3gan: burn_in must be a number of steps, or 0 for no schedules, not {config.burn_in}")
    if not 0 <= config.last_beta2 < 1:
        raise ValueError(f"r3gan: last_beta2 must be in [0, 1), not {config.last_beta2}")
    for name in ("last_learning_rate", "last_penalty_weight"):
        if getattr(config, name) < 0:
            raise ValueError(f"r3gan: {name} must not be negative, but it is {getattr(config, name)}")
    if config.optimizer != "adam" or config.depth < 1 or config.expansion < 1 or config.group < 0:
        raise ValueError(
            "r3gan: its schedules are those of Adam, depth and expansion must be at least 1, group at least 0; given "
            f"optimizer={config.optimizer}, depth={config.depth}, expansion={config.expansion}, group={config.group}"
        )

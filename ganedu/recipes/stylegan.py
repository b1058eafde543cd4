"""StyleGAN: a vector of style in every layer of the generator, two penalties now and then, averaged weights.

    each step:            D descends  softplus(D(G(z))) + softplus(-D(x)),  then G descends  softplus(-D(G(z)))
    every 16th, after D:  D descends  16 * gamma / 2 * |grad D(x)|^2
    every 8th, after G:   G descends   8 * weight * (|J_w' y| - a)^2,  a the running mean of the lengths |J_w' y|

Nine of ten images mix the styles of two vectors of noise. Both nets are those of StyleGAN2's config F.
Taught in {ref}`ch-stylegan`; Karras et al. 2019 and 2020.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganedu import _joint, penalties
from ganedu.data import kinds
from ganedu.networks import stylegan
from ganedu.recipes import adversarial
from ganedu.recipes.adversarial import descend, lazy


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The numbers of StyleGAN2's config F for faces of 1024 x 1024 pixels.

    width, max_width: channels nearest to the image, and at most. depth: layers of the mapping network; slow: factor of
    their learning rate. style: "demodulation", or "adain" as in StyleGAN. mixing: share of images with two styles.
    penalty_weight: gamma of R1; penalty_every: steps from one penalty to the next. path_weight, path_every: of the path
    length's penalty, 0 for none; path_decay: how much of the running mean a new mean replaces; path_share: images of a
    path penalty, one for so many of a batch. Both optimizers are corrected for the steps that the penalties add, see
    `lazy`. Departures: the program moves G first, and draws new fakes for D; its style mixing switches at the same
    layer for all images of a process; its running mean is part of the gradient, with the factor path_decay, and each
    process has its own. The center of truncation is computed when it is needed.
    Under several processes a run is that of one with the joint batch if each has a multiple of four images; else D
    compares smaller groups.
    Taught in {ref}`ch-stylegan`; Karras et al. 2020, appendix B.
    """

    size: int = 1024
    flip: bool = True
    batch_size: int = 32
    latent_dim: int = 512
    learning_rate: float = 0.002
    beta1: float = 0.0
    beta2: float = 0.99
    penalty: str = "r1"
    penalty_weight: float = 10.0
    norm: str = "none"
    width: int = 32
    max_width: int = 512
    depth: int = 8
    slow: float = 0.01
    style: str = "demodulation"
    mixing: float = 0.9
    penalty_every: int = 16
    path_weight: float = 2.0
    path_every: int = 8
    path_decay: float = 0.01
    path_share: int = 2

    def small(self) -> "Config":
        """A miniature for two CPU cores: 32 x 32 pixels, few channels, a short mapping that learns faster.

        Its rate falls in runs that are longer than a bare one.
        """
        sizes = {"size": 32, "batch_size": 16, "latent_dim": 64, "width": 16, "max_width": 64}
        rates = {"learning_rate": 0.005, "anneal": 1500, "penalty_weight": 1.0}
        return replace(self, **sizes, **rates, depth=4, slow=0.1, flip=False)


class Draw(NamedTuple):
    """The random numbers of a batch of fakes: two vectors of noise each, where the second takes over, pixel noise.

    Taught in {ref}`ch-stylegan`.
    """

    z: Tensor
    other: Tensor
    switch: Tensor
    noises: list[Tensor]


class Recipe(adversarial.Recipe):
    """StyleGAN2, or StyleGAN's styles in its place, with any loss and penalty of the package.

    Raises ValueError, besides those of every recipe, for numbers that no such game has, see `check`.
    Taught in {ref}`ch-stylegan`; Karras et al. 2019 and 2020.
    """

    name = "stylegan"
    Config = Config
    default_data = "avatars"
    default_steps = 1000  # 80 seconds of one thread

    def __init__(self, config, **options):
        check(config)
        super().__init__(config, **options)
        for player, every in (("discriminator", self._every_d), ("generator", self._every_g)):
            for group in self.optimizers[player].param_groups:
                lazy(group, every)
        self.steps = 0
        self.path_mean, self.penalty, self.path = (torch.zeros((), device=self.device) for _ in range(3))

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.stylegan`."""
        c, channels = self.config, self.image_shape[0]
        sizes = {"size": c.size, "width": c.width, "max_width": c.max_width}
        generator = stylegan.Generator(c.latent_dim, channels, depth=c.depth, slow=c.slow, style=c.style, **sizes)
        return generator, stylegan.Discriminator(channels, **sizes)

    def step(self, batch: kinds.Images, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration: the discriminator descends, then the generator, each followed by its penalty if it is due.

        batch, random: as for every recipe. Returns, besides its scalars, the latest penalty and path_mean.
        """
        self._check_batch(batch)
        real = batch.images
        fake = self.fakes(self.draw_fakes(len(real), random))
        scalars = self.discriminator_step(real, fake.detach(), random)
        if self._every_d and self.steps % self._every_d == 0:
            self.penalty = self.penalty_step(real, fake.detach(), random)
        scalars |= self.generator_step(real, fake)
        if self._every_g and self.steps % self._every_g == 0:
            self.path = self.path_step(max(1, len(real) // self.config.path_share), random)
        self.steps += 1
        return scalars | {"penalty": self.penalty, "path": self.path, "path_mean": self.path_mean}

    def discriminator_loss(self, real: Tensor, fake: Tensor, drawn: Tensor | None = None):
        """The discriminator's loss without its penalty, which has steps of its own, and its numbers to report."""
        real_logits, fake_logits = self._judge(real), self._judge(fake)
        loss = self.loss.discriminator(real_logits, fake_logits)
        return loss, {
            "loss_d": loss.detach(),
            "d_real": real_logits.mean().detach(),
            "d_fake": fake_logits.mean().detach(),
        }

    def penalty_step(self, real: Tensor, fake: Tensor, random: torch.Generator) -> Tensor:
        """The discriminator descends on its penalty, taken as often as there were steps without; returns it."""
        c = self.config
        penalty = penalties.term(c.penalty, self.networks["discriminator"], real, fake, self.draw(real, random))
        descend(self.optimizers["discriminator"], self._every_d * c.penalty_weight * penalty, every_weight=True)
        return penalty.detach()

    def path_step(self, n: int, random: torch.Generator) -> Tensor:
        """The generator descends on the spread of n path lengths about their running mean; returns it."""
        draw = self.draw_fakes(n, random)
        direction = torch.randn(n, *self.image_shape, generator=random, device=self.device)
        generator = self.networks["generator"]
        with torch.autocast(self.device.type, enabled=False):
            styles = generator.styles(draw.z, draw.other, draw.switch)
            synthesis = lambda styles: generator.synthesis(styles, draw.noises)  # noqa: E731
            lengths = penalties.path_lengths(synthesis, styles, direction)
        self.path_mean = self.path_mean.lerp(_joint.mean(lengths.detach().mean()), self.config.path_decay)
        penalty = (lengths - self.path_mean).square().mean()
        descend(self.optimizers["generator"], self._every_g * self.config.path_weight * penalty, every_weight=True)
        return penalty.detach()

    def draw_fakes(self, n: int, random: torch.Generator) -> Draw:
        """The random numbers of n fakes; an image that is not mixed switches after its last layer."""
        layers = self.networks["generator"].layers
        z, other = self.noise(2 * n, random).chunk(2)
        switch = torch.randint(1, layers, (n,), generator=random, device=self.device)
        mixed = torch.rand(n, generator=random, device=self.device) < self.config.mixing
        return Draw(z, other, torch.where(mixed, switch, layers), self.pixel_noise(n, random))

    def pixel_noise(self, n: int, random: torch.Generator) -> list[Tensor]:
        """Noise of the layers for n images, a number of N(0, 1) for each pixel."""
        shapes = self.networks["generator"].synthesis.noise_shapes(n)
        return [torch.randn(shape, generator=random, device=self.device) for shape in shapes]

    def fakes(self, draw: Draw) -> Tensor:
        """Images [B, C, H, W] that depend on the generator; a few values may lie outside of [-1, 1]."""
        generator = self.networks["generator"]
        return generator.synthesis(generator.styles(draw.z, draw.other, draw.switch), draw.noises)

    def sample(
        self, n: int, random: torch.Generator, *, generator=None, truncation: float = 1.0, mix: int = 0
    ) -> Tensor:
        """n images [n, C, H, W], clipped to [-1, 1].

        generator: as for every recipe. truncation: factor of a style's distance from the center of all styles; 0 gives
        its image again and again, 1 changes nothing. mix: the first layer that takes its style from a second vector of
        noise, 0 for none.
        Raises ValueError for a truncation below 0, and for a mix that is no layer.
        """
        network = self.networks["generator"] if generator is None else generator
        if not 0 <= mix < network.layers:
            raise ValueError(f"mix must be 0, or a layer from 1 to {network.layers - 1}, not {mix}")
        z = self.noise(n, random)
        with torch.no_grad():
            styles = network.styles(z, self.noise(n, random) if mix else None, mix)
            return network.synthesis(network.truncated(styles, truncation), self.pixel_noise(n, random)).clamp(-1, 1)

    def mixtures(self, rows: int, columns: int, switch: int, random: torch.Generator, *, generator=None, **options):
        """A table [rows + 1, columns + 1, C, H, W] of `ganedu.networks.stylegan.mixtures`, of random styles.

        options: truncation, as for `sample`. All images share one pixel noise. Raises ValueError as `sample` does.
        """
        network = self.networks["generator"] if generator is None else generator
        with torch.no_grad():
            styles = network.truncated(network.styles(self.noise(rows + columns, random)), **options)
            return stylegan.mixtures(network, styles[:rows], styles[rows:], switch, self.pixel_noise(1, random))

    @property
    def settled(self) -> bool:
        """Whether every step does the same work, which a CUDA graph needs: only where no penalty waits."""
        return max(self._every_d, self._every_g) <= 1

    def extra_state(self) -> dict:
        """The number of steps, on which depends what is due, the running mean and the latest penalties."""
        numbers = {"path_mean": self.path_mean, "penalty": self.penalty, "path": self.path}
        return {"steps": self.steps, **{name: number.clone() for name, number in numbers.items()}}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""
        self.steps = state["steps"]
        self.path_mean, self.penalty, self.path = (
            state[each].to(self.device) for each in ("path_mean", "penalty", "path")
        )

    @property
    def _every_d(self) -> int:
        c = self.config
        return c.penalty_every if c.penalty != "none" and c.penalty_weight else 0

    @property
    def _every_g(self) -> int:
        return self.config.path_every if self.config.path_weight else 0


def check(config: Config) -> None:
    """Raises ValueError for numbers that no such game has.

    Taught in {ref}`ch-stylegan`.
    """
    c, least = config, {"path_weight": 0, "path_decay": 0, "depth": 0, "mixing": 0}
    least |= dict.fromkeys(("penalty_every", "path_every", "path_share", "width", "max_width", "latent_dim"), 1)
    for name, smallest in least.items():
        if getattr(c, name) < smallest:
            raise ValueError(f"{name} must be at least {smallest}, not {getattr(c, name)}")
    if c.mixing > 1 or c.path_decay > 1:
        raise ValueError(f"mixing and path_decay are shares from 0 to 1, not {c.mixing} and {c.path_decay}")
    if c.slow <= 0:
        raise ValueError(f"slow must be positive, not {c.slow}; 1 is the rate of all other layers")
    if c.n_critic != 1:
        raise ValueError(
            f"stylegan: one step of the discriminator for each of the generator, not n_critic {c.n_critic}"
        )

"""ProGAN: a generator and a critic that grow, from 4 x 4 pixels to the full size, while they train.

Taught in {ref}`ch-biggan`; Karras et al. 2018.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ganedu import penalties
from ganedu.data import kinds
from ganedu.networks import progressive
from ganedu.recipes import adversarial


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The paper's numbers for CelebA-HQ (appendix A.1) and where it is silent those of the public code.

    width: most channels of a layer; base: see `ganedu.networks.progressive`. hold, fade: real images that are shown at
    each level after it is faded in, and while the next one is; 0 images of fading switch at once. drift: weight of the
    mean squared score of real images, which keeps the scores near 0. group: images that D compares.
    Departures: the authors draw fakes of G's own for its step, here the last of D serve. Their batches shrink as images
    grow, their Adam forgets its moments whenever a level begins or ends to fade in; here neither. As there, the penalty
    takes the slope of the sum of all scores, in which images of a group have a part of each other's.
    Under several processes groups are of images of the same process, which must have a multiple of `group`: a run is
    that of one process with the joint batch in another order.
    Taught in {ref}`ch-biggan`.
    """

    size: int = 1024
    flip: bool = True  # public code, for CelebA-HQ
    batch_size: int = 16
    latent_dim: int = 512
    learning_rate: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99
    loss: str = "wasserstein"
    penalty: str = "gradient_penalty"
    norm: str = "none"
    width: int = 512
    base: int = 8192
    hold: int = 600_000
    fade: int = 600_000
    drift: float = 1e-3
    group: int = 4

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images after 160 steps, few channels, the ordinary loss with R1.

        With one step of the critic each, the Wasserstein loss of the paper is behind this one after 400 steps.
        """
        return replace(
            self,
            size=16,
            flip=False,
            batch_size=64,
            latent_dim=32,
            learning_rate=3e-3,
            loss="non_saturating",
            penalty="r1",
            penalty_weight=0.1,
            drift=0.0,
            width=32,
            base=256,
            hold=2_560,
            fade=2_560,
        )


class Recipe(adversarial.Recipe):
    """Two networks that grow by a schedule: by the number of real images that were shown, hence by the recipe's steps.

    Raises ValueError, besides those of every recipe, for numbers of images or weights below 0, and for batches that do
    not divide into groups.
    Taught in {ref}`ch-biggan`; Karras et al. 2018.
    """

    name = "progressive"
    Config = Config
    Batch = kinds.Images
    default_data = "digits"

    def __init__(self, config, *, image_shape: tuple[int, int, int], device="cpu", seed: int = 0):
        _check(config)
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)
        self.taken = 0  # steps
        self._grow()

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.progressive`, at 4 x 4 pixels."""
        c, channels = self.config, self.image_shape[0]
        same = {"size": c.size, "widest": c.width, "base": c.base}
        generator = progressive.Generator(c.latent_dim, channels, **same)
        return generator, progressive.Discriminator(channels, group=c.group, **same)

    @property
    def growth(self) -> tuple[int, float]:
        """The level of the next step, and the share of it that is faded in."""
        c, levels = self.config, self.networks["generator"].levels
        return growth(self.taken * c.batch_size * self.n_real, hold=c.hold, fade=c.fade, levels=levels)

    @property
    def settled(self) -> bool:
        """Whether every further step does the same work, which a CUDA graph needs: nothing grows any more."""
        return self.growth == (self.networks["generator"].levels, 1.0)

    def step(self, batch: kinds.Images, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration at the level that the schedule has reached; the real images are shrunk and blended alike.

        As in every recipe; batch: images [n_real * B, C, H, W] of the full size.
        """
        self._grow()
        scalars = super().step(batch, random)
        self.taken += 1
        return scalars

    def discriminator_loss(self, real: Tensor, fake: Tensor, drawn: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """The critic's scalar to descend, with penalty and drift, and its numbers to report."""
        real = self.shrink(real)
        real_scores, fake_scores = self._judge(real), self._judge(fake)
        loss = self.loss.discriminator(real_scores, fake_scores)
        scalars = {"loss_d": loss, "d_real": real_scores.mean(), "d_fake": fake_scores.mean()}
        if self.config.penalty != "none":
            critic, name = self.networks["discriminator"], self.config.penalty
            scalars["penalty"] = penalties.term(name, critic, real, fake, drawn)
            loss = loss + self.config.penalty_weight * scalars["penalty"]
        loss = loss + self.config.drift * real_scores.square().mean()
        return loss, {name: value.detach() for name, value in scalars.items()}

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's scalar to descend."""
        return super().generator_loss(self.shrink(real) if self.loss.relativistic else real, fake)

    def shrink(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] of the full size as D sees them now: shrunk, and blurred while a level fades in."""
        network = self.networks["discriminator"]
        images = avg_pool2d(images, self.config.size // (4 << network.level))
        if not network.fading:
            return images
        older = interpolate(avg_pool2d(images, 2), scale_factor=2.0)
        return torch.lerp(older, images, network.alpha.to(images.dtype))

    def sample(self, n: int, random: torch.Generator, *, generator: nn.Module | None = None) -> Tensor:
        """n images [n, C, H, W] of the full size in [-1, 1]; smaller ones, of a young generator, with larger pixels."""
        network = self.networks["generator"] if generator is None else generator
        network.recall()  # an average of weights has been given the buffers only
        images = super().sample(n, random, generator=network)
        return interpolate(images, self.image_shape[1:]).clamp(-1, 1)

    def extra_state(self) -> dict:
        """The steps taken, by which the networks grow."""
        return {**super().extra_state(), "taken": self.taken}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""
        super().load_extra_state(state)
        self.taken = state["taken"]
        self._grow()

    def _grow(self) -> None:
        for network in self.networks.values():
            network.grow_to(*self.growth)


def growth(images: int, *, hold: int, fade: int, levels: int) -> tuple[int, float]:
    """Level and share after so many real images: (2, 0.25) while a quarter of level 2 is faded in.

    Each level is held for `hold` images; then the next one is faded in during `fade` images.
    Taught in {ref}`ch-biggan`; Karras et al. 2018, appendix A.1.
    """
    level, beyond = divmod(images, hold + fade)
    if level >= levels:
        return levels, 1.0
    return (level + 1, (beyond - hold) / fade) if beyond > hold else (level, 1.0)


def _check(config: Config) -> None:
    for name in ("hold", "fade", "drift"):
        if getattr(config, name) < 0:
            raise ValueError(f"{name} must not be negative, but is {getattr(config, name)}")
    if config.hold + config.fade < 1:
        raise ValueError("hold and fade are both 0, so a level would last no time; set one of them")
    if config.group < 1 or config.batch_size % config.group:
        raise ValueError(f"a batch of {config.batch_size} does not divide into groups of {config.group}; change either")
    if min(config.width, config.base) < 1:
        raise ValueError(f"width and base must be at least 1, not {config.width} and {config.base}")

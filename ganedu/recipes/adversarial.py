"""The step of the two-player game, with architecture, loss and penalty as free choices.

A recipe of a paper derives from `Recipe`: it names its configuration and builds its two networks.

    for each of n_critic batches:       D descends  loss.discriminator(D(x), D(G(z))) + weight * penalty
    once, with the last fakes:          G descends  loss.generator(D(G(z)))

Real and fake images pass through D in two batches: where D normalizes by batch, each kind is then measured by its own
statistics, as in both programs of DCGAN's authors; one joint batch would tell every real image how the fakes look.
The price: if its first layer has no bias, D cannot see behind the first norm a contrast that all fakes share.

A departure: the fakes of the last discriminator step serve G as well. Algorithm 1 draws fresh noise for each player.
What is saved is one pass through G in every step. G has not moved since those fakes were drawn; D has, on these very
fakes. Chintala's port of DCGAN reuses them too.
Taught in {ref}`ch-first-gan`; Goodfellow et al. 2014, algorithm 1.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganedu import losses, penalties
from ganedu._wide import wide
from ganedu.data import kinds
from ganedu.recipes.evaluated import evaluated

OPTIMIZERS = ("adam", "rmsprop")
NOISES = ("normal", "uniform")


@dataclass(frozen=True)
class Config:
    """What every two-player recipe can be told; the recipes add to it and set their papers' values.

    size: pixels a side, to which the data are resized. flip: mirror images left to right at random. load_size: resize
    to this side first, then cut out a random window of `size`; 0 for none. noise: law of the latent_dim numbers that
    G starts from, "normal" for N(0, 1), "uniform" for [-1, 1]. loss, penalty: names in `ganedu.losses` and
    `ganedu.penalties`. penalty_weight: factor of the penalty. n_critic: discriminator steps for each generator step.
    clip: limit of the discriminator's weights, 0 for none. norm: normalization of a convolutional discriminator.
    learning_rate_d: of the discriminator, 0 for that of the generator. optimizer: one of OPTIMIZERS, the betas being
    Adam's. decay: both learning rates fall linearly, to reach 0 after the last step. anneal: both fall like 1/step from
    this step on, however many are to come; 0 for never. Under several processes a run is that of one with the joint
    batch, except with "dragan": its noise is as wide as the images of the process.
    Taught in {ref}`ch-first-gan`.
    """

    size: int = 64
    flip: bool = False
    load_size: int = 0
    batch_size: int = 128
    latent_dim: int = 100
    noise: str = "normal"
    learning_rate: float = 2e-4
    learning_rate_d: float = 0.0
    optimizer: str = "adam"
    beta1: float = 0.5
    beta2: float = 0.999
    decay: bool = False
    anneal: int = 0
    loss: str = "non_saturating"
    penalty: str = "none"
    penalty_weight: float = 10.0  # Gulrajani et al. 2017, section 4
    n_critic: int = 1
    clip: float = 0.0
    norm: str = "batch"


class Recipe:
    """Two networks, their optimizers and the step that trains them.

    image_shape: (C, H, W) of the batches, H = W = config.size. device: where the networks live.
    seed: of the weights, which are the same on every device.
    Raises ValueError for a shape that contradicts the configuration, unknown names, choices that exclude each other.
    Taught in {ref}`ch-first-gan`.
    """

    name: str
    Config: type[Config]
    Batch: type = kinds.Images  # the kind of data that it learns from
    default_data: str = "digits"  # the set that it learns from if none is named
    default_steps: int = 500  # of a bare command

    def __init__(self, config, *, image_shape: tuple[int, int, int], device="cpu", seed: int = 0):
        check(config, image_shape, sides=self.Batch.sides)
        self.config, self.image_shape, self.device = config, tuple(image_shape), torch.device(device)
        self.latent_dim, self.n_real = config.latent_dim, config.n_critic
        self.loss, self.penalty_weight = losses.get(config.loss), config.penalty_weight
        with torch.random.fork_rng(devices=[]):  # drawn on the CPU, apart from everyone else's random numbers
            torch.default_generator.manual_seed(seed)
            generator, discriminator = self.build()
        self.networks: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        rates = {"generator": config.learning_rate, "discriminator": config.learning_rate_d or config.learning_rate}
        for player, network in self.networks.items():
            self.optimizers[player] = optimizer(config, network.to(self.device).parameters(), rates[player])

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator [B, latent_dim] -> [B, C, H, W] and discriminator [B, C, H, W] -> [B], on the CPU."""
        raise NotImplementedError

    def step(self, batch: kinds.Images, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration: n_critic steps of the discriminator and one of the generator.

        batch: images [n_real * B, C, H, W] in [-1, 1]; random: generator on the recipe's device, source of noise and
        mixing.
        Returns 0-d tensors, still on the device: loss_d, loss_g, d_real and d_fake (mean outputs of the discriminator,
        logits or scores), and the unweighted penalty if there is one.
        Raises ValueError for a batch of another shape.
        """
        self._check_batch(batch)
        *earlier, real = batch[0].chunk(self.n_real)
        for other in earlier:
            with torch.no_grad():
                fake = self.networks["generator"](self.noise(len(other), random))
            self.discriminator_step(other, fake, random)
        fake = self.networks["generator"](self.noise(len(real), random))
        return self.discriminator_step(real, fake.detach(), random) | self.generator_step(real, fake)

    def discriminator_step(self, real: Tensor, fake: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """The discriminator descends on real and detached fake images; one backward for loss and penalty together."""
        drawn = self.draw(real, random)
        loss, scalars = self.discriminator_loss(real, fake, drawn)
        descend(self.optimizers["discriminator"], loss)
        if self.config.clip:
            penalties.clip_weights(self.networks["discriminator"], self.config.clip)
        return scalars

    def discriminator_loss(self, real: Tensor, fake: Tensor, drawn: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator's scalar to descend, and its numbers to report; `drawn` are the penalty's random numbers.

        A function of its arguments and the weights only, so that it can be compiled as a whole.
        """
        real_logits, fake_logits = self._judge(real), self._judge(fake)
        loss = self.loss.discriminator(real_logits, fake_logits)
        scalars = {"loss_d": loss, **self.verdicts(real_logits, fake_logits)}
        if self.config.penalty != "none":
            critic, name = self.networks["discriminator"], self.config.penalty
            scalars["penalty"] = penalties.term(name, critic, real, fake, drawn)
            loss = loss + self.penalty_weight * scalars["penalty"]
        return loss, {name: value.detach() for name, value in scalars.items()}

    def verdicts(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """What is reported of the discriminator's outputs [B] and [B]: their means."""
        return {"d_real": real_logits.mean(), "d_fake": fake_logits.mean()}

    def generator_step(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The generator descends on fakes that still depend on it, before a frozen discriminator."""
        self.networks["discriminator"].requires_grad_(False)
        loss = self.generator_loss(real, fake)
        descend(self.optimizers["generator"], loss)
        self.networks["discriminator"].requires_grad_(True)
        return {"loss_g": loss.detach()}

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's scalar to descend; a relativistic one looks at the real images again."""
        fake_logits = self._judge(fake)
        return (
            self.loss.generator(fake_logits, self._judge(real))
            if self.loss.relativistic
            else self.loss.generator(fake_logits)
        )

    def sample(self, n: int, random: torch.Generator, *, generator: nn.Module | None = None) -> Tensor:
        """n images [n, C, H, W] in [-1, 1], from `generator` (an average of weights, say) or the recipe's own.

        The network is put into evaluation mode for the call, and nothing can be differentiated.
        """
        network = self.networks["generator"] if generator is None else generator
        return evaluated(network, self.noise(n, random))

    def sheet(self, examples, random: torch.Generator, *, n: int = 64, generator: nn.Module | None = None) -> Tensor:
        """The images of a sample picture, [m, C, H, W], which shows eight in a row: here n from noise.

        examples: a batch of a few real samples, the same in every picture of a run, or None where they are streamed;
        random, generator: see `sample`.
        """
        return self.sample(n, random, generator=generator)

    def noise(self, n: int, random: torch.Generator) -> Tensor:
        """Latent vectors [n, latent_dim] of independent numbers, from N(0, 1) or uniform in [-1, 1]."""
        draw = torch.randn if self.config.noise == "normal" else torch.rand
        numbers = draw(n, self.latent_dim, generator=random, device=self.device)
        return numbers if self.config.noise == "normal" else 2 * numbers - 1

    def draw(self, real: Tensor, random: torch.Generator) -> Tensor | None:
        """The random numbers of the penalty, one draw for each of the real images; None if it needs none."""
        return penalties.draw(self.config.penalty, real, random)

    def learning_rate_factor(self, step: int, steps: int) -> float:
        """Factor of both learning rates at `step` of `steps` (0 is the first): 1, or what is left of it."""
        left = 1 - step / steps if self.config.decay else 1.0
        return left * min(1.0, self.config.anneal / max(step, 1)) if self.config.anneal else left

    def extra_state(self) -> dict:
        """What a checkpoint needs besides networks and optimizers, as tensors and primitives: nothing here."""
        return {}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""

    def _judge(self, images: Tensor) -> Tensor:
        """The discriminator's outputs [B], in float32 at least, so that losses are not rounded under autocast."""
        return wide(self.networks["discriminator"](images))

    def _check_batch(self, batch) -> None:
        kinds.require(batch, self.Batch, self.name)
        real, n = batch[0], len(batch[0])
        uneven = not n or n % self.n_real or {len(each) for each in batch} != {n}
        if tuple(real.shape[1:]) != self.image_shape or uneven:
            shape = ", ".join(map(str, self.image_shape))
            raise ValueError(
                f"{self.name}: batch of shape {tuple(real.shape)} given, [{self.n_real} * B, {shape}] expected "
                f"({self.n_real} real batches a step)"
            )


def optimizer(config: Config, weights: Iterable[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    """The optimizer that the configuration names, for one player's weights and learning rate.

    Raises ValueError for a name that is not one of OPTIMIZERS.
    Taught in {ref}`ch-training-advice`.
    """
    match config.optimizer:
        case "adam":
            return torch.optim.Adam(weights, lr=rate, betas=(config.beta1, config.beta2), fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(weights, lr=rate)
    raise ValueError(f"unknown optimizer {config.optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, *, every_weight: bool = False) -> None:
    """One step of a player down its loss.

    every_weight: weights on which the loss does not depend take part with a gradient of zero, if they ever had one,
    instead of being left out: what the optimizer remembers of them ages by a step as well.
    Taught in {ref}`ch-first-gan`.
    """
    optimizer.zero_grad(set_to_none=not every_weight)
    loss.backward()
    optimizer.step()
    torch.clear_autocast_cache()  # it holds half-precision copies of weights that have just moved


def lazy(group: dict, every: int) -> None:
    """Correct an optimizer's group for a step more after each `every` steps: rate times c, betas to the power of c.

    c = every / (every + 1); 0 for no such steps. A run of steps then moves the weights, and forgets gradients, as it
    would without the additional ones.
    Taught in {ref}`ch-stylegan`; Karras et al. 2020, appendix B.
    """
    if every:
        share = every / (every + 1)
        group["lr"] *= share
        if "betas" in group:
            group["betas"] = tuple(beta**share for beta in group["betas"])


def check(config: Config, image_shape: tuple[int, ...], *, sides: int = 2) -> None:
    """Raises ValueError for images of another size than the configuration's, and for choices that exclude each other.

    sides: how many an image has, 3 for voxels.
    Taught in {ref}`ch-gradient-penalty`.
    """
    if len(image_shape) != 1 + sides or set(image_shape[1:]) != {config.size}:
        expected = ", ".join(["C", *[str(config.size)] * sides])
        raise ValueError(
            f"image_shape is {tuple(image_shape)}, but the recipe is configured for [{expected}]; "
            "resize the data or set `size`"
        )
    if config.load_size and config.load_size < config.size:
        raise ValueError(
            f"no window of {config.size} pixels can be cut from {config.load_size}; set load_size=0 for none"
        )
    if config.penalty not in penalties.NAMES:
        raise ValueError(f"unknown penalty {config.penalty!r}; choose one of {', '.join(penalties.NAMES)}")
    if config.noise not in NOISES:
        raise ValueError(f"unknown noise {config.noise!r}; choose one of {', '.join(NOISES)}")
    if config.n_critic < 1:
        raise ValueError(f"n_critic must be at least 1, not {config.n_critic}")
    if config.learning_rate_d < 0:
        raise ValueError(
            f"learning_rate_d must be positive, or 0 for that of the generator, not {config.learning_rate_d}"
        )
    if config.anneal < 0:
        raise ValueError(f"anneal must be a number of steps, or 0 for never, not {config.anneal}")
    if config.clip < 0:
        raise ValueError(f"clip must be positive, or 0 for no clipping, not {config.clip}")
    if config.penalty != "none" and config.norm == "batch":
        raise ValueError(
            f"the penalty {config.penalty!r} measures the slope at each sample, but batch normalization makes every "
            "logit depend on the whole batch; set norm='none' (Gulrajani et al. 2017, section 4)"
        )

"""The step that Pix2Pix, context encoder and SRGAN share: pictures made from pictures, compared with the true ones.

    D descends  loss.discriminator(D(y), D(G(x)))                                    on pairs (x, y)
    G descends  restoration * distance(G(x), y) + adversarial * loss.generator(D(G(x)))   on the same ones

A recipe of a paper derives from `Recipe`: it builds its two networks and says what D sees, what G has to make, and what
the distance is. G's fakes of a step serve both players, as in the papers' programs. D moves first.
Taught in {ref}`ch-paired-translation`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganedu import losses
from ganedu._wide import wide
from ganedu.data import kinds
from ganedu.recipes import adversarial
from ganedu.recipes.evaluated import evaluated

DISTANCES = ("l1", "l2")
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in a gray picture; ITU-R BT.601


@dataclass(frozen=True)
class Config:
    """What every recipe of pairs can be told; the recipes set their papers' values.

    size: pixels a side of the pictures to be made. flip: mirror pairs left to right at random. load_size: resize to
    this side first, then cut out a random window of `size`, the same of both pictures; 0 for none. learning_rate_d: of
    the discriminator, 0 for that of the generator. loss: a name in `ganedu.losses`. distance: "l1" for mean absolute,
    "l2" for mean squared differences, of pixels in [-1, 1]. restoration: weight of the distance. adversarial: weight of
    the discriminator's verdict, 0 for none: then no discriminator is trained.
    Taught in {ref}`ch-paired-translation`.
    """

    size: int = 256
    flip: bool = False
    load_size: int = 0
    batch_size: int = 1
    learning_rate: float = 2e-4
    learning_rate_d: float = 0.0
    optimizer: str = "adam"
    beta1: float = 0.5
    beta2: float = 0.999
    loss: str = "non_saturating"
    distance: str = "l1"
    restoration: float = 100.0
    adversarial: float = 1.0
    width: int = 64


class Recipe:
    """Two networks, their optimizers and the step that trains them on pairs.

    image_shape: (C, H, W) of the targets, H = W = config.size. input_shape: (C', H', W') of the inputs,
    `usual_input` if None. device: where the networks live. seed: of the weights.
    Raises ValueError for shapes that do not fit, unknown names, and weights that make no loss.
    Taught in {ref}`ch-paired-translation`.
    """

    name: str
    Config: type[Config]
    Batch = kinds.Pairs
    default_data: str
    default_steps = 1500
    n_real = 1
    sheet_rows = ("input", "made of it", "truth")
    translations = ((0, 1),)  # rows of a source and of what is made of it

    def __init__(self, config, *, image_shape, input_shape=None, device="cpu", seed: int = 0):
        self.config, self.image_shape, self.device = config, tuple(image_shape), torch.device(device)
        self.input_shape = tuple(input_shape or self.usual_input(self.image_shape))
        self.check()
        self.loss = losses.get(config.loss)
        with torch.random.fork_rng(devices=[]):  # drawn on the CPU, apart from everyone else's random numbers
            torch.default_generator.manual_seed(seed)
            generator, discriminator = self.build()
        self.networks: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
        rates = {"generator": config.learning_rate, "discriminator": config.learning_rate_d or config.learning_rate}
        self.optimizers = {
            player: adversarial.optimizer(config, network.to(self.device).parameters(), rates[player])
            for player, network in self.networks.items()
        }

    @staticmethod
    def usual_input(image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The shape of the inputs of the paper, for targets of this shape: the same."""
        return tuple(image_shape)

    @property
    def side_step(self) -> int | None:
        """What the sides of an input must be a multiple of; None if only the learned square will do."""
        return 1

    @property
    def enlarges(self) -> bool:
        """Whether what is made has more pixels than the input."""
        return self.input_shape[1] < self.image_shape[1]

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator, from inputs to what `wanted` of the targets is, and discriminator of `shown`, on the CPU."""
        raise NotImplementedError

    def wanted(self, targets: Tensor) -> Tensor:
        """What of the targets [B, C, H, W] the generator has to make: all."""
        return targets

    def shown(self, inputs: Tensor, made: Tensor) -> Tensor:
        """What the discriminator sees of a pair, true or made: what was made."""
        return made

    def finished(self, inputs: Tensor, made: Tensor) -> Tensor:
        """The whole picture [B, C, H, W] of what was made."""
        return made

    def draw(self, inputs: Tensor, random: torch.Generator) -> Tensor | None:
        """The generator's noise for these inputs; None if it has none."""
        return None

    def step(self, batch: kinds.Pairs, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration: the discriminator descends, then the generator, on the same pairs and fakes.

        batch: inputs and targets in [-1, 1]; random: generator on the recipe's device, source of the noise.
        Returns 0-d tensors, still on the device: loss_d, loss_g, d_real and d_fake (mean logits), and `distance`, the
        unweighted one. Without an adversarial weight, loss_g and distance alone.
        Raises ValueError for a batch of another shape.
        """
        kinds.require(batch, kinds.Pairs, self.name)
        inputs, targets = batch
        self._check_batch(inputs, targets)
        wanted = self.wanted(targets)
        made = self.make(inputs, self.draw(inputs, random))
        judged = self.discriminator_step(inputs, wanted, made.detach()) if self.plays else {}
        return judged | self.generator_step(inputs, wanted, made)

    @property
    def plays(self) -> bool:
        """Whether there is an adversary in this step."""
        return self.config.adversarial > 0

    def make(self, inputs: Tensor, noise: Tensor | None) -> Tensor:
        """The generator's output, for training."""
        network = self.networks["generator"]
        return network(inputs) if noise is None else network(inputs, noise)

    def discriminator_step(self, inputs: Tensor, wanted: Tensor, made: Tensor) -> dict[str, Tensor]:
        """The discriminator descends on true pairs and on detached made ones."""
        loss, scalars = self.discriminator_loss(inputs, wanted, made)
        adversarial.descend(self.optimizers["discriminator"], loss)
        return scalars

    def discriminator_loss(self, inputs: Tensor, wanted: Tensor, made: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator's scalar to descend, and its numbers to report; can be compiled as a whole."""
        real, fake = self._judge(inputs, wanted), self._judge(inputs, made)
        loss = self.loss.discriminator(real, fake)
        scalars = {"loss_d": loss, "d_real": real.mean(), "d_fake": fake.mean()}
        return loss, {name: value.detach() for name, value in scalars.items()}

    def generator_step(self, inputs: Tensor, wanted: Tensor, made: Tensor) -> dict[str, Tensor]:
        """The generator descends before a frozen discriminator."""
        self.networks["discriminator"].requires_grad_(False)
        loss, scalars = self.generator_loss(inputs, wanted, made)
        adversarial.descend(self.optimizers["generator"], loss)
        self.networks["discriminator"].requires_grad_(True)
        return scalars

    def generator_loss(self, inputs: Tensor, wanted: Tensor, made: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's scalar to descend, and its numbers to report; can be compiled as a whole."""
        distance = self.distance(wide(made), wide(wanted))
        loss = self.config.restoration * distance
        if self.plays:
            real = [self._judge(inputs, wanted)] if self.loss.relativistic else []
            loss = loss + self.config.adversarial * self.loss.generator(self._judge(inputs, made), *real)
        return loss, {"loss_g": loss.detach(), "distance": distance.detach()}

    def distance(self, made: Tensor, wanted: Tensor) -> Tensor:
        """How far what was made is from the truth: mean absolute or squared difference of the pixels."""
        apart = made - wanted
        return apart.abs().mean() if self.config.distance == "l1" else apart.square().mean()

    def translate(
        self, inputs: Tensor, *, generator: nn.Module | None = None, random: torch.Generator | None = None
    ) -> Tensor:
        """What `inputs` [n, C', H', W'] become: pictures [n, C, H, W] in [-1, 1].

        generator: an average of weights, say; the recipe's own if None. random: source of the noise, if the recipe has
        some; None for none. The network is put into evaluation mode for the call, nothing can be differentiated.
        Raises ValueError for images that the network refuses.
        """
        network = self.networks["generator"] if generator is None else generator
        noise = None if random is None else self.draw(inputs, random)
        made = evaluated(network, inputs) if noise is None else evaluated(network, inputs, noise)
        return self.finished(inputs, made)

    def sheet(self, examples: kinds.Pairs, random, *, n: int = 64, generator: nn.Module | None = None) -> Tensor:
        """Three rows of k images, [3 * k, C, H, W]: `sheet_rows`.

        examples: k pairs. Inputs get the size and the channels of the targets, by repeating pixels and channels.
        No noise is drawn: random and n are those of other recipes.
        """
        inputs, targets = examples
        return torch.cat([alike(inputs, self.image_shape), self.translate(inputs, generator=generator), targets])

    def learning_rate_factor(self, step: int, steps: int) -> float:
        """Factor of both learning rates at `step` of `steps`: 1."""
        return 1.0

    def extra_state(self) -> dict:
        """What a checkpoint needs besides networks and optimizers: nothing here."""
        return {}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""

    def check(self) -> None:
        """Raises ValueError for shapes and numbers that do not fit together."""
        c, size = self.config, self.config.size
        if len(self.image_shape) != 3 or self.image_shape[1:] != (size, size):
            raise ValueError(
                f"image_shape is {self.image_shape}, but the recipe is configured for [C, {size}, {size}]; "
                "resize the data or set `size`"
            )
        if len(self.input_shape) != 3:
            raise ValueError(f"input_shape is {self.input_shape}, (channels, height, width) expected")
        if c.load_size and c.load_size < size:
            raise ValueError(f"no window of {size} pixels can be cut from {c.load_size}; set load_size=0 for none")
        if c.distance not in DISTANCES:
            raise ValueError(f"unknown distance {c.distance!r}; choose one of {', '.join(DISTANCES)}")
        for name in ("restoration", "adversarial", "learning_rate_d"):
            if getattr(c, name) < 0:
                raise ValueError(f"{name} must not be negative, but is {getattr(c, name)}")
        if not c.restoration + c.adversarial:
            raise ValueError("restoration and adversarial are both 0, which leaves nothing to learn; raise one of them")

    def require_inputs(self, side: int, *, channels: int | None = None) -> None:
        """Raises ValueError for inputs of another side, or of other channels if these are given."""
        wanted = (channels or self.input_shape[0], side, side)
        if self.input_shape != wanted:
            raise ValueError(
                f"{self.name} makes pictures of {self.config.size} x {self.config.size} pixels from inputs of shape "
                f"{wanted}, but those are {self.input_shape}; choose data made for it, such as {self.default_data}"
            )

    def _judge(self, inputs: Tensor, made: Tensor) -> Tensor:
        """Logits, in float32 at least: mixed precision stops here."""
        return wide(self.networks["discriminator"](self.shown(inputs, made)))

    def _check_batch(self, inputs: Tensor, targets: Tensor) -> None:
        given, expected = (inputs.shape[1:], targets.shape[1:]), (self.input_shape, self.image_shape)
        if given != expected or len(inputs) != len(targets) or not len(inputs):
            raise ValueError(
                f"{self.name}: inputs {list(inputs.shape)} and targets {list(targets.shape)} given, "
                f"[B, {_row(self.input_shape)}] and [B, {_row(self.image_shape)}] expected"
            )


def alike(images: Tensor, image_shape: tuple[int, int, int]) -> Tensor:
    """Images [B, C', H', W'] with the channels and the size of others, (C, H, W), to be shown beside them.

    Pixels are repeated, or left out; gray becomes three equal channels, color its luma.
    Taught in {ref}`ch-paired-translation`.
    """
    channels, *size = image_shape
    if images.shape[1] != channels:
        luma = images.new_tensor(LUMA)[:, None, None]
        images = images.expand(-1, 3, -1, -1) if channels == 3 else (images * luma).sum(1, keepdim=True)
    return images if list(images.shape[2:]) == size else interpolate(images, size=size)


def _row(shape) -> str:
    return ", ".join(map(str, shape))

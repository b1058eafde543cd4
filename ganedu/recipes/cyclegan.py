"""CycleGAN: translation between two sets of images of which no two belong together.

G translates A to B, F translates B to A; D_A and D_B judge the images of their domain::

    G, F descend  (D_B(G(a)) - 1)^2 + (D_A(F(b)) - 1)^2
                  + lambda (|F(G(a)) - a| + |G(F(b)) - b|) + lambda identity (|G(b) - b| + |F(a) - a|)
    D_A descends  ((D_A(a) - 1)^2 + D_A(F(b))^2) / 2, with fakes from its history; D_B likewise

Every layer treats each image by itself, so what a network is shown in one step goes through it in as few batches as can
be: images to translate together with those to leave alone, real together with fake. The numbers stay the same.
Taught in {ref}`ch-cyclegan`; Zhu et al. 2017.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganedu import losses
from ganedu._wide import wide
from ganedu.data import kinds
from ganedu.networks import patchgan, translation
from ganedu.recipes.adversarial import descend
from ganedu.recipes.evaluated import evaluated
from ganedu.recipes.image_pool import ImagePool

DIRECTIONS = ("AtoB", "BtoA")


@dataclass(frozen=True)
class Config:
    """The paper's numbers (section 4 and appendix 7.1, 7.2); where it is silent, those of the authors' public code.

    size: pixels a side. load_size, flip: images are resized to load_size (0: not), cut to a random window of `size`
    and mirrored at random. width: channels of the first layer of every network. blocks: residual blocks of a generator,
    0 for the paper's choice, 6 up to 128 pixels and 9 above. halvings: convolutions of stride 2 in a discriminator; 3
    see patches of 70 pixels. lambda_cycle: weight of the cycle loss. identity: weight of the identity loss, as a share
    of lambda_cycle, 0 for none. pool: generated images that a discriminator remembers, 0 for none. Under several
    processes each remembers so many of its own; only with pool=0 a run is that of one process with the joint batch.
    Taught in {ref}`ch-cyclegan`; Zhu et al. 2017.
    """

    size: int = 256
    load_size: int = 286  # public code
    flip: bool = True  # public code
    batch_size: int = 1
    learning_rate: float = 2e-4
    beta1: float = 0.5  # public code
    beta2: float = 0.999
    width: int = 64
    blocks: int = 0
    halvings: int = 3
    lambda_cycle: float = 10.0
    identity: float = 0.5  # public code; the paper has it for paintings to photographs (section 5.2)
    pool: int = 50

    def small(self) -> "Config":
        """A miniature for two CPU cores: 32 x 32 images, narrow networks, patches of 34 pixels, a higher rate."""
        return replace(self, size=32, load_size=0, batch_size=4, learning_rate=2e-3, width=16, blocks=2, halvings=2)


class Recipe:
    """Two translators and two discriminators, trained together on unpaired images.

    image_shape: (C, H, W) of both domains, H = W = config.size. device: where the networks live. seed: of the weights.
    networks["generator"] holds both translators, networks["discriminator"] both judges; each pair has one optimizer.
    Raises ValueError for shapes and numbers that do not fit, see `check`.
    Taught in {ref}`ch-cyclegan`; Zhu et al. 2017.
    """

    name = "cyclegan"
    Config = Config
    Batch = kinds.Unpaired
    default_data = "shape-domains"
    default_steps = 500
    n_real = 1
    sheet_rows = ("A", "A as B", "and back", "B", "B as A", "and back")
    translations = ((0, 1), (3, 4))  # rows of a source and of what is made of it

    def __init__(self, config, *, image_shape: tuple[int, int, int], device="cpu", seed: int = 0):
        check(config, image_shape)
        self.config, self.image_shape, self.device = config, tuple(image_shape), torch.device(device)
        with torch.random.fork_rng(devices=[]):  # drawn on the CPU, apart from everyone else's random numbers
            torch.default_generator.manual_seed(seed)
            self.networks: dict[str, nn.Module] = self.build()
        betas = (config.beta1, config.beta2)
        self.optimizers = {
            players: torch.optim.Adam(
                pair.to(self.device).parameters(), lr=config.learning_rate, betas=betas, fused=True
            )
            for players, pair in self.networks.items()
        }
        self.pools = {domain: ImagePool(config.pool, self.image_shape, device=self.device) for domain in "AB"}

    def build(self) -> dict[str, nn.Module]:
        """Both translators and both discriminators, on the CPU."""
        c, channels = self.config, self.image_shape[0]
        blocks = c.blocks or (6 if c.size <= 128 else 9)
        return {
            "generator": translation.Translators(channels, width=c.width, blocks=blocks),
            "discriminator": patchgan.Discriminators(channels, width=c.width, halvings=c.halvings),
        }

    def step(self, batch: kinds.Unpaired, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration: the translators descend, then the discriminators, on fakes from their histories.

        batch: images of A and of B, each [B, C, H, W] in [-1, 1]; random: generator on the recipe's device.
        Returns 0-d tensors, still on the device: loss_g, loss_d, and, each summed over the directions and unweighted,
        adversarial, cycle and identity (where it has a weight); d_real and d_fake are means of both discriminators.
        Raises ValueError for a batch of another shape.
        """
        self._check_batch(batch)
        a, b = batch
        fake_a, fake_b, scalars = self.generator_step(a, b)
        fake_a, fake_b = self.pools["A"].exchange(fake_a, random), self.pools["B"].exchange(fake_b, random)
        return scalars | self.discriminator_step(a, b, fake_a, fake_b)

    def generator_step(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Both translators descend before frozen discriminators; returns fakes of A and B, detached, and numbers."""
        self.networks["discriminator"].requires_grad_(False)
        loss, fake_a, fake_b, scalars = self.generator_loss(a, b)
        descend(self.optimizers["generator"], loss)
        self.networks["discriminator"].requires_grad_(True)
        return fake_a.detach(), fake_b.detach(), scalars

    def generator_loss(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """The translators' scalar to descend, the fakes of A and B, and the numbers to report.

        A function of its arguments and the weights only, so that it can be compiled as a whole.
        """
        translate, terms = self.networks["generator"], {}
        if self.config.identity:
            to_b, to_a = translate(torch.cat([a, b]), torch.cat([b, a]))
            (fake_b, same_b), (fake_a, same_a) = to_b.chunk(2), to_a.chunk(2)
            terms["identity"] = _distance(same_a, a) + _distance(same_b, b)
        else:
            fake_b, fake_a = translate(a, b)
        back_b, back_a = translate(fake_a, fake_b)
        terms["cycle"] = _distance(back_a, a) + _distance(back_b, b)
        # Twice the loss of Mao et al.: Zhu et al. halve the discriminators' objective only.
        terms["adversarial"] = 2 * sum(losses.least_squares_generator(logits) for logits in self._judge(fake_a, fake_b))
        drift = terms["cycle"] + self.config.identity * terms.get("identity", 0)
        loss = terms["adversarial"] + self.config.lambda_cycle * drift
        return loss, fake_a, fake_b, {name: value.detach() for name, value in {"loss_g": loss, **terms}.items()}

    def discriminator_step(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor) -> dict[str, Tensor]:
        """Both discriminators descend on real and detached fake images of their domain."""
        loss, scalars = self.discriminator_loss(a, b, fake_a, fake_b)
        descend(self.optimizers["discriminator"], loss)
        return scalars

    def discriminator_loss(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor):
        """The discriminators' scalar to descend, and the numbers to report."""
        judged = self._judge(torch.cat([a, fake_a]), torch.cat([b, fake_b]))
        (real_a, fake_a), (real_b, fake_b) = (logits.chunk(2) for logits in judged)
        loss = losses.least_squares(real_a, fake_a) + losses.least_squares(real_b, fake_b)
        means = {"d_real": (real_a.mean() + real_b.mean()) / 2, "d_fake": (fake_a.mean() + fake_b.mean()) / 2}
        return loss, {name: value.detach() for name, value in {"loss_d": loss, **means}.items()}

    def translate(self, images: Tensor, direction: str, *, generator: nn.Module | None = None) -> Tensor:
        """What `images` [n, C, H, W] of one domain become in the other; H and W as the network takes them.

        direction: "AtoB" or "BtoA". generator: both translators (averages of weights, say), the recipe's own if None.
        The network is put into evaluation mode for the call, and nothing can be differentiated.
        Raises ValueError for another direction, and for images that the network refuses.
        """
        if direction not in DIRECTIONS:
            raise ValueError(f"unknown direction {direction!r}; choose one of {', '.join(DIRECTIONS)}")
        network = getattr(self.networks["generator"] if generator is None else generator, direction)
        return evaluated(network, images)

    def sheet(self, examples, random, *, n: int = 64, generator: nn.Module | None = None) -> Tensor:
        """Six rows of k images, [6 * k, C, H, W]: `sheet_rows`.

        examples: k images of A and of B. generator: as for `translate`. Nothing is drawn from noise: random and n are
        those of the recipes that do.
        """
        rows = []
        for real, there, back in zip(examples, DIRECTIONS, reversed(DIRECTIONS), strict=True):
            fake = self.translate(real, there, generator=generator)
            rows += [real, fake, self.translate(fake, back, generator=generator)]
        return torch.cat(rows)

    def learning_rate_factor(self, step: int, steps: int) -> float:
        """Factor of both learning rates at `step` of `steps`: 1 for the first half, then down to 0 in a line.

        The paper's 100 + 100 epochs, for runs of any length (appendix 7.1).
        """
        return min(1.0, 2 * (steps - step) / steps)

    @property
    def settled(self) -> bool:
        """Whether every further step does the same work, which a CUDA graph needs: the histories are full."""
        return all(pool.is_full for pool in self.pools.values())

    def extra_state(self) -> dict:
        """The generated images that the discriminators remember."""
        return {domain: pool.state_dict() for domain, pool in self.pools.items()}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""
        for domain, pool in self.pools.items():
            pool.load_state_dict(state[domain])

    def _judge(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of images of A and of B, each by its discriminator, in float32 at least."""
        of_a, of_b = self.networks["discriminator"](a, b)
        return wide(of_a), wide(of_b)

    def _check_batch(self, batch: kinds.Unpaired) -> None:
        kinds.require(batch, kinds.Unpaired, self.name)
        shapes = [tuple(images.shape) for images in batch]
        if shapes[0] != shapes[1] or shapes[0][1:] != self.image_shape or not shapes[0][0]:
            shape = ", ".join(map(str, self.image_shape))
            raise ValueError(
                f"cyclegan: batch of shapes {shapes} given, [B, {shape}] expected twice (images of A and of B)"
            )


def check(config: Config, image_shape: tuple[int, int, int]) -> None:
    """Raises ValueError for images of another size than the configuration's, and for numbers no network can have.

    Taught in {ref}`ch-cyclegan`.
    """
    size, smallest = config.size, max(translation.SMALLEST, patchgan.smallest_side(config.halvings))
    if len(image_shape) != 3 or tuple(image_shape[1:]) != (size, size):
        raise ValueError(
            f"image_shape is {tuple(image_shape)}, but the recipe is configured for [C, {size}, {size}]; "
            "resize the data or set `size`"
        )
    if size % translation.DIVISOR or size < smallest:
        raise ValueError(
            f"size must be a multiple of {translation.DIVISOR} and at least {smallest}, not {size}; change it, or "
            f"take fewer halvings than {config.halvings}"
        )
    if config.load_size and config.load_size < size:
        raise ValueError(f"no window of {size} pixels can be cut from {config.load_size}; set load_size=0 for none")
    if config.pool and config.pool < config.batch_size:
        raise ValueError(
            f"a pool of {config.pool} cannot hold a batch of {config.batch_size}; enlarge it, or 0 for none"
        )
    for name in ("lambda_cycle", "identity", "blocks", "pool"):
        if getattr(config, name) < 0:
            raise ValueError(f"{name} must not be negative, but is {getattr(config, name)}")


def _distance(images: Tensor, others: Tensor) -> Tensor:
    """Mean absolute difference, in float32 at least."""
    return (wide(images) - wide(others)).abs().mean()

"""Variational autoencoder: a decoder with a density, trained without a discriminator; for comparison with the GANs.

    z = mean(x) + std(x) * noise
    encoder and decoder descend  -ELBO = -log N(x; G(z), s^2) + KL(N(mean(x), std(x)^2) || N(0, 1))

The decoder is called "generator", as it is what samples: G(z) with z from N(0, 1), without the noise of the pixels.
Taught in {ref}`ch-generation`; Kingma and Welling 2014.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganedu._wide import wide
from ganedu.data import kinds
from ganedu.networks import autoencoder
from ganedu.recipes.evaluated import evaluated

ARCHITECTURES = ("dense", "conv")


@dataclass(frozen=True)
class Config:
    """The paper's numbers, for 28 x 28 gray images; `.conv()` takes DCGAN's networks.

    size: pixels a side. load_size, flip: as in `ganedu.recipes.adversarial`. architecture: one of ARCHITECTURES.
    units: of the hidden layer ("dense"); width: channels next to the image ("conv"). kl_weight: factor of the
    divergence; only 1 gives a bound of the likelihood.
    Departures: Adam, not Adagrad; no prior on the weights; pixels are normal with one learned width for all of them,
    where the paper has probabilities of bits for MNIST, and for faces a width that the decoder computes pixel by pixel.
    Taught in {ref}`ch-generation`; Kingma and Welling 2014, section 5.
    """

    size: int = 28
    flip: bool = False
    load_size: int = 0
    batch_size: int = 100
    latent_dim: int = 20
    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    architecture: str = "dense"
    units: int = 500
    width: int = 64
    kl_weight: float = 1.0

    def conv(self) -> "Config":
        """DCGAN's networks for images of 64 x 64 pixels."""
        return replace(self, size=64, architecture="conv", latent_dim=100)

    def small(self) -> "Config":
        """A miniature for two CPU cores: the networks of DCGAN's miniature, at 16 x 16 pixels."""
        return replace(self, size=16, architecture="conv", latent_dim=16, width=32, batch_size=64)


class Recipe:
    """A decoder ("generator"), an encoder, and the step that trains both.

    image_shape: (C, H, W) of the batches, H = W = config.size. device: where the networks live. seed: of the weights.
    Raises ValueError for a shape that contradicts the configuration, and for choices that are none.
    Taught in {ref}`ch-generation`; Kingma and Welling 2014.
    """

    name = "vae"
    Config = Config
    Batch = kinds.Images
    default_data = "digits"
    default_steps = 500
    n_real = 1

    def __init__(self, config, *, image_shape: tuple[int, int, int], device="cpu", seed: int = 0):
        _check(config, image_shape)
        self.config, self.image_shape, self.device = config, tuple(image_shape), torch.device(device)
        self.latent_dim = config.latent_dim
        with torch.random.fork_rng(devices=[]):  # drawn on the CPU, apart from everyone else's random numbers
            torch.default_generator.manual_seed(seed)
            decoder, encoder = self.build()
        self.networks: dict[str, nn.Module] = {"generator": decoder, "encoder": encoder}
        rate, betas = config.learning_rate, (config.beta1, config.beta2)
        self.optimizers = {
            name: torch.optim.Adam(network.to(self.device).parameters(), lr=rate, betas=betas, fused=True)
            for name, network in self.networks.items()
        }

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Decoder [B, latent_dim] -> [B, C, H, W] and encoder [B, C, H, W] -> two times [B, latent_dim], on the CPU."""
        c = self.config
        if c.architecture == "dense":
            return autoencoder.dense(c.latent_dim, self.image_shape, units=c.units)
        return autoencoder.convolutional(c.latent_dim, self.image_shape, width=c.width)

    def step(self, batch: kinds.Images, random: torch.Generator) -> dict[str, Tensor]:
        """One step of both networks down the same loss.

        batch: images [B, C, H, W] in [-1, 1]; random: generator on the recipe's device, source of the noise.
        Returns 0-d tensors, still on the device: loss, and in nats an image elbo, reconstruction (the logarithm of the
        density, without the divergence) and kl; std is the learned width of a pixel.
        Raises ValueError for a batch of another shape.
        """
        self._check_batch(batch)
        loss, scalars = self.loss(batch.images, self.noise(len(batch.images), random))
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers.values():
            optimizer.step()
        torch.clear_autocast_cache()  # it holds half-precision copies of weights that have just moved
        return scalars

    def loss(self, images: Tensor, noise: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to descend and the numbers to report; noise: [B, latent_dim] from N(0, 1).

        The loss is divided by the number of pixels, so that one learning rate does for all sizes.
        """
        mean, log_std = map(wide, self.networks["encoder"](images))
        decoder = self.networks["generator"]
        guess = decoder(mean + log_std.exp() * noise)
        reconstruction = log_normal(images, wide(guess), decoder.log_std).mean()
        kl = divergence(mean, log_std).mean()
        loss = (self.config.kl_weight * kl - reconstruction) / images[0].numel()
        scalars = {"loss": loss, "elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}
        scalars["std"] = decoder.log_std.exp()
        return loss, {name: value.detach() for name, value in scalars.items()}

    def reconstruct(self, images: Tensor) -> Tensor:
        """What the decoder makes of the mean code of images [n, C, H, W] in [-1, 1]."""
        mean, _ = evaluated(self.networks["encoder"], images)
        return evaluated(self.networks["generator"], mean)

    def sample(self, n: int, random: torch.Generator, *, generator: nn.Module | None = None) -> Tensor:
        """n images [n, C, H, W] in [-1, 1]: means of the decoder at codes from N(0, 1).

        generator: an average of weights, say; the recipe's own if None. It is put into evaluation mode for the call.
        """
        network = self.networks["generator"] if generator is None else generator
        return evaluated(network, self.noise(n, random))

    def sheet(self, examples, random: torch.Generator, *, n: int = 64, generator: nn.Module | None = None) -> Tensor:
        """Rows of 8 samples."""
        return self.sample(n, random, generator=generator)

    def noise(self, n: int, random: torch.Generator) -> Tensor:
        """Codes [n, latent_dim] from N(0, 1)."""
        return torch.randn(n, self.latent_dim, generator=random, device=self.device)

    def learning_rate_factor(self, step: int, steps: int) -> float:
        """Factor of the learning rates: always 1."""
        return 1.0

    def extra_state(self) -> dict:
        """What a checkpoint needs besides networks and optimizers: nothing."""
        return {}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""

    def _check_batch(self, batch) -> None:
        kinds.require(batch, kinds.Images, self.name)
        images = batch.images
        if images.ndim != 4 or tuple(images.shape[1:]) != self.image_shape or not len(images):
            shape = ", ".join(map(str, self.image_shape))
            raise ValueError(f"vae: batch of shape {tuple(images.shape)} given, [B, {shape}] expected")


def log_normal(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """log N(x; mean, std^2) of images [B, ...], summed over their pixels, in nats, [B].

    Taught in {ref}`ch-generation`; Kingma and Welling 2014, appendix C.2.
    """
    each = -((x - mean) / log_std.exp()).square() / 2 - log_std - math.log(2 * math.pi) / 2
    return each.flatten(1).sum(1)


def divergence(mean: Tensor, log_std: Tensor) -> Tensor:
    """KL(N(mean, std^2) || N(0, 1)) of codes [B, latent_dim], in nats, [B].

    Taught in {ref}`ch-generation`; Kingma and Welling 2014, appendix B.
    """
    return ((mean.square() + (2 * log_std).exp() - 1) / 2 - log_std).sum(1)


def _check(config: Config, image_shape: tuple[int, int, int]) -> None:
    if len(image_shape) != 3 or tuple(image_shape[1:]) != (config.size, config.size):
        raise ValueError(
            f"image_shape is {tuple(image_shape)}, but the recipe is configured for [C, {config.size}, {config.size}]; "
            "resize the data or set `size`"
        )
    if config.load_size and config.load_size < config.size:
        raise ValueError(
            f"no window of {config.size} pixels can be cut from {config.load_size}; set load_size=0 for none"
        )
    if config.architecture not in ARCHITECTURES:
        raise ValueError(f"vae: unknown architecture {config.architecture!r}; choose one of {', '.join(ARCHITECTURES)}")
    if config.kl_weight < 0:
        raise ValueError(f"vae: kl_weight must not be negative, but is {config.kl_weight}")

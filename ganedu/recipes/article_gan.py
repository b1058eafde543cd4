"""The convolutional GAN that article 004 lists in its section 3.2, and its two repairs.

Taught in {ref}`ch-convolutions`.
"""

from dataclasses import dataclass, replace

import torch
from torch import nn

from ganedu.networks import article
from ganedu.recipes import adversarial


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The article's networks (section 3.2) and optimizer (section 9.2: Adam, beta1 = 0.5, rates 1e-4 to 1e-3).

    upsampling: "k5" as printed, "k4" whose stamps overlap evenly, "resize" which repeats pixels. width: channels next
    to the image. Batch size and steps for each player, on which the article leaves a choice, are those of DCGAN.
    Taught in {ref}`ch-convolutions`.
    """

    width: int = 64
    upsampling: str = "k5"

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images, a quarter of the channels, a higher learning rate."""
        return replace(self, size=16, batch_size=64, latent_dim=32, width=16, learning_rate=1e-3)


class Recipe(adversarial.Recipe):
    """The article's pair, with any loss and penalty of the package.

    Its dropout draws from torch's default generator, which is seeded here and whose state is part of a checkpoint.
    Taught in {ref}`ch-convolutions`.
    """

    name = "article-gan"
    Config = Config

    def __init__(self, config, *, image_shape: tuple[int, int, int], device="cpu", seed: int = 0):
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)
        torch.manual_seed(seed)

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.article`."""
        c, channels = self.config, self.image_shape[0]
        return (
            article.Generator(c.latent_dim, channels, size=c.size, width=c.width, upsampling=c.upsampling),
            article.Discriminator(channels, size=c.size, width=c.width, norm=c.norm),
        )

    def extra_state(self) -> dict:
        """State of the generator from which dropout draws on this device."""
        return {"dropout": torch.cuda.get_rng_state(self.device) if self._on_gpu else torch.get_rng_state()}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`; dropout goes on where it was."""
        set_state = (lambda s: torch.cuda.set_rng_state(s, self.device)) if self._on_gpu else torch.set_rng_state
        set_state(state["dropout"].cpu())

    @property
    def _on_gpu(self) -> bool:
        return self.device.type == "cuda"

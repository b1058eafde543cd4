"""Pix2Pix: one picture into another, learned from pairs, judged patch by patch beside what it was made from.

    D descends  -log D(x, y) - log(1 - D(x, G(x, z)))
    G descends  -log D(x, G(x, z)) + 100 |G(x, z) - y|

Taught in {ref}`ch-paired-translation`; Isola et al. 2017.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganedu.networks import patchgan, unet
from ganedu.recipes import paired


@dataclass(frozen=True)
class Config(paired.Config):
    """The paper's numbers (section 3.3 and appendix 6.2), and where it is silent those of the authors' program.

    halvings: convolutions of stride 2 in the discriminator; 3 see patches of 70 pixels. dropout: whether half of the
    numbers behind the first layers up are switched off at random, the only noise there is.
    Departures: every map is normalized by itself also in batches of several images (the paper's batches of 1 and 4 use
    the statistics of the batch, when it draws as well). `translate` draws no noise unless it is given a source; the
    paper always does. The paper halves the discriminator's loss, which Adam does not feel.
    Taught in {ref}`ch-paired-translation`; Isola et al. 2017.
    """

    size: int = 256
    load_size: int = 286  # appendix 6.2, random jitter
    flip: bool = True
    batch_size: int = 1  # 1 to 10 in the paper, by the experiment
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    distance: str = "l1"
    restoration: float = 100.0
    halvings: int = 3
    dropout: bool = True

    def small(self) -> "Config":
        """A miniature for two CPU cores: 32 x 32 images, narrow networks, patches of 34 pixels, and a fifth of the L1.

        Learning rates are five times the paper's. The weight of the L1 is made for pictures of which the input says
        nearly everything; of an outline whose color nobody can know, it keeps pictures gray for some hundred steps.
        """
        return replace(
            self, size=32, load_size=0, batch_size=16, width=16, halvings=2, learning_rate=1e-3, restoration=20.0
        )


class Recipe(paired.Recipe):
    """A U-Net, and a discriminator of patches that sees the input beside the picture.

    Taught in {ref}`ch-paired-translation`; Isola et al. 2017.
    """

    name = "pix2pix"
    Config = Config
    default_data = "edges:factors"

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator of `ganedu.networks.unet`, discriminator of `ganedu.networks.patchgan`."""
        c, inputs, outputs = self.config, self.input_shape[0], self.image_shape[0]
        generator = unet.Generator(inputs, outputs, size=c.size, width=c.width)
        self.noise_size = generator.noise_size
        return generator, patchgan.Discriminator(inputs + outputs, width=c.width, halvings=c.halvings, affine=True)

    @property
    def side_step(self) -> int:
        """The U has one pixel in the middle for every `size` of them."""
        return self.config.size

    def shown(self, inputs: Tensor, made: Tensor) -> Tensor:
        """The input and the picture, one behind the other as channels."""
        return torch.cat([inputs, made], dim=1)

    def draw(self, inputs: Tensor, random: torch.Generator) -> Tensor | None:
        """Which numbers dropout switches off (0) and which it doubles (2)."""
        if not self.config.dropout:
            return None
        kept = torch.rand(len(inputs), self.noise_size, generator=random, device=self.device) >= unet.DROPOUT
        return kept.to(inputs.dtype) / (1 - unet.DROPOUT)

    def check(self) -> None:
        """Raises ValueError for shapes and numbers that do not fit together."""
        super().check()
        self.require_inputs(self.config.size)
        smallest = patchgan.smallest_side(self.config.halvings)
        if self.config.size < smallest:
            raise ValueError(f"size must be at least {smallest} for {self.config.halvings} halvings; take fewer")

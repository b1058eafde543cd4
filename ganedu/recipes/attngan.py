"""AttnGAN: the pixels of the second stage read the words, and a matcher says whether picture and caption fit.

Taught in {ref}`ch-text-to-image`; Xu et al. 2018.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganedu.data import kinds
from ganedu.networks import attngan, stackgan
from ganedu.networks.stackgan import Drawn
from ganedu.recipes import adversarial, captioned
from ganedu.recipes.adversarial import descend


@dataclass(frozen=True)
class Config(captioned.Config):
    """The numbers of the authors' public program, for two of its three stages.

    width_m: channels of the matcher's first layer. match_weight: of its loss, in that of the generator. Under several
    processes it compares all images of the joint batch with all captions, in each of them. Departures: two
    stages, where the paper has three (64, 128 and 256 pixels); the matcher learns beside the players, on real pairs
    only, and its image encoder is small, where the paper trains it before, on top of Inception v3; captions are read by
    each network's own encoder, where the paper has the matcher's, frozen; ReLU in place of gated linear units; up to 32
    words, there 18. The program counts real pairs 1/2 and the other three kinds 1/3 each, with and without caption;
    here every sum of losses is weighed as in `captioned`.
    Taught in {ref}`ch-text-to-image`; Xu et al. 2018.
    """

    size: int = 128
    batch_size: int = 20
    learning_rate: float = 2e-4
    width: int = 32
    width_d: int = 64
    sentence: int = 256
    code: int = 100
    encoder: str = "gru"
    blocks: int = 2
    width_m: int = 64
    match_weight: float = 5.0
    alone: bool = True

    def small(self) -> "Config":
        """A miniature for two CPU cores: sketches of 16 x 16 and pictures of 32 x 32 pixels, bags of words."""
        sizes = {"size": 32, "first": 16, "batch_size": 32, "width": 16, "width_d": 24, "width_m": 24, "blocks": 1}
        codes = {"latent_dim": 16, "sentence": 32, "code": 16, "encoder": "bag"}
        rates = {"learning_rate": 1e-3, "learning_rate_d": 5e-4}
        return replace(self, **sizes, **codes, **rates, kl_weight=0.01, match_weight=1.0)


class Recipe(captioned.Recipe):
    """A generator that attends to words, two discriminators, and the matcher, which nobody plays against.

    Taught in {ref}`ch-text-to-image`; Xu et al. 2018.
    """

    name = "attngan"
    Config = Config
    default_steps = 600

    def __init__(self, config, **options):
        super().__init__(config, **options)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(options.get("seed", 0) + 1)
            options = {"size": config.size, "width": config.width_m, "sentence": config.sentence}
            channels = self.image_shape[0]
            matcher = attngan.Matcher(len(self.words), channels, encoder=config.encoder, **options).to(self.device)
        self.networks["matcher"] = matcher
        self.optimizers["matcher"] = adversarial.optimizer(config, matcher.parameters(), config.learning_rate)

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator of `ganedu.networks.attngan` and discriminators of `ganedu.networks.stackgan`."""
        c = self.config
        self.sides = (c.first, c.size)
        names = ("first", "size", "width", "latent_dim", "sentence", "code", "encoder", "blocks", "longest", "remember")
        options = {name: getattr(c, name) for name in names}
        return attngan.Generator(len(self.words), self.image_shape[0], **options), self.judges(stackgan.Judge)

    def step(self, batch: kinds.Described, random: torch.Generator) -> dict[str, Tensor]:
        """As for `captioned.Recipe`, then the matcher learns from the real pairs; its loss is `match`."""
        scalars = super().step(batch, random)
        return scalars | self.matcher_step(*batch)

    def matcher_step(self, images: Tensor, tokens: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """The matcher descends on real images and their captions."""
        loss = self.networks["matcher"](images, tokens, lengths)
        descend(self.optimizers["matcher"], loss)
        return {"match": loss.detach()}

    def generator_step(self, real: Tensor, drawn: Drawn, tokens: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """As for `captioned.Recipe`, before a frozen matcher, too."""
        self.networks["matcher"].requires_grad_(False)
        scalars = super().generator_step(real, drawn, tokens, lengths)
        self.networks["matcher"].requires_grad_(True)
        return scalars

    def generator_loss(self, real: Tensor, drawn: Drawn, tokens: Tensor, lengths: Tensor):
        """As for `captioned.Recipe`, and the matcher's loss of the largest pictures, `match_fake`."""
        loss, scalars = super().generator_loss(real, drawn, tokens, lengths)
        match = self.networks["matcher"](drawn.images[-1], tokens, lengths)
        loss = loss + self.config.match_weight * match
        return loss, scalars | {"loss_g": loss.detach(), "match_fake": match.detach()}

"""What StackGAN and AttnGAN share: a game about pairs of image and caption, at one or more sizes at once.

The discriminators see three kinds of pairs. In the middle one the image is real and the caption another image's::

    D descends  loss(D(real, its caption), D(fake, its caption)) / 2 + loss(D(real, its caption), D(real, another)) / 2
    G descends  loss(D(fake, its caption)) + kl_weight * KL(code of the caption || standard normal)

Each term is summed over the sizes. Captions of the batch, moved on by one sample, serve as the others: of the captions
of `ganedu.data.captions` one in 300 fits all the same.
Taught in {ref}`ch-text-to-image`; Reed et al. 2016, algorithm 1; Zhang et al. 2017.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganedu import _joint
from ganedu._wide import wide
from ganedu.data import captions, kinds
from ganedu.networks.stackgan import Drawn, shrink
from ganedu.networks.text import check_captions, kl_to_standard
from ganedu.recipes import adversarial
from ganedu.recipes.adversarial import descend
from ganedu.recipes.evaluated import evaluated


@dataclass(frozen=True)
class Config(adversarial.Config):
    """What both recipes can be told besides.

    first: pixels a side of the smallest images. width, width_d: channels of a generator and a discriminator, next to
    the largest image. sentence: features of a sentence; code: of the noisy code that is made of it. encoder: "bag" or
    "gru", see `ganedu.networks.text`. blocks: residual blocks of a stage. longest: words of a caption at most.
    remember: captions that the generator keeps, to sample from when it is given none. kl_weight: of the divergence,
    summed over the code. matching: whether the discriminators see real images with captions of others. alone: whether
    they also judge images without a caption. Under several processes a run is that of one with the joint batch:
    captions of others come from all of it.
    Taught in {ref}`ch-text-to-image`.
    """

    size: int = 256
    first: int = 64
    width: int = 96
    width_d: int = 96
    sentence: int = 1024
    code: int = 128
    encoder: str = "bag"
    blocks: int = 4
    longest: int = 32
    remember: int = 1024
    kl_weight: float = 1.0
    matching: bool = True
    alone: bool = False


class Recipe(adversarial.Recipe):
    """A generator of pictures from captions, a discriminator for each size, and the step that trains them.

    words: the vocabulary, number 0 is "". networks["discriminator"] is a list of `ganedu.networks.stackgan.Judge`.
    Raises ValueError for a shape, words or choices that do not fit.
    Taught in {ref}`ch-text-to-image`.
    """

    Batch = kinds.Described
    default_data = "factors"
    sides: tuple[int, ...]  # of the images that it makes, small to large

    def __init__(self, config, *, words: tuple[str, ...], **options):
        check(config, words)
        self.words = tuple(words)
        super().__init__(config, **options)
        self.latent_dim = self.networks["generator"].noise_dim

    def step(self, batch: kinds.Described, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration: the discriminators descend, then the generator, before the same noise and captions.

        batch: images [B, C, H, W] in [-1, 1] with captions, B at least 2; random: generator on the recipe's device.
        Returns 0-d tensors, still on the device: loss_d, loss_g, d_real, d_fake and d_wrong (mean logits of the largest
        size), and kl, in nats.
        Raises ValueError for a batch of another shape.
        """
        self._check_batch(batch)
        images, tokens, lengths = batch
        check_captions(tokens, lengths)
        if len(images) < 2 or tokens.shape[1] > self.config.longest:
            raise ValueError(
                f"{self.name}: {len(images)} images with captions of {tokens.shape[1]} words given; at least 2 images "
                f"and at most {self.config.longest} words expected"
            )
        self.networks["generator"].captions.add(_joint.cat(tokens), _joint.cat(lengths))
        drawn = self.networks["generator"](self.noise(len(images), random), tokens, lengths)
        fakes = [fake.detach() for fake in drawn.images]
        scalars = self.discriminator_step(images, fakes, tokens, lengths)
        return scalars | self.generator_step(images, drawn, tokens, lengths)

    def discriminator_step(self, real: Tensor, fakes: list[Tensor], tokens: Tensor, lengths: Tensor):
        """All discriminators descend, on real images, detached fakes and the captions of both."""
        loss, scalars = self.discriminator_loss(real, fakes, tokens, lengths)
        descend(self.optimizers["discriminator"], loss)
        return scalars

    def discriminator_loss(self, real: Tensor, fakes: list[Tensor], tokens: Tensor, lengths: Tensor):
        """The discriminators' scalar to descend, and the numbers to report.

        A function of its arguments and the weights only, so that it can be compiled as a whole.
        """
        total, others = 0.0, self.others(tokens, lengths)
        for judge, fake in zip(self.networks["discriminator"], fakes, strict=True):
            of_real, of_fake = judge.look(shrink(real, fake.shape[-1])), judge.look(fake)
            right, fooled = (wide(judge.match(seen, tokens, lengths)) for seen in (of_real, of_fake))
            loss, scalars = self.loss.discriminator(right, fooled), {"d_real": right.mean(), "d_fake": fooled.mean()}
            if self.config.matching:
                wrong = wide(judge.match(of_real, *others))
                loss = (loss + self.loss.discriminator(right, wrong)) / 2
                scalars["d_wrong"] = wrong.mean()
            if self.config.alone:
                loss = loss + self.loss.discriminator(wide(judge.judge(of_real)), wide(judge.judge(of_fake)))
            total = total + loss
        return total, {name: value.detach() for name, value in {"loss_d": total, **scalars}.items()}

    def others(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Wrong captions for real images, tokens [B, T] and lengths [B]: each has that of the image before it."""
        return _joint.previous(tokens), _joint.previous(lengths)

    def generator_step(self, real: Tensor, drawn: Drawn, tokens: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """The generator descends on what it drew, before frozen discriminators."""
        self.networks["discriminator"].requires_grad_(False)
        loss, scalars = self.generator_loss(real, drawn, tokens, lengths)
        descend(self.optimizers["generator"], loss)
        self.networks["discriminator"].requires_grad_(True)
        return scalars

    def generator_loss(self, real: Tensor, drawn: Drawn, tokens: Tensor, lengths: Tensor):
        """The generator's scalar to descend, and the numbers to report; real images are not looked at."""
        kl = kl_to_standard(wide(drawn.mu), wide(drawn.log_variance)).mean()
        loss = self.config.kl_weight * kl
        for judge, fake in zip(self.networks["discriminator"], drawn.images, strict=True):
            seen = judge.look(fake)
            loss = loss + self.loss.generator(wide(judge.match(seen, tokens, lengths)))
            if self.config.alone:
                loss = loss + self.loss.generator(wide(judge.judge(seen)))
        return loss, {"loss_g": loss.detach(), "kl": kl.detach()}

    def encode(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Tokens [n, T] and lengths [n] of captions, on the recipe's device.

        Raises ValueError for an unknown word, naming those most like it, and for a caption that is too long.
        """
        tokens, lengths = captions.encode_all(texts, self.words)
        if tokens.shape[1] > self.config.longest:
            raise ValueError(f"a caption of {tokens.shape[1]} words given, at most {self.config.longest} expected")
        return tokens.to(self.device), lengths.to(self.device)

    def draw_all(self, n: int, random: torch.Generator, *, generator=None, tokens=None, lengths=None) -> Drawn:
        """The images of all sizes for n captions, and what else the generator tells; see `sample`."""
        network = self.networks["generator"] if generator is None else generator
        if (tokens is None) != (lengths is None) or (tokens is not None and len(tokens) != n):
            raise ValueError(f"tokens [{n}, T] and lengths [{n}] expected together; make them with `encode`")
        if tokens is None:
            tokens, lengths = network.captions.draw(n, random)
        return evaluated(network, self.noise(n, random), tokens, lengths)

    def sample(self, n: int, random: torch.Generator, *, generator=None, tokens=None, lengths=None) -> Tensor:
        """n images [n, C, H, W] in [-1, 1], one for each caption.

        tokens, lengths: [n, T] and [n], as `encode` gives them; if None, captions are drawn among the last that the
        generator was trained on. generator: see `ganedu.recipes.adversarial.Recipe.sample`.
        Raises ValueError for one without the other, and for another number of captions.
        """
        return self.draw_all(n, random, generator=generator, tokens=tokens, lengths=lengths).images[-1]

    def sheet(self, examples: kinds.Described, random: torch.Generator, *, n: int = 64, generator=None) -> Tensor:
        """Rows of 8 images, n in all: real ones, sketches of their captions, enlarged, then pictures of the same.

        examples: 8 samples. Each column has one caption.
        """
        images, tokens, lengths = examples
        rows = max(n // len(images) - 2, 1)
        again = {"tokens": tokens.repeat(rows, 1), "lengths": lengths.repeat(rows)}
        drawn = self.draw_all(rows * len(images), random, generator=generator, **again)
        sketches = F.interpolate(drawn.images[0][: len(images)], size=images.shape[-1])
        return torch.cat([images, sketches, drawn.images[-1]])

    def judges(self, make) -> nn.ModuleList:
        """A discriminator for each size; make: a class like `ganedu.networks.stackgan.Judge`."""
        c, channels = self.config, self.image_shape[0]
        options = {"width": c.width_d, "sentence": c.sentence, "code": c.code, "encoder": c.encoder}
        return nn.ModuleList(
            make(len(self.words), channels, size=side, norm=c.norm, alone=c.alone, **options) for side in self.sides
        )


def check(config: Config, words: tuple[str, ...]) -> None:
    """Raises ValueError for a vocabulary without "" in front, and for choices that have no place in this game.

    Taught in {ref}`ch-text-to-image`.
    """
    if len(words) < 2 or words[0] or len(set(words)) < len(words):
        raise ValueError('words must be a vocabulary: "" in front, then different words, at least one')
    if config.size < config.first or config.size % config.first:
        raise ValueError(f"size must be a multiple of first, {config.first}, not {config.size}")
    if config.penalty != "none" or config.clip or config.n_critic != 1:
        raise ValueError("this game has no penalty, no clipping and one discriminator step; leave these options alone")
    if config.flip:
        raise ValueError("a mirrored image may contradict its caption ('at the left'); set flip=False")
    for name in ("kl_weight", "blocks", "remember"):
        if getattr(config, name) < (name == "remember"):
            raise ValueError(f"{name} is too small: {getattr(config, name)}")

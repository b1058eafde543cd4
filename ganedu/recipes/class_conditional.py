"""The step of the two-player game in which both players are told the class, of real images and of fakes alike.

What passes between the players are images with labels, `ganedu.data.kinds.Labeled`; everything else is as in
`ganedu.recipes.adversarial`.
Taught in {ref}`ch-conditional`; Mirza and Osindero 2014.
"""

import torch
from torch import Tensor

from ganedu._wide import wide
from ganedu.data import kinds
from ganedu.recipes import adversarial


class Recipe(adversarial.Recipe):
    """A generator [B, latent_dim], [B] -> [B, C, H, W] and a discriminator [B, C, H, W], [B] -> [B].

    classes: names of the classes; the recipes that derive from this one set it, and say what `fakes` are.
    Taught in {ref}`ch-conditional`; Mirza and Osindero 2014.
    """

    Batch = kinds.Labeled
    classes: tuple[str, ...]

    def step(self, batch: kinds.Labeled, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration: n_critic steps of the discriminator and one of the generator, which keeps the last fakes.

        batch: images [n_real * B, C, H, W] in [-1, 1] with labels [n_real * B]; random: generator on the recipe's
        device, source of classes and noise.
        Returns what `adversarial.Recipe.step` does. Raises ValueError for a batch of another shape.
        """
        self._check_batch(batch)
        *earlier, real = kinds.split(batch, self.n_real)
        for other in earlier:
            with torch.no_grad():
                fake = self.fakes(other, random)
            self.discriminator_step(other, fake, random)
        fake = self.fakes(real, random)
        detached = fake._replace(images=fake.images.detach())
        return self.discriminator_step(real, detached, random) | self.generator_step(real, fake)

    def fakes(self, real: kinds.Labeled, random: torch.Generator) -> kinds.Labeled:
        """As many generated images as real ones, which still depend on G, each with the class D is told."""
        raise NotImplementedError

    def draw_labels(self, n: int, random: torch.Generator) -> Tensor:
        """Classes [n], all equally probable."""
        return torch.randint(len(self.classes), (n,), generator=random, device=self.device)

    def _judge(self, pairs: kinds.Labeled) -> Tensor:
        """The discriminator's outputs [B] of images with labels, in float32 at least."""
        return wide(self.networks["discriminator"](*pairs))

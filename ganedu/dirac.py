"""The Dirac-GAN: the smallest game that has what makes GAN training hard.

The data sit at 0, the generator puts all its mass at theta, the discriminator has the logit psi x; a state is
(theta, psi). Losses and penalties are those of the package, on batches of one sample: nothing is written twice.
Taught in {ref}`ch-game-dynamics`; Mescheder, Geiger and Nowozin 2018, section 2.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from ganedu import losses, penalties
from ganedu.games import Game

NODES = 40  # of the Gauss-Hermite rule for each sample's noise


def dirac(loss: str = "minimax", *, penalty: str = "none", weight: float = 0.0, noise: float = 0.0) -> Game:
    """The Dirac-GAN with a loss of `ganedu.losses.NAMES` and a penalty of `ganedu.penalties.NAMES`.

    weight: factor of the penalty in the discriminator's loss: gamma for R1 and R2, whose penalty is psi^2 / 2, and
    lambda for the gradient penalty (|psi| - 1)^2.
    noise: standard deviation of instance noise, added to both kinds of samples and averaged over by quadrature.
    Raises ValueError for unknown names, or noise below 0.
    Taught in {ref}`ch-game-dynamics`; Mescheder, Geiger and Nowozin 2018, definition 2.1 (whose psi is our -psi).
    """
    objective = losses.get(loss)
    _slope(penalty, torch.ones(2, dtype=torch.float64))  # an unknown name is refused at once
    expect = _expectation(noise)

    def generator(w: Tensor) -> Tensor:
        def one(real, shift):
            fake = w[1] * (w[0] + shift)
            return objective.generator(fake, w[1] * real) if objective.relativistic else objective.generator(fake)

        return expect(one)

    def discriminator(w: Tensor) -> Tensor:
        value = expect(lambda real, shift: objective.discriminator(w[1] * real, w[1] * (w[0] + shift)))
        return value + weight * _slope(penalty, w) if weight else value

    return Game(generator, discriminator)


def _slope(penalty: str, w: Tensor) -> Tensor:
    """The penalty on the critic psi x; its slope is the same everywhere, so any random numbers will do."""
    real, drawn = w.new_zeros(1, 1), w.new_full((1, 1), 0.5)
    return penalties.term(penalty, lambda x: (w[1] * x).flatten(), real, real + w[0].detach(), drawn)


def _expectation(std: float) -> Callable:
    """The mean of one(real, shift), both [1], over independent noise on the real and on the fake sample."""
    if not std >= 0:
        raise ValueError(f"noise is a standard deviation, so it cannot be {std}; 0 is none")
    if std == 0:
        return lambda one: one(*torch.zeros(2, 1, dtype=torch.float64))
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    nodes, weights = torch.from_numpy(std * nodes), torch.from_numpy(weights / weights.sum())
    pairs, product = torch.cartesian_prod(nodes, nodes)[..., None], torch.outer(weights, weights).flatten()
    return lambda one: vmap(one)(pairs[:, 0], pairs[:, 1]) @ product

"""Objectives of the two players, on logits, each to be minimized by its player.

`get("non_saturating").discriminator(real_logits, fake_logits)` and `.generator(fake_logits)` are scalars, means over
the batch. A logit a means D = sigmoid(a), and its losses are in nats; a critic's output is used as it is. Where
`get(name).relativistic` is true, the generator is compared with real samples: `.generator(fake_logits, real_logits)`.
Taught in {ref}`ch-generator-loss`.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus


class Loss(NamedTuple):
    """The pair of objectives that makes a game.

    relativistic: the generator's objective takes (fake_logits, real_logits) instead of the fake logits alone.
    Taught in {ref}`ch-generator-loss`.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    relativistic: bool = False


def cross_entropy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Discriminator loss -E log D(x) - E log(1 - D(G(z))) = -V, from logits of any shape.

    softplus(-a) = -log sigmoid(a) and softplus(a) = -log(1 - sigmoid(a)), finite for every float.
    Taught in {ref}`ch-value-function`; Goodfellow et al. 2014, eq. 1.
    """
    _require_logits(real_logits, fake_logits)
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def saturating(fake_logits: Tensor) -> Tensor:
    """Generator loss E log(1 - D(G(z))) of the minimax game; its slope in the logit is -D.

    Taught in {ref}`ch-generator-loss`; Goodfellow et al. 2014, eq. 1.
    """
    _require_logits(fake_logits)
    return -softplus(fake_logits).mean()


def non_saturating(fake_logits: Tensor) -> Tensor:
    """Generator loss -E log D(G(z)); its slope in the logit is -(1 - D).

    Taught in {ref}`ch-generator-loss`; Goodfellow et al. 2014, section 3.
    """
    _require_logits(fake_logits)
    return softplus(-fake_logits).mean()


def critic(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Critic loss -E f(x) + E f(G(z)), for a critic f that something else keeps bounded or Lipschitz.

    Taught in {ref}`ch-value-function`; Arjovsky et al. 2017, eq. 2.
    """
    _require_samples(real_scores, fake_scores)
    return fake_scores.mean() - real_scores.mean()


def critic_generator(fake_scores: Tensor) -> Tensor:
    """Generator loss -E f(G(z)) against a critic f.

    Taught in {ref}`ch-value-function`; Arjovsky et al. 2017.
    """
    _require_samples(fake_scores)
    return -fake_scores.mean()


def least_squares(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Discriminator loss E (f(x) - 1)^2 / 2 + E f(G(z))^2 / 2: regression on the targets 1 (real) and 0 (fake).

    Taught in {ref}`ch-cyclegan`; Mao et al. 2017, eq. 2 with a = 0, b = 1.
    """
    _require_samples(real_scores, fake_scores)
    return ((real_scores - 1).square().mean() + fake_scores.square().mean()) / 2


def least_squares_generator(fake_scores: Tensor) -> Tensor:
    """Generator loss E (f(G(z)) - 1)^2 / 2; beyond the target 1 it pulls back.

    Taught in {ref}`ch-cyclegan`; Mao et al. 2017, eq. 2 with c = 1.
    """
    _require_samples(fake_scores)
    return (fake_scores - 1).square().mean() / 2


def hinge(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Discriminator loss E max(0, 1 - f(x)) + E max(0, 1 + f(G(z))): samples beyond the margin count no more.

    The generator's loss is `critic_generator`.
    Taught in {ref}`ch-wgan-gp`; Lim and Ye 2017, Miyato et al. 2018.
    """
    _require_logits(real_logits, fake_logits)
    return relu(1 - real_logits).mean() + relu(1 + fake_logits).mean()


def relativistic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Discriminator loss -E log sigmoid(a(x) - a(G(z))): each real sample should look more real than its fake.

    real_logits, fake_logits: one shape; entry i of one is paired with entry i of the other.
    Raises ValueError for batches of different shapes.
    Taught in {ref}`ch-today`; Jolicoeur-Martineau 2019, relativistic standard GAN.
    """
    _require_logits(real_logits, fake_logits)
    _require_pairs(real_logits, fake_logits)
    return softplus(fake_logits - real_logits).mean()


def relativistic_generator(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """Generator loss -E log sigmoid(a(G(z)) - a(x)), the discriminator's with the roles exchanged.

    Raises ValueError for batches of different shapes.
    Taught in {ref}`ch-today`; Jolicoeur-Martineau 2019, relativistic standard GAN.
    """
    return relativistic(fake_logits, real_logits)


_LOSSES = {
    "minimax": Loss(cross_entropy, saturating),
    "non_saturating": Loss(cross_entropy, non_saturating),
    "wasserstein": Loss(critic, critic_generator),
    "least_squares": Loss(least_squares, least_squares_generator),
    "hinge": Loss(hinge, critic_generator),
    "relativistic": Loss(relativistic, relativistic_generator, relativistic=True),
}
NAMES = tuple(_LOSSES)


def get(name: str) -> Loss:
    """The pair of objectives called `name`, one of NAMES.

    Raises ValueError, listing the names, for any other.
    Taught in {ref}`ch-generator-loss`.
    """
    if name not in _LOSSES:
        raise ValueError(f"unknown loss {name!r}; choose one of {', '.join(NAMES)}")
    return _LOSSES[name]


def _require_logits(*batches: Tensor) -> None:
    _require_samples(*batches)
    if torch.compiler.is_compiling():  # a compiler's trace has no autograd graph to look at
        return
    for logits in batches:
        if logits.grad_fn is not None and logits.grad_fn.name() in ("SigmoidBackward0", "SoftmaxBackward0"):
            raise ValueError(
                "a probability was given where a logit is expected: the loss applies the sigmoid itself, "
                "so pass the discriminator's output before its sigmoid"
            )


def _require_samples(*batches: Tensor) -> None:
    if any(batch.numel() == 0 for batch in batches):
        raise ValueError("an empty batch has no loss")


def _require_pairs(real_logits: Tensor, fake_logits: Tensor) -> None:
    if real_logits.shape != fake_logits.shape:
        raise ValueError(
            f"a relativistic loss pairs real and fake samples, but their logits have the shapes "
            f"{tuple(real_logits.shape)} and {tuple(fake_logits.shape)}; draw as many fakes as there are real samples"
        )

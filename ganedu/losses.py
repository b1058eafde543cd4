"""Objectives of the two players, on logits, each to be minimized by its player.

`get("non_saturating").discriminator(real_logits, fake_logits)` and `.generator(fake_logits)` are scalars in nats,
means over the batch. A logit a means D = sigmoid(a); a critic's output is used as it is.
Taught in {ref}`ch-generator-loss`.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import softplus


class Loss(NamedTuple):
    """The pair of objectives that makes a game.

    Taught in {ref}`ch-generator-loss`.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


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


_LOSSES = {
    "minimax": Loss(cross_entropy, saturating),
    "non_saturating": Loss(cross_entropy, non_saturating),
    "wasserstein": Loss(critic, critic_generator),
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
    for logits in batches:
        if logits.grad_fn is not None and logits.grad_fn.name() in ("SigmoidBackward0", "SoftmaxBackward0"):
            raise ValueError(
                "a probability was given where a logit is expected: the loss applies the sigmoid itself, "
                "so pass the discriminator's output before its sigmoid"
            )


def _require_samples(*batches: Tensor) -> None:
    if any(batch.numel() == 0 for batch in batches):
        raise ValueError("an empty batch has no loss")

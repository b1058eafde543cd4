"""Penalties on the slope of a critic, and weight clipping, which they replaced; a penalty on a generator's weights.

`gradient_penalty(critic, real, fake)` and its relatives are scalars, unweighted means over the batch, to be added to
the critic's loss before its ONE backward pass. A critic maps [B, ...] to [B], each sample by itself: batch
normalization would let every logit depend on the whole batch, and the slope of a sample would mean nothing.

Each reads like its equation. What eight plain lines with `torch.autograd.grad` would not do, `input_gradient` adds: it
compiles as a whole, stays in float32 under autocast, and spares a third of the work (`ganedu._flat_pieces`).
Taught in {ref}`ch-gradient-penalty`.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from ganedu._flat_pieces import FlatPieces
from ganedu._wide import wide

NAMES = ("none", "gradient_penalty", "r1", "r2", "r1_r2", "dragan")


def gradient_penalty(critic, real: Tensor, fake: Tensor, *, target: float = 1.0, mix: Tensor | None = None) -> Tensor:
    """Two-sided gradient penalty of WGAN-GP, E (||grad f(x_hat)|| - target)^2.

    critic: maps [B, ...] to [B]; real, fake: [B, ...], fake detached from the generator.
    mix: [B, 1, ...] weights of `real` in [0, 1], one a sample, drawn uniformly if None.
    Raises ValueError for batches of different shapes, or weights that are not one a sample.
    Taught in {ref}`ch-gradient-penalty`; Gulrajani et al. 2017, eq. 3.
    """
    mix = uniform_mix(real) if mix is None else mix
    _require_match(real, fake, mix)
    x_hat = mix * real + (1 - mix) * fake
    slope = input_gradient(critic, x_hat).flatten(1).norm(dim=1)  # [B]
    return (slope - target).square().mean()


def r1(critic, real: Tensor) -> Tensor:
    """Zero-centered penalty on real samples, E ||grad f(x)||^2 / 2.

    critic: maps [B, ...] to [B]; real: [B, ...].
    Taught in {ref}`ch-gradient-penalty`; Mescheder et al. 2018, eq. 9 without its weight gamma.
    """
    return input_gradient(critic, real).flatten(1).square().sum(1).mean() / 2


def r2(critic, fake: Tensor) -> Tensor:
    """Zero-centered penalty on generated samples, E ||grad f(G(z))||^2 / 2.

    critic: maps [B, ...] to [B]; fake: [B, ...], detached from the generator.
    Taught in {ref}`ch-gradient-penalty`; Mescheder et al. 2018, eq. 10 without its weight gamma.
    """
    return r1(critic, fake)


def r1_r2(critic, real: Tensor, fake: Tensor) -> Tensor:
    """R1 and R2 together, (E ||grad f(x)||^2 + E ||grad f(G(z))||^2) / 2, in one pass through the critic.

    critic: maps [B, ...] to [B]; real, fake: [B, ...], fake detached from the generator.
    Raises ValueError for batches of different shapes.
    Taught in {ref}`ch-today`; Huang et al. 2024, section 2, without the weight gamma.
    """
    if real.shape != fake.shape:
        raise ValueError(f"real {tuple(real.shape)} and fake {tuple(fake.shape)} count alike: give equal shapes")
    return 2 * r1(critic, torch.cat([real, fake]))  # twice the mean over 2 B samples


def dragan(critic, real: Tensor, *, target: float = 1.0, noise: Tensor | None = None) -> Tensor:
    """Slope penalty around the data, E (||grad f(x + noise)|| - target)^2.

    noise: shaped like real [B, ...], drawn from N(0, s^2) with s half the standard deviation of `real` if None.
    Raises ValueError for noise of another shape.
    Taught in {ref}`ch-gradient-penalty`; Kodali et al. 2017.
    """
    noise = normal_noise(real) if noise is None else noise
    if noise.shape != real.shape:
        raise ValueError(f"noise of shape {tuple(noise.shape)} cannot be added to samples {tuple(real.shape)}")
    slope = input_gradient(critic, real + noise).flatten(1).norm(dim=1)  # [B]
    return (slope - target).square().mean()


def path_lengths(synthesis: Callable[[Tensor], Tensor], styles: Tensor, direction: Tensor) -> Tensor:
    """How far images move for a small step of the styles, |J' y| / sqrt(H W) with the Jacobian J: [B].

    synthesis: maps styles [B, layers, dim] to images [B, C, H, W], each sample by itself; direction: y, shaped like the
    images, from N(0, 1). The square is a mean over the layers, as in the public code. A generator is penalized for the
    spread of its lengths about their running mean. Differentiable in the weights of the synthesis and of the styles.
    Taught in {ref}`ch-stylegan`; Karras et al. 2020, eq. 4.
    """
    styles = styles if styles.requires_grad else styles.detach().requires_grad_()
    with FlatPieces():
        images = synthesis(styles)
    (slopes,) = torch.autograd.grad((images * direction).sum(), styles, create_graph=True)
    return (slopes.square().sum(2).mean(1) / images[0, 0].numel()).sqrt()


def input_gradient(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Gradient of each sample's score in that sample, shaped like x [B, ...]; differentiable in x and the weights.

    In float32 at least, since squares of half precision overflow. A module's buffers are copied, so that running
    statistics and power iterations stay as they are. Within autocast the critic runs in float32 here: half precision
    moves units across the kink of a leaky ReLU, and the gradient jumps there. It does not depend on the biases of a
    piecewise linear critic, which get no gradient from it (None, not zeros).
    Raises ValueError for an empty batch.
    Taught in {ref}`ch-gradient-penalty`.
    """
    if not len(x):
        raise ValueError("an empty batch has no penalty")

    def total(batch: Tensor) -> Tensor:
        if not isinstance(critic, nn.Module):
            return critic(batch).sum()
        state = dict(critic.named_parameters()) | {name: b.clone() for name, b in critic.named_buffers()}
        return functional_call(critic, state, (batch,)).sum()  # samples are independent: d sum / d x_i = d f(x_i)

    if torch.is_autocast_enabled(x.device.type):
        x = wide(x)
    with torch.autocast(x.device.type, enabled=False), FlatPieces():
        return wide(grad(total)(x))


def clip_weights(critic: nn.Module, limit: float) -> None:
    """Put every weight of the critic back into [-limit, limit], in place: after each of its steps.

    Raises ValueError for a limit that is not positive.
    Taught in {ref}`ch-wasserstein`; Arjovsky et al. 2017, algorithm 1.
    """
    if not limit > 0:
        raise ValueError(f"weights are clipped to [-limit, limit] with limit > 0, not {limit}")
    with torch.no_grad():
        for weight in critic.parameters():
            weight.clamp_(-limit, limit)


def orthogonality(weight: Tensor) -> Tensor:
    """How far the rows w_i of a weight are from being orthogonal, the sum over i != j of <w_i, w_j>^2.

    weight: [outputs, ...], read as a matrix with one row an output, as in the authors' code; the paper prints columns.
    Rows of any length cost nothing. No more rows can be orthogonal than a row has entries.
    Taught in {ref}`ch-biggan`; Brock et al. 2019, equation 3 without its weight beta.
    """
    rows = weight.flatten(1)
    products = rows @ rows.T
    return (products - products.diag().diag()).square().sum()


def uniform_mix(real: Tensor, random: torch.Generator | None = None) -> Tensor:
    """One weight in [0, 1] for each sample: [B, 1, ...] with as many dimensions as `real`.

    Taught in {ref}`ch-gradient-penalty`.
    """
    shape = (len(real), *[1] * (real.ndim - 1))
    return torch.rand(shape, generator=random, dtype=real.dtype, device=real.device)


def normal_noise(real: Tensor, random: torch.Generator | None = None) -> Tensor:
    """Gaussian noise shaped like `real`, half as wide as the values of `real`.

    Taught in {ref}`ch-gradient-penalty`.
    """
    return real.std() / 2 * torch.randn(real.shape, generator=random, dtype=real.dtype, device=real.device)


def draw(name: str, real: Tensor, random: torch.Generator | None) -> Tensor | None:
    """The random numbers [B, ...] of the penalty called `name`, on the device of `real`; None if it needs none.

    Apart from the penalty itself, so that a training step can name the generator of every draw and compile the rest.
    Raises ValueError for a name that is not one of NAMES.
    Taught in {ref}`ch-gradient-penalty`.
    """
    match _known(name):
        case "gradient_penalty":
            return uniform_mix(real, random)
        case "dragan":
            return normal_noise(real, random)
    return None


def term(name: str, critic, real: Tensor, fake: Tensor, drawn: Tensor | None) -> Tensor:
    """The penalty called `name`, a scalar, with the random numbers that `draw` gave; "none" is zero.

    Raises ValueError for a name that is not one of NAMES.
    Taught in {ref}`ch-gradient-penalty`.
    """
    match _known(name):
        case "gradient_penalty":
            return gradient_penalty(critic, real, fake, mix=drawn)
        case "r1":
            return r1(critic, real)
        case "r2":
            return r2(critic, fake)
        case "r1_r2":
            return r1_r2(critic, real, fake)
        case "dragan":
            return dragan(critic, real, noise=drawn)
    return real.new_zeros(())


def _known(name: str) -> str:
    if name not in NAMES:
        raise ValueError(f"unknown penalty {name!r}; choose one of {', '.join(NAMES)}")
    return name


def _require_match(real: Tensor, fake: Tensor, mix: Tensor) -> None:
    if real.shape != fake.shape:
        raise ValueError(
            f"real {tuple(real.shape)} and fake {tuple(fake.shape)} are mixed one to one: give equal shapes"
        )
    if mix.shape != (len(real), *[1] * (real.ndim - 1)):
        raise ValueError(
            f"mix of shape {tuple(mix.shape)} for samples {tuple(real.shape)}: [B, 1, ...] expected; "
            "one weight a sample, since one for the whole batch would visit far fewer points"
        )

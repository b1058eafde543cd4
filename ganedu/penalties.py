"""Penalties on the slope of a critic, and weight clipping, which they replaced.

`gradient_penalty(critic, real, fake)` and its relatives are scalars, unweighted means over the batch, to be added to
the critic's loss before its ONE backward pass. All go through `input_gradient`, whose result can be differentiated
again, in eager mode and within `torch.compile`, and which autocast leaves in float32. A critic maps [B, ...] to [B],
each sample by itself: batch normalization would let every logit depend on the whole batch, and the slope of a sample
would mean nothing.
Taught in {ref}`ch-gradient-penalty`.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class Penalty(NamedTuple):
    """A penalty apart from its randomness, so that a training step can name the generator of every draw.

    draw(real, random): random numbers [B, ...] on the device of `real`, None for a penalty that needs none.
    term(critic, real, fake, drawn): the scalar.
    Taught in {ref}`ch-gradient-penalty`.
    """

    draw: Callable[[Tensor, torch.Generator | None], Tensor | None]
    term: Callable[..., Tensor]


def input_gradient(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Gradient of each sample's score in that sample, shaped like x [B, ...]; differentiable in x and the weights.

    A module's buffers are copied, so that running statistics and power iterations stay as they are. Within autocast the
    critic runs in float32 here, on x in float32 at least: half precision moves units across the kink of a leaky ReLU,
    and the gradient jumps there. It does not depend on the biases of a piecewise linear critic, which get no gradient
    from it (None, not zeros).
    Taught in {ref}`ch-gradient-penalty`.
    """

    def total(batch: Tensor) -> Tensor:
        if not isinstance(critic, nn.Module):
            return critic(batch).sum()
        state = dict(critic.named_parameters()) | {name: b.clone() for name, b in critic.named_buffers()}
        return functional_call(critic, state, (batch,)).sum()  # samples are independent: d sum / d x_i = d f(x_i)

    if torch.is_autocast_enabled(x.device.type):
        x = _at_least_float32(x)
    with torch.autocast(x.device.type, enabled=False), _FlatPieces():
        return grad(total)(x)


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
    slope = _squared_slope(critic, x_hat).clamp_min(_TINY).sqrt()  # [B]
    return (slope - target).square().mean()


def r1(critic, real: Tensor) -> Tensor:
    """Zero-centered penalty on real samples, E ||grad f(x)||^2 / 2.

    critic: maps [B, ...] to [B]; real: [B, ...].
    Taught in {ref}`ch-gradient-penalty`; Mescheder et al. 2018, eq. 9 without its weight gamma.
    """
    return _squared_slope(critic, real).mean() / 2


def r2(critic, fake: Tensor) -> Tensor:
    """Zero-centered penalty on generated samples, E ||grad f(G(z))||^2 / 2.

    critic: maps [B, ...] to [B]; fake: [B, ...], detached from the generator.
    Taught in {ref}`ch-gradient-penalty`; Mescheder et al. 2018, eq. 10 without its weight gamma.
    """
    return r1(critic, fake)


def dragan(critic, real: Tensor, *, target: float = 1.0, noise: Tensor | None = None) -> Tensor:
    """Slope penalty around the data, E (||grad f(x + noise)|| - target)^2.

    noise: shaped like real [B, ...], drawn from N(0, s^2) with s half the standard deviation of `real` if None.
    Raises ValueError for noise of another shape.
    Taught in {ref}`ch-gradient-penalty`; Kodali et al. 2017.
    """
    noise = normal_noise(real) if noise is None else noise
    if noise.shape != real.shape:
        raise ValueError(f"noise of shape {tuple(noise.shape)} cannot be added to samples {tuple(real.shape)}")
    slope = _squared_slope(critic, real + noise).clamp_min(_TINY).sqrt()  # [B]
    return (slope - target).square().mean()


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


class _FlatPieces(TorchFunctionMode):
    """Writes piecewise linear operations such that their second derivative is absent, not a tensor of zeros.

    PyTorch's own have zeros there, which a second backward pass would carry through the whole critic, convolution by
    convolution, to add nothing: a third of the penalty's work. Values and derivatives stay the same.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is F.relu:
            return _kink(*args, 0.0, **kwargs)
        if function is F.leaky_relu:
            return _kink(*args, **kwargs)
        if function is F.avg_pool2d and args[1:] == _HALVING and not (args[0].shape[-2] % 2 or args[0].shape[-1] % 2):
            even, odd = args[0][..., ::2, :], args[0][..., 1::2, :]
            return (even[..., ::2] + even[..., 1::2] + odd[..., ::2] + odd[..., 1::2]) / 4
        return function(*args, **kwargs)


def _kink(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    factor = torch.where(x > 0, x.new_ones(()), x.new_full((), negative_slope))
    return x.mul_(factor) if inplace else x * factor


_HALVING = (2, 2, 0, False, True, None)  # how `nn.AvgPool2d(2)` calls it
_TINY = torch.finfo(torch.float32).tiny  # sqrt has an infinite slope at 0: below _TINY the norm counts as constant
_PENALTIES = {
    "none": Penalty(lambda real, random: None, lambda critic, real, fake, drawn: real.new_zeros(())),
    "gradient_penalty": Penalty(
        uniform_mix, lambda critic, real, fake, mix: gradient_penalty(critic, real, fake, mix=mix)
    ),
    "r1": Penalty(lambda real, random: None, lambda critic, real, fake, drawn: r1(critic, real)),
    "r2": Penalty(lambda real, random: None, lambda critic, real, fake, drawn: r2(critic, fake)),
    "dragan": Penalty(normal_noise, lambda critic, real, fake, noise: dragan(critic, real, noise=noise)),
}
NAMES = tuple(_PENALTIES)


def get(name: str) -> Penalty:
    """The penalty called `name`, one of NAMES; "none" is zero.

    Raises ValueError, listing the names, for any other.
    Taught in {ref}`ch-gradient-penalty`.
    """
    if name not in _PENALTIES:
        raise ValueError(f"unknown penalty {name!r}; choose one of {', '.join(NAMES)}")
    return _PENALTIES[name]


def _squared_slope(critic, x: Tensor) -> Tensor:
    """||grad f(x_i)||^2 for each sample, [B], in float32 at least: half precision would overflow and round."""
    if not len(x):
        raise ValueError("an empty batch has no penalty")
    gradient = _at_least_float32(input_gradient(critic, x))
    with torch.autocast(x.device.type, enabled=False):
        return gradient.flatten(1).square().sum(1)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


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

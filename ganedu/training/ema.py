"""The averaged generator: an exponential moving average of the weights, which samples better than the last weights.

Taught in {ref}`training`.
"""

import copy

import torch
from torch import nn


def decay_at(step: int, decay: float) -> float:
    """Decay after `step` updates, min(decay, (1 + step) / (10 + step)): early weights are soon forgotten.

    With a constant 0.999 a run of 300 steps would keep three quarters of its random initial weights.
    Taught in {ref}`training`; the warm-up is that of TensorFlow's ExponentialMovingAverage.
    """
    return min(decay, (1 + step) / (10 + step))


class Average:
    """Exponential moving average of a network: `network` holds it, in eval mode and without gradients.

    Parameters are averaged; buffers (running statistics, which are averages already) are copied.
    Taught in {ref}`training`.
    """

    def __init__(self, network: nn.Module, *, decay: float):
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the average toward the weights that `network` has after step `step` (1 is the first).

        Taught in {ref}`training`.
        """
        mine, theirs = list(self.network.parameters()), [p.detach() for p in network.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - decay_at(step, self.decay))
        for buffer, source in zip(self.network.buffers(), network.buffers(), strict=True):
            buffer.copy_(source)

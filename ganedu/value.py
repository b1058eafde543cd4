"""The value of the game between a generator and a discriminator, and the discriminator that maximizes it.

Taught in {ref}`ch-value-function` and {ref}`ch-optimal-discriminator`; Goodfellow et al. 2014, section 4.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ganedu.densities import Grid, check_normalized


def value(logits: Tensor, log_p: Tensor, log_q: Tensor, grid: Grid) -> Tensor:
    """V(D, G) = E_p[log D] + E_q[log(1 - D)] by quadrature, with D = sigmoid(logits).

    logits, log_p, log_q: [n] at the nodes of the grid. Returns a scalar, in nats.
    Raises ValueError for NaN, or densities that do not integrate to 1.
    Taught in {ref}`ch-value-function`.
    """
    if logits.isnan().any():
        raise ValueError(f"the logits are NaN at {int(logits.isnan().sum())} of {logits.numel()} nodes")
    check_normalized(log_p, grid, name="p")
    check_normalized(log_q, grid, name="q")
    return grid.expect(log_p, logsigmoid(logits)) + grid.expect(log_q, logsigmoid(-logits))


def optimal_logit(log_p: Tensor, log_q: Tensor, prior: float = 0.5) -> Tensor:
    """Logit of the optimal discriminator, log p - log q + log(prior / (1 - prior)).

    log_p, log_q: log densities of real and generated samples, one shape; prior: probability of a real sample.
    NaN where both densities are 0: there every discriminator is optimal.
    Taught in {ref}`ch-optimal-discriminator`.
    """
    if not 0 < prior < 1:
        raise ValueError(f"the prior is the probability of a real sample, strictly between 0 and 1, not {prior}")
    if log_p.shape != log_q.shape:
        raise ValueError(f"log_p has shape {tuple(log_p.shape)}, log_q {tuple(log_q.shape)}")
    return log_p - log_q + math.log(prior / (1 - prior))


def optimal_discriminator(log_p: Tensor, log_q: Tensor, prior: float = 0.5) -> Tensor:
    """D*(x) = prior p / (prior p + (1 - prior) q), in [0, 1]; NaN where both densities are 0.

    Taught in {ref}`ch-optimal-discriminator`; Goodfellow et al. 2014, proposition 1.
    """
    return torch.sigmoid(optimal_logit(log_p, log_q, prior))

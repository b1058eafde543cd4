"""The score of a generator under a classifier: how much a sample tells about its class.

Taught in {ref}`ch-evaluation`; Salimans et al. 2016.
"""

import torch
from torch import Tensor

from ganedu.metrics._checked import finite


def classifier_score(probabilities: Tensor) -> Tensor:
    """exp E[KL(p(y | x) || p(y))] of generated samples, between 1 and the number of classes; a float64 scalar.

    Its logarithm is the mutual information of sample and class in nats, with p(y) the mean over the samples. It never
    looks at real data. It is called Inception score only for the probabilities of Inception-v3 on ImageNet.
    probabilities: [n, K], a row for each sample, summing to 1 within 1e-4 and normalized exactly here.
    Raises ValueError for other shapes, NaN, negative entries, or rows that do not sum to 1: take the softmax first.
    Taught in {ref}`ch-evaluation`; Salimans et al. 2016.
    """
    if probabilities.ndim != 2 or probabilities.numel() == 0:
        raise ValueError(f"probabilities have shape {tuple(probabilities.shape)}, [samples, classes] expected")
    p = finite("probabilities", probabilities)
    sums = p.sum(1, keepdim=True)
    if p.min() < 0 or (sums - 1).abs().max() > 1e-4:
        raise ValueError(
            f"probabilities range over [{p.min():.3g}, {p.max():.3g}] with rows that sum to {sums.min():.3g} up to "
            f"{sums.max():.3g}; apply softmax to logits first"
        )
    p = p / sums
    information = _entropy(p.mean(0)) - _entropy(p).mean()
    return information.clamp_min(0).exp()  # rounding may leave -1e-16


def _entropy(p: Tensor) -> Tensor:
    return torch.special.entr(p).sum(-1)

"""Networks of recipes as they are used when they do not learn.

Taught in {ref}`ch-dcgan`.
"""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def evaluated(network: nn.Module, *inputs):
    """What a network makes of `inputs` in evaluation mode; nothing can be differentiated.

    Afterwards it is in the mode in which it was, also if it refused the inputs.
    Taught in {ref}`ch-dcgan`.
    """
    was_training = network.training
    try:
        with torch.no_grad():
            return network.eval()(*inputs)
    finally:
        network.train(was_training)


def with_standing_statistics(network: nn.Module, batches: Iterable[tuple[Tensor, ...]]) -> nn.Module:
    """A copy in evaluation mode whose batch norms have the mean statistics of `batches`, not those of training.

    batches: of the network's inputs, a tuple each, at least one. Batch norms see them as in training, all other layers
    as in evaluation. For inputs of another law than in training, truncated noise above all.
    Taught in {ref}`ch-responsible-use`; the "standing statistics" of Brock et al. 2019.
    """
    network = copy.deepcopy(network).eval()
    norms = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train().reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    with torch.no_grad():
        for inputs in batches:
            network(*inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()

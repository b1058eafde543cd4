"""Networks of recipes as they are used when they do not learn.

Taught in {ref}`ch-dcgan`.
"""

import torch
from torch import nn


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

"""Spectral normalization: every weight of a network divided by its largest singular value.

Taught in {ref}`ch-spectral-normalization`; Miyato et al. 2018, section 2.1.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize as unit
from torch.nn.utils.parametrize import register_parametrization

LAYERS = (nn.Linear, nn.Conv2d)
WARM_UP = 15  # steps of power iteration before the first use, as many as PyTorch's own


class SpectralNorm(nn.Module):
    """W to W / sigma(W), where sigma = u' W v is followed by one step of power iteration a forward pass in training.

    The weight of a convolution counts as the matrix [outputs, inputs * height * width], as in the paper: its singular
    value 1 bounds the convolution itself by the square root of the number of patches that a pixel belongs to.
    u [outputs] and v [the rest] are buffers, hence part of every checkpoint; the gradient takes them as constants.
    The same as `torch.nn.utils.parametrizations.spectral_norm`, but in float32 under autocast too, which would round
    the very number that all weights are divided by.
    Taught in {ref}`ch-spectral-normalization`; Miyato et al. 2018, algorithm 1.
    """

    def __init__(self, weight: Tensor):
        super().__init__()
        matrix = weight.detach().flatten(1)
        self.register_buffer("u", unit(torch.randn_like(matrix[:, 0]), dim=0))
        self.register_buffer("v", unit(torch.randn_like(matrix[0]), dim=0))
        for _ in range(WARM_UP):
            self._iterate(matrix)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            if self.training:
                self._iterate(matrix.detach())
            u, v = self.u.clone(), self.v.clone()  # the next pass moves the buffers before this one is differentiated
            return weight / torch.dot(u, torch.mv(matrix, v))

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        self.u.copy_(unit(torch.mv(matrix, self.v), dim=0))
        self.v.copy_(unit(torch.mv(matrix.T, self.u), dim=0))


def normalize(network: nn.Module) -> nn.Module:
    """Put spectral normalization on all linear maps and convolutions of a network, in place; returns it.

    Call it after the weights are initialized: the vectors of the power iteration start from them.
    Taught in {ref}`ch-spectral-normalization`; Miyato et al. 2018, section 2.1.
    """
    for layer in [module for module in network.modules() if isinstance(module, LAYERS)]:
        register_parametrization(layer, "weight", SpectralNorm(layer.weight))
    return network

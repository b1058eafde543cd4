"""Batch normalization over the joint batch of several processes.

Each process of a run sees its part of the batch. With statistics of that part alone, four processes would train other
networks than one process with the same joint batch, and the worse the smaller the parts are.
Taught in {ref}`training`.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules import batchnorm

from ganedu._joint import table
from ganedu._wide import wide


# torch.nn.SyncBatchNorm runs on GPUs only. This one runs everywhere, so that what is tested on CPUs is what trains on
# GPUs; it pays with a few elementwise kernels that are not fused.
class SyncBatchNorm(batchnorm._BatchNorm):
    """BatchNorm1d, 2d or 3d, with mean and variance of the batches of all processes together.

    input: [B, C, ...] with the same B in every process, all of which must call it in training mode at the same point.
    In eval mode nothing is sent. Same parameters, buffers and state_dict as the classes it replaces.
    Taught in {ref}`training`; Ioffe and Szegedy 2015, algorithm 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = wide(input)
        variance, mean = torch.var_mean(x, [0, *range(2, x.ndim)], correction=0)
        mean, variance = _joint(mean, variance)
        if self.track_running_stats:
            self._track(mean.detach(), variance.detach(), x.numel() // x.shape[1] * dist.get_world_size())
        shape = (-1, *[1] * (x.ndim - 2))  # of a number a channel, beside [B, C, ...]
        scale = (variance + self.eps).rsqrt()
        normal = (x - mean.view(shape)) * scale.view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        self.num_batches_tracked.add_(1)
        momentum = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_((variance * (count / (count - 1))).to(self.running_var.dtype), momentum)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions: the network that holds the layer has checked its input."""


def synchronize(network: nn.Module) -> None:
    """Make every BatchNorm layer of a network a SyncBatchNorm, in place.

    Only the class of a layer changes: its tensors stay the very objects that an optimizer holds.
    Taught in {ref}`training`.
    """
    for module in network.modules():
        if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
            module.__class__ = SyncBatchNorm


@torch.compiler.disable  # the compiler cannot look into a message that has a gradient
def _joint(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance [C] of the union of equally large batches, from those of mine; one message each way.

    The means are kept apart until all are known: a mean of squares minus a squared mean would cancel.
    """
    means, variances = table(torch.stack([mean, variance])).unbind(1)
    joint = means.mean(0)
    return joint, variances.mean(0) + (means - joint).square().mean(0)

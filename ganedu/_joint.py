"""Numbers of the joint batch, where a loss needs them: each process of a run has a part of the samples.

A mean of samples needs nothing: the processes' gradients are averaged, see `ganedu.training.distributed`. A square of a
mean, or a comparison of all samples with each other, is another number of a part than of the whole. Then every process
takes the loss of the whole, in which its own samples have a gradient. In a run of one process nothing happens here.
All processes must call at the same point, with the same shapes.
"""

import torch
import torch.distributed as dist
from torch import Tensor


def processes() -> int:
    """How many share the batch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over the processes."""
    return _mean(value) if processes() > 1 else value


def cat(mine: Tensor) -> Tensor:
    """The samples [B, ...] of all processes, one part after the other, [processes * B, ...]."""
    return _cat(mine) if processes() > 1 else mine


def previous(mine: Tensor) -> Tensor:
    """For each of the samples [B, ...] the one before it in the joint batch; for the first one, the last."""
    rolled = cat(mine).roll(1, 0)
    return rolled.chunk(processes())[dist.get_rank()] if processes() > 1 else rolled


class Sum(torch.autograd.Function):
    """The sum over all processes; the losses of all of them depend on my term, so their gradients are summed too.

    As in torch.distributed.nn, which PyTorch is about to drop.
    """

    @staticmethod
    def forward(ctx, term: Tensor) -> Tensor:
        total = term.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return Sum.apply(gradient)


def table(mine: Tensor) -> Tensor:
    """The tensors of all processes, [processes, ...]."""
    rows = mine.new_zeros(dist.get_world_size(), *mine.shape)
    rows[dist.get_rank()] = mine
    return Sum.apply(rows)


@torch.compiler.disable  # the compiler cannot look into a message that has a gradient
def _mean(value: Tensor) -> Tensor:
    return Sum.apply(value) / processes()


@torch.compiler.disable
def _cat(mine: Tensor) -> Tensor:
    return table(mine).flatten(0, 1)

"""Several processes as one run, under torchrun: who I am, equal weights, averaged gradients, agreed decisions.

Gradients are averaged by a hook just before an optimizer steps. That is the arithmetic of DistributedDataParallel, but
it cannot miss a gradient that came by a second backward or by `torch.func`, as penalties have it; the networks stay
what they are. NVIDIA's StyleGAN3 does the same.
Taught in {ref}`training`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from ganedu.training.errors import TrainingError

TIMEOUT = timedelta(minutes=10)  # a process that is slow, not one that is dead: that is noticed at once


@dataclass(frozen=True)
class World:
    """The processes of a run: mine is number `rank` of `size`, and number `local_rank` of its machine.

    Taught in {ref}`training`.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files: rank 0 does."""
        return self.rank == 0

    def place(self, device: torch.device) -> torch.device:
        """The device of this process: GPU number `local_rank` if the run is on GPUs.

        Raises ValueError if the machine has fewer GPUs than processes.
        """
        if self.size == 1 or device.type != "cuda":
            return device
        if self.local_rank >= torch.cuda.device_count():
            raise ValueError(f"process {self.local_rank} of this machine has no GPU: {torch.cuda.device_count()} found")
        return torch.device("cuda", self.local_rank)

    def share_weights(self, networks: dict[str, torch.nn.Module]) -> None:
        """Give every process the weights and buffers of rank 0."""
        if self.size > 1:
            for network in networks.values():
                for tensor in network.state_dict().values():
                    dist.broadcast(tensor, 0)

    def average_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """From now on `optimizer.step()` uses the mean of the processes' gradients."""
        if self.size > 1:
            optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: _average(optimizer, self.size))

    def gather(self, mine: object) -> list:
        """The objects of all processes on rank 0 (in order of rank), an empty list elsewhere."""
        if self.size == 1:
            return [mine]
        gathered = [None] * self.size if self.is_main else None
        dist.gather_object(mine, gathered)
        return gathered or []

    def agree(self, value: int) -> int:
        """The largest of the processes' values; all of them must ask."""
        if self.size == 1:
            return value
        agreed = torch.tensor([value])
        dist.all_reduce(agreed, dist.ReduceOp.MAX)
        return int(agreed)

    def tell(self, message: object) -> object:
        """The message of rank 0, for everybody."""
        box = [message]
        if self.size > 1:
            dist.broadcast_object_list(box)
        return box[0]


@contextmanager
def joined() -> Iterator[World]:
    """Join the processes that torchrun started; a world of one where there is no torchrun.

    Raises TrainingError if another process is lost on the way.
    Taught in {ref}`training`.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield World()
        return
    world = World(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    if dist.is_initialized():  # a second run in the same process
        yield world
        return
    try:
        dist.init_process_group(backend, timeout=TIMEOUT)
        yield world
    except RuntimeError as error:
        if isinstance(error, TrainingError) or world.size == 1 or not _is_connection(error):
            raise
        raise TrainingError(
            f"rank {world.rank} of {world.size} lost contact with another process ({str(error).splitlines()[0]}); "
            "look for the first message of the others, then resume the run"
        ) from None
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _is_connection(error: RuntimeError) -> bool:
    signs = ("gloo", "nccl", "connection", "timed out", "timeout", "peer", "store")
    return isinstance(error, dist.DistError) or any(sign in str(error).lower() for sign in signs)


def _average(optimizer: torch.optim.Optimizer, size: int) -> None:
    grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    for dtype in dict.fromkeys(grad.dtype for grad in grads):  # in the same order everywhere
        _average_together([grad for grad in grads if grad.dtype == dtype], size)


def _average_together(grads: list[Tensor], size: int) -> None:
    """One message for all gradients: hundreds of small ones would wait for the network hundreds of times."""
    flat = torch.cat([grad.flatten() for grad in grads])
    dist.all_reduce(flat)
    parts = (flat / size).split([grad.numel() for grad in grads])
    for grad, part in zip(grads, parts, strict=True):
        grad.copy_(part.view_as(grad))

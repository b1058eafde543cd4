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
from ganedu.training.sync_norm import synchronize

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

        Raises ValueError if the machine has no GPU, or fewer than processes.
        """
        if device.type != "cuda":
            return device
        found = torch.cuda.device_count()
        if not found:
            raise ValueError(f"the device is {device}, but PyTorch finds no GPU here; use cpu, or see `ganedu doctor`")
        if self.size == 1:
            return device
        if self.local_rank >= found:
            raise ValueError(
                f"process {self.local_rank} of this machine (they count from 0) has no GPU: {found} found; "
                f"start torchrun with --nproc-per-node {found}"
            )
        return torch.device("cuda", self.local_rank)

    def share(self, batch_size: int) -> int:
        """The size of each process's part of a batch.

        Raises ValueError if the parts would not be equal: their means would weigh images differently.
        """
        if batch_size % self.size:
            fewer = batch_size // self.size * self.size
            sizes = f"{fewer} or {fewer + self.size}" if fewer else str(self.size)
            raise ValueError(
                f"a batch of {batch_size} cannot be dealt out to {self.size} processes equally; "
                f"set the batch size to {sizes}"
            )
        return batch_size // self.size

    def share_weights(self, networks: dict[str, torch.nn.Module]) -> None:
        """Give every process the weights and buffers of rank 0."""
        if self.size > 1:
            for network in networks.values():
                for tensor in network.state_dict().values():
                    dist.broadcast(tensor, 0)

    def share_statistics(self, networks: dict[str, torch.nn.Module]) -> None:
        """From now on the networks' batch normalization measures the joint batch."""
        if self.size > 1:
            for network in networks.values():
                synchronize(network)

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

    def require_same(self, facts: dict) -> None:
        """Raises TrainingError, naming the first difference, if rank 0 has other facts; all processes must ask.

        One of another opinion would wait for messages that nobody sends, or spoil the weights of all.
        """
        theirs = self.tell(facts)
        for name in facts:
            if facts[name] != theirs.get(name):
                raise TrainingError(
                    f"{name} is {facts[name]} for rank {self.rank} and {theirs.get(name)} for rank 0: start all "
                    "processes with the same command, and give all machines the same data and the same run's folder"
                )


@contextmanager
def joined() -> Iterator[World]:
    """Join the processes that torchrun started; a world of one where there is no torchrun.

    Raises TrainingError if another process is lost on the way, or the processes were not started by torchrun.
    Taught in {ref}`training`.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield World()
        return
    world = _told_by_torchrun()
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
            f"rank {world.rank} of {world.size} lost contact with another process, which failed or was killed: see "
            f"what it said, then start torchrun again with `ganedu resume RUN` ({str(error).splitlines()[0]})"
        ) from None
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _told_by_torchrun() -> World:
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in names if name not in os.environ]:
        raise TrainingError(
            f"RANK and WORLD_SIZE are set, as for one process of several, but {', '.join(missing)} is not: "
            "start the processes with torchrun, or unset both to train in one process"
        )
    return World(*(int(os.environ[name]) for name in names[:3]))


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

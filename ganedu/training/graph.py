"""A whole training step as one CUDA graph: recorded once, then replayed without Python and without launches one by one.

Taught in {ref}`performance`.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # steps before the recording: libraries choose their kernels, optimizers create their state


def refuse(device: torch.device, processes: int) -> None:
    """Raises ValueError where a step cannot be recorded: without an NVIDIA GPU, or by several processes.

    Taught in {ref}`performance`.
    """
    if device.type != "cuda":
        raise ValueError(f"--cuda-graph needs an NVIDIA GPU, but the device is {device.type}; train without it")
    if processes > 1:
        raise ValueError(f"--cuda-graph records the step of one process, there are {processes}; train without it")


class GraphedStep:
    """A recipe's step, run as it is for the first WARM_UP times, then recorded and replayed.

    recipe: see `ganedu.recipes`; while its attribute `settled`, if it has one, is false, its work still changes from
    step to step, and it is not recorded. run: the step, called as run(batch, random) with a generator on the GPU, the
    same every time. The batch is copied into the memory that the recording reads, and the scalars are copied
    out of the memory that the next replay writes. The warm-up steps are steps of the run like all others, so that a
    recorded run takes the path of an unrecorded one.
    Taught in {ref}`performance`; the PyTorch notes on CUDA semantics, "Whole-network capture".
    """

    def __init__(self, recipe, run: Callable[..., dict[str, Tensor]], device: torch.device):
        self.recipe, self.run = recipe, run
        self.stream, self.graph = torch.cuda.Stream(device), None
        self.steps = 0

    def __call__(self, batch, random: torch.Generator) -> dict[str, Tensor]:
        """One step on a batch, always of one kind and shape; returns the recipe's scalars."""
        if not self.graph and self.steps >= WARM_UP and getattr(self.recipe, "settled", True):
            self._record(batch, random)
        if not self.graph:
            self.steps += 1
            return self._warm_up(batch, random)
        for there, here in zip(self.batch, batch, strict=True):
            there.copy_(here)
        self.graph.replay()
        return {name: value.clone() for name, value in self.scalars.items()}

    def _warm_up(self, batch, random: torch.Generator) -> dict[str, Tensor]:
        """A step on the stream of the recording, where some libraries create what cannot be created while recording."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*capturable=True")  # not recorded yet, on purpose
            scalars = self.run(batch, random)
        torch.cuda.current_stream().wait_stream(self.stream)
        return scalars

    def _record(self, batch, random: torch.Generator) -> None:
        self.batch, self.graph = type(batch)(*(field.clone() for field in batch)), torch.cuda.CUDAGraph()
        self.graph.register_generator_state(random)
        with torch.cuda.graph(self.graph, stream=self.stream):
            self.scalars = self.run(self.batch, random)


def make_capturable(optimizers: dict[str, torch.optim.Optimizer], device: torch.device) -> None:
    """Let optimizers take their learning rates and step counts from the device, where a recording can see them change.

    Raises ValueError for an optimizer that cannot: it would go on with the numbers of the recording.
    Taught in {ref}`performance`.
    """
    for name, optimizer in optimizers.items():
        for group in optimizer.param_groups:
            if "capturable" not in group:
                raise ValueError(f"--cuda-graph: {type(optimizer).__name__} of the {name} cannot be recorded; use Adam")
            group["capturable"] = True
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32).to(device)


def set_rate(group: dict, rate: float) -> None:
    """Set the learning rate of a group of parameters; in place where a recording reads it.

    Taught in {ref}`performance`.
    """
    if torch.is_tensor(group["lr"]):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate

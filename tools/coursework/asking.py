"""The judge's side: functions of a submission that run behind a wall, and can be called as if they were here.

Arguments go out with everything in them, functions and networks included; plain data come back. Tensors that need a
gradient have one: the derivative is asked for as well. If the function trained a network, it is trained here too.
"""

import contextlib
import io
import os
import pickle
import socket
from collections.abc import Callable
from dataclasses import dataclass

import cloudpickle
import numpy as np
import psutil
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tools.coursework import answering
from tools.coursework.answering import tensors_of
from tools.coursework.walls import Wall
from tools.coursework.wire import Channel, Ended, Garbled, NotPlain

RAISED = {  # errors of a submission that are raised here as what they are
    kind.__name__: kind
    for kind in (
        NotImplementedError, TypeError, ValueError, RuntimeError, AttributeError, NameError, IndexError, KeyError,
        ZeroDivisionError, OverflowError, AssertionError, MemoryError,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What one submitted notebook may use."""

    cell_seconds: float = 120.0  # an answer and its test
    notebook_seconds: float = 600.0
    memory_gb: float = 4.0


class AnswerError(Exception):
    """An answer raised an error of another kind; the words begin with its name."""


class LimitBroken(BaseException):
    """No Exception, which a test could take for one of an answer. `status` is a word for the table of grades."""

    def __init__(self, status: str, words: str):
        super().__init__(words)
        self.status = status


class Submission:
    """A process behind a wall that answers for one submission, begun anew after it was ended."""

    def __init__(self, nursery: socket.socket, nurse: int, wall: Wall, limits: Limits):
        self.nursery, self.nurse, self.wall = nursery, nurse, wall
        self.memory, self.seconds = int(limits.memory_gb * 2**30), limits.notebook_seconds
        self.channel: Channel | None = None
        self.count = 0

    @classmethod
    def of(cls, names: dict, wall: Wall, limits: Limits):
        """One that comes from a copy of this process as it is now, and knows the names of a chapter."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        nurse = os.fork()
        if nurse == 0:
            ours.close()
            with contextlib.suppress(BaseException):
                answering.nurse(theirs, names)
            os._exit(1)
        theirs.close()
        return cls(ours, nurse, wall, limits)

    def begin(self):
        """Start it. Raises LimitBroken if it does not answer, which is then no fault of the submission."""
        reading, theirs = os.pipe()
        their_reading, writing = os.pipe()
        self.held = self.wall.hold()
        request = {"wall": self.held.order, "memory": self.memory, "seconds": self.seconds}
        socket.send_fds(self.nursery, [pickle.dumps(request)], [their_reading, theirs])
        self.process = int(self.nursery.recv(100))
        os.close(theirs)
        os.close(their_reading)
        self.channel = Channel(reading, writing, self._watch)
        self.allowed = float("inf")
        try:
            hello = self.channel.hear()
        except (Ended, Garbled):
            hello = {"why": "it ended on the way"}
        if "why" in hello:
            raise LimitBroken("no wall", f"a process cannot go behind the wall: {hello['why']}")
        here = psutil.Process().memory_info().rss  # what it was forked with, and shares with others
        self.allowed = self.memory + 2 * here

    def end(self):
        """End it and everything it started."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
            self.held.end(self.process)

    def close(self):
        """End it for good."""
        self.end()
        self.nursery.close()
        os.waitpid(self.nurse, 0)

    def ask(self, **message) -> dict:
        """The answer to a message. Raises what the submission raised, LimitBroken if it is no longer there."""
        if self.channel is None:
            raise LimitBroken("stopped", "the process had ended before")
        try:
            self.channel.say(**message)
            reply = self.channel.hear()
        except Ended:
            raise LimitBroken("stopped", "this answer ended the Python process it ran in") from None
        except Garbled as error:
            raise LimitBroken("stopped", f"this answer wrote into the pipe of the judge: {error}") from None
        match reply:
            case {"error": [str(name), str(words)]}:
                raise RAISED[name](words) if name in RAISED else AnswerError(_full(name, words))
            case {"value": _}:
                return reply
        raise LimitBroken("stopped", "this answer wrote into the pipe of the judge")

    def function(self, name: str) -> Callable:
        """A function of the submission, to be called from here."""

        def asked(*args, **kwargs):
            return self._call(name, args, kwargs)

        asked.__name__ = name
        return asked

    def _call(self, name: str, args: tuple, kwargs: dict):
        self.count += 1
        number, pickler = self.count, _Pickler(io.BytesIO())
        pickler.dump((args, kwargs))
        slopes, sent = torch.is_grad_enabled(), pickler.tensors
        roles = [_role(tensor) if slopes else "" for tensor in sent]
        arguments = torch.from_numpy(np.frombuffer(pickler.file.getvalue(), dtype=np.uint8).copy())
        reply = self.ask(
            do="call", name=name, number=number, arguments=arguments, tensors=[tensor.detach() for tensor in sent],
            roles=roles, slopes=slopes,
        )  # fmt: skip
        try:
            _write_back(reply, sent)
            return self._with_slopes(reply, number, [t for t, role in zip(sent, roles, strict=True) if role])
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            raise LimitBroken("stopped", f"this answer wrote into the pipe of the judge: {error}") from None

    def _with_slopes(self, reply: dict, number: int, leaves: list[Tensor]):
        """The value of a reply, whose tensors depend on the leaves where those of the submission do."""
        found = tensors_of(reply["value"])
        follows = [tensor for tensor, yes in zip(found, reply["follows"], strict=True) if yes is True]
        if not leaves or not follows:
            return reply["value"]

        def ask_slopes(*along):
            slopes = self.ask(do="slope", number=number, along=list(along))["value"]
            for slope, leaf in zip(slopes, leaves, strict=True):
                if slope is not None and (slope.shape, slope.dtype) != (leaf.shape, leaf.dtype):
                    raise LimitBroken("stopped", "this answer wrote into the pipe of the judge")
            return slopes

        followed = iter(_Followed.apply(ask_slopes, follows, *leaves))
        chosen = {id(tensor): next(followed) for tensor in follows}
        return _replaced(reply["value"], chosen)

    def _watch(self):
        """Called while the submission is waited for."""
        if self._memory() > self.allowed:
            raise LimitBroken("memory", f"more than {self.memory / 2**30:g} GB of memory")

    def _memory(self) -> int:
        """Bytes that it uses, with all that it started."""
        total = 0
        for process in self.held.processes(self.process):
            with contextlib.suppress(psutil.Error, OSError):
                total += process.memory_full_info().pss if psutil.LINUX else process.memory_info().rss
        return total


class _Pickler(cloudpickle.Pickler):
    """Leaves the tensors out: they travel as plain data, each once, and may need a gradient."""

    def __init__(self, file: io.BytesIO):
        super().__init__(file)
        self.file, self.tensors, self.places = file, [], {}

    def persistent_id(self, value):
        if not isinstance(value, Tensor):
            return None
        if id(value) not in self.places:
            self.places[id(value)] = len(self.tensors)
            self.tensors.append(value)
        return self.places[id(value)]


def _role(tensor: Tensor) -> str:
    if not tensor.requires_grad:
        return ""
    return "weight" if isinstance(tensor, torch.nn.Parameter) else "leaf"


def _write_back(reply: dict, sent: list[Tensor]):
    """Change the weights of networks as the answer did, and no other tensor: expected values may come from those."""
    with torch.no_grad():
        for place, tensor in reply["changed"]:
            _weight(sent[place]).copy_(_like(tensor, sent[place]))
        for place, grad in reply["grads"]:
            _weight(sent[place]).grad = _like(grad, sent[place])


def _weight(tensor: Tensor) -> torch.nn.Parameter:
    if not isinstance(tensor, torch.nn.Parameter):
        raise ValueError("a change of what is no weight")
    return tensor


def _like(tensor: Tensor, other: Tensor) -> Tensor:
    if tensor.shape != other.shape or tensor.dtype != other.dtype:
        raise ValueError("a change of another shape")
    return tensor


def _replaced(value, chosen: dict[int, Tensor]):
    if isinstance(value, Tensor):
        return chosen.get(id(value), value)
    if isinstance(value, dict):
        return {key: _replaced(item, chosen) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replaced(item, chosen) for item in value)
    return value


def _full(name: str, words: str) -> str:
    return words if name == NotPlain.__name__ else f"{name}: {words}"


class _Followed(torch.autograd.Function):
    """Ties values that were computed elsewhere to what they depend on here."""

    @staticmethod
    def forward(ctx, ask_slopes, values, *leaves):
        ctx.ask_slopes = ask_slopes
        return tuple(values)

    @staticmethod
    @once_differentiable
    def backward(ctx, *along):
        return None, None, *ctx.ask_slopes(*along)

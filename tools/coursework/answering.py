"""The submission's side: a process that has run the chapter goes behind the wall and answers questions.

It is asked to define an answer, to call a function, or for the slopes of what a call returned. It holds neither tests
nor expected values: it was forked before they were read. What is asked is ours and comes pickled, functions among the
arguments included; what is answered is plain data.
"""

import gc
import io
import os
import pickle
import signal
import socket
from collections.abc import Mapping

import torch
from torch import Tensor

from tools.coursework import enter
from tools.coursework.wire import Channel, Ended, NotPlain

MAX_WORDS = 500  # characters of an error that are handed on
KEPT_CALLS = 64  # whose slopes can still be asked for


def nurse(requests: socket.socket, names: dict):
    """Fork a process that answers for each request that comes through the socket, until it closes.

    A request is JSON with the arguments of `_begin`, and two file descriptors: where to read, where to write.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    torch.set_num_threads(1)  # those of the process that it was forked from are not here
    gc.freeze()
    while True:
        message, handles, _, _ = socket.recv_fds(requests, 2**12, 2)
        if not message:
            os._exit(0)
        child = os.fork()
        if child == 0:
            _begin(handles, names, **pickle.loads(message))
        for handle in handles:
            os.close(handle)
        requests.send(str(child).encode())


def _begin(handles: list[int], names: dict, *, wall: dict, memory: int, seconds: float):
    """Go behind the wall, and answer there. Never returns."""
    channel = Channel(*_only(handles))
    size = enter.size()  # to be asked here: behind the wall it is not told
    try:
        os.setsid()
        if wall["pid"] is not None:
            enter.join(wall["pid"], wall["folder"])
            inside = os.fork()  # only a child is in the new space of processes
            if inside:
                channel.close()
                enter.give_up(wall["user"])
                os.waitpid(inside, 0)
                os._exit(0)
            os.setsid()  # a signal to its group must not reach the one that waits outside
        os.chdir(wall["home"])
        os.environ["HOME"] = os.environ["TMPDIR"] = wall["home"]
        enter.give_up(wall["user"])
        os.listdir(os.path.dirname(torch.__file__))  # to say so if Python's packages cannot be read from here
        enter.limit(size + memory, seconds, wall["alone"])
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        channel.say(ready=True)
        Answers(names).serve(channel)
    except BaseException as error:  # of the way behind the wall
        channel.say(why=str(error))
    finally:
        os._exit(1)


def _only(handles: list[int]) -> tuple[int, int]:
    """Nothing is open but the two pipes, as 3 and 4, and empty standard streams."""
    kept = [os.dup2(handle, 1000 + place) for place, handle in enumerate(handles)]
    os.closerange(0, 1000)
    os.closerange(1002, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 2**20 else 2**20)
    for _ in range(3):
        os.open(os.devnull, os.O_RDWR)
    moved = [os.dup2(handle, 3 + place) for place, handle in enumerate(kept)]
    os.closerange(1000, 1002)
    return moved[0], moved[1]


class Answers:
    """The names of a chapter and of the answers given to it."""

    def __init__(self, names: Mapping):
        self.names = dict(names)
        self.calls: dict[int, tuple[list[Tensor], list[Tensor]]] = {}  # by number: results, what they may depend on

    def serve(self, channel: Channel):
        """Answer until the other side goes. An answer is `value=...` or `error=[name, words]`."""
        while True:
            message = channel.hear()
            try:
                reply = getattr(self, message.pop("do"))(**message)
            except Ended:
                raise
            except BaseException as error:  # a submission may raise what it likes
                reply = {"error": _in_words(error)}
            try:
                channel.say(**reply)
            except NotPlain as error:
                channel.say(error=["NotPlain", f"your function returned {error}"[:MAX_WORDS]])

    def define(self, source: str) -> dict:
        """Run an answer cell."""
        exec(compile(source, "your answer", "exec"), self.names)
        return {"value": None}

    def call(self, *, name: str, number: int, arguments: Tensor, tensors: list, roles: list, slopes: bool) -> dict:
        """Call a function. Returns its value, which of its tensors have slopes, and how it changed weights.

        arguments: the pickled (args, kwargs) without their tensors; roles: of each tensor, "" or "leaf" or "weight".
        """
        if name not in self.names:
            raise NameError(f"{name} is not defined")
        own = [_in_its_role(tensor, role) for tensor, role in zip(tensors, roles, strict=True)]
        weights = [i for i, role in enumerate(roles) if role == "weight"]
        versions = [tensor._version for tensor in own]
        args, kwargs = _Unpickler(io.BytesIO(arguments.numpy().tobytes()), own).load()
        with torch.set_grad_enabled(slopes):
            value = self.names[name](*args, **kwargs)
        results = [tensor for tensor in tensors_of(value) if tensor.requires_grad]
        if results:
            self.calls[number] = (results, [tensor for tensor, role in zip(own, roles, strict=True) if role])
            self.calls.pop(number - KEPT_CALLS, None)
        return {
            "value": value,
            "follows": [tensor.requires_grad for tensor in tensors_of(value)],
            "changed": [[i, own[i]] for i in weights if own[i]._version != versions[i]],
            "grads": [[i, own[i].grad] for i in weights if own[i].grad is not None],
        }

    def slope(self, *, number: int, along: list) -> dict:
        """The derivatives of what a call returned, weighted by `along`, in each tensor that had the role of a leaf."""
        results, leaves = self.calls[number]
        return {"value": list(torch.autograd.grad(results, leaves, along, allow_unused=True, retain_graph=True))}


def tensors_of(value) -> list[Tensor]:
    """The tensors in plain data, in the order in which they are met."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return []
    return [tensor for item in value for tensor in tensors_of(item)]


def _in_its_role(tensor: Tensor, role: str) -> Tensor:
    if role == "weight":
        return torch.nn.Parameter(tensor)
    return tensor.requires_grad_(role == "leaf")


class _Unpickler(pickle.Unpickler):
    """Puts the tensors, which came as plain data, into their places."""

    def __init__(self, file, tensors: list[Tensor]):
        super().__init__(file)
        self.tensors = tensors

    def persistent_load(self, place: int) -> Tensor:
        return self.tensors[place]


def _in_words(error: BaseException) -> list[str]:
    """Name and words of an error, whatever a submission made of it."""
    try:
        words = str(error)
    except BaseException:
        words = ""
    words = "".join(letter if letter.isprintable() else " " for letter in words[:MAX_WORDS])
    return [type(error).__name__[:60], words.encode("utf-8", "replace").decode()]

"""Work in a forked process: it has all that was imported before, and what it breaks ends with it."""

import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable

MEMORY = 8 * 2**30  # bytes; a loop that has lost its end fills it, and not the machine's


def run(task: Callable[[], dict], seconds: float) -> dict | None:
    """What `task` returns, plain values, from a process of its own; None if it takes longer or ends without a word."""
    forks = multiprocessing.get_context("fork")
    receiver, sender = forks.Pipe(duplex=False)
    process = forks.Process(target=_child, args=(task, sender))
    process.start()
    sender.close()
    try:
        return json.loads(receiver.recv_bytes()) if receiver.poll(seconds) else None
    except EOFError:
        return None
    finally:
        _end(process)
        receiver.close()


def _child(task: Callable[[], dict], sender) -> None:
    os.setsid()  # so that whatever it starts ends with it
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it, and tests send it
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    sender.send_bytes(json.dumps(task()).encode())
    sender.close()
    os._exit(0)  # without the clean-up of the parent's objects


def _end(process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    process.join()
    process.close()

"""Reasons to stop before the last step: a signal, or the time that was given.

Taught in {ref}`training`.
"""

import signal
import threading
import time

RUNNING, TIME_IS_UP, SIGNALED = 0, 1, 2
# SIGHUP: the terminal was closed, or the connection to it is lost. Windows has none.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stop:
    """A context in which Ctrl-C, SIGTERM and SIGHUP ask the run to save and end; a second signal ends it at once.

    A signal that is ignored already stays ignored: `nohup` asks for that.

    max_minutes: of this session, None for no limit. Outside the main thread signals are left alone.
    Taught in {ref}`training`.
    """

    def __init__(self, max_minutes: float | None = None):
        if max_minutes is not None and not max_minutes >= 0:
            raise ValueError(f"max_minutes must not be negative, but is {max_minutes}")
        self.deadline = float("inf") if max_minutes is None else time.monotonic() + 60 * max_minutes
        self.signaled = False
        self._before: dict = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            numbers = [n for n in SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._ask) for number in numbers}
        return self

    def __exit__(self, *_) -> None:
        self._restore()

    def reason(self) -> int:
        """RUNNING, TIME_IS_UP or SIGNALED; of several processes the largest counts."""
        if self.signaled:
            return SIGNALED
        return TIME_IS_UP if time.monotonic() >= self.deadline else RUNNING

    def _ask(self, number, frame) -> None:
        self.signaled = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

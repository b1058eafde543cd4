"""Code cells in a shell of IPython without a kernel, with what they print and show as one text."""

import contextlib
import io
import os
import re
import warnings
from pathlib import Path

_FIGURE = re.compile(r"<Figure size .*>")
_SANITIZED = re.compile(r"\b\d+(\.\d+)? (s|ms)\b|0x[0-9a-f]{6,}")  # as in tests/nbval_sanitize.cfg


def shell(folder: Path):
    """A new shell that works in `folder`; for a process of its own, whose settings it changes."""
    import matplotlib.pyplot as plt
    import torch
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Results(DisplayHook):
        def __call__(self, result=None):
            if result is not None:
                print(self.shell.display_formatter.format(result)[0].get("text/plain", ""))

    class Displays(DisplayPublisher):
        def publish(self, data, *_, **__):
            print(data.get("text/plain", ""))

    os.chdir(folder)
    warnings.simplefilter("ignore")  # plt.show() shows nothing here, a wrong formula may divide by zero
    plt.switch_backend("Agg")
    torch.set_num_threads(1)
    quiet = Config({"HistoryManager": {"enabled": False}})
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance(config=quiet, displayhook_class=Results, display_pub_class=Displays)
    made.showtraceback = lambda *_, **__: None
    return made


def run(shell, text: str) -> tuple[str, BaseException | None]:
    """Run a cell; returns what it printed and showed, and the error that ended it, if one did."""
    import matplotlib.pyplot as plt

    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(io.StringIO()):
        result = shell.run_cell(text, store_history=False)
    plt.close("all")
    return printed.getvalue(), result.error_before_exec or result.error_in_exec


def comparable(text: str) -> str:
    """Text as nbval compares it: without pictures, durations, addresses, and empty lines."""
    kept = _SANITIZED.sub("…", _FIGURE.sub("", text))
    return "\n".join(line.rstrip() for line in kept.splitlines() if line.strip())

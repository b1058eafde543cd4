"""What the commands share: options of one meaning, what they say, and how mistakes become one sentence.

Taught in {ref}`training`.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

INTERRUPTED = 130
MOST = 2**63 - 1  # a larger seed or count fits into no tensor


def folder(text: str) -> Path:
    """The path that a text names.

    Raises BadParameter for an empty one, which would mean the current folder: a variable that was not set, mostly.
    Taught in {ref}`training`.
    """
    if not text.strip() or "\0" in text:
        raise typer.BadParameter('an empty name; write "." for the current folder')
    return Path(text)


Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, or auto: a GPU if there is one.")]
Root = Annotated[Path | None, typer.Option("--data-root", help="Folder of downloaded data sets.", envvar="GANEDU_DATA")]
Previous = Annotated[bool, typer.Option("--previous", help="Use checkpoint.previous.pt, the one before the last.")]
At = Annotated[int | None, typer.Option("--at", help="Use the kept checkpoint of this step.", min=0)]
Run = Annotated[Path, typer.Argument(help="Folder of the run.", metavar="RUN", parser=folder)]
NoEma = Annotated[bool, typer.Option("--no-ema", help="The last generator instead of the averaged one.")]


def say(text: object, *, err: bool = False) -> None:
    """Print a text, in which nothing can steer the terminal; where nobody reads any more, nothing happens.

    File names may hold any character: what cannot be printed is written as Python escapes it.
    Taught in {ref}`training`.
    """
    printable = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(text))
    try:
        typer.echo(printable, err=err)
    except OSError:  # a closed pipe or terminal; Python would stumble over it again at its end
        stream = os.open(os.devnull, os.O_WRONLY)
        os.dup2(stream, (sys.stderr if err else sys.stdout).fileno())
        os.close(stream)


@contextmanager
def one_sentence(command: str) -> Iterator[None]:
    """What a user can mend becomes one sentence and exit code 1, a stopped run 130; a bug stays a traceback.

    Warnings become one line each.
    Taught in {ref}`training`.
    """
    process = f" (rank {os.environ['RANK']})" if "RANK" in os.environ else ""

    def note(message, *_, **__):
        say(f"ganedu {command}{process}: note: {' '.join(str(message).split())}", err=True)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = note
            yield
    except (ValueError, OSError, RuntimeError, MemoryError, ModuleNotFoundError) as error:
        from ganedu.training.errors import Interrupted, TrainingError

        expected = not isinstance(error, RuntimeError) or isinstance(error, TrainingError)
        if not expected and "memory" not in str(error):
            raise
        reason = str(error) or "not enough memory; make size, batch size or networks smaller"
        say(f"ganedu {command}{process}: {reason}", err=True)
        raise typer.Exit(INTERRUPTED if isinstance(error, Interrupted) else 1) from None


def place(name: str) -> str:
    """The device of that name; see `ganedu.training.device.usable`.

    Taught in {ref}`training`.
    """
    from ganedu.training.device import usable

    return usable(name)

"""What the commands share: options of one meaning, the device, and how mistakes become one sentence.

Taught in {ref}`training`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

INTERRUPTED = 130

Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, or auto: a GPU if there is one.")]
Root = Annotated[Path | None, typer.Option("--data-root", help="Folder of downloaded data sets.", envvar="GANEDU_DATA")]
Previous = Annotated[bool, typer.Option("--previous", help="Use checkpoint.previous.pt, the one before the last.")]
Run = Annotated[Path, typer.Argument(help="Folder of the run.")]
NoEma = Annotated[bool, typer.Option("--no-ema", help="The last generator instead of the averaged one.")]


@contextmanager
def one_sentence(command: str) -> Iterator[None]:
    """What a user can mend becomes one sentence and exit code 1, a stopped run 130; a bug stays a traceback.

    Taught in {ref}`training`.
    """
    try:
        yield
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        from ganedu.training.errors import Interrupted, TrainingError

        expected = not isinstance(error, RuntimeError) or isinstance(error, TrainingError)
        if not expected and "memory" not in str(error):
            raise
        process = f" (rank {os.environ['RANK']})" if "RANK" in os.environ else ""
        typer.echo(f"ganedu {command}{process}: {error}", err=True)
        raise typer.Exit(INTERRUPTED if isinstance(error, Interrupted) else 1) from None


def place(name: str) -> str:
    """The device of that name, "auto" being a GPU if there is one.

    Raises ValueError for one that cannot be used here.
    Taught in {ref}`training`.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used here ({reason}); `ganedu doctor` lists what can") from None
    return name

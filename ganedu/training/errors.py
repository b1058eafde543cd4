"""What can go wrong in a run, apart from a wrong argument.

Taught in {ref}`training`.
"""

from pathlib import Path


class TrainingError(RuntimeError):
    """A run cannot start or go on; the message is one sentence that names the place and the remedy.

    Taught in {ref}`training`.
    """


class Interrupted(TrainingError):
    """The run was stopped by Ctrl-C, SIGTERM or SIGHUP, after it had been saved.

    Taught in {ref}`training`.
    """


def cannot_write(run: Path, step: int, error: OSError) -> TrainingError:
    """The error to raise where the disk of a run is full or its folder closed; the checkpoint of `step` is whole.

    Taught in {ref}`training`.
    """
    return TrainingError(
        f"cannot write to {run}: {error.strerror or error}; the checkpoint of step {step} is whole: make room, "
        f"then `ganedu resume {run}`"
    )

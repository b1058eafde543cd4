"""Which folder a run may use, which files in it are its own, and that one process at a time writes them.

Taught in {ref}`training`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganedu.training import checkpoint, run_folder
from ganedu.training.distributed import World
from ganedu.training.errors import TrainingError, cannot_write

LOCK = ".run.lock"
# What a kill leaves beside a file that was being written; names that other programs give do not look so.
_TEMPORARY = re.compile(r"(?:[a-z.]+\.(?:pt|json|jsonl|safetensors|html)|step_\d{6,}\.png)\.[0-9a-f]{8}\.tmp")
SAMPLE = re.compile(r"step_(\d{6,})\.png")


@contextmanager
def only_one(run: Path, world: World) -> Iterator[None]:
    """Hold a run for as long as the context lasts; the system lets go of it when the process ends, however it ends.

    Raises TrainingError, in all processes of `world`, if another run of the program has it.
    Taught in {ref}`training`.
    """
    from filelock import FileLock, Timeout  # torch depends on it

    lock, problem = FileLock(run / LOCK), None
    if world.is_main:
        try:
            run.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            problem = f"another process is training {run}: wait until it has ended, or stop it (it holds {run / LOCK})"
        except OSError as error:
            problem = f"cannot write to {run}: {error.strerror or error}"
    if problem := world.tell(problem):
        raise TrainingError(problem)
    try:
        yield
    finally:
        lock.release()


def refuse_foreign(out: Path) -> None:
    """Raises TrainingError for a folder without a run that holds a file with the name of a run's file.

    What a run left that was killed before its first step is recognized by what it says of itself, and is not foreign.
    Taught in {ref}`training`.
    """
    if out.exists() and not out.is_dir():
        raise TrainingError(f"{out} is a file, and a run needs a folder; give another --out")
    names = [name for name in run_folder.NAMES if (out / name).exists() and not _is_left_over(out / name)]
    names += [f"samples/{path.name}" for path in out.glob("samples/*") if SAMPLE.fullmatch(path.name)]
    names += [f"{checkpoint.KEPT}/{path.name}" for path in checkpoint.kept(out).values()]
    if names:
        raise TrainingError(
            f"{out} holds {', '.join(sorted(names)[:3])}, but no run that it belongs to (there is no "
            f"{run_folder.CONFIG}), and nothing is overwritten; move it away or give another --out"
        )


def empty(out: Path) -> None:
    """Remove what a run left in a folder that was killed before its first step; see `refuse_foreign`.

    Taught in {ref}`training`.
    """
    for name in run_folder.NAMES:
        (out / name).unlink(missing_ok=True)
    remove_temporary(out)


def remove_temporary(run: Path) -> None:
    """Remove the temporary files of a run that was killed while writing; other files of that ending stay.

    Taught in {ref}`training`.
    """
    for folder in (run, run / "samples"):
        for path in folder.glob("*.tmp"):
            if _TEMPORARY.fullmatch(path.name) or path.name == checkpoint.SPARE:
                path.unlink()


def rewind(run: Path, step: int, *, plan: dict, previous: bool = False, at: int | None = None) -> None:
    """Forget what was written after the checkpoint of `step`, which the run is about to do again, and write its plan.

    previous, at: which checkpoint that is, see `ganedu.training.checkpoint.find`; it takes the place of the last.
    Raises TrainingError if the folder cannot be written.
    Taught in {ref}`training`.
    """
    try:
        remove_temporary(run)
        checkpoint.go_back(run, step, previous=previous, at=at)
        run_folder.cut_metrics(run, step)
        for path in (run / "samples").glob("step_*.png"):
            if (found := SAMPLE.fullmatch(path.name)) and int(found[1]) > step:
                path.unlink()
        run_folder.write_json(run / run_folder.CONFIG, plan)
    except OSError as error:
        raise cannot_write(run, step, error) from None


def _is_left_over(path: Path) -> bool:
    """Whether a file is what `train` writes before config.json: the untrained state, its weights, their origin."""
    try:
        match path.name:
            case checkpoint.NAME:
                return checkpoint.read(path.parent)["step"] == 0
            case run_folder.WEIGHTS:
                return run_folder.step_of(path) == 0
            case run_folder.PROVENANCE:
                return "ganedu" in run_folder.read_json(path)
    except (TrainingError, TypeError):
        pass
    return False

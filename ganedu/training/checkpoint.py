"""One file that holds all of a run: written whole or not at all, read without running anything in it.

Taught in {ref}`training`.
"""

import io
import os
import pickle
import re
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import torch

from ganedu._files import write_atomically
from ganedu.training.errors import TrainingError
from ganedu.training.records import check_state

NAME, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"
SPARE = NAME + ".old.tmp"
KEPT, KEPT_NAME = "checkpoints", re.compile(r"step_(\d{6,})\.pt")


def save(folder: Path, state: dict) -> None:
    """Write `state`, nested dictionaries and lists of tensors and primitives, to checkpoint.pt.

    The last one becomes checkpoint.previous.pt; at every moment checkpoint.pt is there and whole.
    Raises OSError if it cannot be written; both files are then as they were.
    Taught in {ref}`training`.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    current, spare = folder / NAME, folder / SPARE
    if current.exists():
        spare.unlink(missing_ok=True)
        _second_name(current, spare)
    try:
        write_atomically(current, buffer.getvalue())
    except OSError:
        spare.unlink(missing_ok=True)
        raise
    if spare.exists():
        os.replace(spare, folder / PREVIOUS)


def read(folder: Path, *, previous: bool = False, at: int | None = None) -> dict:
    """The state that `save` wrote, on the CPU; of the last checkpoint, of the one before, or of step `at`, if kept.

    Every byte is compared with the archive's checksums first. Nothing is unpickled but tensors and primitives.
    Raises TrainingError, naming the file and the way out, if the file is missing, damaged or holds code.
    Taught in {ref}`training`.
    """
    path = find(folder, previous=previous, at=at)
    way_out = _way_out(folder, previous)
    if not path.is_file():
        raise TrainingError(f"{path} does not exist; {way_out}")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError, zlib.error, struct.error) as error:
        raise TrainingError(f"{path} is damaged or no checkpoint at all ({error}); {way_out}") from None
    if damaged:
        raise TrainingError(f"{path} is damaged: the checksum of {damaged} is wrong; {way_out}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise TrainingError(
            f"{path} holds more than tensors and numbers; it is refused and nothing in it was executed; {way_out}"
        ) from None
    except (RuntimeError, EOFError, KeyError, ValueError) as error:
        raise TrainingError(f"{path} is damaged ({str(error).splitlines()[0]}); {way_out}") from None
    except Exception as error:  # the reader meets with any nonsense that has the right checksums
        raise TrainingError(f"{path} is damaged ({type(error).__name__}); {way_out}") from None
    try:
        return check_state(state)
    except (ValueError, TrainingError) as error:
        raise TrainingError(f"{path} is no checkpoint of ganedu ({error}); {way_out}") from None


def find(folder: Path, *, previous: bool = False, at: int | None = None) -> Path:
    """The file of a checkpoint: the last, the one before, or that of step `at`.

    Raises TrainingError, with the steps that there are, if that of `at` was not kept, or for both at once.
    Taught in {ref}`training`.
    """
    if at is None:
        return folder / (PREVIOUS if previous else NAME)
    if previous:
        raise TrainingError("--previous and --at name two checkpoints; give one of them")
    steps = kept(folder)
    if at not in steps:
        there = f"there are {', '.join(map(str, steps))}" if steps else "none was kept (--keep-last, --keep-every)"
        raise TrainingError(f"{folder} has no checkpoint of step {at}: {there}")
    return steps[at]


def kept(folder: Path) -> dict[int, Path]:
    """The checkpoints that were kept, by their steps, in order.

    Taught in {ref}`training`.
    """
    found = {path: KEPT_NAME.fullmatch(path.name) for path in (folder / KEPT).glob("step_*.pt")}
    return dict(sorted((int(match[1]), path) for path, match in found.items() if match))


def keep(folder: Path, step: int, *, last: int, every: int) -> None:
    """Keep the checkpoint of `step`, just written, among the `last` ones, or for good if `every` divides its step.

    Raises OSError if that cannot be done.
    Taught in {ref}`training`.
    """
    if not step or not (last or (every and step % every == 0)):
        return
    path = folder / KEPT / f"step_{step:06d}.pt"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    _second_name(folder / NAME, path)
    passing = [each for number, each in kept(folder).items() if not (every and number % every == 0)]
    for each in passing[: len(passing) - last]:
        each.unlink()


def go_back(folder: Path, step: int, *, previous: bool = False, at: int | None = None) -> None:
    """Put an earlier checkpoint, that of `step`, in the place of the last; later ones are forgotten.

    Raises OSError if that cannot be done; the last one is then as it was.
    Taught in {ref}`training`.
    """
    path = find(folder, previous=previous, at=at)
    if path.name != NAME:
        write_atomically(folder / NAME, path.read_bytes())
    for number, each in kept(folder).items():
        if number > step:
            each.unlink()


def _way_out(folder: Path, previous: bool) -> str:
    if previous:
        return f"try the last one without --previous, or start anew with another --out than {folder}"
    if (folder / PREVIOUS).is_file():
        return f"the one before is {folder / PREVIOUS}: use it with --previous"
    return f"there is no earlier one in {folder}: start anew"


def _second_name(path: Path, other: Path) -> None:
    """The same file under another name; a copy where the file system has no hard links."""
    try:
        os.link(path, other)
    except OSError:
        try:
            shutil.copyfile(path, other)
        except OSError:
            other.unlink(missing_ok=True)
            raise

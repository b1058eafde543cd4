"""Files that are written whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from itertools import count
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by `content`: after a kill or a full disk it is the old one or the new one, never half of one.

    The temporary name is drawn: process numbers repeat among machines that share a disk.
    Raises OSError if it cannot be written; the old file is untouched then and the temporary one is gone.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def names(path: Path) -> Iterator[Path]:
    """Names for a file that must not replace a person's: its own, then NAME.new.EXT, NAME.new-2.EXT, ..."""
    yield path
    yield path.with_name(f"{path.stem}.new{path.suffix}")
    yield from (path.with_name(f"{path.stem}.new-{i}{path.suffix}") for i in count(2))


def _sync_folder(folder: Path) -> None:
    """Make a rename last: POSIX promises it only after the folder itself is synced. Elsewhere folders do not open."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

"""Making room in the cache: what is kept there twice or can be made again without a network goes first.

Taught in {ref}`data-sets`.
"""

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from ganedu.data.files import cache_folder

UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
DAY = 24 * 3600  # seconds after which nobody is unpacking any more


@dataclass(frozen=True)
class Entry:
    """A file or folder of the cache that can be made again: where, how large, and when it was last used.

    Taught in {ref}`data-sets`.
    """

    path: Path
    size: int
    used: float


def entries() -> list[Entry]:
    """What the cache has of unpacked archives, feature networks and broken unpackings, the longest unused first.

    Downloads are not among them: they would have to be fetched again.
    Taught in {ref}`data-sets`.
    """
    folder = cache_folder()
    found = [*folder.glob("unpacked/*"), *folder.glob("features-*.safetensors")]
    return sorted((_entry(path) for path in found), key=lambda each: each.used)


def clean(most: int, *, dry_run: bool = False) -> list[Entry]:
    """Remove entries, the longest unused first, until the others have at most `most` bytes; returns the removed.

    What an unpacking left that was killed more than a day ago is removed in any case.
    dry_run: remove nothing, just say what would be.
    Raises ValueError, naming the file, for what cannot be removed.
    Taught in {ref}`data-sets`.
    """
    found, gone = entries(), []
    left = sum(each.size for each in found)
    for each in found:
        broken = each.path.name.startswith(".unpacking-") and time.time() - each.used > DAY
        if left > most or broken:
            gone.append(each)
            left -= each.size
            if not dry_run:
                _remove(each.path)
    return gone


def size_of(text: str) -> int:
    """Bytes that a text such as "500 MB" or "2GB" names.

    Raises ValueError for any other text.
    Taught in {ref}`data-sets`.
    """
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([kMGT]?B|)\s*", text)
    if not match:
        raise ValueError(f"{text!r} is no size; write it as 500MB or 2GB")
    return int(float(match[1]) * UNITS[match[2]])


def _entry(path: Path) -> Entry:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return Entry(path, sum(each.stat().st_size for each in files), path.stat().st_mtime)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ValueError(f"cannot remove {error.filename or path}: {error.strerror or error}") from None

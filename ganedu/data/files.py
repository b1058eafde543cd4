"""Finding the files of a set, and reading them only when every byte is right.

Taught in {ref}`data-sets`.
"""

import gzip
import hashlib
import lzma
import os
import sys
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO

from ganedu.data.registry import File, FileSet

OPENERS = {"": open, ".gz": gzip.open, ".xz": lzma.open}
DAMAGED = (gzip.BadGzipFile, zlib.error, lzma.LZMAError, tarfile.TarError)


def cache_folder() -> Path:
    """Where files are kept that can be fetched or made again: GANEDU_CACHE, else this platform's folder for them.

    Taught in {ref}`data-sets`.
    """
    if chosen := os.environ.get("GANEDU_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ganedu"


def data_root(root: str | Path | None = None) -> Path:
    """The folder of downloaded sets: `root`, else the variable GANEDU_DATA, else `cache_folder()`.

    Raises ValueError if a folder that was named, by argument or variable, does not exist.
    Taught in {ref}`data-sets`.
    """
    named = root if root is not None else os.environ.get("GANEDU_DATA")
    if not named:
        return cache_folder()
    folder = Path(named).expanduser()
    if not folder.is_dir():
        source = "given as root" if root is not None else "named by GANEDU_DATA"
        raise ValueError(f"the data folder {folder}, {source}, does not exist; create it or name another one")
    return folder


def find(files: FileSet, split: str, root: Path) -> list[Path] | None:
    """Where the files of a split lie below `root`: one path a file, or a single archive that holds all; else None.

    Taught in {ref}`data-sets`.
    """
    for folder in files.folders:
        found = [_packed_or_not(root / folder / file.name) for file in files.splits[split]]
        if all(found):
            return found
    archives = [root / each.path for each in files.downloads if each.path.endswith(".tar.gz")]
    return next(([path] for path in archives if path.is_file()), None)


def read(files: FileSet, split: str, paths: list[Path]) -> list[bytes]:
    """The contents of the files of a split, from the paths that `find` gave, each with the right SHA-256.

    Raises ValueError, naming the file and the remedy, for damaged or truncated files and wrong sizes.
    Taught in {ref}`data-sets`.
    """
    wanted = files.splits[split]
    if paths[0].name.endswith(".tar.gz"):
        return _read_archive(paths[0], files.folders[0], wanted, files.name)
    contents = []
    for path, file in zip(paths, wanted, strict=True):
        with _Blame(path, files.name), OPENERS[_packing(path)](path, "rb") as stream:
            contents.append(_checked(stream, file, files.name, path))
    return contents


def _read_archive(archive: Path, folder: str, wanted: tuple[File, ...], set_name: str) -> list[bytes]:
    """Read from within the archive: nothing is unpacked to disk, no name in it is used as a path."""
    contents = {}
    with _Blame(archive, set_name), tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            file = next((file for file in wanted if member.name == f"{folder}/{file.name}"), None)
            if file and member.isfile():
                contents[file.name] = _checked(tar.extractfile(member), file, set_name, f"{archive}:{member.name}")
            if len(contents) == len(wanted):
                break
    missing = [file.name for file in wanted if file.name not in contents]
    if missing:
        raise ValueError(f"{archive} does not contain {', '.join(missing)}; {_remedy(set_name)}")
    return [contents[file.name] for file in wanted]


def _checked(stream: BinaryIO, file: File, set_name: str, where) -> bytes:
    content = stream.read(file.length + 1)  # never more: a small archive can unpack to any size
    if len(content) != file.length:
        size = "more" if len(content) > file.length else len(content)
        raise ValueError(f"{where} has the wrong size: {size} instead of {file.length} bytes; {_remedy(set_name)}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise ValueError(
            f"{where} is not the original: SHA-256 {digest[:12]}... instead of {file.sha256[:12]}...; "
            f"{_remedy(set_name)}"
        )
    return content


class _Blame:
    """Turns what the decompressors raise into one sentence that names the file."""

    def __init__(self, path: Path, set_name: str):
        self.path, self.set_name = path, set_name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, EOFError):
            raise ValueError(f"{self.path} is truncated, its end is missing; {_remedy(self.set_name)}") from None
        if isinstance(error, DAMAGED):
            raise ValueError(f"{self.path} is damaged ({error}); {_remedy(self.set_name)}") from None
        if isinstance(error, OSError):
            raise ValueError(f"{self.path} cannot be read: {error.strerror or error}") from None


def _packed_or_not(path: Path) -> Path | None:
    return next((each for each in (path.with_name(path.name + end) for end in OPENERS) if each.is_file()), None)


def _packing(path: Path) -> str:
    return path.suffix if path.suffix in OPENERS else ""


def _remedy(set_name: str) -> str:
    return f"delete it and run `ganedu data prepare {set_name}`, or copy the original there"

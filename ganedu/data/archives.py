"""Unpacking zip and tar archives so that nothing in them can reach outside the folder.

Taught in {ref}`data-sets`.
"""

import contextlib
import hashlib
import lzma
import os
import shutil
import stat
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

from ganedu.data.files import cache_folder

CHUNK = 1 << 20
SYNC_AT_ONCE = 16  # files: disks put many requests together
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz")
ENTRIES = 10**6  # in an archive
RATIO, SMALL = (
    100,
    10**8,
)  # times its own size, and bytes that any archive may unpack to; pictures are compressed already
FEW, LEAST = 1000, 40  # from so many entries on they have so many bytes on average: no picture is smaller
BROKEN = (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
BROKEN += (RuntimeError, NotImplementedError)  # zipfile: a password is needed, an unknown compression
BROKEN += (UnicodeError, struct.error, OverflowError, MemoryError)  # lying headers


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack `archive` into the new folder `folder`, whole or not at all; an existing folder is returned as it is.

    All names and sizes are looked at before the first byte is written. Unpacking goes to a temporary folder beside the
    target, which is renamed when every file is on disk.
    archive: .zip, .tar, .tar.gz, .tgz or .tar.xz.
    Raises ValueError for a name that leaves the folder (absolute, or with ".."), for anything but files and folders
    (links, devices), for a damaged or truncated archive, for one that unpacks to more than pictures do (in bytes or in
    entries), and for a disk without room for it.
    Taught in {ref}`data-sets`.
    """
    if folder.is_dir():
        with contextlib.suppress(OSError):  # a cache that cannot be written serves as well
            os.utime(folder)  # used today: `ganedu data clean` takes others first
        return folder
    temporary, new = None, [each for each in (folder.parent, *folder.parent.parents) if not each.exists()]
    try:
        with _open(archive) as packed:
            size = _refuse_unreasonable(packed, archive)
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
            _refuse_too_large(size, temporary, archive)
            written = [_write(stream, temporary / name) for name, stream in _streams(packed)]
            _sync_all(written)
        os.replace(temporary, folder)
    except BROKEN as error:
        if folder.is_dir():  # another process was faster
            return folder
        raise ValueError(f"cannot unpack {archive} into {folder}: {error or type(error).__name__}") from None
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
        for each in new:  # nothing is left of what failed, not even the folder where it would have been
            with contextlib.suppress(OSError):
                each.rmdir()
    return folder


def verify(archive: Path, folder: Path) -> None:
    """Compare every file that was unpacked into `folder` with its archive, byte by byte.

    Raises ValueError, naming the first file that is missing, altered or added, and for a damaged archive.
    Taught in {ref}`data-sets`.
    """
    remedy = f"delete the folder {folder}, and it is unpacked again"
    expected = set()
    try:
        with _open(archive) as packed:
            for name, stream in _streams(packed):
                expected.add(folder / name)
                if not (folder / name).is_file():
                    raise ValueError(f"{folder / name} is missing; {remedy}")
                if not _same(stream, folder / name):
                    raise ValueError(f"{folder / name} is not what {archive} holds; {remedy}")
    except BROKEN as error:
        raise ValueError(f"cannot compare {folder} with {archive}: {error or type(error).__name__}") from None
    if added := sorted({each for each in folder.rglob("*") if each.is_file()} - expected):
        raise ValueError(f"{added[0]} does not come from {archive}; {remedy}")


def unpacked_folder(archive: Path, sha256: str) -> Path:
    """Where the cache has what `archive` holds; sha256: what `digest` says of it.

    Taught in {ref}`data-sets`.
    """
    return cache_folder() / "unpacked" / f"{archive.name.split('.')[0]}-{sha256[:16]}"


def unpack_once(archive: Path, sha256: str) -> Path:
    """The folder in the cache with what `archive` holds; sha256: what `digest` says of it.

    Named by its content: an archive that changes is unpacked anew, one that does not is unpacked once.
    Raises ValueError for what `unpack` refuses.
    Taught in {ref}`data-sets`.
    """
    return unpack(archive, unpacked_folder(archive, sha256))


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Taught in {ref}`data-sets`.
    """
    sha256 = hashlib.sha256()
    with open(path, "rb") as stream:
        for part in iter(lambda: stream.read(CHUNK), b""):
            sha256.update(part)
    return sha256.hexdigest()


def _open(archive: Path) -> zipfile.ZipFile | tarfile.TarFile:
    return zipfile.ZipFile(archive) if archive.suffix == ".zip" else tarfile.open(archive)


def _refuse_unreasonable(packed, archive: Path) -> int:
    """Raises ValueError for names that lead outside and for more than pictures need; returns the bytes of all files.

    Sizes are added up entry by entry: those of a .tar.gz are known one by one, and what lies between is unpacked.
    """
    count, size, most = 0, 0, max(SMALL, RATIO * archive.stat().st_size)
    for name, length in _members(packed):
        _refuse_unsafe(name, archive)
        count, size = count + 1, size + length
        if size > most:
            raise ValueError(
                f"{archive} of {archive.stat().st_size / 1e6:,.1f} MB unpacks to more than {most / 1e6:,.0f} MB, "
                "which no pictures do; nothing was unpacked. Unpack it yourself and name the folder"
            )
        if count > ENTRIES or (count > FEW and size < LEAST * count):
            raise ValueError(
                f"{archive} has more than {count - 1:,} entries, of {size / count:.0f} bytes on average, which no "
                "pictures have; nothing was unpacked. Unpack it yourself and name the folder"
            )
    return size


def _members(packed) -> Iterator[tuple[str, int]]:
    """Name and unpacked size of every entry; links and devices are refused."""
    if isinstance(packed, zipfile.ZipFile):
        for entry in packed.infolist():
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise ValueError(f"{packed.filename} contains the link {entry.filename!r}; nothing was unpacked")
            yield entry.filename, entry.file_size
    else:
        for entry in packed:
            if not (entry.isfile() or entry.isdir()):
                raise ValueError(f"{packed.name} contains {entry.name!r}, a link or device; nothing was unpacked")
            yield entry.name, entry.size
        while packed.fileobj.read(CHUNK):  # tarfile stops before the checksum that ends a .gz or .xz
            pass


def _streams(packed) -> Iterator[tuple[str, BinaryIO]]:
    """Name and content of every file, one at a time."""
    if isinstance(packed, zipfile.ZipFile):
        for entry in packed.infolist():
            if not entry.is_dir():
                with packed.open(entry) as stream:
                    yield entry.filename, stream
    else:
        for entry in packed.getmembers():
            if entry.isfile():
                yield entry.name, packed.extractfile(entry)


def _refuse_unsafe(name: str, archive: Path) -> None:
    windows = PureWindowsPath(name)  # knows the drives and backslashes that a posix path takes for letters
    if windows.drive or windows.root or ".." in windows.parts:
        raise ValueError(f"{archive} contains {name!r}, which would leave the folder; nothing was unpacked")


def _refuse_too_large(size: int, folder: Path, archive: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ValueError(
            f"{archive} unpacks to {size / 1e6:.0f} MB, but {folder.parent} has {free / 1e6:.0f} MB left; "
            "make room there, or unpack it elsewhere and name that folder"
        )


def _write(stream: BinaryIO, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as target:  # x: a name that occurs twice is an error, not a silent choice
        shutil.copyfileobj(stream, target)
    return path


def _same(stream: BinaryIO, path: Path) -> bool:
    with open(path, "rb") as other:
        while part := stream.read(CHUNK):
            if other.read(len(part)) != part:
                return False
        return not other.read(1)


def _sync_all(written: list[Path]) -> None:
    """Wait until all files are on disk."""
    if sys.platform == "linux":  # where it waits, as POSIX does not ask for
        return os.sync()
    with ThreadPoolExecutor(SYNC_AT_ONCE) as pool:  # one after the other they would wait for the disk each
        return list(pool.map(_sync, written))


def _sync(path: Path) -> None:
    with open(path, "r+b") as written:
        os.fsync(written.fileno())

"""Fetching the files of a set once, through pooch, with their hashes.

Taught in {ref}`data-sets`.
"""

import textwrap
from pathlib import Path
from urllib.parse import urlsplit

from ganedu.data.registry import Download, FileSet, UnpairedSet
from ganedu.data.resuming import ResumingDownloader

RETRIES = 2
LOCK = ".ganedu-download.lock"


def fetch(files: FileSet | UnpairedSet, root: Path) -> None:
    """Put the files of a set below `root`; those that are there with the right hash are left alone.

    A file that is not whole yet is NAME.part, and the next call goes on with it; it gets its name when the hash is
    right. Of several processes one downloads, and the others wait for it.
    Raises ValueError, saying which files to put where, when there is no network, no space or no pooch.
    Taught in {ref}`data-sets`.
    """
    if not any(each.mirrors for each in files.downloads):
        raise ValueError(f"{files.name} is not here, and cannot be downloaded. {_offline(files, root)}")
    try:
        import pooch  # noqa: F401
    except ImportError:
        raise ValueError(
            f"pooch, which downloads, is not installed (pip install pooch); {_offline(files, root)}"
        ) from None
    from filelock import FileLock  # torch depends on it

    lock = FileLock(root / LOCK)
    try:
        root.mkdir(parents=True, exist_ok=True)
        held = lock.acquire()
    except OSError as error:
        raise ValueError(f"cannot write to {root}: {error.strerror or error}. {_offline(files, root)}") from None
    with held:
        for each in files.downloads:
            _fetch(each, files, root)


def _fetch(wanted: Download, files: FileSet | UnpairedSet, root: Path) -> None:
    import pooch

    target = root / wanted.path
    partial = target.with_name(f"{target.name}.part")
    failures = []
    for url in wanted.mirrors:
        try:
            pooch.create(
                path=target.parent,
                base_url="",
                registry={target.name: wanted.known_hash},
                urls={target.name: url},
                retry_if_failed=RETRIES,
            ).fetch(target.name, downloader=ResumingDownloader(partial))
            partial.unlink(missing_ok=True)  # of an earlier attempt, if the file was put here by other means meanwhile
            return
        except (OSError, ValueError) as error:  # requests raises OSErrors; ValueError: the hash is wrong
            failures.append(f"{urlsplit(url).netloc}: {textwrap.shorten(str(error), 60, placeholder=' ...')}")
    kept = f"{partial} keeps what has come; run it again to go on. " if partial.exists() else ""
    raise ValueError(f"cannot download {files.name} ({'; '.join(failures)})\n{kept}{_offline(files, root)}")


def _offline(files: FileSet | UnpairedSet, root: Path) -> str:
    lines = [f"  {root / each.path}  ({each.known_hash})" for each in files.downloads]
    return "\n".join(
        ["without a network, put these files there, or point GANEDU_DATA at a folder that has them:", *lines]
    )

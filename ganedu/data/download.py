"""Fetching the files of a set once, through pooch, with their hashes.

Taught in {ref}`data-sets`.
"""

from pathlib import Path

from ganedu.data.registry import Download, FileSet

RETRIES = 2


def fetch(files: FileSet, root: Path) -> None:
    """Put the files of a set below `root`; those that are there with the right hash are left alone.

    pooch writes to a temporary file and moves it into place when the hash is right, so that an interrupted download
    leaves nothing half-written, and the next call continues with the first file that is missing.
    Raises ValueError, saying which files to put where, when there is no network, no space or no pooch.
    Taught in {ref}`data-sets`.
    """
    for each in files.downloads:
        _fetch(each, files, root)


def _fetch(wanted: Download, files: FileSet, root: Path) -> None:
    try:
        import pooch
    except ImportError:
        raise ValueError(
            f"pooch, which downloads, is not installed (pip install pooch); {_offline(files, root)}"
        ) from None
    target = root / wanted.path
    failures = []
    for url in wanted.mirrors:
        try:
            pooch.create(
                path=target.parent,
                base_url="",
                registry={target.name: wanted.known_hash},
                urls={target.name: url},
                retry_if_failed=RETRIES,
            ).fetch(target.name, progressbar=True)
            return
        except (OSError, ValueError) as error:  # requests raises OSErrors; ValueError: the hash is wrong
            failures.append(f"{url}: {str(error).splitlines()[0]}")
    raise ValueError(f"cannot download {files.name}. {' '.join(failures)}\n{_offline(files, root)}")


def _offline(files: FileSet, root: Path) -> str:
    lines = [f"  {root / each.path}  ({each.known_hash})" for each in files.downloads]
    return "\n".join(
        ["without a network, put these files there, or point GANEDU_DATA at a folder that has them:", *lines]
    )

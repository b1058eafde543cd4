"""Pages that are written again and again, without ever writing over what a person made of one.

A page ends with a comment that holds the hash of all that is before it. Where the two do not agree somebody has edited
the page; where there is no such comment, it is somebody else's. Both stay, and the new page gets the next free name.
Taught in {ref}`training`.
"""

import hashlib
import re
from pathlib import Path

from ganedu._files import names, write_atomically

_MARK = re.compile(rb"\n<!-- ganedu wrote this page; SHA-256 of what is above: ([0-9a-f]{64}) -->\n\Z")


def marked(page: str) -> bytes:
    """A page with its mark.

    Taught in {ref}`training`.
    """
    content = page.encode()
    digest = hashlib.sha256(content).hexdigest()
    return content + f"\n<!-- ganedu wrote this page; SHA-256 of what is above: {digest} -->\n".encode()


def is_ours(path: Path) -> bool:
    """Whether a file is a page as `marked` made it, to the byte.

    Taught in {ref}`training`.
    """
    if not path.is_file() or path.is_symlink():
        return False
    content = path.read_bytes()
    found = _MARK.search(content)
    return found is not None and hashlib.sha256(content[: found.start()]).hexdigest().encode() == found[1]


def write(path: Path, page: str) -> Path:
    """Write a page to `path`, or beside it if a person's file is there: report.new.html, report.new-2.html, ...

    Returns where it is now. Raises OSError if it cannot be written.
    Taught in {ref}`training`.
    """
    free = next(each for each in names(path) if is_ours(each) or not (each.exists() or each.is_symlink()))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(free, marked(page))
    return free

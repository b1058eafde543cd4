"""Folders that the course writes to and people work in: what a person changed is never overwritten or deleted.

A folder keeps a record of all that the course wrote there, as hashes. A file whose bytes are on record is ours and may
be brought up to date. Any other file is a person's: it stays as it is, and what the course has to say anew is written
beside it, under a name that is free.
"""

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import NamedTuple

import nbformat

from ganedu._files import names, write_atomically

RECORD = ".course.json"


class Outcome(NamedTuple):
    """What became of one file: ``new``, ``fresh`` (it was gone), ``updated``, or ``kept`` with the new text beside."""

    name: str
    what: str
    beside: str = ""

    def __str__(self):
        return (
            f"{self.name}: "
            + {
                "new": "new",
                "fresh": "it was gone, here is a fresh one",
                "updated": "brought up to date, nobody had changed it",
                "kept": f"yours stays as it is; the new text is beside it, in {self.beside}",
            }[self.what]
        )


def bring_up_to_date(folder: Path, texts: dict[str, str]) -> list[Outcome]:
    """Write texts {name of a file: its text} into a folder. Returns what happened where something did.

    Raises OSError if the folder cannot be written; each file is the old one or the new one then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = _read(folder / RECORD)
    known = {name for name, entry in record.items() if entry["written"]}
    for name, text in texts.items():  # noted first: a kill must not make a file of ours a person's
        entry = record.setdefault(name, {"written": [], "offered": ""})
        entry["written"] = sorted({*entry["written"], hashlib.sha256(text.encode()).hexdigest()})
    _save(folder, record)
    try:
        outcomes = [_offer(folder, name, text, record[name], name in known) for name, text in texts.items()]
    finally:
        _save(folder, record)
    return [outcome for outcome in outcomes if outcome]


def is_untouched(path: Path) -> bool:
    """Whether a file directly in such a folder is as the course wrote it."""
    return _hash(path) in _read(path.parent / RECORD).get(path.name, {"written": []})["written"]


def _offer(folder: Path, name: str, text: str, entry: dict, known: bool) -> Outcome | None:
    path, content = folder / name, _content(name, text)
    there = os.path.lexists(path)
    if there and entry["offered"] == content:
        return None
    free = next(p for p in names(path) if not os.path.lexists(p) or _hash(p) in entry["written"])
    if os.path.lexists(free):
        write_atomically(free, text.encode())
    else:
        _create(free, text.encode())
    entry["offered"] = content
    if free != path:
        return Outcome(name, "kept", free.name)
    return Outcome(name, "updated" if there else "fresh" if known else "new")


def _create(path: Path, content: bytes):
    """Write a file that is not there, whole or not at all; one that appears meanwhile is not overwritten."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links
        with path.open("xb") as file:
            file.write(content)
    finally:
        temporary.unlink(missing_ok=True)


def _save(folder: Path, record: dict):
    write_atomically(folder / RECORD, (json.dumps(record, indent=1) + "\n").encode())


def _hash(path: Path) -> str:
    """Of the bytes of a file of ours; a link or a folder under its name is not ours."""
    return "" if path.is_symlink() or not path.is_file() else hashlib.sha256(path.read_bytes()).hexdigest()


def _content(name: str, text: str) -> str:
    """A hash of what a text says: in a notebook the outputs do not make a newer edition."""
    if name.endswith(".ipynb"):
        text = json.dumps([(cell.cell_type, cell.source) for cell in nbformat.reads(text, as_version=4).cells])
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> dict:
    """What the course wrote; if the record is missing or damaged every file counts as a person's."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(name): {"written": [str(one) for one in entry["written"]], "offered": str(entry["offered"])}
            for name, entry in record.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}

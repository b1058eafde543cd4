"""Which equations of the book are checked, by what, and how closely.

The texts say which equations exist (labels ``eq-...``) and which checks the code calls; the executed notebooks hold
the record that each passing check left. The ledger compares the three. Plain text and JSON only: quick, no torch.

Taught in {ref}`ledger`.
"""

import difflib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ganedu import _chapter
from ganedu._chapter import Call


@dataclass(frozen=True)
class Equation:
    """A labeled equation and where it stands.

    Taught in {ref}`ledger`.
    """

    label: str
    chapter: str
    path: Path
    line: int

    @property
    def asserts(self) -> bool:
        """Whether it asserts something (``eq-``); a definition (``def-``) may be checked as well."""
        return self.label.startswith("eq-")


@dataclass(frozen=True)
class Record:
    """What a passing check left in a notebook.

    Taught in {ref}`ledger`.
    """

    label: str
    chapter: str
    kind: str
    method: str
    tolerance: str
    residual: float
    rejects: tuple[dict, ...]  # each has a name and a miss
    no_rejects: str = ""
    misprints: int = 0  # of the printed formula, each of which fails
    not_executed: str = ""  # why the print is not executed

    @property
    def executed(self) -> bool:
        """Whether the check evaluated the formula from its print."""
        return self.kind == "equation"


@dataclass
class Ledger:
    """Equations, calls and records of the chapters, in reading order.

    Taught in {ref}`ledger`.
    """

    equations: list[Equation] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    missing: list[Path] = field(default_factory=list)  # notebooks that should exist

    def of(self, label: str) -> list[Record]:
        """The records of one equation."""
        return [record for record in self.records if record.label == label]

    def not_executed(self, label: str) -> str | None:
        """Why the print of an equation is not executed; empty if no reason is given, None if it is executed."""
        if any(record.executed for record in self.of(label)):
            return None
        return next((record.not_executed for record in self.of(label) if record.not_executed), "")


def find_book(start: Path) -> Path:
    """The folder `book` in `start` or above it, known by its subfolder `chapters`.

    Taught in {ref}`ledger`.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        for candidate in (folder / "book", folder):
            if candidate.name == "book" and (candidate / "chapters").is_dir():
                return candidate
    raise ValueError(f"no folder book/chapters in {start} or above; name the book's folder with --book PATH")


def read(book: Path, notebooks: Path | None = None) -> Ledger:
    """The ledger of all chapters in `book`/chapters; the notebooks stand beside the book unless told otherwise.

    Taught in {ref}`ledger`.
    """
    chapters = sorted((book / "chapters").glob("[0-9][0-9]_*.md"))
    if not chapters:
        raise ValueError(f"{book / 'chapters'} holds no chapter NN_slug.md; name the book's folder with --book PATH")
    notebooks = notebooks or book.resolve().parent / "notebooks"
    ledger = Ledger()
    for path in chapters:
        text = path.read_text(encoding="utf-8")
        ledger.equations += [Equation(label, path.stem, path, line) for line, label in _chapter.labels(text)]
        ledger.calls += _chapter.calls(text, path)
        notebook = notebooks / f"{path.stem}.ipynb"
        if notebook.exists():
            ledger.records += records(notebook)
        else:
            ledger.missing.append(notebook)
    return ledger


def records(notebook: Path) -> list[Record]:
    """What the checks of an executed notebook left in the metadata of their outputs.

    Taught in {ref}`ledger`.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ValueError(f"{notebook} is not a notebook; delete it and run `make notebooks`") from None
    outputs = [o.get("metadata", {}).get("ganedu") or [] for cell in cells for o in cell.get("outputs", [])]
    stored = [record for output in outputs for record in (output if isinstance(output, list) else [output])]
    return [
        Record(
            record["label"],
            notebook.stem,
            record["kind"],
            record["method"],
            record["tolerance"],
            float(record["residual"]),
            tuple(record["rejects"]),
            record.get("no_rejects", ""),
            record.get("misprints", 0),
            record.get("not_executed", ""),
        )
        for record in stored
    ]


class Coverage(NamedTuple):
    """How many of the equations that assert something are checked, and how many of them as printed.

    Taught in {ref}`ledger`.
    """

    checked: int
    executed: int
    total: int


def coverage(ledger: Ledger) -> dict[str, Coverage]:
    """The coverage of each chapter.

    Taught in {ref}`ledger`.
    """
    recorded = {(record.chapter, record.label) for record in ledger.records}
    executed = {(record.chapter, record.label) for record in ledger.records if record.executed}
    found = {}
    for chapter in dict.fromkeys(e.chapter for e in ledger.equations):
        asserted = {(chapter, e.label) for e in ledger.equations if e.chapter == chapter and e.asserts}
        found[chapter] = Coverage(len(asserted & recorded), len(asserted & executed), len(asserted))
    return found


def total(counts: Iterable[Coverage]) -> Coverage:
    """The coverage of several chapters together.

    Taught in {ref}`ledger`.
    """
    return Coverage(*(sum(column) for column in zip(*counts, strict=True))) if counts else Coverage(0, 0, 0)


def problems(ledger: Ledger) -> list[str]:
    """Everything that keeps the book from being fully checked, each with its place and its remedy.

    Taught in {ref}`ledger`.
    """
    found = [f"{path}: missing; run `make notebooks`" for path in ledger.missing]
    home: dict[str, Equation] = {}
    for equation in ledger.equations:
        place = f"{equation.path}:{equation.line}"
        if equation.label in home:
            first = home[equation.label]
            found.append(f"{place}: the label {equation.label} is taken, see {first.path}:{first.line}; rename one")
        home.setdefault(equation.label, equation)
    for call in ledger.calls:
        if complaint := _complaint(call, home):
            found.append(f"{call.path}:{call.line}: {complaint}")
    return found + _unrecorded(ledger) + _unchecked(ledger) + _unexecuted(ledger)


def _complaint(call: Call, home: dict[str, Equation]) -> str:
    if call.label is None:
        return "write the label of the check out, as a string"
    if call.label not in home:
        near = difflib.get_close_matches(call.label, home, n=1)
        return f"the check names the unknown label {call.label!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    if home[call.label].chapter != call.chapter:
        return f"{call.label} belongs to {home[call.label].chapter}; an equation is checked in its own chapter"
    return ""


def _unrecorded(ledger: Ledger) -> list[str]:
    """Checks that left no record, and records whose check is gone: the notebook is older than the text."""
    left = Counter((record.chapter, record.label) for record in ledger.records)
    called = Counter((call.chapter, call.label) for call in ledger.calls)
    absent = {path.stem for path in ledger.missing}
    found = []
    for call in ledger.calls:
        key = (call.chapter, call.label)
        if call.label and call.chapter not in absent and left[key] < called[key]:
            found.append(f"{call.path}:{call.line}: the check of {call.label} left no record; run `make notebooks`")
            called[key] = 0  # said once for a label
    stale = [key for key in left if key not in called]
    return found + [
        f"notebooks/{c}.ipynb: {label} has a record but no check; run `make notebooks`" for c, label in stale
    ]


def _unchecked(ledger: Ledger) -> list[str]:
    called = {(call.chapter, call.label) for call in ledger.calls}
    return [
        f"{e.path}:{e.line}: no check of {e.label}; add one in this chapter, or call it def-... if it defines"
        for e in ledger.equations
        if e.asserts and (e.chapter, e.label) not in called
    ]


def _unexecuted(ledger: Ledger) -> list[str]:
    """Equations that are checked by value only, without a word why."""
    recorded = {record.label for record in ledger.records}
    return [
        f"{e.path}:{e.line}: the print of {e.label} is not executed: use checks.equation, or say why in `not_executed`"
        for e in ledger.equations
        if e.asserts and e.label in recorded and ledger.not_executed(e.label) == ""
    ]


def table(ledger: Ledger) -> str:
    """The ledger as text: one line a check, then the coverage of each chapter.

    Taught in {ref}`ledger`.
    """
    rows = [("equation", "chapter", "as printed", "tolerance", "residual", "rejects", "misprints", "method")]
    for equation in ledger.equations:
        kept = [record for record in ledger.of(equation.label) if record.chapter == equation.chapter]
        for r in kept:
            counts = (f"{r.residual:.0e}", str(len(r.rejects)), str(r.misprints) if r.executed else "")
            rows.append((r.label, r.chapter[:2], "yes" if r.executed else "no", r.tolerance, *counts, r.method))
        if not kept and equation.asserts:
            rows.append((equation.label, equation.chapter[:2], *[""] * 5, "not checked"))
    widths = [max(len(row[column]) for row in rows) for column in range(7)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[7]]) for row in rows]
    counts = coverage(ledger)
    lines += ["", *(f"{chapter}: {_counted(count)}" for chapter, count in counts.items())]
    return "\n".join([*lines, f"the book: {_counted(total(list(counts.values())))}"])


def _counted(count: Coverage) -> str:
    share = f"{100 * count.executed / count.total:.0f} %" if count.total else "none"
    return f"{count.checked} of {count.total} equations checked, {count.executed} of them as printed ({share})"

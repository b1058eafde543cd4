"""Read the boxes in which a page decides claims of the source articles.

The format is that of CONTRIBUTING.md, taken strictly: every departure is an error with its file and line.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ganedu.ledger import Ledger

VERDICTS = {
    "erratum": ("wrong", "imprecise", "meaningless"),
    "confirmed": ("correct", "correct with a condition", "not computational"),
}
KEYS = {
    "erratum": ("Claims", "Verdict", "Printed", "Correct", "Refuted by", "Belongs to", "How one comes to write it"),
    "confirmed": ("Claims", "Verdict", "Says", "Condition", "Shown by"),
}
OPTIONAL = ("Belongs to", "How one comes to write it", "Condition")
EVIDENCE = {"erratum": "Refuted by", "confirmed": "Shown by"}
_OPENING = re.compile(r"^(:{3,}|`{3,})\{admonition\}\s*(.*)$")
_ITEM = re.compile(r"^- \*\*(.+?)\*\*: (.+)$")
_CLAIM = re.compile(r"S00[0-4]-\d\d")
_QUOTED_LABEL = re.compile(r"`(eq-[^`]+)`")


@dataclass
class Box:
    """One decided claim, or several that one argument decides."""

    kind: str  # erratum or confirmed
    title: str
    path: Path
    line: int
    section: str  # the heading under which the box stands
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def claims(self) -> list[str]:
        """The ids, say ["S001-07", "S001-18"]."""
        return [claim.strip() for claim in self.fields.get("Claims", "").split(",")]

    @property
    def evidence(self) -> str:
        """What refutes or shows it: labels in backticks and the name of a mistake, or a sentence."""
        return self.fields.get(EVIDENCE[self.kind], "")

    @property
    def labels(self) -> list[str]:
        """The checked equations that the evidence names."""
        return _QUOTED_LABEL.findall(self.evidence)

    @property
    def mistake(self) -> str:
        """The name of the rejected mistake that an erratum points at, or nothing."""
        match = re.fullmatch(r"`eq-[^`]+`, (.+)", self.evidence)
        return match[1] if match and self.kind == "erratum" else ""


def read(path: Path) -> tuple[list[Box], list[str]]:
    """The boxes of a page, and what is wrong with how they are written."""
    boxes, errors, section, fence = [], [], "", ""
    open_box = candidate = None
    for line, text in _prose(path.read_text(encoding="utf-8")):
        place = f"{path}:{line}"
        if open_box and _OPENING.match(text):
            errors.append(f"{place}: the box of line {open_box.line} is not closed")
            open_box = None
        if open_box and text.strip() == fence:
            errors += _form(open_box)
            open_box = None
        elif open_box:
            errors += [f"{place}: {complaint}" for complaint in _item(open_box, text)]
        elif match := _OPENING.match(text):
            fence, candidate = match[1], Box("", match[2], path, line, section)
        elif match := re.match(r"^:class: (\w+)( dropdown)?$", text):
            if candidate and match[1] in KEYS:
                if not match[2]:
                    errors.append(f"{place}: a box folds, for readers without the articles: add `dropdown`")
                candidate.kind = match[1]
                boxes.append(open_box := candidate)
        elif text.startswith("- **Claims**"):
            errors.append(f"{place}: claims stand in an admonition of class erratum or confirmed, its first option")
        elif match := re.match(r"^#{1,4} (.*)$", text):
            section = match[1]
    if open_box:
        errors.append(f"{path}:{open_box.line}: the box is not closed")
    return boxes, errors


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines outside code cells, whose comments look like headings."""
    in_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```{code-cell}"):
            in_code = True
        elif in_code and line.strip() == "```":
            in_code = False
        elif not in_code:
            yield number, line


def _item(box: Box, text: str) -> Iterator[str]:
    """Add one line to a box; yields what is wrong with it."""
    match = _ITEM.match(text)
    if not match:
        if text.strip() and not text.startswith(":"):
            yield f"a box has lines '- **Key**: value' only, one line each, not {text.strip()[:40]!r}"
        return
    key, value = match.groups()
    if key not in KEYS[box.kind]:
        yield f"unknown key {key!r}; a box of class {box.kind} has {', '.join(KEYS[box.kind])}"
    elif key in box.fields:
        yield f"the key {key!r} stands twice"
    else:
        box.fields[key] = value.strip()


def _form(box: Box) -> Iterator[str]:
    """What a complete box lacks, apart from what its evidence says."""
    place = f"{box.path}:{box.line}"
    order = [key for key in KEYS[box.kind] if key in box.fields]
    if list(box.fields) != order:
        yield f"{place}: the keys stand in the order {', '.join(order)}"
    for key in KEYS[box.kind]:
        if key not in box.fields and key not in OPTIONAL:
            yield f"{place}: the box lacks the key {key!r}"
    if box.fields.get("Verdict") == "correct with a condition" and "Condition" not in box.fields:
        yield f"{place}: correct with a condition, but the key 'Condition' is missing"
    if "Verdict" in box.fields and box.fields["Verdict"] not in VERDICTS[box.kind]:
        allowed = ", ".join(VERDICTS[box.kind])
        yield f"{place}: the verdict {box.fields['Verdict']!r} does not fit the class {box.kind}: {allowed}"
    for claim in box.claims if "Claims" in box.fields else ():
        if not _CLAIM.fullmatch(claim):
            yield f"{place}: {claim!r} is not the id of a claim, such as S001-07; separate ids by commas"


def unproved(box: Box, ledger: Ledger) -> Iterator[str]:
    """What the evidence of a box names that no check has recorded."""
    place = f"{box.path}:{box.line}"
    for label in box.labels:
        if not ledger.of(label):
            yield f"{place}: no check of {label} is recorded; correct the label or run `make notebooks`"
    if box.kind != "erratum" or not box.labels or not ledger.of(box.labels[0]):
        return
    names = [miss["name"] for record in ledger.of(box.labels[0]) for miss in record.rejects]
    if not box.mistake:
        yield f"{place}: after the label, a comma and the name of the mistake: {'; '.join(names)}"
    elif box.mistake not in names:
        yield f"{place}: {box.labels[0]} rejects no mistake named {box.mistake!r}, but: {'; '.join(names)}"


def repeated(boxes: list[Box]) -> Iterator[str]:
    """Claims that are decided twice on one page."""
    first: dict[str, Box] = {}
    for box in boxes:
        for claim in box.claims:
            if claim in first:
                yield f"{box.path}:{box.line}: {claim} is decided in line {first[claim].line} already"
            first.setdefault(claim, box)


def read_all(pages: list[Path], ledger: Ledger, warn: Callable[[str], None]) -> list[Box]:
    """The boxes of all pages; hands every error to `warn`."""
    found = []
    for page in pages:
        boxes, errors = read(page)
        for error in [*errors, *repeated(boxes), *(e for box in boxes for e in unproved(box, ledger))]:
            warn(error)
        found += boxes
    return found

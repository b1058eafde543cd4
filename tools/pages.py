"""Write the parts of the appendix that follow from the chapters: `python -m tools.pages`.

The boxes of the chapters give the corrections and the confirmed claims, the records of the checks give the measured
numbers and the ledger. The texts land in `_build/generated`, where the hand-written pages of `book/appendix` include
them. A file is only written when its text changes, so that the book is rebuilt no more than needed.
"""

import html
import math
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from docutils.nodes import make_id

from ganedu import ledger
from ganedu.ledger import Ledger, Record
from tools import boxes
from tools.boxes import Box

ROOT = Path(__file__).resolve().parents[1]
ARTICLES = ("000", "001", "002", "003", "004")
_TITLE = re.compile(r"^# (?:(\d+) · )?(.+)$", re.MULTILINE)


def scientific(value: float) -> str:
    """A measured number with one digit, as mathematics: 3.4e-16 becomes $3\\times10^{-16}$."""
    if value == 0 or not math.isfinite(value):
        return f"${value:g}$"
    digits, exponent = f"{value:.0e}".split("e")
    return f"${float(value):.2g}$" if -3 < int(exponent) < 3 else rf"${digits}\times10^{{{int(exponent)}}}$"


def title(page: Path) -> str:
    """The title of a page, for a chapter with its number: "Chapter 4, The optimal discriminator"."""
    match = _TITLE.search(page.read_text(encoding="utf-8"))
    if not match:
        raise ValueError(f"{page}: the page has no title '# ...'")
    return f"Chapter {match[1]}, {match[2]}" if match[1] else match[2]


def link(box: Box) -> str:
    """A link from the appendix to the section in which a box stands."""
    anchor = make_id(re.sub(r"[$`*]", "", box.section))
    if not in_chapter(box):
        return f'<a href="#{anchor}">{box.section}</a>'
    place = title(box.path)
    if "$" not in box.section:  # mathematics would not be typeset within a link
        place += ": " + re.sub(r"[`*]", "", box.section)
    return f'<a href="../../notebooks/{box.path.stem}.html#{anchor}">{html.escape(place)}</a>'


def in_chapter(box: Box) -> bool:
    """Whether a box stands in a chapter, and not on the page of corrections itself."""
    return box.path.parent.name == "chapters"


def plain(text: str) -> str:
    """Text that a check printed, without a meaning as markup."""
    return re.sub(r"([\\`*_$<|{])", r"\\\1", text)


def home(box: Box) -> str:
    """The claim under which a box is listed: the first of its own."""
    return min(box.claims)


def by_article(found: Iterable[Box], heading: str, entry: Callable[[Box], str]) -> str:
    """Entries article by article, in the order of claims; a claim listed elsewhere points there."""
    parts = []
    decided = sorted(((c, home(box), box) for box in found for c in box.claims), key=lambda row: row[0])
    for article in ARTICLES:
        mine = [row for row in decided if row[0].startswith(f"S{article}")]
        if mine:
            parts.append(heading.format(article))
        for claim, first, box in mine:
            if claim == first:
                parts.append(entry(box))
            elif not first.startswith(f"S{article}"):
                parts.append(f"**{claim}** is decided together with {first}, above.")
    return _page(parts)


def measured(box: Box, entries: Ledger) -> str:
    """What the checks measured about a box: by how much the mistake misses, and how closely the truth holds."""
    parts = []
    for label in box.labels:
        kept = entries.of(label)
        misses = dict.fromkeys(m["miss"] for r in kept for m in r.rejects if m["name"] == box.mistake)
        missed = f"as printed, {' and '.join(misses)}; as corrected, " if misses else ""
        parts.append(f"{{eq}}`{label}` {missed}{_closeness(kept)}".replace("` as", "`: as"))
    return "; ".join(parts)


def _closeness(kept: list[Record]) -> str:
    worst = max(kept, key=lambda record: record.residual)
    if worst.kind == "expectation":
        return f"holds within {worst.tolerance} of a mean over samples"
    return f"holds within {scientific(worst.residual)} (allowed {_tolerance(worst)})"


def _tolerance(record: Record) -> str:
    """A tolerance as printed by a check, with its powers of ten as mathematics."""
    return re.sub(r"\d\S*e-\d+", lambda number: scientific(float(number[0])), record.tolerance)


def correction(box: Box, entries: Ledger) -> str:
    """One erratum as a card."""
    lines = {"Printed": "Printed", "Correct": "Correct", "Belongs to": "Belongs to", "How one comes to write it": "Why"}
    body = [f"**{name}**: {box.fields[key]}" for key, name in lines.items() if key in box.fields]
    proof = measured(box, entries) if box.labels else box.evidence
    body.insert(2, f"**{'Measured' if box.labels else 'Refuted by'}**: {proof}")
    head = f":::{{card}} {', '.join(box.claims)}: {box.fields['Verdict']}\n:class-card: correction"
    return "\n\n".join([head, *body, f"+++\n{link(box)}\n:::"])


def corrections(found: list[Box], entries: Ledger) -> str:
    """All errata, article by article; those of the page itself are pointed at."""

    def entry(box):
        here = f"**{', '.join(box.claims)}** ({box.fields['Verdict']}) is decided under {link(box)}."
        return correction(box, entries) if in_chapter(box) else here

    return by_article((box for box in found if box.kind == "erratum"), "### Article {}", entry)


def confirmed(found: list[Box], entries: Ledger) -> str:
    """An index of the claims that hold, article by article."""

    def entry(box):
        lines = [f"**{', '.join(box.claims)}**: {box.fields['Verdict']}", f": {box.fields['Says']}"]
        if "Condition" in box.fields:
            lines.append(f": *Condition*: {box.fields['Condition']}")
        shown = measured(box, entries) if box.labels else box.evidence
        return "\n".join([*lines, f": *Shown by*: {shown}", f": {link(box)}"])

    return by_article((box for box in found if box.kind == "confirmed"), "### Article {}: what holds", entry)


def ledger_page(entries: Ledger, chapters: list[Path]) -> str:
    """Every labeled equation with the methods that check it."""
    parts = [_totals(entries)]
    for chapter in chapters:
        equations = [e for e in entries.equations if e.chapter == chapter.stem]
        if equations:
            parts.append(f"## {title(chapter)}")
        for equation in equations:
            if not equation.asserts and not entries.of(equation.label):
                continue
            lines = [f"{{eq}}`{equation.label}` `{equation.label}`"]
            lines += [f": {_entry(record)}" for record in entries.of(equation.label)] or [": not checked yet"]
            parts.append("\n".join(lines))
    return _page(parts)


def _totals(entries: Ledger) -> str:
    count = ledger.total(list(ledger.coverage(entries).values()))
    rejected = sum(len(record.rejects) for record in entries.records)
    misprints = sum(record.misprints for record in entries.records)
    return (
        f"**{count.checked} of {count.total}** labeled equations are checked, **{count.executed}** of them by "
        f"evaluating the LaTeX that is printed. The {len(entries.records)} checks also reject {rejected} formulas "
        f"that people get wrong, and {misprints} misprints made by machine."
    )


def _entry(record: Record) -> str:
    """One check in a line: method, tolerance, residual, mistakes."""
    turned_down = []
    if record.rejects:
        turned_down.append(f"{len(record.rejects)} mistake{'s' if len(record.rejects) > 1 else ''} rejected")
    elif record.no_rejects:
        turned_down.append(f"no mistake to reject: {plain(record.no_rejects)}")
    if record.executed:
        turned_down.append(f"executed as printed, {record.misprints} misprints rejected")
    if record.not_executed:
        turned_down.append(f"the print is not executed: {plain(record.not_executed)}")
    allowed = _tolerance(record)
    unit = " standard errors" if record.kind == "expectation" else ""
    measured = f"allowed {allowed}, measured {scientific(record.residual)}{unit}"
    return "; ".join([plain(record.method), measured, *turned_down])


def _page(parts: list[str]) -> str:
    return "\n\n".join(parts or ["Nothing yet."]) + "\n"


def write_if_changed(path: Path, text: str):
    """Leave a file alone that says the same already."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path.name} written")


def build(book: Path, target: Path) -> list[str]:
    """Write the generated texts into the folder `target`, or, if the boxes have errors, only return these."""
    entries, errors = ledger.read(book), []
    chapters = sorted((book / "chapters").glob("[0-9][0-9]_*.md"))
    found = boxes.read_all([*chapters, book / "appendix" / "corrections.md"], entries, errors.append)
    if not errors:
        write_if_changed(target / "corrections.md", corrections(found, entries))
        write_if_changed(target / "confirmed.md", confirmed(found, entries))
        write_if_changed(target / "ledger.md", ledger_page(entries, chapters))
    return errors


def main():
    """The command line."""
    errors = build(ROOT / "book", ROOT / "_build" / "generated")
    sys.exit("\n".join(errors) or None)


if __name__ == "__main__":
    main()

"""What a run of grading leaves: tables, a page for every student, and a page of mistakes for the teacher."""

import csv
import io
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tools.coursework import feedback, kept, mistakes
from tools.coursework.chapters import Graded

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # with which a cell begins that a spreadsheet may execute


@dataclass(frozen=True)
class Row:
    """One line of grades.csv: an exercise, or with no exercise a remark about a file."""

    student: str
    chapter: str
    exercise: str
    points: float
    max: float
    status: str
    message: str


def rows(graded: list[Graded]) -> list[Row]:
    """A row for each student and exercise, by student."""
    found = [
        Row(each.student, each.chapter.name, v.exercise, *each.points(v), v.status, each.message(v))
        for each in graded
        for v in each.verdicts
    ]
    return sorted(found, key=lambda row: (row.student, row.chapter))


def write(out: Path, surprises: list[Row], graded: list[Graded], walls: list[str], plain: Callable[[str, str], str]):
    """Write the tables, feedback/ and mistakes.html below `out`.

    walls: what was said of those that were used; plain: writes the references of (text, chapter) out.
    What somebody changed in an earlier result stays, and the new one is written beside it and named.
    """
    table = sorted([*surprises, *rows(graded)], key=lambda row: (row.student, row.chapter))
    students = list(dict.fromkeys(row.student for row in table if row.student))
    totals = [(s, *_total(table, s)) for s in students]
    counts = mistakes.counted(graded)
    texts = {
        "grades.csv": _table([field.name for field in fields(Row)], map(astuple, table)),
        "totals.csv": _table(["student", "points", "max"], totals),
        "mistakes.csv": _table(["chapter", "exercise", "what happened", "how often", "of"], counts),
        "mistakes.html": mistakes.page(graded, walls),
    }
    tasks = feedback.tasks_as_html(list({each.chapter.name: each.chapter for each in graded}.values()), plain)
    for student in students:
        chapters = [each for each in graded if each.student == student]
        texts[f"feedback/{student}/index.html"] = feedback.page(shown(student), chapters, tasks)
    for outcome in kept.bring_up_to_date(out, texts):
        if outcome.what == "kept":
            print(shown(str(outcome)))


def shown(text: str) -> str:
    """A name that somebody chose, without what a terminal or a file cannot bear."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _total(table: list[Row], student: str) -> tuple[float, float]:
    mine = [row for row in table if row.student == student]
    return sum(row.points for row in mine), sum(row.max for row in mine)


def _table(header: list[str], lines) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(map(_cell, line) for line in lines)
    return text.getvalue()


def _cell(value: str | float) -> str:
    """A value for a table that spreadsheets open: no text in it is a formula."""
    if not isinstance(value, str):
        return f"{value:g}"
    text = f"'{value}" if value.lstrip().startswith(FORMULA) or value.startswith(FORMULA) else value
    return shown(text)

"""What a run of grading leaves: two tables and a page for every student."""

import csv
import html
import io
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tools.coursework import kept

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{student}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #ccc; }}
td.message {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
</style></head>
<body>
<h1>{student}: {points} of {max} points</h1>
<table>
<tr><th>Chapter</th><th>Exercise</th><th>Points</th><th>Status</th><th>Message</th></tr>
{rows}
</table>
</body>
</html>
"""


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


def write(out: Path, rows: list[Row], pages: dict[tuple[str, str], str]):
    """Write grades.csv, totals.csv and feedback/ below `out`. pages: {(student, chapter): annotated notebook}.

    What somebody changed in an earlier result stays, and the new one is written beside it and named.
    """
    students = list(dict.fromkeys(row.student for row in rows if row.student))
    totals = {student: _total(rows, student) for student in students}
    texts = {
        "grades.csv": _table([field.name for field in fields(Row)], map(astuple, rows)),
        "totals.csv": _table(["student", "points", "max"], [(s, *total) for s, total in totals.items()]),
    }
    for (student, chapter), page in pages.items():
        texts[f"feedback/{student}/{chapter}.html"] = page
    for student in students:
        mine = [row for row in rows if row.student == student]
        texts[f"feedback/{student}/index.html"] = _page(student, totals[student], mine, pages)
    for outcome in kept.bring_up_to_date(out, texts):
        if outcome.what == "kept":
            print(outcome)


def _total(rows: list[Row], student: str) -> tuple[float, float]:
    mine = [row for row in rows if row.student == student]
    return sum(row.points for row in mine), sum(row.max for row in mine)


def _table(header: list[str], rows) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _cell(value: str | float) -> str:
    """A value for a table that spreadsheets open: no text in it is a formula."""
    text = value if isinstance(value, str) else f"{value:g}"
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _page(student: str, total: tuple[float, float], rows: list[Row], pages: dict) -> str:
    lines = []
    for row in rows:
        chapter = html.escape(row.chapter)
        if (student, row.chapter) in pages:
            chapter = f'<a href="{chapter}.html">{chapter}</a>'
        cells = [html.escape(row.exercise), f"{row.points:g} / {row.max:g}", row.status]
        columns = "".join(f"<td>{cell}</td>" for cell in (chapter, *cells))
        lines.append(f'<tr>{columns}<td class="message">{html.escape(row.message)}</td></tr>')
    points, maximum = (f"{value:g}" for value in total)
    return PAGE.format(student=html.escape(student), points=points, max=maximum, rows="\n".join(lines))

"""A small course for the tests of grading: one chapter, what people hand in for it, and what came of it."""

import csv
import json
from pathlib import Path

import nbformat

from tools.coursework.course import student_editions
from tools.notebooks import executed

HERE = Path(__file__).parent
CHAPTER = "01_mini"
RIGHT = {
    "ex-share": "def share(p, q): return p / (p + q)",
    "ex-logit": "def logit(p, q): return torch.log(p / q)",
    "ex-mean": "def mean(p, q): return (p + q) / 2",
}
WRONG = {
    "ex-share": "def share(p, q): return p / q",
    "ex-logit": "def logit(p, q): return torch.log(q / p)",
    "ex-mean": "def mean(p, q): return p + q",
}


def course_in(folder):
    """The small chapter as master in FOLDER/notebooks. Returns its student edition."""
    (folder / "notebooks").mkdir()
    chapter = folder / f"{CHAPTER}.md"
    text = (HERE / "coursework_chapter.md").read_text(encoding="utf-8")
    chapter.write_text(text.replace("A small chapter", "SECRET-MASTER: a small chapter"), encoding="utf-8")
    master, _ = executed(chapter, folder)
    nbformat.write(master, folder / "notebooks" / f"{CHAPTER}.ipynb")
    return nbformat.reads(student_editions(folder / "notebooks")[f"{CHAPTER}.ipynb"], as_version=4)


def cell(notebook, grade_id):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def edited(notebook, sources):
    """A copy of a notebook in which the cells with these grade ids have other sources."""
    notebook = nbformat.from_dict(json.loads(nbformat.writes(notebook)))
    for grade_id, source in sources.items():
        cell(notebook, grade_id).source = source
    return notebook


def hand_in(folder, student, notebook, chapter=CHAPTER):
    (folder / student).mkdir(parents=True)
    nbformat.write(notebook, folder / student / f"{chapter}.ipynb")


def rows_of(out):
    """The rows of the table of grades, {student: {exercise: row}}."""
    found = {}
    with open(out / "grades.csv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            found.setdefault(row["student"], {})[row["exercise"]] = row
    return found


def points(rows, student):
    return [rows[student][name]["points"] for name in RIGHT]

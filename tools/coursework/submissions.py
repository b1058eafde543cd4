"""Takes what came back apart: who handed in which chapter, and what in it is an answer."""

import json
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines
from nbgrader import utils

from tools.coursework import CourseworkError

MAX_BYTES = 20_000_000  # of a notebook; pictures in it take some
MAX_ANSWER = 100_000  # characters


class Unreadable(Exception):
    """A submitted file that is no notebook; the message says why."""


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter: the cell that is answered and the cell that tests it."""

    answer: str  # grade ids
    test: str
    points: float


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """The exercises of a master or student edition, in order: each test with the answer before it."""
    found, answer = [], ""
    for cell in notebook.cells:
        if utils.is_solution(cell):
            answer = cell.metadata.nbgrader.grade_id
        elif utils.is_grade(cell):
            found.append(Exercise(answer, cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)))
    return found


def collect(folder: Path, chapters: list[str]) -> tuple[dict[str, dict[str, Path]], list[tuple[str, str]]]:
    """Look through FOLDER/<student>/<chapter>.ipynb.

    Returns {student: {chapter: path}} and what was not expected there, as pairs (student, sentence).
    """
    if not folder.is_dir():
        raise CourseworkError(f"{folder} is not a folder; give the one that holds a folder for every student")
    found: dict[str, dict[str, Path]] = {}
    surprises = []
    for entry in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        if not entry.is_dir() or entry.is_symlink():
            surprises.append(("", f"{entry.name} is not in a student's folder: ignored"))
            continue
        found[entry.name] = {}
        for path in sorted(path for path in entry.iterdir() if not path.name.startswith(".")):
            if path.suffix == ".ipynb" and path.stem in chapters and path.is_file() and not path.is_symlink():
                found[entry.name][path.stem] = path
            else:
                surprises.append((entry.name, f"{path.name} is not a chapter of the course: ignored"))
    if not any(found.values()):
        raise CourseworkError(f"nothing to grade in {folder}: it must hold <student>/{chapters[0]}.ipynb and the like")
    return found, surprises


def read(path: Path) -> NotebookNode:
    """The cells of a submitted notebook that belong to exercises, or Unreadable. Nothing else is looked at."""
    if path.stat().st_size > MAX_BYTES:
        raise Unreadable(f"the file is larger than {MAX_BYTES // 10**6} MB: clear its outputs and hand it in again")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        cells = [cell for cell in cells if isinstance(cell["metadata"].get("nbgrader"), dict)]
        notebook = rejoin_lines(nbformat.from_dict({"cells": cells}))
        for cell in notebook.cells:
            cell.source.encode()  # half a surrogate pair can be read, but not written
            cell.metadata.nbgrader.grade_id = str(cell.metadata.nbgrader.get("grade_id"))
        return notebook
    except Exception as error:  # whatever a broken file makes the parsers raise, the run goes on
        raise Unreadable(f"not a readable notebook ({type(error).__name__}): save and hand it in again") from error


def answers(
    todo: list[Exercise], tests: dict[str, tuple[str, str]], submitted: NotebookNode
) -> tuple[dict[str, str], dict[str, str]]:
    """The submitted answers, {grade id: source}, and {grade id: what was odd about the cell}.

    tests: what may stand in the test cells, {grade id: sources}; everything else in a submission is left behind.
    """
    cells: dict[str, list[str]] = {}
    for cell in submitted.cells:
        cells.setdefault(cell.metadata.nbgrader.grade_id, []).append(cell.source)
    found, odd = {}, {}
    for exercise in todo:
        for name in (exercise.answer, exercise.test):
            candidates = cells.get(name, [])
            if not candidates:
                odd[name] = f"the cell {name} is missing from the notebook"
            elif len(candidates) > 1:
                odd[name] = f"the cell {name} is there {len(candidates)} times, the last one counts"
            elif name == exercise.test and candidates[0] not in tests[name]:
                odd[name] = f"the test cell {name} was changed, the original was used"
        if exercise.answer in cells:
            found[exercise.answer] = cells[exercise.answer][-1]
    return found, odd

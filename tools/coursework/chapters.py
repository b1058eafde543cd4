"""A chapter as the grader knows it, and what became of somebody's answers to it."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader import utils

from tools.coursework.course import EXERCISE, test_line
from tools.coursework.judge import Verdict
from tools.coursework.submissions import Exercise, exercises

HEADING = re.compile(r"^# (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Task:
    """An exercise as people see it."""

    number: str  # as in the book, 4.2
    title: str
    text: str  # in Markdown


@dataclass(frozen=True)
class Chapter:
    """What a master says."""

    name: str
    title: str
    cells: list[str]  # its code, but for answers and tests
    exercises: list[Exercise]
    tasks: dict[str, Task]  # {id of the answer: the exercise for people}
    tests: dict[str, tuple[str, str]]  # {id of the test: its code, and the line that students see in its place}
    functions: dict[str, list[str]]  # {id of the answer: the functions that it defines}


@dataclass(frozen=True)
class Graded:
    """One student's chapter."""

    student: str
    chapter: Chapter
    verdicts: list[Verdict]  # one for each exercise
    answers: dict[str, str]  # {id of the answer: what was handed in}
    odd: dict[str, str]  # {id of a cell: what was odd about it}

    def points(self, verdict: Verdict) -> tuple[float, float]:
        """What a verdict of it gives, and the maximum."""
        maximum = next(e.points for e in self.chapter.exercises if e.answer == verdict.exercise)
        return maximum if verdict.status == "passed" else 0.0, maximum

    def message(self, verdict: Verdict) -> str:
        """The words of a verdict and what was odd about the cells of its exercise."""
        test = next(e.test for e in self.chapter.exercises if e.answer == verdict.exercise)
        remarks = [self.odd[name] for name in (verdict.exercise, test) if name in self.odd]
        return " · ".join(filter(None, [verdict.message, *remarks]))


def chapter_of(path: Path) -> Chapter:
    """Read a master."""
    master = nbformat.read(path, as_version=4)
    code = [cell for cell in master.cells if cell.cell_type == "code"]
    todo = exercises(master)
    sources = {cell.metadata.nbgrader.grade_id: cell.source for cell in code if "nbgrader" in cell.metadata}
    texts = [match for cell in master.cells for match in EXERCISE.finditer(cell.source)]
    return Chapter(
        path.stem,
        HEADING.search(master.cells[0].source)[1],
        [cell.source for cell in code if "nbgrader" not in cell.metadata],
        todo,
        {
            exercise.answer: Task(f"{int(path.stem[:2])}.{count}", text["title"], text["text"])
            for count, (text, exercise) in enumerate(zip(texts, todo, strict=True), start=1)
        },
        {cell.metadata.nbgrader.grade_id: (cell.source, test_line(cell)) for cell in filter(utils.is_grade, code)},
        {exercise.answer: functions(sources[exercise.answer]) for exercise in todo},
    )


def functions(source: str) -> list[str]:
    """The functions that an answer defines."""
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]

"""The nbgrader course that both commands work with: masters in, student editions and grades out."""

import io
import logging
import os
import re
import shutil
import sys
import warnings
from pathlib import Path

import nbformat
from ipykernel.ipkernel import IPythonKernel
from nbformat import NotebookNode
from nbgrader import preprocessors as nbgrader_steps
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from ganedu import _chapter
from tools.coursework.plain import plain, targets

STUB = 'raise NotImplementedError("Write your answer here, then run the test cell below.")'

EXERCISE = re.compile(r"^(?P<fence>`{3,})\{exercise\} *(?P<title>.*)\n(?::.*\n)*(?P<text>(?:.*\n)*?)(?P=fence)$", re.M)


class CourseworkError(Exception):
    """The command cannot be carried out; the message says why and what to do."""


class ForStudents(nbgrader_steps.NbGraderPreprocessor):
    """Unfold the answer cells, and cut the tie to the book's text that jupytext would try to write to."""

    def preprocess(self, nb, resources):
        """nb: a notebook whose solutions are blanked. Returns it ready to be worked on."""
        nb.metadata.pop("jupytext", None)
        for cell in filter(utils.is_solution, nb.cells):
            cell.outputs = []
            cell.metadata.tags = [tag for tag in cell.metadata.get("tags", []) if tag != "hide-cell"]
        return nb, resources


BLANK = [nbgrader_steps.LockCells, nbgrader_steps.ClearSolutions, ForStudents, nbgrader_steps.CheckCellMetadata]
# GenerateAssignment's own list without ClearOutput: the outputs are the target that nbval compares with
RELEASE_STEPS = [
    *BLANK,
    nbgrader_steps.ComputeChecksums,
    nbgrader_steps.SaveCells,
    nbgrader_steps.ClearHiddenTests,
    nbgrader_steps.ComputeChecksums,
]
STUBS = Config(ClearSolutions={"code_stub": {"python": STUB}})


class Course:
    """An nbgrader course in a folder of its own. A chapter is an assignment with one notebook of the same name."""

    def __init__(self, root: Path):
        self.root = root.resolve()
        self.database = f"sqlite:///{self.root / 'gradebook.db'}"
        self.complaints = io.StringIO()
        self.log = logging.Logger("nbgrader", logging.ERROR)
        self.log.addHandler(logging.StreamHandler(self.complaints))
        own_programs = str(Path(sys.executable).parent)
        if own_programs not in os.environ["PATH"].split(os.pathsep):  # nbgrader calls alembic by name
            os.environ["PATH"] = os.pathsep.join([own_programs, os.environ["PATH"]])

    def release(self, master: Path) -> NotebookNode:
        """The student edition of a master, whose cells are recorded in the gradebook."""
        chapter = master.stem
        source = self.root / "source" / chapter
        source.mkdir(parents=True)
        shutil.copy(master, source)
        self._convert(GenerateAssignment, chapter, preprocessors=RELEASE_STEPS)
        return nbformat.read(self.root / "release" / chapter / master.name, as_version=4)

    def submit(self, student: str, chapter: str, notebook: NotebookNode):
        """Hand in a notebook in a student's name."""
        folder = self.root / "submitted" / student / chapter
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{chapter}.ipynb")

    def autograde(self, student: str, chapter: str, execute) -> NotebookNode:
        """Grade what was submitted. `execute` maps (notebook, resources) to the same, executed."""
        steps = [execute, nbgrader_steps.LimitOutput, nbgrader_steps.SaveAutoGrades, nbgrader_steps.CheckCellMetadata]
        self._convert(Autograde, chapter, student, autograde_preprocessors=steps)
        return nbformat.read(self.root / "autograded" / student / chapter / f"{chapter}.ipynb", as_version=4)

    def scores(self, student: str, chapter: str) -> dict[str, float]:
        """The points in the gradebook, by the id of the test cell."""
        with Gradebook(self.database) as gradebook:
            grades = gradebook.find_submission_notebook(chapter, chapter, student).grades
            return {grade.name: grade.score or 0.0 for grade in grades}

    def feedback(self, student: str, chapter: str) -> str:
        """The annotated page of the exercises of a graded notebook, as HTML."""
        graded = self.root / "autograded" / student / chapter / f"{chapter}.ipynb"
        nbformat.write(_exercises_only(nbformat.read(graded, as_version=4)), graded)
        self._convert(GenerateFeedback, chapter, student)
        return (self.root / "feedback" / student / chapter / f"{chapter}.html").read_text(encoding="utf-8")

    def _convert(self, converter, chapter: str, student: str = "*", **options):
        config = Config(
            CourseDirectory={"root": str(self.root), "assignment_id": chapter, "student_id": student}, **STUBS
        )
        directory = CourseDirectory(config=config, db_url=self.database)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SAWarning)  # nbgrader's queries, nothing to act on
                converter(coursedir=directory, config=config, log=self.log, **options).start()
        except NbGraderException as error:
            raise CourseworkError(f"nbgrader cannot convert {chapter}: {self.complaints.getvalue()}") from error


def _exercises_only(notebook: NotebookNode) -> NotebookNode:
    """The part of a chapter that feedback is about, with headings that plain Markdown knows."""
    graded = [index for index, cell in enumerate(notebook.cells) if "nbgrader" in cell.metadata]
    notebook.cells = notebook.cells[max(graded[0] - 1, 0) : graded[-1] + 1]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            _, heading, text = cell.source.rpartition("## Exercises")  # without what the cell says before
            cell.source = EXERCISE.sub(r"### \g<title>\n\g<text>", heading + text)
    return notebook


def masters(notebooks: Path) -> list[Path]:
    """The executed notebooks of the course, in the order of the chapters."""
    found = sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise CourseworkError(f"no chapter NN_name.ipynb in {notebooks}: run `make notebooks` first")
    return found


def student_editions(notebooks: Path) -> dict[str, str]:
    """The student edition of every notebook in the folder `notebooks`: {name of the file: its text}."""
    read = {master.name: nbformat.read(master, as_version=4) for master in masters(notebooks)}
    known = targets(read)
    return {
        name: nbformat.writes(plain(for_students(_blank(notebook)), name, known)) + "\n"
        for name, notebook in read.items()
    }


def _blank(master: NotebookNode) -> NotebookNode:
    """A master without solutions, in place: what `Course.release` does to it, without a gradebook that nobody reads."""
    for step in (*BLANK, nbgrader_steps.ClearHiddenTests, nbgrader_steps.ComputeChecksums):
        master, _ = step(config=STUBS).preprocess(master, {})
    return master


def for_students(edition: NotebookNode) -> NotebookNode:
    """A released notebook as it is worked in: a test is one line, and what it printed for the solution is gone.

    Its metadata are those that JupyterLab on this machine would write, or it would call the notebook changed.
    """
    for cell in edition.cells:
        if utils.is_grade(cell):
            cell.source, cell.outputs, cell.execution_count = test_line(cell), [], None
            cell.metadata.tags = ["nbval-ignore-output"]
        elif "hide-input" in cell.metadata.get("tags", []):
            cell.metadata.jupyter = {"source_hidden": True}  # what folds in the book folds in JupyterLab
    edition.metadata = nbformat.from_dict(
        {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
         "language_info": IPythonKernel.language_info}
    )  # fmt: skip
    return edition


def test_line(cell: NotebookNode) -> str:
    """What students see in the place of a test cell; the test itself travels with `ganedu.checks`."""
    return f'checks.test("{_chapter.exercise(cell.metadata.nbgrader.grade_id)}")'

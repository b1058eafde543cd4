"""The masters of the course, and the editions without solutions that nbgrader's own steps make of them."""

import re
from pathlib import Path

import nbformat
from ipykernel.ipkernel import IPythonKernel
from nbformat import NotebookNode
from nbgrader import preprocessors as nbgrader_steps
from nbgrader import utils
from traitlets.config import Config

from ganedu import _chapter
from tools.coursework import CourseworkError
from tools.coursework.plain import plain, targets

STUB = 'raise NotImplementedError("Write your answer here, then run the test cell below.")'

EXERCISE = re.compile(r"^(?P<fence>`{3,})\{exercise\} *(?P<title>.*)\n(?::.*\n)*(?P<text>(?:.*\n)*?)(?P=fence)$", re.M)


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
STUBS = Config(ClearSolutions={"code_stub": {"python": STUB}})


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
    """A master without solutions, in place, as `nbgrader generate_assignment` makes it."""
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

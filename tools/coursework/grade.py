"""`grade`: from a folder of submissions to a table of grades and a page of feedback for every student."""

import ast
import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

from tools.coursework import report, sandbox, submissions
from tools.coursework.course import Course, masters
from tools.coursework.report import Row
from tools.coursework.runner import error_output
from tools.coursework.sandbox import Limits
from tools.coursework.submissions import Exercise, Unreadable

GUARDED = ("ganedu", "torch", "numpy", "math")  # imports from these are bound anew after every cell
STATUS = {  # of an exercise, by the error that ended it; any other error is "failed"
    "TimeLimit": "time-out",
    "MemoryLimit": "memory",
    "MemoryError": "memory",
    "KernelDied": "stopped",
    "NotRun": "not run",
    "NotImplementedError": "blank",
}
MAX_MESSAGE = 1000  # characters
SELF_EXPLANATORY = ("CheckFailed", "NotImplementedError", "NotPassed", "NotRun")


@dataclass(frozen=True)
class Chapter:
    """A chapter as the grader knows it."""

    name: str
    edition: NotebookNode  # what students got
    exercises: list[Exercise]
    imports: str  # import statements of the chapter, for the guard
    evidence: dict[str, list[str]]  # {test: the lines that it prints if the answer passes}


def grade(folder: Path, notebooks: Path, out: Path, limits: Limits) -> list[Row]:
    """Grade FOLDER/<student>/<chapter>.ipynb against the masters in `notebooks`; the results go to `out`.

    Chapters that nobody handed in are left out. Returns the rows of the table of grades.
    """
    paths = {path.stem: path for path in masters(notebooks)}
    found, surprises = submissions.collect(folder, list(paths))
    handed_in = {chapter for files in found.values() for chapter in files}
    rows = [Row(student, "", "", 0.0, 0.0, "ignored", sentence) for student, sentence in surprises]
    pages: dict[tuple[str, str], str] = {}
    with tempfile.TemporaryDirectory() as root:
        course = Course(Path(root))
        chapters = [_chapter(course, path) for name, path in paths.items() if name in handed_in]
        grader = Grader(course, limits, hidden=[folder, notebooks, out, course.root])
        for student, files in found.items():
            for chapter in chapters:
                graded, page = grader.grade(student, chapter, files.get(chapter.name))
                rows += graded
                if page:
                    pages[student, chapter.name] = page
            print(f"{student}: {sum(row.points for row in rows if row.student == student):g} points", flush=True)
    rows.sort(key=lambda row: (row.student, row.chapter))
    report.write(out, rows, pages)
    print(f"Grades in {out / 'grades.csv'}, feedback in {out / 'feedback'}")
    return rows


def _chapter(course: Course, path: Path) -> Chapter:
    master = nbformat.read(path, as_version=4)
    edition = course.release(path)
    sources = [cell.source for cell in master.cells if cell.cell_type == "code"]
    evidence = {cell.metadata.nbgrader.grade_id: _printed(cell) for cell in master.cells if utils.is_grade(cell)}
    return Chapter(path.stem, edition, submissions.exercises(edition), _imports(sources), evidence)


def _imports(sources: list[str]) -> str:
    """The chapter's imports of the course's modules, but for names that the chapter binds to something else as well."""
    statements, bound = [], set()
    for source in sources:
        try:
            tree = ast.parse(source)
        except SyntaxError:  # a cell with IPython's magic
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                bound.add(node.name)
        statements += [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(
        ast.unparse(node)
        for node in statements
        if (getattr(node, "module", None) or node.names[0].name).split(".")[0] in GUARDED
        and not bound & {alias.asname or alias.name for alias in node.names}
    )


def _printed(cell: NotebookNode) -> list[str]:
    """The lines that a cell printed."""
    texts = [output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout"]
    return [line for line in "".join(texts).splitlines() if line.strip()]


class Grader:
    """Grades one submitted notebook after the other."""

    def __init__(self, course: Course, limits: Limits, hidden: list[Path]):
        self.course, self.limits, self.hidden = course, limits, hidden
        self.count = 0

    def grade(self, student: str, chapter: Chapter, path: Path | None) -> tuple[list[Row], str]:
        """The rows of one student's chapter, and the annotated notebook as HTML ('' if there is none)."""
        if path is None:
            return _nothing(student, chapter, "not submitted", ""), ""
        try:
            submitted = submissions.read(path)
        except Unreadable as error:
            return _nothing(student, chapter, "unreadable", str(error)), ""
        notebook = copy.deepcopy(chapter.edition)
        odd = submissions.transplant(notebook, submitted)
        self.count += 1
        alias = f"s{self.count}"  # a folder's name may be anything, an id of nbgrader may not
        self.course.submit(alias, chapter.name, notebook)
        notebook = self.course.autograde(alias, chapter.name, self._executor(chapter))
        scores = self.course.scores(alias, chapter.name)
        rows = [
            _row(student, chapter, exercise, scores[exercise.test], notebook, odd) for exercise in chapter.exercises
        ]
        return rows, self.course.feedback(alias, chapter.name)

    def _executor(self, chapter: Chapter):
        """The step of nbgrader's autograding that executes a notebook: in the sandbox, and asking for evidence."""

        def execute(notebook: NotebookNode, resources: dict):
            sandbox.execute(notebook, chapter.imports, self.limits, self.hidden)
            for cell in filter(utils.is_grade, notebook.cells):
                # a warning is no mistake, but nbgrader takes any stderr for one
                cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
                expected = chapter.evidence[cell.metadata.nbgrader.grade_id]
                if not _error(cell) and not set(expected) <= set(_printed(cell)):
                    words = "the test cell ended without saying that the answer passed"
                    cell.outputs.append(error_output("NotPassed", words))
            return notebook, resources

        return execute


def _nothing(student: str, chapter: Chapter, status: str, message: str) -> list[Row]:
    return [
        Row(student, chapter.name, exercise.answer, 0.0, exercise.points, status, message)
        for exercise in chapter.exercises
    ]


def _row(student, chapter: Chapter, exercise: Exercise, points: float, notebook: NotebookNode, odd: dict) -> Row:
    """One exercise's line: its status, and the message that helps."""
    remarks = [odd[name] for name in (exercise.answer, exercise.test) if name in odd]
    status = "passed"
    if points < exercise.points:
        cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
        # what went wrong in the answer's own cell explains what goes wrong in its test
        name, error = next((name, error) for name in (exercise.answer, exercise.test) if (error := _error(cells[name])))
        status = STATUS.get(error.ename, "failed")
        remarks.insert(0, _message(name, error, notebook))
    return Row(
        student, chapter.name, exercise.answer, points, exercise.points, status, " · ".join(remarks)[:MAX_MESSAGE]
    )


def _message(name: str, error: NotebookNode, notebook: NotebookNode) -> str:
    if error.ename == "NotRun":
        return f"{error.evalue}, in {_culprit(notebook)}"
    if error.ename in SELF_EXPLANATORY:
        return error.evalue
    words = f"{error.ename}: {error.evalue}"
    if error.ename in STATUS:
        words = f"in the cell {name}: {error.evalue or 'more memory than a submission may use'}"
    if error.ename == "NameError":
        words += " (of a notebook only the answer cells are graded: define in them what they need)"
    return words


def _culprit(notebook: NotebookNode) -> str:
    """The first cell that was stopped."""
    for number, cell in enumerate(notebook.cells, start=1):
        if (error := _error(cell)) and error.ename in ("TimeLimit", "MemoryLimit", "KernelDied"):
            return f"the cell {cell.metadata.get('nbgrader', {}).get('grade_id', f'number {number}')}: {error.evalue}"
    return "a cell before"


def _error(cell: NotebookNode) -> NotebookNode | None:
    return next((output for output in cell.get("outputs", []) if output.output_type == "error"), None)

"""Every exercise of every chapter: the solution passes, a blank and a typical wrong answer get a message that helps.

`wrong_answers/NN_slug.yml` holds typical wrong answers, above all those that the source articles suggest. Each must
fail its test cell with a message that names the mistake, and every exercise has at least one:

    ex-gradients-slope:          # the `grade_id` of the answer cell
      - answer: |                # the whole answer cell
          def slope_along(x, v, w):
              return -(1 - torch.sigmoid(x @ w)) * (v @ w)
        says: v has any length   # a part of the message: the name of the mistake, or of the hint
"""

import functools
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest
import torch
import yaml
from nbgrader import utils
from nbgrader.preprocessors import ClearSolutions
from slicing import needed, sliced

from tools.coursework.asking import Limits, Submission
from tools.coursework.chapters import functions
from tools.coursework.course import STUB
from tools.coursework.judge import verdict_on
from tools.coursework.submissions import exercises
from tools.coursework.walls import Wall
from tools.notebooks import ROOT

WRONG = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("wrong_answers").glob("*.yml"))
}
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))}
EXERCISES = [(chapter, exercise) for chapter, notebook in NOTEBOOKS.items() for exercise in exercises(notebook)]


def position(chapter, grade_id):
    cells = NOTEBOOKS[chapter].cells
    return next(i for i, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def reading_cells(chapter):
    """The cells of a chapter as its exercises need them; answers are none of them, as no other cell depends on one."""
    cells = [cell.source if cell.cell_type == "code" else "" for cell in NOTEBOOKS[chapter].cells]
    graded = [place for place, cell in enumerate(NOTEBOOKS[chapter].cells) if "nbgrader" in cell.metadata]
    plain = ["" if place in graded else source for place, source in enumerate(cells)]
    chosen = set()
    for _, exercise in (entry for entry in EXERCISES if entry[0] == chapter):
        own = [position(chapter, name) for name in (exercise.answer, exercise.test)]
        chosen |= needed([cells[place] if place in own else source for place, source in enumerate(plain)], own)
    return sliced(plain, chosen)


class Reading:
    """A chapter as it is read: from the top, each cell that its exercises need run once, and none below the reader.

    Its exercises share the objects that the chapter made, as they do in grading and in the notebook of a student.
    """

    def __init__(self, chapter):
        self.chapter, self.cells, self.place = chapter, reading_cells(chapter), 0
        self.names = {"__name__": "__main__", "display": lambda *_, **__: None}
        self.state = torch.get_default_dtype(), torch.get_rng_state(), matplotlib.rcParams.copy()

    def go_on(self, place):
        """Read down to this place; precision, random numbers and style are then those of the chapter."""
        dtype, random, style = self.state
        torch.set_default_dtype(dtype)
        torch.set_rng_state(random)
        matplotlib.rcParams.update(style)
        for source in self.cells[self.place : place]:
            exec(compile(source, self.chapter, "exec"), self.names)
        self.place = place
        self.state = torch.get_default_dtype(), torch.get_rng_state(), matplotlib.rcParams.copy()


@functools.lru_cache(maxsize=1)
def reading(chapter):
    return Reading(chapter)


@pytest.fixture(params=EXERCISES, ids=lambda entry: f"{entry[0][:2]}-{entry[1].answer}")
def exercise(request):
    """One exercise: its chapter, its cells, the names that are bound where it stands, and a process that answers."""
    chapter, exercise = request.param
    dtype, backend = torch.get_default_dtype(), matplotlib.get_backend()
    plt.switch_backend("Agg")
    places = [position(chapter, name) for name in (exercise.answer, exercise.test)]
    if reading(chapter).place > places[0]:  # in another order than that of the page
        reading.cache_clear()
    reading(chapter).go_on(places[0])
    namespace, (answer, test) = reading(chapter).names, (NOTEBOOKS[chapter].cells[place] for place in places)
    outside = Submission.of(namespace, Wall("none"), Limits())
    outside.begin()
    yield chapter, exercise.answer, answer, test, namespace, outside
    outside.close()
    torch.set_default_dtype(dtype)
    plt.close("all")
    matplotlib.rcdefaults()
    plt.switch_backend(backend)


def run(answer, test, namespace):
    """Run an answer and its test where the exercise stands; what the one binds does not reach the next."""
    own = dict(namespace)
    exec(answer, own)
    exec(test, own)


def blanked(answer):
    """The source of an answer cell as students get it."""
    steps = ClearSolutions(code_stub={"python": STUB})
    return steps.preprocess_cell(answer.copy(), {"language": "python"}, 0)[0].source


@pytest.mark.filterwarnings("ignore")  # a wrong formula may well divide by zero
def test_the_solution_passes_and_the_others_get_a_message(exercise, capsys):
    """As grading has it, the test here and the answer in another process; the solution in one process too."""
    chapter, name, answer, test, namespace, outside = exercise
    assert utils.is_solution(answer) and utils.is_grade(test)

    def verdict(source):
        asked = {"name": name, "answer": source, "functions": functions(answer.source), "test": test.source}
        return verdict_on(asked, namespace, outside)

    blank = verdict(blanked(answer))
    assert blank.status == "blank" or (blank.status == "failed" and name in blank.message)
    for entry in WRONG.get(chapter, {}).get(name, []):
        found = verdict(entry["answer"])
        assert found.status == "failed" and entry["says"] in found.message
    assert verdict(answer.source).status == "passed"
    capsys.readouterr()
    run(answer.source, test.source, namespace)
    assert f"✓ {name}  well done" in capsys.readouterr().out


def test_every_exercise_has_a_typical_wrong_answer_and_every_such_answer_an_exercise():
    written = {(chapter, exercise.answer) for chapter, exercise in EXERCISES}
    listed = {(chapter, name) for chapter, entries in WRONG.items() for name in entries}
    assert not written - listed, "add a wrong answer for these to tests/wrong_answers"
    assert not listed - written, "these are in tests/wrong_answers, but not in a notebook"

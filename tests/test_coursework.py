"""Students get what they need, grades say what is true, and a submission harms nobody but itself."""

import csv
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from tools.coursework import report
from tools.coursework.__main__ import main
from tools.coursework.course import STUB, student_editions
from tools.coursework.grade import grade
from tools.coursework.report import Row
from tools.coursework.sandbox import Limits
from tools.notebooks import ROOT, executed

HERE = Path(__file__).parent
MINI, REAL = "01_mini", "04_optimal_discriminator"
LIMITS = Limits(cell_seconds=4, notebook_seconds=60, memory_gb=1)
RIGHT = {
    "ex-share": "def share(p, q): return p / (p + q)",
    "ex-logit": "def logit(p, q): return torch.log(p / q)",
    "ex-mean": "def mean(p, q): return (p + q) / 2",
}


def cell(notebook, grade_id):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def edited(notebook, sources):
    """A copy of a notebook in which the cells with these grade ids have other sources."""
    notebook = nbformat.from_dict(json.loads(nbformat.writes(notebook)))
    for grade_id, source in sources.items():
        cell(notebook, grade_id).source = source
    return notebook


def hand_in(folder, student, notebook, chapter=MINI):
    (folder / student).mkdir(parents=True)
    nbformat.write(notebook, folder / student / f"{chapter}.ipynb")


def pasted(notebook, grade_id, source):
    """What a copy of a cell with another source looks like."""
    copy = cell(edited(notebook, {grade_id: source}), grade_id)
    copy.id = "pasted"
    return copy


def forged(blank):
    """Every way to fake a pass without code: outputs, test cells, points, ids."""
    notebook = edited(blank, {"test-share": "print('✓ ex-share  well done')"})
    for name in ("share", "logit", "mean"):
        test = cell(notebook, f"test-{name}")
        test.outputs = [nbformat.v4.new_output("stream", text=f"✓ ex-{name}  well done\n")]
        test.execution_count = 1
    cell(notebook, "test-logit").metadata.nbgrader.points = 100
    cell(notebook, "test-mean").metadata.nbgrader |= {"grade": False, "locked": False}
    notebook.cells.append(pasted(blank, "test-mean", "pass"))
    return notebook


def confused(blank):
    """An answer cell pasted twice, one deleted, a helper in a cell of its own."""
    notebook = edited(blank, RIGHT | {"ex-share": "def share(p, q): return helper(p) / (p + q)"})
    notebook.cells.insert(0, nbformat.v4.new_code_cell("def helper(p): return p"))
    notebook.cells.append(pasted(blank, "ex-mean", "def mean(p, q): return p + q"))
    notebook.cells.remove(cell(notebook, "ex-logit"))
    return notebook


PATCH = """
checks.answer = lambda label, *_, **__: print('✓', label, ' well done')
torch.Tensor.__le__ = lambda *_: True
def share(p, q): return p
"""
SHADOW = """
class checks:
    answer = staticmethod(lambda label, *_, **__: print('✓', label, ' well done'))
def logit(p, q): return p
"""
SILENCE = """
import sys
get_ipython().set_custom_exc((BaseException,), lambda *_, **__: None)
def mean(p, q):
    sys.displayhook(3.0)  # nbgrader takes a result that is a number for points
    return p
"""
STUBBORN = """
import time
while True:
    try: time.sleep(9)
    except BaseException: pass
"""
HOG = """
import mmap, time
room = mmap.mmap(-1, 2**31)  # shared memory, which the limit on a process's own data does not see
for _ in range(6): room.write(bytes(2**28))
time.sleep(3)
"""


def submissions(blank, secret):
    """{student: notebook} for what students may hand in."""
    answers = {
        "wrong": {
            "ex-share": "def share(p, q): return p / q",
            "ex-logit": "def logit(p, q): return torch.log(q / p)",
            "ex-mean": "def mean(p, q): return p + q",
        },
        "patcher": {"ex-share": PATCH, "ex-logit": SHADOW, "ex-mean": SILENCE},
        "thief": {
            "ex-share": f"print(open({str(secret)!r}).read())",
            "ex-logit": f"import os\nos.remove({str(secret)!r})",
            "ex-mean": "import subprocess\nsubprocess.run(['ls'])",
        },
        "greedy": RIGHT
        | {
            "ex-share": "def share(p, q): return [0] * 10**10",
            "ex-logit": "def logit(p, q):\n    while True: pass",
        },
        "stubborn": RIGHT | {"ex-logit": STUBBORN},
        "hog": RIGHT | {"ex-logit": HOG},
        "exiter": RIGHT | {"ex-share": "def share(p, q): raise SystemExit(0)", "ex-logit": "import os\nos._exit(0)"},
    }
    notebooks = {student: edited(blank, sources) for student, sources in answers.items()}
    return notebooks | {"forger": forged(blank), "confused": confused(blank)}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A folder with the small chapter as master, its student edition and all submissions, graded."""
    root = tmp_path_factory.mktemp("coursework")
    chapter = root / f"{MINI}.md"
    chapter.write_text((HERE / "coursework_chapter.md").read_text(encoding="utf-8"), encoding="utf-8")
    (root / "notebooks").mkdir()
    master, _ = executed(chapter, root)
    nbformat.write(master, root / "notebooks" / f"{MINI}.ipynb")
    blank = nbformat.reads(student_editions(root / "notebooks")[f"{MINI}.ipynb"], as_version=4)
    nbformat.write(blank, root / "blank.ipynb")
    for student, notebook in submissions(blank, root / "notebooks" / f"{MINI}.ipynb").items():
        hand_in(root / "handed in", student, notebook)
    (root / "handed in" / "broken").mkdir()
    (root / "handed in" / "broken" / f"{MINI}.ipynb").write_text('{"cells": [')
    (root / "handed in" / "broken" / "notes.txt").write_text("a foreign file")
    grade(root / "handed in", root / "notebooks", root / "out", LIMITS)
    return root


@pytest.fixture(scope="module")
def rows(course):
    """The rows of the table of grades, {student: {exercise: row}}."""
    found = {}
    with open(course / "out" / "grades.csv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            found.setdefault(row["student"], {})[row["exercise"]] = row
    return found


def points(rows, student):
    return [rows[student][name]["points"] for name in RIGHT]


def test_the_student_edition_is_blank_and_visible_and_grades_in_one_line(course):
    edition = nbformat.read(course / "blank.ipynb", as_version=4)
    assert STUB in cell(edition, "ex-share").source and "p / (p + q)" not in nbformat.writes(edition)
    assert "hide-cell" not in nbformat.writes(edition)
    assert "jupytext" not in edition.metadata
    test = cell(edition, "test-share")
    assert test.source == 'checks.test("ex-share")' and test.outputs == []
    assert "output of the chapter itself\n" in [c.outputs[0].text for c in edition.cells if c.get("outputs")]


def test_a_wrong_answer_gets_no_points_and_the_name_of_its_mistake(rows, course):
    assert points(rows, "wrong") == ["0", "0", "0"]
    assert "this is the ratio" in rows["wrong"]["ex-share"]["message"]
    assert "the ratio is upside down" in rows["wrong"]["ex-logit"]["message"]
    feedback = course / "out" / "feedback" / "wrong"
    assert "half is missing" in (feedback / "index.html").read_text(encoding="utf-8")
    assert "half is missing" in (feedback / f"{MINI}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("student", ["forger", "patcher", "thief"])
def test_cheating_gains_nothing(rows, student):
    assert points(rows, student) == ["0", "0", "0"]
    assert [row["max"] for row in rows[student].values()] == ["1", "2", "3"]


def test_an_edited_test_cell_is_named(rows):
    assert "the test cell test-share was changed, the original was used" in rows["forger"]["ex-share"]["message"]


def test_a_submission_neither_reads_nor_deletes_the_masters(rows, course):
    assert "cannot read" in rows["thief"]["ex-share"]["message"]
    assert "cannot change" in rows["thief"]["ex-logit"]["message"]
    assert "cannot start programs" in rows["thief"]["ex-mean"]["message"]
    assert (course / "notebooks" / f"{MINI}.ipynb").exists()


def test_pasted_missing_and_helper_cells_are_named(rows):
    assert points(rows, "confused") == ["0", "0", "0"]
    assert "define in them what they need" in rows["confused"]["ex-share"]["message"]
    assert "the cell ex-logit is missing" in rows["confused"]["ex-logit"]["message"]
    assert "there 2 times, the last one counts" in rows["confused"]["ex-mean"]["message"]


def test_an_endless_loop_and_too_much_memory_cost_their_exercises_only(rows):
    assert points(rows, "greedy") == ["0", "0", "3"]
    assert [rows["greedy"][name]["status"] for name in RIGHT] == ["memory", "time-out", "passed"]
    assert "in the cell test-logit: stopped after 4 seconds" in rows["greedy"]["ex-logit"]["message"]


def test_what_cannot_be_interrupted_ends_the_notebook_but_not_the_run(rows):
    assert points(rows, "stubborn") == ["1", "0", "0"]
    assert [rows["stubborn"][name]["status"] for name in ("ex-logit", "ex-mean")] == ["time-out", "not run"]
    assert "ex-logit" in rows["stubborn"]["ex-mean"]["message"]


def test_memory_that_the_process_does_not_own_counts_too(rows):
    assert points(rows, "hog") == ["1", "0", "0"]
    assert rows["hog"]["ex-logit"]["status"] == "memory"


def test_ending_the_process_passes_no_test(rows):
    assert points(rows, "exiter") == ["0", "0", "0"]
    assert [rows["exiter"][name]["status"] for name in RIGHT] == ["failed", "stopped", "not run"]


def test_unreadable_and_foreign_files_are_named(rows):
    assert {rows["broken"][name]["status"] for name in RIGHT} == {"unreadable"}
    assert "notes.txt" in rows["broken"][""]["message"]


def test_totals_are_the_sums(course):
    with open(course / "out" / "totals.csv", encoding="utf-8", newline="") as table:
        totals = {row["student"]: (row["points"], row["max"]) for row in csv.DictReader(table)}
    assert totals["greedy"] == ("3", "6") and totals["broken"] == ("0", "6")


def test_a_grade_that_the_teacher_changed_survives_the_next_grading(tmp_path, capsys):
    row = Row("ada", "01_mini", "ex-share", 0.0, 1.0, "failed", "no")
    report.write(tmp_path, [row], {})
    grades = tmp_path / "grades.csv"
    corrected = grades.read_text(encoding="utf-8").replace("ex-share,0", "ex-share,1")
    grades.write_text(corrected, encoding="utf-8")
    report.write(tmp_path, [dataclasses.replace(row, points=0.5)], {})
    assert grades.read_text(encoding="utf-8") == corrected
    assert "ex-share,0.5" in (tmp_path / "grades.new.csv").read_text(encoding="utf-8")
    assert "grades.csv: yours stays as it is" in capsys.readouterr().out


def test_a_wrong_folder_is_answered_with_a_sentence(course, capsys):
    for folder, words in ((course / "nowhere", "is not a folder"), (course / "notebooks", "nothing to grade")):
        assert main(["grade", str(folder), "--notebooks", str(course / "notebooks"), "--out", str(course / "out")]) == 2
        assert words in capsys.readouterr().err


def test_the_whole_loop_on_a_chapter_of_the_book(tmp_path):
    """As a teacher does it: the student edition, three submissions, grades."""
    run = [sys.executable, "-m", "tools.coursework"]
    subprocess.run([*run, "student", "--folder", tmp_path / "student"], cwd=ROOT, check=True)
    blank = nbformat.read(tmp_path / "student" / f"{REAL}.ipynb", as_version=4)
    entries = yaml.safe_load((HERE / "wrong_answers" / f"{REAL}.yml").read_text(encoding="utf-8"))
    wrong = {exercise: answers[0] for exercise, answers in entries.items()}
    hand_in(tmp_path / "in", "solved", nbformat.read(ROOT / "notebooks" / f"{REAL}.ipynb", as_version=4), REAL)
    hand_in(tmp_path / "in", "blank", blank, REAL)
    hand_in(tmp_path / "in", "wrong", edited(blank, {name: entry["answer"] for name, entry in wrong.items()}), REAL)

    subprocess.run([*run, "grade", tmp_path / "in", "--out", tmp_path], cwd=ROOT, check=True)

    with open(tmp_path / "grades.csv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert all(row["points"] == row["max"] for row in rows if row["student"] == "solved")
    assert all(row["points"] == "0" for row in rows if row["student"] != "solved")
    assert {row["status"] for row in rows if row["student"] == "blank"} == {"blank"}
    named = {row["exercise"]: row["message"] for row in rows if row["student"] == "wrong"}
    assert all(entry["says"] in named[exercise] for exercise, entry in wrong.items())

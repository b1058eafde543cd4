"""Students get what they need, teachers get grades that say what is true, and both can read why."""

import csv
import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from coursework_cases import CHAPTER, HERE, RIGHT, WRONG, cell, course_in, edited, hand_in, points, rows_of
from nbgrader.api import Gradebook

from tools.coursework import CourseworkError, report
from tools.coursework import grade as grading
from tools.coursework.__main__ import main
from tools.coursework.asking import Limits
from tools.coursework.course import STUB
from tools.coursework.grade import Options, grade
from tools.notebooks import ROOT

REAL = "04_optimal_discriminator"
OPTIONS = Options(Limits(cell_seconds=60, notebook_seconds=300, memory_gb=1), parallel=2)


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


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A folder with the small chapter as master, its student edition and submissions, graded."""
    root = tmp_path_factory.mktemp("coursework")
    blank = course_in(root)
    nbformat.write(blank, root / "blank.ipynb")
    folder = root / "handed in"
    for student, notebook in {
        "solved": nbformat.read(root / "notebooks" / f"{CHAPTER}.ipynb", as_version=4),
        "wrong": edited(blank, WRONG),
        "blank": blank,
        "forger": forged(blank),
        "confused": confused(blank),
        "=1+1<b>\r": edited(blank, WRONG),
    }.items():
        hand_in(folder, student, notebook)
    for student, text in {"broken": '{"cells": [', "deep": "[" * 100_000, "none": '{"cells": [{}]}'}.items():
        (folder / student).mkdir()
        (folder / student / f"{CHAPTER}.ipynb").write_text(text)
    (folder / "broken" / "@notes.txt").write_text("a foreign file")
    (folder / "linked").symlink_to(folder / "solved")
    grade(folder, root / "notebooks", root / "out", OPTIONS)
    return root


@pytest.fixture(scope="module")
def rows(course):
    return rows_of(course / "out")


def page(course, student):
    return (course / "out" / "feedback" / student / "index.html").read_text(encoding="utf-8")


def test_the_student_edition_is_blank_and_visible_and_grades_in_one_line(course):
    edition = nbformat.read(course / "blank.ipynb", as_version=4)
    assert STUB in cell(edition, "ex-share").source and "p / (p + q)" not in nbformat.writes(edition)
    assert "hide-cell" not in nbformat.writes(edition)
    assert "jupytext" not in edition.metadata
    test = cell(edition, "test-share")
    assert test.source == 'checks.test("ex-share")' and test.outputs == []
    assert "output of the chapter itself\n" in [c.outputs[0].text for c in edition.cells if c.get("outputs")]


def test_a_right_answer_gets_its_points_and_no_remark(rows):
    assert points(rows, "solved") == ["1", "2", "3"]
    assert {(row["status"], row["message"]) for row in rows["solved"].values()} == {("passed", "")}


def test_a_wrong_answer_gets_no_points_and_the_name_of_its_mistake(rows, course):
    assert points(rows, "wrong") == ["0", "0", "0"]
    assert "this is the ratio" in rows["wrong"]["ex-share"]["message"]
    assert "the ratio is upside down" in rows["wrong"]["ex-logit"]["message"]
    assert "Half is missing" in page(course, "wrong")


def test_forged_outputs_tests_and_points_gain_nothing(rows):
    assert points(rows, "forger") == ["0", "0", "0"]
    assert [row["max"] for row in rows["forger"].values()] == ["1", "2", "3"]
    assert "the test cell test-share was changed, the original was used" in rows["forger"]["ex-share"]["message"]


def test_pasted_missing_and_helper_cells_are_named(rows):
    assert points(rows, "confused") == ["0", "0", "0"]
    assert "define in them what they need" in rows["confused"]["ex-share"]["message"]
    assert "the cell ex-logit is missing" in rows["confused"]["ex-logit"]["message"]
    assert "there 2 times, the last one counts" in rows["confused"]["ex-mean"]["message"]


def test_blank_unreadable_and_foreign_files_are_named(rows):
    assert {row["status"] for row in rows["blank"].values()} == {"blank"}
    for student in ("broken", "deep", "none"):
        assert {rows[student][name]["status"] for name in RIGHT} == {"unreadable"}
    assert "@notes.txt" in rows["broken"][""]["message"]
    assert "linked is not in a student's folder" in rows[""][""]["message"]


def test_names_of_folders_are_neither_tags_nor_formulas(course):
    with open(course / "out" / "totals.csv", encoding="utf-8", newline="") as table:
        assert [row["student"] for row in csv.DictReader(table) if "1+1" in row["student"]] == ["'=1+1<b>?"]
    assert "<b>" not in page(course, "=1+1<b>\r")
    assert report._cell("=1") == report._cell("'=1") == "'=1" and report._cell("\r=1")[0] == "'"
    assert all(report._cell(sign + "1")[0] == "'" for sign in "=+-@\t\r\n") and report._cell(-1.0) == "-1"


def test_the_page_has_numbers_names_and_typeset_formulas_and_needs_no_network(course):
    text = page(course, "wrong")
    assert "Exercise 1.1: The share" in text and "0 of 6 points" in text and "def share(p, q): return p / q" in text
    assert text.index("This is the ratio") < text.index("Write the share of real samples,")
    assert "http" not in text.replace("http://www.w3.org", "").replace("http-equiv", "")
    if shutil.which("node") and (ROOT / "node_modules" / "mathjax").exists():
        assert 'aria-label="p/q"' in text and "<svg" in text and "$p/q$" not in text


def test_mistakes_are_counted_by_name(course):
    with open(course / "out" / "mistakes.csv", encoding="utf-8", newline="") as table:
        counts = {
            (row["exercise"], row["what happened"]): (row["how often"], row["of"]) for row in csv.DictReader(table)
        }
    assert counts["ex-share", "this is the ratio"] == ("2", "6")
    assert counts["ex-mean", "half is missing"] == ("3", "6") and counts["ex-share", "right"] == ("1", "6")
    text = (course / "out" / "mistakes.html").read_text(encoding="utf-8")
    assert "<svg" in text and "half is missing" in text and "Graded behind" in text


def test_totals_are_the_sums(course):
    with open(course / "out" / "totals.csv", encoding="utf-8", newline="") as table:
        totals = {row["student"]: (row["points"], row["max"]) for row in csv.DictReader(table)}
    assert totals["solved"] == ("6", "6") and totals["broken"] == ("0", "6")


def test_what_has_not_changed_is_not_graded_again(course, monkeypatch, capsys):
    again = course / "in again"
    shutil.copytree(course / "handed in", again, symlinks=True)
    before = {path: path.read_bytes() for path in (course / "out").glob("*.csv")}
    with monkeypatch.context() as patch:
        patch.setattr(grading.Grader, "_bench", lambda *_: pytest.fail("something was run again"))
        grade(again, course / "notebooks", course / "out", OPTIONS)
    assert "0 graded, 6 known from an earlier run" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in (course / "out").glob("*.csv")} == before
    changed = edited(nbformat.read(again / "wrong" / f"{CHAPTER}.ipynb", as_version=4), RIGHT)
    nbformat.write(changed, again / "wrong" / f"{CHAPTER}.ipynb")
    runs = []
    monkeypatch.setattr(grading.Grader, "_bench", lambda _, files, room: runs.append(len(files)) or iter(()))
    with pytest.raises(CourseworkError, match="ended before it was done"):
        grade(again, course / "notebooks", course / "out", OPTIONS)
    assert runs == [1]


def test_a_grade_that_the_teacher_changed_survives_the_next_grading(course, tmp_path, capsys):
    found = [each for each in grading.Grader(
        grading.chapter_of(course / "notebooks" / f"{CHAPTER}.ipynb"), course / "out" / grading.DONE, [], OPTIONS
    ).grade({"wrong": {CHAPTER: course / "handed in" / "wrong" / f"{CHAPTER}.ipynb"}})]  # fmt: skip
    report.write(tmp_path, [], found, [], lambda text, chapter: text)
    grades = tmp_path / "grades.csv"
    corrected = grades.read_text(encoding="utf-8").replace("ex-share,0", "ex-share,1")
    grades.write_text(corrected, encoding="utf-8")
    report.write(tmp_path, [], [dataclasses.replace(found[0], odd={"ex-share": "odd"})], [], lambda text, chapter: text)
    assert grades.read_text(encoding="utf-8") == corrected
    assert "odd" in (tmp_path / "grades.new.csv").read_text(encoding="utf-8")
    assert "grades.csv: yours stays as it is" in capsys.readouterr().out


def test_a_wrong_folder_is_answered_with_a_sentence(course, capsys):
    for folder, words in ((course / "nowhere", "is not a folder"), (course / "notebooks", "nothing to grade")):
        assert main(["grade", str(folder), "--notebooks", str(course / "notebooks"), "--out", str(course / "out")]) == 2
        assert words in capsys.readouterr().err


def test_nbgraders_own_commands_grade_the_masters(course, tmp_path):
    """What a hub does: generate_assignment, autograde, and the points in nbgrader's database."""
    for folder, notebook in (
        (tmp_path / "source" / CHAPTER, nbformat.read(course / "notebooks" / f"{CHAPTER}.ipynb", as_version=4)),
        (tmp_path / "submitted" / "ada" / CHAPTER, edited(nbformat.read(course / "blank.ipynb", as_version=4), RIGHT)),
    ):
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{CHAPTER}.ipynb")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # nbgrader calls alembic by name
    for command in ("generate_assignment", "autograde"):
        subprocess.run(
            [sys.executable, "-m", "nbgrader", command, CHAPTER],
            cwd=tmp_path, check=True, capture_output=True, env=os.environ | {"PATH": path},
        )  # fmt: skip
    released = nbformat.read(tmp_path / "release" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)
    assert "p / (p + q)" not in nbformat.writes(released)
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as gradebook:
        assert gradebook.find_submission(CHAPTER, "ada").score == 6


def test_the_whole_loop_on_a_chapter_of_the_book(tmp_path, chromium):
    """As a teacher does it: the student edition, twelve submissions, grades, and the pages opened."""
    run = [sys.executable, "-m", "tools.coursework"]
    subprocess.run([*run, "student", "--folder", tmp_path / "student"], cwd=ROOT, check=True)
    blank = nbformat.read(tmp_path / "student" / f"{REAL}.ipynb", as_version=4)
    entries = yaml.safe_load((HERE / "wrong_answers" / f"{REAL}.yml").read_text(encoding="utf-8"))
    wrong = {exercise: answers[0] for exercise, answers in entries.items()}
    solved = nbformat.read(ROOT / "notebooks" / f"{REAL}.ipynb", as_version=4)
    mistaken = edited(blank, {name: entry["answer"] for name, entry in wrong.items()})
    for number in range(4):
        for kind, notebook in {"solved": solved, "blank": blank, "wrong": mistaken}.items():
            hand_in(tmp_path / "in", f"{kind} {number}", notebook, REAL)

    def graded():
        done = subprocess.run(
            [*run, "grade", tmp_path / "in", "--out", tmp_path], cwd=ROOT, check=True, capture_output=True, text=True
        )
        return done.stdout

    assert "12 graded, behind " in graded()
    table = (tmp_path / "grades.csv").read_bytes()
    rows = [row for student in rows_of(tmp_path).values() for row in student.values()]
    assert len(rows) == 12 * len(wrong)
    assert all(row["points"] == row["max"] for row in rows if row["student"].startswith("solved"))
    assert all(row["points"] == "0" for row in rows if not row["student"].startswith("solved"))
    assert {row["status"] for row in rows if row["student"].startswith("blank")} == {"blank"}
    named = {row["exercise"]: row["message"] for row in rows if row["student"] == "wrong 3"}
    assert all(entry["says"] in named[exercise] for exercise, entry in wrong.items())
    assert "0 graded, 12 known from an earlier run" in graded() and (tmp_path / "grades.csv").read_bytes() == table

    with chromium.new_context(viewport={"width": 1280, "height": 900}, offline=True) as context:
        sheet, trouble = context.new_page(), []
        sheet.on("console", lambda message: trouble.append(message.text))
        sheet.goto((tmp_path / "mistakes.html").as_uri())
        counted = sheet.locator("body").inner_text()
        assert all(entry["says"].split(".")[0] in counted for entry in wrong.values())
        sheet.goto((tmp_path / "feedback" / "wrong 3" / "index.html").as_uri())
        assert wrong["ex-far-out"]["says"] in sheet.locator("body").inner_text() and trouble == []

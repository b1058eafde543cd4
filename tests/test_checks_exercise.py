"""A learner's one line: it runs the chapter's test on what the notebook defines, and fails with a sentence."""

import subprocess
import sys

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from ganedu import checks
from ganedu.checks import _exercise
from tools.notebooks import ROOT, write_exercises


@pytest.fixture
def exercise(monkeypatch):
    """Two small exercises of a chapter; the first asks for the double of a number."""
    test = ['helper = 1', 'checks.answer("ex-double", double(3.0), 6.0, atol=1e-9, hint="Twice.",',
            '              mistakes={"the square is no double": 9.0})']  # fmt: skip
    entries = {
        "ex-double": {"chapter": "01_mini", "points": 2, "hard": False, "test": test},
        "ex-other": {"chapter": "01_mini", "points": 3, "hard": True, "test": ["raise AssertionError"]},
    }
    monkeypatch.setattr(_exercise, "_exercises", lambda: entries)
    monkeypatch.setattr(_exercise, "_passed", set())
    monkeypatch.setattr(_exercise, "_wrong", set())
    return entries["ex-double"]


def run(answer):
    """A notebook's names after an answer and its test line."""
    names = {"checks": checks, "torch": torch}
    exec(answer + '\nchecks.test("ex-double")', names)
    return names


def test_a_right_answer_is_told_with_the_progress_and_the_test_leaves_nothing_behind(exercise, capsys):
    names = run("def double(x): return 2 * x")
    printed = "✓ ex-double  well done\n  1 of 2 exercises of this chapter, 2 of 5 points\n"
    assert capsys.readouterr().out == printed and "helper" not in names


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("def double(x): return x * x", "the square is no double"),
        ("def double(x): return x", "Twice."),
        ("def double(x): raise NotImplementedError", "not answered yet"),
        ("pass", "double is not defined: run the cells above first"),
    ],
)
def test_every_failure_is_one_sentence(exercise, answer, says):
    with pytest.raises(checks.CheckFailed, match=says):
        run(answer)


def test_a_hard_exercise_says_first_where_to_look_and_then_what_is_wrong(exercise, capsys):
    exercise["hard"] = True
    with pytest.raises(checks.CheckFailed, match=r"^ex-double: not right yet\. Twice\. The next wrong answer") as first:
        run("def double(x): return x * x")
    assert "square" not in str(first.value)
    for answer, says in (("x * x", "the square is no double. Twice."), ("x", "off by 3, allowed 1e-09. Twice.")):
        with pytest.raises(checks.CheckFailed) as later:
            run(f"def double(x): return {answer}")
        assert str(later.value) == f"ex-double: {says}"
    run("def double(x): return 2 * x")
    assert "well done" in capsys.readouterr().out


def test_the_form_of_an_answer_is_told_at_once(exercise):
    exercise["hard"] = True
    with pytest.raises(checks.CheckFailed, match="your answer has shape"):
        run("def double(x): return torch.zeros(2)")


def test_grading_names_the_mistake_at_once():
    """A graded notebook calls `checks.answer`, and has one try."""
    with pytest.raises(checks.CheckFailed, match=r"^ex-double: the square\. Twice\.$"):
        checks.answer("ex-double", 9.0, 6.0, atol=1e-9, hint="Twice.", mistakes={"the square": 9.0})


def test_a_notebook_shows_the_sentence_alone(exercise, capsys):
    shell = InteractiveShell.instance()
    shell.run_cell("from ganedu import checks\nraise checks.CheckFailed('ex-double: the square is no double. Twice.')")
    shown = capsys.readouterr().out
    assert "ex-double: the square is no double. Twice." in shown
    assert "Traceback" not in shown and "raise checks" not in shown and len(shown.splitlines()) == 1


def test_in_a_script_the_exception_stays_an_exception():
    code = "from ganedu import checks; checks.test('ex-optimal-d-prior')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 1 and "Traceback" in ended.stderr and "CheckFailed: ex-optimal-d-prior" in ended.stderr


@pytest.mark.parametrize("label", ["ex-none", None, 3])
def test_an_exercise_that_does_not_exist_is_named(label):
    with pytest.raises(ValueError, match="no exercise"):
        checks.test(label)


def test_the_stored_tests_are_those_of_the_chapters(tmp_path):
    write_exercises(ROOT / "book" / "chapters", tmp_path / "exercises.json")
    stored = ROOT / "ganedu" / "checks" / "exercises.json"
    message = "run `make notebooks`: the tests of the exercises changed"
    assert (tmp_path / "exercises.json").read_bytes() == stored.read_bytes(), message

"""The ledger finds every equation, every check and every gap, and the book has none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ganedu import ledger
from ganedu.cli import app

ROOT = Path(__file__).resolve().parents[1]

CHAPTER = """# 1 · A chapter

$$
a = b
$$ (eq-a)

````{prf:theorem} Another
:label: thm-b

$$ b = c $$ (eq-b)
````

```{math}
:label: eq-c
c = d
```

$$ x = y $$ (def-x)

```text
$$ not an equation $$ (eq-quoted)
```

```{code-cell} ipython3
---
tags: [hide-cell]
---
%matplotlib inline
# $$ (eq-comment)
checks.equal("eq-a", 1, 1)
checks.gradient(label="eq-b", at=2)
```

```{code-cell} ipython3
:tags: [hide-cell]
for i in range(3):
    checks.at_most("eq-c", 1, 2)
checks.answer("ex-one", 1, 1)
```
"""


def record(label, **changes):
    entry = {"label": label, "kind": "equal", "method": "by hand", "tolerance": "1e-10", "residual": 2e-16}
    wrong = [{"name": "wrong", "miss": "off by 1"}]
    return {**entry, "rejects": wrong, "no_rejects": "", "not_executed": "a test", **changes}


@pytest.fixture
def shelf(tmp_path):
    """A folder for chapters and their notebooks, filled by the function that this returns."""
    (tmp_path / "book" / "chapters").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()

    def fill(text=CHAPTER, labels=("eq-a", "eq-b", "eq-c", "eq-c", "eq-c"), slug="01_one"):
        (tmp_path / "book" / "chapters" / f"{slug}.md").write_text(text)
        outputs = [{"metadata": {"ganedu": record(label) if isinstance(label, str) else label}} for label in labels]
        cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": [{"output_type": "stream"}, *outputs]}]
        (tmp_path / "notebooks" / f"{slug}.ipynb").write_text(json.dumps({"cells": cells}))
        return tmp_path / "book"

    return fill


def test_the_book_is_checked_completely():
    assert ledger.problems(ledger.read(ROOT / "book")) == []


def test_equations_and_checks_are_found_with_their_lines(shelf):
    entries = ledger.read(shelf())
    assert [(e.label, e.line) for e in entries.equations] == [("eq-a", 5), ("eq-b", 10), ("eq-c", 14), ("def-x", 18)]
    assert [(c.label, c.line) for c in entries.calls] == [("eq-a", 30), ("eq-b", 31), ("eq-c", 37)]
    assert ledger.problems(entries) == []
    assert ledger.coverage(entries) == {"01_one": (3, 0, 3)}


def test_the_table_shows_method_tolerance_residual_and_number_of_mistakes(shelf):
    first = ledger.table(ledger.read(shelf())).splitlines()[1]
    assert first.split() == ["eq-a", "01", "no", "1e-10", "2e-16", "1", "by", "hand"]
    assert "the book: 3 of 3 equations checked, 0 of them as printed (0 %)" in ledger.table(ledger.read(shelf()))


def test_a_print_is_executed_or_the_reason_is_given(shelf):
    silent = [record("eq-a", not_executed=""), record("eq-b"), record("eq-c", kind="equation", misprints=7)]
    entries = ledger.read(shelf(labels=[*silent[:2], silent[2:]]))  # two checks, and a table with one
    assert ledger.coverage(entries) == {"01_one": (3, 1, 3)}
    (found,) = (p for p in ledger.problems(entries) if "is not executed" in p)
    assert "01_one.md:5: the print of eq-a is not executed" in found


@pytest.mark.parametrize(
    ("old", "new", "place", "complaint"),
    [
        ('"eq-b", at', '"eq-bb", at', "01_one.md:31", "unknown label 'eq-bb'; did you mean 'eq-b'?"),
        ('checks.equal("eq-a", 1, 1)\n', "", "01_one.md:5", "no check of eq-a"),
        ('"eq-a", 1, 1', '"eq-" + name, 1, 1', "01_one.md:30", "write the label of the check out"),
        ("(eq-b)", "(eq-a)", "01_one.md:10", "the label eq-a is taken"),
        ("(def-x)", "(eq-x)", "01_one.md:18", "no check of eq-x"),
    ],
)
def test_a_gap_is_named_with_its_place(shelf, old, new, place, complaint):
    assert CHAPTER.count(old) == 1
    problems = ledger.problems(ledger.read(shelf(CHAPTER.replace(old, new))))
    assert any(place in problem and complaint in problem for problem in problems), problems


def test_a_check_without_record_is_found(shelf):
    problems = ledger.problems(ledger.read(shelf(labels=("eq-a", "eq-c"))))
    assert len(problems) == 1 and "01_one.md:31: the check of eq-b left no record" in problems[0]


def test_the_second_of_two_checks_needs_its_own_record(shelf):
    twice = CHAPTER.replace('checks.equal("eq-a", 1, 1)', 'checks.equal("eq-a", 1, 1)\nchecks.equal("eq-a", 2, 2)')
    assert any("eq-a left no record" in problem for problem in ledger.problems(ledger.read(shelf(twice))))


def test_a_record_without_check_is_found(shelf):
    (problem,) = ledger.problems(ledger.read(shelf(labels=("eq-a", "eq-b", "eq-c", "eq-old"))))
    assert "01_one.ipynb: eq-old has a record but no check" in problem


def test_an_equation_is_checked_in_its_own_chapter(shelf):
    shelf()
    other = '# 2 · Two\n\n```{code-cell} ipython3\nchecks.equal("eq-a", 1, 1)\n```\n'
    problems = ledger.problems(ledger.read(shelf(other, ["eq-a"], "02_two")))
    assert any("02_two.md:4: eq-a belongs to 01_one" in problem for problem in problems)


def test_a_missing_notebook_is_a_problem_and_a_broken_one_an_error(shelf):
    book = shelf()
    notebook = book.parent / "notebooks" / "01_one.ipynb"
    notebook.write_text("{")
    with pytest.raises(ValueError, match=r"01_one\.ipynb is not a notebook.*make notebooks"):
        ledger.read(book)
    notebook.unlink()
    assert "01_one.ipynb: missing; run `make notebooks`" in ledger.problems(ledger.read(book))[0]


def test_code_that_is_not_python_is_an_error_with_its_line(shelf):
    broken = CHAPTER.replace("checks.gradient(", "checks.gradient((")
    with pytest.raises(ValueError, match=r"01_one\.md:31: the code cell is not Python"):
        ledger.read(shelf(broken))


def test_the_book_is_found_from_below_and_its_absence_explained(shelf, tmp_path):
    book = shelf()
    assert ledger.find_book(book / "chapters") == ledger.find_book(tmp_path) == book
    with pytest.raises(ValueError, match=r"no folder book/chapters.*--book PATH"):
        ledger.find_book(Path(tmp_path.anchor))
    with pytest.raises(ValueError, match="holds no chapter"):
        ledger.read(tmp_path)


def test_the_command_ends_with_1_below_full_coverage(shelf, monkeypatch):
    book = shelf()
    monkeypatch.chdir(book)
    assert CliRunner().invoke(app, ["ledger", "--check"]).exit_code == 0
    shelf(labels=("eq-a",))
    complete = CliRunner().invoke(app, ["ledger", "--check", "--book", str(book)])
    assert complete.exit_code == 1 and "left no record" in complete.output
    assert CliRunner().invoke(app, ["ledger", "--book", str(book)]).exit_code == 0


def test_the_command_says_what_to_do_without_a_book(tmp_path):
    result = CliRunner().invoke(app, ["ledger", "--book", str(tmp_path)])
    assert result.exit_code == 2 and "--book PATH" in result.output and "Traceback" not in result.output


def test_the_command_does_not_load_torch():
    code = "import sys, ganedu.cli, ganedu.ledger; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=os.environ)

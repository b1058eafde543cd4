"""Breaking a formula of the book makes the check fail that guards it.

`mutations/NN_slug.yml` holds the breaks of a chapter. An entry replaces text in its code cells or in a displayed
formula, and names the check that has to notice:

    # the labels swapped
    - old: D^*(x) = \frac{p(x)}{p(x) + q(x)}     # occurs exactly once in the chapter's code cells and labeled formulas
      new: D^*(x) = \frac{q(x)}{p(x) + q(x)}
      fails: eq-optimal-d                        # the label of the first check that fails

Break the formula that the book states, as a reader might: flip a sign, drop a factor 1/D, add a log, halve a JSD. The
cells run from the top up to the failing check, so prefer early ones in a chapter that trains. Text with ": " or " #"
in it is quoted with single quotes, or written as a block after `old: |-` when it spans lines (spaces at the beginning
of the first line are lost: begin at a word).
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from unittest import mock

import pytest
import yaml

from ganedu import _chapter
from tools.mutants import cell, isolated
from tools.notebooks import ROOT

CHAPTERS = ROOT / "book" / "chapters"
ENTRIES = [
    {"chapter": path.stem, **entry}
    for path in sorted(Path(__file__).with_name("mutations").glob("*.yml"))
    for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
]
LEAST = 4  # breaks for each chapter
SECONDS = 300  # that a broken chapter may run


def mutated(text: str, old: str, new: str) -> tuple[int, list[str], dict[str, str]]:
    """A chapter with `old`, which occurs exactly once in its code cells and labeled formulas, replaced by `new`.

    Returns the index of the first cell that may notice, the code cells, and the formulas.
    """
    cells, equations = [source for _, source in _chapter.code_cells(text)], _chapter.equations(text)
    found = sum(source.count(old) for source in [*cells, *equations.values()])
    if found != 1:
        raise ValueError(f"occurs {found} times in code cells and formulas, and not once: {old!r}")
    label = next((label for label, latex in equations.items() if old in latex), old)
    first = next((index for index, source in enumerate(cells) if label in source), 0)
    return (
        first,
        [source.replace(old, new) for source in cells],
        {label: latex.replace(old, new) for label, latex in equations.items()},
    )


def first_failures(text: str, breaks: Iterable[tuple[str, str]]) -> list[str | None]:
    """For each break (old, new) of a chapter: the label of the first check that fails, None if all checks pass.

    What no break can reach runs once; a process is forked for every break where its first cell comes.
    """
    broken = [mutated(text, old, new) for old, new in breaks]
    whole = [source for _, source in _chapter.code_cells(text)]
    found = isolated.run(partial(_forks, whole, _chapter.equations(text), broken), SECONDS * (len(broken) + 1))
    assert found is not None, "the chapter fails without a break, or takes too long"
    return found["labels"]


def _forks(whole: list[str], equations: dict[str, str], broken: list) -> dict:
    shell, ran, labels = cell.shell(ROOT / "notebooks"), 0, {}
    for index in sorted(range(len(broken)), key=lambda index: broken[index][0]):
        first, cells, formulas = broken[index]
        assert _first_failure(shell, whole[ran:first], equations) is None, "a check fails without a break"
        ran = max(ran, first)
        result = isolated.run(lambda: {"label": _first_failure(shell, cells[ran:], formulas)}, SECONDS)  # noqa: B023
        labels[index] = result["label"] if result else "it took too long, or ended without a word"
    return {"labels": [labels[index] for index in range(len(broken))]}


def _first_failure(shell, cells: list[str], equations: dict[str, str]) -> str | None:
    with mock.patch("ganedu.formula._read._equations", return_value=equations):
        for source in cells:
            _, error = cell.run(shell, re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE))
            if type(error).__name__ in ("CheckFailed", "FormulaError"):
                return re.match(r"[\w-]+", str(error))[0]
            if error is not None:
                return repr(error)
    return None


@functools.cache
def failures(chapter: str) -> dict[tuple[str, str], str | None]:
    """Which check notices each listed break of a chapter."""
    breaks = [(entry["old"], entry["new"]) for entry in ENTRIES if entry["chapter"] == chapter]
    text = (CHAPTERS / f"{chapter}.md").read_text(encoding="utf-8")
    return dict(zip(breaks, first_failures(text, breaks), strict=True))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry['chapter'][:2]}-{entry['fails']}")
def test_a_broken_formula_is_caught(entry):
    assert failures(entry["chapter"])[entry["old"], entry["new"]] == entry["fails"]


@pytest.mark.parametrize("chapter", sorted(CHAPTERS.glob("[0-9][0-9]_*.md")), ids=lambda path: path.stem)
def test_every_chapter_is_broken_in_several_ways(chapter):
    assert Counter(entry["chapter"] for entry in ENTRIES)[chapter.stem] >= LEAST


def test_no_two_entries_are_the_same():
    assert len({(e["chapter"], e["old"], e["new"]) for e in ENTRIES}) == len(ENTRIES)


# The harness itself

SCRATCH = """
```{code-cell} ipython3
%matplotlib inline
import matplotlib.pyplot as plt
from ganedu import checks
```

```{code-cell} ipython3
def half(x):
    return x / 2

checks.equal("eq-half", half(3.0), 1.5, atol=1e-9, by="mental arithmetic", no_rejects="a test")
```

```{code-cell} ipython3
plt.show()
checks.equal("eq-other", 1.0, 1.0, atol=1e-9, by="looking", no_rejects="a test")
```
"""


def test_the_first_failing_check_is_named():
    breaks = [("1.0, 1.0", "1.0, 2.0"), ("return x / 2", "return x")]
    assert first_failures(SCRATCH, breaks) == ["eq-other", "eq-half"]


def test_a_break_that_nothing_notices_is_told_apart():
    assert first_failures(SCRATCH, [("return x / 2", "return 0.5 * x")]) == [None]


def test_a_break_that_ends_the_code_otherwise_is_no_check():
    assert first_failures(SCRATCH, [("return x / 2", "return y")]) == ["NameError(\"name 'y' is not defined\")"]


@pytest.mark.parametrize("old", ["no such text", "checks"])
def test_text_that_does_not_occur_once_is_an_error(old):
    with pytest.raises(ValueError, match="and not once"):
        mutated(SCRATCH, old, "")

"""Breaking a formula of the book makes the check fail that guards it.

`mutations/NN_slug.yml` holds the breaks of a chapter. An entry replaces text in its code cells or in a displayed
formula, and names the check that has to notice:

    # the labels swapped
    - old: D^*(x) = \frac{p(x)}{p(x) + q(x)}     # occurs exactly once in the chapter's code cells and labeled formulas
      new: D^*(x) = \frac{q(x)}{p(x) + q(x)}
      fails: eq-optimal-d                        # the label of the first check that fails

Break the formula that the book states, as a reader might: flip a sign, drop a factor 1/D, add a log, halve a JSD. Of
the cells above the failing check those run that it needs (see `slicing`), so that a training on which no check rests
costs nothing. One on which a check rests may be cut short, in the sound chapter as in the broken one, and the sound one
has to pass: `shorter` holds the text and what takes its place.

    - shorter:
        range(2000): range(250)

Text with ": " or " #" in it is quoted with single quotes, or written as a block after `old: |-` when it
spans lines (spaces at the beginning of the first line are lost: begin at a word).
"""

import functools
import importlib
import re
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from unittest import mock

import pytest
import yaml
from slicing import needed, sliced

from ganedu import _chapter
from tools.mutants import cell, isolated
from tools.notebooks import ROOT

CHAPTERS = ROOT / "book" / "chapters"
LISTED = [
    {"chapter": path.stem, **entry}
    for path in sorted(Path(__file__).with_name("mutations").glob("*.yml"))
    for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
]
ENTRIES = [entry for entry in LISTED if "shorter" not in entry]
# What chapters import sooner or later is imported here, or each of several hundred forks would take its time for it.
for _name in ("IPython.core.interactiveshell", "matplotlib.pyplot", "scipy.optimize", "scipy.stats", "torch._dynamo"):
    importlib.import_module(_name)
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


def first_failures(text: str, breaks: Iterable[tuple[str, str, str]]) -> list[str | None]:
    """For each break (old, new, label of a check) of a chapter: the label of the first check that fails, or None.

    Only the cells run that the broken formulas and the named checks need, what no break can reach once; a process is
    forked for every break where its first cell comes.
    """
    whole = [source for _, source in _chapter.code_cells(text)]
    broken = [mutated(text, old, new) for old, new, _ in breaks]
    asked = set()
    for (first, cells, _), (_, _, label) in zip(broken, breaks, strict=True):
        asked |= needed(cells, concerned(cells, first, label))
    found = isolated.run(partial(_forks, whole, _chapter.equations(text), broken, asked), SECONDS * (len(broken) + 1))
    assert found is not None, "the chapter fails without a break, or takes too long"
    return found["labels"]


def concerned(cells: list[str], first: int, label: str) -> range:
    """The cells from the first that may notice a break to the last check with the label of that which has to."""
    check = "assert " if label.startswith("AssertionError") else rf'checks\.\w+\(\s*"{label}"'
    return range(first, 1 + max(at for at in range(first, len(cells)) if re.search(check, cells[at])))


def _forks(whole: list[str], equations: dict[str, str], broken: list, asked: set[int]) -> dict:
    end = max(asked) + 1
    whole = sliced(whole, asked)
    shell, ran, labels = cell.shell(ROOT / "notebooks"), 0, {}
    for index in sorted(range(len(broken)), key=lambda index: broken[index][0]):
        first, cells, formulas = broken[index]
        assert _first_failure(shell, whole[ran:first], equations) is None, "it fails without a break"
        ran = max(ran, first)
        rest = sliced(cells, asked)[ran:end]
        result = isolated.run(lambda: {"label": _first_failure(shell, rest, formulas)}, SECONDS)  # noqa: B023
        labels[index] = result["label"] if result else "it took too long, or ended without a word"
    assert _first_failure(shell, whole[ran:end], equations) is None, "it fails without a break"
    return {"labels": [labels[index] for index in range(len(broken))]}


def _first_failure(shell, cells: list[str], equations: dict[str, str]) -> str | None:
    with mock.patch("ganedu.formula._read._equations", return_value=equations):
        for source in cells:
            _, error = cell.run(shell, source)
            if type(error).__name__ in ("CheckFailed", "FormulaError"):
                return re.match(r"[\w-]+", str(error))[0]
            if error is not None:
                return repr(error)
    return None


def shortened(text: str, chapter: str) -> str:
    """A chapter whose long computations end early."""
    for entry in (entry for entry in LISTED if entry["chapter"] == chapter):
        for old, new in entry.get("shorter", {}).items():
            assert text.count(old) == 1, f"occurs {text.count(old)} times in {chapter}, and not once: {old!r}"
            text = text.replace(old, new)
    return text


@functools.cache
def failures(chapter: str) -> dict[tuple[str, str, str], str | None]:
    """Which check notices each listed break of a chapter."""
    breaks = [(entry["old"], entry["new"], entry["fails"]) for entry in ENTRIES if entry["chapter"] == chapter]
    text = shortened((CHAPTERS / f"{chapter}.md").read_text(encoding="utf-8"), chapter)
    return dict(zip(breaks, first_failures(text, breaks), strict=True))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry['chapter'][:2]}-{entry['fails']}")
def test_a_broken_formula_is_caught(entry):
    assert failures(entry["chapter"])[entry["old"], entry["new"], entry["fails"]] == entry["fails"]


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
    breaks = [("1.0, 1.0", "1.0, 2.0", "eq-other"), ("return x / 2", "return x", "eq-half")]
    assert first_failures(SCRATCH, breaks) == ["eq-other", "eq-half"]


def test_a_break_that_nothing_notices_is_told_apart():
    assert first_failures(SCRATCH, [("return x / 2", "return 0.5 * x", "eq-half")]) == [None]


def test_a_break_that_ends_the_code_otherwise_is_no_check():
    found = first_failures(SCRATCH, [("return x / 2", "return y", "eq-half")])
    assert found == ["NameError(\"name 'y' is not defined\")"]


def test_what_no_check_needs_does_not_run():
    idle = "\n```{code-cell} ipython3\nraise RuntimeError('a training')\n```\n"
    cells = SCRATCH.split("\n\n```{code-cell}", 1)
    text = cells[0] + idle + "\n```{code-cell}" + cells[1]
    assert first_failures(text, [("return x / 2", "return x", "eq-half")]) == ["eq-half"]


@pytest.mark.parametrize("old", ["no such text", "checks"])
def test_text_that_does_not_occur_once_is_an_error(old):
    with pytest.raises(ValueError, match="and not once"):
        mutated(SCRATCH, old, "")

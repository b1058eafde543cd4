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

import re
from collections import Counter
from pathlib import Path
from unittest import mock

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
import yaml

from ganedu import _chapter, checks
from ganedu.formula import FormulaError
from tools.notebooks import ROOT

CHAPTERS = ROOT / "book" / "chapters"
ENTRIES = [
    {"chapter": path.stem, **entry}
    for path in sorted(Path(__file__).with_name("mutations").glob("*.yml"))
    for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
]
LEAST = 4  # breaks for each chapter


def mutated(text: str, old: str, new: str) -> tuple[list[str], dict[str, str]]:
    """Code cells and labeled formulas of a chapter with `old`, which occurs exactly once in them, replaced by `new`."""
    cells, equations = [source for _, source in _chapter.code_cells(text)], _chapter.equations(text)
    found = sum(source.count(old) for source in [*cells, *equations.values()])
    if found != 1:
        raise ValueError(f"occurs {found} times in code cells and formulas, and not once: {old!r}")
    return (
        [source.replace(old, new) for source in cells],
        {label: latex.replace(old, new) for label, latex in equations.items()},
    )


def first_failure(broken: tuple[list[str], dict[str, str]], name: str) -> str | None:
    """The label of the first check that fails when the cells run in order; None if every check passes."""
    cells, equations = broken
    with mock.patch("ganedu.formula._read._equations", return_value=equations):
        return _first_failure(cells, name)


def _first_failure(cells: list[str], name: str) -> str | None:
    namespace = {"__name__": "__main__", "display": lambda *_, **__: None}
    for number, source in enumerate(cells, start=1):
        code = compile(re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE), f"{name}, cell {number}", "exec")
        try:
            exec(code, namespace)
        except (checks.CheckFailed, FormulaError) as failure:
            return re.match(r"[\w-]+", str(failure))[0]
        finally:
            plt.close("all")
    return None


@pytest.fixture
def fresh_defaults():
    """What the setup cell of a chapter changes for the whole process."""
    dtype, backend = torch.get_default_dtype(), matplotlib.get_backend()
    plt.switch_backend("Agg")
    yield
    torch.set_default_dtype(dtype)
    matplotlib.rcdefaults()
    plt.switch_backend(backend)


@pytest.mark.filterwarnings("ignore")  # a wrong formula may well divide by zero; plt.show() shows nothing here
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry['chapter'][:2]}-{entry['fails']}")
def test_a_broken_formula_is_caught(entry, fresh_defaults):
    text = (CHAPTERS / f"{entry['chapter']}.md").read_text(encoding="utf-8")
    assert first_failure(mutated(text, entry["old"], entry["new"]), entry["chapter"]) == entry["fails"]


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


def test_the_first_failing_check_is_named(fresh_defaults):
    assert first_failure(mutated(SCRATCH, "return x / 2", "return x"), "scratch") == "eq-half"
    assert first_failure(mutated(SCRATCH, "1.0, 1.0", "1.0, 2.0"), "scratch") == "eq-other"


def test_a_break_that_nothing_notices_is_told_apart(fresh_defaults):
    assert first_failure(mutated(SCRATCH, "return x / 2", "return 0.5 * x"), "scratch") is None


@pytest.mark.parametrize("old", ["no such text", "checks"])
def test_text_that_does_not_occur_once_is_an_error(old):
    with pytest.raises(ValueError, match="and not once"):
        mutated(SCRATCH, old, "")

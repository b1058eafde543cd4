"""The appendix follows from the boxes of the chapters and the records of their checks."""

import os

import pytest

from ganedu.ledger import Equation, Ledger, Record
from tools import boxes, pages

ERRATUM = r"""# 3 · The value function

## Slopes & signs

:::{admonition} What article 001 prints (§3.1)
:class: erratum dropdown
- **Claims**: S001-07, S003-18
- **Verdict**: wrong
- **Printed**: $\nabla D$
- **Correct**: $\nabla D / D$
- **Refuted by**: `eq-phi`, factor-free form, as printed
- **Belongs to**: the critic objective
:::

```{code-cell} ipython3
# a comment, not a heading
```

:::{admonition} Confirmed: a value
:class: confirmed dropdown
- **Claims**: S001-03
- **Verdict**: correct with a condition
- **Says**: $V = -\log 4$
- **Condition**: at the optimum
- **Shown by**: `eq-phi`
:::
"""


def entries(path):
    misses = ({"name": "factor-free form, as printed", "miss": "off by 2.2"},)
    return Ledger(
        equations=[Equation("eq-phi", path.stem, path, 1)],
        records=[Record("eq-phi", path.stem, "equal", "by a_b*", "1e-10", 3.4e-16, misses, "")],
    )


@pytest.fixture
def chapter(tmp_path):
    path = tmp_path / "chapters" / "03_value.md"
    path.parent.mkdir()
    path.write_text(ERRATUM)
    return path


def complaints(path):
    found = []
    boxes.read_all([path], entries(path), found.append)
    return found


def test_well_written_boxes_are_read(chapter):
    erratum, confirmed = boxes.read_all([chapter], entries(chapter), pytest.fail)
    assert erratum.claims == ["S001-07", "S003-18"] and erratum.section == "Slopes & signs"
    assert erratum.labels == ["eq-phi"] and erratum.mistake == "factor-free form, as printed"
    assert confirmed.kind == "confirmed" and confirmed.fields["Condition"] == "at the optimum"


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ("**Printed**", "**Prints**", 9, "unknown key 'Prints'"),
        ("- **Verdict**: wrong\n", "", 5, "lacks the key 'Verdict'"),
        ("- **Condition**: at the optimum\n", "", 19, "'Condition' is missing"),
        (": wrong", ": correct", 5, "does not fit the class erratum"),
        (": wrong", ": wrong\n- **Verdict**: wrong", 9, "stands twice"),
        (": wrong", ": wrong\n  on two lines", 9, "one line each"),
        ("S003-18", "S3-18", 5, "'S3-18' is not the id of a claim"),
        ("S003-18", "S001-03", 19, "S001-03 is decided in line 5 already"),
        ("`eq-phi`, factor", "`eq-psi`, factor", 5, "no check of eq-psi is recorded"),
        (
            "`eq-phi`, factor-free form",
            "`eq-phi`, another form",
            5,
            "rejects no mistake named 'another form, as printed'",
        ),
        ("`eq-phi`, factor-free form, as printed", "`eq-phi`", 5, "a comma and the name of the mistake"),
        (":class: erratum dropdown", ":class: erratum", 6, "add `dropdown`"),
        (":class: erratum", ":class: errata", 7, "class erratum or confirmed"),
        ("the critic objective\n:::", "the critic objective\n", 19, "the box of line 5 is not closed"),
    ],
)
def test_a_departure_from_the_format_is_an_error_with_its_line(chapter, old, new, line, complaint):
    assert old in ERRATUM
    chapter.write_text(ERRATUM.replace(old, new, 1))
    assert any(f"03_value.md:{line}: " in error and complaint in error for error in complaints(chapter)), complaints(
        chapter
    )


def test_keys_out_of_order_are_an_error(chapter):
    lines = ERRATUM.splitlines()
    lines[7], lines[8] = lines[8], lines[7]
    chapter.write_text("\n".join(lines))
    assert "order Claims, Verdict, Printed" in complaints(chapter)[0]


def test_a_correction_shows_both_formulas_and_what_was_measured(chapter):
    found, _ = boxes.read(chapter)
    text = pages.corrections(found, entries(chapter))
    assert "### Article 001\n\n:::{card} S001-07, S003-18: wrong" in text
    assert r"**Printed**: $\nabla D$" in text and r"**Correct**: $\nabla D / D$" in text
    assert r"{eq}`eq-phi`: as printed, off by 2.2; as corrected, holds within $3\times10^{-16}$" in text
    assert "03_value.html#slopes-signs" in text and "Slopes &amp; signs" in text
    assert "### Article 003\n\n**S003-18** is decided together with S001-07" in text


def test_the_index_of_what_holds_shows_the_condition(chapter):
    found, _ = boxes.read(chapter)
    text = pages.confirmed(found, entries(chapter))
    assert "**S001-03**: correct with a condition" in text and "*Condition*: at the optimum" in text


def test_the_ledger_page_escapes_what_is_not_markup(chapter):
    text = pages.ledger_page(entries(chapter), [chapter])
    assert "## Chapter 3, The value function" in text and r"by a\_b\*" in text and "1 mistake rejected" in text


def test_an_unchanged_page_is_not_written_again(tmp_path, capsys):
    path = tmp_path / "generated" / "page.md"
    pages.write_if_changed(path, "one")
    os.utime(path, (1, 1))
    pages.write_if_changed(path, "one")
    assert path.stat().st_mtime == 1
    pages.write_if_changed(path, "two")
    assert path.read_text() == "two" and capsys.readouterr().out.count("written") == 2


@pytest.mark.parametrize(
    ("value", "text"), [(3.4e-16, r"$3\times10^{-16}$"), (0.0, "$0$"), (0.54, "$0.54$"), (2.5e7, r"$2\times10^{7}$")]
)
def test_numbers_are_written_as_mathematics(value, text):
    assert pages.scientific(value) == text

"""What CONTRIBUTING asks of every chapter, where a test can tell."""

import ast
import re
from pathlib import Path

import jupytext
import pytest

from ganedu import _chapter

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "book" / "chapters").glob("[0-9][0-9]_*.md"))
IN_A_ROW = 2  # code cells without prose between them
WIDTH = 95
PARAGRAPH = 90  # words, a formula counts as one

pytestmark = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def cells(chapter):
    return jupytext.reads(chapter.read_text(encoding="utf-8"), fmt="md:myst").cells


def test_code_cells_do_not_stand_in_a_row(chapter):
    rows, length = [], 0
    for cell in cells(chapter):
        length = length + 1 if cell.cell_type == "code" else 0
        if length > IN_A_ROW:
            rows.append(cell.source.splitlines()[0])
    assert not rows, f"{chapter.name}: say in a sentence what comes next before {rows}"


def test_the_code_of_figures_folds(chapter):
    shown = [
        cell.source.splitlines()[0]
        for cell in cells(chapter)
        if "figure" in cell.metadata.get("mystnb", {}) and "hide-input" not in cell.metadata.get("tags", [])
    ]
    assert not shown, f"{chapter.name}: `tags: [hide-input]` for the figures that begin with {shown}"


def test_code_lines_fit_the_page(chapter):
    long = [
        line.strip()[:40]
        for cell in cells(chapter)
        if cell.cell_type == "code" and not {"ring-code", "trial-code"} & {*cell.metadata.get("tags", [])}  # hashed
        for line in cell.source.splitlines()
        if len(line) > WIDTH
    ]
    assert not long, f"{chapter.name}: lines of more than {WIDTH} characters at {long}"


def test_imports_are_used(chapter):
    nodes = [node for cell in cells(chapter) if cell.cell_type == "code" for node in ast.walk(ast.parse(cell.source))]
    imported = {
        (name.asname or name.name).split(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    unused = imported - {node.id for node in nodes if isinstance(node, ast.Name)}
    assert not unused, f"{chapter.name}: imported for nothing: {sorted(unused)}"


def test_paragraphs_are_short(chapter):
    text = "\n\n".join(cell.source for cell in cells(chapter) if cell.cell_type == "markdown")
    text = re.sub(r"^:::.*?^:::$|^\$\$.*?^\$\$", "\n\n", text, flags=re.DOTALL | re.MULTILINE)  # boxes, equations
    paragraphs = [part for part in map(str.strip, re.split(r"\n\s*\n", text)) if re.match(r"[\w*]", part)]
    long = [part[:50] for part in paragraphs if len(re.sub(r"\$[^$]*\$", "x", part).split()) > PARAGRAPH]
    assert not long, f"{chapter.name}: one point a paragraph; more than {PARAGRAPH} words begin with {long}"


def test_symbols_of_equations_stand_in_the_notation(chapter):
    notation = symbols((ROOT / "book" / "appendix" / "notation.md").read_text(encoding="utf-8"))
    used = symbols("\n".join(_chapter.equations(chapter.read_text(encoding="utf-8")).values()))
    assert not used - notation, f"{chapter.name}: not in book/appendix/notation.md: {sorted(used - notation)}"


def symbols(text):
    """Greek letters and named operators in some LaTeX."""
    small = (
        "alpha beta gamma delta epsilon varepsilon eta theta kappa lambda mu nu xi rho sigma tau phi varphi chi omega"
    )
    greek = "|".join([*small.split(), "Delta", "Phi", "Sigma", "Omega"])
    return {m[0] for m in re.finditer(rf"\\(?:{greek})(?![a-z])|\\operatorname\{{\w+\}}", text)}

"""References of a chapter as text and links, for a notebook that is read outside the book.

In the book Sphinx resolves references between chapters and counts equations, figures and theorems within a chapter.
A notebook on its own knows only itself: here each reference becomes what the book shows for it, and a link to the
notebook beside it.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from pybtex.database import parse_file

from ganedu import _chapter

ROOT = Path(__file__).resolve().parents[2]
ROLE = re.compile(r"\{(eq|ref|cite|numref|prf:ref|doc)\}`([^`]+)`")
CHAPTER = re.compile(r"^\((?P<label>[\w-]+)\)=\n# (?P<title>.+)$", re.MULTILINE)
DIRECTIVE = re.compile(r"^`{3,}\{(?:prf:)?(?P<kind>[a-z]+)\} *(?P<title>.*)\n:label: (?P<label>\S+)", re.MULTILINE)


class Target(NamedTuple):
    """What a reference is to: how the book writes it, and the notebook in which it stands ('' for an appendix)."""

    text: str
    notebook: str


def targets(notebooks: dict[str, NotebookNode]) -> dict[str, Target]:
    """Every label of the chapters {name of the file: notebook} and appendices, with what the book shows for it."""
    found: dict[str, Target] = {}
    for name, notebook in notebooks.items():
        found |= _targets_of(notebook, name)
    for page in sorted((ROOT / "book").rglob("*.md")):
        if page.parent.name != "chapters":
            for heading in CHAPTER.finditer(page.read_text(encoding="utf-8")):
                found[heading["label"]] = Target(f"the page *{heading['title']}* of the book", "")
    return found


def _targets_of(notebook: NotebookNode, name: str) -> dict[str, Target]:
    number, found, figures = int(name[:2]), {}, 0
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for heading in CHAPTER.finditer(text):
        found[heading["label"]] = Target(heading["title"], name)
    for count, label in enumerate(_chapter.equations(text), start=1):
        found[label] = Target(f"({number}.{count})", name)
    for directive in DIRECTIVE.finditer(text):
        found[directive["label"]] = Target(f"{directive['kind']} *{directive['title']}*", name)
    for cell in notebook.cells:
        if figure := _figure(cell):
            figures += 1
            found[figure["name"]] = Target(f"figure {number}.{figures}", name)
    return found


def plain(notebook: NotebookNode, name: str, known: dict[str, Target]) -> NotebookNode:
    """The notebook `name` with its references written out, equations tagged and captions below their figures."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = written_out(cell.source, name, known)
        elif figure := _figure(cell):
            label = known[figure["name"]].text.capitalize()
            caption = nbformat.v4.new_markdown_cell(f"*{label}.* {written_out(figure['caption'], name, known)}")
            caption.id = f"{cell.id}-caption"
            cells.append(caption)
    notebook.cells = cells
    return notebook


def _figure(cell: NotebookNode) -> dict | None:
    return cell.metadata.get("mystnb", {}).get("figure")


def written_out(text: str, name: str, known: dict[str, Target]) -> str:
    """A text of the notebook `name` with its references as words and links."""

    def tagged(equation):
        label, latex = equation["label"] or equation["named"], equation["display"] or equation["block"]
        if label is None:
            return equation[0]
        number = known[label].text.strip("()")
        return f"\\begin{{equation*}}{latex.rstrip()}\n\\tag{{{number}}}\n\\end{{equation*}}"

    def resolved(role):
        if role[1] == "cite":
            return "(" + "; ".join(_citation(key.strip()) for key in role[2].split(",")) + ")"
        target = known.get(role[2])
        if target is None:
            return role[2].rpartition("/")[2].replace("_", " ")
        return target.text if target.notebook in ("", name) else f"[{target.text}]({target.notebook})"

    return ROLE.sub(resolved, _chapter.PRINT.sub(tagged, CHAPTER.sub(r"# \g<title>", text)))


def _citation(key: str) -> str:
    """An entry of the bibliography in a few words, linked where it names an address."""
    entry = _bibliography()[key]
    names = [" ".join(person.last_names) for person in entry.persons.get("author", [])]
    words = (names[0] if len(names) == 1 else " and ".join(names) if len(names) == 2 else f"{names[0]} et al.") + (
        f" {entry.fields['year']}"
    )
    address = entry.fields.get("url") or (f"https://doi.org/{entry.fields['doi']}" if "doi" in entry.fields else "")
    return f"[{words}]({address})" if address else words


@cache
def _bibliography() -> dict:
    return parse_file(str(ROOT / "book" / "references.bib")).entries

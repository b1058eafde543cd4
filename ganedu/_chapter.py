"""What the text of a chapter says: its labeled equations, its code cells, and the checks that the code calls."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = ("equation", "equal", "gradient", "expectation", "converges", "at_most")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})(.*)$")
_LABEL = re.compile(r"\$\$\s*\(((?:eq|def)-[^)\s]+)\)|^\s*:label:\s*((?:eq|def)-\S+)")
PRINT = re.compile(  # a displayed formula, with its label if it has one
    r"\$\$(?P<display>.+?)\$\$[ ]*(?:\((?P<label>(?:eq|def)-[^)\s]+)\))?"
    r"|```\{math\}\s*:label:\s*(?P<named>\S+)\n(?P<block>.+?)```",
    re.DOTALL,
)


@dataclass(frozen=True)
class Call:
    """A ``checks.*`` call in the code of a chapter; the label is None if it is not written out."""

    label: str | None
    chapter: str
    path: Path
    line: int


def labels(text: str) -> Iterator[tuple[int, str]]:
    """Line and label of each ``eq-`` and ``def-`` equation of a text; what stands in code is not an equation."""
    for number, line in enumerate(_without_code(text), start=1):
        for match in _LABEL.finditer(line):
            yield number, match[1] or match[2]


def equations(text: str) -> dict[str, str]:
    """The LaTeX that a text prints under each ``eq-`` and ``def-`` label."""
    matches = PRINT.finditer("\n".join(_without_code(text)))
    pairs = ((m["label"] or m["named"], m["display"] or m["block"]) for m in matches)
    return {label: latex.strip() for label, latex in pairs if label}


def exercise(grade_id: str) -> str:
    """The label ``ex-...`` of the exercise whose test cell has this id, ``test-...``."""
    return "ex-" + grade_id.removeprefix("test-")


def _without_code(text: str) -> Iterator[str]:
    """The lines of a text, those within code replaced by empty ones."""
    fences: list[tuple[str, bool]] = []  # (marker, whether it holds code) of the blocks that are open
    for line in text.splitlines():
        if fence := _FENCE.match(line):
            marker, info = fence[1], fence[2].strip()
            if fences and not info and marker.startswith(fences[-1][0]):
                fences.pop()
            elif not (fences and fences[-1][1]):
                fences.append((marker, not info.startswith("{") or info.startswith("{code-cell}")))
            yield line
        else:
            yield "" if fences and fences[-1][1] else line


def code_cells(text: str) -> Iterator[tuple[int, str]]:
    """First line and source of each code cell of a chapter, without its options."""
    lines = text.splitlines()
    row = 0
    while row < len(lines):
        opening = re.match(r"^(`{3,}|~{3,})\s*\{code-cell\}", lines[row])
        row += 1
        if not opening:
            continue
        end = next((i for i in range(row, len(lines)) if lines[i].strip() == opening[1]), len(lines))
        first = row
        if first < end and lines[first].strip() == "---":
            first = next((i + 1 for i in range(first + 1, end) if lines[i].strip() == "---"), end)
        while first < end and lines[first].startswith(":"):
            first += 1
        yield first + 1, "\n".join(lines[first:end])
        row = end + 1


def calls(text: str, path: Path) -> list[Call]:
    """The ``checks.*`` calls in the code cells of a chapter."""
    found = []
    for first, source in code_cells(text):
        source = re.sub(r"^[%!]", "#", source, flags=re.MULTILINE)  # IPython's magics
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            line = first + (error.lineno or 1) - 1
            raise ValueError(f"{path}:{line}: the code cell is not Python ({error.msg})") from None
        found += [
            Call(_written_label(node), path.stem, path, first + node.lineno - 1)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and _is_check(node.func)
        ]
    return sorted(found, key=lambda call: call.line)


def _is_check(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "checks"
        and function.attr in KINDS
    )


def _written_label(call: ast.Call) -> str | None:
    label = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "label"), None)
    return label.value if isinstance(label, ast.Constant) and isinstance(label.value, str) else None

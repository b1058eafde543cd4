"""All mutants of a text: what is broken, what is left alone, and a name for each that outlives its line number."""

import ast
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from tools.mutants.operators import breaks
from tools.mutants.source import Source


@dataclass(frozen=True)
class Mutant:
    """One break of one text.

    id: eight hexadecimal digits of a hash of file, function, line and break: it stays when the line moves.
    file: path below the root, with `cell N` of a chapter; line, column: of the break, from 1.
    before, after: of the broken piece; at: the line it stands in. text: the whole broken text.
    """

    id: str
    file: str
    cell: int
    line: int
    column: int
    operator: str
    before: str
    after: str
    at: str
    text: str

    def record(self) -> dict:
        """Everything but the whole text."""
        return {name: value for name, value in asdict(self).items() if name != "text"}

    def __str__(self) -> str:
        change = " ".join(f"{self.before}  →  {self.after}".split())
        return f"{self.id} {self.file}:{self.line}:{self.column} {self.operator}: {change}   in: {self.at}"


def mutants(text: str, file: str, *, skip: Callable[[ast.AST], bool], first_line: int = 1, cell: int = 0):
    """The mutants of a text, from top to bottom.

    skip: which nodes are left alone with all that is in them. first_line: of the text in its file.
    """
    source, seen = Source(text), Counter()
    for node, scope in _nodes(source.tree, skip):
        for operator, first, end, new in breaks(node, source):
            before = source.bytes[first:end].decode()
            row = source.bytes[:first].count(b"\n") + 1
            column = first - source.starts[row - 1] + 1
            key = "\n".join((file, scope, source.line(row), operator, before, new))
            seen[key] += 1
            digest = hashlib.sha256(f"{key}\n{seen[key]}".encode()).hexdigest()[:8]
            broken = source.edited(first, end, new)
            where = (digest, file, cell, row + first_line - 1, column)
            if _is_python(broken):
                yield Mutant(*where, operator, before, new, source.line(row), broken)


def sample(found: Iterable[Mutant], size: int, seed: int) -> list[Mutant]:
    """A sample of the mutants, in their order: a change of one file leaves the choice in the others as it was."""
    found = list(found)
    luck = {mutant.id: random.Random(f"{seed} {mutant.id}").random() for mutant in found}
    chosen = set(sorted(luck, key=luck.get)[:size])
    return [mutant for mutant in found if mutant.id in chosen]


def _nodes(tree: ast.AST, skip) -> Iterator[tuple[ast.AST, str]]:
    """The nodes that may be broken, each with the names of the functions and classes around it."""
    waiting = [(tree, "")]
    while waiting:
        node, scope = waiting.pop()
        if isinstance(node, _UNTOUCHED) or skip(node):
            continue
        yield node, scope
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            scope = f"{scope}.{node.name}"
        waiting += [(child, scope) for child in reversed(list(_children(node)))]


# Messages are for people; before Python 3.12 a piece of an f-string has no place in the text.
_UNTOUCHED = (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)
_OF_TYPES = {"annotation", "returns", "decorator_list", "bases"}


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name not in _OF_TYPES:
            yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST))


def _is_python(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True

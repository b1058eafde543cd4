"""Program slicing (Weiser 1981): of the code cells of a chapter, those that some of its cells need."""

import ast
import re
from collections.abc import Collection, Sequence

SETTINGS = {"torch.set_default_dtype", "torch.manual_seed"}  # state that is bound to no name


class _Names(ast.NodeVisitor):
    """The names that statements bind or import, and those that they use before, in the order in which Python does."""

    def __init__(self):
        self.bound, self.used, self.imported = set(), set(), set()

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)
        elif node.id not in self.bound | self.imported:
            self.used.add(node.id)

    def visit_Import(self, node):
        self.imported |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}

    def visit_Assign(self, node):
        for part in (node.value, *node.targets):
            self.visit(part)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        self.used |= {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)} - self.bound
        self.visit(node.target)

    def visit_For(self, node):
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    def visit_Lambda(self, node):
        """A scope of its own: what is bound in it is not bound outside."""
        own = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        own |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
        self.used |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - own - self.bound
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self.bound.add(node.name)

    visit_ImportFrom = visit_Import
    visit_FunctionDef = visit_ClassDef = visit_Lambda
    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_Lambda


def names(cell: str) -> tuple[set[str], set[str]]:
    """The global names that a cell binds, without those that it imports, and those for which it needs cells above."""
    visitor = _Names()
    visitor.visit(ast.parse(_plain(cell)))
    return visitor.bound, visitor.used


def needed(cells: Sequence[str], asked: Collection[int]) -> set[int]:
    """The places of the asked cells, of the last cell above each that binds a name which it uses, and so on."""
    chosen, wanted = set(), set()
    for place in range(max(asked), -1, -1):
        bound, used = names(cells[place])
        if place in asked or bound & wanted:
            chosen.add(place)
            wanted = (wanted - bound) | used
    return chosen


def sliced(cells: Sequence[str], chosen: Collection[int]) -> list[str]:
    """The chosen cells, and of the others what they leave behind for all: their imports, precision and seeds."""
    return [_plain(cell) if place in chosen else _reduced(cell) for place, cell in enumerate(cells)]


def _reduced(cell: str) -> str:
    def left(statement):
        called = getattr(getattr(statement, "value", None), "func", None)
        return isinstance(statement, ast.Import | ast.ImportFrom) or (called and ast.unparse(called) in SETTINGS)

    return "\n".join(ast.unparse(each) for each in ast.parse(_plain(cell)).body if left(each))


def _plain(cell: str) -> str:
    """A cell without the lines that are IPython's."""
    return re.sub(r"^\s*[%!].*$", "", cell, flags=re.MULTILINE)

"""Which statements of a chapter only draw: they and what is computed for them alone are not broken."""

import ast
from collections.abc import Iterator
from functools import cache

DRAWING = {"plt", "plots", "fig", "ax", "axes"}


def only_draws(cells: list[ast.Module]) -> list[set[tuple[int, int]]]:
    """For each cell line and column of the statements that draw, or whose names only such statements use."""
    inner = [list(_simple(cell.body)) for cell in cells]
    statements = [statement for cell in inner for statement in cell]
    canvases = DRAWING | {name for each in statements if _names(each) & {"plt"} for name in _bound(each)}
    loops = [loop for cell in cells for loop in ast.walk(cell) if isinstance(loop, ast.For)]
    canvases |= {name for loop in loops if _names(loop.iter) & DRAWING for name in _first_name(loop.target)}
    drawn = {id(each) for each in statements if _names(each) & canvases}
    users = {id(each): _users(each, statements) for each in statements}
    while more := {key for key, mine in users.items() if key not in drawn and mine and mine <= drawn}:
        drawn |= more
    return [{(each.lineno, each.col_offset) for each in cell if id(each) in drawn} for cell in inner]


def _users(statement: ast.stmt, statements: list[ast.stmt]) -> set[int]:
    """The other statements that use a name which this one binds."""
    names = _bound(statement)
    return {id(each) for each in statements if each is not statement and names & _read(each)} if names else set()


def _simple(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements without a body, and the heads of those that have one."""
    for statement in body:
        inner = [getattr(statement, part, []) for part in ("body", "orelse", "finalbody")]
        if not any(inner) or isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield statement
        elif isinstance(statement, ast.For):
            yield ast.copy_location(ast.Assign([statement.target], statement.iter), statement)
        for part in inner if not isinstance(statement, ast.FunctionDef | ast.ClassDef) else []:
            yield from _simple(part)


@cache
def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


@cache
def _read(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        return {each.id for target in statement.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return set()


def _first_name(target: ast.expr) -> list[str]:
    """`ax` in `for ax, (name, values) in zip(axes, ...)`."""
    first = target.elts[0] if isinstance(target, ast.Tuple) else target
    return [first.id] if isinstance(first, ast.Name) else []

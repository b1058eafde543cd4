"""Every single misprint of a formula: a sign flipped, a factor dropped, a fraction inverted, a constant changed.

A check that a misprint would pass has not read the formula.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lark import Tree
from lark.lexer import Token

from ganedu.formula._evaluate import place
from ganedu.formula._grammar import FUNCTIONS
from ganedu.formula._read import Formula

_WRAPPERS = {"absolute", "norm", "root", "floor", "ceil", "transpose", "factorial"}


@dataclass(frozen=True)
class Misprint:
    """A formula with one misprint, and what was done to it.

    Taught in {ref}`formula`.
    """

    name: str
    formula: Formula


def misprints(formula: Formula) -> Iterator[Misprint]:
    """All formulas that differ from this one by one misprint, each only in the statement that has it.

    Taught in {ref}`formula`.
    """
    seen: Counter[str] = Counter()
    for statement in formula.statements:
        for name, changed in _changes(statement, formula.latex):
            seen[name] += 1
            numbered = name if seen[name] == 1 else f"{name} ({seen[name]})"
            yield Misprint(numbered, replace(formula, statements=(changed,)))


def _changes(node: Tree, latex: str) -> Iterator[tuple[str, Tree]]:
    """Every change of a node itself, then of its children."""
    yield from _own_changes(node, latex)
    for position, child in enumerate(node.children):
        if isinstance(child, Tree):
            for name, changed in _changes(child, latex):
                yield name, _replaced(node, position, changed)


def _own_changes(node: Tree, latex: str) -> Iterator[tuple[str, Tree]]:
    children = node.children
    text = " ".join(latex[slice(*place(node))].split())
    if node.data == "sum":
        yield from _signs(node, latex)
    elif node.data == "term":
        yield from _factors(node, latex)
    elif node.data == "fraction":
        above, below = (child for child in children if isinstance(child, Tree))
        turned = [{id(above): below, id(below): above}.get(id(child), child) for child in children]
        if above != below:
            yield f"{text} inverted", Tree(node.data, turned, node.meta)
        yield f"denominator of {text} dropped", above
    elif node.data == "power":
        yield f"exponent of {text} dropped", children[0]
    elif node.data == "number":
        yield (
            f"{text} made {float(children[0]) + 1:g}",
            Tree("number", [Token("NUMBER", str(float(children[0]) + 1))], node.meta),
        )
    elif node.data in _WRAPPERS:
        yield f"{node.data} dropped from {text}", next(child for child in children if isinstance(child, Tree))
    elif node.data in ("closed", "call"):
        yield from _function(node, text)


def _signs(node: Tree, latex: str) -> Iterator[tuple[str, Tree]]:
    for position, sign in enumerate(node.children):
        if isinstance(sign, Tree) or _is_order(following := node.children[position + 1]):
            continue
        flipped = Token("SIGN", "-" if sign == "+" else "+")
        term = " ".join(latex[slice(*place(following))].split())
        yield f"{flipped} {term} for {sign} {term}", _replaced(node, position, flipped)


def _is_order(node: Tree) -> bool:
    return node.data == "closed" and node.children[0] == "O"


def _is_one(node: Tree) -> bool:
    return node.data == "number" and float(node.children[0]) == 1  # 1/2 without its 1 is still 1/2


def _factors(node: Tree, latex: str) -> Iterator[tuple[str, Tree]]:
    for position, factor in enumerate(node.children):
        if not isinstance(factor, Tree) or _is_one(factor):
            continue
        kept = list(node.children)
        kept[position : position + 1] = []
        if position and not isinstance(kept[position - 1], Tree):
            del kept[position - 1]
        elif kept and not isinstance(kept[0], Tree):  # the first of a / b
            kept.insert(0, Tree("number", [Token("NUMBER", "1")], factor.meta))
        dropped = " ".join(latex[slice(*place(factor))].split())
        yield f"factor {dropped} dropped", kept[0] if len(kept) == 1 else Tree("term", kept, node.meta)


def _function(node: Tree, text: str) -> Iterator[tuple[str, Tree]]:
    function = node.children[0]
    if function.type != "FUNC" or function not in FUNCTIONS:
        return
    arguments = [child for child in node.children if isinstance(child, Tree)]
    if function in (r"\max", r"\min"):
        other = Token("FUNC", r"\min" if function == r"\max" else r"\max")
        yield f"{function} made {other} in {text}", _replaced(node, 0, other)
    elif len(arguments) == 1:
        yield f"{function} dropped from {text}", arguments[0]
    if any(getattr(child, "type", "") == "FPOW" for child in node.children):
        kept = [child for child in node.children if getattr(child, "type", "") != "FPOW"]
        yield f"exponent of {text} dropped", Tree(node.data, kept, node.meta)


def _replaced(node: Tree, position: int, child) -> Tree:
    return Tree(node.data, [*node.children[:position], child, *node.children[position + 1 :]], node.meta)

"""A printed formula as something that can be evaluated, and where the print comes from."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise

from lark import Tree
from lark.lexer import Token
from torch import Tensor

from ganedu.formula._errors import FormulaError
from ganedu.formula._evaluate import Evaluation, place
from ganedu.formula._grammar import RELATIONS, classified, clauses, last_side, parse
from ganedu.formula._matrices import Matrix
from ganedu.formula._tokens import named, split


@dataclass(frozen=True)
class Link:
    """Two neighboring sides of a printed statement, evaluated.

    relation: one of = < <= > >= ~ ->; order: the value inside O(...), if one is printed; digits: decimals of a printed
    approximation (``~``); left, right: numbers, or entries of matrices.
    """

    relation: str
    left: Tensor
    right: Tensor
    order: Tensor | None = None
    digits: int = 0


@dataclass(frozen=True)
class Formula:
    """The statements of a formula as trees; see the page on formulas for the language.

    Taught in {ref}`formula`.
    """

    latex: str
    statements: tuple[Tree, ...]

    def links(self, values: Mapping) -> Iterator[Link]:
        """Every pair of neighboring sides with its relation, evaluated with the values of the symbols.

        Raises FormulaError with the place in the LaTeX where something cannot be computed.
        """
        for statement in self.statements:
            sides = [child for child in statement.children if isinstance(child, Tree)]
            relations = [child for child in statement.children if not isinstance(child, Tree)]
            if not relations:
                raise FormulaError("no relation such as = is printed, so nothing is asserted", self.latex)
            for relation, (left, right) in zip(relations, pairwise(sides), strict=True):
                yield self._link(relation, left, right, values)

    def _link(self, relation: Token, left: Tree, right: Tree, values: Mapping) -> Link:
        evaluation = Evaluation(values, self.latex)
        right, order = _without_order(right)
        a, b = evaluation.of(left), evaluation.of(right)
        if isinstance(a, Matrix) != isinstance(b, Matrix):
            raise FormulaError(
                "a number stands on one side, a matrix on the other", self.latex, relation.start_pos, relation.end_pos
            )
        a, b = (value.entries if isinstance(value, Matrix) else value for value in (a, b))
        order = evaluation.of(order) if order is not None else None
        return Link(RELATIONS[relation], a, b, order, self._digits(right))

    def _digits(self, side: Tree) -> int:
        text = self.latex[slice(*place(side))]
        match = re.search(r"\.(\d+)", text)
        return len(match[1]) if match else 0

    def with_last_side(self, other: "Formula") -> "Formula":
        """This formula with the last side of its first statement replaced by another formula's."""
        first = self.statements[0]
        changed = Tree(first.data, [*first.children[:-1], other.statements[0].children[-1]], first.meta)
        return replace(self, latex=other.latex, statements=(changed, *self.statements[1:]))


def _without_order(side: Tree) -> tuple[Tree, Tree | None]:
    """A side without its O(...), and what stands inside."""
    if side.data != "sum":
        return side, None
    for position, child in enumerate(side.children):
        if isinstance(child, Tree) and child.data == "closed" and child.children[0] == "O" and position:
            kept = side.children[: position - 1] + side.children[position + 1 :]
            return Tree("sum", kept, side.meta), next(c for c in child.children if isinstance(c, Tree))
    return side, None


def read(latex: str, values: Mapping) -> Formula:
    """The formula that some LaTeX prints, read with the symbols that `values` names (``{"D^*(x)": ..., "p(x)": ...}``).

    Raises FormulaError with the place of what is unknown, unbalanced or not arithmetic.
    Taught in {ref}`formula`.
    """
    found = clauses(named(split(latex), values), latex)
    if not found:
        raise FormulaError("the formula is empty", latex)
    return Formula(latex, tuple(parse(classified(clause, values, latex), latex) for clause in found))


def printed(label: str) -> str:
    """The LaTeX that the book prints under a label.

    Raises FormulaError if no equation has it. Taught in {ref}`formula`.
    """
    if label not in _equations():
        raise FormulaError(f"no equation of the book has the label {label!r}; after a new one run `make notebooks`")
    return _equations()[label]


@cache
def _equations() -> dict[str, str]:
    return {label: latex for chapter in _chapters().values() for label, latex in chapter.items()}


@cache
def _chapters() -> dict[str, dict[str, str]]:
    return json.loads(files("ganedu.formula").joinpath("equations.json").read_text(encoding="utf-8"))


def number(label: str) -> str:
    """The number that the book gives an equation, say "4.3"; "" if no equation has the label.

    Taught in {ref}`formula`.
    """
    places = (f"{n}.{list(chapter).index(label) + 1}" for n, chapter in _chapters().items() if label in chapter)
    return next(places, "")


def value(label: str, values: Mapping) -> Tensor:
    """The value of the last side of an equation's first statement; only the symbols on that side need values.

    values: {symbol as printed: number, tensor, function, `vector`, `matrix` or `Of`}.
    Taught in {ref}`formula`.
    """
    latex = printed(label)
    side = last_side(clauses(named(split(latex), values), latex)[0])
    result = Evaluation(values, latex).of(parse(classified(side, values, latex), latex).children[0])
    return result.entries if isinstance(result, Matrix) else result

"""The value of a formula's tree: each kind of node has its own few lines, and nothing else is understood."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from lark import Tree
from torch import Tensor

from ganedu.formula._errors import FormulaError
from ganedu.formula._grammar import RELATIONS
from ganedu.formula._matrices import Matrix, inner, plus, quotient, times

_FUNCTIONS = {
    r"\log": torch.log, r"\exp": torch.exp, r"\tanh": torch.tanh, r"\sin": torch.sin, r"\cos": torch.cos,
    r"\sigma": torch.sigmoid, r"\Phi": torch.special.ndtr, "softplus": torch.nn.functional.softplus, "sign": torch.sign,
    "ReLU": torch.relu, "tr": Matrix.trace, r"\max": torch.maximum, r"\min": torch.minimum,
}  # fmt: skip
_CONSTANTS = {"e": math.e, r"\pi": math.pi}
_COMPARISONS = {"<": torch.lt, "<=": torch.le, ">": torch.gt, ">=": torch.ge, "=": torch.eq}
_ENTRYWISE = {
    "absolute": torch.abs, "root": torch.sqrt, "floor": torch.floor, "ceil": torch.ceil,
    "factorial": lambda n: torch.exp(torch.lgamma(n + 1)),
}  # fmt: skip


@dataclass(frozen=True)
class Of:
    """A value that depends on symbols in which the formula differentiates, say D(G_theta(z)) as a function of theta.

    symbols: their names as printed; function: takes their values, returns a tensor (or `vector`, `matrix`).
    Taught in {ref}`formula`.
    """

    function: Callable
    symbols: tuple[str, ...]


def number(value) -> Tensor | Matrix:
    """A given value in float64; matrices and vectors stay what they are."""
    if isinstance(value, Matrix):
        return value
    return torch.as_tensor(value, dtype=torch.float64)


class Evaluation:
    """Evaluates trees of one formula with the values that a check gives for its symbols."""

    def __init__(self, values: Mapping, latex: str = ""):
        self.values, self.latex = dict(values), latex

    def of(self, node: Tree) -> Tensor | Matrix:
        """The value of a node. Raises FormulaError with the place if it has none."""
        try:
            return getattr(self, node.data)(*node.children)
        except FormulaError:
            raise
        except (ValueError, RuntimeError, TypeError, AttributeError) as error:
            raise FormulaError(f"cannot be computed ({_first_line(error)})", self.latex, *place(node)) from None

    def number(self, token):
        return number(float(token))

    def symbol(self, token):
        value = self.values.get(token, _CONSTANTS.get(token))
        if isinstance(value, Of):
            value = value.function(*(self.values[name] for name in value.symbols))
        return number(value)

    def group(self, _, content, __):
        return self.of(content)

    def sum(self, *children):
        result, sign = None, "+"
        for child in children:
            if not isinstance(child, Tree):
                sign = child
                continue
            value = self.of(child)
            value = -value if sign == "-" else value
            result = value if result is None else plus(result, value)
        return result

    def term(self, *children):
        result, operation = None, ""
        for child in children:
            if not isinstance(child, Tree):
                operation = child
                continue
            value = self.of(child)
            if result is None:
                result = value
            elif operation == "/":
                result = quotient(result, value)
            elif operation == r"\cdot" and isinstance(result, Matrix) and isinstance(value, Matrix):
                result = inner(result, value)
            else:
                result = times(result, value, entrywise=operation == r"\odot")
            operation = ""
        return result

    def fraction(self, *children):
        above, below = (self.of(child) for child in children if isinstance(child, Tree))
        return quotient(above, below)

    def power(self, base, *rest):
        base, exponent = self.of(base), self.of(next(child for child in rest if isinstance(child, Tree)))
        return base.power(exponent.item()) if isinstance(base, Matrix) else base**exponent

    def transpose(self, base, *_):
        return self.of(base).mT

    def norm(self, _, content, __, *subscript):
        value = self.of(content)
        power = float(subscript[2]) if subscript else 2.0
        return value.norm(power) if isinstance(value, Matrix) else value.abs()

    def inner(self, *children):
        return inner(*(self.of(child) for child in children if isinstance(child, Tree)))

    def closed(self, function, *rest):
        arguments = [self.of(child) for child in rest if isinstance(child, Tree)]
        power = next((float(child) for child in rest if getattr(child, "type", "") == "FPOW"), None)
        value = self.applied(function, arguments)
        return value if power is None else value**power

    call = closed

    def applied(self, function, arguments):
        given = self.values.get(function)
        if given is None and function in (r"\max", r"\min") and len(arguments) > 2:
            first, *others = arguments
            return self.applied(function, [first, self.applied(function, others)])
        if function.type == "MEAN":
            return over_samples(given, arguments[0])
        arguments = [_plain(value) for value in arguments] if given else arguments
        return number((given or _FUNCTIONS[function])(*arguments))

    def derivative(self, variable, body, *at):
        name = str(variable)
        point = self.values[name] if not at else self.of(next(child for child in at if isinstance(child, Tree)))
        point = number(point)
        inputs = (point.entries if isinstance(point, Matrix) else point).detach().clone().requires_grad_()
        moved = Matrix(inputs) if isinstance(point, Matrix) else inputs
        with torch.enable_grad():
            value = Evaluation({**self.values, name: moved}, self.latex).of(body)
            value = value.entries if isinstance(value, Matrix) else value
            total = value.sum() + 0 * inputs.sum()  # it may not depend on the symbol
            (slope,) = torch.autograd.grad(total, inputs, create_graph=True)
        return Matrix(slope) if isinstance(point, Matrix) else slope

    def big(self, symbol, *rest):
        values = self.of(next(child for child in rest if isinstance(child, Tree)))
        return over_samples(_folded(symbol), values)

    def ranged(self, symbol, *rest):
        index = next(str(child) for child in rest if getattr(child, "type", "") == "NAME")
        low, high, body = (child for child in rest if isinstance(child, Tree))
        steps = torch.arange(self.of(low).item(), self.of(high).item() + 1, dtype=torch.float64)
        values = Evaluation({**self.values, index: steps}, self.latex).of(body)
        size = values.entries.shape[-3:-2] if isinstance(values, Matrix) else values.shape[-1:]
        if size != steps.shape:
            raise FormulaError(
                f"the range has {len(steps)} steps, what it sums over {list(size)}", self.latex, *place(body)
            )
        return over_samples(_folded(symbol), values)

    def integral(self, symbol, *rest):
        *region, body = (child for child in rest if isinstance(child, Tree))
        values = self.of(body)
        if region:
            values = torch.where(self.holds(region[0]), values, torch.zeros_like(values))
        return over_samples(self.values[symbol], values)

    def cases(self, *children):
        result = None
        for row in reversed([child for child in children if isinstance(child, Tree)]):
            value, *condition = (child for child in row.children if isinstance(child, Tree))
            value = self.of(value)
            result = torch.where(self.holds(condition[0]), value, result) if condition else value
        return result

    def holds(self, chain) -> Tensor:
        """Where a chain of relations is true."""
        sides = [self.of(child) for child in chain.children if isinstance(child, Tree)]
        signs = [RELATIONS[child] for child in chain.children if not isinstance(child, Tree)]
        links = zip(signs, pairwise(sides), strict=True)
        return torch.stack([_COMPARISONS[sign](*torch.broadcast_tensors(a, b)) for sign, (a, b) in links]).all(0)

    def __getattr__(self, name):
        if function := _ENTRYWISE.get(name):
            return lambda *children: function(self.of(next(child for child in children if isinstance(child, Tree))))
        raise AttributeError(name)


def over_samples(operator: Callable, values):
    """An expectation or a sum over the last dimension of numbers, over the batch of matrices."""
    if isinstance(values, Matrix):
        return Matrix(operator(values.entries.movedim(-3, -1)))
    return number(operator(values))


def _folded(symbol) -> Callable:
    return (lambda values: values.sum(-1)) if symbol == r"\sum" else (lambda values: values.prod(-1))


def _plain(value):
    """What a function of a chapter gets: a tensor, and for a vector its components [..., n]."""
    if isinstance(value, Matrix):
        return value.entries[..., 0] if value.entries.shape[-1] == 1 else value.entries
    return value


def place(node: Tree) -> tuple[int, int]:
    """Where a node stands in the LaTeX."""
    return (node.meta.start_pos, node.meta.end_pos) if not node.meta.empty else (0, 0)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]

"""The breaks: what a slip of the pen makes of a sign, a constant, a call.

Each function yields `(name, first byte, end, new text)` for one node. Strings are never changed.
"""

import ast
from collections.abc import Iterator
from itertools import pairwise

from tools.mutants.source import Source

Edit = tuple[str, int, int, str]

ARITHMETIC = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*")}
COMPARED = {  # first the bound itself exchanged, then the direction
    ast.Lt: ("<", "<=", ">"),
    ast.LtE: ("<=", "<", ">="),
    ast.Gt: (">", ">=", "<"),
    ast.GtE: (">=", ">", "<="),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_PAIRS = (
    ("mean", "sum"),
    ("min", "max"),
    ("amin", "amax"),
    ("argmin", "argmax"),
    ("minimum", "maximum"),
    ("clamp_min", "clamp_max"),
    ("any", "all"),
    ("sin", "cos"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
)
EXCHANGED = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
MODULES = {"torch", "math", "np", "numpy", "stats", "special"}  # their functions take what they work on as an argument
# fmt: off
DROPPED = {
    "log", "log2", "log1p", "exp", "expm1", "sqrt", "square", "abs", "sigmoid",
    "logsigmoid", "tanh", "softplus", "relu", "softmax", "log_softmax", "cos", "sin", "clamp",
    "clamp_min", "clamp_max", "mean", "sum", "norm", "round", "floor", "ceil", "flip",
    "sorted", "reversed", "diff", "cumsum", "clone", "eval", "logaddexp",
}
# fmt: on
KEEP_ORDER = {"isinstance", "getattr", "hasattr", "range", "zip", "super"}  # swapped, these only crash
SMALL = 10  # larger whole numbers are doubled: one more image or step is seldom a break


def breaks(node: ast.AST, source: Source) -> Iterator[Edit]:
    """All breaks of one node, without those of the nodes within it."""
    match node:
        case ast.BinOp():
            yield from _binary(node, source)
        case ast.AugAssign(op=op) if type(op) in ARITHMETIC:
            old, new = ARITHMETIC[type(op)]
            yield "arithmetic", *source.between(node.target, node.value, f"{old}="), f"{new}="
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            name = "minus" if isinstance(node.op, ast.USub) else "logic"
            yield name, *source.span(node), f"({source.of(node.operand)})"
        case ast.BoolOp():
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in pairwise(node.values):
                yield "logic", *source.between(left, right, old), new
        case ast.Compare():
            for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
                old, *others = COMPARED[type(op)]
                for new in others:
                    yield "comparison", *source.between(left, right, old), new
        case ast.Constant():
            yield from _constant(node, source)
        case ast.Call():
            yield from _call(node, source)
        case ast.Attribute(attr="T" | "mT"):
            yield "dropped call", *source.span(node), f"({source.of(node.value)})"
        case ast.Return(value=ast.Tuple(elts=[first, second, *_])):
            yield _swapped(first, second, source)


def _binary(node: ast.BinOp, source: Source) -> Iterator[Edit]:
    left, right = source.of(node.left), source.of(node.right)
    match node.op:
        case ast.Pow():
            yield "arithmetic", *source.span(node), f"(({left}) * ({right}))"
        case ast.MatMult():
            yield "swapped", *source.span(node), f"(({right}) @ ({left}))"
        case op if type(op) in ARITHMETIC:
            old, new = ARITHMETIC[type(op)]
            yield "arithmetic", *source.between(node.left, node.right, old), new


def _constant(node: ast.Constant, source: Source) -> Iterator[Edit]:
    match node.value:
        case bool(value):
            yield "boolean", *source.span(node), str(not value)
        case int(value):
            yield "constant", *source.span(node), str(value + 1 if value <= SMALL else 2 * value)
        case float(value):
            yield "constant", *source.span(node), repr(2 * value if value else 1.0)


def _call(node: ast.Call, source: Source) -> Iterator[Edit]:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    called = source.span(node.func)[1]
    if name in EXCHANGED and not (isinstance(node.func, ast.Name) and name == "sum"):  # the built-in adds up
        yield "exchanged", called - len(name), called, EXCHANGED[name]
    if (within := _worked_on(node, name)) is not None:
        kind = "detach" if name == "detach" else "dropped call"
        yield kind, *source.span(node), f"({source.of(within)})"
    if name in KEEP_ORDER:
        return
    for first, second in pairwise(node.args):
        if not (_is_fixed(first) or _is_fixed(second) or source.of(first) == source.of(second)):
            yield _swapped(first, second, source)


def _is_fixed(argument: ast.expr) -> bool:
    """Whether an argument swapped only crashes: a text, or several in one."""
    return isinstance(argument, ast.Starred) or isinstance(getattr(argument, "value", None), str)


def _worked_on(node: ast.Call, name: str) -> ast.expr | None:
    """What a call works on, which is left where it is dropped; None for a call that is not dropped."""
    if name not in DROPPED | {"detach"}:
        return None
    function = node.func
    if isinstance(function, ast.Attribute):
        root = function.value
        while isinstance(root, ast.Attribute):
            root = root.value
        if not (isinstance(root, ast.Name) and root.id in MODULES):
            return function.value
    elif name in ("sum", "mean"):  # a built-in sum is of a generator: without it there is no number
        return None
    return node.args[0] if node.args and not isinstance(node.args[0], ast.Starred) else None


def _swapped(first: ast.AST, second: ast.AST, source: Source) -> Edit:
    (a, b), (c, d) = source.span(first), source.span(second)
    return "swapped", a, d, source.of(second) + source.bytes[b:c].decode() + source.of(first)

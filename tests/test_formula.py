"""A printed formula is read as a mathematician reads it, and what cannot be read is refused with its place."""

import contextlib
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu import _chapter, formula
from ganedu.formula import FormulaError, matrix, misprints, vector

ROOT = Path(__file__).resolve().parents[1]
NAMES = {"x": 0.7, "y": -1.3, r"\alpha": 2.1, "p(x)": 0.4}


def side(latex, values):
    """The value of the right side of `0 = latex`, read from the print."""
    (link,) = formula.read(f"0 = {latex}", values).links(values)
    return link.right


def pair(latex, value):
    return st.just((latex, value))


ATOMS = st.one_of(
    *(pair(name, value) for name, value in NAMES.items()),
    st.integers(1, 9).map(lambda n: (str(n), float(n))),
    st.floats(0.1, 9).map(lambda x: (f"{x:.3f}", float(f"{x:.3f}"))),
)


def grown(inner):
    """Larger expressions: each rule prints LaTeX and says in Python what it means."""
    two = st.tuples(inner, inner)
    return st.one_of(
        two.map(lambda e: (f"({e[0][0]} + {e[1][0]})", e[0][1] + e[1][1])),
        two.map(lambda e: (f"({e[0][0]} - {e[1][0]})", e[0][1] - e[1][1])),
        two.map(lambda e: (rf"\bigl(-{e[0][0]}\, {e[1][0]}\bigr)", -e[0][1] * e[1][1])),
        two.map(lambda e: (rf"{{{e[0][0]}}} \cdot {{{e[1][0]}}}", e[0][1] * e[1][1])),
        two.filter(lambda e: abs(e[1][1]) > 1e-3).map(
            lambda e: (rf"\tfrac{{{e[0][0]}}}{{{e[1][0]}}}", e[0][1] / e[1][1])
        ),
        inner.map(lambda e: (rf"\left\lvert {e[0]} \right\rvert", abs(e[1]))),
        inner.map(lambda e: (rf"\tanh({e[0]})", math.tanh(e[1]))),
        inner.map(lambda e: (rf"\sigma\bigl({e[0]}\bigr)", torch.tensor(e[1], dtype=torch.float64).sigmoid().item())),
        inner.map(lambda e: (rf"({e[0]})^2", e[1] ** 2)),
        two.map(lambda e: (rf"\max({e[0][0]}, {e[1][0]})", max(e[0][1], e[1][1]))),
    )


@settings(max_examples=300, deadline=None)
@given(st.recursive(ATOMS, grown, max_leaves=8).filter(lambda e: abs(e[1]) < 1e6))
def test_arithmetic_means_what_it_prints(expression):
    latex, value = expression
    assert side(latex, NAMES).item() == pytest.approx(value, rel=1e-9, abs=1e-9)


X = torch.linspace(0.2, 0.8, 5, dtype=torch.float64)
MEANINGS = [
    (r"\log\frac{x}{1 - x}", {"x": X}, torch.logit(X)),
    (r"-\frac12 x^2", {"x": X}, -(X**2) / 2),
    (r"2^3 x", {"x": X}, 8 * X),
    (r"e^{-x} \pi", {"x": X}, math.pi * (-X).exp()),
    (r"x / 2", {"x": X}, X / 2),
    (r"\log^2 x", {"x": X}, X.log() ** 2),
    (r"\log x - x", {"x": X}, X.log() - X),
    (r"f(x + 1)^2", {"f": torch.sin, "x": X}, torch.sin(X + 1) ** 2),
    (r"\frac{d}{dx} \bigl[ x^3 - x \bigr]", {"x": X}, 3 * X**2 - 1),
    (r"\frac{\partial}{\partial x} \log x", {"x": X}, 1 / X),
    (r"\frac{d}{dx}\, (x - y)^2 \Big|_{x = 0}", {"x": X, "y": 3.0}, torch.tensor(-6.0).double()),
    (r"\frac1m \sum_{i=1}^m a_i", {"m": 5, "a_i": X}, X.mean()),
    (r"\sum_i a_i b", {"a_i": X, "b": 2.0}, 2 * X.sum()),
    (r"\prod_{k=1}^{4} k", {}, torch.tensor(24.0).double()),
    (r"E_p[x^2] - E_p[x]^2", {"E_p": lambda v: v.mean(-1), "x": X}, X.var(correction=0)),
    (r"E \lvert x - 1 \rvert^2", {"E": lambda v: v.mean(-1), "x": X}, ((X - 1) ** 2).mean()),
    (
        r"\int x\, dx\, d y",  # the integral has its d, so the second one is a number
        {r"\int": lambda v: v.sum(-1), "x": X, "d": 3.0, "y": 2.0},
        6 * X.sum(),
    ),
    (r"\int_{x > y} x\, dx", {r"\int": lambda v: v.sum(-1), "x": X, "y": 0.6}, X[X > 0.6].sum()),
    (
        r"\begin{cases} 1 & \text{if } x > y \\ -x & \text{otherwise,} \end{cases}",
        {"x": X, "y": 0.6},
        torch.where(X > 0.6, 1, -X),
    ),
    (r"\min\bigl(1, 2x, 1 - x\bigr)", {"x": X}, torch.minimum(2 * X, 1 - X)),
    (r"\lfloor \frac{n}{49} \rfloor", {"n": 49.0}, torch.ones(())),  # 49 * (1 / 49) is below 1
    (r"\lfloor 10 x \rfloor + \lceil x \rceil", {"x": X + 0.01}, (10 * X + 0.1).floor() + 1),
    (r"x \log x", {"x": torch.tensor([0.0, 1.0])}, torch.zeros(2).double()),  # 0 log 0 = 0
    (r"V(D^*)", {"V(D^*)": 3.0}, torch.tensor(3.0).double()),
]


@pytest.mark.parametrize(("latex", "values", "expected"), MEANINGS, ids=[m[0] for m in MEANINGS])
def test_the_notation_of_the_book(latex, values, expected):
    torch.testing.assert_close(side(latex, values), expected.double(), atol=1e-12, rtol=0)


A = torch.tensor([[2.0, 1.0], [0.5, 3.0]], dtype=torch.float64)
U, W = torch.tensor([1.0, -2.0]).double(), torch.tensor([0.3, 0.4]).double()
MATRICES = [
    (r"A u", A @ U),
    (r"u^\top A w", U @ A @ W),
    (r"u w^\top", torch.outer(U, W)),
    (r"A^{-1} u", torch.linalg.solve(A, U)),
    (r"(A A^\top)^{1/2} (A A^\top)^{1/2}", A @ A.T),
    (r"u \odot w", U * W),
    (r"\lVert u \rVert^2 + u \cdot w", U @ U + U @ W),
    (r"\langle A u, w \rangle", (A @ U) @ W),
    (r"\lVert u - w \rVert_1", (U - W).abs().sum()),
    (r"\operatorname{tr} A", A.trace()),
    (r"2 A - A / 2", 1.5 * A),
]


@pytest.mark.parametrize(("latex", "expected"), MATRICES, ids=[m[0] for m in MATRICES])
def test_matrices_multiply_as_matrices(latex, expected):
    values = {"A": matrix(A), "u": vector(U), "w": vector(W)}
    parsed = formula.read(f"u = {latex}", values)
    got = formula.read(f"{latex} = {latex}", values)
    (link,) = got.links(values)
    assert len(parsed.statements) == 1
    torch.testing.assert_close(link.right.squeeze(), expected.squeeze(), atol=1e-12, rtol=0)


def test_a_mean_of_vectors_is_a_vector():
    values = {"E_z": lambda v: v.mean(-1), "u": vector(torch.stack([U, 3 * U])), "w": vector(2 * U)}
    (link,) = formula.read("w = E_z[u]", values).links(values)
    torch.testing.assert_close(link.right, link.left, atol=1e-12, rtol=0)


def test_a_gradient_goes_through_values_that_depend_on_the_symbol():
    theta = torch.tensor([0.3, -0.2]).double()
    values = {r"\theta": vector(theta), "D(G_\\theta(z))": formula.Of(lambda t: t.entries.square().sum(), (r"\theta",))}
    values[r"\nabla_\theta L"] = vector(2 * theta)
    (link,) = formula.read(r"\nabla_\theta L = \nabla_\theta D(G_\theta(z)) .", values).links(values)
    torch.testing.assert_close(link.left, link.right)


def test_statements_conditions_and_order():
    values = {"a": 1.0, "b": 2.0, "h": torch.tensor([0.1, 0.2, 0.4]), "f": torch.tensor([1.01, 1.04, 1.16])}
    text = r"a = b - 1 \qquad \text{for every } c > d, \qquad b = 2a , \qquad f = a + O(h^2) , \quad b \approx 2.00"
    links = list(formula.read(text, values).links(values))
    assert [link.relation for link in links] == ["=", "=", "=", "~"]
    assert links[2].order is not None and links[3].digits == 2


def test_several_lines_are_one_statement_unless_a_comma_ends_one():
    values = {"a": 1.0, "b": 3.0}
    text = r"\begin{aligned} b &= a + a \\ &\quad + a , \\ a &= b - 2 . \end{aligned}"
    assert [(link.left.item(), link.right.item()) for link in formula.read(text, values).links(values)] == [
        (3, 3),
        (1, 1),
    ]


def test_a_line_may_go_on_without_a_mark():
    (link,) = formula.read(r"b = a \\ + a", {"a": 1.0, "b": 2.0}).links({"a": 1.0, "b": 2.0})
    assert link.right == 2


MALFORMED = [  # LaTeX, what the message says
    ("a = (b", "bracket"),
    ("a = b)", "unexpected `)`"),
    (r"a = \frac{b", "not closed"),
    (r"a = \frac", "lacks an argument"),
    (r"a = \frac{a}", "lacks an argument"),
    ("a = ", "breaks off"),
    ("= b", "unexpected `=`"),
    ("a = b +", "breaks off"),
    ("a = * b", "`*` has no value"),
    ("a = c", "`c` has no value"),
    ("a = b_1", "a subscript on `b`"),
    ("a = b'", "`'` has no value"),
    ("a = a(b)", "reads as a function"),
    (r"a = \unknown b", r"`\unknown` has no value"),
    ("", "empty"),
    (r"\text{words only}", "empty"),
    ("a = b = = a", "unexpected `=`"),
    (r"a = \sqrt", "lacks an argument"),
    ("a = b^", "lacks an argument"),
    ("a = |b", "closing"),
    (r"a = \lVert b", "norm"),
    (r"a = \sum_{i=1} b", "unexpected"),
    (r"a = \begin{cases} b", "breaks off"),
    ("a = 1..2", "has no value"),
    ("a = []", "unexpected `]`"),
    ("a = ()", "unexpected `)`"),
    ("a = b / / a", "unexpected `/`"),
    (r"a = \log", "breaks off"),
    (r"a = \log - b", "unexpected `-`"),
    (r"a = \frac{d}{dc} b", "`c`, which has no value"),
    (r"a = \frac{d}{d b}", "breaks off"),
    (r"a = \min(a, )", "unexpected `)`"),
    (r"a = \cdot b", r"unexpected `\cdot`"),
    ("a = {b", "a closing brace"),
    ("a = b}", "unexpected `}`"),
    ("a = __import__('os')", "subscript"),
    ("a = eval(b)", "has no value"),
    ("a = b; import os", "asserts nothing"),
    ("a = \\", "has no value"),
    ("a = b \x00", "has no value"),
    ("a = λ", "`λ` has no value"),
    (r"a = \int b\, dx", r"`\int` has no value"),
    ("a = b!!c", "has no value"),
    (r"a = \lfloor b", "breaks off"),
    (r"a = \langle a \rangle", "unexpected"),
    ("a < b >", "breaks off"),
    ("a = b ^ ^ 2", "unexpected"),
    (r"a = \operatorname{sin} b", "`sin` has no value"),
    ("a = b : c", "`:` has no value"),
    (r"a = b & c", "`c` has no value"),
    ("a = 2 % b", "`%` has no value"),
    ("a = @b", "`@` has no value"),
]


@pytest.mark.parametrize(("latex", "says"), MALFORMED, ids=[repr(m[0]) for m in MALFORMED])
def test_what_is_no_formula_gets_a_sentence_with_its_place(latex, says):
    values = {"a": 1.0, "b": 2.0}
    with pytest.raises(FormulaError) as error:
        list(formula.read(latex, values).links(values))
    assert says in str(error.value), str(error.value)
    assert "\n" not in str(error.value)


def test_a_point_after_a_number_is_a_mark_of_its_own_with_its_place():
    with pytest.raises(FormulaError, match=r"`\.` has no value .* at column 6, `\.`, after `a = 2`"):
        formula.read("a = 2. b", {"a": 1.0, "b": 2.0})


def test_at_least_fifty_malformed_formulas_are_tried():
    assert len(MALFORMED) >= 50


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=r"abx\frac{}()[]^_+-=|,.;:'0123 {}logdsumint~&%$#@!\"" + "\n", max_size=40))
def test_any_text_is_read_or_refused_and_never_run(latex):
    values = {"a": 1.0, "b": 2.0, "x": 3.0}
    with contextlib.suppress(FormulaError):
        list(formula.read(latex, values).links(values))


def test_a_value_that_does_not_fit_is_placed():
    values = {"a": torch.ones(2), "b": torch.ones(3), "c": 1.0}
    with pytest.raises(FormulaError, match=r"cannot be computed .* column 5, `a \+ b`"):
        list(formula.read("c = a + b", values).links(values))


def test_the_length_of_a_sum_is_the_length_of_what_it_sums():
    values = {"c": 1.0, "a_i": torch.ones(3), "m": 4}
    with pytest.raises(FormulaError, match="the range has 4 steps"):
        list(formula.read(r"c = \sum_{i=1}^m a_i", values).links(values))


# Misprints


def names(latex, values):
    return [misprint.name for misprint in misprints(formula.read(latex, values))]


def test_every_kind_of_misprint_is_made():
    made = names(r"c = -\frac{a}{2} \log b + a^2 b", {"a": 1.0, "b": 2.0, "c": 3.0})
    assert made == [
        r"+ \frac{a}{2} \log b for - \frac{a}{2} \log b",
        "- a^2 b for + a^2 b",
        r"factor \frac{a}{2} dropped",
        r"factor \log b dropped",
        r"\frac{a}{2} inverted",
        r"denominator of \frac{a}{2} dropped",
        "2 made 3",
        r"\log dropped from \log b",
        "factor a^2 dropped",
        "factor b dropped",
        "exponent of a^2 dropped",
        "2 made 3 (2)",
    ]


@settings(max_examples=100, deadline=None)
@given(st.recursive(ATOMS, grown, max_leaves=6))
def test_a_misprint_is_a_formula_of_its_own(expression):
    values = {**NAMES, "c": 0.0}
    original = formula.read(f"c = {expression[0]}", values)
    for misprint in misprints(original):
        assert misprint.formula.statements != original.statements
        (link,) = misprint.formula.links(values)
        assert link.right.shape == ()


# Where the print comes from


def test_the_stored_equations_are_those_of_the_chapters():
    printed = {}
    for chapter in sorted((ROOT / "book" / "chapters").glob("[0-9][0-9]_*.md")):
        printed[str(int(chapter.name[:2]))] = _chapter.equations(chapter.read_text(encoding="utf-8"))
    stored = json.loads((ROOT / "ganedu" / "formula" / "equations.json").read_text(encoding="utf-8"))
    assert json.dumps(stored) == json.dumps(printed), "run `make notebooks`"  # in the order that numbers them


def test_a_label_that_nobody_prints_is_refused():
    with pytest.raises(FormulaError, match="no equation of the book has the label 'eq-nowhere'"):
        formula.printed("eq-nowhere")


def test_a_definition_runs_as_a_function():
    got = formula.value("def-pointwise-value", {"d": 0.25, "p": 3.0, "q": 1.0})
    assert got.item() == pytest.approx(3 * math.log(0.25) + math.log(0.75), abs=1e-12)

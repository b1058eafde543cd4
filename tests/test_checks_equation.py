"""A check of a printed formula passes for the right print, and for no misprint of it."""

import contextlib
import math
from unittest import mock

import pytest
import torch

from ganedu import checks, formula
from ganedu.checks import CheckFailed, Measured
from ganedu.formula import FormulaError

X = torch.linspace(0.2, 0.8, 5, dtype=torch.float64)


@pytest.fixture
def prints():
    """Put formulas into the place of the book's: prints["eq-x"] = r"..."."""
    equations: dict[str, str] = {}
    with mock.patch("ganedu.formula._read._equations", return_value=equations):
        yield equations


@pytest.fixture
def recorded(monkeypatch):
    """What passing checks report, as keyword arguments by name."""
    calls = []

    def keep(label, kind, method, tolerance, residual, misses, **extra):
        calls.append(
            {"label": label, "method": method, "tolerance": tolerance, "residual": residual, "misses": misses, **extra}
        )

    monkeypatch.setattr("ganedu.checks._equation.report", keep)
    return calls


def test_the_sides_of_the_print_are_compared(prints, recorded):
    prints["eq-share"] = r"D^*(x) = \frac{p}{p + q} \qquad \text{for } p + q > 0 ."
    p, q = X, X.flip(0) + 0.1
    checks.equation("eq-share", {"p": p, "q": q}, {"D^*(x)": {"by hand": p / (p + q)}})
    (call,) = recorded
    assert call["method"] == "by hand" and call["misprints"] == 3


@pytest.mark.parametrize(
    "typo",
    [r"D = \frac{p}{p - q}", r"D = \frac{q}{p + q}", r"D = \frac{p + q}{p}", r"D = -\frac{p}{p + q}"],
)  # fmt: skip
def test_a_typo_in_the_print_fails(prints, typo):
    prints["eq-share"] = typo
    p, q = X, X.flip(0) + 0.1
    with pytest.raises(CheckFailed, match="eq-share does not hold"):
        checks.equation("eq-share", {"p": p, "q": q}, {"D": {"by hand": p / (p + q)}})


def test_values_that_hide_a_misprint_are_refused(prints):
    prints["eq-scaled"] = r"a = \frac{x}{s}"
    with pytest.raises(CheckFailed, match=r"does not notice this misprint: denominator of \\frac\{x\}\{s\} dropped"):
        checks.equation("eq-scaled", {"x": X, "s": 1.0}, {"a": {"by hand": X}})


def test_a_misprint_may_be_excused_once_and_only_if_it_passes(prints, recorded):
    prints["eq-scaled"] = r"a = \frac{x}{s}"
    name, other = r"denominator of \frac{x}{s} dropped", r"\frac{x}{s} inverted"
    checks.equation("eq-scaled", {"x": X, "s": 1.0}, {"a": {"by hand": X}}, equivalent={name: "the width is 1"})
    assert recorded[0]["misprints"] == 1 and recorded[0]["equivalent"] == {name: "the width is 1"}
    with pytest.raises(ValueError, match="no misprint that passes is called"):
        checks.equation("eq-scaled", {"x": X, "s": 2.0}, {"a": {"by hand": X / 2}}, equivalent={other: "no"})


def test_mistakes_are_latex_or_values(prints, recorded):
    prints["eq-share"] = r"D = \frac{p}{p + q}"
    p, q = X, X.flip(0) + 0.1
    wrong = {"the ratio": r"\frac{p}{q}", "the log": r"D = \log p", "a number": p, "a scalar": 1.0}
    checks.equation("eq-share", {"p": p, "q": q}, {"D": {"by hand": p / (p + q)}}, rejects=wrong)
    assert [miss["miss"] for miss in recorded[0]["misses"]][3] == "shape (), not (5,)"
    for right in (r"\frac{p}{q + p}", r"1 - \frac{q}{p + q}", p / (p + q)):
        with pytest.raises(CheckFailed, match="does not tell the mistake 'none'"):
            checks.equation("eq-share", {"p": p, "q": q}, {"D": {"by hand": p / (p + q)}}, rejects={"none": right})


def test_each_method_is_tested(prints):
    prints["eq-double"] = "a = 2x"
    with pytest.raises(CheckFailed, match="eq-double does not hold"):
        checks.equation("eq-double", {"x": X}, {"a": {"good": 2 * X, "bad": 2 * X + 1e-6}})


def test_a_measured_value_has_its_own_tolerance(prints, recorded):
    prints["eq-double"] = "a = 2x"
    checks.equation("eq-double", {"x": X}, {"a": {"coarse": Measured(2 * X + 1e-3, 0.01)}})
    with pytest.raises(CheckFailed, match="does not hold"):
        checks.equation("eq-double", {"x": X}, {"a": {"coarse": Measured(2 * X + 1e-3, 1e-4)}})


def test_each_method_is_printed_with_its_own_tolerance(prints, recorded):
    prints["eq-double"] = "a = 2x"
    checks.equation("eq-double", {"x": X}, {"a": {"exact": 2 * X, "coarse": Measured(2 * X + 1e-3, 0.01)}})
    assert recorded[0]["method"] == "exact; coarse within 0.01" and recorded[0]["tolerance"] == "1e-10"
    assert recorded[0]["residual"] == 0.0  # of the exact method, beside its tolerance
    checks.equation("eq-double", {"x": X}, {"a": {"coarse": Measured(2 * X + 1e-3, 0.01)}})
    assert recorded[1]["method"] == "coarse" and recorded[1]["tolerance"] == "0.01"
    prints["eq-two"] = r"a = 2x, \qquad b = 3x"
    found = {"a": {"m": Measured(2 * X, 1e-3)}, "b": {"n": 3 * X, "m": Measured(3 * X, 0.02)}}
    checks.equation("eq-two", {"x": X}, found)
    assert recorded[2]["method"] == "m within 0.02; n"


def test_a_mean_of_samples_is_known_within_its_standard_error(prints, recorded):
    prints["eq-mean"] = r"E[z] = \mu + 1"
    samples = torch.randn(4000, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    checks.equation("eq-mean", {r"\mu": 0.0}, {"E[z]": checks.by_sampling(samples)})
    assert recorded[0]["tolerance"] == "5 standard errors"
    with pytest.raises(CheckFailed):
        checks.equation("eq-mean", {r"\mu": 0.2}, {"E[z]": checks.by_sampling(samples)})
    with pytest.raises(ValueError, match="at least 100 samples"):
        checks.by_sampling(samples[:50])


def test_gradients_are_found_by_two_methods(prints, recorded):
    prints["eq-slope"] = r"\nabla f = 3 x^2"
    checks.equation("eq-slope", {"x": X}, {r"\nabla f": checks.by_differentiation(lambda x: x**3, X)})
    assert recorded[0]["method"] == "autograd; central differences within 1.9e-06"
    prints["eq-gradient"] = r"\nabla f = A^\top A u"
    a, u = torch.tensor([[1.0, 2.0], [0.5, -1.0]]).double(), torch.tensor([0.3, 0.7]).double()
    found = checks.by_differentiation(lambda v: (a @ v).square().sum() / 2, formula.vector(u))
    checks.equation("eq-gradient", {"A": formula.matrix(a), "u": formula.vector(u)}, {r"\nabla f": found})


def test_nan_never_passes(prints):
    prints["eq-log"] = r"a = \log x"
    with pytest.raises(CheckFailed):
        checks.equation("eq-log", {"x": -X}, {"a": {"by hand": torch.full_like(X, math.nan)}})


def test_a_remainder_has_the_printed_order(prints, capsys):
    h = torch.logspace(-2, -1, 6, dtype=torch.float64)
    given = {"f": torch.sin, "t": 0.3, "h": h, "f'(t)": math.cos(0.3)}
    prints["eq-order"] = r"\frac{f(t+h) - f(t-h)}{2h} = f'(t) + O(h^2)"
    checks.equation("eq-order", given)
    says = "✓ eq-order  holds as printed: the rest shrinks with the printed exponent, within 10 %"
    assert capsys.readouterr().out.startswith(says)
    prints["eq-order"] = r"\frac{f(t+h) - f(t-h)}{2h} = f'(t) + O(h^3)"
    with pytest.raises(CheckFailed):
        checks.equation("eq-order", given)
    prints["eq-order"] = r"f(t+h) = f(t) + h f'(t) + O(h^2), \qquad g = f'(t)"
    checks.equation("eq-order", given, {"g": {"by hand": math.cos(0.3)}})
    assert "holds as printed within 1e-10, the rest 10 % of the exponent (by hand)" in capsys.readouterr().out


@pytest.mark.parametrize(("share", "holds"), [(0.895, False), (0.905, True), (1.095, True), (1.105, False)])
def test_the_exponent_of_a_remainder_may_be_a_tenth_of_the_printed_one_off(prints, share, holds):
    prints["eq-order"] = r"f = g + O(h^3)"
    h = torch.logspace(-2, -1, 6, dtype=torch.float64)
    given = {"f": 1 + h ** (3 * share), "g": 1.0, "h": h}
    with contextlib.nullcontext() if holds else pytest.raises(CheckFailed, match="eq-order does not hold"):
        checks.equation("eq-order", given)


def test_a_printed_approximation_holds_to_its_last_digit(prints):
    prints["eq-log"] = r"a = \log 4 \approx 1.386"
    checks.equation("eq-log", {}, {"a": {"by hand": math.log(4)}})
    prints["eq-log"] = r"a = \log 4 \approx 1.387"
    with pytest.raises(CheckFailed):
        checks.equation("eq-log", {}, {"a": {"by hand": math.log(4)}})


# Inequalities


def test_a_bound_must_hold_and_be_attained(prints, recorded):
    prints["eq-means"] = r"\sqrt{a b} \le \frac{a + b}{2}"
    a, b = torch.tensor([[4.0, 4.0, 0.3], [4.0, 1.0, 0.3]]).double()
    checks.equation("eq-means", {"a": a, "b": b})
    with pytest.raises(CheckFailed, match="is not attained: the sides come within 20 % of their size"):
        checks.equation("eq-means", {"a": a[1:2], "b": b[1:2]})
    prints["eq-means"] = r"\sqrt{a b} \le a + b"
    with pytest.raises(CheckFailed, match="is not attained"):
        checks.equation("eq-means", {"a": a, "b": b})
    prints["eq-means"] = r"\sqrt{a b} \le \frac{a + b}{3}"
    with pytest.raises(CheckFailed, match="exceeds the larger one"):
        checks.equation("eq-means", {"a": a, "b": b})


def test_a_bound_may_be_approached(prints, recorded):
    prints["eq-bound"] = r"\tanh x < x"
    checks.equation("eq-bound", {"x": torch.tensor([0.05, 0.5]).double()}, approached=0.01)
    with pytest.raises(CheckFailed, match="not attained"):
        checks.equation("eq-bound", {"x": torch.tensor([0.5, 0.9]).double()}, approached=0.01)


@pytest.mark.parametrize("factor", [0.51, 0.49])
def test_a_bound_by_value_is_sharp_too(factor, capsys):
    e = torch.tensor([1e-3, 0.1, 0.4]).double()
    coin = math.log(2) + torch.special.xlogy(0.5 + e, 0.5 + e) + torch.special.xlogy(0.5 - e, 0.5 - e)
    checks.at_most("eq-lower", (2 * e) ** 2 / 2, coin, slack=1e-12, by="by hand", no_rejects="a test", approached=0.01)
    with pytest.raises(CheckFailed):
        checks.at_most(
            "eq-lower", factor * (2 * e) ** 2, coin, slack=1e-12, by="by hand", no_rejects="a test", approached=0.01
        )


# Errors for authors


def test_errors_name_the_label_and_the_place(prints):
    prints["eq-a"] = r"a = \frac{b}{c}"
    with pytest.raises(FormulaError, match=r"eq-a: `c` has no value \(given: b, a\) at column 14"):
        checks.equation("eq-a", {"b": 1.0}, {"a": {"by hand": 1.0}})
    with pytest.raises(FormulaError, match="no equation of the book has the label 'eq-b'"):
        checks.equation("eq-b", {})
    with pytest.raises(ValueError, match="b is both given and found"):
        checks.equation("eq-a", {"b": 1.0, "c": 2.0}, {"b": {"by hand": 1.0}})
    with pytest.raises(ValueError, match="say by which method a was found"):
        checks.equation("eq-a", {"b": 1.0, "c": 2.0}, {"a": 0.5})


def test_a_table_shows_its_checks_together(prints, capsys):
    prints["eq-a"], prints["eq-b"] = "a = 2x", "b = x^2"
    with checks.table("Two of them"):
        checks.equation("eq-a", {"x": X}, {"a": {"by hand": X + X}})
        checks.equation("eq-b", {"x": X}, {"b": {"by hand": X * X}})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Two of them" and [line.split()[1] for line in lines[1:]] == ["eq-a", "eq-b"]

"""Checks of the book: a claim is compared with an independent computation, and wrong claims must fail.

`equation` reads the formula that the book prints under a label and evaluates its sides with the values that you give
for its symbols; every misprint of the formula must fail the same test. Statements that are not arithmetic are checked
by value (`equal`, `gradient`, `expectation`, `converges`, `at_most`). A check that passes prints one stable line and
leaves a record in the metadata of the notebook's output, from which `ganedu.ledger` is made. A check that fails
raises `CheckFailed`. NaN never passes.

Taught in {ref}`ch-gradients`.
"""

from ganedu.checks._by_value import at_most, converges, equal, expectation, gradient
from ganedu.checks._equation import Measured, by_differentiation, by_sampling, equation
from ganedu.checks._exercise import answer, test
from ganedu.checks._report import CheckFailed, table

__all__ = [
    "CheckFailed", "Measured", "answer", "at_most", "by_differentiation", "by_sampling", "converges", "equal",
    "equation", "expectation", "gradient", "table", "test",
]  # fmt: skip

"""The check of a printed formula: its sides are evaluated from the print, and every misprint of it must fail."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from ganedu import formula as formulas
from ganedu.checks import _numeric
from ganedu.checks._report import (
    REJECTION_MARGIN,
    CheckFailed,
    report,
    require_rejected,
    require_within,
    rounded,
    tensor,
    validated,
    worst,
)
from ganedu.checks._sharpness import require_bound, require_sharp
from ganedu.formula import Formula, FormulaError, Link, Matrix

ORDER_TOLERANCE = 0.1  # of the exponent by which a remainder O(...) shrinks


@dataclass(frozen=True)
class Measured:
    """A value that a method knows only within a tolerance of its own: a mean of samples, a difference quotient.

    value: tensor or float; atol: absolute tolerance, a float or a tensor like the value; statistical: whether the
    tolerance is an interval of confidence, so that a mistake need only fall outside; says: the tolerance in words.
    Taught in {ref}`ch-gradients`.
    """

    value: Tensor | Matrix | float
    atol: Tensor | float
    statistical: bool = False
    says: str = ""

    @property
    def within(self) -> str:
        """The tolerance in words, or else the largest as a number."""
        return self.says or rounded(worst(torch.as_tensor(self.atol)))


@dataclass(frozen=True)
class _Test:
    """How closely the two sides of a link must agree."""

    label: str
    atol: Tensor | float
    rtol: float
    approached: float
    unattained: str
    margin: float = REJECTION_MARGIN

    def passes(self, formula: Formula, values: Mapping, slack: float = 1.0) -> float:
        """The largest residual of all links. Raises CheckFailed if one does not hold within `slack` tolerances."""
        return max(self._link(link, slack) for link in formula.links(values))

    def _link(self, link: Link, slack: float) -> float:
        left, right = _broadcast(self.label, link)
        if link.order is not None:
            return self._remainder(left - right, link.order)
        atol = slack * self.tolerance(right)
        if link.relation in ("=", "->"):
            require_within(self.label, left, right, atol)
            return worst(left - right)
        if link.relation == "~":
            require_within(self.label, left, right, torch.as_tensor(0.5 * 10.0**-link.digits))
            return 0.0  # a printed number is rounded, which is no residual
        small, large = (left, right) if link.relation in ("<", "<=") else (right, left)
        require_bound(self.label, small, large, atol, strict=len(link.relation) == 1)
        if not self.unattained:
            require_sharp(self.label, small, large, float(torch.as_tensor(atol).max()), self.approached)
        return worst((small - large).clamp_min(0))

    def tolerance(self, right: Tensor) -> Tensor:
        return torch.as_tensor(self.atol) + self.rtol * right.abs()

    def _remainder(self, remainder: Tensor, order: Tensor) -> float:
        """Check that what is left behaves like the printed O(...), which varies along the last dimension."""
        remainder, order = torch.broadcast_tensors(remainder, order)
        if order.ndim == 0 or order.shape[-1] < 3 or not bool((remainder != 0).all()):
            raise CheckFailed(f"{self.label}: the order of a remainder needs three values that are not zero")
        slopes = [_numeric.slope(o.log(), r.abs().log()) for o, r in zip(_rows(order), _rows(remainder), strict=True)]
        require_within(self.label, torch.stack(slopes), torch.ones(len(slopes)), torch.tensor(ORDER_TOLERANCE))
        return 0.0


def equation(
    label: str,
    given: Mapping,
    found: Mapping[str, Mapping] | None = None,
    *,
    atol: float = 1e-10,
    rtol: float = 0.0,
    rejects: Mapping | None = None,
    equivalent: Mapping[str, str] | None = None,
    approached: float = 0.0,
    unattained: str = "",
):
    """Check the formula that the book prints under `label`: all its sides must agree, and every misprint must fail.

    given: {symbol as printed: number, tensor, function, `formula.vector`, `formula.matrix`, `formula.Of`}.
    found: {symbol: {independent method: its value}}; a value may be `Measured`. Each method is tested in turn.
    atol, rtol: sides agree if |left - right| <= atol + rtol |right|, entry by entry.
    rejects: {name of a usual mistake: LaTeX that stands for the last side of the first statement, or for the whole
    formula if it has a relation, or the value that the mistake gives (tensor)}; each must miss by ten tolerances, or
    fall outside a method's interval of confidence.
    equivalent: {name of a misprint: why it is no mistake}, for the misprints that pass and may.
    approached, unattained: for inequalities, see `at_most`.
    Raises CheckFailed if the formula fails or a mistake or misprint passes, FormulaError (a ValueError) with the place
    in the LaTeX if it cannot be read, ValueError for malformed input.
    Taught in {ref}`ch-gradients`.
    """
    validated(label, atol)
    found, equivalent = found or {}, equivalent or {}
    try:
        cases = _cases(label, given, found, _Test(label, atol, rtol, approached, unattained))
        formula = formulas.read(formulas.printed(label), cases[0].values)
        residuals = [(case.says, case.residual(formula)) for case in cases]
        misses = [
            {"name": name, "miss": _miss(cases[0], formula, wrong, name)} for name, wrong in (rejects or {}).items()
        ]
        misprints = _misprints(label, cases, formula, equivalent)
        orders = [link.order is not None for link in formula.links(cases[0].values)]
    except FormulaError as error:
        raise FormulaError(f"{label}: {error}") from None
    within = cases[0].says or f"{atol:g}" + (f" + {rtol:g} relative" if rtol else "")
    methods = _methods(found, within) or "the printed sides with each other"
    residual = max(residual for says, residual in residuals if says == cases[0].says)  # of what `within` allows
    if any(orders):
        exponent = f"{100 * ORDER_TOLERANCE:g} % of the exponent"
        within = exponent if all(orders) else f"{within}, the rest {exponent}"
    extra = {"misprints": misprints, "equivalent": equivalent, "unattained": unattained, "order": all(orders)}
    report(label, "equation", methods, within, residual, misses, **extra)


def by_differentiation(function: Callable, at, *, step: float = 1e-5) -> dict:
    """The gradient of a function by two independent methods: autograd, and central differences.

    function: maps a float64 tensor like `at` to a scalar, or to a tensor of which the sum is differentiated.
    at: tensor, or a `formula.vector` or `formula.matrix`: then the function gets the plain components, and the gradient
    is of the same kind.
    Returns the methods for one symbol of `found` in `equation`.
    Taught in {ref}`ch-gradients`.
    """
    kind = formulas.vector if isinstance(at, Matrix) and at.entries.shape[-1] == 1 else formulas.matrix
    point = at.entries if isinstance(at, Matrix) else torch.as_tensor(at, dtype=torch.float64)
    point = point[..., 0] if isinstance(at, Matrix) and kind is formulas.vector else point
    wrap = kind if isinstance(at, Matrix) else (lambda gradient: gradient)

    def total(x):
        return function(x).sum()

    slopes = _numeric.autograd(total, point)
    differences = _numeric.partial_differences(total, point, step)
    tolerance = 1e-6 * max(1.0, worst(slopes))
    return {"autograd": wrap(slopes), "central differences": Measured(wrap(differences), tolerance)}


def by_sampling(samples, *, kind: Callable = torch.as_tensor, sigmas: float = 5.0) -> dict:
    """A mean of independent samples [n, ...], n >= 100, known within `sigmas` standard errors.

    kind: `formula.vector` or `formula.matrix` if a sample is one.
    Returns the method for one symbol of `found` in `equation`.
    Taught in {ref}`ch-value-function`.
    """
    samples = tensor("by_sampling", "samples", samples).double()
    if samples.ndim == 0 or len(samples) < 100:
        raise ValueError("an interval needs at least 100 samples in the first dimension")
    error = samples.std(0) / math.sqrt(len(samples))
    within = sigmas * (error if kind is torch.as_tensor else kind(error).entries)
    mean = Measured(kind(samples.mean(0)), within, statistical=True, says=f"{sigmas:g} standard errors")
    return {f"mean of {len(samples)} samples": mean}


@dataclass(frozen=True)
class _Case:
    """The values of all symbols with one method for each that is found, and the test that they must pass."""

    values: Mapping
    test: _Test
    says: str = ""  # the tolerance, where the check's own does not apply

    def residual(self, formula: Formula, slack: float = 1.0) -> float:
        return self.test.passes(formula, self.values, slack)

    def survives(self, formula: Formula) -> bool:
        """Whether a wrong formula comes within the margin of passing."""
        try:
            self.residual(formula, slack=self.test.margin)
        except (CheckFailed, FormulaError):
            return False
        return True


def _methods(found: Mapping[str, Mapping], within: str) -> str:
    """The methods, each once; with its own tolerance, the widest, where that is not the check's."""
    values: dict[str, list] = {}
    for name, value in chain.from_iterable(methods.items() for methods in found.values()):
        values.setdefault(name, []).append(value)
    own = {name: [value for value in known if isinstance(value, Measured)] for name, known in values.items()}
    widest = {name: max(known, key=lambda m: worst(torch.as_tensor(m.atol))) for name, known in own.items() if known}
    texts = {name: f" within {measured.within}" for name, measured in widest.items() if measured.within != within}
    return "; ".join(name + texts.get(name, "") for name in values)


def _cases(label, given: Mapping, found: Mapping, test: _Test) -> list[_Case]:
    """The first case has the first method for every symbol; each other one replaces a single method."""
    for symbol, methods in found.items():
        if symbol in given:
            raise ValueError(f"{label}: {symbol} is both given and found")
        if not isinstance(methods, Mapping) or not methods:
            raise ValueError(f"{label}: say by which method {symbol} was found, {{{symbol!r}: {{'a method': value}}}}")
    first = {symbol: next(iter(methods.values())) for symbol, methods in found.items()}
    others = [{**first, symbol: v} for symbol, methods in found.items() for v in list(methods.values())[1:]]
    return [_case(given, chosen, test) for chosen in (first, *others)]


def _case(given: Mapping, chosen: Mapping, test: _Test) -> _Case:
    measured = [value for value in chosen.values() if isinstance(value, Measured)]
    if measured:
        margin = 1.0 if any(m.statistical for m in measured) else REJECTION_MARGIN
        atol = sum(torch.as_tensor(m.atol, dtype=torch.float64) for m in measured)
        test = replace(test, atol=atol, margin=margin)
    plain = {symbol: value.value if isinstance(value, Measured) else value for symbol, value in chosen.items()}
    return _Case({**given, **plain}, test, "; ".join(dict.fromkeys(m.within for m in measured)))


def _broadcast(label, link: Link) -> tuple[Tensor, Tensor]:
    try:
        return torch.broadcast_tensors(link.left.detach(), link.right.detach())
    except RuntimeError:
        shapes = f"{list(link.left.shape)} and {list(link.right.shape)}"
        raise CheckFailed(f"{label} does not hold: the sides have shapes {shapes}") from None


def _rows(values: Tensor) -> Tensor:
    return values.detach().reshape(-1, values.shape[-1])


def _miss(case: _Case, formula: Formula, wrong, name: str) -> str:
    """By how much a usual mistake misses. Raises CheckFailed if it passes."""
    label = case.test.label
    if not isinstance(wrong, str):
        return _miss_of_value(case, formula, tensor(label, name, wrong), name)
    mistaken = formulas.read(wrong, case.values)
    if len(mistaken.statements[0].children) == 1:
        mistaken = formula.with_last_side(mistaken)
    if case.survives(mistaken):
        raise CheckFailed(f"{label} does not tell the mistake {name!r} from the truth")
    return _distance(mistaken, case.values)


def _miss_of_value(case: _Case, formula: Formula, wrong: Tensor, name: str) -> str:
    left = next(iter(formula.links(case.values))).left
    if wrong.shape != left.shape:
        return f"shape {tuple(wrong.shape)}, not {tuple(left.shape)}"
    require_rejected(case.test.label, name, (wrong - left).abs(), case.test.tolerance(left), case.test.margin)
    return f"off by {rounded(worst(wrong - left))}"


def _distance(formula: Formula, values: Mapping) -> str:
    """How far the sides of a wrong formula lie apart, in words."""
    try:
        links = [(*_broadcast("", link), link.relation) for link in formula.links(values)]
    except (CheckFailed, FormulaError):
        return "cannot be computed"
    off = max(worst(left - right) for left, right, _ in links)
    if any(relation in ("<", "<=", ">", ">=") for *_, relation in links):
        return "violated, or never attained"
    return f"off by {rounded(off)}"


def _misprints(label, cases: list[_Case], formula: Formula, equivalent: Mapping[str, str]) -> int:
    """The number of misprints, all of which fail. Raises CheckFailed for one that passes and is not excused."""
    number, excused = 0, set()
    for misprint in formulas.misprints(formula):
        if not all(case.survives(misprint.formula) for case in cases):
            number += 1
        elif misprint.name in equivalent:
            excused.add(misprint.name)
        else:
            raise CheckFailed(
                f"{label} does not notice this misprint: {misprint.name}. Give values that tell it apart, or say in "
                "`equivalent` why it is no mistake"
            )
    if stale := set(equivalent) - excused:
        raise ValueError(
            f"{label}: no misprint that passes is called {sorted(stale)[0]!r}; take it out of `equivalent`"
        )
    return number

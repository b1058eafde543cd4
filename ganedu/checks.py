"""Numeric claims that can fail.

Every displayed formula of the book carries a label such as ``eq-optimal-d``. A check compares what the formula
gives with what an independent method gives, and passes only if the usual wrong formulas fail the same test.

A check that passes prints one line that is the same on every machine, and leaves a record (residuals included) in
the metadata of the cell's output, from which `ganedu.ledger` is made. A check that fails raises `CheckFailed`.
NaN never passes.

Taught in {ref}`ch-gradients`.
"""

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ganedu import _numeric

REJECTION_MARGIN = 10.0  # a mistake must miss by this many tolerances, so that rounding never decides
_LABEL = re.compile(r"eq-[a-z0-9]+(-[a-z0-9]+)*")


class CheckFailed(AssertionError):
    """A claim of the book, or an answer to an exercise, does not hold.

    Taught in {ref}`ch-gradients`.
    """


def equal(label, got, expected, *, atol, rtol=0.0, by, rejects: Mapping | None = None, no_rejects=""):
    """Check that a formula's value equals an independently computed one, entry by entry.

    got, expected: tensors, arrays or floats of one shape; by: the independent method in a few words.
    atol, rtol: every entry must satisfy |got - expected| <= atol + rtol |expected|.
    rejects: {name of a usual mistake: the value it gives}; each must miss by ten tolerances or in shape.
    no_rejects: why there is no usual mistake, if rejects is empty.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-gradients`.
    """
    rejects = _validated(label, atol, rejects, no_rejects)
    got, expected = _tensor(label, "got", got), _tensor(label, "expected", expected)
    if got.shape != expected.shape:
        raise ValueError(f"{label}: got has shape {tuple(got.shape)}, expected has {tuple(expected.shape)}")
    tolerance = atol + rtol * expected.abs()
    _require_within(label, got, expected, tolerance)
    misses = []
    for name, wrong in rejects.items():
        wrong = _tensor(label, name, wrong)
        if wrong.shape != expected.shape:
            misses.append({"name": name, "miss": f"shape {tuple(wrong.shape)}, not {tuple(expected.shape)}"})
            continue
        _require_rejected(label, name, (wrong - expected).abs(), tolerance)
        misses.append({"name": name, "miss": f"off by {_rounded(_worst(wrong - expected))}"})
    within = f"{atol:g}" + (f" + {rtol:g} relative" if rtol else "")
    _report(label, "equal", by, within, _worst(got - expected), misses, no_rejects)


def gradient(
    label,
    function: Callable,
    formula: Callable,
    at: Tensor,
    *,
    atol,
    rejects: Mapping[str, Callable] | None = None,
    no_rejects="",
):
    """Check a gradient formula against autograd and, independently, against central differences.

    function: maps a float64 tensor like `at` to a scalar; formula: maps it to the claimed gradient, shaped like `at`.
    atol: tolerance against autograd, per entry; central differences get the tolerance that rounding leaves them.
    rejects: {name of a usual mistake: function giving the wrong gradient}; each must miss autograd by ten tolerances.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-gradients`.
    """
    rejects = _validated(label, atol, rejects, no_rejects)
    if at.dtype != torch.float64:
        raise ValueError(f"{label}: a gradient is checked in float64, but `at` is {at.dtype}; use at.double()")
    at = at.detach()
    truth = _numeric.autograd(function, at)
    claimed = _tensor(label, "formula(at)", formula(at.clone().requires_grad_()))
    if claimed.shape != truth.shape:
        raise ValueError(f"{label}: the formula gives shape {tuple(claimed.shape)}, `at` has {tuple(truth.shape)}")
    _require_within(label, claimed, truth, torch.full_like(truth, atol))
    along, differences = _numeric.central_differences(function, at)
    slopes = along @ claimed.flatten()
    fd_tolerance = torch.full_like(slopes, max(10 * atol, 1e-6 * max(1.0, truth.norm().item())))
    _require_within(f"{label} (central differences)", slopes, differences, fd_tolerance)
    misses = []
    for name, wrong_formula in rejects.items():
        wrong = _tensor(label, name, wrong_formula(at.clone().requires_grad_()))
        if wrong.shape != truth.shape:
            misses.append({"name": name, "miss": f"shape {tuple(wrong.shape)}, not {tuple(truth.shape)}"})
            continue
        _require_rejected(label, name, (wrong - truth).abs(), torch.full_like(truth, atol))
        misses.append({"name": name, "miss": _direction(wrong.flatten(), truth.flatten())})
    method = "autograd and central differences"
    _report(label, "gradient", method, f"{atol:g}", _worst(claimed - truth), misses, no_rejects)


def expectation(label, samples, expected, *, sigmas=5.0, rejects: Mapping | None = None, no_rejects=""):
    """Check an expectation against the mean of independent samples, within its confidence interval.

    samples: [n, ...], one independent draw a row, n >= 100; expected: [...] or float, the claimed expectation.
    sigmas: half width of the interval in standard errors of the mean.
    rejects: {name of a usual mistake: the value it claims}; each must fall outside the interval in some entry.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-value-function`.
    """
    rejects = _validated(label, sigmas, rejects, no_rejects)
    samples = _tensor(label, "samples", samples)
    if samples.ndim == 0 or len(samples) < 100:
        raise ValueError(f"{label}: an interval needs at least 100 samples in the first dimension")
    expected = _tensor(label, "expected", expected)
    mean, error = samples.mean(0), samples.std(0) / math.sqrt(len(samples))
    if mean.shape != expected.shape:
        raise ValueError(f"{label}: a sample has shape {tuple(mean.shape)}, expected has {tuple(expected.shape)}")
    _require_within(label, expected, mean, sigmas * error)
    misses = []
    for name, wrong in rejects.items():
        wrong = _tensor(label, name, wrong).expand_as(mean)
        _require_rejected(label, name, (wrong - mean).abs(), sigmas * error, margin=1.0)
        misses.append({"name": name, "miss": f"off by {_rounded(_worst(wrong - mean))}"})
    residual = _worst((expected - mean) / error.clamp_min(torch.finfo(error.dtype).tiny))
    method = f"Monte Carlo mean of {len(samples)} samples"
    _report(label, "expectation", method, f"{sigmas:g} standard errors", residual, misses, no_rejects)


def converges(label, errors, *, rate, tol, against=None, rejects: Mapping[str, float] | None = None, no_rejects=""):
    """Check how fast positive numbers shrink or grow.

    errors: [n] positive. Without `against`, `rate` is the factor per step (geometric); with `against` [n] positive,
    `rate` is the exponent r of the law errors ~ against**r (the slope of a log-log fit).
    tol: absolute tolerance of the measured rate; rejects: {name of a usual mistake: the rate it claims}.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-value-function`.
    """
    rejects = _validated(label, tol, rejects, no_rejects)
    errors = _tensor(label, "errors", errors)
    steps = torch.arange(len(errors), dtype=errors.dtype) if against is None else _tensor(label, "against", against)
    if errors.ndim != 1 or len(errors) < 3 or steps.shape != errors.shape:
        raise ValueError(f"{label}: needs at least 3 errors in one dimension, and as many values of `against`")
    if not (errors > 0).all() or (against is not None and not (steps > 0).all()):
        raise ValueError(f"{label}: a rate is measured on positive numbers")
    slope = _numeric.slope(steps if against is None else steps.log(), errors.log())
    measured = slope.exp() if against is None else slope
    _require_within(label, _tensor(label, "rate", rate), measured, torch.as_tensor(float(tol)))
    misses = []
    for name, wrong in rejects.items():
        _require_rejected(label, name, (wrong - measured).abs(), torch.as_tensor(float(tol)), margin=1.0)
        misses.append({"name": name, "miss": f"off by {_rounded(abs(float(wrong - measured)))}"})
    method = "factor per step" if against is None else "slope of a log-log fit"
    _report(label, "converges", method, f"{tol:g}", abs(float(measured) - rate), misses, no_rejects)


def at_most(label, smaller, larger, *, slack, by, rejects: Mapping | None = None, no_rejects=""):
    """Check an inequality entry by entry: smaller <= larger + slack.

    smaller, larger: tensors or floats of one shape; slack: what rounding may cost; by: how the sides were computed.
    rejects: {name of a usual mistake: (smaller, larger)}; each must be violated somewhere by ten slacks.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-jensen-shannon`.
    """
    rejects = _validated(label, slack, rejects, no_rejects)
    smaller, larger = _tensor(label, "smaller", smaller), _tensor(label, "larger", larger)
    if smaller.shape != larger.shape:
        raise ValueError(f"{label}: shapes {tuple(smaller.shape)} and {tuple(larger.shape)} differ")
    excess = smaller - larger
    _require_within(label, excess.clamp_min(0), torch.zeros_like(excess), torch.full_like(excess, slack))
    misses = []
    for name, (low, high) in rejects.items():
        wrong = (_tensor(label, name, low) - _tensor(label, name, high)).clamp_min(0)
        _require_rejected(label, name, wrong, torch.full_like(wrong, slack))
        misses.append({"name": name, "miss": f"violated by {_rounded(_worst(wrong))}"})
    _report(label, "at most", by, f"{slack:g}", _worst(excess.clamp_min(0)), misses, no_rejects)


def answer(label, got, expected, *, atol, hint, mistakes: Mapping | None = None):
    """Grade an answer to an exercise, naming the mistake where it is a known one.

    label: the exercise, ``ex-...``; got, expected: tensors or floats of one shape; atol: tolerance per entry.
    hint: what to look at again; mistakes: {what was done wrong: the value it gives}.
    Raises CheckFailed with a message for the student.
    Taught in {ref}`ch-gradients`.
    """
    expected = _tensor(label, "expected", expected)
    if got is None:
        raise CheckFailed(f"{label}: your function returned nothing. Does it end with `return`? {hint}")
    try:
        got = torch.as_tensor(got, dtype=expected.dtype).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckFailed(f"{label}: your answer is not a number or tensor ({error}). {hint}") from None
    if got.shape == expected.shape and _within(got, expected, torch.full_like(expected, atol)):
        print(f"✓ {label}  well done")
        return
    for mistake, value in (mistakes or {}).items():
        value = torch.as_tensor(value, dtype=expected.dtype)
        if got.shape == value.shape and got.isclose(value, rtol=0.0, atol=atol, equal_nan=True).all():
            raise CheckFailed(f"{label}: {mistake}. {hint}")
    if got.shape != expected.shape:
        shapes = f"shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
        raise CheckFailed(f"{label}: your answer has {shapes}. {hint}")
    raise CheckFailed(f"{label}: off by {_rounded(_worst(got - expected))}, allowed {atol:g}. {hint}")


def _validated(label, tolerance, rejects, no_rejects) -> Mapping:
    """The mapping of mistakes, after the arguments that all checks share have been looked at."""
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise ValueError(f"unknown label {label!r}: a check names an equation of its chapter, such as 'eq-optimal-d'")
    if not tolerance > 0 or not math.isfinite(tolerance):
        raise ValueError(f"{label}: the tolerance must be positive and finite, not {tolerance}")
    if bool(rejects) == bool(no_rejects):
        raise ValueError(f"{label}: name the usual mistakes in `rejects`, or say in `no_rejects` why there are none")
    return rejects or {}


def _tensor(label, name, value) -> Tensor:
    keeps_its_dtype = hasattr(value, "dtype")  # Python numbers would become float32
    try:
        tensor = torch.as_tensor(value, dtype=None if keeps_its_dtype else torch.float64).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{label}: {name} is not a number or tensor ({error})") from None
    if tensor.numel() == 0:
        raise ValueError(f"{label}: {name} is empty, so nothing would be checked")
    return tensor if tensor.is_floating_point() else tensor.double()


def _within(got: Tensor, expected: Tensor, tolerance: Tensor) -> bool:
    return bool(((got - expected).abs() <= tolerance).all())  # false for NaN


def _require_within(label, got: Tensor, expected: Tensor, tolerance: Tensor):
    if _within(got, expected, tolerance):
        return
    excess = ((got - expected).abs() - tolerance).nan_to_num(nan=math.inf).flatten()
    worst = int(excess.argmax())
    got, expected, tolerance = (
        t.expand(excess.shape) if t.ndim == 0 else t.flatten() for t in (got, expected, tolerance)
    )
    raise CheckFailed(
        f"{label} does not hold. Worst entry {worst} of {excess.numel()}: got {got[worst]:.12g}, expected "
        f"{expected[worst]:.12g}, difference {abs(got[worst] - expected[worst]):.3g}, allowed {tolerance[worst]:.3g}"
    )


def _require_rejected(label, name, distance: Tensor, tolerance: Tensor, margin=REJECTION_MARGIN):
    if bool((distance <= margin * tolerance).all()):
        raise CheckFailed(
            f"{label} does not tell the mistake {name!r} from the truth: it misses by {_rounded(_worst(distance))} only"
        )


def _worst(difference: Tensor) -> float:
    return difference.abs().max().item()


def _rounded(value: float) -> str:
    """Two significant digits: stable across machines, enough to judge a mistake by."""
    return f"{value:.2g}"


def _direction(wrong: Tensor, truth: Tensor) -> str:
    relative = _rounded((wrong - truth).norm().item() / truth.norm().item()) if truth.norm() > 0 else "infinite"
    if wrong.numel() == 1 or wrong.norm() == 0 or truth.norm() == 0:
        return f"relative error {relative}"
    cosine = torch.nn.functional.cosine_similarity(wrong, truth, dim=0).item()
    return f"relative error {relative}, cosine {_rounded(cosine)}"


def _report(label, kind, method, tolerance, residual, misses: Sequence[dict], no_rejects):
    line = f"✓ {label}  holds within {tolerance} ({method})"
    for miss in misses:
        line += f"\n    rejects: {miss['name']} ({miss['miss']})"
    record = {
        "label": label,
        "kind": kind,
        "method": method,
        "tolerance": tolerance,
        "residual": residual,
        "rejects": list(misses),
        "no_rejects": no_rejects,
    }
    if "IPython" in sys.modules:  # never import IPython for a plain script
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display({"text/plain": line}, raw=True, metadata={"ganedu": record})
            return
    print(line)

"""Checks of statements that are not arithmetic, by value; the call says why the print is not executed."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ganedu.checks import _numeric
from ganedu.checks._report import (
    mistakes_of,
    report,
    require_rejected,
    require_within,
    rounded,
    tensor,
    validated,
    worst,
)
from ganedu.checks._sharpness import require_bound, require_sharp


def equal(label, got, expected, *, atol, rtol=0.0, by, rejects: Mapping | None = None, no_rejects="", not_executed=""):
    """Check that a formula's value equals an independently computed one, entry by entry.

    got, expected: tensors, arrays or floats of one shape; by: the independent method in a few words.
    atol, rtol: every entry must satisfy |got - expected| <= atol + rtol |expected|.
    rejects: {name of a usual mistake: the value it gives}; each must miss by ten tolerances or in shape.
    no_rejects: why there is no usual mistake, if rejects is empty.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-gradients`.
    """
    validated(label, atol)
    rejects = mistakes_of(label, rejects, no_rejects)
    got, expected = tensor(label, "got", got), tensor(label, "expected", expected)
    if got.shape != expected.shape:
        raise ValueError(f"{label}: got has shape {tuple(got.shape)}, expected has {tuple(expected.shape)}")
    tolerance = atol + rtol * expected.abs()
    require_within(label, got, expected, tolerance)
    misses = []
    for name, wrong in rejects.items():
        wrong = tensor(label, name, wrong)
        if wrong.shape != expected.shape:
            misses.append({"name": name, "miss": f"shape {tuple(wrong.shape)}, not {tuple(expected.shape)}"})
            continue
        require_rejected(label, name, (wrong - expected).abs(), tolerance)
        misses.append({"name": name, "miss": f"off by {rounded(worst(wrong - expected))}"})
    within = f"{atol:g}" + (f" + {rtol:g} relative" if rtol else "")
    report(label, "equal", by, within, worst(got - expected), misses, no_rejects=no_rejects, not_executed=not_executed)


def gradient(
    label,
    function: Callable,
    formula: Callable,
    at: Tensor,
    *,
    atol,
    rejects: Mapping[str, Callable] | None = None,
    no_rejects="",
    not_executed="",
):
    """Check a gradient formula against autograd and, independently, against central differences.

    function: maps a float64 tensor like `at` to a scalar; formula: maps it to the claimed gradient, shaped like `at`.
    atol: tolerance against autograd, per entry; central differences get the tolerance that rounding leaves them.
    rejects: {name of a usual mistake: function giving the wrong gradient}; each must miss autograd by ten tolerances.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-gradients`.
    """
    validated(label, atol)
    rejects = mistakes_of(label, rejects, no_rejects)
    if at.dtype != torch.float64:
        raise ValueError(f"{label}: a gradient is checked in float64, but `at` is {at.dtype}; use at.double()")
    at = at.detach()
    truth = _numeric.autograd(function, at)
    claimed = tensor(label, "formula(at)", formula(at.clone().requires_grad_()))
    if claimed.shape != truth.shape:
        raise ValueError(f"{label}: the formula gives shape {tuple(claimed.shape)}, `at` has {tuple(truth.shape)}")
    require_within(label, claimed, truth, torch.full_like(truth, atol))
    along, differences = _numeric.central_differences(function, at)
    slopes = along @ claimed.flatten()
    fd_tolerance = torch.full_like(slopes, max(10 * atol, 1e-6 * max(1.0, truth.norm().item())))
    require_within(f"{label} (central differences)", slopes, differences, fd_tolerance)
    misses = []
    for name, wrong_formula in rejects.items():
        wrong = tensor(label, name, wrong_formula(at.clone().requires_grad_()))
        if wrong.shape != truth.shape:
            misses.append({"name": name, "miss": f"shape {tuple(wrong.shape)}, not {tuple(truth.shape)}"})
            continue
        require_rejected(label, name, (wrong - truth).abs(), torch.full_like(truth, atol))
        misses.append({"name": name, "miss": _direction(wrong.flatten(), truth.flatten())})
    method = "autograd and central differences"
    report(
        label,
        "gradient",
        method,
        f"{atol:g}",
        worst(claimed - truth),
        misses,
        no_rejects=no_rejects,
        not_executed=not_executed,
    )


def expectation(
    label, samples, expected, *, sigmas=5.0, rejects: Mapping | None = None, no_rejects="", not_executed=""
):
    """Check an expectation against the mean of independent samples, within its confidence interval.

    samples: [n, ...], one independent draw a row, n >= 100; expected: [...] or float, the claimed expectation.
    sigmas: half width of the interval in standard errors of the mean.
    rejects: {name of a usual mistake: the value it claims}; each must fall outside the interval in some entry.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-value-function`.
    """
    validated(label, sigmas)
    rejects = mistakes_of(label, rejects, no_rejects)
    samples = tensor(label, "samples", samples)
    if samples.ndim == 0 or len(samples) < 100:
        raise ValueError(f"{label}: an interval needs at least 100 samples in the first dimension")
    expected = tensor(label, "expected", expected)
    mean, error = samples.mean(0), samples.std(0) / math.sqrt(len(samples))
    if mean.shape != expected.shape:
        raise ValueError(f"{label}: a sample has shape {tuple(mean.shape)}, expected has {tuple(expected.shape)}")
    require_within(label, expected, mean, sigmas * error)
    misses = []
    for name, wrong in rejects.items():
        wrong = tensor(label, name, wrong).expand_as(mean)
        require_rejected(label, name, (wrong - mean).abs(), sigmas * error, margin=1.0)
        misses.append({"name": name, "miss": f"off by {rounded(worst(wrong - mean))}"})
    residual = worst((expected - mean) / error.clamp_min(torch.finfo(error.dtype).tiny))
    method = f"Monte Carlo mean of {len(samples)} samples"
    report(
        label,
        "expectation",
        method,
        f"{sigmas:g} standard errors",
        residual,
        misses,
        no_rejects=no_rejects,
        not_executed=not_executed,
    )


def converges(
    label,
    errors,
    *,
    rate,
    tol,
    against=None,
    rejects: Mapping[str, float] | None = None,
    no_rejects="",
    not_executed="",
):
    """Check how fast positive numbers shrink or grow.

    errors: [n] positive. Without `against`, `rate` is the factor per step (geometric); with `against` [n] positive,
    `rate` is the exponent r of the law errors ~ against**r (the slope of a log-log fit).
    tol: absolute tolerance of the measured rate; rejects: {name of a usual mistake: the rate it claims}.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-value-function`.
    """
    validated(label, tol)
    rejects = mistakes_of(label, rejects, no_rejects)
    errors = tensor(label, "errors", errors)
    steps = torch.arange(len(errors), dtype=errors.dtype) if against is None else tensor(label, "against", against)
    if errors.ndim != 1 or len(errors) < 3 or steps.shape != errors.shape:
        raise ValueError(f"{label}: needs at least 3 errors in one dimension, and as many values of `against`")
    if not (errors > 0).all() or (against is not None and not (steps > 0).all()):
        raise ValueError(f"{label}: a rate is measured on positive numbers")
    slope = _numeric.slope(steps if against is None else steps.log(), errors.log())
    measured = slope.exp() if against is None else slope
    require_within(label, tensor(label, "rate", rate), measured, torch.as_tensor(float(tol)))
    misses = []
    for name, wrong in rejects.items():
        require_rejected(label, name, (wrong - measured).abs(), torch.as_tensor(float(tol)), margin=1.0)
        misses.append({"name": name, "miss": f"off by {rounded(abs(float(wrong - measured)))}"})
    method = "factor per step" if against is None else "slope of a log-log fit"
    report(
        label,
        "converges",
        method,
        f"{tol:g}",
        abs(float(measured) - rate),
        misses,
        no_rejects=no_rejects,
        not_executed=not_executed,
    )


def at_most(
    label,
    smaller,
    larger,
    *,
    slack,
    by,
    rejects: Mapping | None = None,
    no_rejects="",
    approached=0.0,
    unattained="",
    not_executed="",
):
    """Check an inequality entry by entry, smaller <= larger + slack, and that it is sharp somewhere.

    smaller, larger: tensors or floats of one shape; slack: what rounding may cost; by: how the sides were computed.
    approached: how closely the sides meet in some entry, as a share of their size; 0 if they meet within ten slacks.
    unattained: why they never come close, if they do not.
    rejects: {name of a usual mistake: (smaller, larger)}; each must be violated somewhere by ten slacks.
    Raises CheckFailed if the claim fails or a mistake passes, ValueError for malformed input.
    Taught in {ref}`ch-jensen-shannon`.
    """
    validated(label, slack)
    rejects = mistakes_of(label, rejects, no_rejects)
    smaller, larger = tensor(label, "smaller", smaller), tensor(label, "larger", larger)
    if smaller.shape != larger.shape:
        raise ValueError(f"{label}: shapes {tuple(smaller.shape)} and {tuple(larger.shape)} differ")
    require_bound(label, smaller, larger, slack)
    if not unattained:
        require_sharp(label, smaller, larger, slack, approached)
    misses = []
    for name, (low, high) in rejects.items():
        wrong = (tensor(label, name, low) - tensor(label, name, high)).clamp_min(0)
        require_rejected(label, name, wrong, torch.full_like(wrong, slack))
        misses.append({"name": name, "miss": f"violated by {rounded(worst(wrong))}"})
    residual = worst((smaller - larger).clamp_min(0))
    reasons = {"no_rejects": no_rejects, "not_executed": not_executed, "unattained": unattained}
    report(label, "at most", by, f"{slack:g}", residual, misses, **reasons)


def _direction(wrong: Tensor, truth: Tensor) -> str:
    relative = rounded((wrong - truth).norm().item() / truth.norm().item()) if truth.norm() > 0 else "infinite"
    if wrong.numel() == 1 or wrong.norm() == 0 or truth.norm() == 0:
        return f"relative error {relative}"
    cosine = torch.nn.functional.cosine_similarity(wrong, truth, dim=0).item()
    return f"relative error {relative}, cosine {rounded(cosine)}"

"""Grading of answers: a mistake that is known is named, another one gets the hint."""

from collections.abc import Mapping

import torch

from ganedu.checks._report import CheckFailed, rounded, tensor, within, worst


def answer(label, got, expected, *, atol, hint, mistakes: Mapping | None = None):
    """Grade an answer to an exercise, naming the mistake where it is a known one.

    label: the exercise, ``ex-...``; got, expected: tensors or floats of one shape; atol: tolerance per entry.
    hint: what to look at again; mistakes: {what was done wrong: the value it gives}.
    Raises CheckFailed with a message for the student.
    Taught in {ref}`ch-gradients`.
    """
    expected = tensor(label, "expected", expected)
    if got is None:
        raise CheckFailed(f"{label}: your function returned nothing. Does it end with `return`? {hint}")
    try:
        got = torch.as_tensor(got, dtype=expected.dtype).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckFailed(f"{label}: your answer is not a number or tensor ({error}). {hint}") from None
    if got.shape == expected.shape and within(got, expected, torch.full_like(expected, atol)):
        print(f"✓ {label}  well done")
        return
    for mistake, value in (mistakes or {}).items():
        value = torch.as_tensor(value, dtype=expected.dtype)
        if got.shape == value.shape and got.isclose(value, rtol=0.0, atol=atol, equal_nan=True).all():
            raise CheckFailed(f"{label}: {mistake}. {hint}")
    if got.shape != expected.shape:
        shapes = f"shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
        raise CheckFailed(f"{label}: your answer has {shapes}. {hint}")
    raise CheckFailed(f"{label}: off by {rounded(worst(got - expected))}, allowed {atol:g}. {hint}")

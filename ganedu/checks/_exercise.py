"""Grading of answers: a mistake that is known is named, another one gets the hint."""

import functools
import json
import sys
from collections.abc import Mapping
from importlib.resources import files

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
            raise _Wrong(f"{label}: {mistake}. {hint}", hint, mistake)
    if got.shape != expected.shape:
        shapes = f"shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
        raise CheckFailed(f"{label}: your answer has {shapes}. {hint}")
    raise _Wrong(f"{label}: off by {rounded(worst(got - expected))}, allowed {atol:g}. {hint}", hint)


class _Wrong(CheckFailed):
    """An answer of the right form with a wrong value.

    hint: where to look, without what is wrong; mistake: the known one, "" if it is another, by which the grader counts.
    """

    def __init__(self, message: str, hint: str, mistake: str = ""):
        super().__init__(message)
        self.hint, self.mistake = hint, mistake


_wrong: set[str] = set()  # the hard exercises of which this process has seen a wrong answer
_passed: set[str] = set()  # the exercises that were solved since this process began


def test(label):
    """Run the test of an exercise on the functions that the calling notebook defines.

    label: the exercise, ``ex-...``. Prints that the answer is right and how much of the chapter is solved. The first
    wrong answer to a hard exercise is told where to look, and only the next one what is wrong with it.
    Raises CheckFailed with a message for the student, ValueError if no exercise has that label.
    The tests are stored with the package, in ``checks/exercises.json``.
    Taught in {ref}`ch-gradients`.
    """
    entry = _exercises().get(label) if isinstance(label, str) else None
    if entry is None:
        raise ValueError(f"no exercise {label!r}: an exercise is named like {next(iter(_exercises()))!r}")
    namespace = dict(sys._getframe(1).f_globals)  # what the test defines must not reach the notebook
    try:
        exec(compile("\n".join(entry["test"]), f"the test of {label}", "exec"), namespace)
    except _Wrong as failure:
        if entry["hard"] and label not in _wrong:
            _wrong.add(label)
            message = f"{label}: not right yet. {failure.hint} The next wrong answer is told what is wrong with it."
            raise CheckFailed(message) from None
        raise
    except NotImplementedError:
        message = f"{label}: not answered yet. Write your answer into the cell above and run it, then this one."
        raise CheckFailed(message) from None
    except NameError as error:
        message = f"{label}: {error.name} is not defined: run the cells above first, your answer among them."
        raise CheckFailed(message) from error
    _passed.add(label)
    print(_progress(entry["chapter"]))


def _progress(chapter: str) -> str:
    """How much of a chapter was solved since this process began."""
    all_of_it = {name: entry["points"] for name, entry in _exercises().items() if entry["chapter"] == chapter}
    solved = [name for name in all_of_it if name in _passed]
    points = f"{sum(all_of_it[name] for name in solved):g} of {sum(all_of_it.values()):g} points"
    return f"  {len(solved)} of {len(all_of_it)} exercises of this chapter, {points}"


@functools.cache
def _exercises() -> dict:
    """The tests of the course by exercise, as the chapters state them."""
    return json.loads(files("ganedu.checks").joinpath("exercises.json").read_text(encoding="utf-8"))

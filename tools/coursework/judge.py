"""Judges one submission: the tests run here, on functions that answer from behind the wall."""

import contextlib
import io
import json
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import torch

from ganedu.checks import CheckFailed
from tools.coursework.asking import AnswerError, LimitBroken, Limits, Submission

MAX_MESSAGE = 1000  # characters
ELSEWHERE = " (of a notebook only the answer cells are graded: define in them what they need)"
BLANK = "not answered"


@dataclass(frozen=True)
class Verdict:
    """What an exercise came to."""

    exercise: str
    status: str  # passed, failed, blank, time-out, memory, stopped, not run
    message: str = ""
    mistake: str = ""  # in the words of the test, if the answer is a known wrong one


def judged(exercises: list[dict], names: Mapping, submission: Submission, limits: Limits) -> Iterator[Verdict]:
    """The verdict on each exercise, given as a dict with the name, answer, functions and test of an exercise.

    names: what the chapter defines. An answer that ends its process or breaks a limit costs its own exercise: the
    others get a new process, with the answers before them.
    """
    deadline, kept = time.monotonic() + limits.notebook_seconds, []
    for exercise in exercises:
        if exercise["answer"] is None:
            yield Verdict(exercise["name"], "blank", BLANK)
            continue
        if time.monotonic() > deadline:
            yield Verdict(exercise["name"], "not run", f"the notebook took longer than {limits.notebook_seconds:g} s")
            continue
        try:
            with _at_most(min(limits.cell_seconds, deadline - time.monotonic())):
                if submission.channel is None:
                    _begin(submission, kept)
                verdict = verdict_on(exercise, names, submission)
                submission.ask(do="define", source="")  # it must be there still, or the next one would pay for it
        except LimitBroken as broken:
            submission.end()
            words = f"in the cell {exercise['name']}: {broken}"
            yield Verdict(exercise["name"], broken.status, _tidy(words))
        else:
            kept.append(exercise["answer"])
            yield verdict
    submission.close()


def _begin(submission: Submission, answers: list[str]):
    """Start a process with the answers that were given before, but for those that end it."""
    submission.begin()
    for answer in list(answers):
        try:
            with contextlib.suppress(Exception):
                submission.ask(do="define", source=answer)
        except LimitBroken as broken:
            submission.end()
            if broken.status == "time-out":
                raise
            answers.remove(answer)
            return _begin(submission, answers)


@contextlib.contextmanager
def _at_most(seconds: float):
    def broken(*_):
        raise LimitBroken("time-out", f"stopped after {seconds:.3g} seconds")

    signal.signal(signal.SIGALRM, broken)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def verdict_on(exercise: dict, names: Mapping, submission: Submission) -> Verdict:
    """Define an answer and run its test. An error of the answer's own cell explains what goes wrong in the test."""
    name, own = exercise["name"], ""
    try:
        submission.ask(do="define", source=exercise["answer"])
    except Exception as error:
        own = _words(error)
    functions = {function: submission.function(function) for function in exercise["functions"]}
    dtype, said = torch.get_default_dtype(), io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(exercise["test"], f"the test of {name}", "exec"), {**names, **functions})
    except NotImplementedError:
        return Verdict(name, "blank", BLANK)
    except CheckFailed as failure:
        return Verdict(name, "failed", _tidy(own or str(failure)), getattr(failure, "mistake", ""))
    except MemoryError:
        return Verdict(name, "memory", f"in the cell {name}: more memory than a submission may use")
    except Exception as error:
        return Verdict(name, "failed", _tidy(own or _words(error)))
    finally:
        torch.set_default_dtype(dtype)
    passed = f"✓ {name}  well done" in said.getvalue()
    return Verdict(name, "passed") if passed else Verdict(name, "failed", "the test did not say that the answer passed")


def _words(error: Exception) -> str:
    words = str(error) if isinstance(error, AnswerError) else f"{type(error).__name__}: {error}"
    return words + ELSEWHERE if isinstance(error, NameError) else words


def _tidy(words: str) -> str:
    """One line of a bearable length that can be written to any file."""
    words = "".join(letter if letter.isprintable() else " " for letter in words[:MAX_MESSAGE])
    return words.encode("utf-8", "replace").decode()


def as_line(verdict: Verdict) -> str:
    """A verdict as one line of JSON."""
    return json.dumps(asdict(verdict)) + "\n"

"""What options and the files of a run must hold: types, ranges, keys, said once and checked on reading.

A rule has a `problem(value, where)`: None, or a sentence that names the place and what is there.
Taught in {ref}`training`.
"""

from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

import torch

HUGE = 2**63 - 1  # what a tensor, and most programs that read JSON, can hold
LARGEST = 1e30  # squares and products of it still fit into float64, itself into float32


def shown(value) -> str:
    """A value in a message: short, and printable.

    Taught in {ref}`training`.
    """
    if isinstance(value, torch.Tensor):
        return f"a tensor {list(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, dict):
        return f"a table of {len(value)} entries"
    text = ascii(value)
    return text if len(text) <= 50 else f"{text[:40]}... ({len(text)} characters)"


def a_few(things: list[str], *, most: int = 3) -> str:
    """The first of some things, in one line, and how many more there are: what to do about them must stay in sight.

    Taught in {ref}`training`.
    """
    more = len(things) - most
    return "; ".join([*things[:most], *([f"and {more} more"] if more > 0 else [])])


@dataclass(frozen=True)
class Rule:
    """A value of one of some types; `words` describe it.

    Taught in {ref}`training`.
    """

    words: str
    types: tuple[type, ...]

    def problem(self, value, where: str) -> str | None:
        """None, or what is wrong with the value at that place."""
        return None if type(value) in self.types else f"{where} must be {self.words}, not {shown(value)}"


FLAG = Rule("true or false", (bool,))


@dataclass(frozen=True)
class Text:
    """A text of at most `most` characters.

    Taught in {ref}`training`.
    """

    most: int = 4096

    def problem(self, value, where: str) -> str | None:
        """None, or what is wrong with the value at that place."""
        if type(value) is str and len(value) <= self.most:
            return None
        return f"{where} must be a text of at most {self.most:,} characters, not {shown(value)}"


@dataclass(frozen=True)
class Whole:
    """A whole number from `least` to `most`.

    Taught in {ref}`training`.
    """

    least: int = -HUGE
    most: int = HUGE

    def problem(self, value, where: str) -> str | None:
        """None, or what is wrong with the value at that place."""
        if type(value) is not int:
            return f"{where} must be a whole number, not {shown(value)}"
        if value < self.least:
            return f"{where} must be at least {self.least}, not {shown(value)}"
        return f"{where} must be at most {self.most:,}, not {shown(value)}" if value > self.most else None


@dataclass(frozen=True)
class Number:
    """A number from `least` to `most`, neither infinite nor NaN.

    Taught in {ref}`training`.
    """

    least: float = -LARGEST
    most: float = LARGEST

    def problem(self, value, where: str) -> str | None:
        """None, or what is wrong with the value at that place."""
        if type(value) in (int, float) and self.least <= value <= self.most:
            return None
        return f"{where} must be a number from {self.least:g} to {self.most:g}, not {shown(value)}"


@dataclass(frozen=True)
class Tensors:
    """A tensor, of `dtype` if that is given.

    Taught in {ref}`training`.
    """

    dtype: torch.dtype | None = None

    def problem(self, value, where: str) -> str | None:
        """None, or what is wrong with the value at that place."""
        if isinstance(value, torch.Tensor) and value.dtype in (self.dtype or value.dtype,):
            return None
        return f"{where} must be a tensor{f' of {self.dtype}' if self.dtype else ''}, not {shown(value)}"


@dataclass(frozen=True)
class Maybe:
    """What a rule allows, or nothing at all.

    Taught in {ref}`training`.
    """

    rule: Any

    def problem(self, value, where: str) -> str | None:
        """None, or what is wrong with the value at that place."""
        return None if value is None else self.rule.problem(value, where)


@dataclass(frozen=True)
class Anything:
    """Any value at all.

    Taught in {ref}`training`.
    """

    def problem(self, value, where: str) -> None:
        """None."""


@dataclass(frozen=True)
class Row:
    """A list or tuple whose entries follow a rule, `length` of them if that is given, at least `least`.

    Taught in {ref}`training`.
    """

    entry: Any
    length: int | None = None
    least: int = 0

    def problem(self, value, where: str) -> str | None:
        """None, or what is wrong with the value at that place."""
        if type(value) not in (list, tuple) or len(value) < self.least or self.length not in (None, len(value)):
            count = self.length if self.length is not None else f"{self.least} or more"
            return f"{where} must be a list of {count}, such as (64,128), not {shown(value)}"
        return next((bad for i, each in enumerate(value) if (bad := self.entry.problem(each, f"{where}[{i}]"))), None)


@dataclass(frozen=True)
class Table:
    """Names with values: those of `entries` must be there, those of `optional` may; others follow `rest`, if any may.

    Taught in {ref}`training`.
    """

    entries: dict = field(default_factory=dict)
    optional: dict = field(default_factory=dict)
    rest: Any = None

    def problem(self, value, where: str) -> str | None:
        """None, or what is wrong with the value at that place."""
        if not isinstance(value, dict) or not all(type(key) is str for key in value):
            return f"{where} must be a table of named entries, not {shown(value)}"
        known = {**self.entries, **self.optional}
        odd = sorted((self.entries.keys() - value.keys()) | (set() if self.rest else value.keys() - known.keys()))
        if odd:
            return f"{where}: unknown or missing: {', '.join(map(shown, odd[:5]))}"
        for key, each in value.items():
            if bad := known.get(key, self.rest).problem(each, f"{where}.{key}" if where else key):
                return bad
        return None


def rule_of(hint):
    """The rule that a type hint of an option stands for; anything goes where a hint says nothing of these.

    Taught in {ref}`training`.
    """
    simple = {int: Whole(), float: Number(), bool: FLAG, str: Text(200)}
    if get_origin(hint) is tuple:
        return Row(rule_of(get_args(hint)[0]), least=1)
    return simple.get(hint, Anything())


def require(value, rule, where: str) -> None:
    """Raises ValueError with the first problem that a rule has with a value.

    Taught in {ref}`training`.
    """
    if bad := rule.problem(value, where):
        raise ValueError(bad)

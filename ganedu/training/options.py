"""Options of recipes and of training: their types and ranges, from Python, from a text, or from a config.json.

Taught in {ref}`training`.
"""

import ast
import difflib
from dataclasses import fields
from typing import get_origin, get_type_hints

from ganedu.training.validation import Number, Row, Whole, require, rule_of, shown

MOST = 2**20  # no count in a network of this package is larger
COUNT = Whole(1, MOST)
# What the recipes call by one name means one thing. What is not listed needs its type only, and not to be huge.
LIMITS = {
    "size": Whole(1, 2**16),
    "load_size": Whole(0, 2**16),
    "batch_size": COUNT,
    "latent_dim": COUNT,
    "n_critic": COUNT,
    "width": COUNT,
    "width_g": COUNT,
    "hidden": Row(COUNT, least=1),
    "blocks": Whole(0, 1000),
    "halvings": Whole(0, 16),
    "pool": Whole(0, MOST),
    "learning_rate": Number(0, 1e6),
    "learning_rate_d": Number(0, 1e6),
    "penalty_weight": Number(0),
    "clip": Number(0),
}


def check(config, *, where: str = "") -> None:
    """Raises ValueError, naming option and value, if an option of a configuration is of a wrong type or out of range.

    config: a dataclass with the interface of a recipe's Config. where: put before the names of the options.
    Taught in {ref}`training`.
    """
    hints = get_type_hints(type(config))
    for option in fields(config):
        rule = LIMITS.get(option.name, rule_of(hints[option.name]))
        require(getattr(config, option.name), rule, where + option.name)


def from_record(kind: type, given: dict, *, where: str) -> tuple:
    """A configuration from what a file holds, and the names of the options that the file does not have.

    These get the values that leave everything as it was before there was such an option: those of the table `BEFORE`
    of the dataclass where it has one, else their defaults.
    kind: the dataclass; given: named values, lists for tuples. where: how messages call the place.
    Raises ValueError for unknown names, wrong types and values out of range.
    Taught in {ref}`training`.
    """
    names = [option.name for option in fields(kind)]
    if odd := sorted(given.keys() - set(names)):
        raise ValueError(f"{where}: unknown: {', '.join(map(shown, odd[:5]))}; is it of a newer version of ganedu?")
    missing = [name for name in names if name not in given]
    before = {name: value for name, value in getattr(kind, "BEFORE", {}).items() if name in missing}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    config = kind(**values, **before)
    check(config, where=f"{where}.")
    return config, missing


def from_text(kind: type, name: str, text: str):
    """The value of an option that a command line gives as text: 3, 2e-4, true or True, hinge, (64,128).

    Raises ValueError for a name that is no option, and for a value of another type or out of range.
    Taught in {ref}`training`.
    """
    hints = get_type_hints(kind)
    if name not in hints:
        near = difflib.get_close_matches(name, hints, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ValueError(
            f"{name} is neither an option nor in the recipe's configuration; {meant}`ganedu recipes NAME` lists what is"
        )
    hint = hints[name]
    if hint is bool and text.strip().lower() in ("true", "false"):  # as JSON and shells write it
        text = text.strip().capitalize()
    try:
        value = text if hint is str else ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = text
    if hint is float and type(value) is int and abs(value) < 10**300:
        value = float(value)
    if get_origin(hint) is tuple and type(value) is list:
        value = tuple(value)
    require(value, LIMITS.get(name, rule_of(hint)), f"--set {name}")
    return value

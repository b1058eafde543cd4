"""What a user asks of samples, in the terms of a recipe: classes, captions, truncation, mixed styles.

Taught in {ref}`training`.
"""

import inspect

import torch
from torch import Tensor

from ganedu.training.validation import a_few

PARAMETERS = {"classes": "labels", "truncation": "truncation", "mix": "mix", "caption": "tokens"}  # of `sample`


def options_of(recipe, n: int, **wanted) -> dict:
    """The keyword arguments of `recipe.sample` that n samples need, for what was wanted, None being nothing.

    classes: names or numbers, separated by commas, which the samples show in turns; caption: in words; truncation, mix:
    as they are.
    Raises ValueError for what the recipe does not know, and for unknown classes and words.
    Taught in {ref}`training`.
    """
    known, found = inspect.signature(recipe.sample).parameters, {}
    for name, value in wanted.items():
        if value is None:
            continue
        if PARAMETERS[name] not in known:
            raise ValueError(f"{recipe.name} has no --{name}; leave it out")
        match name:
            case "classes":
                found["labels"] = in_turns(labels_of(value, recipe.classes), n).to(recipe.device)
            case "caption":
                tokens, lengths = recipe.encode([value] * n)
                found |= {"tokens": tokens.to(recipe.device), "lengths": lengths.to(recipe.device)}
            case _:
                found[name] = value
    return found


def in_turns(labels: Tensor, n: int) -> Tensor:
    """n labels: those given, int64 [k], one after the other, again and again.

    Taught in {ref}`training`.
    """
    return labels.repeat(-(-n // len(labels)))[:n]


def labels_of(text: str, classes: tuple[str, ...]) -> Tensor:
    """The numbers of classes, int64, from their names or numbers with commas between.

    Raises ValueError, listing the classes, for one that is neither.
    Taught in {ref}`training`.
    """
    numbers = []
    for word in (each.strip() for each in text.split(",")):
        if word in classes:
            numbers.append(classes.index(word))
        elif word.isdecimal() and int(word) < len(classes):
            numbers.append(int(word))
        else:
            choices = a_few([f"{i} ({name})" if name != str(i) else name for i, name in enumerate(classes)], most=20)
            raise ValueError(f"{word!r} is no class; choose among {choices}")
    return torch.tensor(numbers)

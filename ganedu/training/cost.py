"""What a configuration would cost in memory, said before a byte of it is asked for.

Taught in {ref}`training`.
"""

from dataclasses import fields

import torch
from torch.nn.modules.module import register_module_parameter_registration_hook

from ganedu import _memory

FLOAT = 4  # bytes
COPIES = 5  # of every weight: itself, its gradient, the two moments of Adam, its average
BEYOND = 4  # times the paper's number: from here on the networks are counted before they are built


def refuse_batch(kind, config) -> None:
    """Raises ValueError for a configuration of which one step's images do not fit into memory.

    kind: the recipe's class; config: its configuration.
    Taught in {ref}`training`.
    """
    pictures, sides = kind.Batch.pictures, kind.Batch.sides
    images = config.batch_size * getattr(config, "n_critic", 1) * pictures + getattr(config, "pool", 0) * 2
    what = f"the {images:,} images of a step, of {' x '.join([str(config.size)] * sides)} pixels,"
    _memory.require(FLOAT * images * config.size**sides, what, "give a smaller size, batch or number of them")


def build(kind, config, facts: dict, *, device: torch.device, seed: int):
    """The recipe of class `kind` with this configuration, networks and all.

    facts: image_shape and details, as `ganedu.training.source.Source.for_recipe` gives them.
    Raises ValueError, before they are built, for networks that memory does not hold, and for what cannot be built.
    Taught in {ref}`training`.
    """
    options = {**facts, "device": device, "seed": seed}
    if _is_beyond_paper(kind, config):
        weights = count_weights(kind, config, facts)
        what = f"{kind.name} with {weights:,} weights (each {COPIES} times: gradient, Adam, average)"
        _memory.require(FLOAT * COPIES * weights, what, "make the networks smaller")
    try:
        return kind(config, **options)
    except (RuntimeError, TypeError, OverflowError, ZeroDivisionError, LookupError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{kind.name} cannot be built with this configuration: {reason}") from None


def _is_beyond_paper(kind, config) -> bool:
    paper = kind.Config()
    return any(
        _largest(getattr(config, each.name)) > BEYOND * max(1, _largest(getattr(paper, each.name)))
        for each in fields(config)
    )


def _largest(value) -> float:
    """The largest whole number in an option; 0 where there is none."""
    return max((each for each in (value if isinstance(value, tuple) else (value,)) if type(each) is int), default=0)


def count_weights(kind, config, facts: dict) -> int:
    """Numbers in the networks of a recipe, which is built as far as it can be of tensors without memory.

    facts: as for `build`. A recipe may stumble there: an optimizer wants a real device, a layer its numbers. What was
    built until then counts.
    Raises ValueError where the recipe does.
    Taught in {ref}`training`.
    """
    count = 0

    def add(module, name, weight):
        nonlocal count
        count += 0 if weight is None else weight.numel()

    handle = register_module_parameter_registration_hook(add)
    try:
        with torch.device("meta"):
            kind(config, **facts, device=torch.device("meta"), seed=0)
    except ValueError:
        raise
    except Exception:  # see above
        pass
    finally:
        handle.remove()
    return count

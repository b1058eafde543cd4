"""Load what a run made: the recipe that its config.json names, with the weights of its checkpoint.

Taught in {ref}`training`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import torch

from ganedu.training import checkpoint, run_folder
from ganedu.training.errors import TrainingError
from ganedu.training.trainer import load_recipe


def load(run, *, recipe=None, device="cpu", ema=True, previous=False):
    """The recipe of a run with its trained weights: `load(run).sample(64, torch.Generator())`.

    recipe: the class again, if the run was given one. ema: the averaged generator takes the generator's place.
    Raises TrainingError if there is no run or its checkpoint is damaged.
    Taught in {ref}`training`.
    """
    run, plan = Path(run), run_folder.read_config(Path(run))
    state = checkpoint.read(run, previous=previous)
    kind, recipe_config = recipe_of(plan, recipe)
    loaded = kind(recipe_config, image_shape=tuple(plan["recipe"]["image_shape"]), device=torch.device(device), seed=0)
    with fitting(run):
        load_recipe(loaded, state["recipe"])
        if ema and state["average"]:
            loaded.networks["generator"].load_state_dict(state["average"])
    return loaded


def recipe_class(recipe) -> type:
    """The class of a recipe given by name or as such.

    Raises ValueError for an unknown name.
    Taught in {ref}`training`.
    """
    if not isinstance(recipe, str):
        return recipe
    from ganedu import recipes

    return recipes.get(recipe)


def recipe_of(plan: dict, recipe=None) -> tuple:
    """The class of a run's recipe and its configuration; plan: its config.json; recipe: the class, if it was given one.

    Raises TrainingError for entries that are missing or unknown.
    Taught in {ref}`training`.
    """
    kind = recipe_class(recipe or plan["recipe"]["name"])
    given, known = plan["recipe"]["config"], {field.name for field in fields(kind.Config)}
    if odd := sorted(set(given) ^ known):
        raise TrainingError(f"{run_folder.CONFIG}: unknown or missing under 'recipe.config': {', '.join(odd)}")
    return kind, kind.Config(**{key: tuple(v) if isinstance(v, list) else v for key, v in given.items()})


@contextmanager
def fitting(run: Path) -> Iterator[None]:
    """What PyTorch says of a checkpoint that does not fit its run becomes a TrainingError.

    Taught in {ref}`training`.
    """
    try:
        yield
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"{run}: what the checkpoint holds does not fit {run_folder.CONFIG}: {reason}") from None

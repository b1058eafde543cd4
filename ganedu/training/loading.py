"""Load what a run made: the recipe that its config.json names, with the weights of its checkpoint.

Taught in {ref}`training`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from ganedu.training import checkpoint, cost, run_folder
from ganedu.training.config import TrainConfig
from ganedu.training.device import named
from ganedu.training.errors import TrainingError
from ganedu.training.options import from_record
from ganedu.training.trainer import load_recipe


def load(run, *, recipe=None, device="cpu", ema=True, previous=False, at=None):
    """The recipe of a run with its trained weights: `load(run).sample(64, torch.Generator())`.

    recipe: the class again, if the run was given one. ema: the averaged generator takes the generator's place.
    previous, at: which checkpoint, see `ganedu.training.checkpoint.find`.
    Raises TrainingError if there is no run or its checkpoint is damaged.
    Taught in {ref}`training`.
    """
    device, run = named(device), Path(run)
    plan = run_folder.read_config(run)
    state = checkpoint.read(run, previous=previous, at=at)
    kind, recipe_config = recipe_of(plan, recipe)
    loaded = cost.build(kind, recipe_config, facts_of(plan), device=device, seed=0)
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

    Raises TrainingError for entries that are unknown, of a wrong type or out of range.
    Taught in {ref}`training`.
    """
    kind = recipe_class(recipe or plan["recipe"]["name"])
    try:
        return kind, from_record(kind.Config, plan["recipe"]["config"], where="recipe.config")[0]
    except ValueError as error:
        raise TrainingError(f"{run_folder.CONFIG}: {error}; put back what it was") from None


def facts_of(plan: dict) -> dict:
    """What a recipe's class wants to know besides its configuration: image_shape and details; plan: config.json.

    Taught in {ref}`training`.
    """
    about = {"image_shape": plan["recipe"]["image_shape"], **plan["recipe"].get("details", {})}
    return {name: tuple(value) for name, value in about.items()}


def completed(plan: dict, kind) -> tuple[dict, list[str]]:
    """A plan with the defaults of the options that it does not have, and one line for each: an older version's plan.

    Raises ValueError for what `ganedu.training.options.from_record` refuses.
    Taught in {ref}`training`.
    """
    training, missing = from_record(TrainConfig, plan["training"], where="training")
    config, more = from_record(kind.Config, plan["recipe"]["config"], where="recipe.config")
    told = [f"training.{name} = {getattr(training, name)}" for name in missing]
    told += [f"recipe.config.{name} = {getattr(config, name)}" for name in more]
    recipe = {"kind": kind.Batch.kind, "details": {}, **plan["recipe"], "config": asdict(config)}
    return {**plan, "recipe": recipe, "training": asdict(training)}, told


@contextmanager
def fitting(run: Path) -> Iterator[None]:
    """What PyTorch says of a checkpoint that does not fit its run becomes a TrainingError.

    Taught in {ref}`training`.
    """
    try:
        yield
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"{run}: what the checkpoint holds does not fit {run_folder.CONFIG}: {reason}") from None

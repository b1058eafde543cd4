"""A run as it was and as it would go on: what must be the same, and what is told if it is not.

Taught in {ref}`training`.
"""

from dataclasses import asdict
from pathlib import Path

import torch

from ganedu.training import run_folder
from ganedu.training.config import differences, fingerprint
from ganedu.training.errors import TrainingError
from ganedu.training.loading import completed
from ganedu.training.loop import circumstances
from ganedu.training.validation import a_few

CHANGEABLE = ("learning_rate", "learning_rate_d")
SAMPLED = 1000  # steps at which two learning rates are compared


def changes(config, **wanted: float | None) -> dict:
    """The options of a recipe that a resumed run is to have from now on, of those that may change: learning rates.

    config: the recipe's configuration until now; wanted: values by name, None for no change.
    Raises ValueError for a recipe without such an option.
    Taught in {ref}`training`.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    for name in given:
        if not hasattr(config, name):
            raise ValueError(f"this recipe has no {name} that could be changed")
    return {name: float(value) for name, value in given.items() if value != getattr(config, name)}


def refuse_changes(run: Path, state: dict, plan: dict, now: dict, recipe) -> list[str]:
    """What may differ between a checkpoint and the plan of now, in sentences to tell.

    state: the checkpoint's; plan: config.json as it is; now: the plan from now on; recipe: the recipe.
    Learning rates may be others than the checkpoint's if `resume` has changed them, which the hash of `plan` tells from
    a change by hand; also when the run goes back to a checkpoint from before the change.
    Raises TrainingError, with the differences, where the path of the weights would be another one.
    Taught in {ref}`training`.
    """
    then, told = completed(state["plan"], type(recipe))
    told = [f"of an older version: {line} is taken" for line in told]
    if _mended(then["data"], now["data"]):
        told.append("the pictures have the names that they had, and other lengths: some were replaced meanwhile")
        then = {**then, "data": {**then["data"], "sha256": now["data"]["sha256"]}}
    if plan["hash"] == fingerprint(plan):
        for name in CHANGEABLE:
            old, new = then["recipe"]["config"].get(name), now["recipe"]["config"].get(name)
            if old != new:
                told.append(f"{name} is {new} from step {state['step']} on, {old} before")
                then = {**then, "recipe": {**then["recipe"], "config": {**then["recipe"]["config"], name: new}}}
    if found := differences(then, now):
        raise TrainingError(
            f"{run} was trained otherwise than it would be now, so it is not resumed: {a_few(found)}. "
            f"Put {run_folder.CONFIG} and the data back, or start a new run with another --out"
        )
    before, after = then["training"]["steps"], now["training"]["steps"]
    if not same_rates(recipe, state["step"], before, after):
        raise TrainingError(
            f"{run}: the learning rate of {now['recipe']['name']} decays toward the last step, so the "
            f"{state['step']} steps done toward {before} cannot become part of a run of {after}"
        )
    return told


def refuse_another(run: Path, kind, recipe_config, config, data) -> None:
    """Raises TrainingError, with the differences, if a run was not asked what is asked now; its images are not read.

    kind, recipe_config, config, data: as for `ganedu.training.train`.
    Taught in {ref}`training`.
    """
    plan, _ = completed(run_folder.read_config(run), kind)
    then = {"recipe": {key: plan["recipe"][key] for key in ("name", "config")}, "training": plan["training"]}
    now = {"recipe": {"name": kind.name, "config": asdict(recipe_config)}, "training": asdict(config)}
    if isinstance(data, str):
        then["data"], now["data"] = {"name": plan["data"]["name"]}, {"name": data}
    if found := differences(then, now):
        raise TrainingError(f"{run} holds a run with other options ({a_few(found)}); give another --out")


def _mended(then: dict, now: dict) -> bool:
    """Whether streamed pictures have their names, but not their lengths: a damaged one may have been mended."""
    names = then.get("names_sha256")
    return names is not None and names == now.get("names_sha256") and then["sha256"] != now["sha256"]


def same_rates(recipe, done: int, before: int, after: int) -> bool:
    """Whether the first `done` steps have the same learning rates in a run of `before` steps and in one of `after`.

    Taught in {ref}`training`.
    """
    factor = recipe.learning_rate_factor
    steps = {*range(0, done, max(1, done // SAMPLED)), *range(max(0, done - 1), done)}  # a billion would take minutes
    return before == after or all(factor(step, before) == factor(step, after) for step in steps)


def changed_circumstances(sessions: list[dict], device: torch.device) -> list[str]:
    """What differs from the last session and may change the last bits of the weights, as a sentence, or none.

    Taught in {ref}`training`.
    """
    now, before = circumstances(device), sessions[-1] if sessions else {}
    found = [f"{key} was {before[key]}, is {now[key]}" for key in now if before.get(key, now[key]) != now[key]]
    return [f"{', '.join(found)}: the weights will not be those of a run never stopped, to the bit"] if found else []

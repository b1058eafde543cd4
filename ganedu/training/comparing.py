"""A run as it was and as it would go on: what must be the same, and what is told if it is not.

Taught in {ref}`training`.
"""

from pathlib import Path

import torch

from ganedu.training import run_folder
from ganedu.training.config import differences
from ganedu.training.errors import TrainingError
from ganedu.training.loading import completed
from ganedu.training.loop import circumstances

SAMPLED = 1000  # steps at which two learning rates are compared


def refuse_changes(run: Path, state: dict, now: dict, kind, recipe) -> list[str]:
    """What may differ between a checkpoint and the plan of now, in sentences to tell.

    state: the checkpoint's; now: the plan; kind, recipe: the recipe's class and the recipe.
    Raises TrainingError, with the differences, where the path of the weights would be another one.
    Taught in {ref}`training`.
    """
    then, told = completed(state["plan"], kind)
    told = [f"of an older version: {line} is taken" for line in told]
    if _mended(then["data"], now["data"]):
        told.append("the pictures have the names that they had, and other lengths: some were replaced meanwhile")
        then = {**then, "data": {**then["data"], "sha256": now["data"]["sha256"]}}
    if found := differences(then, now):
        raise TrainingError(
            f"{run} was trained otherwise than it would be now, so it is not resumed: {'; '.join(found)}. "
            f"Put {run_folder.CONFIG} and the data back, or start a new run with another --out"
        )
    before, after = then["training"]["steps"], now["training"]["steps"]
    if not same_rates(recipe, state["step"], before, after):
        raise TrainingError(
            f"{run}: the learning rate of {now['recipe']['name']} decays toward the last step, so the "
            f"{state['step']} steps done toward {before} cannot become part of a run of {after}"
        )
    return told


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

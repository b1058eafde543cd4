"""The command that makes a run again, from what its config.json says.

Taught in {ref}`training`.
"""

import shlex
from dataclasses import fields

from ganedu import recipes
from ganedu.training.config import TrainConfig
from ganedu.training.loading import completed
from ganedu.training.source import TENSOR

DEVICES = ("cpu", "mps")  # everything else that a provenance names is a GPU of NVIDIA's or AMD's


def command(plan: dict, device: str = "") -> str | None:
    """The line for a shell, None for a run whose recipe or images were given from Python.

    plan: config.json; device: the name in provenance.json, "" if it is not known.
    Raises ValueError for options that this version does not know.
    Taught in {ref}`training`.
    """
    name, data = plan["recipe"]["name"], plan["data"]
    if name not in recipes.NAMES or data["name"] == TENSOR:
        return None
    kind = recipes.get(name)
    plan, _ = completed(plan, kind)
    words = ["train", name, "--data", data["name"]]
    words += ["--data-root", data["root"]] if data.get("root") else []
    words += ["--stream"] if data.get("streamed") else []
    words += [*_recipe_options(kind, plan["recipe"]["config"]), *_training_options(plan["training"])]
    if device:
        words += ["--device", device if device in DEVICES else "cuda"]
    many = plan["processes"]
    program = ["torchrun", "--standalone", "--nproc-per-node", str(many), "-m"] if many > 1 else []
    return shlex.join([*program, "ganedu", *words])


def _recipe_options(kind, config: dict) -> list[str]:
    """--full or --small, whichever is nearer, and what differs from it."""
    sizes = {"--full": kind.Config(), "--small": kind.Config().small()}
    differing = {
        flag: [name for name, value in config.items() if _plain(getattr(base, name)) != _plain(value)]
        for flag, base in sizes.items()
    }
    nearer = min(differing, key=lambda flag: len(differing[flag]))
    changes = [f"{name}={str(_plain(config[name])).replace(' ', '')}" for name in differing[nearer]]
    return [nearer, *(word for change in changes for word in ("--set", change))]


def _training_options(training: dict) -> list[str]:
    words = []
    for option in fields(TrainConfig):
        value, flag = training[option.name], "--" + option.name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif option.name in ("steps", "seed") or value != option.default:
            words += [flag, str(value)]
    return words


def _plain(value):
    return tuple(value) if isinstance(value, list) else value

"""Quality per minute: Fréchet distance over time, plain words of the most copied programs against ours.

Not a contest of `measure`, whose works are equal: here the works differ and what they reach is compared. How long a
step of each runner takes is measured first, in turns; then each trains for the steps that fit into its seconds, and is
measured at the same times by the same features. So the curves depend on the machine through one number a runner, and
what else it does meanwhile does not matter; the time of measuring does not count. "plain" takes the networks and the
published settings of the recipe but steps as the public programs do (see `benchmarks.dcgan`, `benchmarks.wgan_gp`), in
PyTorch's own layout and without an average of the generator; "ours" is the recipe as `ganedu train` runs it, at the
same settings; "small" the recipe with the settings of its miniature. Ours have fewer seconds: whether they are as far
before is the question. `ingredients` asks what each part of the best miniature gives: DCGAN's, with one thing changed.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import relu
from torch.optim.lr_scheduler import LinearLR

from benchmarks import dcgan, wgan_gp
from ganedu import data, metrics, recipes
from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches
from ganedu.metrics import features
from ganedu.training import TrainConfig, run_folder
from ganedu.training.distributed import World
from ganedu.training.trainer import Trainer

SETTINGS = {"data": "fashion-mnist", "size": 32, "seconds": 600.0, "every": 50.0, "samples": 2000, "seeds": (0, 1, 2)}
OURS = 2 / 3  # of the seconds of a plain runner
RUNNERS = (
    "dcgan, plain",
    "dcgan, ours",
    "dcgan, small",
    "sngan, small",
    "r3gan, small",
    "wgan-gp, plain",
    "sngan, plain",
)
# Fields of the recipe's config, or of the trainer's, that a runner "dcgan, small, NAME" changes.
CHANGES = {
    "no bias": {"bias": False},
    "a fifth of the rate": {"learning_rate": 2e-4},
    "a rate that stays": {"anneal": 0},
    "twice the width": {"width": 64},
    "twice the batch": {"batch_size": 128},
    "mirrored images": {"flip": True},
    "bfloat16": {"precision": "bf16"},
    "the hinge": {"loss": "hinge"},
    "R3GAN's loss": {"loss": "relativistic", "penalty": "r1_r2", "penalty_weight": 0.3, "norm": "none"},
}
INGREDIENTS = ("dcgan, small", *(f"dcgan, small, {name}" for name in CHANGES))
ROUNDS, TRIED = 9, 3  # rounds of all runners, and steps of each in a round, to learn how long one takes
# Published settings at 32 x 32 pixels, where the papers have them; for DCGAN those of the port that tutorials copy.
PAPERS = {
    "dcgan": lambda kind: kind.Config().port(),
    "wgan-gp": lambda kind: kind.Config(architecture="conv"),
    "sngan": lambda kind: kind.Config().conv(),
}


def ingredients(**changes) -> dict:
    """What `measure` finds of DCGAN's miniature and of the same with one thing changed."""
    return measure(runners=INGREDIENTS, **changes) | {"name": "ingredients"}


def measure(*, runners: tuple[str, ...] = RUNNERS, parts: Path | None = None, **changes) -> dict:
    """All runners, seed by seed: seconds, steps and Fréchet distances of each; settings: see SETTINGS.

    parts: a folder for what is done, the seconds of a step and the runs; a second call goes on from there, with more
    seeds if it likes. Raises ValueError if it holds what was done with other settings or runners.
    """
    settings = SETTINGS | changes
    same = {name: value for name, value in settings.items() if name != "seeds"} | {"runners": list(runners)}
    if kept(parts, "settings", lambda: same) != same:
        raise ValueError(f"{parts} holds runs with other settings; choose another folder")
    images = data.load(settings["data"], size=settings["size"]).images
    classifier = features.network(settings["data"])
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[: settings["samples"]]
    real = classifier.extract(images[chosen]).features

    def judge(made: Tensor) -> float:
        return metrics.frechet_from_features(classifier.extract(made).features, real).item()

    pace = kept(parts, "pace", partial(paces, runners, images, settings["size"]))
    found: dict[str, list] = {name: [] for name in runners}
    for seed in settings["seeds"]:
        for name in runners:
            run = partial(follow, name, images, settings, seed, pace[name], judge)
            found[name].append(kept(parts, f"{name.replace(', ', '-')}-{seed}", run))
    told = {"name": "quality", "settings": settings, "pace": pace, "features": classifier.tag}
    return told | {"runners": summary(found)}


def kept(parts: Path | None, name: str, make: Callable[[], dict]) -> dict:
    """What `make` gives, as JSON keeps it; of an earlier call, if the folder has it."""
    path = parts and parts / f"{name}.json"
    if path and path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    made = make()
    if path:
        parts.mkdir(parents=True, exist_ok=True)
        run_folder.write_json(path, made)
    return json.loads(json.dumps(made))


def paces(runners: tuple[str, ...], images: Tensor, size: int) -> dict[str, float]:
    """Seconds of the processor for a step of each, the median of rounds in turns."""
    steps = {name: runner(name, images, size, 0, ROUNDS * TRIED + 1)[0] for name in runners}
    took: dict[str, list[float]] = {name: [] for name in runners}
    for step in steps.values():
        step()
    for _ in range(ROUNDS):
        for name, step in steps.items():
            began = time.process_time()
            for _ in range(TRIED):
                step()
            took[name].append((time.process_time() - began) / TRIED)
    return {name: statistics.median(each) for name, each in took.items()}


def runner(
    name: str, images: Tensor, size: int, seed: int, steps: int
) -> tuple[Callable[[], object], Callable[..., Tensor]]:
    """One of `steps` steps, and n samples in [-1, 1], of the runner called `name`, from a new start.

    Samples are of the averaged generator where there is one, unless `averaged` is False.
    """
    recipe_name, how, *changed = name.split(", ", 2)
    kind, changes = recipes.get(recipe_name), dict(CHANGES[changed[0]]) if changed else {}
    precision = changes.pop("precision", "fp32")
    if how == "small":
        config = replace(kind.Config().small(), size=size, **changes)
    else:
        config = replace(PAPERS[recipe_name](kind), size=size)
    made = kind(config, image_shape=(images.shape[1], size, size), seed=seed)
    batches = DeviceBatches(kinds.Images(images), config.batch_size, device="cpu", seed=seed, flip=config.flip)
    if how == "plain":
        step, network = plain_step(recipe_name, made, batches, seed, steps), None
    else:
        plan = TrainConfig(seed=seed, steps=steps, precision=precision)
        trainer = Trainer(made, batches, plan, device=dcgan.CPU, world=World())
        step, network = trainer.advance, trainer.average.network

    def sample(n: int, *, averaged: bool = True) -> Tensor:
        return made.sample(n, torch.Generator().manual_seed(9), generator=network if averaged else None)

    return step, sample


def plain_step(name: str, made, batches, seed: int, steps: int) -> Callable[[], None]:
    """The iteration of the public programs on a recipe's networks."""
    g, d, config = made.networks["generator"], made.networks["discriminator"], made.config
    adam_g, adam_d = dcgan.adam(g, config), dcgan.adam(d, config)
    random = torch.Generator().manual_seed(seed)
    falling = [LinearLR(adam, 1.0, 0.0, steps) for adam in (adam_g, adam_d) if config.decay]

    def of_dcgan() -> None:
        real = batches.next().images
        dcgan.plain_step(g, d, adam_g, adam_d, real, made.noise(len(real), random))

    def of_wgan_gp() -> None:
        for _ in range(config.n_critic):
            numbers = wgan_gp.critic_step(g, d, adam_d, batches.next().images, config.penalty_weight, random)
        wgan_gp.generator_step(g, d, adam_g, numbers["noise"])

    def of_sngan() -> None:
        for _ in range(config.n_critic):
            real = batches.next().images
            adam_d.zero_grad()
            fake = g(made.noise(len(real), random)).detach()
            (relu(1 - d(real)).mean() + relu(1 + d(fake)).mean()).backward()
            adam_d.step()
        wgan_gp.generator_step(g, d, adam_g, made.noise(len(real), random))

    def step() -> None:
        {"dcgan": of_dcgan, "wgan-gp": of_wgan_gp, "sngan": of_sngan}[name]()
        for schedule in falling:
            schedule.step()

    return step


def follow(name: str, images: Tensor, settings: dict, seed: int, pace: float, judge: Callable[[Tensor], float]) -> dict:
    """Train for the runner's seconds, `pace` a step, and judge every so often; at the end without the average, too."""
    seconds, every = settings["seconds"] * (1 if name.endswith("plain") else OURS), settings["every"]
    times = [every * (i + 1) for i in range(round(seconds / every))]
    step, sample = runner(name, images, settings["size"], seed, round(times[-1] / pace))
    done, rows = 0, []
    for goal in times:
        while done < round(goal / pace):
            step()
            done += 1
        rows.append((goal, done, round(judge(sample(settings["samples"])), 3)))
    found = dict(zip(("seconds", "steps", "frechet_distance"), map(list, zip(*rows, strict=True)), strict=True))
    return found | {"not_averaged": round(judge(sample(settings["samples"], averaged=False)), 3)}


def summary(found: dict[str, list]) -> dict[str, dict]:
    """Per runner the runs, the mean of the last distances, and when each run first was as near as the best plain one.

    reached: seconds until the last distance of the best plain runner's mean, per seed; None if never.
    """
    last = {name: statistics.mean(run["frechet_distance"][-1] for run in runs) for name, runs in found.items()}
    plain = [value for name, value in last.items() if name.endswith("plain")]
    goal = min(plain) if plain else min(last.values())
    return {
        name: {"runs": runs, "last": round(last[name], 3), "goal": goal, "reached": [_first(run, goal) for run in runs]}
        for name, runs in found.items()
    }


def _first(run: dict[str, list], goal: float) -> float | None:
    pairs = zip(run["seconds"], run["frechet_distance"], strict=True)
    return next((seconds for seconds, distance in pairs if distance <= goal), None)

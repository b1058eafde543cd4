"""Quality per minute: Fréchet distance over processor time, plain words of the most copied programs against ours.

Not a contest of `measure`, whose works are equal: here the works differ and what they reach is compared. Every runner
trains for the same seconds of the processor, measured at the same times by the same features; the time of measuring
does not count. "plain" takes the networks and the published settings of the recipe but steps as the public programs do
(see `benchmarks.dcgan`, `benchmarks.wgan_gp`), in PyTorch's own layout and without an average of the generator; "ours"
is the recipe as `ganedu train` runs it, at the same settings; "small" the recipe with the settings of its miniature.
A learning rate that falls to zero does so over the steps that fit into the time, which are estimated beforehand.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import relu
from torch.optim.lr_scheduler import LinearLR

from benchmarks import dcgan, wgan_gp
from ganedu import data, metrics, recipes
from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches
from ganedu.metrics import features
from ganedu.training import TrainConfig
from ganedu.training.distributed import World
from ganedu.training.trainer import Trainer

SETTINGS = {"data": "fashion-mnist", "size": 32, "seconds": 600.0, "points": 10, "samples": 2000, "seeds": (0, 1, 2)}
RUNNERS = (
    "dcgan, plain",
    "dcgan, ours",
    "dcgan, small",
    "wgan-gp, plain",
    "wgan-gp, ours",
    "wgan-gp, small",
    "sngan, plain",
    "sngan, ours",
    "sngan, small",
    "r3gan, small",
)
TRIED = 5  # steps, to learn how long one takes
# Published settings at 32 x 32 pixels, where the papers have them; for DCGAN those of the port that tutorials copy.
PAPERS = {
    "dcgan": lambda kind: kind.Config().port(),
    "wgan-gp": lambda kind: kind.Config(architecture="conv"),
    "sngan": lambda kind: kind.Config().conv(),
}


def measure(*, runners: tuple[str, ...] = RUNNERS, **changes) -> dict:
    """All runners, seed by seed: seconds, steps and Fréchet distances at `points` times; settings: see SETTINGS."""
    settings = SETTINGS | changes
    images = data.load(settings["data"], size=settings["size"]).images
    classifier = features.network(settings["data"])
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[: settings["samples"]]
    real = classifier.extract(images[chosen]).features
    found: dict[str, list] = {name: [] for name in runners}
    for seed in settings["seeds"]:
        for name in runners:
            start = partial(runner, name, images, settings["size"], seed)
            step, sample = start(horizon(start(TRIED)[0], settings["seconds"]))

            def judge(sample=sample) -> float:
                made = classifier.extract(sample(settings["samples"])).features
                return metrics.frechet_from_features(made, real).item()

            found[name].append(follow(step, judge, settings))
    return {"name": "quality", "settings": settings, "features": classifier.tag, "runners": summary(found)}


def horizon(step: Callable[[], object], seconds: float) -> int:
    """How many steps fit into the time at most, from the fastest of a few tried."""
    took = []
    for _ in range(TRIED):
        began = time.process_time()
        step()
        took.append(time.process_time() - began)
    return math.ceil(seconds / min(took))


def runner(
    name: str, images: Tensor, size: int, seed: int, steps: int
) -> tuple[Callable[[], object], Callable[[int], Tensor]]:
    """One of `steps` steps, and n samples in [-1, 1], of the runner called `name`, from a new start."""
    recipe_name, _, how = name.partition(", ")
    kind = recipes.get(recipe_name)
    config = replace(kind.Config().small() if how == "small" else PAPERS[recipe_name](kind), size=size)
    made = kind(config, image_shape=(images.shape[1], size, size), seed=seed)
    batches = DeviceBatches(kinds.Images(images), config.batch_size, device="cpu", seed=seed)
    if how == "plain":
        step, network = plain_step(recipe_name, made, batches, seed, steps), None
    else:
        trainer = Trainer(made, batches, TrainConfig(seed=seed, steps=steps), device=dcgan.CPU, world=World())
        step, network = trainer.advance, trainer.average.network
    return step, lambda n: made.sample(n, torch.Generator().manual_seed(9), generator=network)


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


def follow(step: Callable[[], object], judge: Callable[[], float], settings: dict) -> dict[str, list]:
    """Step for `seconds` of the processor; judge at `points` equal parts of them."""
    spent, steps, rows = 0.0, 0, []
    for goal in goals(settings):
        while spent < goal:
            began = time.process_time()
            step()
            spent += time.process_time() - began
            steps += 1
        rows.append((round(spent, 3), steps, round(judge(), 3)))
    return dict(zip(("seconds", "steps", "frechet_distance"), map(list, zip(*rows, strict=True)), strict=True))


def goals(settings: dict) -> Iterator[float]:
    """The times, in seconds, at which all are judged."""
    return (settings["seconds"] * (point + 1) / settings["points"] for point in range(settings["points"]))


def summary(found: dict[str, list]) -> dict[str, dict]:
    """Per runner the runs, the mean of the last distances, and when each run first was as near as the best plain one.

    reached: processor seconds until the last distance of the best plain runner's mean, per seed; None if never.
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

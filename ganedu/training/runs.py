"""Start a run, resume it.

Taught in {ref}`training`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from ganedu.training import checkpoint, run_folder, source, stopping
from ganedu.training.config import TrainConfig, differences, fingerprint, from_plan
from ganedu.training.distributed import World, joined
from ganedu.training.errors import TrainingError
from ganedu.training.loading import fitting, recipe_class, recipe_of
from ganedu.training.loop import Session
from ganedu.training.trainer import ORDER, Trainer, stream_seed

FORMAT = 1


@dataclass(frozen=True)
class Outcome:
    """Where a session ended: the run's folder, the step reached of all steps, and the last row of metrics.

    extendable: whether `resume` can go on to twice as many steps; not if the learning rate has come down by then.
    Taught in {ref}`training`.
    """

    run: Path
    step: int
    steps: int
    metrics: dict[str, float]
    extendable: bool

    @property
    def finished(self) -> bool:
        """Whether the last step is done; if not, the time given was up."""
        return self.step == self.steps


def train(
    recipe,
    data,
    *,
    out,
    config=None,
    recipe_config=None,
    device="cpu",
    root=None,
    stream=False,
    max_minutes=None,
    show=True,
) -> Outcome:
    """Train a recipe on images and leave everything in the folder `out`.

    recipe: a name of `ganedu.recipes.NAMES`, or a class with the same interface; recipe_config: its Config, the
    paper's if None. data, root, stream: see `ganedu.training.source.find`. config: TrainConfig.
    max_minutes: stop and save after that time. show: progress on stderr.
    Under torchrun every process calls this, and the run is theirs together.
    Raises TrainingError if the folder holds a run already, a loss is not finite or the disk is full; Interrupted after
    Ctrl-C; ValueError for data and configurations that do not fit.
    Taught in {ref}`training`.
    """
    out, config, kind = Path(out), config or TrainConfig(), recipe_class(recipe)
    recipe_config = recipe_config or kind.Config()
    with joined() as world, _own_random_numbers(), stopping.Stop(max_minutes) as stop:
        images = source.find(data, kind, recipe_config, root=root, stream=stream)
        plan = _plan(kind, recipe_config, images, config, world)
        if (out / run_folder.CONFIG).is_file():
            raise _occupied(out, plan)
        trainer = _trainer(kind, recipe_config, images, config, _device(device, world), world)
        session = Session(trainer, out, plan, sessions=[], show=show)
        try:
            if world.is_main:
                _empty(out)
            session.save()
            if world.is_main:
                run_folder.write_json(out / run_folder.CONFIG, plan)  # last: where it is, there is a run to resume
        except OSError as error:
            raise TrainingError(f"cannot start a run in {out}: {error.strerror or error}") from None
        return _train(session, stop)


def resume(
    run, *, recipe=None, data=None, steps=None, device="cpu", root=None, previous=False, max_minutes=None, show=True
) -> Outcome:
    """Go on with a run from its checkpoint; it ends with the very weights of a run that was never stopped.

    recipe, data: only for a run that was given a class or a tensor: the same again. steps: a new last step, if the
    learning rates of the steps done do not depend on it. previous: start from checkpoint.previous.pt.
    Raises TrainingError if there is no run, the checkpoint is damaged, or what would be trained now differs from what
    was trained before: the message lists the differences.
    Taught in {ref}`training`.
    """
    run, plan = Path(run), run_folder.read_config(Path(run))
    config = from_plan(plan)
    config = replace(config, steps=steps) if steps else config
    kind, recipe_config = recipe_of(plan, recipe)
    root = root or plan["data"].get("root")
    data, stream = plan["data"]["name"] if data is None else data, plan["data"].get("streamed", False)
    with joined() as world, _own_random_numbers(), stopping.Stop(max_minutes) as stop:
        state = checkpoint.read(run, previous=previous)
        world.require_same({"the checkpoint's step": state["step"]})
        images = source.find(data, kind, recipe_config, root=root, stream=stream)
        now = _plan(kind, recipe_config, images, config, world)
        trainer = _trainer(kind, recipe_config, images, config, _device(device, world), world)
        _refuse_changes(run, state, now, trainer.recipe)
        with fitting(run):
            trainer.load_state_dict(state, state["processes"][world.rank])
        if world.is_main:
            run_folder.rewind(run, trainer.step, plan=now)
        return _train(Session(trainer, run, now, sessions=state["sessions"], show=show), stop)


def _train(session: Session, stop: stopping.Stop) -> Outcome:
    session.train(stop)
    steps, recipe = session.config.steps, session.trainer.recipe
    return Outcome(
        session.run,
        session.trainer.step,
        steps,
        session.metrics,
        extendable=_same_rates(recipe, steps, steps, 2 * steps),
    )


def _trainer(kind, recipe_config, images: source.Source, config: TrainConfig, device, world: World) -> Trainer:
    size, batch_size = recipe_config.size, world.share(recipe_config.batch_size)
    recipe = kind(recipe_config, image_shape=(images.channels, size, size), device=device, seed=config.seed)
    place = {"device": device, "rank": world.rank, "world": world.size}
    batches = images.batches(recipe_config, batch_size, seed=stream_seed(config.seed, ORDER), **place)
    examples = images.examples(size, device)
    return Trainer(recipe, batches, config, device=device, world=world, examples=examples)


def _plan(kind, recipe_config, images: source.Source, config: TrainConfig, world: World) -> dict:
    size = recipe_config.size
    recipe = {"name": kind.name, "config": asdict(recipe_config), "image_shape": [images.channels, size, size]}
    plan = {
        "format": FORMAT,
        "recipe": recipe,
        "data": images.plan,
        "training": asdict(config),
        "processes": world.size,
    }
    world.require_same({**recipe, **plan["training"], "the data's SHA-256": images.plan["sha256"]})
    return {**plan, "hash": fingerprint(plan)}


def _refuse_changes(run: Path, state: dict, now: dict, recipe) -> None:
    if found := differences(state["plan"], now):
        raise TrainingError(
            f"{run} was trained otherwise than it would be now, so it is not resumed: {'; '.join(found)}. "
            f"Put {run_folder.CONFIG} and the data back, or start a new run with another --out"
        )
    before, after = state["plan"]["training"]["steps"], now["training"]["steps"]
    if not _same_rates(recipe, state["step"], before, after):
        raise TrainingError(
            f"{run}: the learning rate of {now['recipe']['name']} decays toward the last step, so the "
            f"{state['step']} steps done toward {before} cannot become part of a run of {after}"
        )


def _same_rates(recipe, done: int, before: int, after: int) -> bool:
    """Whether the steps done had the learning rates that they would have in a run of another length."""
    factor = recipe.learning_rate_factor
    return all(factor(step, before) == factor(step, after) for step in range(done))


def _occupied(out: Path, plan: dict) -> TrainingError:
    found = differences(run_folder.read_config(out), plan)
    changed = f" with other options ({'; '.join(found)})" if found else ""
    return TrainingError(f"{out} holds a run already{changed}; go on with `ganedu resume {out}` or give another --out")


def _device(name, world: World) -> torch.device:
    return world.place(torch.device(name))


def _empty(out: Path) -> None:
    """Make the folder; what a run that was killed before its first step left there is of no use."""
    out.mkdir(parents=True, exist_ok=True)
    for name in (checkpoint.NAME, checkpoint.PREVIOUS, run_folder.METRICS):
        (out / name).unlink(missing_ok=True)


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """Leave PyTorch's global generators as they were: a notebook goes on after training as if nothing had happened."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield

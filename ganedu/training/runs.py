"""Start a run, resume it.

Taught in {ref}`training`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from ganedu.training import (
    checkpoint,
    comparing,
    cost,
    evaluation,
    health,
    options,
    ownership,
    run_folder,
    source,
    stopping,
)
from ganedu.training.config import TrainConfig, differences, fingerprint
from ganedu.training.device import named
from ganedu.training.distributed import World, joined
from ganedu.training.errors import TrainingError
from ganedu.training.loading import fitting, recipe_class, recipe_of
from ganedu.training.loop import Session
from ganedu.training.records import FORMAT
from ganedu.training.trainer import ORDER, Trainer, stream_seed
from ganedu.training.validation import a_few


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

    @property
    def remark(self) -> str:
        """One sentence if the last metrics are those of a game that is lost, else ""."""
        return health.remark(self.metrics)


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
    go_on=False,
) -> Outcome:
    """Train a recipe on data and leave everything in the folder `out`.

    recipe: a name of `ganedu.recipes.NAMES`, or a class with the same interface; recipe_config: its Config, the
    paper's if None. data, root, stream: see `ganedu.training.source.find`. config: TrainConfig.
    max_minutes: stop and save after that time. show: progress on stderr. go_on: if the folder has a run that was asked
    the same, resume it, to `config.steps`.
    Under torchrun every process calls this, and the run is theirs together.
    Raises TrainingError if the folder holds a run already, a loss is not finite or the disk is full; Interrupted after
    Ctrl-C; ValueError for data and configurations that do not fit.
    Taught in {ref}`training`.
    """
    if not str(out):
        raise ValueError('out is "", which means no folder; name one, "." for the one you are in')
    out, config, kind = Path(out), config or TrainConfig(), recipe_class(recipe)
    recipe_config = recipe_config or kind.Config()
    options.check(recipe_config)
    if config.evaluate_every and isinstance(data, str):  # before the pictures are read, which may take minutes
        _refuse_measuring(data, kind, config)
    with joined() as world, _own_random_numbers(), stopping.Stop(max_minutes) as stop:
        if go_on and world.tell((out / run_folder.CONFIG).is_file()):
            comparing.refuse_another(out, kind, recipe_config, config, data)
            given = {"recipe": None if isinstance(recipe, str) else recipe, "steps": config.steps, "root": root}
            return resume(out, data=data, device=device, max_minutes=max_minutes, show=show, **given)
        cost.refuse_batch(kind, recipe_config)
        images = source.find(data, kind, recipe_config, root=root, stream=stream)
        plan = _plan(kind, recipe_config, images, config, world)
        if (out / run_folder.CONFIG).is_file():
            raise _occupied(out, plan)
        ownership.refuse_foreign(out)
        trainer = _trainer(kind, recipe_config, images, config, _device(device, world), world)
        session = Session(trainer, out, plan, sessions=[], show=show)
        with ownership.only_one(out, world):
            _start(session, out, plan, world)
            return _train(session, stop)


def resume(
    run,
    *,
    recipe=None,
    data=None,
    steps=None,
    learning_rate=None,
    learning_rate_d=None,
    device="cpu",
    root=None,
    previous=False,
    at=None,
    max_minutes=None,
    show=True,
) -> Outcome:
    """Go on with a run from its checkpoint; it ends with the very weights of a run that was never stopped.

    recipe, data: for a run that was given a class or a tensor: the same again; data also for a folder of pictures that
    has moved: its new name. steps: a new last step, if the learning rates of the steps done do not depend on it.
    learning_rate, learning_rate_d: new ones from here on. previous, at: go back to the checkpoint before the last, or
    to that of step `at`, if it was kept; later ones are forgotten.
    What is not as it was and may change the last bits (threads, device, version) is told by a warning.
    Raises TrainingError if there is no run, another process has it, the checkpoint is damaged, or what would be trained
    now differs from what was trained before: the message lists the differences. Then no file is changed.
    Taught in {ref}`training`.
    """
    run = Path(run)
    run_folder.read_config(run)  # a folder without a run gets no lock
    with joined() as world, _own_random_numbers(), stopping.Stop(max_minutes) as stop, ownership.only_one(run, world):
        plan = run_folder.read_config(run)
        kind, recipe_config = recipe_of(plan, recipe)
        changed = comparing.changes(recipe_config, learning_rate=learning_rate, learning_rate_d=learning_rate_d)
        recipe_config = replace(recipe_config, **changed)
        options.check(recipe_config)
        state = checkpoint.read(run, previous=previous, at=at)
        config = _with_steps(run, TrainConfig(**plan["training"]), steps, state["step"])
        world.require_same({"the checkpoint's step": state["step"]})
        cost.refuse_batch(kind, recipe_config)
        images = _images(plan, kind, recipe_config, data, root)
        now = _plan(kind, recipe_config, images, config, world)
        trainer = _trainer(kind, recipe_config, images, config, _device(device, world), world)
        told = comparing.refuse_changes(run, state, plan, now, trainer.recipe)
        with fitting(run):
            trainer.load_state_dict(state, state["processes"][world.rank])
        session = Session(trainer, run, now, sessions=state["sessions"], show=show, changed=changed)
        if world.is_main:
            _tell(run, [*told, *comparing.changed_circumstances(state["sessions"], trainer.device)])
            ownership.rewind(run, trainer.step, plan=now, previous=previous, at=at)
        session.catch_up()
        return _train(session, stop)


def _refuse_measuring(name: str, kind, config: TrainConfig) -> None:
    try:
        evaluation.refuse(name, kind)
    except ValueError as error:
        raise ValueError(f"evaluate_every={config.evaluate_every} cannot be done: {error}") from None


def _start(session: Session, out: Path, plan: dict, world: World) -> None:
    """Write the first checkpoint of a run, and last of all its config.json: where that is, there is a run to resume."""
    problem = None
    if (out / run_folder.CONFIG).is_file() and world.is_main:  # another process was a moment faster
        problem = str(_occupied(out, plan))
    if problem := world.tell(problem):
        raise TrainingError(problem)
    try:
        if world.is_main:
            ownership.empty(out)
        session.save()
        if world.is_main:
            run_folder.write_json(out / run_folder.CONFIG, plan)
    except OSError as error:
        raise TrainingError(f"cannot start a run in {out}: {error.strerror or error}") from None


def _with_steps(run: Path, config: TrainConfig, steps: int | None, done: int) -> TrainConfig:
    if steps is None:
        return config
    if steps < done:
        raise TrainingError(f"{run} has done {done} steps already; --steps must be at least that, not {steps}")
    return replace(config, steps=steps)


def _images(plan: dict, kind, recipe_config, data, root) -> source.Source:
    """The images of a run, from where they were, or from the place that is given."""
    name, root = plan["data"]["name"], root or plan["data"].get("root")
    try:
        stream = plan["data"].get("streamed", False)
        return source.find(name if data is None else data, kind, recipe_config, root=root, stream=stream)
    except ValueError as error:
        moved = data is None and ":" in name
        hint = f"; if the pictures have moved, say where they are: --data {name.partition(':')[0]}:PATH"
        raise ValueError(f"{error}{hint if moved else ''}") from None


def _tell(run: Path, sentences: list[str]) -> None:
    for sentence in sentences:
        warnings.warn(f"{run}: {sentence}", stacklevel=3)


def _train(session: Session, stop: stopping.Stop) -> Outcome:
    session.train(stop)
    steps, recipe = session.config.steps, session.trainer.recipe
    return Outcome(
        session.run,
        session.trainer.step,
        steps,
        session.metrics or next(iter(run_folder.read_metrics(session.run)[-1:]), {}),
        extendable=comparing.same_rates(recipe, steps, steps, 2 * steps),
    )


def _trainer(kind, recipe_config, images: source.Source, config: TrainConfig, device, world: World) -> Trainer:
    size, batch_size = recipe_config.size, world.share(recipe_config.batch_size)
    recipe = cost.build(kind, recipe_config, images.for_recipe(size), device=device, seed=config.seed)
    place = {"device": device, "rank": world.rank, "world": world.size}
    batches = images.batches(recipe_config, batch_size, seed=stream_seed(config.seed, ORDER), **place)
    examples = images.examples(size, device)
    return Trainer(recipe, batches, config, device=device, world=world, examples=examples)


def _plan(kind, recipe_config, images: source.Source, config: TrainConfig, world: World) -> dict:
    facts = {name: list(value) for name, value in images.for_recipe(recipe_config.size).items()}
    recipe = {"name": kind.name, "config": asdict(recipe_config), "kind": kind.Batch.kind}
    recipe |= {"image_shape": facts.pop("image_shape"), "details": facts}
    plan = {
        "format": FORMAT,
        "recipe": recipe,
        "data": images.plan,
        "training": asdict(config),
        "processes": world.size,
    }
    world.require_same({**recipe, **plan["training"], "the data's SHA-256": images.plan["sha256"]})
    return {**plan, "hash": fingerprint(plan)}


def _occupied(out: Path, plan: dict) -> TrainingError:
    found = differences(run_folder.read_config(out), plan)
    changed = f" with other options ({a_few(found)})" if found else ""
    return TrainingError(f"{out} holds a run already{changed}; go on with `ganedu resume {out}` or give another --out")


def _device(name, world: World) -> torch.device:
    return world.place(named(name))


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """Leave PyTorch's global generators as they were: a notebook goes on after training as if nothing had happened."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield

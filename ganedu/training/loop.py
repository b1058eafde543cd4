"""The loop: step, look, write, save, and stop when asked.

Taught in {ref}`training`.
"""

import math
import time
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from ganedu.training import checkpoint, evaluation, run_folder, stopping
from ganedu.training.config import fingerprint
from ganedu.training.errors import Interrupted, TrainingError, cannot_write
from ganedu.training.progress import Progress
from ganedu.training.trainer import Trainer

SAMPLES = 64
PLAYERS = {"d": "the discriminator", "g": "the generator"}


class Session:
    """One go at a run, from the step where `trainer` stands to the last, a signal, or the end of the time given.

    run: its folder; plan: its config.json; sessions: those before this one, as provenance.json lists them.
    changed: options that from now on are others than before.
    Raises ValueError if the run is to measure its generator (`evaluate_every`) and its data do not allow that.
    Taught in {ref}`training`.
    """

    def __init__(
        self, trainer: Trainer, run: Path, plan: dict, *, sessions: list[dict], show: bool, changed: dict | None = None
    ):
        self.trainer, self.run, self.plan, self.before = trainer, run, plan, sessions
        self.world, self.config, self.changed = trainer.world, trainer.config, changed or {}
        self.show = show and self.world.is_main
        self.pending: list[dict[str, Tensor]] = []  # scalars of the steps since the last row, still on the device
        self.first = self.saved = trainer.step
        self.started = self.row_started = time.monotonic()
        self.metrics: dict[str, float] = {}
        self.board = None
        self.evaluator = self._evaluator() if self.config.evaluate_every else None

    def train(self, stop: stopping.Stop) -> int:
        """Train until the last step or a reason to stop, which is returned.

        Raises Interrupted after a signal, TrainingError for a loss that is not finite or a disk that is full.
        """
        left = self.first < self.config.steps
        self.board = _tensorboard(self.run, self.first) if self.world.is_main and left else None
        self.progress = Progress(step=self.first, steps=self.config.steps, shown=self.show)
        try:
            if self.world.is_main:
                evaluation.rewind(self.run, self.first)
            reason = self._steps(stop)
        except OSError as error:
            raise cannot_write(self.run, self.saved, error) from None
        finally:
            self.progress.close()
            if self.board:
                self.board.close()
        if reason == stopping.SIGNALED:
            raise Interrupted(f"stopped and saved at step {self.trainer.step}; go on with `ganedu resume {self.run}`")
        return reason

    def save(self) -> None:
        """Write the checkpoint, the generator for others, and the provenance."""
        if bad := self.trainer.not_finite():
            raise self._not_finite(self.trainer.step, f"a weight of the {bad}")
        owns = self.world.gather(self.trainer.own_state())
        if self.world.is_main:
            sessions = [*self.before, self._session()]
            state = {**self.trainer.state_dict(), "processes": owns, "sessions": sessions}
            checkpoint.save(self.run, {**state, "plan": self.plan, "hash": fingerprint(self.plan)})
            config = self.config
            checkpoint.keep(self.run, self.trainer.step, last=config.keep_last, every=config.keep_every)
            self._write_companions(sessions)
        self.saved = self.trainer.step

    def catch_up(self) -> None:
        """Give the files beside the checkpoint its step: a kill may have come between it and them.

        Raises TrainingError if they cannot be written.
        """
        if self.world.is_main:
            try:
                self._write_companions(self.before)
            except OSError as error:
                raise cannot_write(self.run, self.first, error) from None

    def _write_companions(self, sessions: list[dict]) -> None:
        self._write_weights(run_folder.WEIGHTS)
        record = run_folder.provenance(
            device=self.trainer.device, seed=self.config.seed, processes=self.world.size, sessions=sessions
        )
        run_folder.write_json(self.run / run_folder.PROVENANCE, record)

    def _steps(self, stop: stopping.Stop) -> int:
        config, trainer, reason = self.config, self.trainer, stopping.RUNNING
        while trainer.step < config.steps and not reason:
            self.pending.append(trainer.advance())
            self.progress.advance()
            logging = trainer.step % config.log_every == 0 or trainer.step == config.steps
            if self.world.size == 1 or logging:  # several processes must agree, which costs a message
                reason = self.world.agree(stop.reason())
            last = trainer.step == config.steps or reason
            keeping = config.keep_every and trainer.step % config.keep_every == 0
            saving = trainer.step % config.checkpoint_every == 0 or keeping or last
            if logging or saving:
                self._log()
            if trainer.step % config.sample_every == 0 or trainer.step == config.steps:
                self._draw()
            if self.evaluator and (trainer.step % config.evaluate_every == 0 or trainer.step == config.steps):
                self._evaluate()
            if saving:  # last: what a kill leaves undone above is done again after a resume
                self.save()
        return reason

    def _log(self) -> None:
        """Read the scalars of all steps since the last row at once: the only place where the host waits."""
        if not self.pending:
            return
        names = list(self.pending[0])
        table = torch.stack([torch.stack([row[name].float() for name in names]) for row in self.pending]).cpu()
        first = self.trainer.step - len(self.pending)
        self.pending = []
        self._check(table, names, first)
        self.metrics = dict(zip(names, table.double().mean(0).tolist(), strict=True))
        now = time.monotonic()
        speed = len(table) * self.trainer.images_a_step / max(now - self.row_started, 1e-9)
        self.row_started = now
        if self.world.is_main:
            seconds = round(self._seconds_before() + now - self.started, 3)
            row = {"step": self.trainer.step, **self.metrics, "images_per_second": round(speed, 1), "seconds": seconds}
            run_folder.append_metrics(self.run, row)
            if self.board:
                for name, value in self.metrics.items():
                    self.board.add_scalar(name, value, self.trainer.step)
        self.progress.show(self.trainer.step, self.metrics, now - self.started)

    def _check(self, table: Tensor, names: list[str], first: int) -> None:
        finite = table.isfinite()
        if not finite.all():
            row, column = (~finite).nonzero()[0].tolist()
            name, value = names[column], float(table[row, column])
            player = PLAYERS.get(name.rpartition("_")[2])
            self.world.agree(1)
            raise self._not_finite(first + row + 1, f"{name}{f' of {player}' if player else ''}", value)
        if self.world.agree(0):
            raise self._not_finite(self.trainer.step, "a loss of another process")

    def _not_finite(self, step: int, what: str, value: float = math.nan) -> TrainingError:
        kind = "infinite" if math.isinf(value) else "not a number"
        if self.world.is_main:
            with suppress(OSError):  # a full disk is not what went wrong first
                run_folder.append_metrics(self.run, {"step": step, "stopped": f"{what} is {kind}"})
        return TrainingError(
            f"step {step}: {what} is {kind}; the last good checkpoint is "
            f"{self.run / checkpoint.NAME} of step {self.saved}. A smaller learning rate, another seed or fp32 may help"
        )

    def _draw(self) -> None:
        if self.world.is_main:
            path = self.run / "samples" / f"step_{self.trainer.step:06d}.png"
            images = self.trainer.sample(SAMPLES)
            run_folder.write_samples(path, images)
            if self.board:
                self.board.add_image("samples", run_folder.sheet(images), self.trainer.step, dataformats="HWC")

    def _evaluator(self):
        """What measures the generator, on rank 0; the others wait for it, and refuse with it."""
        found, problem = None, None
        if self.world.is_main:
            try:
                found = evaluation.evaluator(self.plan, type(self.trainer.recipe), n=self.config.evaluate_images)
            except ValueError as error:
                problem = str(error)
        if problem := self.world.tell(problem):
            raise ValueError(f"evaluate_every={self.config.evaluate_every} cannot be done: {problem}")
        return found

    def _evaluate(self) -> None:
        """Measure the generator as samples show it; the speed in the next row of metrics does not count this time."""
        began, trainer = time.monotonic(), self.trainer
        if bad := trainer.not_finite():
            raise self._not_finite(trainer.step, f"a weight of the {bad}")
        about = {"step": trainer.step, "averaged": bool(trainer.average), "names": (self.evaluator.criterion,)}
        found = self.evaluator.measure(trainer.recipe, generator=self._generator(), **about)
        _, best = evaluation.final_and_best(evaluation.add(self.run, found), found)
        name, value = found.criterion, found.values[found.criterion]
        if best.step == found.step:
            self._write_weights(evaluation.BEST, **{name: value})
        if self.board:
            self.board.add_scalar(name, value, trainer.step)
        self.row_started += time.monotonic() - began

    def _generator(self) -> nn.Module:
        average = self.trainer.average
        return average.network if average else self.trainer.recipe.networks["generator"]

    def _write_weights(self, name: str, **more) -> None:
        ema = bool(self.trainer.average)
        about = {"recipe": self.trainer.recipe.name, "step": self.trainer.step, "ema": ema, **more}
        run_folder.write_weights(self.run / name, self._generator().state_dict(), about=about)

    def _seconds_before(self) -> float:
        return sum(session["seconds"] for session in self.before)

    def _session(self) -> dict:
        seconds = round(time.monotonic() - self.started, 3)
        about = {"from_step": self.first, "to_step": self.trainer.step, "seconds": seconds}
        return about | circumstances(self.trainer.device) | ({"changed": self.changed} if self.changed else {})


def circumstances(device: torch.device) -> dict:
    """What besides the plan decides the last bits of the weights, as a session's record keeps it.

    Taught in {ref}`training`.
    """
    name = run_folder.device_name(device)
    return {"threads": torch.get_num_threads(), "device": name, "torch": str(torch.__version__)}


def _tensorboard(run: Path, step: int):
    """A writer of TensorBoard events, None if tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(run), purge_step=step + 1 if step else None)

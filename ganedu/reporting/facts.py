"""What a run's folder says about it, read once.

Taught in {ref}`training`.
"""

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ganedu import recipes
from ganedu.reporting import command, neighbors, sheets
from ganedu.training import evaluation, run_folder
from ganedu.training.errors import TrainingError
from ganedu.training.progress import seconds_to_text
from ganedu.training.records import read_json
from ganedu.training.source import EXAMPLES, TENSOR


@dataclass(frozen=True)
class Facts:
    """A run, opened for a report.

    plan: its config.json; rows: of metrics.jsonl. Everything else is read when it is asked for.
    patient: also read what takes longer than seconds, as `ganedu.reporting.neighbors.training_images` has it.
    Raises TrainingError, when made by `read`, for a folder without a run.
    Taught in {ref}`training`.
    """

    run: Path
    plan: dict
    rows: list[dict]
    patient: bool = True

    @classmethod
    def read(cls, run, *, patient: bool = True) -> "Facts":
        """The facts of the run in a folder."""
        run = Path(run)
        return cls(run, run_folder.read_config(run), run_folder.read_metrics(run), patient)

    @cached_property
    def provenance(self) -> dict:
        """What provenance.json holds; nothing if it is not there, damaged or of another kind."""
        try:
            found = read_json(self.run / run_folder.PROVENANCE)
        except TrainingError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def recipe(self) -> str:
        """The name of the recipe."""
        return self.plan["recipe"]["name"]

    @property
    def config(self) -> dict:
        """The options of the recipe, as they were given."""
        return self.plan["recipe"]["config"]

    @property
    def kind(self):
        """The recipe's class, None for one that was given from Python."""
        return recipes.get(self.recipe) if self.recipe in recipes.NAMES else None

    @property
    def translations(self) -> tuple[tuple[int, int], ...]:
        """Rows of a sheet: of what was given, and of what was made of it; none of a run that draws from noise."""
        return getattr(self.kind, "translations", ())

    def rows_of(self, images) -> list:
        """The rows of a sheet of this run, as `ganedu.reporting.sheets.rows` gives them."""
        counts = self.plan["data"]["images"]
        examples = min([EXAMPLES, *(counts if isinstance(counts, list) else [counts])])
        return sheets.rows(images, getattr(self.kind, "sheet_rows", ()), examples)

    @property
    def steps(self) -> tuple[int, int]:
        """The steps done and those that are wanted."""
        done = max([0, *(row["step"] for row in self.rows), *sheets.find(self.run)])
        return done, self.plan["training"].get("steps", done)

    @property
    def title(self) -> str:
        """Recipe and data in a few words."""
        return f"{self.recipe} on {self.plan['data']['name']}"

    @property
    def command(self) -> str | None:
        """The line that makes this run again; see `ganedu.reporting.command.command`."""
        device = self.provenance.get("device", "")
        return command.command(self.plan, device if isinstance(device, str) else "")

    @property
    def wall_time(self) -> str:
        """How long it took, all sessions together."""
        seconds = self.provenance.get("wall_seconds")
        return seconds_to_text(seconds) if type(seconds) in (int, float) else "?"

    def measured(self) -> list:
        """The reports of evaluation.json."""
        return evaluation.stored(self.run)

    @property
    def side(self) -> int:
        """Pixels of a side of an image."""
        return self.plan["recipe"]["image_shape"][-1]

    @cached_property
    def last_sheet(self):
        """Step, file and images of the last sheet, see `ganedu.reporting.sheets.read`; None if none was drawn."""
        found = sheets.find(self.run)
        if not found:
            return None
        step, path = list(found.items())[-1]
        return step, path, sheets.read(path, self.side)

    @cached_property
    def training_images(self):
        """The images it learned from; see `ganedu.reporting.neighbors.training_images`."""
        return neighbors.training_images(self.plan, patient=self.patient)

    def next_commands(self) -> list[str]:
        """How to go on with it, draw from it, and measure it."""
        run, (done, steps) = shlex.quote(str(self.run)), self.steps
        resume = f"ganedu resume {run}" + (f" --steps {2 * steps}" if done >= steps else "")
        if self.recipe not in recipes.NAMES:
            return []
        named = self.plan["data"]["name"] != TENSOR
        if self.translations:
            return [*([resume] if named else []), f"ganedu translate {run} FOLDER NEW_FOLDER"]
        sample = f"ganedu sample {run} --n 64 --seed 1"
        return [resume, sample, f"ganedu evaluate {run}"] if named else [sample]

    def circumstances(self) -> list[tuple[str, str]]:
        """Commit, versions, device, seed and wall time, as names and words."""
        record, training = self.provenance, self.plan["training"]
        packages = record.get("packages") if isinstance(record.get("packages"), dict) else {}
        versions = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
        device = record.get("device", "?")
        facts = {
            "commit": record.get("commit") or "not from a checkout",
            "versions": f"ganedu {record.get('ganedu', '?')}, Python {record.get('python', '?')}, {versions}",
            "machine": record.get("platform", "?"),
            "device": ", then ".join(map(str, device)) if isinstance(device, list) else device,
            "processes": self.plan["processes"],
            "threads": record.get("threads", "?"),
            "seed": training.get("seed", "?"),
            "wall time": f"{self.wall_time} ({len(self.sessions)} session{'s' if len(self.sessions) != 1 else ''})",
            "data": f"{self.plan['data']['name']}, SHA-256 {self.plan['data']['sha256']}",
        }
        facts |= {f"changed at step {at}": words for at, words in self.changes()}
        return [(name, str(value)) for name, value in facts.items()]

    @property
    def sessions(self) -> list[dict]:
        """The goes that the run took."""
        found = self.provenance.get("sessions")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def changes(self) -> list[tuple[int, str]]:
        """Options that were changed on the way, with the step."""
        found = [(each.get("from_step", 0), each.get("changed")) for each in self.sessions]
        return [(at, ", ".join(f"{n} = {v}" for n, v in new.items())) for at, new in found if isinstance(new, dict)]

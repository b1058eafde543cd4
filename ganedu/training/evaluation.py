"""Measure what a run made, and keep the numbers with their protocol.

Taught in {ref}`ch-evaluation`.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ganedu import _memory, data
from ganedu.data import kinds
from ganedu.training import checkpoint, run_folder
from ganedu.training.errors import TrainingError
from ganedu.training.loading import load, recipe_class
from ganedu.training.run_folder import BEST, RESULTS, step_of
from ganedu.training.source import TENSOR

LOCK = ".evaluation.lock"
SPLIT = "test"
CHUNK = 500
BYTES_A_PIXEL = 10  # of a generated image: as drawn, joined, as bytes
PATIENCE = 60  # seconds, for others that write a file of kilobytes


def evaluator(plan: dict, kind, **options):
    """What measures the runs of a recipe: `Evaluator`, or for pairs `PairEvaluator`, with the same `measure`.

    options: those of both.
    Taught in {ref}`ch-evaluation` and {ref}`ch-paired-translation`.
    """
    from ganedu.training.pair_evaluation import PairEvaluator

    refuse(plan["data"]["name"], kind)
    return (PairEvaluator if kind.Batch is kinds.Pairs else Evaluator)(plan, kind, **options)


class Evaluator:
    """Compares generators of one run with its real images, which are read once.

    plan: the run's config.json; kind: its recipe's class; n: generated images to compare with; split: of the real ones;
    root: folder of downloaded sets, the run's if None; cache: folder of the feature networks, see
    `ganedu.metrics.features.network`.
    criterion: the number by which the best generator is chosen.
    Raises ValueError for too few images; what cannot be measured at all is for `refuse`.
    Taught in {ref}`ch-evaluation`.
    """

    criterion = "frechet_distance"

    def __init__(self, plan: dict, kind, *, n: int, split: str = SPLIT, root=None, cache=None):
        from ganedu.metrics import features, report

        name, (_, *size) = plan["data"]["name"], plan["recipe"]["image_shape"]
        root = root or plan["data"].get("root")
        pixels = n * math.prod(plan["recipe"]["image_shape"])
        _memory.require(BYTES_A_PIXEL * pixels, f"comparing {n} generated images", "generate fewer")
        network = features.network(name, root=root, cache=cache)
        # The generator has learned images of its own size: without this the resampling would be measured.
        real = data.load(name, split, root, size=size[0]).images
        self.n, self.reference = n, report.Reference(network, real, split=split)
        if min(n, len(real)) <= features.WIDTH:  # known before a step is trained
            raise ValueError(
                f"{n} generated and {len(real)} real images ({name}, {split}) are too few for "
                f"{features.WIDTH} features; give more of each than features"
            )

    def measure(self, recipe, *, seed: int = 0, generator=None, **about):
        """Report on `n` images of `recipe`, drawn by `generator` if one is given; `about` goes to `Reference.report`.

        No random numbers but those of `seed` are used, and the networks stay as they are.
        """
        random = torch.Generator(next(recipe.networks["generator"].parameters()).device).manual_seed(seed)
        counts = [min(CHUNK, self.n - i) for i in range(0, self.n, CHUNK)]
        fake = torch.cat([recipe.sample(count, random, generator=generator).float().cpu() for count in counts])
        return self.reference.report(fake, **about)

    def remarks(self) -> list[str]:
        """What else one should know to read the numbers: nothing."""
        return []


def refuse(name: str, kind) -> None:
    """Raises ValueError for data and recipes whose images cannot be measured; opens no picture.

    name: of the data; kind: the recipe's class.
    Taught in {ref}`ch-evaluation`.
    """
    if kind.Batch is kinds.Unpaired:
        raise ValueError(f"{kind.name} learns without partners, so nobody knows what its translations should be")
    if kind.Batch.sides != 2:
        raise ValueError(f"{kind.name} makes voxels, but the feature networks see pictures")
    if name == TENSOR:
        raise ValueError("images without a name have no test split; use ganedu.metrics with them instead")
    if kind.Batch is kinds.Pairs:
        return
    if name.startswith(data.FOLDER):
        path = name.removeprefix(data.FOLDER)
        if data.folder.listing(path, "train").labels is None:
            raise ValueError(f"{name} has no classes to train a feature network on; use the network of a set that has")
        data.folder.listing(path, SPLIT)


def evaluate(
    run, *, n=2000, split=SPLIT, seed=0, ema=True, device="cpu", previous=False, at=None, root=None, cache=None
) -> str:
    """Measure n generated images against the real ones of a split, add the report to evaluation.json, and return it.

    Of a recipe of pairs, measure what is made of the first n inputs against their partners. The text gives the numbers
    of this step, their protocol, and the best one measured by it so far.
    cache: folder of the feature networks, as for `ganedu.metrics.features.network`.
    Raises ValueError for data sets and recipes that `refuse` does, and for too few images.
    Taught in {ref}`ch-evaluation` and {ref}`ch-paired-translation`.
    """
    run = Path(run)
    plan, step = run_folder.read_config(run), checkpoint.read(run, previous=previous, at=at)["step"]
    averaged = ema and plan["training"]["ema"] > 0
    judge = evaluator(plan, recipe_class(plan["recipe"]["name"]), n=n, split=split, root=root, cache=cache)
    recipe = load(run, device=device, ema=ema, previous=previous, at=at)
    found = judge.measure(recipe, seed=seed, step=step, averaged=averaged)
    _, best = final_and_best(add(run, found), found)
    return "\n".join([text(found, best), *judge.remarks()])


def add(run: Path, found) -> list:
    """Add a report to evaluation.json; returns all that it then holds.

    Raises TrainingError if the file is damaged.
    Taught in {ref}`ch-evaluation`.
    """
    with _alone(run):
        reports = [*stored(run), found]
        _write(run, reports)
    return reports


def rewind(run: Path, step: int) -> None:
    """Forget what was measured after `step`, and the best generator if it is later: the run is about to do it again.

    Taught in {ref}`training`.
    """
    if (run / RESULTS).exists():
        with _alone(run):
            reports = stored(run)
            kept = [report for report in reports if report.step <= step]
            if len(kept) < len(reports):
                _write(run, kept)
    if (run / BEST).exists() and step_of(run / BEST) > step:
        (run / BEST).unlink()


def final_and_best(reports: list, like) -> tuple:
    """`ganedu.metrics.report.final_and_best` among the reports with the protocol and the kind of weights of `like`.

    Taught in {ref}`ch-evaluation`.
    """
    from ganedu.metrics import report

    kind = (like.protocol, like.averaged)
    return report.final_and_best([each for each in reports if (each.protocol, each.averaged) == kind], like.criterion)


def summary(run: Path) -> str:
    """The final and the best number that a run measured on its way, "" for a run that was not asked to.

    Taught in {ref}`training`.
    """
    training = run_folder.read_config(run)["training"]
    reports = _own(stored(run), training)
    if not training["evaluate_every"] or not reports:
        return ""
    final, best = final_and_best(reports, reports[-1])
    told = [f"{each.values[final.criterion]:.4f} at step {each.step}" for each in (final, best)]
    there = (run / BEST).exists() and step_of(run / BEST) == best.step
    return f"{final.criterion}: final {told[0]}, best {told[1]}" + (f", kept in {run / BEST}" if there else "")


def _own(reports: list, training: dict) -> list:
    """Those that the run made on its way: of as many images as asked for, of pairs of all if there are fewer."""
    from ganedu.metrics.report import PIXELS

    asked, kind = training["evaluate_images"], (SPLIT, training["ema"] > 0)
    alike = [each for each in reports if (each.protocol.split, each.averaged) == kind and each.protocol.n_fake <= asked]
    pairs = max((each.protocol.n_fake for each in alike if each.protocol.features == PIXELS), default=asked)
    return [each for each in alike if each.protocol.n_fake == pairs]


@contextmanager
def _alone(run: Path) -> Iterator[None]:
    """Nobody else reads and rewrites the reports of a run meanwhile: several may evaluate it, also while it trains."""
    from filelock import FileLock, Timeout  # torch depends on it

    try:
        with FileLock(run / LOCK, timeout=PATIENCE):
            yield
    except Timeout:
        raise TrainingError(f"another process has held {run / LOCK} for {PATIENCE} s; end it and try again") from None


def _write(run: Path, reports: list) -> None:
    run_folder.write_json(run / RESULTS, {"reports": [each.record() for each in reports]})


def stored(run: Path) -> list:
    """The reports in evaluation.json, as `ganedu.metrics.report.Report`; none if the run was never measured.

    Raises TrainingError if the file is damaged.
    Taught in {ref}`ch-evaluation`.
    """
    from ganedu.metrics import report

    path = run / RESULTS
    if not path.exists():
        return []
    try:
        return [report.Report.from_record(record) for record in json.loads(path.read_text())["reports"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise TrainingError(f"{path} is damaged ({error}); delete it and evaluate again") from None


def protocol_in_words(found) -> str:
    """How a report's numbers were measured, and of which weights.

    Taught in {ref}`ch-evaluation`.
    """
    from ganedu.metrics.report import PIXELS

    protocol = found.protocol
    weights = "averaged generator" if found.averaged else "last generator"
    size = f" of {' x '.join(map(str, protocol.size))} pixels" if protocol.size else ""
    if protocol.features == PIXELS:
        return f"{weights}; {protocol.n_fake} pairs{size} ({protocol.data}, {protocol.split}), pixel by pixel"
    counts = f"{protocol.n_fake} generated and {protocol.n_real} real images{size}"
    return f"{weights}; {counts} ({protocol.data}, {protocol.split}); features {protocol.features}"


def text(found, best) -> str:
    """A report in lines: each number with its direction, then the protocol, then the best number so far.

    Taught in {ref}`ch-evaluation`.
    """
    from ganedu.metrics.report import direction

    lines = [f"{name:18} {value:.4f}  {direction(name)}" for name, value in found.values.items()]
    lines.append(f"step {found.step}, {protocol_in_words(found)}")
    lines.append(f"best {found.criterion} so far: {best.values[found.criterion]:.4f} at step {best.step}")
    return "\n".join(lines)

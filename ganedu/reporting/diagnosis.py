"""What ails a run, from the numbers and the samples that it left.

Every finding names the number that it rests on, the threshold, and the chapter that explains it. The thresholds lie
between what healthy miniatures of the recipes showed and what runs that were made to fail did; they are stated beside
each. What the numbers cannot tell is said as well.
Taught in {ref}`training`.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ganedu._toc import chapter
from ganedu.reporting import curves, neighbors
from ganedu.reporting.facts import Facts
from ganedu.training import health
from ganedu.training.errors import TrainingError

ENOUGH = 10  # rows of metrics.jsonl, to judge a run at all
ENOUGH_FOR_WAVES = 45  # rows: in fewer, noise looks like a wave too often
WON = 0.05  # of the undecided loss. Healthy: 0.54 and more; a generator that stands still: below 0.001
WAVE, HEIGHT = 0.55, 0.05  # see `_oscillation`. Healthy: up to 0.42; Adam with beta1 = 0.9: 0.8 and 0.14
ALIKE = 0.4  # of the spread of real images. Healthy: 0.86 and more; collapsed: 0.25 and less
RECALL = 0.05  # Healthy: 0.55 and more; collapsed: 0
MOVED, SURE = 0.3, 4  # of the undecided loss, and in standard errors. Healthy: up to 0.2 and 3
UNTOLD = "not told by what is here: whether"
BETTER = 0.05  # of a Fréchet distance: what the next measurement would probably bring as well


@dataclass(frozen=True)
class Finding:
    """One thing that ails a run: its name, the number, the threshold, where it is explained, what helps.

    Taught in {ref}`training`.
    """

    name: str
    number: str
    threshold: str
    chapter: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}: {self.number}; {self.threshold}. See {self.chapter}. {self.remedy}."


def diagnose(facts: Facts) -> tuple[list[Finding], list[str]]:
    """What ails a run, none if nothing does, and sentences on what could not be told, with what is needed for it.

    Taught in {ref}`training`.
    """
    rows = [row for row in facts.rows if "stopped" not in row]
    if broken := _broken(facts, rows):
        return [broken], []
    if len(rows) < ENOUGH:
        return [], [f"{len(rows)} rows of metrics.jsonl are too few to judge; {ENOUGH} are needed, see --log-every"]
    collapse, unknown = _collapse(facts)
    found = [_won(facts, rows), _oscillation(facts, rows), collapse, _moving(facts, rows)]
    return [each for each in found if each], unknown


def in_words(facts: Facts) -> list[str]:
    """The diagnosis in sentences; the first is "fine" where nothing is wrong.

    Taught in {ref}`training`.
    """
    found, unknown = diagnose(facts)
    if found or len(facts.rows) < ENOUGH:
        return [*map(str, found), *unknown]
    values, ideal = _numbers(facts.rows, "loss_d"), curves.ideal("loss_d", facts.config, facts.recipe)
    if not len(values):
        return ["no loss_d was logged, and nothing can be told of the game", *unknown]
    told = f"fine: loss_d is {values[-max(1, len(values) // 5) :].mean():.3f} over the last fifth of the run"
    return [told + (f", {ideal[0]:.3f} would be undecided" if ideal else ""), *unknown]


def _broken(facts: Facts, rows: list[dict]) -> Finding | None:
    remedy = "A smaller learning rate, a penalty or another loss may help, from the start or with --previous"
    stopped = next((row for row in facts.rows if "stopped" in row), None)
    if stopped:
        number = f"at step {stopped['step']} {stopped['stopped']}"
        return Finding("diverged", number, "no finite number counts any more", chapter("ch-game-dynamics"), remedy)
    for name, value in (rows[-1] if rows else {}).items():
        judged = (name in ("d_real", "d_fake") or name.startswith("loss")) and type(value) in (int, float)
        if judged and not abs(value) <= health.BEYOND:
            number, threshold = f"{name} is {value:.1e}", f"a game that goes on stays within {health.BEYOND:.0e}"
            return Finding("diverged", number, threshold, chapter("ch-game-dynamics"), remedy)
    return None


def _won(facts: Facts, rows: list[dict]) -> Finding | None:
    ideal = curves.ideal("loss_d", facts.config, facts.recipe)
    values = _numbers(rows, "loss_d")
    if not ideal or not ideal[0] or not len(values):  # a critic never wins: its loss has no bound
        return None
    last = values[-max(1, len(values) // 5) :].mean()
    share = last / ideal[0]
    if share >= WON:
        return None
    number = f"loss_d is {last:.4f} over the last fifth of the run, {share:.1%} of {ideal[0]:.3f}"
    threshold = f"below {WON:.0%} of the loss of an undecided one, hardly a sample is mistaken"
    where = f"{chapter('ch-generator-loss')} and {chapter('ch-disjoint-supports')}"
    remedy = "A smaller --learning-rate-d, a larger --learning-rate, or a critic with a penalty (wgan-gp) may help"
    return Finding("the discriminator has won", number, threshold, where, remedy)


def _oscillation(facts: Facts, rows: list[dict]) -> Finding | None:
    """A wave repeats itself after a period and is upside down within it: the smaller of both correlations, of loss_d.

    The first third of the run is left out, and a straight line is taken away.
    """
    values = _numbers(rows, "loss_d")
    if len(values) < ENOUGH_FOR_WAVES:
        return None
    strength, lag, height = wave(values[len(values) // 3 :])
    height /= _scale(facts, values)
    if strength < WAVE or height < HEIGHT:
        return None
    period = lag * (rows[-1]["step"] - rows[0]["step"]) / (len(rows) - 1)
    number = (
        f"loss_d repeats itself every {period:.0f} steps, with correlation {strength:.2f} and {height:.0%} of swing"
    )
    threshold = f"from {WAVE} and {HEIGHT:.0%} on it is no noise"
    remedy = "Less momentum (--beta1 0.5 or 0), smaller learning rates or a penalty may help"
    return Finding("oscillation", number, threshold, chapter("ch-game-dynamics"), remedy)


def wave(values: np.ndarray) -> tuple[float, int, float]:
    """How much a series is a wave, at which period in rows, and its standard deviation, without its linear trend.

    The first is 1 for a pure wave and near 0 for noise: at the best period the autocorrelation, or what it is below 0
    before, if that is less.
    Taught in {ref}`ch-game-dynamics`.
    """
    n, time = len(values), np.arange(len(values))
    rest = values - np.polyval(np.polyfit(time, values, 1), time)
    height = rest.std()
    if height <= 1e-9 * np.abs(values).max():
        return 0.0, 0, 0.0
    alike = np.array([(rest[: n - lag] * rest[lag:]).mean() for lag in range(n // 3)]) / height**2
    strength, lag = max(((min(alike[lag], -alike[:lag].min()), lag) for lag in range(3, n // 3)), default=(0.0, 0))
    return float(strength), lag, float(height)


def _collapse(facts: Facts) -> tuple[Finding | None, list[str]]:
    name, where = "mode collapse, or samples that have not spread out yet", chapter("ch-first-gan")
    remedy = "Train longer, or take a smaller --learning-rate, a critic (wgan-gp) or another seed"
    if facts.translations:
        return None, []
    recall = _recall(facts)
    if recall is not None and recall < RECALL:
        number = f"recall is {recall:.3f} of the real images"
        return Finding(name, number, f"below {RECALL} most of them are never made", where, remedy), []
    unknown = (
        []
        if recall is not None
        else [f"{UNTOLD} some kinds of images are never made: `ganedu evaluate` measures it, as recall"]
    )
    try:
        share, apart = _spread(facts)
    except ValueError as error:
        return None, [*unknown, f"{UNTOLD} all samples are alike: {error}"]
    if share >= ALIKE:
        return None, unknown
    number = f"samples of the last sheet are {apart:.3f} apart on average, pixel by pixel, {share:.0%} of real images"
    return Finding(name, number, f"below {ALIKE:.0%} they are too much alike", where, remedy), unknown


def _recall(facts: Facts) -> float | None:
    try:
        found = [each for each in facts.measured() if "recall" in each.values]
    except TrainingError:
        return None
    return max(found, key=lambda each: each.step).values["recall"] if found else None


def _spread(facts: Facts) -> tuple[float, float]:
    """Mean distance between two samples of the last sheet, as a share of that of real images, and as it is."""
    if facts.last_sheet is None:
        raise ValueError("no sheet of samples was drawn yet, see --sample-every")
    made = torch.from_numpy(facts.last_sheet[2].copy()).permute(0, 3, 1, 2)
    real = facts.training_images
    few = real[:: max(1, len(real) // len(made))][: len(made)]
    apart = neighbors.spread(made)
    return apart / max(neighbors.spread(few), 1e-9), apart


def _moving(facts: Facts, rows: list[dict]) -> Finding | None:
    """Whether the end differs from shortly before: the Fréchet distance if it was measured, else loss_d."""
    name, where, remedy = "not converged yet", chapter("ch-evaluation"), "Train longer: ganedu resume with more --steps"
    try:
        reports = [each for each in facts.measured() if "frechet_distance" in each.values]
    except TrainingError:
        reports = []
    alike = [each for each in reports if (each.protocol, each.averaged) == (reports[-1].protocol, reports[-1].averaged)]
    if len(alike) >= 3:
        *_, before, last = (each.values["frechet_distance"] for each in sorted(alike, key=lambda each: each.step))
        if last > (1 - BETTER) * before:
            return None
        number = f"the Fréchet distance fell from {before:.2f} to {last:.2f} between the last two measurements"
        return Finding(name, number, f"a fall of more than {BETTER:.0%} probably goes on", where, remedy)
    values = _numbers(rows, "loss_d")
    fifth = len(values) // 5
    if fifth < 2:
        return None
    before, last = values[-2 * fifth : -fifth], values[-fifth:]
    moved, error = last.mean() - before.mean(), np.sqrt((before.var(ddof=1) + last.var(ddof=1)) / fifth)
    if abs(moved) < MOVED * _scale(facts, values) or abs(moved) < SURE * error:
        return None
    number = f"loss_d went from {before.mean():.3f} to {last.mean():.3f} between the last two fifths of the run"
    threshold = f"more than {MOVED:.0%} of {_scale(facts, values):.3f} and {SURE} standard errors is no rest"
    return Finding(name, number, threshold, where, remedy)


def _scale(facts: Facts, values: np.ndarray) -> float:
    """The size of loss_d: when undecided, or, for a critic, where that is 0, the largest of the run."""
    ideal = curves.ideal("loss_d", facts.config, facts.recipe)
    return ideal[0] if ideal and ideal[0] else max(float(np.abs(values).max()), 1e-9)


def _numbers(rows: list[dict], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows if curves.is_number(row.get(name))], dtype=float)

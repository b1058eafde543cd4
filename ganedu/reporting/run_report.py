"""RUN/report.html: one run on one page.

Taught in {ref}`training`.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from ganedu.reporting import curves, diagnosis, marks, neighbors, page, sheets
from ganedu.reporting.facts import Facts
from ganedu.training import evaluation
from ganedu.training.errors import TrainingError
from ganedu.training.run_folder import REPORT

SHOWN = 8  # generated images that are compared with the training images
TYPICAL = 64  # training images whose own nearest neighbors give the scale
TONES = {"loss_d": 2, "loss_g": 1, "d_real": 0, "d_fake": 1}


def write(run, *, patient: bool = True) -> Path:
    """Write the report of a run into its folder, and return the path: report.html, or beside it if that was edited.

    patient: also do what takes longer than seconds, see `Facts`.
    Raises TrainingError if there is no run, OSError if the folder cannot be written.
    Taught in {ref}`training`.
    """
    facts = Facts.read(run, patient=patient)
    return marks.write(facts.run / REPORT, html(facts))


def html(facts: Facts) -> str:
    """The page; what cannot be had stands there as a sentence.

    Taught in {ref}`training`.
    """
    done, steps = facts.steps
    about = f"Step {done} of {steps}, {facts.wall_time} of training. Folder {facts.run}."
    head = ["<header>", f"<h1>{page.escape(facts.title)}</h1>", page.text(about, quiet=True), "</header>"]
    sections: dict[str, Callable[[], list[str]]] = {
        "The command": lambda: _command(facts),
        "Diagnosis": lambda: [page.text(told) for told in diagnosis.in_words(facts)],
        "Curves": lambda: _curves(facts),
        "Samples over the steps": lambda: _film(facts),
        "The last sheet": lambda: _last_sheet(facts),
        "Real and generated images": lambda: _real_and_generated(facts),
        "Metrics": lambda: _metrics(facts),
        "How it was made": lambda: [page.table([], facts.circumstances())],
        "How to go on": lambda: _next(facts),
    }
    return page.page(
        f"{facts.title}: report", [*head, *(page.section(n, *_told(make)) for n, make in sections.items())]
    )


def _told(make: Callable[[], list[str]]) -> list[str]:
    """What a section says, or why it cannot."""
    try:
        return make()
    except (ValueError, OSError, TrainingError) as error:
        return [page.text(f"Not here: {error}.", quiet=True)]


def _command(facts: Facts) -> list[str]:
    line = facts.command
    if line is None:
        return [page.text("It was started from Python, with a recipe or images of its own.")]
    changed = "Learning rates were changed on the way: see below." if facts.changes() else ""
    return [page.code(line), *([page.text(changed, quiet=True)] if changed else [])]


def _curves(facts: Facts) -> list[str]:
    if not facts.rows:
        return [page.text("No numbers were logged yet.")]
    drawn = []
    for number, (title, names) in enumerate(curves.panels(facts.rows).items()):
        lines = [curves.curve(facts.rows, name, tone=TONES.get(name, 4)) for name in names]
        ideals = [found for name in names if (found := curves.ideal(name, facts.config, facts.recipe))]
        svg = curves.draw(lines, ideals=ideals, number=number, alt=_in_words(title, lines, ideals))
        drawn.append(page.figure(svg, _caption(title, bool(ideals))))
    return [f'<div class="side-by-side">{"".join(drawn)}</div>']


def _in_words(title: str, lines: list[curves.Curve], ideals: list) -> str:
    told = [f"{each.label} goes from {each.values[0]:.3g} to {each.values[-1]:.3g}" for each in lines]
    return f"{title} over the steps: {'; '.join([*told, *(f'ideal {value:.3f}' for value, _ in ideals)])}."


def _caption(title: str, has_ideal: bool) -> str:
    dotted = " Thin line: the value where the discriminator can tell nothing apart." if has_ideal else ""
    return f"{title}, means between two rows of metrics.jsonl.{dotted}"


def _film(facts: Facts) -> list[str]:
    frames = sheets.film(sheets.find(facts.run))
    if len(frames) < 2:
        return [page.text("A film needs two sheets of samples: --sample-every says how often one is drawn.")]
    read = {step: sheets.read(path, facts.side) for step, path in frames.items()}
    if not facts.translations:
        rows = [_row(f"step {step}", images[: sheets.COLUMNS], "generated images") for step, images in read.items()]
        return [page.figure(page.labeled_rows(rows), "Each column is one latent vector: read it downward.")]
    told = []
    for source, made in facts.translations:
        last = facts.rows_of(next(reversed(read.values())))
        rows = [_row(last[source][0], last[source][1], "real images")]
        for step, images in read.items():
            rows.append(_row(f"step {step}", facts.rows_of(images)[made][1], "translations"))
        told.append(page.figure(page.labeled_rows(rows), f"{last[made][0]}: each column is one picture."))
    return told


def _row(label: str, images, what: str) -> tuple[str, str, str]:
    return label, sheets.strip(images), f"{label}: {len(images)} {what} side by side"


def _last_sheet(facts: Facts) -> list[str]:
    if facts.last_sheet is None:
        return [page.text("No sheet of samples was drawn yet.")]
    step, path, images = facts.last_sheet
    rows = facts.rows_of(images)
    shown = page.labeled_rows(_row(label, images, "images") for label, images in rows)
    weights = "averaged generator" if facts.plan["training"].get("ema") else "last generator"
    return [page.figure(shown, f"Step {step}, {weights}, {path.relative_to(facts.run)}.")]


def _real_and_generated(facts: Facts) -> list[str]:
    if facts.translations:
        return [
            page.text("A translation belongs to the picture above it, in the last sheet: nothing is drawn from noise.")
        ]
    if facts.last_sheet is None:
        return [page.text("No sheet of samples was drawn yet.")]
    step, _, images = facts.last_sheet
    generated = torch.from_numpy(images[:SHOWN].copy()).permute(0, 3, 1, 2)
    real = facts.training_images
    near = neighbors.nearest(generated, real)
    pairs = zip(generated, near.images, near.distances.tolist(), strict=True)
    cards = [_card(i, torch.stack([mine, theirs]), distance) for i, (mine, theirs, distance) in enumerate(pairs, 1)]
    usual = neighbors.nearest(real[:TYPICAL], real, but_itself=True).distances.median().item()
    said = (
        "Left a generated image, right the training image nearest to it. The distance is taken pixel by pixel: the "
        "root mean square of the differences, with black 0 and white 1. A copy has 0. Pictures that look alike can be "
        f"far apart, if one is shifted. Between a real image and its nearest other one it is {usual:.3f} here (median)."
    )
    rows = [
        _row("real", _pixels(real[:SHOWN]), "training images"),
        _row("generated", _pixels(generated), f"generated images of step {step}"),
    ]
    return [page.labeled_rows(rows), page.text(said), f'<div class="pairs">{"".join(cards)}</div>']


def _card(number: int, pair: torch.Tensor, distance: float) -> str:
    alt = f"Generated image {number} and the training image nearest to it, at distance {distance:.3f}"
    return page.figure(page.image(sheets.strip(_pixels(pair)), alt), f"{number}: distance {distance:.3f}")


def _pixels(images: torch.Tensor):
    return images.permute(0, 2, 3, 1).numpy()


def _metrics(facts: Facts) -> list[str]:
    measured = facts.measured()
    if not measured:
        return [page.text("Nothing was measured yet: `ganedu evaluate` does it.")]
    protocols = dict.fromkeys((each.protocol, each.averaged) for each in measured)
    return [_of_one_protocol([m for m in measured if (m.protocol, m.averaged) == each]) for each in protocols]


def _of_one_protocol(measured: list) -> str:
    from ganedu.metrics.report import direction

    last = max(measured, key=lambda each: each.step)
    rows = [[name, value, direction(name), last.step] for name, value in last.values.items()]
    _, best = evaluation.final_and_best(measured, last)
    if best.step != last.step:
        name = last.criterion
        rows.append([f"best {name}", best.values[name], direction(name), best.step])
    return page.table(["metric", "value", "direction", "step"], rows, caption=evaluation.protocol_in_words(last))


def _next(facts: Facts) -> list[str]:
    lines = facts.next_commands()
    return (
        [page.code(*lines)]
        if lines
        else [page.text("From Python: resume(run, recipe=..., data=...), load(run, recipe=...).")]
    )

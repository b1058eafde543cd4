"""Several runs side by side: curves over each other, last sheets, and numbers of one protocol only.

Taught in {ref}`ch-evaluation`.
"""

from dataclasses import asdict
from pathlib import Path

from ganedu.reporting import curves, marks, page, sheets
from ganedu.reporting.facts import Facts
from ganedu.training import evaluation

NAME = "comparison.html"
MOST = len(curves.TONES)
REPEATABLE = "measure all of them alike: ganedu evaluate RUN with the same --n, --split and weights"


def write(runs: list, out: Path = Path(NAME)) -> Path:
    """Write the page that compares runs, and return where it is: `out`, or beside it if that is somebody's.

    Raises ValueError for fewer than two runs, more than MOST, one given twice, and for runs that were measured by
    different protocols; TrainingError for a folder without a run.
    Taught in {ref}`ch-evaluation`.
    """
    if not 2 <= len(runs) <= MOST:
        raise ValueError(f"{len(runs)} given, but 2 to {MOST} runs can be told apart in a picture")
    if len({Path(run).resolve() for run in runs}) < len(runs):
        raise ValueError("a run is given twice; name each once")
    facts = {_label(run, runs): Facts.read(run) for run in runs}
    return marks.write(out, html(facts, measured_alike(facts)))


def measured_alike(facts: dict[str, Facts]) -> dict[str, object]:
    """The last report of each run that was measured, all of one protocol and kind of weights: the latest they share.

    Raises ValueError, naming what differs, where there is none.
    Taught in {ref}`ch-evaluation`.
    """
    reports = {label: found for label, each in facts.items() if (found := each.measured())}
    if not reports:
        return {}
    kinds = [{(each.protocol, each.averaged) for each in found} for found in reports.values()]
    first = next(iter(reports.values()))
    common = [each for each in first if all((each.protocol, each.averaged) in kind for kind in kinds)]
    if not common:
        raise ValueError(f"{_difference(reports)}: numbers of two protocols are not compared; {REPEATABLE}")
    wanted = (common[-1].protocol, common[-1].averaged)
    alike = {n: [each for each in found if (each.protocol, each.averaged) == wanted] for n, found in reports.items()}
    return {label: max(found, key=lambda each: each.step) for label, found in alike.items()}


def _difference(reports: dict[str, list]) -> str:
    """What the last reports of the first two runs that differ were measured by, in words."""
    (label, first), *others = [(label, found[-1]) for label, found in reports.items()]
    for other, last in others:
        mine, theirs = ({**asdict(each.protocol), "averaged": each.averaged} for each in (first, last))
        if names := [name for name in mine if mine[name] != theirs[name]]:
            told = (", ".join(f"{name} {each[name]}" for name in names) for each in (mine, theirs))
            return f"{label} was measured with {next(told)}, {other} with {next(told)}"
    return "the runs share no protocol"


def table(reports: dict[str, object]) -> tuple[list[str], list[list[object]]]:
    """Head and rows of a table of numbers: a metric and its direction, then each run.

    Taught in {ref}`ch-evaluation`.
    """
    from ganedu.metrics.report import direction

    names = list(dict.fromkeys(name for each in reports.values() for name in each.values))
    rows = [[f"{n} ({direction(n)})", *(each.values.get(n, "-") for each in reports.values())] for n in names]
    return ["metric", *reports], [*rows, ["step", *(each.step for each in reports.values())]]


def html(facts: dict[str, Facts], reports: dict[str, object]) -> str:
    """The page; facts: of each run by its label; reports: what `measured_alike` found.

    Taught in {ref}`ch-evaluation`.
    """
    title = " and ".join(facts)
    sections = {"What differs": _options(facts), "Metrics": _metrics(facts, reports)}
    sections |= {"Curves": _curves(facts), "The last sheets": _sheets(facts)}
    head = ["<header>", f"<h1>{page.escape(title)}</h1>", page.text("Runs side by side.", quiet=True), "</header>"]
    return page.page(f"{title}: comparison", [*head, *(page.section(name, *parts) for name, parts in sections.items())])


def _label(run, runs: list) -> str:
    """The name of a run's folder, its whole path where two have one name."""
    names = [Path(each).resolve().name for each in runs]
    name = Path(run).resolve().name
    return name if names.count(name) == 1 else str(run)


def _options(facts: dict[str, Facts]) -> list[str]:
    plans = [
        {"recipe": each.recipe, "data": each.plan["data"]["name"], **each.config, **each.plan["training"]}
        for each in facts.values()
    ]
    names = dict.fromkeys(name for plan in plans for name in plan)
    rows = [[name, *(str(plan.get(name, "-")) for plan in plans)] for name in names]
    rows = [row for row in rows if len(set(row[1:])) > 1]
    rows.append(["wall time", *(each.wall_time for each in facts.values())])
    return [page.table(["option", *facts], rows)]


def _metrics(facts: dict[str, Facts], reports: dict[str, object]) -> list[str]:
    missing = [label for label in facts if label not in reports]
    told = [page.text(f"Not measured: {', '.join(missing)}; `ganedu evaluate` does it.")] if missing else []
    if not reports:
        return told
    head, rows = table(reports)
    caption = evaluation.protocol_in_words(next(iter(reports.values())))
    return [page.table(head, rows, caption=f"All of one protocol: {caption}"), *told]


def _curves(facts: dict[str, Facts]) -> list[str]:
    names = dict.fromkeys(
        name for each in facts.values() for group in curves.panels(each.rows).values() for name in group
    )
    kinds, drawn = {(each.recipe == "cyclegan", each.config.get("loss")) for each in facts.values()}, []
    for number, name in enumerate(names):
        lines = [
            curves.curve(each.rows, name, label=label, tone=tone)
            for tone, (label, each) in enumerate(facts.items())
            if any(curves.is_number(row.get(name)) for row in each.rows)
        ]
        alt = f"{name} over the steps: {'; '.join(f'{line.label} ends at {line.values[-1]:.3g}' for line in lines)}."
        drawn.append(page.figure(curves.draw(lines, alt=alt, number=number), name))
    warning = "The runs have different losses: compare the courses of their curves, not the heights."
    told = [page.text(warning)] if len(kinds) > 1 else []
    return [*told, f'<div class="side-by-side">{"".join(drawn)}</div>']


def _sheets(facts: dict[str, Facts]) -> list[str]:
    shown = []
    for label, each in facts.items():
        if each.last_sheet is None:
            shown.append(page.figure("", f"{label}: no sheet of samples was drawn"))
            continue
        step, _, images = each.last_sheet
        rows = (
            (name, sheets.strip(row), f"{label}, {name}: {len(row)} images side by side")
            for name, row in each.rows_of(images)
        )
        shown.append(page.figure(page.labeled_rows(rows), f"{label}, step {step}"))
    return [f'<div class="side-by-side">{"".join(shown)}</div>']

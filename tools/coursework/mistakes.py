"""Which mistakes were made how often: a table, a figure, and the page with both, for the teacher."""

import html
import io
from collections import Counter

from matplotlib import rc_context
from matplotlib.figure import Figure

from tools.coursework.chapters import Graded
from tools.coursework.feedback import PAGE, STYLE
from tools.coursework.judge import Verdict

KINDS = {  # of outcome: color and hatch, told apart in greyscale too
    "right": ("#4477aa", ""),
    "known mistake": ("#ee6677", "///"),
    "other mistake": ("#ccbb44", "..."),
    "not answered": ("#dddddd", ""),
}


def counted(graded: list[Graded]) -> list[tuple[str, str, str, int, int]]:
    """Lines (chapter, exercise, what happened, how often, of how many), the most frequent of an exercise first."""
    lines = []
    for chapter in dict.fromkeys(each.chapter.name for each in graded):
        rows = [each for each in graded if each.chapter.name == chapter and each.answers]
        for exercise in rows[0].chapter.tasks if rows else ():
            counts = Counter(_happened(_verdict(each, exercise)) for each in rows)
            lines += [(chapter, exercise, what, n, len(rows)) for what, n in counts.most_common()]
    return lines


def _verdict(graded: Graded, exercise: str) -> Verdict:
    return next(verdict for verdict in graded.verdicts if verdict.exercise == exercise)


def _happened(verdict: Verdict) -> str:
    """A verdict in words that are the same for everybody to whom the same happened."""
    match verdict.status:
        case "passed":
            return "right"
        case "failed":
            return verdict.mistake or "another wrong answer"
        case "blank":
            return "not answered"
    return verdict.status


def _kind(what: str) -> str:
    if what in ("right", "not answered"):
        return what
    return (
        "other mistake"
        if what in ("another wrong answer", "time-out", "memory", "stopped", "not run")
        else ("known mistake")
    )


def figure(lines: list[tuple[str, str, str, int, int]], titles: dict[str, str]) -> str:
    """A bar for each exercise, divided by what happened, as SVG. titles: {exercise: what stands beside its bar}."""
    exercises = list(dict.fromkeys(line[1] for line in lines))
    drawing = Figure(figsize=(7, 1.1 + 0.32 * len(exercises)), layout="constrained")
    axes = drawing.subplots()
    left = dict.fromkeys(exercises, 0)
    for kind, (color, hatch) in KINDS.items():
        share = {exercise: sum(n for _, e, what, n, _ in lines if e == exercise and _kind(what) == kind)
                 for exercise in exercises}  # fmt: skip
        axes.barh(
            [titles[e] for e in exercises], list(share.values()), left=list(left.values()),
            color=color, hatch=hatch, edgecolor="#333", linewidth=0.5, label=kind,
        )  # fmt: skip
        left = {exercise: left[exercise] + share[exercise] for exercise in exercises}
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("submissions")
    axes.xaxis.get_major_locator().set_params(integer=True)
    drawing.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    text = io.StringIO()
    with rc_context({"svg.hashsalt": "coursework"}):
        drawing.savefig(text, format="svg", metadata={"Date": None})
    return "<svg" + text.getvalue().partition("<svg")[2]


def page(graded: list[Graded], walls: list[str]) -> str:
    """The page for the teacher. walls: what was said of those that were used."""
    lines = counted(graded)
    tasks = {name: task for each in graded for name, task in each.chapter.tasks.items()}
    titles = {name: f"{task.number} {task.title}" for name, task in tasks.items()}
    rows, named = [], set()
    for _, exercise, what, n, total in lines:
        title = "" if exercise in named else html.escape(titles[exercise])
        rows.append(f"<tr><td>{title}</td><td>{html.escape(what)}</td><td>{n} of {total}</td></tr>")
        named.add(exercise)
    body = (
        f"<h1>Which mistakes were made</h1><p>Graded behind {html.escape('; '.join(walls))}.</p>"
        f'<div class="figure" role="img" aria-label="The numbers of the table as bars">{figure(lines, titles)}</div>'
        f"<table><tr><th>Exercise</th><th>What happened</th><th>How often</th></tr>{''.join(rows)}</table>"
    )
    style = STYLE + ".figure { background: #fff; } .figure svg { width: 100%; height: auto; }"
    return PAGE.format(title="Which mistakes were made", style=style, body=body)

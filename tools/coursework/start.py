"""The page at which a learner begins: where you are, what is solved, what comes next."""

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader import utils

from ganedu import _chapter
from tools.coursework import kept
from tools.coursework.course import EXERCISE
from tools.coursework.submissions import Unreadable, exercises, read

PAGE = "Start.md"
HEADING = re.compile(r"^# (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Progress:
    """One chapter in a person's folder."""

    name: str  # of the file
    title: str
    state: str  # in words
    solved: int
    exercises: int
    points: float
    maximum: float
    next: str  # title of the first exercise that is not solved


def progress(folder: Path, name: str, edition: str) -> Progress:
    """How far a person has come in the notebook `name`: what their test cells print counts.

    edition: text of the chapter's student edition, which tells its title and exercises.
    """
    blank = nbformat.reads(edition, as_version=4)
    todo = exercises(blank)
    titles = [m["title"] for cell in blank.cells for m in EXERCISE.finditer(cell.source)]
    heading = next(m[1] for cell in blank.cells if (m := HEADING.search(cell.source)))
    try:
        passed = _passed(read(folder / name))
        state = "not begun" if kept.is_untouched(folder / name) else f"{len(passed)} of {len(todo)} solved"
    except Unreadable as error:
        passed, state = set(), str(error)
    solved = [exercise for exercise in todo if exercise.test in passed]
    left = [title for title, exercise in zip(titles, todo, strict=True) if exercise.test not in passed]
    return Progress(
        name, heading, state, len(solved), len(todo),
        sum(e.points for e in solved), sum(e.points for e in todo), left[0] if left else "",
    )  # fmt: skip


def _passed(notebook) -> set[str]:
    """Grade ids of the test cells that say in their output that the answer is right."""
    found = set()
    for cell in filter(utils.is_grade, notebook.cells):
        name = _chapter.exercise(cell.metadata.nbgrader.grade_id)
        printed = "".join(o.get("text", "") for o in cell.get("outputs", []) if o.output_type == "stream")
        if f"✓ {name}  well done" in printed:
            found.add(cell.metadata.nbgrader.grade_id)
    return found


def page(chapters: list[Progress]) -> str:
    """The text of the page."""
    solved, total = sum(c.solved for c in chapters), sum(c.exercises for c in chapters)
    left = [c for c in chapters if c.next]
    upcoming = next((c for c in left if c.solved), left[0] if left else None)  # not back to one that was skipped
    if upcoming is None:
        onward = "Everything is solved. Well done."
    else:
        begun = "Go on" if solved else "Begin"
        onward = f"**{begun} with [{upcoming.title}]({upcoming.name})**; its next exercise is *{upcoming.next}*."
    rows = "\n".join(f"| [{c.title}]({c.name}) | {c.state} | {c.points:g} of {c.maximum:g} |" for c in chapters)
    return f"""# Start here

{onward}

You have solved {solved} of {total} exercises. The notebooks in this folder are yours: write in them what you like.
When the course changes, what you changed stays as it is.

| chapter | exercises | points |
|---|---|---|
{rows}

A test cell counts as soon as it says `✓` and the notebook is saved; this page is written anew by each `make lab`.
The chapters with all solutions are the book: `make book` builds it, then it is [here](../_build/html/index.html).
"""

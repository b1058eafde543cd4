"""The page that a student gets back: what each exercise came to, in one file that needs no network."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from tools.coursework.chapters import Chapter, Graded
from tools.coursework.judge import Verdict

TYPESET = Path(__file__).with_name("typeset.cjs")
MAX_SHOWN = 5000  # characters of an answer
INTO_NOTEBOOKS = re.compile(r"\[([^\]]*)\]\([^)]*\.ipynb\)")  # links that lead nowhere from a page of feedback
WORDS = {  # what a status means, to a student
    "passed": "Right.",
    "blank": "Not answered yet.",
    "not submitted": "No notebook was handed in.",
}
STYLE = """
:root { color-scheme: light dark; --line: #8886; --right: #1a7f37; --wrong: #b3261e; --back: #8881; }
@media (prefers-color-scheme: dark) { :root { --right: #57c27a; --wrong: #ff8a80; } }
* { box-sizing: border-box; }
body { font: 17px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; }
body { overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 0; } p { margin: .6rem 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .5rem .3rem 0; }
tr { border-bottom: 1px solid var(--line); } th:last-child, td:last-child { text-align: right; white-space: nowrap; }
section { border-top: 1px solid var(--line); padding: 1rem 0; break-inside: avoid; }
.head { display: flex; gap: 1rem; justify-content: space-between; align-items: baseline; }
.points { white-space: nowrap; font-variant-numeric: tabular-nums; }
.message { border-left: .3rem solid var(--wrong); background: var(--back); padding: .5rem .8rem; font-weight: 500; }
.passed .message { border-color: var(--right); }
.task { opacity: .85; } pre { background: var(--back); padding: .6rem; overflow-x: auto; font-size: .85rem; }
.display { display: block; overflow-x: auto; text-align: center; } svg { max-width: none; vertical-align: middle; }
@media print { body { max-width: none; font-size: 11pt; } pre { white-space: pre-wrap; } a { color: inherit; } }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def tasks_as_html(chapters: list[Chapter], plain: Callable[[str, str], str]) -> dict[str, str]:
    """The text of every exercise as HTML, {exercise: HTML}. plain: writes the references of (text, chapter) out."""
    formulas: list[list] = []

    def place(tex: str, options: dict) -> str:
        formulas.append([tex, bool(options["display_mode"])])
        return f"\x02{len(formulas) - 1}\x03"

    reader = MarkdownIt("commonmark", {"html": False})
    reader.use(dollarmath_plugin, renderer=place, allow_labels=False)
    reader.add_render_rule("math_inline", lambda _, tokens, i, *__: place(tokens[i].content, {"display_mode": False}))
    reader.add_render_rule("math_block", lambda _, tokens, i, *__: place(tokens[i].content, {"display_mode": True}))
    texts = {
        name: reader.render(INTO_NOTEBOOKS.sub(r"\1", plain(task.text, chapter.name)))
        for chapter in chapters
        for name, task in chapter.tasks.items()
    }
    pictures = _pictures(formulas)
    return {name: re.sub("\x02(\\d+)\x03", lambda m: pictures[int(m[1])], text) for name, text in texts.items()}


def _pictures(formulas: list[list]) -> list[str]:
    """A picture for each formula, or its TeX where MathJax is missing."""
    drawn = None
    if formulas and shutil.which("node"):
        done = subprocess.run(["node", TYPESET], input=json.dumps(formulas), capture_output=True, text=True)
        drawn = json.loads(done.stdout) if done.returncode == 0 else None
    if drawn is None:
        return [f"<code>{html.escape(tex)}</code>" for tex, _ in formulas]
    return [
        f'<span class="{"display" if display else "inline"}" role="img" aria-label="{html.escape(tex)}">{svg}</span>'
        for svg, (tex, display) in zip(drawn, formulas, strict=True)
    ]


def page(name: str, chapters: list[Graded], tasks: dict[str, str]) -> str:
    """The page of one student, whose graded chapters these are. tasks: `tasks_as_html`."""
    sums = [_sums(graded) for graded in chapters]
    total, maximum = (sum(column) for column in zip(*sums, strict=True))
    rows = "".join(
        f'<tr><td><a href="#{graded.chapter.name}">{html.escape(graded.chapter.title)}</a></td>'
        f"<td>{points:g} of {best:g}</td></tr>"
        for graded, (points, best) in zip(chapters, sums, strict=True)
    )
    title = f"{name}: {total:g} of {maximum:g} points"
    parts = [f"<h1>{html.escape(title)}</h1>", f"<table><tr><th>Chapter</th><th>Points</th></tr>{rows}</table>"]
    for graded in chapters:
        parts.append(f'<h2 id="{graded.chapter.name}">{html.escape(graded.chapter.title)}</h2>')
        parts += [_exercise(graded, verdict, tasks[verdict.exercise]) for verdict in graded.verdicts]
    return PAGE.format(title=html.escape(title), style=STYLE, body="\n".join(parts))


def _sums(graded: Graded) -> tuple[float, float]:
    return tuple(map(sum, zip(*map(graded.points, graded.verdicts), strict=True)))


def _exercise(graded: Graded, verdict: Verdict, text: str) -> str:
    """The message first, then what was asked, then what was answered."""
    task, (points, best) = graded.chapter.tasks[verdict.exercise], graded.points(verdict)
    message = graded.message(verdict).removeprefix(f"{verdict.exercise}: ")
    words = " ".join(filter(None, [WORDS.get(verdict.status, ""), message if verdict.status != "blank" else ""]))
    words = words[:1].upper() + words[1:]
    answer = graded.answers.get(verdict.exercise, "")
    if len(answer) > MAX_SHOWN:
        answer = answer[:MAX_SHOWN] + f"\n... and {len(answer) - MAX_SHOWN} characters more"
    shown = f"<details><summary>Your answer</summary><pre>{html.escape(answer)}</pre></details>" if answer else ""
    return (
        f'<section class="{verdict.status.replace(" ", "-")}"><div class="head">'
        f"<h3>Exercise {task.number}: {html.escape(task.title)}</h3>"
        f'<span class="points">{points:g} of {best:g}</span></div>'
        f'<p class="message">{html.escape(words)}</p><div class="task">{text}</div>{shown}</section>'
    )

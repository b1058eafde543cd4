"""`python -m tools.coursework lab`, `python -m tools.coursework student`, `python -m tools.coursework grade FOLDER`."""

import argparse
import sys
from pathlib import Path

from tools.coursework import CourseworkError, kept, start
from tools.coursework.asking import Limits
from tools.coursework.course import student_editions
from tools.coursework.grade import Options, grade

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands; returns the exit code: 0 done, 2 with a sentence that says why not."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "grade":
            limits = Limits(options.cell_seconds, options.notebook_seconds, options.memory_gb)
            grade(options.folder, options.notebooks, options.out, Options(limits, options.jobs, options.trusted))
        else:
            hand_out(student_editions(options.notebooks), options.folder, with_start_page=options.command == "lab")
    except CourseworkError as error:
        print(f"coursework: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"coursework: cannot write {error.filename}: {error.strerror}. Nothing was lost.", file=sys.stderr)
        return 2
    return 0


def hand_out(editions: dict[str, str], folder: Path, *, with_start_page: bool):
    """Bring the student editions in a folder up to date, and say what became of each file that was touched."""
    outcomes = kept.bring_up_to_date(folder, editions)
    if with_start_page:
        chapters = [start.progress(folder, name, text) for name, text in editions.items()]
        outcomes += kept.bring_up_to_date(folder, {start.PAGE: start.page(chapters)})
    new = [outcome for outcome in outcomes if outcome.what == "new" and outcome.name in editions]
    for outcome in outcomes:
        if outcome.what != "new" and not (outcome.name == start.PAGE and outcome.what == "updated"):
            print(outcome)
    print(f"{len(editions)} notebooks without solutions in {folder}" + (f", {len(new)} of them new" if new else ""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.coursework", description=__doc__)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--notebooks", type=Path, default=ROOT / "notebooks", help="the master notebooks")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, folder, words in (
        ("lab", "work", "bring a learner's own notebooks up to date, with a page to start from"),
        ("student", "student", "write the student edition, to be handed out"),
    ):
        giving = commands.add_parser(command, parents=[shared], help=words)
        giving.add_argument("--folder", type=Path, default=ROOT / folder)
    grading = commands.add_parser("grade", parents=[shared], help="grade FOLDER/<student>/<NN_chapter>.ipynb")
    grading.add_argument("folder", type=Path)
    grading.add_argument("--out", type=Path, default=ROOT / "_build" / "coursework", help="where the results go")
    grading.add_argument("--trusted", action="store_true", help="grade without a wall: the submissions are trusted")
    grading.add_argument("--jobs", type=int, default=Options.parallel, help="submissions graded at the same time")
    defaults = Limits()
    grading.add_argument("--cell-seconds", type=float, default=defaults.cell_seconds, help="limit per exercise")
    grading.add_argument("--notebook-seconds", type=float, default=defaults.notebook_seconds)
    grading.add_argument("--memory-gb", type=float, default=defaults.memory_gb, help="limit per submission")
    return parser


if __name__ == "__main__":
    sys.exit(main())

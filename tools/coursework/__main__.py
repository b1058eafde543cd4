"""`python -m tools.coursework student` and `python -m tools.coursework grade FOLDER`."""

import argparse
import sys
from pathlib import Path

from tools.coursework.course import CourseworkError, write_student_edition
from tools.coursework.grade import grade
from tools.coursework.sandbox import Limits

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands; returns the exit code: 0 done, 2 with a sentence that says why not."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "student":
            written = write_student_edition(options.notebooks, options.out / "student")
            print(f"{len(written)} notebooks for students in {options.out / 'student'}")
        else:
            limits = Limits(options.cell_seconds, options.notebook_seconds, options.memory_gb)
            grade(options.folder, options.notebooks, options.out, limits)
    except CourseworkError as error:
        print(f"coursework: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.coursework", description=__doc__)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--notebooks", type=Path, default=ROOT / "notebooks", help="the master notebooks")
    shared.add_argument("--out", type=Path, default=ROOT / "_build" / "coursework", help="where the results go")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("student", parents=[shared], help="write the student edition")
    grading = commands.add_parser("grade", parents=[shared], help="grade FOLDER/<student>/<NN_chapter>.ipynb")
    grading.add_argument("folder", type=Path)
    defaults = Limits()
    grading.add_argument("--cell-seconds", type=float, default=defaults.cell_seconds, help="limit per answer or test")
    grading.add_argument("--notebook-seconds", type=float, default=defaults.notebook_seconds)
    grading.add_argument("--memory-gb", type=float, default=defaults.memory_gb, help="limit per submission")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`grade`: from a folder of submissions to tables of grades, a page for every student, and a page of mistakes."""

import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import matplotlib
import nbformat

from ganedu._files import write_atomically
from tools.coursework import CourseworkError, report, submissions, walls
from tools.coursework.asking import Limits
from tools.coursework.chapters import Chapter, Graded, chapter_of
from tools.coursework.course import masters
from tools.coursework.judge import Verdict
from tools.coursework.plain import targets, written_out
from tools.coursework.report import Row
from tools.coursework.submissions import MAX_ANSWER, Unreadable

ROOT = Path(__file__).resolve().parents[2]
DONE = ".graded"  # below the results: verdicts by what they depend on, so that nothing is graded twice
FINAL = ("passed", "failed", "blank")  # what is the same on another day; a limit may be broken on a busy machine alone
INHERITED = ("PATH", "LANG", "LC_ALL", "GANEDU_DATA", "LD_LIBRARY_PATH")
NO_WALL = (
    "no wall can be built here behind which strangers' programs may run ({why}). Grade in a container of Docker or "
    "Podman, as the page on coursework says, or, if you trust every submission: make grade TRUSTED=1 SUBMISSIONS=..."
)


@dataclass(frozen=True)
class Options:
    """How a grading run works."""

    limits: Limits = field(default_factory=Limits)
    parallel: int = os.cpu_count() or 1
    trusted: bool = False


def grade(folder: Path, notebooks: Path, out: Path, options: Options) -> list[Row]:
    """Grade FOLDER/<student>/<chapter>.ipynb against the masters in `notebooks`; the results go to `out`.

    Chapters that nobody handed in are left out. Returns the rows of the table of grades.
    """
    paths = {path.stem: path for path in masters(notebooks)}
    found, surprises = submissions.collect(folder, list(paths))
    handed_in = {chapter for files in found.values() for chapter in files}
    chapters = [chapter_of(path) for name, path in paths.items() if name in handed_in]
    hidden = [str(path.resolve()) for path in (folder, notebooks, out)]
    graded, used = [], []
    for chapter in chapters:
        grader = Grader(chapter, out / DONE, hidden, options)
        graded += grader.grade(found)
        used.append(walls.SAYS[grader.wall])
    known = targets({path.name: nbformat.read(path, as_version=4) for path in paths.values()})
    remarks = [Row(student, "", "", 0.0, 0.0, "ignored", words) for student, words in surprises]
    report.write(
        out, remarks, graded, sorted({*used}), lambda text, chapter: written_out(text, f"{chapter}.ipynb", known)
    )
    print(f"Grades in {out / 'grades.csv'}, feedback in {out / 'feedback'}, mistakes in {out / 'mistakes.html'}")
    return report.rows(graded)


class Grader:
    """Grades what was handed in for one chapter."""

    def __init__(self, chapter: Chapter, done: Path, hidden: list[str], options: Options):
        self.chapter, self.done, self.hidden, self.options = chapter, done, hidden, options
        self.wall = "none"  # behind which the verdicts were found

    def grade(self, found: dict[str, dict[str, Path]]) -> list[Graded]:
        """The chapter of every student, in the order of `found`."""
        answers: dict[str, tuple[dict, dict]] = {}
        unread: dict[str, tuple[str, str]] = {}
        for student, files in found.items():
            try:
                submitted = submissions.read(files[self.chapter.name])
                answers[student] = submissions.answers(self.chapter.exercises, self.chapter.tests, submitted)
            except KeyError:
                unread[student] = "not submitted", ""
            except Unreadable as error:
                unread[student] = "unreadable", str(error)
        verdicts = self._verdicts({student: sources for student, (sources, _) in answers.items()})
        graded = []
        for student in found:
            if student in unread:
                status, words = unread[student]
                results = [Verdict(exercise.answer, status, words) for exercise in self.chapter.exercises]
                graded.append(Graded(student, self.chapter, results, {}, {}))
            else:
                graded.append(Graded(student, self.chapter, verdicts[student], *answers[student]))
        return graded

    def _verdicts(self, answers: dict[str, dict[str, str]]) -> dict[str, list[Verdict]]:
        """{student: verdicts}, those of an earlier run where nothing has changed."""
        orders = {student: self._order(sources) for student, sources in answers.items()}
        keys = {student: self._key(order) for student, order in orders.items()}
        verdicts = {}
        for student in answers:
            if earlier := _earlier(self.done / keys[student]):
                self.wall, verdicts[student] = earlier
        todo = [student for student in answers if student not in verdicts]
        if todo:
            for student, found in self._run({student: orders[student] for student in todo}):
                verdicts[student] = found
                if all(verdict.status in FINAL for verdict in found):
                    self.done.mkdir(parents=True, exist_ok=True)
                    text = json.dumps({"wall": self.wall, "verdicts": [asdict(verdict) for verdict in found]})
                    write_atomically(self.done / keys[student], text.encode())
        if lost := len(answers) - len(verdicts):
            words = f"the grading of {self.chapter.name} ended before it was done: {lost} submissions are left"
            raise CourseworkError(f"{words}. Grade again, what is done will be kept.")
        known = f", {len(answers) - len(todo)} known from an earlier run" if len(todo) < len(answers) else ""
        print(f"{self.chapter.name}: {len(todo)} graded{known}, behind {walls.SAYS[self.wall]}", flush=True)
        return verdicts

    def _order(self, sources: dict[str, str]) -> list[dict]:
        """What the judge needs to know of a submission."""
        return [
            {
                "name": exercise.answer,
                "answer": _runnable(sources.get(exercise.answer)),
                "functions": self.chapter.functions[exercise.answer],
                "test": self.chapter.tests[exercise.test][0],
            }
            for exercise in self.chapter.exercises
        ]

    def _key(self, order: list[dict]) -> str:
        """A name for all that the verdicts depend on."""
        text = json.dumps([self.chapter.cells, order, asdict(self.options.limits), self.options.trusted, _version()])
        return hashlib.sha256(text.encode()).hexdigest()

    def _run(self, orders: dict[str, list[dict]]):
        """Yields (student, verdicts) as they come."""
        with tempfile.TemporaryDirectory() as room:
            files = []
            for place, order in enumerate(orders.values()):
                files.append({"answers": f"{room}/{place}.answers", "verdicts": f"{room}/{place}.verdicts"})
                Path(files[-1]["answers"]).write_text(json.dumps(order), encoding="utf-8")
            students = list(orders)
            for place in self._bench(files, room):
                yield students[place], self._read(Path(files[place]["verdicts"]))

    def _bench(self, files: list[dict], room: str):
        """Let a process run the chapter and judge the files. Yields the places of those that are done."""
        order = {
            "cells": self.chapter.cells,
            "submissions": files,
            "walls": walls.candidates(self.options.trusted),
            "hidden": self.hidden,
            "parallel": self.options.parallel,
            "limits": asdict(self.options.limits),
        }
        command = [sys.executable, "-m", "tools.coursework.bench"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=room, env=_environment(room), text=True
        ) as bench:
            bench.stdin.write(json.dumps(order) + "\n")
            bench.stdin.close()
            said = json.loads(bench.stdout.readline() or "{}")
            if "wall" not in said:
                raise CourseworkError(f"{self.chapter.name} cannot be run: {said.get('why', 'Python ended')}")
            if not said["wall"]:
                raise CourseworkError(NO_WALL.format(why=said["why"] or sys.platform))
            self.wall = said["wall"]
            for line in bench.stdout:
                yield json.loads(line)["done"]

    def _read(self, path: Path) -> list[Verdict]:
        """The verdicts that a judge wrote, and what is missing if it was stopped."""
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        found = {verdict.exercise: verdict for verdict in (Verdict(**json.loads(line)) for line in lines)}
        lost = "the judge was stopped before this exercise"
        names = [exercise.answer for exercise in self.chapter.exercises]
        return [found.get(name, Verdict(name, "not run", lost)) for name in names]


def _runnable(source: str | None) -> str | None:
    """An answer, or what stands for one beyond reason."""
    if source and len(source) > MAX_ANSWER:
        return f"raise ValueError('an answer has at most {MAX_ANSWER} characters')"
    return source


@functools.cache
def _version() -> str:
    """A hash of the code that grades."""
    code = [*Path(__file__).parent.glob("*.py"), *(ROOT / "ganedu").rglob("*.py")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(code))).hexdigest()


def _earlier(path: Path) -> tuple[str, list[Verdict]] | None:
    """The wall and the verdicts of an earlier run, if there was one."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return stored["wall"], [Verdict(**entry) for entry in stored["verdicts"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _environment(room: str) -> dict[str, str]:
    """A bare environment: no keys of the teacher, and one thread, so that copies can be made of the process."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return (
        {name: os.environ[name] for name in INHERITED if name in os.environ}
        | threads
        | {
            "CUDA_VISIBLE_DEVICES": "",
            "HOME": room,
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": matplotlib.get_cachedir(),  # the fonts were looked for already
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(ROOT),
        }
    )

"""A process that runs the cells of a chapter once, and judges one submission after the other in copies of itself.

`python -m tools.coursework.bench` reads an order (one line of JSON) and reports in lines of JSON. For each submission
it forks a judge, and the judge, before it has read tests or answers, the nursery that the submission comes from.
"""

import json
import os
import re
import resource
import signal
import sys
import time
import traceback

from tools.coursework import enter, walls
from tools.coursework.asking import LimitBroken, Limits, Submission
from tools.coursework.judge import as_line, judged
from tools.coursework.walls import Wall

MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)  # IPython's, which is not here
GRACE = 10  # seconds that a judge has beyond the limit of the notebook


def main():
    """Carry out the order on standard input."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    order = json.loads(sys.stdin.readline())
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(quiet, stream)
    try:
        names = _run(order["cells"])
    except Exception:
        report.write(json.dumps({"why": traceback.format_exc(limit=-3)}) + "\n")
        return
    with walls.slots(order["parallel"]) as slots:
        kind, why = _possible(order, names, slots[0])
        report.write(json.dumps({"wall": kind, "why": why}) + "\n")
        if kind:
            for place in _all(order, names, kind, slots):
                report.write(json.dumps({"done": place}) + "\n")


def _run(cells: list[str]) -> dict:
    """The names that the cells of a chapter define."""
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    names = {"__name__": "__main__", "display": lambda *_, **__: None}
    for number, cell in enumerate(cells, start=1):
        exec(compile(MAGIC.sub("", cell), f"cell {number}", "exec"), names)
    plt.close("all")
    return names


def _possible(order: dict, names: dict, slot: int) -> tuple[str, str]:
    """The first kind of wall that a process can get behind here, and what is wrong with those before it."""
    reasons = []
    for kind in order["walls"]:
        if kind == "user" and (seen := [path for path in order["hidden"] if walls.in_sight_of_everybody(path)]):
            reasons.append(f"a user without rights could read {', '.join(seen)}: chmod o-rwx")
            continue
        submission = Submission.of(names, Wall(kind, slot, tuple(order["hidden"])), Limits(**order["limits"]))
        try:
            submission.begin()
            return kind, "; ".join(reasons)
        except (OSError, LimitBroken) as error:
            reasons.append(str(error))
        finally:
            submission.close()
    return "", "; ".join(reasons)


def _all(order: dict, names: dict, kind: str, slots: list[int]):
    """Judge every submission of the order, some at the same time. Yields the places of those that are done."""
    waiting, running = list(range(len(order["submissions"])))[::-1], {}
    limits = Limits(**order["limits"])
    while waiting or running:
        while waiting and slots:
            place, slot = waiting.pop(), slots.pop()
            wall = Wall(kind, slot, tuple(order["hidden"]))
            judge = os.fork()
            if judge == 0:
                _judge(order["submissions"][place], wall, names, limits)
            running[judge] = place, slot, time.monotonic() + limits.notebook_seconds + GRACE
        for judge, (_, _, deadline) in running.items():
            if time.monotonic() > deadline:
                os.kill(judge, signal.SIGKILL)
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended in running:
            place, slot, _ = running.pop(ended)
            slots.append(slot)
            if status and kind == "user":  # the judge was killed, before it could
                walls.clear(walls.FIRST_USER + slot)
            yield place
        elif not ended:
            time.sleep(0.01)


def _judge(files: dict, wall: Wall, names: dict, limits: Limits):
    """Write the verdicts on the submission in one file to another, line by line. Never returns."""
    try:
        enter.die_with_parent()
        submission = Submission.of(names, wall, limits)
        enter.limit_memory(enter.size() + int(limits.memory_gb * 2**30))
        with open(files["answers"], encoding="utf-8") as file:
            exercises = json.load(file)
        with open(files["verdicts"], "w", encoding="utf-8", buffering=1) as file:
            for verdict in judged(exercises, names, submission, limits):
                file.write(as_line(verdict))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()

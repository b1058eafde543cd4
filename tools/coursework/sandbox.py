"""Executes a submitted notebook in a process of its own, with limits on time and memory."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import nbformat
import psutil
from nbformat import NotebookNode

from tools.coursework import guard
from tools.coursework.course import CourseworkError
from tools.coursework.runner import error_output

ROOT = Path(__file__).resolve().parents[2]
MARK = "COURSEWORK_RUN"  # an environment variable that a run's processes inherit, by which they are found
POLL_SECONDS = 0.2
STOPPED = ("NotRun", "the notebook had been stopped before this cell")
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "OMP_NUM_THREADS", "GANEDU_DATA", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Limits:
    """What one submitted notebook may use."""

    cell_seconds: float = 120.0  # an answer or a test; the chapter's own cells have the notebook's limit
    notebook_seconds: float = 600.0
    memory_gb: float = 4.0


def execute(notebook: NotebookNode, imports: str, limits: Limits, hidden: list[Path]):
    """Run a notebook in place. Every code cell gets its outputs, or an error that says why it has none.

    imports: the statements whose names are bound anew after every cell; hidden: folders that it cannot read.
    """
    mark = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.coursework.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=scratch,
            env=_environment(mark, imports, Path(scratch).resolve(), hidden),
            start_new_session=True,
        )
        reports: list[dict] = []
        order = {"notebook": notebook, "seconds": limits.cell_seconds, "memory": int(limits.memory_gb * 2**30)}
        conversation = threading.Thread(target=_converse, args=(process, json.dumps(order), reports))
        conversation.start()
        try:
            reason = _watch(process, mark, limits)
        finally:
            _end(process, mark)
            conversation.join()
        if not reports or not reports[0]["ready"]:
            errors.seek(0)
            details = errors.read().decode(errors="replace").strip()[-2000:]
            raise CourseworkError(f"no notebook can be executed on this machine:\n{details}")
    _fill(notebook, reports[1:], reason)


def _environment(mark: str, imports: str, scratch: Path, hidden: list[Path]) -> dict[str, str]:
    """A bare environment: no keys of the teacher, no home, a scratch folder for whatever is written."""
    data = filter(None, [os.environ.get("GANEDU_DATA")])
    readable = [ROOT / "ganedu", ROOT / "book" / "results", Path(sys.prefix).resolve(), *map(Path, data)]
    rules = {
        "imports": imports,
        "scratch": str(scratch),
        "hidden": [str(folder.resolve()) for folder in (ROOT, *hidden)],
        "readable": [str(folder.resolve()) for folder in readable],
    }
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {
        MARK: mark,
        guard.RULES: json.dumps(rules),
        "HOME": str(scratch),
        "IPYTHONDIR": str(scratch / ".ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch / ".jupyter"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # the fonts were looked for already
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
    }


def _converse(process: subprocess.Popen, order: str, reports: list[dict]):
    """Hand the order over and collect the reports until the child ends."""
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(order.encode())
        process.stdin.close()
    for line in process.stdout:
        with contextlib.suppress(ValueError):  # the last line of a killed child may be cut
            reports.append(json.loads(line))


def _watch(process: subprocess.Popen, mark: str, limits: Limits) -> tuple[str, str]:
    """Wait until the child ends or breaks a limit. Returns the name and the words for cells that have no result."""
    deadline = time.monotonic() + limits.notebook_seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            return "TimeLimit", f"the notebook took longer than {limits.notebook_seconds:g} seconds"
        if _memory(mark) > limits.memory_gb * 2**30:
            return "MemoryLimit", f"the notebook took more than {limits.memory_gb:g} GB of memory"
        time.sleep(POLL_SECONDS)
    return ("KernelDied", "the Python process ended here") if process.returncode else STOPPED


def _members(mark: str):
    """The processes of a run, whatever their parents."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                yield process


def _memory(mark: str) -> int:
    total = 0
    for process in _members(mark):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def _end(process: subprocess.Popen, mark: str):
    process.kill()
    for member in _members(mark):
        with contextlib.suppress(psutil.Error):
            member.kill()
    process.wait()


def _fill(notebook: NotebookNode, reports: list[dict], reason: tuple[str, str]):
    """Put the reported results into the notebook, and errors where there are none: no output means full points."""
    results = {report["index"]: report for report in reports}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if index in results:
            cell.outputs = nbformat.from_dict(results[index]["outputs"])
            cell.execution_count = results[index]["execution_count"]
        else:
            cell.outputs = [error_output(*reason)]
            reason = STOPPED

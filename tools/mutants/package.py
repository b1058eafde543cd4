"""Break the package and run the unit tests that concern the broken module, in a copy of the tree."""

import ast
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import ModuleType

from tools.mutants import concerned, isolated
from tools.mutants.places import Mutant, mutants, sample

COPIED = ("ganedu", "tests", "tools", "benchmarks")  # what a test may find through its own place
UNBROKEN = ("plots.py", "__init__.py", "__main__.py")  # drawing, lists of names
PATIENCE = 5, 30  # a mutant may take so many times as long as the tests unbroken, and so many seconds more
_PLOTS = {"plt", "plots", "warnings", "print"}


def modules(root: Path, chosen: list[str]) -> list[Path]:
    """The modules to break: all, or those at or below the chosen paths. SystemExit for a path without any."""
    every = [path for path in sorted((root / "ganedu").rglob("*.py")) if path.name not in UNBROKEN]
    found = []
    for name in chosen or ["ganedu"]:
        mine = [path for path in every if path == root / name or root / name in path.parents]
        if not mine:
            raise SystemExit(
                f"{name}: no module of the package to break; name a file or folder such as ganedu/losses.py"
            )
        found += [path for path in mine if path not in found]
    return found


def candidates(root: Path, chosen: list[str]) -> list[Mutant]:
    """Every mutant of the modules."""
    return [
        mutant
        for path in modules(root, chosen)
        for mutant in mutants(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix(), skip=left_alone)
    ]


def chosen(every: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """The sample of them that is run."""
    return sample(every, size, seed)


def left_alone(node: ast.AST) -> bool:
    """Whether a statement only draws, warns or prints."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} if isinstance(node, ast.Expr) else set()
    return bool(names & _PLOTS)


def verdicts(found: list[Mutant], root: Path) -> Iterator[tuple[Mutant, str, str]]:
    """For each mutant (mutant, "tests" or "survived", what noticed it). SystemExit if tests fail unbroken."""
    import _hypothesis_pytestplugin  # noqa: F401 - imported once, for every fork
    import hypothesis  # noqa: F401
    import numpy  # noqa: F401
    import pytest  # noqa: F401
    import scipy.stats  # noqa: F401
    import torch

    torch.set_num_threads(1)
    with copied(root) as tree:

        @cache
        def unbroken(path: Path) -> float:
            started = time.monotonic()
            if (result := isolated.run(partial(_tests, tree, path, compiles=True), 900)) is None or result["failed"]:
                raise SystemExit(f"{path.name} fails without a mutant: {result['failed'] if result else 'no answer'}")
            return time.monotonic() - started

        for mutant in found:
            files = concerned.tests(tree / mutant.file, tree)
            noticed = next(filter(None, (_noticed(mutant, tree, path, unbroken(path)) for path in files)), "")
            yield mutant, "tests" if noticed else "survived", noticed or ", ".join(path.name for path in files)


@contextmanager
def copied(root: Path):
    """A copy of the tree to break: code is copied, everything else is linked."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder).resolve() / "tree"
        tree.mkdir()
        for path in root.iterdir():
            if path.name in COPIED:
                shutil.copytree(path, tree / path.name, ignore=shutil.ignore_patterns("__pycache__"))
            elif path.name not in (".git", ".hypothesis", ".pytest_cache"):
                (tree / path.name).symlink_to(path)
        yield tree


def _noticed(mutant: Mutant, tree: Path, path: Path, usual: float) -> str:
    """The first test of a file that fails with the mutant in the copy; "" if none does. usual: seconds without it."""
    target = tree / mutant.file
    whole, made = target.read_bytes(), target.stat().st_mtime_ns
    target.write_text(mutant.text, encoding="utf-8")
    try:
        result = isolated.run(partial(_tests, tree, path), PATIENCE[0] * usual + PATIENCE[1])
    finally:
        target.write_bytes(whole)
        os.utime(target, ns=(made, made))  # its compiled file fits again, and no mutant's
    return f"{path.name}: took too long, or ended without a word" if result is None else result["failed"]


def _tests(tree: Path, path: Path, *, compiles: bool = False) -> dict:
    """Run one test file of the copy, in a forked process; the first test that fails. compiles: keep compiled files."""
    import hypothesis
    import pytest

    _move_to(tree)
    sys.dont_write_bytecode = not compiles
    # The same examples every time, and no search for a smaller one.
    quick = [phase for phase in hypothesis.Phase if phase in (hypothesis.Phase.explicit, hypothesis.Phase.generate)]
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, phases=quick, deadline=None)
    first = _First()
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-profile=mutants"]
    code = pytest.main([*options, str(path)], plugins=[first])
    return {"failed": first.name or (f"{path.name}: pytest ends with {int(code)}" if code not in (0, 5) else "")}


def _move_to(tree: Path) -> None:
    """Work in the copy: import from it, and use no one's cache of feature networks."""
    here = Path(__file__).resolve().parents[2]
    os.chdir(tree)
    sys.path[:] = [str(tree), *(entry for entry in sys.path if entry and Path(entry).resolve() != here)]
    os.environ.update(PYTHONPATH=str(tree), PYTHONDONTWRITEBYTECODE="1", CUDA_VISIBLE_DEVICES="")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["GANEDU_CACHE"] = tempfile.mkdtemp(dir=tree.parent)
    for name in [name for name in sys.modules if name.partition(".")[0] in COPIED]:
        del sys.modules[name]
    sys.modules["__main__"] = ModuleType("__main__")  # a process that a test spawns would run ours again


class _First:
    """A plugin of pytest that remembers the first test or file that fails."""

    name = ""

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report):
        if report.failed and not self.name:
            self.name = f"{report.nodeid} (import)"

"""Which unit tests concern a module: those named after it, then those nearest to it by imports."""

import ast
from functools import cache
from pathlib import Path

# They build the book, run all chapters or every recipe in processes of their own: not what tests one module.
NOT_UNIT_TESTS = {
    f"test_{name}"
    for name in ("book", "coursework", "exercises", "mutations", "mutants", "notebooks", "setup", "benchmarks")
}
MOST = 3  # files
FAR = 99


@cache
def tests(module: Path, root: Path) -> list[Path]:
    """The test files below `root` that concern a module of the package, the likeliest first, at most MOST.

    Of the files named after the module's folder: its own and those that import it directly. Without its own: those
    that import it at most by way of one other. Where there is none, the nearest by imports of all files.
    """
    graph = _graph(root)
    found = [path for path in sorted((root / "tests").glob("test_*.py")) if path.stem not in NOT_UNIT_TESTS]
    far = {path: _distance(path, module, graph) for path in found}
    *folders, last = (part.strip("_") for part in module.relative_to(root / "ganedu").with_suffix("").parts)
    own = "_".join(["test", *folders, last])
    family = [path for path in found if path.stem.startswith("_".join(["test", *folders]) if folders else own)]
    limit = 0 if any(path.stem == own for path in family) else 1
    above = {path: own.startswith(f"{path.stem}_") for path in found}
    near = [path for path in family if path.stem == own or far[path] <= limit or (limit and above[path])]
    near = near or [path for path in found if far[path] < FAR]
    return sorted(near, key=lambda path: (path.stem != own, not above[path], far[path], -len(path.stem)))[:MOST]


@cache
def _graph(root: Path) -> dict[Path, set[Path]]:
    """What each file of the package and of the tests imports."""
    return {path: _imports(path, root) for folder in ("ganedu", "tests") for path in (root / folder).rglob("*.py")}


def _distance(start: Path, target: Path, graph: dict[Path, set[Path]]) -> int:
    """Modules on the way from a test to a module; helpers of the tests and `__init__` files do not count."""
    reached, front = {start: 0}, [start]
    while front:
        here = min(front, key=reached.get)
        front.remove(here)
        if here == target:
            return reached[here]
        free = here.name == "__init__.py" or here.parent.name == "tests"
        for there in graph.get(here, ()):
            far = reached[here] + (0 if free else 1)
            if far < reached.get(there, FAR):
                reached[there] = far
                front.append(there)
    return FAR


def _imports(path: Path, root: Path) -> set[Path]:
    """The files below `root` that a file imports, anywhere in its text."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    found = set()
    for name in names:
        place = name.replace(".", "/")
        for candidate in (f"{place}.py", f"{place}/__init__.py", f"tests/{place}.py"):
            if (root / candidate).is_file():
                found.add(root / candidate)
    return found - {path}

"""Which unit tests concern a module: those named after it, then those that import it or use what it defines."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

# They build the book, open it in a browser, run all chapters or every recipe in processes of their own: not what tests
# one module.
# fmt: off
NOT_UNIT_TESTS = {
    f"test_{name}"
    for name in (
        "benchmarks", "book", "coursework", "coursework_walls", "exercises", "lab", "live", "live_directive",
        "live_figures", "live_pages", "live_playground", "live_reached", "live_scenarios", "mutants", "mutations",
        "notebooks", "setup",
    )
}
# fmt: on
MOST = 3  # files
FAR = 99


@cache
def tests(module: Path, root: Path) -> list[Path]:
    """The test files below `root` that concern a module of the package, the likeliest first, at most MOST.

    Of the files named after the module's folder: its own and those that import it directly. Without its own: those
    that import it at most by way of one other. Where there is none, the nearest by imports of all files. In any case
    those that name the module in an import, and those named after a module that imports it.
    """
    graph = _graph(root)
    found = [path for path in sorted((root / "tests").glob("test_*.py")) if path.stem not in NOT_UNIT_TESTS]
    far = {path: _distance(path, module, graph) for path in found}
    own = _own(module, root)
    folder = own if module.parent == root / "ganedu" else _own(module.parent, root)
    family = [path for path in found if path.stem.startswith(folder)]
    limit = 0 if any(path.stem == own for path in family) else 1
    above = {path: own.startswith(f"{path.stem}_") for path in found}
    near = {path for path in family if path.stem == own or far[path] <= limit or (limit and above[path])}
    near = near or {path for path in found if far[path] < FAR}
    users = {_own(path, root) for path, used in graph.items() if module in used and root / "ganedu" in path.parents}
    close = {path for path in found if module in graph[path] or path.stem in users}
    names = _defined(module)
    order = {
        path: (path.stem != own, not above[path], path not in close, far[path], -_uses(path, names), path.stem)
        for path in near | close
    }
    return sorted(order, key=order.get)[:MOST]


def _own(module: Path, root: Path) -> str:
    """The name of the test file for a module: `ganedu/data/_a.py` is tested in `test_data_a.py`."""
    return "_".join(["test", *(part.strip("_") for part in module.relative_to(root / "ganedu").with_suffix("").parts)])


def _defined(module: Path) -> set[str]:
    """The public names that a module defines at its top."""
    body = ast.parse(module.read_text(encoding="utf-8")).body
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    return {name for name in names | {t.id for t in targets if isinstance(t, ast.Name)} if not name.startswith("_")}


def _uses(path: Path, names: set[str]) -> int:
    """How often the text of a file has one of the names."""
    counts = _words(path)
    return sum(counts[name] for name in names)


@cache
def _words(path: Path) -> Counter[str]:
    return Counter(re.findall(r"\w+", path.read_text(encoding="utf-8")))


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
    """The files below `root` that a file imports, anywhere in its text; or asks for by name, a test of recipes."""
    names, of_recipes = set(), path.name.startswith("test_recipes")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif (
            of_recipes and isinstance(node, ast.Constant) and (name := str(node.value).replace("-", "_")).isidentifier()
        ):
            names.add(f"ganedu.recipes.{name}")
    found = set()
    for name in names:
        place = name.replace(".", "/")
        for candidate in (f"{place}.py", f"{place}/__init__.py", f"tests/{place}.py"):
            if (root / candidate).is_file():
                found.add(root / candidate)
    return found - {path}

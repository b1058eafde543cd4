"""Which unit tests concern a module: those named after it, then those nearest to it by imports."""

import ast
from functools import cache
from pathlib import Path

# They build the book, run all chapters or every recipe in processes of their own: not what tests one module.
NOT_UNIT_TESTS = {
    f"test_{name}"
    for name in ("book", "coursework", "exercises", "mutations", "mutants", "notebooks", "setup", "benchmarks")
}
MOST = 4  # files
FAR = 99


@cache
def tests(module: Path, root: Path) -> list[Path]:
    """The test files below `root` that concern a module of the package, the likeliest first, at most MOST."""
    graph = {path: _imports(path, root) for folder in ("ganedu", "tests") for path in (root / folder).rglob("*.py")}
    found = [path for path in sorted((root / "tests").glob("test_*.py")) if path.stem not in NOT_UNIT_TESTS]
    nearness = {path: (_unlike(path.stem, module, root), _distance(path, module, graph)) for path in found}
    found.sort(key=lambda path: (*nearness[path], path.name))
    near = [path for path in found if nearness[path][0] < FAR or nearness[path][1] <= 1]
    return (near or [path for path in found if nearness[path][1] < FAR])[:MOST]


def _unlike(stem: str, module: Path, root: Path) -> int:
    """0 for the tests named after the module, 1 for those named after what it belongs to, else FAR."""
    name = "test_" + "_".join(part.strip("_") for part in module.relative_to(root / "ganedu").with_suffix("").parts)
    return 0 if stem == name else 1 if name.startswith(stem) or stem.startswith(f"{name}_") else FAR


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

"""Who imports whom in the package: arrows that never run in a circle, inside functions neither."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, modules: set[str]) -> set[str]:
    """The modules of the package that a file imports; a package's own __init__ counts where a name comes from it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in names}
    return (found & modules) - {module_name(path)}


def graph(files: list[Path]) -> dict[str, set[str]]:
    modules = {module_name(path) for path in files}
    return {module_name(path): imported(path, modules) for path in files}


def test_no_module_of_the_package_imports_itself_by_a_detour():
    found = graph(sorted((ROOT / "ganedu").rglob("*.py")))
    assert "ganedu.training.loading" in found["ganedu.training.evaluation"]  # the graph sees what it should
    try:
        TopologicalSorter(found).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))

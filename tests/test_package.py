"""What holds for the package as a whole: light imports, docstrings that lead to a chapter."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ganedu

ROOT = Path(__file__).parent.parent
MODULES = [
    m.name for m in pkgutil.walk_packages(ganedu.__path__, "ganedu.") if not m.name.split(".")[-1].startswith("_")
]
WRITTEN = {
    label
    for text in (ROOT / "book").rglob("*.md")
    for label in re.findall(r"^\(([a-z0-9-]+)\)=$", text.read_text(), re.MULTILINE)
}
PLANNED = {  # the table of contents lists all chapters, the written ones and those in preparation
    "ch-" + slug.replace("_", "-")
    for slug in re.findall(r"notebooks/\d\d_(\w+)", (ROOT / "book" / "_toc.yml").read_text())
}
LABELS = WRITTEN | PLANNED


def public_objects():
    for name in MODULES:
        module = importlib.import_module(name)
        yield name, module
        for attribute, value in vars(module).items():
            is_ours = (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == name
            if is_ours and not attribute.startswith("_"):
                yield f"{name}.{attribute}", value


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*pair, id=pair[0]) for pair in public_objects()])
def test_docstring_names_the_chapter_that_teaches_it(name, thing):
    taught_in = re.findall(r"\{ref\}`([^`]+)`", thing.__doc__ or "")
    assert taught_in, f"{name} does not say where it is taught: add 'Taught in {{ref}}`ch-...`.' to its docstring"
    assert set(taught_in) <= LABELS, f"{name} refers to {set(taught_in) - LABELS}, which is no label of the book"


def test_mathematics_imports_neither_plotting_nor_data_libraries():
    code = (
        "import sys, ganedu\nassert 'torch' not in sys.modules\n"
        "from ganedu import checks, densities, divergences, losses, value\n"
        "print([m for m in ('matplotlib', 'sklearn', 'scipy', 'IPython', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

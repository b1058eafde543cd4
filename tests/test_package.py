"""What holds for the package as a whole: light imports, docstrings that lead to a chapter."""

import importlib
import importlib.metadata
import inspect
import os
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
        "from ganedu import checks, densities, dirac, divergences, games, implicit, losses, transport, value\n"
        "print([m for m in ('matplotlib', 'sklearn', 'scipy', 'IPython', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What a borrowed machine with a GPU has; everything else is optional and must be imported only when it is used.
ENOUGH = ("torch", "numpy", "scipy", "matplotlib", "scikit-learn", "pillow", "tqdm", "typer", "safetensors")


def with_requirements(names, found):
    """The installed ones of these packages, and of those that they need."""
    for name in names:
        key = re.sub("[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()
        if key in found or "extra ==" in name:
            continue
        try:
            found[key] = importlib.metadata.distribution(key)
        except importlib.metadata.PackageNotFoundError:
            continue
        with_requirements(found[key].requires or (), found)
    return found


def test_training_needs_no_more_than_the_packages_of_a_bare_machine(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "ganedu").symlink_to(ROOT / "ganedu")
    for package in with_requirements(ENOUGH, {}).values():
        for top in {file.parts[0] for file in package.files} - {"..", "__pycache__"}:
            (site / top).unlink(missing_ok=True)
            (site / top).symlink_to(package.locate_file(top))
    assert not any((site / name).exists() for name in ("pooch", "tensorboard", "torchmetrics", "hypothesis"))
    options = ["--steps", "2", "--size", "8", "--set", "width=4", "--device", "cpu", "--out", "run"]
    done = subprocess.run(
        [sys.executable, "-S", "-m", "ganedu", "train", "dcgan", *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    assert done.returncode == 0 and "step 2 of 2 done" in done.stdout, done.stderr

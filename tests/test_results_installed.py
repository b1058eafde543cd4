"""A notebook needs the installed package and nothing beside it: no repository, no stored result in the folder."""

import os
import re
import shutil
import subprocess
import sys
import zipfile

import jupytext
import nbformat
import pytest

from ganedu import results
from tools.notebooks import ROOT

CHAPTERS = sorted((ROOT / "book" / "chapters").glob("[0-9]*.md"))
AROUND = re.compile(r"__file__|parents\[|\.\./|Path\.cwd|book/|chdir")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package as a wheel unpacks it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # setuptools leaves its work beside what it builds
    for name in ("ganedu", "book/results"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--no-deps", "--no-build-isolation", "-q", "-w", str(folder), str(source)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options], check=True, capture_output=True)
    (wheel,) = folder.glob("ganedu-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_no_cell_looks_around_the_package(chapter):
    for cell in jupytext.read(chapter).cells:
        if cell.cell_type == "code":
            assert not AROUND.search(re.sub(r"#.*", "", cell.source)), cell.source


def test_the_wheel_brings_every_stored_result_and_what_the_checks_read(installed):
    brought = {path.parent.name for path in (installed / "ganedu" / "_results").glob("*/metrics.json")}
    assert brought == set(results.names()) and brought
    assert (installed / "ganedu" / "checks" / "exercises.json").is_file()
    assert (installed / "ganedu" / "formula" / "equations.json").is_file()


def test_a_chapter_with_stored_results_runs_alone_in_an_empty_folder(installed, tmp_path):
    cells = nbformat.read(ROOT / "notebooks" / "09_game_dynamics.ipynb", as_version=4).cells
    code = "\n\n".join(re.sub(r"^[%!].*$", "", c.source, flags=re.M) for c in cells if c.cell_type == "code")
    (tmp_path / "alone.py").write_text(code + "\nimport ganedu\nprint(ganedu.__file__)\n", encoding="utf-8")
    own = {**os.environ, "PYTHONPATH": str(installed), "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([sys.executable, "alone.py"], cwd=tmp_path, env=own, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip().endswith(str(installed / "ganedu" / "__init__.py"))


def test_a_result_that_is_not_stored_is_named_with_those_that_are():
    with pytest.raises(ValueError, match=r"no stored result 'ring'; there are: .*ring_coverage"):
        results.metrics("ring")

"""A notebook needs the installed package and nothing beside it: no repository, no stored result in the folder."""

import json
import os
import re
import subprocess

import jupytext
import pytest

from ganedu import results
from tools import alone
from tools.notebooks import ROOT

CHAPTERS = sorted((ROOT / "book" / "chapters").glob("[0-9]*.md"))
AROUND = re.compile(r"__file__|parents\[|\.\./|Path\.cwd|book/|chdir")


@pytest.fixture(scope="module")
def installed():
    """A folder with the package as a wheel unpacks it: `make test` runs every notebook against it."""
    alone.prove()
    return alone.ALONE / "site"


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


def test_the_kernel_of_the_notebooks_sees_the_wheel_and_not_this_folder(installed):
    kernel = json.loads((alone.ALONE / "kernels" / alone.KERNEL / "kernel.json").read_text(encoding="utf-8"))
    folder = alone.ALONE / "notebooks" / CHAPTERS[0].stem
    assert [file.name for file in folder.iterdir()] == [f"{CHAPTERS[0].stem}.ipynb"]
    code = "import ganedu, importlib.util; print(ganedu.__file__, importlib.util.find_spec('tools'))"
    own = os.environ | kernel["env"]
    ended = subprocess.run([kernel["argv"][0], "-c", code], cwd=folder, env=own, capture_output=True, text=True)
    assert ended.stdout.split() == [str(installed / "ganedu" / "__init__.py"), "None"], ended.stderr
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"--nbval-kernel-name={alone.KERNEL} " in makefile and "_build/alone/notebooks" in makefile


def test_a_result_that_is_not_stored_is_named_with_those_that_are():
    with pytest.raises(ValueError, match=r"no stored result 'ring'; there are: .*ring_coverage"):
        results.metrics("ring")

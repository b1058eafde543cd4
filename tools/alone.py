"""What a notebook needs that is read and run away from the course: downloaded from the book, in Colab, in Binder.

`python -m tools.alone downloads` writes the notebooks that the pages of the book offer, without solutions.
`python -m tools.alone prove` lays each notebook into an empty folder of its own, and a kernel beside them that sees the
package as its wheel unpacks it, instead of this folder: `make test` runs them there.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

from ganedu._files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
DOWNLOADS = ROOT / "_build" / "extra" / "notebooks"  # Sphinx lays what is in `extra` beside the pages
ALONE = ROOT / "_build" / "alone"
KERNEL = "ganedu-alone"
SOURCES = ("ganedu", "book/results", "pyproject.toml", "setup.py", "README.md", "LICENSE")  # of the wheel
CELL = '''\
import importlib.util

if importlib.util.find_spec("ganedu") is None:
    raise SystemExit("""
{}""")'''
FROM_REPOSITORY = '`%pip install "ganedu @ git+{}"`'
FROM_FOLDER = (
    "make its wheel in the folder of the course, `pip wheel --no-deps .`, put it beside this notebook, "
    "`%pip install ganedu-*.whl`"
)


def repository() -> str:
    """The address of the public repository that `book/_config.yml` names, or ''."""
    settings = yaml.safe_load((ROOT / "book" / "_config.yml").read_text(encoding="utf-8"))
    return settings["sphinx"]["config"]["html_theme_options"].get("repository_url", "")


def install_cell(repository: str) -> NotebookNode:
    """A cell that says how to install the package where it is missing; neither the book nor JupyterLab unfolds it."""
    remedy = FROM_REPOSITORY.format(repository) if repository else FROM_FOLDER
    sentence = f"ganedu, the package of the course, is not installed: {remedy}, then run this cell again."
    cell = nbformat.v4.new_code_cell(CELL.format(textwrap.fill(sentence, 90, break_on_hyphens=False)))
    hidden = {"tags": ["remove-cell"], "reason": "for who has this notebook and nothing else"}
    cell.metadata = nbformat.from_dict({"jupyter": {"source_hidden": True}, **hidden})
    return cell


def write_downloads():
    """Write the student editions as the scripts in which `book/_static/notebook.js` finds them."""
    from tools.coursework.course import student_editions  # nbgrader takes seconds to import

    for name, text in student_editions(ROOT / "notebooks").items():
        _write(DOWNLOADS / f"{name}.js", f"window.notebookOfThePage = {json.dumps(text)};\n")


def unpacked_wheel() -> Path:
    """The folder with the package as its wheel unpacks it, made anew if a source changed."""
    site, stamp = ALONE / "site", ALONE / "sources"
    files = [file for name in SOURCES for file in sorted([ROOT / name, *(ROOT / name).rglob("*")]) if file.is_file()]
    files = [file for file in files if "__pycache__" not in file.parts]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        shutil.rmtree(ALONE, ignore_errors=True)
        for file in files:  # setuptools leaves its work beside what it builds
            copy = ALONE / "source" / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        options = ["--no-deps", "--no-build-isolation", "-q", "-w", str(ALONE), str(ALONE / "source")]
        subprocess.run([sys.executable, "-m", "pip", "wheel", *options], check=True)
        (wheel,) = ALONE.glob("ganedu-*.whl")
        zipfile.ZipFile(wheel).extractall(site)
        stamp.write_text(digest.hexdigest())
    return site


def prove():
    """Lay out the notebooks and the kernel that runs them, for `jupyter` and nbval to find in JUPYTER_PATH."""
    start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": start, "display_name": "The wheel", "language": "python"}
    kernel["env"] = {"PYTHONPATH": str(unpacked_wheel())}
    _write(ALONE / "kernels" / KERNEL / "kernel.json", json.dumps(kernel))
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    for notebook in notebooks:
        _write(ALONE / "notebooks" / notebook.stem / notebook.name, notebook.read_text(encoding="utf-8"))
    for folder in (ALONE / "notebooks").iterdir():
        if folder.name not in {notebook.stem for notebook in notebooks}:
            shutil.rmtree(folder)


def _write(path: Path, text: str):
    """Put a text into a file; one that says the same already is left alone, for somebody may be reading it."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.alone", description=__doc__)
    parser.add_argument("what", choices=("downloads", "prove"))
    write_downloads() if parser.parse_args().what == "downloads" else prove()


if __name__ == "__main__":
    main()

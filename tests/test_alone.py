"""A notebook that somebody has and nothing else says what to install; the pages offer it, and where to run it."""

import importlib.util
import re

import nbformat
import pytest
from sphinx.application import Sphinx

from tools import alone
from tools.notebooks import ROOT, converted

REPOSITORY = "https://github.com/someone/gans"


@pytest.mark.parametrize(
    ("repository", "says"),
    [("", "put it beside this notebook"), (REPOSITORY, f'`%pip install "ganedu @ git+{REPOSITORY}"`')],
)
def test_the_first_cell_says_what_to_install(repository, says, monkeypatch):
    source = alone.install_cell(repository).source
    exec(source, {})  # the package is here: nothing happens
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as stopped:
        exec(source, {})
    sentence = " ".join(str(stopped.value).split())
    assert sentence.startswith("ganedu, the package of the course, is not installed") and says in sentence
    assert max(map(len, source.splitlines())) <= 95


def test_a_chapter_begins_with_it_and_the_book_leaves_it_out():
    notebook = converted(ROOT / "book" / "chapters" / "09_game_dynamics.md")
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.source == alone.install_cell(alone.repository()).source
    assert first.metadata.tags == ["remove-cell"] and first.metadata.jupyter.source_hidden


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """One chapter as Sphinx builds it with the book's extension and theme, where a public repository is named."""
    root = tmp_path_factory.mktemp("book")
    for folder in ("notebooks", "_build/extra/notebooks"):
        (root / folder).mkdir(parents=True)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 1 · A chapter")])
        nbformat.write(notebook, root / folder / f"01_chapter.ipynb{'.js' if 'extra' in folder else ''}")
    (root / "index.md").write_text("# A book\n\n```{toctree}\nnotebooks/01_chapter\n```\n")
    settings = {
        "extensions": ["myst_nb", "sphinx.ext.autodoc", "sphinx_book_theme", "ganedu_book"],
        "html_theme": "sphinx_book_theme",
        "html_theme_options": {
            "repository_branch": "main",
            "repository_url": REPOSITORY,
            "use_download_button": False,
        },
        "exclude_patterns": ["_build"],
        "html_static_path": [str(ROOT / "book" / "_static")],
        "nb_execution_mode": "off",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "book" / "_ext")
        html = root / "_build" / "html"
        Sphinx(root, None, html, root / "_build" / "trees", "html", settings, status=None, warning=None).build()
    return html / "notebooks" / "01_chapter.html"


def test_a_page_offers_its_notebook_and_places_to_run_it(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r'<a href="([^"]+)" target="_blank"\s+class="btn', text)
    assert links == [
        "https://mybinder.org/v2/gh/someone/gans/main?urlpath=lab/tree/notebooks/01_chapter.ipynb",
        "https://colab.research.google.com/github/someone/gans/blob/main/notebooks/01_chapter.ipynb",
    ]
    (action,) = re.findall(r"<button onclick=.(\w+)\('01_chapter'\)", text)
    script = (ROOT / "book" / "_static" / "notebook.js").read_text(encoding="utf-8")
    assert f"function {action}(" in script and 'src="../_static/notebook.js' in text

"""The directive `{live}`: what a page loads, and what it shows where nothing can move."""

import re
import subprocess
import sys

import nbformat
import pytest
from live_cases import ESBUILD, ROOT

CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
project = "Live"
extensions = ["myst_nb", "live"]
nb_execution_mode = "off"
numfig = True
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["node_modules", "book", "_build"]
"""
PAGES = {
    "index": "# Front\n\n```{toctree}\nnotebooks/06_loss\nplay\nfigure\nplain\n```\n",
    "notebooks/06_loss": "# 6 · Which loss?\n",
    "play": "# Play\n\n:::{live} playground\nStill *standing*.\n:::\n",
    "figure": "# Figure\n\n:::{live} convolution\n```{figure} dot.svg\n:alt: a dot\n```\n:::\n",
    "plain": "# Plain\n",
}
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>'


def notebook(name, *outputs):
    """A chapter whose one cell names something live, and the line that follows it in JupyterLab."""
    described = {"figure": {"name": "fig-dot", "caption": "A dot."}, "image": {"alt": "a dot"}}
    cell = nbformat.v4.new_code_cell("dot()", metadata={"live": name, "mystnb": described}, outputs=list(outputs))
    line = nbformat.v4.new_markdown_cell("*It moves elsewhere.*", metadata={"tags": ["remove-cell"]})
    title = nbformat.v4.new_markdown_cell("# 18 · Chapter\n\nSee {numref}`fig-dot`.")
    metadata = {"language_info": {"name": "python", "pygments_lexer": "python"}}
    return nbformat.writes(nbformat.v4.new_notebook(cells=[title, cell, line], metadata=metadata))


PICTURE = nbformat.v4.new_output("display_data", {"image/svg+xml": DOT, "text/plain": "a figure"})


def build(folder, pages, *, npm):
    """A small book with the extension; returns its pages, what Sphinx said, and its exit code."""
    source = folder / "source"
    (source / "notebooks").mkdir(parents=True)
    (source / "conf.py").write_text(CONF)
    (source / "dot.svg").write_text(DOT)
    for name, text in pages.items():
        (source / f"{name}{'.ipynb' if text.startswith('{') else '.md'}").write_text(text)
    (source / "book").mkdir()
    (source / "book" / "live").symlink_to(ROOT / "book" / "live")
    if npm:
        (source / "node_modules").symlink_to(ROOT / "node_modules")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", source, folder / "html"]
    run = subprocess.run(command, capture_output=True, text=True)
    html = {name: (folder / "html" / f"{name}.html").read_text() for name in pages if run.returncode == 0}
    return html, run.stdout + run.stderr, run.returncode


def test_everything_that_moves_stands_at_one_place_of_the_book():
    texts = [file.read_text() for folder in ("book", "book/chapters") for file in (ROOT / folder).glob("*.md")]
    placed = [name for text in texts for name in re.findall(r"^(?:live: |:{3,}\{live\} )(\S+)$", text, re.MULTILINE)]
    figures = [file.stem for file in (ROOT / "book" / "live" / "figures").glob("*.js")]
    assert sorted(placed) == sorted([*figures, "playground"])


def test_a_page_loads_the_scripts_that_it_asks_for_and_no_others(tmp_path):
    if not ESBUILD.exists():
        pytest.skip("no esbuild on this machine (npm ci fetches it)")
    html, said, code = build(tmp_path, PAGES, npm=True)
    assert code == 0, said
    assert "live/playground.js" in html["play"] and "live/figures.js" not in html["play"]
    assert "live/figures.js" in html["figure"] and "live/playground.js" not in html["figure"]
    for name in ("index", "plain", "notebooks/06_loss"):
        assert "live/" not in html[name].replace("live.css", "")
    assert 'data-live="playground"' in html["play"] and "Still <em>standing</em>." in html["play"]
    assert (
        "{&quot;06&quot;: {&quot;url&quot;: &quot;notebooks/06_loss.html&quot;, &quot;title&quot;: &quot;Which loss?"
        in html["play"]
    )
    for file in ("playground.js", "figures.js", "live.css"):
        assert (tmp_path / "html" / "live" / file).stat().st_size > 1000


def test_without_npm_the_book_is_built_and_says_what_stands_still(tmp_path):
    front = "# Front\n\n```{toctree}\nplay\n18_chapter\n```\n"
    pages = {"index": front, "play": PAGES["play"], "18_chapter": notebook("convolution", PICTURE)}
    html, said, code = build(tmp_path, pages, npm=False)
    assert code == 0 and "will stand still" in said, said
    assert "live/playground.js" not in html["play"] and "Still <em>standing</em>." in html["play"]
    assert not (tmp_path / "html" / "live").exists()
    # The figure of a cell is what stands still; the line after it is for JupyterLab alone.
    place = re.search(
        r'<div class="live" data-live="convolution">(.*?</figure>)\s*</div>', html["18_chapter"], re.DOTALL
    )
    assert place and 'id="fig-dot"' in place[1] and "A dot." in place[1]
    assert "It moves elsewhere" not in html["18_chapter"] and 'href="#fig-dot"' in html["18_chapter"]


def test_a_place_without_name_or_still_content_is_an_error(tmp_path):
    pages = {
        "index": "# Front\n\n```{toctree}\nwrong\n17_chapter\n18_chapter\n```\n",
        "wrong": "# Wrong\n\n:::{live} perpetual-motion\nStill.\n:::\n\n:::{live} playground\n:::\n",
        "17_chapter": notebook("perpetual-motion", PICTURE),
        "18_chapter": notebook("convolution"),
    }
    _, said, code = build(tmp_path, pages, npm=False)
    assert code != 0
    for complaint in (
        "nothing in book/live is called 'perpetual-motion'; there are convolution,",
        "Content block expected",
        "a cell asks for the live figure 'perpetual-motion', but there are convolution,",
        "a cell asks for the live figure 'convolution', but the cell draws no figure",
    ):
        assert complaint in said, said

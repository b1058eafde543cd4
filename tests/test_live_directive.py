"""The directive `{live}`: what a page loads, and what it shows where nothing can move."""

import subprocess
import sys

import pytest
from live_cases import ESBUILD, ROOT

CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
project = "Live"
extensions = ["myst_parser", "live"]
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["node_modules", "book", "_build"]
"""
PAGES = {
    "index": "# Front\n\n```{toctree}\nnotebooks/06_loss\nplay\nfigure\nplain\n```\n",
    "notebooks/06_loss": "# 6 · Which loss?\n",
    "play": "# Play\n\n:::{live} playground\nStill *standing*.\n:::\n",
    "figure": "# Figure\n\n```{figure} dot.svg\n:name: fig-still\n:alt: a dot\n```\n\n"
    ":::{live} convolution\n:for: fig-still\nIt moves on the page.\n:::\n",
    "plain": "# Plain\n",
}
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>'


def build(folder, pages, *, npm):
    """A small book with the extension; returns its pages, what Sphinx said, and its exit code."""
    source = folder / "source"
    (source / "notebooks").mkdir(parents=True)
    (source / "conf.py").write_text(CONF)
    (source / "dot.svg").write_text(DOT)
    for name, text in pages.items():
        (source / f"{name}.md").write_text(text)
    (source / "book").mkdir()
    (source / "book" / "live").symlink_to(ROOT / "book" / "live")
    if npm:
        (source / "node_modules").symlink_to(ROOT / "node_modules")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", source, folder / "html"]
    run = subprocess.run(command, capture_output=True, text=True)
    html = {name: (folder / "html" / f"{name}.html").read_text() for name in pages if run.returncode == 0}
    return html, run.stdout + run.stderr, run.returncode


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
    assert 'data-for="fig-still"' in html["figure"] and 'id="fig-still"' in html["figure"]
    assert (
        "{&quot;06&quot;: {&quot;url&quot;: &quot;notebooks/06_loss.html&quot;, &quot;title&quot;: &quot;Which loss?"
        in html["play"]
    )
    for file in ("playground.js", "figures.js", "live.css"):
        assert (tmp_path / "html" / "live" / file).stat().st_size > 1000


def test_without_npm_the_book_is_built_and_says_what_stands_still(tmp_path):
    html, said, code = build(tmp_path, PAGES, npm=False)
    assert code == 0 and "will stand still" in said
    assert "live/playground.js" not in html["play"] and "Still <em>standing</em>." in html["play"]
    assert not (tmp_path / "html" / "live").exists()


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        (
            ":::{live} perpetual-motion\nStill.\n:::\n",
            "nothing in book/live is called 'perpetual-motion'; there are playground,",
        ),
        (":::{live} playground\n:::\n", "Content block expected"),
    ],
)
def test_a_place_without_name_or_still_content_is_an_error(tmp_path, place, complaint):
    _, said, code = build(tmp_path, {"index": "# Front\n\n" + place}, npm=False)
    assert code != 0 and complaint in said

"""The directive `{live} NAME`: what moves on the page, around what stands still.

    :::{live} playground
    What a reader without scripts sees: a figure, or a line that says what would move here.
    :::

In a chapter the figure that a cell draws is what stands still; the cell says `live: NAME` in its metadata. JupyterLab,
which knows no such thing, shows the figure, and after it a line that `tools.notebooks` adds and the book leaves out.

The scripts come from `book/live`. esbuild, which npm fetches along with MathJax, makes one classic script of each
entry there, because a browser refuses modules to a page that was opened from disk. What is generated is not committed;
without npm the pages show what stands still, and the build says so. A page loads only the scripts that it asks for.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

# Which entry of book/live plays a name, where it needs more than the figures share; every other name is a figure.
ENTRIES = {"latent-walk": "latent-walk", "playground": "playground"}
FIGURES = "figures"
CHAPTER = re.compile(r"notebooks/(\d\d)_\w+")
TITLE_NUMBER = re.compile(r"^\d+ · ")

logger = logging.getLogger(__name__)


class live(nodes.General, nodes.Element):
    """A place where something moves; its children stand still."""


class Live(SphinxDirective):
    """`{live} NAME`, around what stands still."""

    required_arguments = 1
    has_content = True

    def run(self):
        self.assert_has_content()
        known = names(Path(self.env.srcdir))
        name = self.arguments[0]
        if name not in known:
            raise self.error(f"nothing in book/live is called {name!r}; there are {', '.join(known)}")
        place = live("", name=name, page=self.env.docname)
        self.state.nested_parse(self.content, self.content_offset, place)
        return [place]


def names(root):
    """What can be asked for: the entries with a name of their own, and each file in book/live/figures."""
    return sorted({*ENTRIES, *(file.stem for file in (root / "book" / "live" / "figures").glob("*.js"))})


def around_figures(app, doctree):
    """Put the figures of cells whose metadata name something live into a place of that name."""
    known = names(Path(app.srcdir))
    for cell in list(doctree.findall(nodes.container)):
        name = cell.get("cell_metadata", {}).get("live")
        figure = next(iter(cell.findall(nodes.figure)), None)
        if name is None:
            continue
        if name not in known or figure is None:
            why = "the cell draws no figure" if name in known else f"there are {', '.join(known)}"
            logger.warning(f"a cell asks for the live figure {name!r}, but {why}", location=cell)
            continue
        place = live("", name=name, page=app.env.docname)
        figure.parent.replace(figure, place)  # its own method would hand the figure's name to the place
        place += figure


def visit_html(translator, node):
    """Open the element that the scripts look for."""
    attributes = {"data-live": node["name"]}
    if node["name"] == "playground":
        attributes["data-chapters"] = json.dumps(chapters(translator.builder, node["page"]))
    translator.body.append(translator.starttag(node, "div", CLASS="live", **attributes))


def depart_html(translator, node):
    translator.body.append("</div>\n")


def visit_other(translator, node):
    """Elsewhere there is only what stands still."""


def chapters(builder, page):
    """Address and title of every chapter that is written, by its number of two digits, as seen from `page`."""
    titles = builder.env.titles
    return {
        match[1]: {
            "url": builder.get_relative_uri(page, name),
            "title": TITLE_NUMBER.sub("", titles[name].astext()),
        }
        for name in sorted(builder.env.found_docs)
        if (match := CHAPTER.match(name)) and name in titles
    }


def make(root, target):
    """Make the scripts and their style sheet in the folder `target`; False if npm has not fetched what makes them."""
    esbuild, source = root / "node_modules" / ".bin" / "esbuild", root / "book" / "live"
    if not esbuild.exists():
        return False
    entries = [source / f"{entry}.js" for entry in (*ENTRIES.values(), FIGURES)]
    options = ["--bundle", "--minify", "--format=iife", "--target=es2022", "--log-level=warning", f"--outdir={target}"]
    subprocess.run([esbuild, *entries, source / "live.css", *options], check=True)
    return True


def bundle(app, config):
    """Make the scripts for these pages, or say why their figures stand still."""
    root = Path(app.srcdir)
    shutil.rmtree(root / "_build" / "live", ignore_errors=True)
    if not make(root, root / "_build" / "live"):
        logger.info("esbuild is not here (npm fetches it): the figures of these pages will stand still.")


def load(app, page, template, context, doctree):
    """Let a page load the scripts that its places ask for, and no other page."""
    asked = {node["name"] for node in doctree.findall(live)} if doctree else set()
    if not asked or not (Path(app.srcdir) / "_build" / "live").exists():
        return
    app.add_css_file("../live/live.css")
    for entry in sorted({ENTRIES.get(name, FIGURES) for name in asked}):
        app.add_js_file(f"../live/{entry}.js", loading_method="defer")


def ship(app, exception):
    """Put the scripts beside the pages, also when no page had to be written."""
    made = Path(app.srcdir) / "_build" / "live"
    if exception is None and app.builder.format == "html" and made.exists():
        shutil.copytree(made, Path(app.outdir) / "live", dirs_exist_ok=True)


def setup(app):
    app.add_node(
        live,
        html=(visit_html, depart_html),
        latex=(visit_other, visit_other),
        text=(visit_other, visit_other),
    )
    app.add_directive("live", Live)
    app.connect("config-inited", bundle)
    app.connect("doctree-read", around_figures)
    app.connect("html-page-context", load)
    app.connect("build-finished", ship)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What this book asks of Sphinx beyond its configuration file."""

import re
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

CHAPTER = re.compile(r"notebooks/(\d\d)_(\w+)")
ROLE = re.compile(r"\{ref\}`([\w-]+)`")
CODE = re.compile(r"``?([^`]+)``?")
# In a docstring these begin a thought of their own: the meaning of an argument, what is raised, the source.
NEW_LINE = re.compile(r"Raises |Returns |Taught in |[\w*, ]+: ")

logger = logging.getLogger(__name__)


def offline_math(app, config):
    """Ship MathJax with the pages if `make` has fetched it, so that formulas need no network."""
    extra = Path(app.srcdir) / "_build" / "extra"
    # Not below _static: Jupyter Book would add each of MathJax's scripts to every page.
    config.html_extra_path = [str(extra)]
    if (extra / "mathjax" / "tex-chtml.js").exists():
        config.mathjax_path = "../mathjax/tex-chtml.js"
    else:
        logger.info("MathJax is not here (npm fetches it): the formulas of these pages will need the network.")


def buttons_that_run_it(app, config):
    """Where the configuration names a public repository, the chapters offer Binder and Colab."""
    if config.html_theme_options.get("repository_url"):
        config.html_theme_options["launch_buttons"] = {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        }


def download_button(app, pagename, templatename, context, doctree):
    """A chapter offers its notebook without solutions, which lies beside its page (tools/alone.py)."""
    if CHAPTER.match(pagename) and (Path(app.srcdir) / "_build" / "extra" / f"{pagename}.ipynb.js").exists():
        action = f"downloadNotebook('{Path(pagename).name}')"
        name = {"label": "download-notebook", "tooltip": "Download the notebook of this chapter, to work in it"}
        button = {"type": "javascript", "javascript": action, "icon": "fas fa-download"}
        context["header_buttons"].append(button | name)
        app.add_js_file("notebook.js")


def count_globally(app, env):
    """Hand Sphinx its own numbers of the last build back, so that it can tell which pages changed."""
    env.toc_fignumbers = getattr(env, "global_fignumbers", {})
    return []


def count_by_chapter(app, env):
    """Number equations, theorems, figures and exercises within their chapter: (4.1), (4.2), ...

    Sphinx numbers by section only in numbered tables of contents, where a chapter that is not written
    yet would shift the numbers of all that follow. Ours carry their number in the name of the file.
    """
    env.global_fignumbers, env.toc_fignumbers = env.toc_fignumbers, {}
    for page, kinds in env.global_fignumbers.items():
        chapter = CHAPTER.match(page)
        prefix = (int(chapter[1]),) if chapter else ()
        env.toc_fignumbers[page] = {
            kind: {node: (*prefix, n) for n, node in enumerate(nodes, 1)} for kind, nodes in kinds.items()
        }
    return []


def without_markers(app, doctree):
    """What tells nbgrader where a solution begins and ends is not for readers."""
    for block in doctree.findall(nodes.literal_block):
        if "### BEGIN SOLUTION" in block.rawsource:
            lines = block.rawsource.splitlines()
            block.rawsource = "\n".join(line for line in lines if "### " not in line)
            block.children = [nodes.Text(block.rawsource)]


def docstring_as_rst(app, what, name, obj, options, lines):
    """Our docstrings are plain text with {ref}`labels`; autodoc expects reStructuredText."""
    chapters = {f"ch-{m[2].replace('_', '-')}" for page in app.env.found_docs if (m := CHAPTER.match(page))}

    def link(role):
        unwritten = role[1].startswith("ch-") and role[1] not in chapters
        return f"*{role[1]}* (in preparation)" if unwritten else f":ref:`{role[1]}`"

    text = []
    for line in lines:
        if NEW_LINE.match(line) and text and text[-1]:
            text.append("")
        # Backquotes are code unless they belong to a role; nothing else is markup.
        pieces = re.split(r"(\{ref\}`[^`]+`|``?[^`]+``?)", line)
        text.append("".join(_markup(piece, link) for piece in pieces))
    lines[:] = text


def _markup(piece, link):
    if ROLE.fullmatch(piece):
        return ROLE.sub(link, piece)
    if CODE.fullmatch(piece):
        return CODE.sub(r"``\1``", piece)
    return re.sub(r"([*|\\_])", r"\\\1", piece)


def skip_fields(app, what, name, obj, skip, options):
    """A field of a named tuple documents itself as `Alias for field number 0`, which says nothing."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def setup(app):
    app.connect("config-inited", offline_math)
    app.connect("config-inited", buttons_that_run_it)
    app.connect("html-page-context", download_button, priority=900)  # the theme begins the list of buttons
    app.connect("env-get-updated", count_globally, priority=400)
    app.connect("env-get-updated", count_by_chapter, priority=600)
    app.connect("doctree-read", without_markers)
    app.connect("autodoc-process-docstring", docstring_as_rst)
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

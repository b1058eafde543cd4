"""The book as one file to print: pages joined so that links stay within it, then printed with an outline."""

import re

import pytest
from bs4 import BeautifulSoup

from tools import pdf

FRONT = """<html><head><link href="../_static/a.css"/><script src="../live/figures.js"></script></head>
<body><nav>menu</nav>
<article><h1 id="front">Front</h1><a href="../notebooks/01_one.html#place">there</a><a href="https://a.org/x">away</a>
<a href="appendix/api.html">the package</a></article></body></html>"""
ONE = """<html><head></head><body><article><h1 id="place">One</h1><p>A line.</p>
<img src="../_images/curve.svg" alt="a"/>
<a href="#place">up</a><a href="../book/index.html">front</a></article></body></html>"""


@pytest.fixture
def html(tmp_path):
    """Two pages as Sphinx lays them out."""
    for name, text in (("book/index", FRONT), ("notebooks/01_one", ONE)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    return tmp_path


def test_links_among_the_pages_stay_within_the_joined_one(html):
    soup = BeautifulSoup(pdf.joined(html, ["book/index", "notebooks/01_one"]), "html.parser")
    links = [link["href"] for link in soup.select("a")]
    assert links == [
        "#notebooks-01_one--place", "https://a.org/x", "appendix/api.html", "#notebooks-01_one--place", "#book-index--",
    ]  # fmt: skip
    ids = [element["id"] for element in soup.select("[id]")]
    assert len(ids) == len(set(ids)) and {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert soup.img["src"] == "../_images/curve.svg" and not soup.nav and not soup.select("script")


def test_pages_that_move_and_those_of_the_package_are_not_printed():
    parts = [{"chapters": [{"file": "notebooks/01_one"}, {"file": "book/playground"}]}]
    parts += [{"chapters": [{"file": "book/faq"}, {"file": "book/appendix/api", "sections": [{"file": "book/a"}]}]}]
    assert pdf.pages({"root": "book/index", "parts": parts}) == ["book/index", "notebooks/01_one", "book/faq"]


def test_the_printed_file_has_a_page_a_chapter_and_an_outline(html, chromium):
    pages = pdf.joined(html, ["book/index", "notebooks/01_one"])
    (html / "book" / "whole.html").write_text(pages, encoding="utf-8")
    pdf.printed(html / "book" / "whole.html", html / "book.pdf", browser=chromium)
    content = (html / "book.pdf").read_bytes()
    assert content.startswith(b"%PDF") and len(re.findall(rb"/Type /Page\b(?!s)", content)) == 2
    assert b"/Outlines" in content and [path.name for path in html.glob("*.pdf")] == ["book.pdf"]


@pytest.mark.parametrize(("missing", "says"), [("chromium", "apt-get install chromium"), ("mathjax", "install npm")])
def test_what_is_missing_is_named_in_a_sentence(missing, says, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "CHROMIUM", None if missing == "chromium" else "/usr/bin/chromium")
    monkeypatch.setattr(pdf, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=says):
        pdf.main()

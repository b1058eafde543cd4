"""The book as one file to print: every page, nothing folded, page numbers that run on, links that lead somewhere."""

import pytest
from pypdf import PdfReader
from pypdf.generic import IndirectObject

from tools import pdf

FRONT = """<html><head><script src="../live/figures.js"></script></head><body>
<article><h1 id="front">Front</h1><a href="../notebooks/01_one.html#place">there</a> <a href="https://a.org/x">away</a>
<a href="appendix/api.html">the package</a> <a href="../notebooks/01_one.html#gone">no such place</a></article>
</body></html>"""
ONE = """<html><head></head><body><article><h1>One</h1><p>A line.</p>
<details><summary>More</summary><p>What was folded.</p></details>
<h2 id="place" style="break-before: page">A place</h2><a href="#place">here</a> <a href="../book/index.html">front</a>
<table style="display: block; overflow-x: auto"><tr><td style="white-space: nowrap">%s</td></tr></table></article>
</body></html>""" % ("0123456789 " * 14 + "END")


@pytest.fixture
def html(tmp_path):
    """Two pages as Sphinx lays them out, and what moves on one of them."""
    for name, text in (("book/index.html", FRONT), ("notebooks/01_one.html", ONE), ("live/figures.js", "moved = 1")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def book(html, chromium):
    """The two pages, printed."""
    assert pdf.joined(html, ["book/index", "notebooks/01_one"], html / "book.pdf", browser=chromium) == 3
    assert [path.name for path in html.glob("*.pdf")] == ["book.pdf"]
    return PdfReader(html / "book.pdf")


def test_page_numbers_run_on_and_folds_stand_open(book):
    texts = [page.extract_text() for page in book.pages]
    assert [text.split()[0] for text in texts] == ["1", "2", "3"]
    assert "What was folded." in texts[1]


def test_the_outline_leads_to_each_page_and_section(book):
    front, one, (place,) = book.outline
    found = [(item.title, book.get_destination_page_number(item)) for item in (front, one, place)]
    assert found == [("Front", 0), ("One", 1), ("A place", 2)] and book.page_mode == "/UseOutlines"


def test_links_lead_to_their_place_in_the_file_or_away_and_none_to_this_machine(book, html):
    def targets(page):
        for link in (annotation.get_object() for annotation in page.get("/Annots", ())):
            yield book.get_page_number(link["/Dest"][0].get_object()) if "/Dest" in link else link["/A"]["/URI"]

    assert [list(targets(page)) for page in book.pages] == [[2, "https://a.org/x", 1], [], [2, 0]]
    top = book.pages[0]["/Annots"][0].get_object()["/Dest"][3]
    assert not isinstance(top, IndirectObject) and top > 700  # of 842 points: the heading opens its page
    content = (html / "book.pdf").read_bytes()
    assert b"file:" not in content and b"book.invalid" not in content


def test_what_scrolls_on_a_screen_is_whole_on_paper(book):
    assert "0123456789 END" in book.pages[2].extract_text()  # what is cut off is not in the file


def test_nothing_moves_on_paper(html, chromium, monkeypatch):
    monkeypatch.setattr(pdf, "PREPARE", "() => { if (window.moved) throw new Error('a live figure was loaded'); }")
    assert pdf.printed(html, "book/index", after=0, browser=chromium).startswith(b"%PDF")


def test_pages_that_move_and_those_of_the_package_are_not_printed():
    parts = [{"chapters": [{"file": "notebooks/01_one"}, {"file": "book/playground"}]}]
    parts += [{"chapters": [{"file": "book/faq"}, {"file": "book/appendix/api", "sections": [{"file": "book/a"}]}]}]
    assert pdf.pages({"root": "book/index", "parts": parts}) == ["book/index", "notebooks/01_one", "book/faq"]


@pytest.mark.parametrize(("missing", "says"), [("chromium", "apt-get install chromium"), ("mathjax", "install npm")])
def test_what_is_missing_is_named_in_a_sentence(missing, says, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "CHROMIUM", None if missing == "chromium" else "/usr/bin/chromium")
    monkeypatch.setattr(pdf, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=says):
        pdf.main()

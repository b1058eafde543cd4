"""A chapter's figures and theorems as slides: one each, whole, turned by keys and printed on pages of their own."""

import sys

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from tools import slides

PIXELS = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 4'/%3E"
TALL = "<p>A line of the statement.</p>" * 25
PAGE = f"""<html data-theme="auto"><head><script src="../_static/theme.js"></script>
<script>window.MathJax = {{startup: {{promise: Promise.resolve()}}}}</script></head>
<body><nav>menu</nav><article><section>
<h1>4 · A chapter</h1><p>Which question?</p>
<section><h2>A bound<a class="headerlink" href="#x">#</a></h2><p>Words.</p>
<div class="proof theorem admonition" id="thm"><p>Let <a href="#eq-gone">(4.1)</a>, <a href="#thm">this</a>.</p></div>
<div class="proof admonition" id="proof"><p>A proof.</p></div>
<figure id="fig"><img src="{PIXELS}" alt="a"/><figcaption>Fig. 4.1</figcaption></figure>
<div class="proof definition admonition" id="def">{TALL}<p><a href="05_next.html">next</a></p></div></section>
<section><h2>What you have now</h2><table><tr><td>D = 1/2</td></tr></table></section>
</section></article></body></html>"""


@pytest.fixture
def deck():
    return BeautifulSoup(slides.slides(PAGE, "04_chapter.html"), "html.parser")


def test_each_theorem_and_figure_has_a_slide_under_its_heading_and_proofs_have_none(deck):
    told = [" ".join(slide.get_text(" ").split())[:24] for slide in deck.select(".slide")]
    assert told == [
        "4 · A chapter Which ques", "A bound Let (4.1) , this", "A bound Fig. 4.1", "A bound A line of the st",
        "What you have now D = 1/",
    ]  # fmt: skip
    assert not deck.nav and "theme.js" not in str(deck) and "MathJax" in str(deck.head)


def test_links_stay_among_the_slides_or_lead_to_the_page(deck):
    assert [link["href"] for link in deck.select("a:not(.headerlink)")] == [
        "../notebooks/04_chapter.html#eq-gone", "#thm", "../notebooks/05_next.html",
    ]  # fmt: skip


def test_keys_turn_them_nothing_is_cut_off_and_each_is_a_printed_page(tmp_path, chromium):
    (tmp_path / "deck.html").write_text(slides.slides(PAGE, "04_chapter.html"), encoding="utf-8")
    with chromium.new_context(viewport={"width": 1280, "height": 720}) as context, context.new_page() as page:
        page.goto((tmp_path / "deck.html").as_uri())
        page.wait_for_function("[...document.querySelectorAll('.slide')].every(s => s.scrollHeight <= s.clientHeight)")
        for key, at in (("ArrowRight", 1), (" ", 2), ("ArrowLeft", 1), ("PageDown", 2)):
            page.keyboard.press(key)
            page.wait_for_function(f"scrollY === {at} * innerHeight")
        page.pdf(path=tmp_path / "deck.pdf", prefer_css_page_size=True)
    texts = [sheet.extract_text() for sheet in PdfReader(tmp_path / "deck.pdf").pages]
    assert len(texts) == 5 and texts[3].count("A line of the statement.") == 25


def test_a_chapter_that_is_not_there_is_answered_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(slides, "HTML", tmp_path)
    monkeypatch.setattr(sys, "argv", ["slides", "99"])
    with pytest.raises(SystemExit, match="make slides CHAPTER=04"):
        slides.main()

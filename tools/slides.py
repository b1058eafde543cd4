"""Show a chapter's figures and theorems as slides: `python -m tools.slides 04`, after `make book`.

The slides are taken from the page of the chapter and written to `_build/html/slides`, where they find its style, its
pictures and MathJax: one for each theorem and figure, under the heading of its section, and the summary at the end.
Arrow keys turn them; printed by a browser they are one page each.
"""

import sys

from bs4 import BeautifulSoup, Tag

from tools.pdf import HTML

SHOWN = "div.proof.admonition[id]:is(.theorem, .definition, .proposition, .corollary, .algorithm), figure"
STYLE = """
html { font-size: 24px; scroll-behavior: auto !important; scroll-padding: 0 !important; scroll-snap-type: y mandatory; }
body { display: block; margin: 0; padding: 0; }
.slide { box-sizing: border-box; display: flex; flex-direction: column; height: 100vh; overflow: hidden;
    padding: 4vh 6vw; scroll-snap-align: start; }
.slide h2 { color: var(--pst-color-text-muted); font-size: 1.1rem; margin: 0 0 2vh; }
.slide > .shown { margin: auto 0; width: 100%; }
.slide figure { margin: 0; text-align: center; }
.slide figure img { height: 66vh; max-width: 100%; object-fit: contain; }
.slide table { margin: 0 auto; }
.slide .headerlink { display: none; }
@page { size: 13.33in 7.5in; margin: 0; }
@media print {
    html { font-size: 24px; }
    .slide { break-after: page; height: 7.5in; }
    .slide figure img { height: 4.9in; }
}
"""
# What is too tall becomes smaller, once the formulas are typeset.
SCRIPT = """
addEventListener('load', async () => {
    await window.MathJax?.startup.promise;
    for (const shown of document.querySelectorAll('.shown')) {
        const {clientHeight, scrollHeight} = shown.parentElement;
        const height = shown.offsetHeight, excess = scrollHeight - clientHeight;
        if (excess > 0) shown.style.zoom = 0.97 * (height - excess) / height;
    }
});
addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowDown: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    const now = Math.round(scrollY / innerHeight);
    document.querySelectorAll('.slide')[now + step]?.scrollIntoView();
});
"""


def slides(page: str, name: str) -> str:
    """The page of slides for the page of a chapter, whose file is called `name`."""
    soup = BeautifulSoup(page, "html.parser")
    article = soup.select_one("article")
    title, *sections = article.select("h1, article > section > section")
    deck = [_slide(soup, "", [title, article.select_one("p")])]  # a chapter begins with its question
    for section in sections:
        deck += [_slide(soup, _heading(section), [shown]) for shown in section.select(SHOWN)]
    if sections and (tables := sections[-1].select("table")):
        deck.append(_slide(soup, _heading(sections[-1]), tables))
    for script in soup.select("script, link[as=script]"):
        if "mathjax" not in str(script).lower():
            script.decompose()  # the others look for parts of a page that are not here
    soup.html["data-theme"] = "light"
    soup.head.append(_element(soup, "style", STYLE))
    soup.body.clear()
    soup.body.extend(deck)
    soup.body.append(_element(soup, "script", SCRIPT))
    there = {element["id"] for element in soup.body.select("[id]")}
    for link in soup.body.select('a[href]:not([href*="://"])'):
        if link["href"].startswith("#"):
            link["href"] = link["href"] if link["href"][1:] in there else f"../notebooks/{name}{link['href']}"
        else:
            link["href"] = f"../notebooks/{link['href']}"
    return str(soup)


def _heading(section: Tag) -> str:
    return section.h2.get_text().removesuffix("#")


def _slide(soup: BeautifulSoup, heading: str, content: list[Tag]) -> Tag:
    slide, shown = _element(soup, "section"), _element(soup, "div")
    slide["class"], shown["class"] = "slide bd-article", "shown bd-content"
    if heading:
        slide.append(_element(soup, "h2", heading))
    shown.extend(content)
    slide.append(shown)
    return slide


def _element(soup: BeautifulSoup, name: str, text: str = "") -> Tag:
    element = soup.new_tag(name)
    element.string = text
    return element


def main():
    """The command line."""
    pages = list((HTML / "notebooks").glob(f"{sys.argv[1]}_*.html")) if len(sys.argv) == 2 else []
    if len(pages) != 1:
        sys.exit("Which chapter? Name it by its two digits: make slides CHAPTER=04")
    target = HTML / "slides" / pages[0].name
    target.parent.mkdir(exist_ok=True)
    target.write_text(slides(pages[0].read_text(encoding="utf-8"), pages[0].name), encoding="utf-8")
    print(f"The slides are ready, open {target}")


if __name__ == "__main__":
    main()

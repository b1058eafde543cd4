"""Print the book to a file: `python -m tools.pdf`, after `make book`.

Chromium prints page by page, in the order of the table of contents, because the whole book at once takes it more memory
than a laptop has. Left out are the pages that only a screen can show and those of the package. The parts are then
joined: page numbers run on, headings make the outline, and links among the pages lead to their place in the file.
"""

import os
import shutil
import sys
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
LEFT_OUT = ("book/playground", "book/live_figures", "book/appendix/api")
TARGET = ROOT / "_build" / "gans_executed.pdf"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
BOOK = "https://book.invalid/"  # where links among the pages lead until the pages are joined
# The first page number is one more than the counter's start.
PAPER = """
    @page { size: A4; margin: 18mm 20mm; @bottom-center { content: counter(page); font: 8pt sans-serif; } }
    html { counter-reset: page %d; }
    h1, h2, h3 { white-space: break-spaces; } /* or Chromium joins two lines without a space in the outline */
    #print-main-content { display: none; } /* the outline of the file has it */
"""
WIDTH = 642  # of the text in pixels: A4 between its margins
# Whatever folds stands open. Chromium keeps the place of an id only where a link within the page leads to it, so each
# gets one, which nobody sees.
PREPARE = """([root, book]) => {
    document.querySelectorAll('details').forEach(folded => { folded.open = true; });
    document.querySelectorAll('.toggle-hidden').forEach(box => box.classList.remove('toggle-hidden'));
    document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; });
    document.querySelectorAll('article a[href]').forEach(link => {
        if (link.href.startsWith(root)) link.href = book + link.href.slice(root.length);
    });
    document.querySelectorAll('article [id]').forEach(({id}) => {
        document.body.append(Object.assign(document.createElement('a'), {hidden: true, href: '#' + id}));
    });
    return Promise.all([document.fonts.ready, ...[...document.images].map(image => image.decode().catch(() => null))]);
}"""
# What scrolls on a screen becomes smaller on paper.
FIT = """() => document.querySelectorAll('mjx-container[display="true"], article table').forEach(wide => {
    if (wide.scrollWidth <= wide.clientWidth) return;
    const size = parseFloat(getComputedStyle(wide).fontSize);
    wide.style.fontSize = `${0.98 * size * wide.clientWidth / wide.scrollWidth}px`;
})"""


def pages(toc: dict) -> list[str]:
    """The files of a table of contents that are printed, in its order."""
    files = [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]
    return [file for file in files if file not in LEFT_OUT]


def printed(html: Path, file: str, *, after: int, browser) -> bytes:
    """One page of the folder `html` as PDF, its formulas typeset, its page numbers beginning with `after + 1`.

    browser: of playwright, Chromium.
    """
    with browser.new_context(color_scheme="light", viewport={"width": WIDTH, "height": 1000}) as context:
        page = context.new_page()
        page.set_default_timeout(0)  # on a busy machine a long page takes minutes
        page.emulate_media(media="print")
        page.route("**/live/*", lambda route: route.abort())  # paper does not move
        page.goto((html / f"{file}.html").as_uri())
        page.add_style_tag(content=PAPER % after)
        page.evaluate("() => window.MathJax?.startup.promise")
        page.evaluate(PREPARE, [f"{html.as_uri()}/", BOOK])
        page.evaluate(FIT)
        return page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)


def joined(html: Path, files: list[str], target: Path, *, browser) -> int:
    """Print the files into one PDF, which replaces the old one when it is whole; returns the number of its pages."""
    from pypdf import PdfReader, PdfWriter

    book, places = PdfWriter(), {}
    for file in files:
        begin = len(book.pages)
        part = PdfReader(BytesIO(printed(html, file, after=begin, browser=browser)))
        places[file, ""] = (begin, None)
        for name, at in part.named_destinations.items():
            places[file, name.removeprefix("/")] = (begin + part.get_destination_page_number(at), at.top)
        part.root_object.pop("/Dests", None)  # the same names come back in other parts
        book.append(part)
    for page in book.pages:
        _lead(page, places, book)
    book.compress_identical_objects()  # the fonts of each part
    book.add_metadata({"/Title": "Generative Adversarial Networks, Executed"})
    book.page_mode = "/UseOutlines"
    unfinished = target.with_suffix(".tmp.pdf")
    book.write(unfinished)
    os.replace(unfinished, target)
    return len(book.pages)


def _lead(page, places: dict, book):
    """Turn the links of a page to others of the book into links within the file; those to pages left out go."""
    from pypdf.generic import ArrayObject, NameObject, NullObject

    kept = ArrayObject()
    for reference in page.get("/Annots", ()):
        link = reference.get_object()
        address = link.get("/A", {}).get("/URI", "")
        if address.startswith(BOOK):
            parts = urlsplit(address)
            file = unquote(parts.path).removeprefix("/").removesuffix(".html")
            number, top = places.get((file, unquote(parts.fragment))) or places.get((file, ""), (None, None))
            if number is None:
                continue
            del link["/A"]
            at = [book.pages[number].indirect_reference, NameObject("/XYZ"), NullObject(), top or NullObject()]
            link[NameObject("/Dest")] = ArrayObject([*at, NullObject()])
        kept.append(reference)
    page[NameObject("/Annots")] = kept


def main():
    """The command line."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        sys.exit("make pdf prints with Chromium, which is not here: install it, say `apt-get install chromium`.")
    if not (ROOT / "_build" / "extra" / "mathjax" / "tex-chtml.js").exists():
        sys.exit("make pdf typesets formulas with MathJax, which npm fetches: install npm, then run it again.")
    files = pages(yaml.safe_load((ROOT / "_build" / "toc.yml").read_text(encoding="utf-8")))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        count = joined(HTML, files, TARGET, browser=browser)
        browser.close()
    print(f"The book is printed, {count} pages: {TARGET}")


if __name__ == "__main__":
    main()

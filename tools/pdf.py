"""Print the book to a file: `python -m tools.pdf`, after `jupyter-book build --builder singlehtml`.

Sphinx makes one page of the whole book, Chromium typesets its formulas and prints it, with page numbers and an outline
of its headings. `make pdf` does both.
"""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "_build" / "singlehtml" / "book" / "index.html"
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
FOOTER = '<div style="font-size: 8px; width: 100%; text-align: center"><span class="pageNumber"></span></div>'
# Boxes, checks and answers open; the code of figures and of tests, which the pages fold, is left out.
PREPARE = """() => {
    document.querySelectorAll('.cell.tag_hide-input > details').forEach(folded => folded.remove());
    document.querySelectorAll('details').forEach(folded => { folded.open = true; });
    document.querySelectorAll('.toggle-hidden').forEach(box => box.classList.remove('toggle-hidden'));
    document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; });
    return Promise.all([...document.images].map(image => image.decode().catch(() => null)));
}"""


def printed(page_file: Path, target: Path):
    """Print a page of HTML with its formulas typeset to a PDF; the old file stays until the new one is whole."""
    from playwright.sync_api import sync_playwright

    unfinished = target.with_suffix(".tmp.pdf")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(color_scheme="light", viewport={"width": 1000, "height": 1400})
        page.set_default_timeout(0)  # a whole book takes minutes
        page.route("**/live/**", lambda route: route.abort())  # paper does not move
        page.goto(page_file.as_uri())
        page.evaluate("() => window.MathJax.startup.promise")
        page.evaluate(PREPARE)
        page.emulate_media(media="print")
        margin = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
        page.pdf(
            path=unfinished, format="A4", margin=margin, outline=True, tagged=True, print_background=True,
            display_header_footer=True, header_template="<span></span>", footer_template=FOOTER,
        )  # fmt: skip
        browser.close()
    os.replace(unfinished, target)


def main():
    """The command line."""
    if CHROMIUM is None:
        sys.exit("make pdf prints with Chromium, which is not here: install it, say `apt-get install chromium`.")
    if not (ROOT / "_build" / "extra" / "mathjax" / "tex-chtml.js").exists():
        sys.exit("make pdf typesets formulas with MathJax, which npm fetches: install npm, then run it again.")
    printed(PAGE, TARGET)
    print(f"The book is printed: {TARGET}")


if __name__ == "__main__":
    main()

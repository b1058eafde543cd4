"""Print the book to a file: `python -m tools.pdf`, after `make book`.

The pages are joined in the order of the table of contents, without those that only a screen can show and those of the
package. Chromium typesets the formulas and prints, with page numbers and an outline of the headings.
"""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup

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
FOOTER = '<div style="font-size: 8px; width: 100%; text-align: center"><span class="pageNumber"></span></div>'
# Boxes, checks and answers open; the code of figures and of tests, which the pages fold, is left out.
PREPARE = """() => {
    document.querySelectorAll('.cell.tag_hide-input > details').forEach(folded => folded.remove());
    document.querySelectorAll('details').forEach(folded => { folded.open = true; });
    document.querySelectorAll('.toggle-hidden').forEach(box => box.classList.remove('toggle-hidden'));
    document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; });
    return Promise.all([...document.images].map(image => image.decode().catch(() => null)));
}"""


def pages(toc: dict) -> list[str]:
    """The files of a table of contents that are printed, in its order."""
    files = [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]
    return [file for file in files if file not in LEFT_OUT]


def joined(html: Path, files: list[str]) -> str:
    """One page of HTML, to lie beside the first of the files, whose links among themselves lead to places within it."""
    whole = BeautifulSoup((html / f"{files[0]}.html").read_text(encoding="utf-8"), "html.parser")
    for script in whole.select('script[src*="/live/"]'):
        script.decompose()  # paper does not move
    whole.body.clear()
    for file in files:
        soup = BeautifulSoup((html / f"{file}.html").read_text(encoding="utf-8"), "html.parser")
        article = soup.select_one("article")
        for element in article.select("[id]"):
            element["id"] = _place(file, element["id"])
        for link in article.select("a[href]"):
            link["href"] = _within(link["href"], html, file, files)
        for image in article.select("img[src]"):
            image["src"] = os.path.relpath((html / file).parent / unquote(image["src"]), (html / files[0]).parent)
        article["id"], article["style"] = _place(file, ""), "break-before: page"
        whole.body.append(article)
    return str(whole)


def _place(file: str, anchor: str) -> str:
    """The id in the joined page of a place in one of the files."""
    return f"{file.replace('/', '-')}--{anchor}"


def _within(address: str, html: Path, file: str, files: list[str]) -> str:
    """A link of one of the files as a link within the joined page, if it leads to one of the files."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    target = os.path.normpath((html / file).parent / unquote(parts.path)) if parts.path else str(html / f"{file}.html")
    name = os.path.relpath(target, html).removesuffix(".html")
    return f"#{_place(name, parts.fragment)}" if name in files else address


def printed(page_file: Path, target: Path, *, browser):
    """Print a page of HTML with its formulas typeset to a PDF; the old file stays until the new one is whole.

    browser: of playwright, Chromium.
    """
    unfinished = target.with_suffix(".tmp.pdf")
    with browser.new_context(color_scheme="light", viewport={"width": 1000, "height": 1400}) as context:
        page = context.new_page()
        page.set_default_timeout(0)  # a whole book takes minutes
        page.goto(page_file.as_uri())
        page.evaluate("() => window.MathJax?.startup.promise")
        page.evaluate(PREPARE)
        page.emulate_media(media="print")
        margin = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
        page.pdf(
            path=unfinished, format="A4", margin=margin, outline=True, tagged=True, print_background=True,
            display_header_footer=True, header_template="<span></span>", footer_template=FOOTER,
        )  # fmt: skip
    os.replace(unfinished, target)


def main():
    """The command line."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        sys.exit("make pdf prints with Chromium, which is not here: install it, say `apt-get install chromium`.")
    if not (ROOT / "_build" / "extra" / "mathjax" / "tex-chtml.js").exists():
        sys.exit("make pdf typesets formulas with MathJax, which npm fetches: install npm, then run it again.")
    files = pages(yaml.safe_load((ROOT / "_build" / "toc.yml").read_text(encoding="utf-8")))
    whole = (HTML / files[0]).with_name("whole.html")
    try:
        whole.write_text(joined(HTML, files), encoding="utf-8")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            printed(whole, TARGET, browser=browser)
            browser.close()
    finally:
        whole.unlink(missing_ok=True)
    print(f"The book is printed: {TARGET}")


if __name__ == "__main__":
    main()

"""The pages of the book, as a reader without a network meets them: opened from disk in a real browser."""

import os
import re
import subprocess
from pathlib import Path

import matplotlib.image
import pytest
import yaml
from live_cases import faults

from tools.toc import chapter_list, written

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
TITLE = "GANs, Executed"
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
WINDOWS = {"desktop": (1280, 900, "light"), "phone": (390, 844, "dark")}


# Text whose contrast with what lies behind it is below 4.5 (WCAG AA).
FAINT = """() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgba = color => {  // whatever the notation of the color
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = color => color.slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = element => {
        for (let e = element; e; e = e.parentElement) {
            const color = rgba(getComputedStyle(e).backgroundColor);
            if (color[3] > 250) return color;
        }
        return [255, 255, 255, 255];
    };
    const ratio = element => {
        const [a, b] = [light(rgba(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };
    return [...document.querySelectorAll('article :is(h1, h2, p, li, td, th, pre, figcaption, a, code)')]
        .filter(e => e.checkVisibility() && e.innerText.trim() && ratio(e) < 4.5 && !e.matches('.headerlink'))
        .map(e => `${ratio(e).toFixed(2)} <${e.tagName}> ${e.innerText.slice(0, 40)}`);
}"""


def pages(toc):
    """The files of a table of contents, from the front page to the last appendix."""

    def below(entries):
        for entry in entries:
            yield entry["file"]
            yield from below(entry.get("sections", ()))

    return [toc["root"], *(file for part in toc["parts"] for file in below(part["chapters"]))]


PAGES = [*pages(written(TOC, ROOT)), "genindex", "prf-prf", "py-modindex", "search"]

# With a live figure, checks and exercises; with cards; with citations; of the package; and what Sphinx makes by itself.
KINDS = (
    *("book/index", "book/playground", "notebooks/04_optimal_discriminator", "book/appendix/corrections"),
    *("book/appendix/bibliography", "book/appendix/api/checks", "search"),
)


@pytest.fixture(scope="session")
def book():
    """The folder of the built pages; an up-to-date book is not built again."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    run = subprocess.run(["make", "book"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].endswith(str(HTML / "index.html"))
    return HTML


@pytest.fixture(scope="session")
def self_contained(book):
    """The same folder, with MathJax in it."""
    if not (book / "mathjax").exists():
        pytest.skip("MathJax could not be fetched (is npm here?): these pages load it from the web")
    return book


class Reader:
    """A browser window without a network, and everything that went wrong in it."""

    def __init__(self, browser, window="desktop"):
        width, height, self.theme = WINDOWS[window]
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=self.theme, offline=True
        )
        self.page, self.trouble = self.context.new_page(), []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.trouble.append(m.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("request", lambda r: r.url.startswith(("http:", "https:")) and self.trouble.append(r.url))
        self.page.on("requestfailed", self.note_failure)

    def note_failure(self, request):
        if request.failure != "net::ERR_ABORTED":  # aborted: the reader has moved on to the next page
            self.trouble.append(f"{request.failure}: {request.url}")

    def open(self, file):
        self.page.goto(file.as_uri())
        self.page.evaluate("() => window.MathJax?.startup?.promise")
        return self.page


@pytest.fixture(scope="module")
def phone(chromium):
    reader = Reader(chromium, "phone")
    yield reader
    reader.context.close()


@pytest.fixture
def desktop(chromium):
    reader = Reader(chromium)
    yield reader
    reader.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_from_disk_without_a_flaw(self_contained, phone, name):
    """Opened on a phone in the dark, then in the window and the light of a desktop: typesetting takes the time."""
    phone.trouble.clear()
    phone.page.set_viewport_size({"width": 390, "height": 844})
    page = phone.open(self_contained / f"{name}.html")
    assert page.evaluate("document.documentElement.dataset.theme") == phone.theme
    for width, height, theme in reversed(WINDOWS.values()):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        seen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert seen[0] <= seen[1] == width, "the page scrolls sideways"
        assert page.evaluate(FAINT) == []
    seen = page.evaluate("""() => ({
        title: document.title,
        heading: document.querySelector('h1')?.innerText ?? '',
        formulas: document.querySelectorAll('.math').length,
        typeset: document.querySelectorAll('.math mjx-container').length,
        untypeset: [...document.querySelectorAll('.math')].filter(e => !e.querySelector('mjx-container')).length,
        errors: [...document.querySelectorAll('mjx-merror')].map(e => e.innerText),
        missing: [...document.images].filter(e => e.complete && !e.naturalWidth).map(e => e.src),
        silent: [...document.querySelectorAll('article img')].filter(e => !e.alt.trim()).map(e => e.src),
    })""")
    assert phone.trouble == []
    assert seen["errors"] == [] and seen["untypeset"] == 0 and seen["typeset"] >= seen["formulas"]
    assert seen["missing"] == [] and seen["silent"] == []
    assert seen["title"].startswith(seen["heading"].removesuffix("#").strip()) and seen["title"].endswith(TITLE)


@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_no_serious_fault_on_a_page_of_each_kind(self_contained, desktop, name):
    assert faults(desktop.open(self_contained / f"{name}.html"), ("serious", "critical")) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_reader_on_a_phone_finds_a_chapter_unfolds_follows_and_reads_on(self_contained, chromium, theme):
    size = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    with chromium.new_context(**size, color_scheme=theme, offline=True) as context, context.new_page() as page:
        trouble = []
        page.on("console", lambda m: m.type in ("error", "warning") and trouble.append(m.text))

        def settled(title):
            page.get_by_role("heading", level=1, name=title).wait_for()
            page.evaluate("() => window.MathJax?.startup?.promise")
            assert page.evaluate("[document.documentElement.dataset.theme, visualViewport.scale]") == [theme, 1]
            assert page.evaluate("document.documentElement.scrollWidth") <= 390 and trouble == []

        page.goto((self_contained / "book" / "index.html").as_uri())
        settled("Generative Adversarial Networks")
        page.locator(".primary-toggle").tap()
        page.get_by_role("dialog").get_by_role("link", name="4 · The optimal discriminator").tap()
        settled("4 · The optimal discriminator")
        check = page.locator("details.ganedu-check").first
        check.locator("summary").tap()
        check.get_by_role("link", name="To the formula (4.3)").tap()
        assert page.url.endswith("#equation-eq-optimal-d")
        seen = "(({top, bottom}) => 0 < top && bottom < 844)"
        page.wait_for_function(f"{seen}(document.getElementById('equation-eq-optimal-d').getBoundingClientRect())")
        box = page.locator(".admonition.erratum").first
        box.locator(".toggle-button").tap()
        box.get_by_text("How one comes to write it").wait_for()
        settled("4 · The optimal discriminator")
        page.locator("a.right-next").tap()
        settled("5 · From the game to the Jensen–Shannon divergence")


def test_a_chapter_gives_its_notebook_away_without_solutions(book, desktop):
    page = desktop.open(book / "notebooks" / "07_saddle_points.html")
    with page.expect_download() as download:
        page.locator("button.btn-download-notebook").click()
    notebook = Path(download.value.path()).read_text(encoding="utf-8")
    assert 'checks.test(\\"ex-' in notebook and "BEGIN SOLUTION" not in notebook
    assert "is not installed" in notebook and "is not installed" not in page.inner_text("article")


def test_redirect_leads_to_the_front_page(book, desktop):
    desktop.page.goto((book / "index.html").as_uri())
    desktop.page.wait_for_url("**/book/index.html")
    assert desktop.page.title().endswith(TITLE)


def test_figures_stand_on_their_own_white(book):
    """A transparent figure would lose its black axes in the dark theme."""
    for file in (book / "_images").glob(f"{'[0-9a-f]' * 64}.png"):  # of notebooks; samples on a page may be dark
        image = matplotlib.image.imread(file)
        corners = image[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.min() > 0.95, f"{file.name} has a corner that is not white"


def test_search_finds_a_word_without_a_server(book, desktop):
    desktop.page.goto((book / "search.html").as_uri() + "?q=discriminator")
    # Results appear one after the other; this one must come.
    desktop.page.wait_for_selector('#search-results li a[href*="04_optimal_discriminator"]')
    assert desktop.trouble == []


def test_there_is_one_search_box(book, desktop):
    page = desktop.open(book / "book" / "index.html")
    boxes = page.query_selector_all(".search-button, .search-button__button, .search-button-field")
    assert sum(box.is_visible() for box in boxes) == 1


def test_equations_are_numbered_within_their_chapter(book):
    """Chapters that are not written yet must not shift the numbers of those that are."""
    for page in (book / "notebooks").glob("[0-9][0-9]_*.html"):
        numbers = re.findall(r'class="eqno">\((\d+)\.(\d+)\)', page.read_text(encoding="utf-8"))
        assert numbers == [(str(int(page.name[:2])), str(n)) for n in range(1, len(numbers) + 1)]


def test_a_check_calls_its_equation_by_the_number_that_the_page_prints(book):
    found = 0
    for page in (book / "notebooks").glob("[0-9][0-9]_*.html"):
        text = page.read_text(encoding="utf-8")
        printed = dict(re.findall(r'id="equation-([\w-]+)">\s*<span class="eqno">(\([\d.]+\))', text))
        called = re.findall(r'<a href="#equation-([\w-]+)"[^>]*>(?:To the formula )?(<code>|\([\d.]+\))', text)
        assert called and {(label, number) for label, number in called} <= set(printed.items()), page.name
        found += len(called)
    assert found > 500


def test_second_build_writes_no_page(book):
    before = {page: page.stat().st_mtime_ns for page in book.rglob("*.html")}
    subprocess.run(["make", "book"], cwd=ROOT, check=True, capture_output=True)
    assert {page: page.stat().st_mtime_ns for page in book.rglob("*.html")} == before


def test_pages_load_nothing_from_elsewhere(self_contained):
    loads = re.compile(r"<(?:script|img|iframe|link rel=\"(?:stylesheet|preload)\")[^>]*(?:src|href)=\"(?:https?:)?//")
    assert [page for page in self_contained.rglob("*.html") if loads.search(page.read_text(encoding="utf-8"))] == []


def test_course_has_30_chapters_and_each_page_once():
    files = pages(TOC)
    chapters = [file for file in files if file.startswith("notebooks/")]
    assert [int(file[10:12]) for file in chapters] == list(range(1, 31))
    assert len(set(files)) == len(files)


def test_every_page_that_is_written_is_in_the_table_of_contents():
    folders = {"notebooks": "*.ipynb", "book/appendix": "*.md", "book/appendix/api": "*.md"}
    there = {f"{folder}/{file.stem}" for folder, glob in folders.items() for file in (ROOT / folder).glob(glob)}
    assert there <= set(pages(TOC))


def test_chapters_that_are_not_written_are_marked_on_the_front_page_and_nowhere_else(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "02_b.ipynb").touch()
    first = {"caption": "I", "chapters": [{"file": "notebooks/01_a", "title": "1 · A"}, {"file": "notebooks/02_b"}]}
    second = {"caption": "II", "chapters": [{"file": "notebooks/03_c"}]}
    toc = written({"root": "index", "parts": [first, second]}, tmp_path)
    assert toc == {"root": "index", "parts": [{"caption": "I", "chapters": [{"file": "notebooks/02_b"}]}]}
    assert chapter_list(first, tmp_path) == "- 1 · A *(to come)*\n- {doc}`/notebooks/02_b`\n"
    assert chapter_list(second, tmp_path) == "- notebooks/03_c *(to come)*\n"


def test_a_chapter_has_a_title_in_the_table_until_it_is_written():
    pages = [page for part in TOC["parts"] for page in part["chapters"] if page["file"].startswith("notebooks/")]
    assert {page["file"] for page in pages if "title" not in page} == {
        f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")
    }


def test_every_public_module_has_a_page():
    modules = {path.stem for path in (ROOT / "ganedu").glob("[a-z]*.py")}
    modules |= {path.parent.name for path in (ROOT / "ganedu").glob("[a-z]*/__init__.py")}
    documented = {path.stem for path in (ROOT / "book" / "appendix" / "api").glob("*.md")}
    assert modules - {"cli"} == documented  # the command line has its own help

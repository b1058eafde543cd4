"""The playground as its reader meets it: opened from disk in a real browser, without a network."""

import importlib.util
import subprocess
from itertools import pairwise

import pytest
from live_cases import ESBUILD, ROOT, SOURCE, bundle, faults

from ganedu import recipes
from ganedu.networks import web
from ganedu.recipes import mlp

MOST_BYTES = 300_000  # of all that the pages that move add
SHELL = """<!doctype html><html lang="en" data-theme="light"><head><title>Live</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="live.css">
<style>a {{color: var(--live-real)}}</style></head>
<body><main><h1>Live</h1><div class="live" data-live="{name}" data-chapters='{chapters}'><p>Still.</p></div></main>
<script defer src="{script}.js"></script></body></html>"""
FIGURES = sorted(file.stem for file in (SOURCE / "figures").glob("*.js"))
CHAPTERS = '{"06": {"url": "chapter_06.html", "title": "Which loss?"}}'


@pytest.fixture(scope="module")
def browser(chromium):
    if not ESBUILD.exists():
        pytest.skip("no esbuild (npm ci fetches it) on this machine: the pages were not opened")
    return chromium


@pytest.fixture(scope="module")
def extension():
    spec = importlib.util.spec_from_file_location("live", ROOT / "book" / "_ext" / "live.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory, extension):
    """The scripts as the book ships them, and a page for the playground."""
    site = tmp_path_factory.mktemp("site")
    if not extension.make(ROOT, site):
        pytest.skip("no esbuild on this machine (npm ci fetches it)")
    (site / "playground.html").write_text(SHELL.format(name="playground", script="playground", chapters=CHAPTERS))
    for name in FIGURES:
        script = extension.ENTRIES.get(name, extension.FIGURES)
        (site / f"{name}.html").write_text(SHELL.format(name=name, script=script, chapters="{}"))
    return site


class Reader:
    """A reader who wants little motion, so that nothing plays unasked, and what went wrong before their eyes."""

    def __init__(self, browser, site, width=1280, touch=False):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, has_touch=touch, offline=True, reduced_motion="reduce"
        )
        self.page, self.site, self.trouble = self.context.new_page(), site, []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.trouble.append(m.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))

    def open(self, address="", name="playground"):
        self.page.goto(f"{(self.site / name).as_uri()}.html{address}")
        return self.page

    def press(self, text):
        self.page.get_by_role("button", name=text, exact=True).click()

    def number(self, row):
        """The text beside the name of a number."""
        return self.page.locator(f"dt:text-is('{row}') + dd").inner_text()

    def steps(self, at_least):
        self.page.wait_for_function(
            "n => Number(document.querySelector('.pg-numbers dd').textContent) >= n", arg=at_least, timeout=120_000
        )

    @property
    def told(self):
        return self.page.locator(".pg-story").inner_text()


@pytest.fixture
def reader(browser, site):
    reader = Reader(browser, site)
    yield reader
    assert reader.trouble == []
    reader.context.close()


def test_one_step_is_one_step_and_the_seed_makes_it_the_same(reader):
    page = reader.open("#seed=7")
    reader.press("One step")
    first = reader.number("Step"), reader.number("Loss of D")
    reader.press("Start again")
    reader.press("One step")
    assert first == (reader.number("Step"), reader.number("Loss of D")) and first[0] == "1"
    assert page.locator(".live > p").is_hidden()  # the still content


def test_it_plays_and_rests(reader):
    reader.open()
    reader.press("Play")
    reader.steps(20)
    reader.press("Pause")
    at = reader.number("Step")
    reader.page.wait_for_timeout(300)
    assert reader.number("Step") == at and reader.number("Pace") == "resting"


def test_it_plays_on_after_it_was_printed(reader):
    page = reader.open()
    reader.press("Play")
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    page.emulate_media(media="screen")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")  # new marks, of the size that it has again
    reader.steps(int(reader.number("Step")) + 10)


@pytest.mark.parametrize("name", ["mode collapse", "cycling", "vanishing gradients", "the cure"])
def test_each_ailment_is_one_click_away_and_names_its_chapter(reader, name):
    reader.open()
    reader.press(name)
    reader.steps(3)
    link = reader.page.locator(".pg-story a")
    if name == "vanishing gradients":
        assert link.get_attribute("href") == "chapter_06.html" and "Which loss?" in link.inner_text()
    else:  # not written in this shell of a book
        assert link.count() == 0 and "(in preparation)" in reader.told
    if name != "the cure":
        before = int(reader.number("Step"))
        reader.page.locator(".pg-story button").click()
        assert "The networks are the same" in reader.told and int(reader.number("Step")) >= before


def test_the_address_holds_the_game(reader):
    page = reader.open()
    page.get_by_label("Loss", exact=True).select_option("hinge")
    page.get_by_label("Rate of G").fill("0.01")
    page.get_by_label("Rate of G").press("Enter")
    address = page.evaluate("location.hash")
    assert address == "#loss=hinge&rateG=0.01"
    page.goto("about:blank")
    page = reader.open(address)
    assert page.get_by_label("Loss", exact=True).input_value() == "hinge"
    assert page.get_by_label("Rate of G").input_value() == "0.01"


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("#loss=wishful", "Loss “wishful” is unknown (minimax, non_saturating,"),
        ("#rateG=1e9", "Rate of G: a number from 0 to 1 is needed, not “1e9”; 1 is used."),
        ("#rateD=NaN", "not “NaN”; 0.002 is used."),
        ("#width=7.5", "a whole number from 2 to 64 is needed, not “7.5”; 8 is used."),
        ("#depth=", "Hidden layers: a whole number from 0 to 3 is needed, not “”; 2 is used."),
        ("#seed=-3", "not “-3”; 0 is used."),
        ("#loss=__proto__", "Loss “__proto__” is unknown"),
        ("#constructor=1", "The address asks for “constructor”, which does not exist."),
        ("#%3Cimg%20src=x%3E", "The address asks for “<img src”, which does not exist."),
        ("#data=drawing&points=zz!", "The drawing in the address cannot be read"),
        ("#data=drawing&points=0000", "Draw your data on the field"),
    ],
)
def test_an_edited_address_is_answered_and_the_page_goes_on(reader, address, complaint):
    reader.open(address)
    assert complaint in reader.told
    if "drawing" not in address:
        reader.press("One step")
        assert reader.number("Step") == "1"


def test_an_absurd_rate_is_refused_in_words(reader):
    page = reader.open()
    page.get_by_label("Rate of D").fill("-5")
    page.get_by_label("Rate of D").press("Enter")
    assert "Rate of D: a number from 0 to 1 is needed, not “-5”; 0 is used." in reader.told
    assert page.get_by_label("Rate of D").input_value() == "0"


def test_a_diverged_run_stops_itself_and_says_why(reader):
    reader.open("#loss=wasserstein&optimizer=sgd&rateG=1&rateD=1&speed=fastest")
    reader.press("Play")
    reader.page.wait_for_function(
        "document.querySelector('.pg-story').textContent.startsWith('Stopped')", timeout=60_000
    )
    assert "Lower the rates" in reader.told
    at = int(reader.number("Step"))
    reader.press("One step")
    assert int(reader.number("Step")) == at
    reader.press("Play")  # afresh
    reader.page.wait_for_function("document.querySelector('.pg-story').textContent.startsWith('Stopped')")


def test_a_drawing_is_played_whether_drawn_by_pointer_or_keys(reader):
    page = reader.open()
    page.get_by_label("Data", exact=True).select_option("drawing")
    reader.press("Play")
    assert "Draw your data on the field" in reader.told
    box = page.locator(".pg-field").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 120, steps=8)
    page.mouse.up()
    page.locator(".pg-field").focus()
    for key in ("ArrowRight", "ArrowUp", " "):
        page.keyboard.press(key)
    drawn = page.evaluate("location.hash")
    assert drawn.startswith("#data=drawing&points=") and len(drawn) > len("#data=drawing&points=") + 16
    reader.press("Play")
    reader.steps(5)
    reader.press("Clear the drawing")
    assert "Draw your data on the field" in reader.told and page.evaluate("location.hash") == "#data=drawing&points="


def test_the_drawing_follows_the_theme(reader):
    page = reader.open()
    drawn = "[...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())"
    light = page.evaluate(drawn)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"light => {drawn}.every((image, i) => image !== light[i])", arg=light)


def test_a_phone_shows_everything_without_scrolling_sideways(browser, site):
    reader = Reader(browser, site, width=390, touch=True)
    page = reader.open()
    page.get_by_label("Data", exact=True).select_option("drawing")
    box = page.locator(".pg-field").bounding_box()
    for x, y in ((40, 40), (200, 90), (120, 200)):
        page.touchscreen.tap(box["x"] + x, box["y"] + y)
    page.get_by_role("button", name="One step").tap()
    reader.press("Start again")
    reader.press("One step")
    assert reader.number("Step") == "1"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert reader.trouble == []
    reader.context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_moves_by_mouse_and_by_keys(browser, site, name, width):
    reader = Reader(browser, site, width=width, touch=width < 500)
    page = reader.open(name=name)
    assert page.locator(".live > p").is_hidden()  # the still content
    shown = ".live-numbers"
    if page.locator(".live-handle").count():
        handle = page.locator(".live-handle").first
        before = handle.get_attribute("transform"), handle.get_attribute("aria-valuetext")
        handle.focus()
        page.keyboard.press("ArrowRight")
        by_keys = handle.get_attribute("transform"), handle.get_attribute("aria-valuetext")
        assert by_keys[0] != before[0] and by_keys[1] != before[1]
        handle.scroll_into_view_if_needed()
        box = handle.locator(".live-knob").bounding_box()
        at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*at)
        page.mouse.down()
        page.mouse.move(at[0] + 25, at[1], steps=4)
        page.mouse.up()
        assert handle.get_attribute("transform") != by_keys[0]
    for control in page.locator(".live-figure select, .live-figure input[type=range], .live-figure button").all():
        numbers = page.locator(shown).inner_text(), page.locator(".live-plot").first.inner_html()
        kind = control.evaluate("e => e.tagName")
        if kind == "SELECT":
            control.select_option(index=1)
        elif kind == "INPUT":
            control.press("ArrowRight")
        else:
            control.click()
        changed = page.locator(shown).inner_text(), page.locator(".live-plot").first.inner_html()
        assert changed != numbers or control.inner_text() in ("Play it again", "Pause", "Play", "Begin again")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "not a number" not in page.locator(shown).inner_text() and "NaN" not in page.locator(".live").inner_html()
    assert reader.trouble == []
    reader.context.close()


def test_the_figure_that_the_text_describes_is_one_click_away_and_on_paper(reader, site):
    still = (
        '<figure id="fig-still"><figcaption><span class="caption-number">Fig. 18.4</span> Still.</figcaption></figure>'
    )
    place = SHELL.format(name="convolution", script="figures", chapters="{}").replace("<p>Still.</p>", still)
    (site / "place.html").write_text(place.replace("<main>", '<main class="cell">'))
    page = reader.open("#fig-still", name="place")
    assert page.locator("figure").is_hidden() and page.locator("#fig-still .live-figure").is_visible()
    reader.press("Show Fig. 18.4, which the text describes")
    assert page.locator("figure").is_visible()
    reader.press("Hide Fig. 18.4, which the text describes")
    assert page.locator("figure").is_hidden()
    page.emulate_media(media="print")  # on paper nothing moves
    assert page.locator("figure").is_visible() and page.locator(".live-figure").is_hidden()
    assert page.locator("button").count() and not any(b.is_visible() for b in page.locator("button").all())


def test_a_reader_s_own_generator_takes_the_place_of_the_stored_one(reader, tmp_path):
    from playwright.sync_api import expect

    recipe = recipes.get("mlp")(mlp.Config(size=4, latent_dim=3, hidden=(5,)), image_shape=(1, 4, 4))
    about = {"name": "mine", "image_shape": [1, 4, 4], "step": 1}
    (tmp_path / "mine.json").write_text(web.document(recipe.networks["generator"], about))
    (tmp_path / "other.json").write_text("{ no")
    page = reader.open(name="latent-walk")
    file, told = page.get_by_label("Your own generator, a JSON file"), page.locator("[role=status]")
    file.set_input_files(tmp_path / "other.json")
    expect(told).to_have_text("This is no generator for a page: it is not JSON. The generator is still mlp.")
    assert reader.number("Generator") == "mlp, d = 64"
    file.set_input_files(tmp_path / "mine.json")
    expect(told).to_have_text("This is your generator.")
    assert reader.number("Generator") == "mine, d = 3" and reader.number("√d") == "1.73"


@pytest.mark.parametrize("name", FIGURES)
def test_axe_finds_no_fault_in_a_figure(reader, name):
    page = reader.open(name=name)
    assert faults(page) == []


def test_axe_finds_no_fault_in_the_playground(reader):
    for theme in ("light", "dark"):
        page = reader.open()
        page.evaluate(
            """theme => {
                document.documentElement.dataset.theme = theme;
                document.body.style = theme === 'dark' ? 'background: #121212; color: #eee' : '';
            }""",
            theme,
        )
        reader.press("vanishing gradients")
        reader.steps(2)
        assert faults(page) == []


def test_the_whole_addition_is_light(site):
    assert sum(file.stat().st_size for file in site.iterdir() if file.suffix in (".js", ".css")) < MOST_BYTES


def test_types_hold():
    tsc = ROOT / "node_modules" / ".bin" / "tsc"
    if not tsc.exists():
        pytest.skip("TypeScript is not here (npm ci fetches it)")
    run = subprocess.run([tsc, "-p", SOURCE], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


SESSIONS = """([name, seed, steps, cured]) => {
    const scenario = live.SCENARIOS[name];
    const session = new live.Session({...live.usual(), ...scenario.settings, seed}, []);
    const seen = [];
    const look = () => {
        const {modes} = session.look();
        const n = session.shown.length / 2, mean = [0, 0];
        session.shown.forEach((x, i) => mean[i % 2] += x / n);
        seen.push({modes, mean, slope: session.numbers.slope});
    };
    const play = n => { for (let i = 0; i < n; i++) { session.step(); if (session.steps % 10 === 0) look(); } };
    play(steps);
    if (cured) { session.change({...session.settings, ...scenario.cure.settings}); play(cured); }
    return {seen, over: session.over};
}"""


@pytest.fixture(scope="module")
def sessions(browser, tmp_path_factory):
    script = bundle(
        ["playground/session.js", "playground/settings.js", "playground/scenarios.js"],
        tmp_path_factory.mktemp("live") / "sessions.js",
    )
    page = browser.new_page()
    page.add_script_tag(path=script)
    yield lambda *what: page.evaluate(SESSIONS, list(what))
    page.close()


def test_mode_collapse_is_shown_and_cured(sessions):
    run = sessions("collapse", 1, 1000, 1000)
    modes = [look["modes"] for look in run["seen"]]
    assert max(modes[20:100]) <= 3 and sum(modes[20:100]) / 80 < 1.2
    assert min(modes[-20:]) >= 6


def test_cycling_is_shown_and_cured(sessions):
    """The mean of the points keeps going round the mean of the data, which is 0; with R1 it arrives."""
    run = sessions("cycling", 1, 400, 300)
    radius = [sum(m**2 for m in look["mean"]) ** 0.5 for look in run["seen"]]
    assert max(radius[:10]) > 0.5 and max(radius[30:40]) > 0.5
    signs = [look["mean"][1] > 0 for look in run["seen"][:40]]
    assert sum(a != b for a, b in pairwise(signs)) >= 6
    assert max(radius[-10:]) < 0.15


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_vanishing_gradients_are_shown_and_cured(sessions, seed):
    run = sessions("vanishing", seed, 300, 200)
    still, cured = run["seen"][:30], run["seen"][30:]
    assert all(look["modes"] == 0 for look in still) and still[-1]["slope"] < 0.1
    assert cured[-1]["modes"] == 1 and max(look["slope"] for look in cured) > 0.3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_cure_covers_the_ring(sessions, seed):
    run = sessions("cure", seed, 1500, 0)
    assert min(look["modes"] for look in run["seen"][-10:]) >= 6 and run["over"] is None

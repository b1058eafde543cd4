"""The figures that move as their reader meets them: opened from disk in a real browser, without a network."""

import subprocess

import pytest
from live_cases import ROOT, SHELL, SOURCE, Reader, bundle, faults, pages

from ganedu import recipes
from ganedu.networks import web
from ganedu.recipes import mlp

MOST_BYTES = 300_000  # of all that the pages that move add
FIGURES = sorted(file.stem for file in (SOURCE / "figures").glob("*.js"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return pages(tmp_path_factory.mktemp("site"), FIGURES)


@pytest.fixture
def reader(chromium, site):
    with Reader(chromium, site) as reader:
        yield reader


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_moves_by_mouse_and_by_keys(chromium, site, name, width):
    with Reader(chromium, site, width=width, touch=width < 500) as reader:
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
            assert changed != numbers or control.inner_text() in ("From the beginning", "Pause", "Play", "Begin again")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert (
            "not a number" not in page.locator(shown).inner_text() and "NaN" not in page.locator(".live").inner_html()
        )


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


def test_a_number_that_rounds_to_zero_has_no_sign(reader, site):
    page = reader.open(name=FIGURES[0])
    page.add_script_tag(path=bundle(["kit/dom.js"], site.parent / "dom.js"))
    shown = page.evaluate(
        "[[-0.04, 1], [0.04, 1], [-0.06, 1], [-0.5, 0], [-1.5, 3], [0, 3]].map(x => live.digits(...x))"
    )
    assert shown == ["0.0", "0.0", "−0.1", "−1", "−1.500", "0.000"]


def test_the_whole_addition_is_light(site):
    assert sum(file.stat().st_size for file in site.iterdir() if file.suffix in (".js", ".css")) < MOST_BYTES


def test_types_hold():
    tsc = ROOT / "node_modules" / ".bin" / "tsc"
    if not tsc.exists():
        pytest.skip("TypeScript is not here (npm ci fetches it)")
    run = subprocess.run([tsc, "-p", SOURCE], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout

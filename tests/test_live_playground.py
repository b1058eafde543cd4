"""The playground as its reader meets it: opened from disk in a real browser, without a network."""

import pytest
from live_cases import Reader, faults, pages


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return pages(tmp_path_factory.mktemp("site"), ["playground"])


@pytest.fixture
def reader(chromium, site):
    with Reader(chromium, site) as reader:
        yield reader


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


@pytest.mark.parametrize("name", ["mode collapse", "cycling", "vanishing gradients", "a good game"])
def test_each_ailment_is_one_click_away_and_names_its_chapter(reader, name):
    reader.open()
    reader.press(name)
    reader.steps(3)
    link = reader.page.locator(".pg-story a")
    if name == "vanishing gradients":
        assert link.get_attribute("href") == "chapter_06.html" and "Which loss?" in link.inner_text()
    else:  # not written in this shell of a book
        assert link.count() == 0 and "(in preparation)" in reader.story
    if name != "a good game":
        before = int(reader.number("Step"))
        reader.page.locator(".pg-story button").click()
        assert "the networks are the same" in reader.story and int(reader.number("Step")) >= before


def test_the_address_holds_the_game(reader):
    page = reader.open()
    page.get_by_label("Loss", exact=True).select_option("hinge")
    page.get_by_label("Learning rate of G").fill("0.01")
    page.get_by_label("Learning rate of G").press("Enter")
    address = page.evaluate("location.hash")
    assert address == "#loss=hinge&rateG=0.01"
    page.goto("about:blank")
    page = reader.open(address)
    assert page.get_by_label("Loss", exact=True).input_value() == "hinge"
    assert page.get_by_label("Learning rate of G").input_value() == "0.01"


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("#loss=wishful", "Loss “wishful” is unknown (minimax, non_saturating,"),
        ("#rateG=1e9", "Learning rate of G: a number from 0 to 1 is needed, not “1e9”; 1 is used."),
        ("#rateD=NaN", "not “NaN”; 0.002 is used."),
        ("#width=7.5", "a whole number from 2 to 64 is needed, not “7.5”; 8 is used."),
        ("#depth=", "Hidden layers: a whole number from 0 to 3 is needed, not “”; 2 is used."),
        ("#seed=-3", "not “-3”; 0 is used."),
        ("#loss=__proto__", "Loss “__proto__” is unknown"),
        ("#constructor=1", "The address asks for “constructor”, which does not exist."),
        ("#%3Cimg%20src=x%3E", "The address asks for “<img src”, which does not exist."),
        ("#data=drawing&points=zz!", "The drawing in the address cannot be read"),
        ("#data=drawing&points=0000", "Draw your data on the empty square"),
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
    page.get_by_label("Learning rate of D").fill("-5")
    page.get_by_label("Learning rate of D").press("Enter")
    complaint = page.get_by_role("alert").filter(has_text="Learning rate of D")
    assert complaint.inner_text() == "Learning rate of D: a number from 0 to 1 is needed, not “-5”; 0 is used."
    field, said = page.get_by_label("Learning rate of D").bounding_box(), complaint.bounding_box()
    assert 0 < said["y"] - field["y"] < 100 and said["y"] + said["height"] <= 900  # in view where the hand is
    assert complaint.get_attribute("id") in page.get_by_label("Learning rate of D").get_attribute("aria-describedby")
    assert page.get_by_label("Learning rate of D").input_value() == "0"
    page.get_by_label("Learning rate of D").fill("0.001")
    page.get_by_label("Learning rate of D").press("Enter")
    assert complaint.count() == 0


def test_a_diverged_run_stops_itself_and_says_why(reader):
    reader.open("#loss=wasserstein&optimizer=sgd&rateG=1&rateD=1&speed=fastest")
    reader.press("Play")
    reader.page.wait_for_function(
        "document.querySelector('.pg-note').textContent.startsWith('Stopped')", timeout=60_000
    )
    assert "Lower the rates" in reader.told
    at = int(reader.number("Step"))
    reader.press("One step")
    assert int(reader.number("Step")) == at
    reader.press("Play")  # afresh
    reader.page.wait_for_function("document.querySelector('.pg-note').textContent.startsWith('Stopped')")


def test_a_drawing_is_played_whether_drawn_by_pointer_or_keys(reader):
    page = reader.open()
    page.get_by_label("Data", exact=True).select_option("drawing")
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
    assert (
        "Draw your data on the empty square" in reader.told
        and page.evaluate("location.hash") == "#data=drawing&points="
    )


def test_an_empty_drawing_is_answered_and_leaves_no_old_numbers_or_curves(reader):
    blank = """() => {
        const chart = document.querySelector('.pg-chart'), sheet = document.createElement('canvas');
        Object.assign(sheet, {width: chart.width, height: chart.height});
        return chart.toDataURL() === sheet.toDataURL();
    }"""
    page = reader.open()
    reader.press("One step")
    assert reader.number("Step") == "1" and not page.evaluate(blank)
    page.get_by_label("Data", exact=True).select_option("drawing")
    for button in ("Play", "One step"):
        reader.press("Start again")
        assert "Draw your data on the empty square" in reader.told
        reader.press(button)
        assert reader.told.startswith("Nothing to learn yet: draw at least 3 points")
        assert {reader.number(row) for row in ("Step", "Reached", "Loss of D", "Pace")} == {"–"}
        assert page.evaluate(blank)


def test_choosing_a_drawing_brings_its_square_into_view(chromium, site):
    with Reader(chromium, site, width=390, touch=True) as reader:
        page = reader.open()
        page.get_by_label("Data", exact=True).select_option("drawing")
        for part in (".pg-field", ".pg-note"):
            box = page.locator(part).bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= 900


def test_after_a_failure_a_drawing_is_offered_better_settings(reader):
    page = reader.open()
    reader.press("mode collapse")
    page.get_by_label("Data", exact=True).select_option("drawing")
    assert "still those of mode collapse" in reader.told
    reader.press("Take those of a good game")
    assert page.evaluate("location.hash") == "#data=drawing&penalty=r1&points=" and reader.story == ""
    assert page.locator("[aria-pressed=true]").count() == 0 and "Draw your data" in reader.told


def test_copying_a_link_says_so_on_the_button(reader):
    page = reader.open("#seed=7")
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.press("Copy a link to this game")
    page.get_by_role("button", name="Copied ✓").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").endswith("#seed=7")
    page.get_by_role("button", name="Copy a link to this game").wait_for()  # it can be pressed again


def test_where_copying_is_forbidden_the_link_stands_below_the_button(reader):
    page = reader.open("#seed=7")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    reader.press("Copy a link to this game")
    page.locator(".pg-shared").get_by_text("#seed=7").wait_for()


def test_the_scenario_that_is_on_is_marked_and_its_story_stays(reader):
    page = reader.open()
    on = page.locator(".pg-shows [aria-pressed=true]")
    assert on.count() == 0
    reader.press("mode collapse")
    assert on.all_inner_texts() == ["mode collapse"]
    changed = page.get_by_text("You have changed settings since")
    assert changed.is_hidden()
    page.get_by_label("Batch").fill("32")
    page.get_by_label("Batch").press("Enter")
    assert on.all_inner_texts() == ["mode collapse"] and "hardly leaves 0 and 1" in reader.story
    assert page.locator(".pg-story button").is_visible() and changed.is_visible()
    reader.press("cycling")
    assert on.all_inner_texts() == ["cycling"] and changed.is_hidden()
    page.goto("about:blank")
    reader.open("#rateG=0.005&rateD=0.001")  # the address that a reader of the collapse copies
    assert on.all_inner_texts() == ["mode collapse"] and "hardly leaves 0 and 1" in reader.story


def test_scores_that_overflow_leave_the_field_plain(reader):
    """The loss of the recipe for vanishing gradients, exchanged for one that runs away at its rates."""
    page = reader.open("#data=single&loss=minimax&optimizer=sgd&updates=5&rateG=0.02&rateD=0.2&speed=fastest")
    reader.press("Play")
    reader.steps(60)
    page.get_by_label("Loss", exact=True).select_option("least_squares")
    page.wait_for_function("document.querySelector('.pg-note').textContent.startsWith('Stopped')")
    corner = "[...document.querySelector('.pg-field').getContext('2d').getImageData(9, 9, 1, 1).data]"
    assert page.evaluate(corner) == [255, 255, 255, 255]


def test_points_that_have_left_the_field_are_missed(reader):
    reader.open("#rateD=0&speed=fastest")
    reader.press("Play")
    reader.page.wait_for_function(
        "document.querySelector('.pg-note').textContent.startsWith('All generated points have left the field.')"
    )
    assert "D stands still" in reader.told


def test_the_drawing_follows_the_theme(reader):
    page = reader.open()
    drawn = "[...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())"
    light = page.evaluate(drawn)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"light => {drawn}.every((image, i) => image !== light[i])", arg=light)


def test_the_field_stays_in_view_beside_the_knobs(reader):
    page = reader.open()
    page.get_by_label("Seed").scroll_into_view_if_needed()
    box = page.locator(".pg-field").bounding_box()
    assert page.evaluate("scrollY") > 300 and box["y"] >= 0


def test_every_knob_is_explained_to_eye_and_ear(reader):
    page = reader.open()
    for knob in page.locator(".pg-controls :is(select, input)").all():
        (hint, _) = knob.get_attribute("aria-describedby").split()
        assert len(page.locator(f"#{hint}").inner_text()) > 20


def test_a_phone_shows_everything_without_scrolling_sideways(chromium, site):
    with Reader(chromium, site, width=390, touch=True) as reader:
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

"""What the playground shows at one click: that each scenario does what its text says, with the seeds of the page."""

from itertools import pairwise

import pytest
from live_cases import ESBUILD, bundle

SESSIONS = """([name, seed, steps, cured, remedy]) => {
    const scenario = live.SCENARIOS[name] ?? {settings: {}};
    const session = new live.Session({...live.usual(), ...scenario.settings, seed}, []);
    const seen = [];
    const arrows = ({game, rules, shown, shownReal}) => {
        const pulls = game.pulls(rules, shown.subarray(0, 80), shownReal.subarray(0, 80));
        return Array.from({length: 40}, (_, i) => Math.hypot(pulls[2 * i], pulls[2 * i + 1])).filter(x => x > 0.034);
    };
    const look = () => {
        const {modes} = session.look();
        const n = session.shown.length / 2, mean = [0, 0];
        session.shown.forEach((x, i) => mean[i % 2] += x / n);
        seen.push({modes, mean, arrows: arrows(session), ...session.numbers});
    };
    const play = n => { for (let i = 0; i < n; i++) { session.step(); if (session.steps % 10 === 0) look(); } };
    play(steps);
    if (cured) { session.change({...session.settings, ...(remedy ?? scenario.cure.settings)}); play(cured); }
    return {seen, over: session.over};
}"""


@pytest.fixture(scope="module")
def sessions(chromium, tmp_path_factory):
    if not ESBUILD.exists():
        pytest.skip("no esbuild (npm ci fetches it) on this machine: nothing was played")
    script = bundle(
        ["playground/session.js", "playground/settings.js", "playground/scenarios.js"],
        tmp_path_factory.mktemp("live") / "sessions.js",
    )
    page = chromium.new_page()
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
    assert not any(look["arrows"] for look in still[4:])  # after five seconds of ten steps
    assert cured[-1]["modes"] == 1 and max(look["slope"] for look in cured) > 0.3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_good_game_covers_the_ring(sessions, seed):
    run = sessions("good", seed, 1500, 0)
    assert min(look["modes"] for look in run["seen"][-10:]) >= 6 and run["over"] is None


def test_the_game_of_the_page_covers_the_ring_too_but_restlessly(sessions):
    good, usual = (sessions(name, 1, 3000, 0)["seen"][-50:] for name in ("good", None))
    assert good[-1]["modes"] == usual[-1]["modes"] == 8
    slope, restless = (sum(look["slope"] for look in seen) / len(seen) for seen in (good, usual))
    assert restless > 2 * slope
    assert all(abs(good[-1][loss] - draw) < 0.05 for loss, draw in (("discriminator", 1.386), ("generator", 0.693)))


def test_the_losses_that_pull_where_the_saturating_one_does_not_are_those_that_the_page_names(sessions):
    for loss, pulls in (("hinge", True), ("relativistic", True), ("least_squares", False), ("wasserstein", False)):
        run = sessions("vanishing", 1, 50, 50, {"loss": loss})
        assert (run["over"] is None and run["seen"][-1]["modes"] == 1) == pulls, loss

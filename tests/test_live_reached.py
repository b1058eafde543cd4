"""What of the data the playground calls reached, in a browser: by Gaussians, by curves, by a reader's drawing."""

import pytest
import torch
from live_cases import ESBUILD, bundle

from ganedu.metrics import mode_coverage

DRAWN = [[0.01 * k, 0.01 * k] for k in range(199)] + [[2.5, -2.5], [2.5, -2.5]]  # a stroke, and a place far from it


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    if not ESBUILD.exists():
        pytest.skip("no esbuild (npm ci fetches it) on this machine: the engine was not run")
    page = chromium.new_page()
    modules = ["engine/data.js", "engine/draws.js", "engine/random.js"]
    page.add_script_tag(path=bundle(modules, tmp_path_factory.mktemp("live") / "data.js"))
    yield page
    page.close()


def test_reached_modes_are_counted_as_the_package_counts(page):
    for seed in range(5):
        random = torch.Generator().manual_seed(seed)
        samples = 1.5 * torch.randn(300, 2, dtype=torch.float64, generator=random)
        got = page.evaluate(
            "xy => live.coverage(xy.flat(), live.DATA.ring.parts, live.DATA.ring.radius)", samples.tolist()
        )
        centers = torch.tensor(page.evaluate("live.DATA.ring.parts.flat()"), dtype=torch.float64)
        expected = mode_coverage(samples, centers, 0.1)
        assert (got["modes"], pytest.approx(got["quality"], abs=1e-12)) == (expected.modes, expected.quality)


def test_every_data_set_stays_on_the_field_and_near_its_parts(page):
    for name in page.evaluate("Object.keys(live.DATA)"):
        got = page.evaluate(
            """name => {
                const data = live.DATA[name];
                const xy = live.drawReal(data, 4000, new live.Random(3));
                return {...live.coverage(xy, data.parts, data.radius), k: data.parts.length,
                        far: Math.max(...xy.map(Math.abs))};
            }""",
            name,
        )
        assert got["modes"] == got["k"] and got["quality"] > 0.97 and got["far"] < 3, name


@pytest.mark.parametrize(("name", "std"), [("moons", 0.08), ("spiral", 0.05), ("drawing", 0.05)])
def test_a_sample_counts_within_three_deviations_of_a_line_and_not_farther(page, name, std):
    for deviations, counts in ((2.9, 1), (3.1, 0)):
        got = page.evaluate(
            """([name, drawn, down]) => {
                const data = live.DATA[name] ?? live.drawing(drawn);
                const [x, y] = data.parts.flat().reduce((a, b) => (a[1] < b[1] ? a : b));
                return live.coverage([x, y - down], data.parts, data.radius).quality;
            }""",  # straight down from the lowest point, no other is nearer
            [name, DRAWN, deviations * std],
        )
        assert got == counts, deviations


@pytest.mark.parametrize("name", ["moons", "spiral"])
def test_a_curve_has_no_gap_that_a_sample_on_it_could_fall_into(page, name):
    between = """name => {
        const points = live.DATA[name].parts.flat();
        const steps = points.slice(1).map(([x, y], i) => Math.hypot(x - points[i][0], y - points[i][1]));
        return [steps.sort((a, b) => b - a).slice(0, 2), live.DATA[name].radius];
    }"""
    (longest, second), radius = page.evaluate(between, name)
    assert (second if name == "moons" else longest) < radius  # between the moons is the one gap that is meant


def test_a_drawing_s_parts_hold_all_its_points_and_a_lone_one_can_be_reached(page):
    got = page.evaluate(
        """drawn => {
            const data = live.drawing(drawn);
            return {...live.coverage(drawn.flat(), data.parts, data.radius), parts: data.parts};
        }""",
        DRAWN,
    )
    assert sorted(point for part in got["parts"] for point in part) == sorted(DRAWN)
    assert got["modes"] == len(got["parts"]) == 16 and got["quality"] == 1
    assert page.evaluate("live.drawing([[1, 1], [1, 1], [1, 1]]).parts.length") == 1

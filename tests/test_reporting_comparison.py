"""Runs side by side: what is compared, and what is refused."""

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ganedu import recipes
from ganedu.cli import app
from ganedu.metrics.report import Protocol, Report
from ganedu.reporting import comparison, curves
from ganedu.reporting.facts import Facts
from ganedu.training import TrainConfig, evaluation, run_folder, train

sys.path.insert(0, str(Path(__file__).parent))
from test_reporting import Seen

PROTOCOL = Protocol(data="digits", split="test", n_real=256, n_fake=100, features="x", size=(8, 8))


def compare(*words):
    return CliRunner().invoke(app, ["compare", *map(str, words)])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two short runs that differ in their recipes and seeds."""
    folder = tmp_path_factory.mktemp("runs")
    for seed, (name, narrow) in enumerate({"mlp": {"hidden": (8,)}, "dcgan": {"width": 4}}.items()):
        config = replace(recipes.get(name).Config().small(), size=8, batch_size=16, **narrow)
        often = TrainConfig(steps=6, log_every=1, sample_every=3, seed=seed)
        train(name, "digits", out=folder / name, config=often, recipe_config=config, show=False)
    return folder


@pytest.fixture
def runs(made, tmp_path):
    """Copies of them."""
    shutil.copytree(made, tmp_path / "runs")
    return [tmp_path / "runs" / name for name in ("mlp", "dcgan")]


def measure(run, distance, step=6, **about):
    protocol = replace(PROTOCOL, **about)
    evaluation.add(run, Report(protocol=protocol, step=step, averaged=True, values={"frechet_distance": distance}))


def test_the_page_shows_differences_curves_sheets_and_numbers(runs, tmp_path):
    measure(runs[0], 12.5)
    measure(runs[1], 3.25)
    done = compare(*runs, "--out", tmp_path / "page.html")
    assert done.exit_code == 0 and done.stdout == f"{tmp_path / 'page.html'}\n", done.output
    page = (tmp_path / "page.html").read_text()
    seen = Seen(page)
    for told in ("frechet_distance (lower is better)", "12.5000", "3.2500", "All of one protocol", "recipe", "seed"):
        assert told in seen.words
    assert "batch_size" not in seen.words and "different losses" not in seen.words  # the same in both
    assert not seen.open and "http" not in page and "<script" not in page
    drawn = [attributes["aria-label"] for tag, attributes in seen.elements if tag == "svg"]
    assert len(drawn) == 5 and all("mlp ends at" in words and "dcgan ends at" in words for words in drawn)
    alts = [attributes["alt"] for tag, attributes in seen.elements if tag == "img"]
    assert len(alts) == 16 and alts[0] == "mlp, 1 to 8: 8 images side by side"


def test_runs_differ_in_dash_as_well_as_in_color(runs):
    lines = [curves.curve(Facts.read(run).rows, "loss_d", label=run.name, tone=i) for i, run in enumerate(runs)]
    drawn = curves.draw(lines, alt="two curves", number=0)
    first, second = (re.findall(rf'style="([^"]*var\(--tone{i}\)[^"]*)"', drawn)[0] for i in (1, 2))
    assert "stroke-dasharray" in second and "stroke-dasharray" not in first


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"n_fake": 2000}, "mlp was measured with n_fake 100, dcgan with n_fake 2000"),
        ({"split": "train", "size": (16, 16)}, "with split test, size (8, 8), dcgan with split train, size (16, 16)"),
    ],
)
def test_numbers_of_two_protocols_are_refused_in_one_sentence(runs, tmp_path, monkeypatch, other, told):
    monkeypatch.chdir(tmp_path)
    measure(runs[0], 12.5)
    measure(runs[1], 3.25, **other)
    done = compare(*runs)
    assert done.exit_code == 1 and done.stderr.count("\n") == 1 and told in done.stderr
    assert "are not compared; measure all of them alike: ganedu evaluate RUN" in done.stderr
    assert not (tmp_path / "comparison.html").exists()


def test_of_several_protocols_the_one_that_all_runs_have_is_taken(runs):
    measure(runs[0], 12.5)
    measure(runs[0], 7.0, n_fake=2000)
    measure(runs[1], 3.25)
    measure(runs[1], 3.5, step=3)
    facts = {run.name: Facts.read(run) for run in runs}
    assert [each.values["frechet_distance"] for each in comparison.measured_alike(facts).values()] == [12.5, 3.25]


def test_a_run_that_was_not_measured_is_compared_all_the_same(runs, tmp_path):
    measure(runs[1], 3.25)
    words = Seen(comparison.write(runs, tmp_path / "page.html").read_text()).words
    assert "Not measured: mlp" in words and "3.2500" in words


def test_heights_of_different_losses_are_not_to_be_compared(runs, tmp_path):
    plan = Facts.read(runs[1]).plan
    plan["recipe"]["config"]["loss"] = "hinge"
    run_folder.write_json(runs[1] / run_folder.CONFIG, plan)
    assert "different losses" in comparison.write(runs, tmp_path / "page.html").read_text()


def test_an_edited_comparison_stays(runs, tmp_path):
    page = comparison.write(runs, tmp_path / "page.html")
    page.write_text("mine")
    assert comparison.write(runs, page).name == "page.new.html" and page.read_text() == "mine"


@pytest.mark.parametrize(
    ("chosen", "told"),
    [(["mlp"], "1 given, but 2 to 5 runs"), (["mlp", "mlp"], "given twice"), (["mlp", "none"], "there is no run in")],
)
def test_what_cannot_be_compared_is_one_sentence(runs, tmp_path, monkeypatch, chosen, told):
    monkeypatch.chdir(tmp_path / "runs")
    done = compare(*chosen)
    assert done.exit_code == 1 and told in done.stderr and done.stderr.count("\n") == 1
    assert not Path("comparison.html").exists()


@given(st.lists(st.sampled_from(["a/x", "b/x", "c/y", "d/z"]), min_size=2, unique=True))
@settings(max_examples=20)
def test_labels_tell_runs_apart(paths):
    labels = [comparison._label(path, paths) for path in paths]
    assert len(set(labels)) == len(paths)


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_finds_nothing_wrong_at_any_width(runs, tmp_path, chromium, width):
    for run in runs:
        measure(run, 3.25)
    run_folder.append_metrics(runs[0], {"step": 7, "stopped": "loss_g is not a number"})
    path = comparison.write(runs, tmp_path / "page.html")
    with chromium.new_context(viewport={"width": width, "height": 800}, offline=True) as context:
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.goto(path.resolve().as_uri())
        assert said == [] and page.evaluate("document.documentElement.scrollWidth") <= width
        outside = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
        assert page.evaluate(f"{outside}.filter(e => !e.closest('svg')).length") == 0

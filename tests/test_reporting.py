"""A run on a page: what stands there, that it needs nothing else, and that it never costs anybody's work."""

import json
import shutil
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from ganedu import recipes
from ganedu.cli import app
from ganedu.metrics.report import Protocol, Report
from ganedu.reporting import run_report
from ganedu.training import TrainConfig, evaluation, train

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases

SMALL = ["--set", "width=4", "--batch-size", "8", "--log-every", "2", "--device", "cpu"]
PROTOCOL = Protocol(data="digits", split="test", n_real=256, n_fake=100, features="a network", size=(16, 16))


def ganedu(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


pytestmark = pytest.mark.usefixtures("no_data_folder")  # a command would name it


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run with four sheets, measured twice."""
    run = tmp_path_factory.mktemp("runs") / "dcgan"
    assert ganedu("train", "dcgan", *SMALL, "--steps", 8, "--sample-every", 2, "--out", run).exit_code == 0
    for step, distance in ((4, 11.5), (8, 12.25)):
        values = {"frechet_distance": distance, "recall": 0.25}
        evaluation.add(run, Report(protocol=PROTOCOL, step=step, averaged=True, values=values))
    return run


@pytest.fixture
def run(made, tmp_path):
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "run")


def page_of(run):
    return run_report.write(run).read_text()


class Seen(HTMLParser):
    """What a page holds, and whether every element that is opened is closed."""

    EMPTY = ("meta", "link", "img", "path", "use", "rect")

    def __init__(self, page):
        super().__init__()
        self.open, self.elements, self.words = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, words):
        self.words += words


# What stands on the page


def test_the_page_tells_command_metrics_provenance_and_how_to_go_on(run):
    words = Seen(page_of(run)).words
    record = json.loads((run / "provenance.json").read_text())
    for told in (
        "ganedu train dcgan --data digits --small --set", "--steps 8 --seed 0", "--set width=4", "Step 8 of 8",
        "12.2500", "lower is better", "higher is better", "best frechet_distance", "11.5000",
        "100 generated and 256 real images of 16 x 16 pixels (digits, test); features a network",
        f"torch {torch.__version__}", record["platform"], "1.386: D undecided", "0.693: D undecided", "pixel by pixel",
        f"ganedu resume {run} --steps 16", f"ganedu sample {run}", f"ganedu evaluate {run}",
    ):  # fmt: skip
        assert told in words, told


def test_a_page_needs_no_network_and_no_script_and_every_picture_has_words(run):
    page = page_of(run)
    seen = Seen(page)
    assert not seen.open and "http" not in page and "@import" not in page
    assert not {"script", "iframe", "object"} & {tag for tag, _ in seen.elements}
    for tag, attributes in seen.elements:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
        if tag == "img":
            assert len(attributes["alt"]) > 10
        if tag == "svg":
            assert attributes["role"] == "img" and len(attributes["aria-label"]) > 20
    names = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(names) == len(set(names))


def test_rows_of_sheets_and_frames_of_the_film_are_labeled(run):
    seen = Seen(page_of(run))
    alts = [attributes["alt"] for tag, attributes in seen.elements if tag == "img"]
    for label in ("step 2", "step 4", "step 6", "step 8", "1 to 8", "57 to 64", "real", "generated"):
        assert label in seen.words and sum(alt.startswith(label + ":") for alt in alts) == 1


def test_a_page_is_the_same_when_it_is_written_again(run):
    assert run_report.write(run).read_bytes() == run_report.write(run).read_bytes()


def test_names_cannot_become_elements_of_the_page(run):
    plan = json.loads((run / "config.json").read_text())
    plan["data"]["name"] = "image-folder:<script>alert(1)</script>"
    (run / "config.json").write_text(json.dumps(plan))
    page = page_of(run)
    assert "<script" not in page and "&lt;script&gt;" in page


def test_a_run_that_translates_shows_its_domains(tmp_path):
    domains = torch.randint(256, (2, 9, 3, 32, 32), dtype=torch.uint8)
    config = replace(recipes.get("cyclegan").Config().small(), width=4, blocks=1)
    often = TrainConfig(steps=2, sample_every=1, log_every=1)
    train("cyclegan", tuple(domains), out=tmp_path, config=often, recipe_config=config, show=False)
    seen = Seen(page_of(tmp_path))
    for label in (*recipes.get("cyclegan").sheet_rows, "cycle", "identity", "0.500: D undecided", "ganedu translate"):
        assert label in seen.words, label
    assert "A as B: each column is one picture" in seen.words and "B as A: each column" in seen.words


def test_a_run_of_a_recipe_and_images_from_python_is_reported_as_well(tmp_path):
    words = Seen(page_of(cases.short(tmp_path / "run"))).words
    assert "started from Python" in words and "no name says where they are" in words and "loss_d" in words


def test_a_run_that_was_stopped_at_once_is_reported_as_far_as_it_came(tmp_path):
    ganedu("train", "dcgan", *SMALL, "--steps", 8, "--max-minutes", 0, "--out", tmp_path)
    words = Seen((tmp_path / "report.html").read_text()).words
    assert "Step 1 of 8" in words and "No sheet of samples was drawn yet." in words


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("evaluation.json", "{", "evaluation.json is damaged"),
        ("metrics.jsonl", "what?", "No numbers were logged yet"),
        ("metrics.jsonl", '{"step": 3, "loss_d": Infinity, "loss_g": "x", "d_real": 1}', "d_real"),
        ("metrics.jsonl", '{"step": 3, "loss_d": "x", "loss_g": null}\n' * 20, "mode collapse"),
        ("provenance.json", "[]", "not from a checkout"),
        ("samples/step_000008.png", "no picture", "step_000008.png cannot be read"),
    ],
)
def test_what_is_damaged_is_a_sentence_and_the_rest_is_there(run, name, content, told):
    (run / name).write_text(content)
    words = Seen(page_of(run)).words
    assert told in words and "How to go on" in words and "Traceback" not in words


def test_images_that_are_not_those_of_the_run_are_not_called_its_training_images(run):
    plan = json.loads((run / "config.json").read_text())
    plan["data"]["sha256"] = "0" * 64
    (run / "config.json").write_text(json.dumps(plan))
    assert "digits does not hold the images any more that the run was trained on" in Seen(page_of(run)).words


def test_a_folder_without_a_run_is_one_sentence(tmp_path):
    done = ganedu("report", tmp_path)
    assert done.exit_code == 1 and "there is no run in" in done.stderr and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_a_browser_finds_nothing_wrong_at_any_width(run, chromium, width, scheme):
    place = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "offline": True}
    with chromium.new_context(**place) as context, context.new_page() as page:
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
        page.goto(run_report.write(run).resolve().as_uri())
        assert said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every(i => i.naturalWidth > 0 && i.width > 20)")
        outside = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
        assert page.evaluate(f"{outside}.filter(e => !e.closest('svg')).map(e => e.outerHTML.slice(0, 60))") == []
        colors = "getComputedStyle(document.body)"
        assert page.evaluate(f"{colors}.color + {colors}.backgroundColor").count("rgb(") == 2
        is_dark = page.evaluate(f"{colors}.backgroundColor") == "rgb(20, 24, 29)"
        assert is_dark == (scheme == "dark")


# Nobody's work is lost


def test_an_edited_report_stays_and_the_new_one_lies_beside_it(run):
    report = run_report.write(run)
    edited = report.read_text().replace("Curves", "My curves")
    report.write_text(edited)
    assert run_report.write(run).name == run_report.write(run).name == "report.new.html"
    assert report.read_text() == edited
    (run / "report.new.html").write_text("mine too")
    assert run_report.write(run).name == "report.new-2.html"
    assert (run / "report.new.html").read_text() == "mine too"


def test_a_report_that_nobody_touched_is_written_anew(run):
    before = run_report.write(run).read_bytes()
    (run / "metrics.jsonl").write_text("")
    assert run_report.write(run).name == "report.html" and (run / "report.html").read_bytes() != before


# A run is done, whatever becomes of its report


def test_an_error_in_the_report_is_a_sentence_and_the_run_is_done(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(run_report, "write", fail)
    done = ganedu("train", "dcgan", *SMALL, "--steps", 2, "--out", tmp_path / "run")
    assert done.exit_code == 0 and "report.html" not in done.stdout and "step 2 of 2 done" in done.stdout
    sentence = f"no report of {tmp_path / 'run'} was written (division by zero); the run is whole, try `ganedu report"
    assert sentence in done.stderr


def test_without_matplotlib_training_goes_on_and_says_how_to_get_it(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib" or "reporting" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delattr("ganedu.reporting.run_report", raising=False)
    done = ganedu("train", "dcgan", *SMALL, "--steps", 2, "--out", tmp_path / "run")
    assert done.exit_code == 0 and "step 2 of 2 done" in done.stdout
    assert "matplotlib is missing: pip install matplotlib" in done.stderr

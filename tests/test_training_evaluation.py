"""A run that measures its generator on the way: the same weights, no row twice, and the final and the best are told."""

import inspect
import io
import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from typer.testing import CliRunner

from ganedu import recipes
from ganedu.cli import app
from ganedu.cli.results import evaluate_run
from ganedu.data import pairs, to_floats
from ganedu.metrics import features
from ganedu.training import TrainConfig, TrainingError, checkpoint, evaluation, load, resume, run_folder, train
from ganedu.training.loop import Session

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases

N = 80
CONFIG = TrainConfig(steps=9, ema=0.5, log_every=3, sample_every=9, checkpoint_every=4, evaluate_images=N)
ASKED = replace(CONFIG, evaluate_every=2)
SMALL = replace(recipes.get("mlp").Config().small(), size=8, batch_size=16, learning_rate=0.01)  # best in the middle


@pytest.fixture(scope="module", autouse=True)
def _quick(tmp_path_factory):
    """One thread, and a feature network of 2000 images in a cache of its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANEDU_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(features.IMAGES_TO_SEE, "digits", 2000)
        yield
    torch.set_num_threads(before)


def run_mlp(out, config=ASKED, data="digits", **options):
    train("mlp", data, out=out, config=config, recipe_config=SMALL, show=False, **options)
    return out


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return run_mlp(tmp_path_factory.mktemp("runs") / "measured")


@pytest.fixture
def killed_at(monkeypatch):
    """A run whose process ends just before it saves `step`, as by a power cut."""

    def run(out, step, config=ASKED):
        save = checkpoint.save

        def cut(folder, state):
            if state["step"] == step:
                raise KeyboardInterrupt
            save(folder, state)

        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "save", cut)
            with pytest.raises(KeyboardInterrupt):
                run_mlp(out, config)
        return out

    return run


def rows(run):
    return json.loads((run / "evaluation.json").read_text())["reports"]


def content(state):
    """The bytes of nested tensors and numbers."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def steps(run):
    return [row["step"] for row in rows(run)]


def distances(run):
    return [row["values"]["frechet_distance"] for row in rows(run)]


def test_every_n_steps_and_at_the_end_the_averaged_generator_is_measured(measured):
    assert steps(measured) == [2, 4, 6, 8, 9]
    assert {(row["protocol"]["n_fake"], row["protocol"]["split"], row["averaged"]) for row in rows(measured)} == {
        (N, "test", True)
    }
    assert rows(measured)[0]["protocol"]["size"] == [8, 8]


def test_the_numbers_are_those_of_ganedu_evaluate(measured, tmp_path):
    alone = run_mlp(tmp_path / "alone", CONFIG)
    evaluation.evaluate(alone, n=N)
    (row,) = rows(alone)
    assert row["protocol"] == rows(measured)[-1]["protocol"] and row["step"] == 9 and row["averaged"]
    assert row["values"]["frechet_distance"] == pytest.approx(distances(measured)[-1], rel=1e-9)


def test_without_a_number_two_thousand_images_are_drawn_wherever_one_measures():
    functions = (evaluation.evaluate, evaluate_run)  # of Python and of the command line
    asked = {inspect.signature(function).parameters["n"].default for function in functions}
    assert asked == {TrainConfig().evaluate_images} == {2000}


def test_weights_are_those_of_a_run_that_measures_nothing(measured, tmp_path):
    plain = run_mlp(tmp_path / "plain", CONFIG)
    ends = [checkpoint.read(run) for run in (measured, plain)]
    for part in ("recipe", "average", "processes"):
        assert content(ends[0][part]) == content(ends[1][part])
    assert not (plain / "evaluation.json").exists() and not (plain / evaluation.BEST).exists()
    name = "generator.safetensors"
    assert (measured / name).read_bytes() == (plain / name).read_bytes()
    assert ends[0]["hash"] == ends[1]["hash"]


def test_the_best_generator_is_kept_with_its_step(measured):
    best = min(rows(measured), key=lambda row: row["values"]["frechet_distance"])
    with safe_open(measured / evaluation.BEST, framework="pt") as opened:
        about = json.loads(opened.metadata()["ganedu"])
    assert about["step"] == best["step"] < 9 and about["ema"]
    assert about["frechet_distance"] == best["values"]["frechet_distance"]
    last = load_file(measured / "generator.safetensors")
    kept = load_file(measured / evaluation.BEST)
    assert kept.keys() == last.keys()
    assert not all(torch.equal(kept[key], last[key]) for key in kept)


@pytest.mark.parametrize("step", [4, 8, 9])
def test_after_a_kill_and_a_resume_no_row_is_there_twice_and_none_is_missing(measured, killed_at, tmp_path, step):
    run = killed_at(tmp_path / "run", step)
    assert steps(run)[-1] == step  # measured, and lost with the steps since the checkpoint before
    resume(run, show=False)
    assert rows(run) == rows(measured)
    assert (run / evaluation.BEST).read_bytes() == (measured / evaluation.BEST).read_bytes()


def test_rows_after_the_resumed_step_are_forgotten_at_once(measured, killed_at, tmp_path):
    run = killed_at(tmp_path / "run", 8)
    resume(run, max_minutes=0, show=False)  # one step
    assert steps(run) == [2, 4]
    assert rows(run) == rows(measured)[:2]


def test_best_weights_go_where_they_are_later_than_the_resumed_step(tmp_path):
    best = tmp_path / evaluation.BEST
    run_folder.write_weights(best, {"w": torch.zeros(1)}, about={"step": 6})
    evaluation.rewind(tmp_path, 6)
    assert best.exists()
    evaluation.rewind(tmp_path, 5)
    assert not best.exists()


def test_a_damaged_file_of_best_weights_is_taken_as_too_late(tmp_path):
    (tmp_path / evaluation.BEST).write_bytes(b"torn")
    evaluation.rewind(tmp_path, 10)
    assert not (tmp_path / evaluation.BEST).exists() and not (tmp_path / "evaluation.json").exists()


def test_final_and_best_are_told_with_their_steps(measured, tmp_path):
    best = min(zip(distances(measured), steps(measured), strict=True))
    told = evaluation.summary(measured)
    assert told == (
        f"frechet_distance: final {distances(measured)[-1]:.4f} at step 9, best {best[0]:.4f} at step {best[1]}, "
        f"kept in {measured / evaluation.BEST}"
    )
    assert evaluation.summary(run_mlp(tmp_path / "plain", replace(CONFIG, steps=1))) == ""


def test_the_command_line_tells_both_before_its_last_line(tmp_path):
    words = ["mlp", "--steps", 4, "--batch-size", 16, "--device", "cpu", "--ema", 0.5, "--out", tmp_path / "run"]
    done = CliRunner().invoke(app, list(map(str, ["train", *words, "--evaluate-every", 3, "--evaluate-images", N])))
    assert done.exit_code == 0, done.output
    told, last = done.stdout.splitlines()[-2:]
    assert told == evaluation.summary(tmp_path / "run") and "at step 4, best" in told
    assert last.startswith("step 4 of 4 done")
    assert steps(tmp_path / "run") == [3, 4]


def test_the_best_of_a_run_is_sought_among_reports_of_its_own_kind(measured, tmp_path):
    run = run_mlp(tmp_path / "run", replace(ASKED, steps=2, evaluate_images=300))
    before = evaluation.summary(run)
    evaluation.evaluate(run, n=400)
    evaluation.evaluate(run, n=300, ema=False)
    evaluation.evaluate(run, n=256)  # as many as there are real ones
    assert evaluation.summary(run) == before and len(rows(run)) == 4


def test_the_speed_in_the_rows_of_metrics_leaves_the_measuring_out(tmp_path, monkeypatch):
    monkeypatch.setattr("ganedu.training.loop.time.monotonic", clock := Clock())
    measure = evaluation.Evaluator.measure
    monkeypatch.setattr(evaluation.Evaluator, "measure", lambda *a, **o: (clock.pass_by(1000), measure(*a, **o))[1])
    run = run_mlp(tmp_path / "run", replace(ASKED, steps=6, log_every=1))
    speeds = [row["images_per_second"] for row in run_folder.read_metrics(run)]
    assert len(speeds) == 6 and min(speeds) > 1.0  # 16 images a step, and a second for every look at the clock


class Clock:
    """Time that passes only when somebody looks, a second each time."""

    def __init__(self):
        self.now = 0.0

    def pass_by(self, seconds):
        self.now += seconds

    def __call__(self):
        self.now += 1
        return self.now


def pictures(folder, classes):
    """A folder of 8 x 8 pictures, in as many sub-folders as there are classes."""
    for index in range(4):
        path = folder.joinpath(*classes[index % 2 : index % 2 + 1], f"{index}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 40 * index).save(path)
    return f"image-folder:{folder}"


def test_data_that_cannot_be_measured_are_refused_before_anything_is_written(tmp_path):
    refused = "evaluate_every=2 cannot be done: "
    for data, message in (
        (cases.images(), "images without a name have no test split"),
        (pictures(tmp_path / "plain", ()), "has no classes to train a feature network on"),
    ):
        size = 4 if isinstance(data, torch.Tensor) else 8
        with pytest.raises(ValueError, match=refused + ".*" + message):
            train("mlp", data, out=tmp_path / "run", config=ASKED, recipe_config=replace(SMALL, size=size), show=False)
    with pytest.raises(ValueError, match=refused + "64 generated and 256 real images .* too few for 64 features"):
        run_mlp(tmp_path / "run", replace(ASKED, evaluate_images=64))
    assert not (tmp_path / "run").exists()


def test_processes_but_the_first_measure_nothing_and_refuse_what_it_refuses(tmp_path):
    def session(said):
        world = SimpleNamespace(is_main=False, tell=lambda message: said)
        trainer = SimpleNamespace(world=world, config=ASKED, step=0)
        return Session(trainer, tmp_path, {}, sessions=[], show=False)

    assert session(None).evaluator is None
    with pytest.raises(ValueError, match="evaluate_every=2 cannot be done: no classes"):
        session("no classes")


def test_a_recipe_without_partners_is_not_measured():
    plan = {"recipe": {"name": "cyclegan", "image_shape": [3, 8, 8]}, "data": {"name": "x", "images": [5, 6]}}
    with pytest.raises(ValueError, match="cyclegan learns without partners, so nobody knows what its translations"):
        evaluation.evaluator(plan, recipes.get("cyclegan"), n=N)


def test_pairs_are_measured_against_their_partners_on_the_way_and_at_the_end(tmp_path):
    config = replace(recipes.get("srgan").Config().small(), width=4, blocks=1, batch_size=4)
    asked = TrainConfig(steps=4, evaluate_every=2, evaluate_images=1000, checkpoint_every=2)  # there are 256 pairs
    run = tmp_path / "run"
    train("srgan", "half:digits", out=run, config=asked, recipe_config=config, show=False)
    on_the_way = rows(run)
    assert [row["step"] for row in on_the_way] == [2, 4] and {*on_the_way[0]["values"]} == {"mean_absolute_error"}
    assert re.search(r"mean_absolute_error: final [\d.]+ at step 4, best [\d.]+ at step \d", evaluation.summary(run))
    before = evaluation.summary(run)
    evaluation.evaluate(run, n=200)  # by hand, and so no report of the run's own
    assert evaluation.summary(run) == before
    said = evaluation.evaluate(run, n=1000)
    assert "256 pairs of 8 x 8 pixels (half:digits, test), pixel by pixel" in said
    test = pairs.load_pairs("half:digits", "test")
    with safe_open(run / "generator.best.safetensors", framework="pt") as best:
        assert json.loads(best.metadata()["ganedu"]).keys() >= {"step", "mean_absolute_error"}
    made = load(run).translate(to_floats(test.inputs, torch.float32)).double()
    apart = (made + 1) * 127.5 - test.targets.double()  # in gray levels
    found = rows(run)[-1]["values"]
    assert found["mean_absolute_error"] == pytest.approx(apart.abs().mean().item(), abs=1e-3)
    assert found["mean_absolute_error"] == pytest.approx(on_the_way[-1]["values"]["mean_absolute_error"], abs=1e-9)
    assert found["psnr"] == pytest.approx(10 * math.log10(255**2 / apart.square().mean().item()), abs=1e-4)
    copies = test.inputs.repeat_interleave(2, 2).repeat_interleave(2, 3).double()
    assert f"copying the inputs would give mean_absolute_error {(copies - test.targets).abs().mean():.4f}" in said


def test_a_damaged_evaluation_file_is_named_on_resume(measured, tmp_path):
    run = run_mlp(tmp_path / "run", replace(ASKED, steps=2))
    (run / "evaluation.json").write_text("{}")
    with pytest.raises(TrainingError, match=r"evaluation\.json is damaged .* delete it and evaluate again"):
        resume(run, steps=4, show=False)


def test_an_evaluation_file_from_before_the_size_was_kept_is_read_and_not_mixed(measured, tmp_path):
    run = run_mlp(tmp_path / "run", replace(CONFIG, steps=2))
    evaluation.evaluate(run, n=N)
    old = rows(run)[0]
    del old["protocol"]["size"]
    old["values"]["frechet_distance"] = 0.0  # better than any that follows
    (run / "evaluation.json").write_text(json.dumps({"reports": [old]}))
    assert "best frechet_distance so far: 0.0000" not in evaluation.evaluate(run, n=N)
    assert [row["protocol"]["size"] for row in rows(run)] == [None, [8, 8]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluate_every": -1}, "evaluate_every must be at least 0, not -1"),
        ({"evaluate_images": 0}, "at least 1"),
    ],
)
def test_cadences_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **changes)

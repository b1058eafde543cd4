"""A run can be killed, resumed, moved and looked at, and ends where an undisturbed one ends."""

import io
import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from ganedu.training import TrainConfig, TrainingError, checkpoint, load, resume, run_folder, train

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases
from training_cases import CONFIG, STEPS, again, assert_same_end, same, short, spawn


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with cases.one_thread():
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run that was never stopped."""
    return short(tmp_path_factory.mktemp("runs") / "undisturbed", STEPS)


def test_a_run_folder_holds_what_the_book_says(undisturbed):
    names = {path.name.split(".out.")[0] for path in undisturbed.iterdir()}
    expected = {"config.json", "metrics.jsonl", "samples", "checkpoint.pt", "checkpoint.previous.pt"}
    assert expected | {"generator.safetensors", "provenance.json"} <= names
    assert not list(undisturbed.rglob("*.tmp"))
    assert [row["step"] for row in run_folder.read_metrics(undisturbed)] == list(range(10, STEPS + 1, 10))
    record = json.loads((undisturbed / "provenance.json").read_text())
    rows = [*run_folder.read_metrics(undisturbed), *checkpoint.read(undisturbed)["sessions"]]
    seconds = [row["seconds"] for row in rows]
    assert len(seconds) > 1 and all(each == round(each, 3) for each in seconds)
    assert record["packages"]["torch"] == torch.__version__ and record["seed"] == 0 and record["wall_seconds"] > 0
    assert (
        load_file(undisturbed / "generator.safetensors").keys()
        == load(undisturbed, recipe=cases.Tiny).networks["generator"].state_dict().keys()
    )


def test_a_dcgan_killed_at_twenty_random_moments_and_resumed_ends_bit_identical(tmp_path):
    moments, run, undisturbed = random.Random(0), tmp_path / "run", tmp_path / "undisturbed"
    reached = set()
    for number in range(20):  # every fifth while the run is being taken up, the others up to 40 steps later
        step, call = (moments.randint(1, 40), 12_000) if number % 5 else (None, 30_000)
        killed = (step, moments.randint(1, call), cases.main, str(run), STEPS, None, "dcgan")
        process = spawn(cases.killed_at_moment, *killed)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        if (run / "config.json").exists():
            reached.add(checkpoint.read(run)["step"])  # whole, whenever the kill came
    assert len(reached) > 4 and max(reached) < STEPS
    for folder in (run, undisturbed):
        assert cases.main(str(folder), STEPS, recipe="dcgan") == 0
    assert_same_end(run, undisturbed)


@pytest.mark.parametrize("operation", range(1, 60, 7))
def test_a_kill_between_any_two_file_operations_loses_nothing(undisturbed, tmp_path, operation):
    run = tmp_path / "run"
    process = spawn(cases.killed_at_file_operation, str(run), STEPS, operation)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert cases.main(str(run), STEPS) == 0
    assert_same_end(run, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_run_and_ends_it_with_130(undisturbed, tmp_path, number):
    run = tmp_path / "run"
    process = spawn(cases.train_slowly, str(run), STEPS)  # so slowly that it is not done when the signal comes
    while not run_folder.read_metrics(run):
        time.sleep(0.005)
    os.kill(process.pid, number)
    process.join()
    assert process.exitcode == 130
    step = checkpoint.read(run)["step"]
    assert 10 <= step < STEPS and run_folder.read_metrics(run)[-1]["step"] == step
    assert cases.main(str(run), STEPS) == 0
    ours, theirs = checkpoint.read(run), checkpoint.read(undisturbed)
    assert same(ours["recipe"], theirs["recipe"]) and same(ours["average"], theirs["average"])
    assert len(ours["sessions"]) == 2


def test_time_that_is_up_saves_and_leaves_an_unfinished_run(tmp_path):
    outcome = train(cases.Tiny, cases.images(), out=tmp_path / "run", config=CONFIG, max_minutes=0, show=False)
    assert not outcome.finished and outcome.step == checkpoint.read(tmp_path / "run")["step"] == 1
    assert again(tmp_path / "run").finished


def test_handlers_and_random_numbers_are_what_they_were_before(tmp_path):
    handler, numbers = signal.getsignal(signal.SIGINT), torch.get_rng_state()
    short(tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is handler and torch.equal(torch.get_rng_state(), numbers)


def test_resume_after_a_changed_config_shows_the_difference(tmp_path):
    run = short(tmp_path / "run")
    plan = json.loads((run / "config.json").read_text())
    plan["training"]["seed"], plan["recipe"]["config"]["rate"] = 7, 0.5
    (run / "config.json").write_text(json.dumps(plan))
    before = (run / "checkpoint.pt").read_bytes()
    with pytest.raises(
        TrainingError, match=r"recipe.config.rate: 0.01 before, 0.5 now; training.seed: 0 before, 7 now"
    ):
        again(run)
    assert (run / "checkpoint.pt").read_bytes() == before


def test_resume_with_other_images_is_refused(tmp_path):
    run = short(tmp_path / "run")
    with pytest.raises(TrainingError, match=r"data\.sha256"):
        resume(run, recipe=cases.Tiny, data=cases.images(seed=1), show=False)


def test_training_into_a_folder_with_a_run_is_refused_with_the_difference(tmp_path):
    run = short(tmp_path / "run")
    with pytest.raises(
        TrainingError, match=r"holds a run already with other options \(training.ema: 0.999 before, 0.5"
    ):
        short(run, ema=0.5)
    with pytest.raises(TrainingError, match="holds a run already; go on with `ganedu resume"):
        short(run)


def test_the_cadence_of_writing_may_change_and_the_weights_stay_the_same(undisturbed, tmp_path):
    run = short(tmp_path / "run", STEPS, log_every=7, sample_every=200, checkpoint_every=33)
    assert same(checkpoint.read(run)["recipe"], checkpoint.read(undisturbed)["recipe"])


def test_more_steps_lead_where_a_longer_run_would_have_led(undisturbed, tmp_path):
    run = short(tmp_path / "run", 100)
    assert again(run, steps=STEPS).finished
    assert_same_end(run, undisturbed)


def test_more_steps_are_refused_where_the_learning_rate_depends_on_their_number(tmp_path):
    decaying = cases.TinyConfig(decays=True)
    train(
        cases.Tiny, cases.images(), out=tmp_path, config=replace(CONFIG, steps=20), recipe_config=decaying, show=False
    )
    with pytest.raises(TrainingError, match="20 steps done toward 20 cannot become part of a run of 40"):
        again(tmp_path, steps=40)


def test_a_decaying_learning_rate_survives_a_resume(tmp_path):
    decaying, ends = cases.TinyConfig(decays=True), []
    for name, minutes in (("whole", None), ("stopped", 0)):
        options = {
            "config": replace(CONFIG, steps=50),
            "recipe_config": decaying,
            "max_minutes": minutes,
            "show": False,
        }
        outcome = train(cases.Tiny, cases.images(), out=tmp_path / name, **options)
        ends.append(checkpoint.read(again(tmp_path / name).run if not outcome.finished else outcome.run)["recipe"])
    assert same(*ends)
    group = ends[0]["optimizers"]["generator"]["param_groups"][0]
    assert group["lr"] == pytest.approx(0.01 / 50, abs=1e-12)  # the last of 50 steps down to zero


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    run = short(tmp_path / "run")
    before = checkpoint.read(run)
    assert again(run).finished
    assert same(checkpoint.read(run)["recipe"], before["recipe"])


def test_a_sheet_has_rows_of_eight_images(tmp_path):
    for n, rows, columns in ((3, 1, 3), (8, 1, 8), (9, 2, 8), (17, 3, 8)):
        run_folder.write_samples(tmp_path / "sheet.png", torch.zeros(n, 1, 64, 64))
        with Image.open(tmp_path / "sheet.png") as image:
            assert image.size == (2 + columns * 66, 2 + rows * 66)


def test_a_loss_that_is_not_finite_stops_with_step_player_and_last_good_checkpoint(tmp_path):
    broken = cases.TinyConfig(breaks_at=47)
    with pytest.raises(
        TrainingError, match=r"step 47: loss_g of the generator is not a number.*checkpoint.pt of step 40"
    ):
        train(cases.Tiny, cases.images(), out=tmp_path, config=CONFIG, recipe_config=broken, show=False)
    assert checkpoint.read(tmp_path)["step"] == 40


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    exploding = cases.TinyConfig(rate=1e30)
    with pytest.raises(TrainingError, match=r"checkpoint.pt of step 0"):
        train(cases.Tiny, cases.images(), out=tmp_path, config=CONFIG, recipe_config=exploding, show=False)
    assert checkpoint.read(tmp_path)["step"] == 0


def test_tensorboard_shows_the_sheets_of_samples(undisturbed):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(undisturbed), size_guidance={"images": 0}).Reload()
    shown = {event.step: Image.open(io.BytesIO(event.encoded_image_string)) for event in events.Images("samples")}
    written = {int(path.stem.removeprefix("step_")): path for path in (undisturbed / "samples").glob("*.png")}
    assert shown.keys() == written.keys() and shown
    for step, path in written.items():
        with Image.open(path) as sheet:
            assert sheet.tobytes() == shown[step].convert(sheet.mode).tobytes()


def test_without_tensorboard_a_run_is_the_same_but_for_its_events(undisturbed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run = short(tmp_path / "run", STEPS)
    assert not list(run.glob("events*"))
    assert_same_end(run, undisturbed)


def test_without_a_terminal_a_run_shows_ten_lines_and_none_if_silent(tmp_path, capsys):
    train(cases.Tiny, cases.images(), out=tmp_path / "shown", config=CONFIG)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10 and "step 200/200  loss_d" in lines[-1] and "left" in lines[0]
    short(tmp_path / "silent")
    assert capsys.readouterr() == ("", "")


def test_load_gives_the_averaged_generator_unless_asked_otherwise(undisturbed):
    state = checkpoint.read(undisturbed)
    averaged = load(undisturbed, recipe=cases.Tiny).networks["generator"].state_dict()
    last = load(undisturbed, recipe=cases.Tiny, ema=False).networks["generator"].state_dict()
    assert same(dict(averaged), state["average"]) and same(dict(last), state["recipe"]["networks"]["generator"])
    assert not same(dict(averaged), dict(last))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"checkpoint_every": 0}, "checkpoint_every must be at least 1"),
        ({"ema": 1.0}, r"ema must be in \[0, 1\)"),
        ({"seed": -1}, "seed must be"),
        ({"steps": 10**12}, "steps must be at most 1,000,000,000: at a thousand a second 10+ would take 31 years"),
        ({"precision": "fp16"}, "unknown precision 'fp16'; choose one of fp32, tf32, bf16"),
    ],
)
def test_a_config_out_of_range_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**changes)

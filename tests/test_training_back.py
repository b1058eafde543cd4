"""Going back to a kept checkpoint, going on with one command, and another learning rate from here on."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ganedu import recipes
from ganedu.cli import app
from ganedu.training import TrainConfig, TrainingError, checkpoint, load, resume, run_folder, train

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases
from training_cases import CONFIG, again, assert_same_end, same, short

MLP = replace(recipes.get("mlp").Config().small(), hidden=(8, 8), batch_size=4)
STEPS = TrainConfig(steps=12, log_every=2, sample_every=6, checkpoint_every=4)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with cases.one_thread():
        yield


def mlp(out, config=STEPS, recipe_config=MLP, **options):
    return train("mlp", "digits", out=out, config=config, recipe_config=recipe_config, show=False, **options)


def weights(run, **which):
    return dict(load(run, recipe=cases.Tiny, ema=False, **which).networks["generator"].state_dict())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return short(tmp_path_factory.mktemp("runs") / "whole", 80)


# Kept checkpoints


def test_the_last_checkpoints_and_those_of_every_so_many_steps_are_kept(tmp_path):
    run = short(tmp_path / "run", 80, keep_last=2, keep_every=30)
    assert list(checkpoint.kept(run)) == [30, 40, 60, 80]  # 20, 40 and 80 were to be written anyway
    for step in checkpoint.kept(run):
        assert checkpoint.read(run, at=step)["step"] == step


def test_without_being_asked_no_checkpoint_is_kept(whole):
    assert not (whole / "checkpoints").exists()


def test_a_run_that_goes_back_ends_where_it_would_have_ended(whole, tmp_path):
    run = short(tmp_path / "run", 80, keep_every=20)
    assert_same_end(run, whole)
    assert not same(weights(run, at=40), weights(run))
    assert again(run, at=40, max_minutes=0).step == 41
    assert checkpoint.read(run)["step"] == 41 and list(checkpoint.kept(run)) == [20, 40]
    assert run_folder.read_metrics(run)[-1]["step"] == 41 and not (run / "samples" / "step_000050.png").exists()
    assert again(run).finished
    assert same(checkpoint.read(run)["recipe"], checkpoint.read(whole)["recipe"])


@pytest.mark.skipif(os.name != "posix", reason="hard links")
def test_a_kept_checkpoint_takes_no_room_while_it_is_the_last(tmp_path):
    run = short(tmp_path / "run", 20, keep_last=1)
    assert (run / "checkpoint.pt").samefile(run / "checkpoints" / "step_000020.pt")


def test_steps_that_were_not_kept_are_refused_with_those_that_were(whole, tmp_path):
    run = short(tmp_path / "run", 40, keep_every=20)
    with pytest.raises(TrainingError, match="has no checkpoint of step 33: there are 20, 40"):
        again(run, at=33)
    with pytest.raises(TrainingError, match=r"has no checkpoint of step 40: none was kept \(--keep-last"):
        load(whole, recipe=cases.Tiny, at=40)
    with pytest.raises(TrainingError, match="--previous and --at name two checkpoints"):
        again(run, at=20, previous=True)


def test_a_folder_with_kept_checkpoints_of_somebody_is_not_used(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step_000100.pt").write_text("mine")
    with pytest.raises(TrainingError, match=r"holds checkpoints/step_000100\.pt, but no run"):
        short(tmp_path)


# Another learning rate


def test_a_learning_rate_is_changed_on_the_way_and_says_so(tmp_path):
    mlp(tmp_path / "run", replace(STEPS, steps=4))
    with pytest.warns(UserWarning, match=r"learning_rate is 0\.01 from step 4 on, \S+ before"):
        resume(tmp_path / "run", steps=12, learning_rate=0.01, show=False)
    state = checkpoint.read(tmp_path / "run")
    assert state["recipe"]["optimizers"]["generator"]["param_groups"][0]["lr"] == 0.01
    record = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert record["sessions"][-1]["changed"] == {"learning_rate": 0.01} and "changed" not in record["sessions"][0]
    assert run_folder.read_config(tmp_path / "run")["recipe"]["config"]["learning_rate"] == 0.01
    assert resume(tmp_path / "run", steps=14, show=False).finished  # and it stays so, without a word


def test_a_kill_between_the_change_and_the_next_checkpoint_does_no_harm(tmp_path, monkeypatch):
    mlp(tmp_path / "run", replace(STEPS, steps=4))
    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="learning_rate is 0.01"):
        patch.setattr("ganedu.training.loop.Session.train", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            resume(tmp_path / "run", steps=8, learning_rate=0.01, show=False)
    with pytest.warns(UserWarning, match="learning_rate is 0.01 from step 4 on"):
        assert resume(tmp_path / "run", show=False).finished
    group = checkpoint.read(tmp_path / "run")["recipe"]["optimizers"]["generator"]["param_groups"][0]
    assert group["lr"] == 0.01


def test_a_learning_rate_changed_by_hand_is_refused_as_before(tmp_path):
    mlp(tmp_path / "run", replace(STEPS, steps=4))
    plan = json.loads((tmp_path / "run" / "config.json").read_text())
    plan["recipe"]["config"]["learning_rate"] = 0.5
    (tmp_path / "run" / "config.json").write_text(json.dumps(plan))
    with pytest.raises(TrainingError, match=r"recipe\.config\.learning_rate: .* before, 0\.5 now"):
        resume(tmp_path / "run", steps=8, show=False)


def test_wrong_learning_rates_are_refused(tmp_path, whole):
    mlp(tmp_path / "run", replace(STEPS, steps=4))
    for rate in (-1, float("nan"), float("inf"), 1e9):
        with pytest.raises(ValueError, match="learning_rate must be a number from 0"):
            resume(tmp_path / "run", steps=8, learning_rate=rate, show=False)
    with pytest.raises(ValueError, match="this recipe has no learning_rate"):
        again(whole, steps=100, learning_rate=0.1)


# One command to start and to go on


def test_train_with_resume_starts_a_run_and_goes_on_with_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["train", "mlp", "--set", "hidden=(8,8)", "--device", "cpu", "--resume"]
    done = [CliRunner().invoke(app, [*words, "--steps", str(steps)]) for steps in (4, 4, 8)]
    assert [each.exit_code for each in done] == [0, 0, 0], done[-1].output
    assert "step 8 of 8 done" in done[-1].stdout and [path.name for path in Path("runs").iterdir()] == ["mlp-digits"]
    assert len(json.loads(Path("runs/mlp-digits/provenance.json").read_text())["sessions"]) == 2
    other = CliRunner().invoke(app, [*words, "--steps", "8", "--seed", "5"])
    assert other.exit_code == 1 and "holds a run with other options (training.seed: 0 before, 5 now)" in other.stderr
    fewer = CliRunner().invoke(app, [*words, "--steps", "3"])
    assert fewer.exit_code == 1 and "has done 8 steps already" in fewer.stderr


def test_a_run_of_a_class_and_a_tensor_goes_on_too(tmp_path, whole):
    for minutes in (0, None):
        options = {"max_minutes": minutes, "show": False, "go_on": True}
        train(cases.Tiny, cases.images(), out=tmp_path / "run", config=replace(CONFIG, steps=80), **options)
    assert same(checkpoint.read(tmp_path / "run")["recipe"], checkpoint.read(whole)["recipe"])

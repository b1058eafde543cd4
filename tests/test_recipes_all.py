"""What every recipe promises, whatever it learns from: it resumes to the bit, shows itself, refuses what is wrong."""

import sys
from pathlib import Path

import pytest
import torch

from ganedu import recipes
from ganedu.cli.recipes import usual_facts
from ganedu.data import kinds
from ganedu.training import TrainingError, checkpoint, load, run_folder
from ganedu.training.trainer import Trainer

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases
from recipe_cases import config_of, run_of

FOR_ALL = pytest.mark.parametrize("name", recipes.NAMES)


@FOR_ALL
def test_a_run_stopped_after_each_step_ends_with_the_same_bits(name, tmp_path):
    whole, halting = tmp_path / "whole", tmp_path / "halting"
    run_of(name, whole)
    while not run_of(name, halting, max_minutes=0, go_on=True).finished:
        pass
    assert len(checkpoint.read(halting)["sessions"]) >= 4
    ours, theirs = checkpoint.read(whole), checkpoint.read(halting)
    assert all(cases.same(ours[part], theirs[part]) for part in ("step", "recipe", "average", "processes"))
    sheets = [(run / "samples" / "step_000004.png").read_bytes() for run in (whole, halting)]
    assert sheets[0] == sheets[1]
    recipe = load(whole)
    assert recipe.name == name and run_folder.read_config(whole)["recipe"]["kind"] == type(recipe).Batch.kind


@FOR_ALL
def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_checkpoint(name, tmp_path, monkeypatch):
    advance = Trainer.advance

    def spoiled(trainer):
        scalars = advance(trainer)
        return {key: value * float("nan") for key, value in scalars.items()} if trainer.step == 3 else scalars

    monkeypatch.setattr(Trainer, "advance", spoiled)
    with pytest.raises(TrainingError, match=r"step 3: .* is not a number; the last good checkpoint is .* of step 2"):
        run_of(name, tmp_path / "run")
    assert checkpoint.read(tmp_path / "run")["step"] == 2


@FOR_ALL
def test_samples_follow_from_their_seed_and_lie_in_range(name):
    kind, config = recipes.get(name), config_of(name)
    recipe = kind(config, **usual_facts(kind, config), seed=0)
    if not hasattr(recipe, "sample"):
        pytest.skip("it translates and draws nothing from noise")
    before = torch.get_rng_state()
    one, again, other = (recipe.sample(3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert one.shape == (3, *recipe.image_shape) and one.abs().max() <= 1 and not one.requires_grad
    assert torch.equal(one, again) and not torch.equal(one, other)


@FOR_ALL
def test_a_batch_of_another_kind_is_named(name):
    kind, config = recipes.get(name), config_of(name)
    recipe = kind(config, **usual_facts(kind, config), seed=0)
    other = kinds.Voxels if kind.Batch is not kinds.Voxels else kinds.Images
    with pytest.raises(ValueError, match=rf"{name}: .*(batch|{kind.Batch.__name__})"):
        recipe.step(other(torch.zeros(2, 1, 4, 4, 4)), torch.Generator())

"""Of every recipe: a run killed at any moment and taken up ends with each file as an undisturbed one has it."""

import os
import random
import signal
import sys
from pathlib import Path

import pytest

from ganedu import recipes
from ganedu.training import checkpoint

sys.path.insert(0, str(Path(__file__).parent))
import recipe_cases
import training_cases as cases

STEPS = 12
SLOW = os.environ.get("GANEDU_SLOW")  # six kills of every recipe, otherwise one of every third
KILLS, NAMES = (6, recipes.NAMES) if SLOW else (1, recipes.NAMES[::3])


@pytest.mark.parametrize("name", NAMES)
def test_a_run_killed_at_random_moments_ends_like_an_undisturbed_one(name, tmp_path):
    moments, run, undisturbed = random.Random(name), tmp_path / "run", tmp_path / "undisturbed"
    for number in range(KILLS):  # every third while the run is being taken up, the others in one of the next steps
        step, calls = (None, 10_000) if number % 3 == 2 else (moments.randint(1, 3), 1_000)
        moment = (step, moments.randint(1, calls))
        process = cases.spawn(cases.killed_at_moment, *moment, recipe_cases.go_on, name, str(run), STEPS)
        process.join()
        assert process.exitcode == -signal.SIGKILL, moment
    with cases.one_thread():
        for folder in (run, undisturbed):
            recipe_cases.run_of(name, folder, steps=STEPS, go_on=True)
    assert checkpoint.read(run)["step"] == STEPS
    cases.assert_same_end(run, undisturbed)

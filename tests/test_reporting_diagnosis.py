"""What ails a run: runs that were made to fail in each way, and runs that were not."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ganedu import recipes
from ganedu.cli import app
from ganedu.metrics.report import Protocol, Report
from ganedu.reporting import diagnosis, run_report
from ganedu.reporting.facts import Facts
from ganedu.training import TrainConfig, TrainingError, evaluation, run_folder, train

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases

ROOT = Path(__file__).resolve().parents[1]
PROTOCOL = Protocol(data="digits", split="test", n_real=256, n_fake=100, features="x", size=(8, 8))


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with cases.one_thread():
        yield


def trained(out, recipe, steps, *, data="digits", log_every=4, seed=0, **changes):
    """A run of a tiny configuration at 8 x 8 pixels, or at those of the images given."""
    config = replace(recipes.get(recipe).Config().small(), **{"size": 8, "batch_size": 32, **changes})
    often = TrainConfig(steps=steps, log_every=log_every, sample_every=steps, checkpoint_every=steps, ema=0, seed=seed)
    train(recipe, data, out=out, config=often, recipe_config=config, show=False)
    return Facts.read(out)


def names(facts):
    return [each.name.partition(",")[0] for each in diagnosis.diagnose(facts)[0]]


# Made to fail


def test_a_generator_that_stands_still_loses_to_the_discriminator(tmp_path):
    facts = trained(tmp_path, "mlp", 100, hidden=(16,), learning_rate=1e-6, learning_rate_d=5e-3)
    found = diagnosis.diagnose(facts)[0][0]
    assert found.name == "the discriminator has won" and found.chapter == "chapter 6 and chapter 13"
    last = np.mean([row["loss_d"] for row in facts.rows[-5:]])
    assert f"loss_d is {last:.4f}" in found.number and "of 1.386" in found.number and "5%" in found.threshold


def test_a_generator_with_too_large_a_rate_makes_one_image(tmp_path):
    facts = trained(tmp_path, "mlp", 150, hidden=(16,), learning_rate=2e-2, learning_rate_d=1e-4, beta1=0.9)
    (found,) = diagnosis.diagnose(facts)[0]
    assert found.name.startswith("mode collapse") and found.chapter == "chapter 10"
    assert int(re.search(r"(\d+)% of real images", found.number)[1]) < 25 and "40%" in found.threshold


def test_two_players_with_momentum_go_round_and_round(tmp_path):
    images = torch.randint(100, 156, (64, 1, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    options = {"data": images, "size": 4, "hidden": (8,), "latent_dim": 2, "batch_size": 16}
    facts = trained(tmp_path, "mlp", 400, beta1=0.9, learning_rate=5e-3, **options)
    (found,) = diagnosis.diagnose(facts)[0]
    assert found.name == "oscillation" and found.chapter == "chapter 9"
    strength = float(re.search(r"correlation (\d\.\d+)", found.number)[1])
    assert strength > 0.7 and str(diagnosis.WAVE) in found.threshold


def test_a_loss_beyond_all_bounds_has_diverged(tmp_path):
    facts = trained(tmp_path, "mlp", 100, hidden=(16,), loss="wasserstein", learning_rate=1.0)
    (found,) = diagnosis.diagnose(facts)[0]
    assert found.name == "diverged" and f"loss_d is {facts.rows[-1]['loss_d']:.1e}" == found.number
    assert "1e+05" in found.threshold and found.chapter == "chapter 9"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (cases.TinyConfig(breaks_at=47), "at step 47 loss_g of the generator is not a number"),
        (cases.TinyConfig(rate=1e30), "is not a number"),
    ],
)
def test_a_run_that_stopped_at_a_nan_says_where(tmp_path, config, told):
    with pytest.raises(TrainingError, match="last good checkpoint"):
        train(cases.Tiny, cases.images(), out=tmp_path, config=cases.CONFIG, recipe_config=config, show=False)
    (found,) = diagnosis.diagnose(Facts.read(tmp_path))[0]
    assert found.name == "diverged" and told in found.number
    assert "diverged" in run_report.write(tmp_path).read_text()


def test_what_stopped_a_run_is_forgotten_when_it_goes_on(tmp_path):
    run = cases.short(tmp_path / "run")
    run_folder.append_metrics(run, {"step": 41, "stopped": "loss_g of the generator is not a number"})
    assert names(Facts.read(run)) == ["diverged"]
    cases.again(run, steps=60)
    assert "diverged" not in names(Facts.read(run)) and "not a number" not in (run / "metrics.jsonl").read_text()


def test_a_critic_at_its_beginning_is_not_at_rest(tmp_path):
    facts = trained(tmp_path, "wgan-gp", 40, log_every=2, width=8)
    assert "not converged yet" in names(facts)
    found = diagnosis.diagnose(facts)[0][-1]
    assert re.match(r"loss_d went from -\d\.\d+ to -\d\.\d+", found.number) and found.chapter == "chapter 17"


# Not made to fail


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("recipe", "steps"), [("dcgan", 300), ("sngan", 120)])
def test_a_healthy_run_is_fine(tmp_path, recipe, steps, seed):
    narrow = {"width": 16} if recipe == "dcgan" else {"width": 8, "width_g": 8}
    told = diagnosis.in_words(trained(tmp_path, recipe, steps, seed=seed, **narrow))
    assert told[0].startswith("fine: loss_d is ") and "would be undecided" in told[0]
    assert told[1:] == [
        f"{diagnosis.UNTOLD} some kinds of images are never made: `ganedu evaluate` measures it, as recall"
    ]


def logged(run, losses, **about):
    """The run with these values of loss_d in its metrics.jsonl."""
    (run / run_folder.METRICS).write_text("")
    for i, loss in enumerate(losses, 1):
        run_folder.append_metrics(run, {"step": 10 * i, "loss_d": float(loss), **about})
    return Facts.read(run)


@pytest.fixture(scope="module")
def spread_out(tmp_path_factory):
    """A run whose last sheet shows real digits."""
    from ganedu import data

    run = tmp_path_factory.mktemp("runs")
    facts = trained(run, "mlp", 1, hidden=(4,))
    (sheet,) = (facts.run / "samples").glob("*.png")
    run_folder.write_samples(sheet, data.to_floats(data.load("digits", "test").images[:64]))
    return run


@given(seed=st.integers(0, 10**6), n=st.integers(10, 200), noise=st.floats(0, 0.3), memory=st.sampled_from([0, 0.5]))
@settings(max_examples=60)
def test_noise_around_the_ideal_is_no_ailment(spread_out, seed, n, noise, memory):
    random = np.random.default_rng(seed)
    steps = random.normal(size=n)
    for i in range(1, n):
        steps[i] = memory * steps[i - 1] + steps[i] * (1 - memory**2) ** 0.5
    assert names(logged(spread_out, 1.386 + noise * steps)) == []


@given(period=st.integers(5, 20), phase=st.floats(0, 6), height=st.floats(0.2, 0.6), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_a_wave_under_noise_is_found_with_its_period(spread_out, period, phase, height, seed):
    rows = np.arange(150)
    noise = 0.3 * height * np.random.default_rng(seed).normal(size=150)
    (found,) = diagnosis.diagnose(logged(spread_out, 1.4 + height * np.sin(6.2832 * rows / period + phase) + noise))[0]
    assert found.name == "oscillation"
    told = int(re.search(r"every (\d+) steps", found.number)[1])
    assert told < 10 * 150 / 4  # waves are looked for within a third of what is judged, the last 100 rows
    assert (
        told % (10 * period) <= 15 or 10 * period - told % (10 * period) <= 15
    )  # a multiple of the period is one, too


def test_a_straight_line_is_taken_away_and_no_more():
    rows = np.arange(60.0)
    assert diagnosis.wave(5 - 3 * rows) == (0.0, 0, 0.0)
    bowl = (rows - rows.mean()) ** 2  # its best straight line is level
    assert diagnosis.wave(bowl + 7 * rows)[2] == pytest.approx(bowl.std(), rel=1e-9)


# What is measured counts more


def measured(run, *values):
    (run / run_folder.RESULTS).unlink(missing_ok=True)
    for i, each in enumerate(values, 1):
        evaluation.add(run, Report(protocol=PROTOCOL, step=i, averaged=False, values=each))
    return logged(run, [1.386] * 20)


def test_a_recall_near_zero_is_a_collapse_whatever_the_sheet_shows(spread_out):
    facts = measured(spread_out, {"frechet_distance": 3.0, "recall": 0.01})
    (found,) = diagnosis.diagnose(facts)[0]
    assert found.name.startswith("mode collapse") and "recall is 0.010" in found.number and "0.05" in found.threshold
    facts = measured(spread_out, {"frechet_distance": 3.0, "recall": 0.5})
    assert diagnosis.diagnose(facts) == ([], [])


@pytest.mark.parametrize(("distances", "ailing"), [((9, 8, 6), True), ((9, 6, 5.9), False), ((9, 6, 7), False)])
def test_a_frechet_distance_that_still_falls_is_not_converged(spread_out, distances, ailing):
    facts = measured(spread_out, *({"frechet_distance": each, "recall": 0.5} for each in distances))
    assert names(facts) == (["not converged yet"] if ailing else [])
    told = " ".join(diagnosis.in_words(facts))
    assert ("fell from 8.00 to 6.00" in told) == ailing


# What it says, and what it cannot say


def test_too_few_rows_are_told(tmp_path):
    told = diagnosis.in_words(trained(tmp_path, "mlp", 8, hidden=(4,)))
    assert told == ["2 rows of metrics.jsonl are too few to judge; 10 are needed, see --log-every"]


def test_what_a_sheet_would_need_is_told_where_the_images_are_not_known(tmp_path):
    facts = Facts.read(cases.short(tmp_path / "run", 100))
    assert "whether all samples are alike: the images were given from Python" in diagnosis.diagnose(facts)[1][1]


def test_doctor_examines_a_run_or_the_machine(spread_out):
    measured(spread_out, {"frechet_distance": 3.0, "recall": 0.01})
    done = CliRunner().invoke(app, ["doctor", str(spread_out)])
    assert done.exit_code == 0 and done.stdout.startswith("mode collapse") and done.stdout.count("\n") == 1
    assert "cores" in CliRunner().invoke(app, ["doctor"]).stdout
    done = CliRunner().invoke(app, ["doctor", "nowhere"])
    assert done.exit_code == 1 and "there is no run in nowhere" in done.stderr


def test_every_chapter_that_is_named_is_written():
    text = Path(diagnosis.__file__).read_text()
    written = {path.stem[3:].replace("_", "-") for path in (ROOT / "book" / "chapters").glob("*.md")}
    labels = re.findall(r'chapter\("ch-([a-z-]+)"\)', text)
    assert len(labels) >= 5 and set(labels) <= written


def test_a_finding_is_one_sentence_with_all_of_its_parts():
    told = str(diagnosis.Finding("it", "x is 1", "above 0", "chapter 3", "Do that"))
    assert told == "it: x is 1; above 0. See chapter 3. Do that."

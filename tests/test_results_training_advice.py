"""The stored trials of chapter 12 belong to the code that the book prints, and say what the text says."""

import hashlib
import json
import runpy
from pathlib import Path

import torch

from ganedu.metrics.intervals import student

HERE = Path(__file__).resolve().parents[1] / "book" / "results" / "training_advice"
STORED = json.loads((HERE / "metrics.json").read_text(encoding="utf-8"))
SCRIPT = runpy.run_path(str(HERE / "run.py"))
SCORES = {
    name: (torch.tensor(found["counts"]) / STORED["settings"]["samples"]).clamp(max=1 / 8).sum(1)
    for name, found in STORED["results"].items()
}


def test_the_trials_were_made_by_the_cells_of_chapter_12():
    provenance = json.loads((HERE / "provenance.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(SCRIPT["trial_code"]().encode()).hexdigest()
    assert provenance["code_sha256"] == digest, f"run `{provenance['command']}` again"


def test_every_arm_of_the_script_is_stored_with_all_its_seeds():
    assert STORED["settings"]["arms"] == json.loads(json.dumps(SCRIPT["ARMS"])) and set(SCORES) == set(SCRIPT["ARMS"])
    for found in STORED["results"].values():
        assert {len(values) for values in found.values()} == {STORED["settings"]["seeds"]}
        assert all(0 <= n <= 2000 for counts in found["counts"] for n in counts)
        assert all(len(counts) == 8 and sum(counts) <= 2000 for counts in found["counts"])


def against(name):
    return "rate 1e-2" if name.startswith("rate 1e-2,") else "reference"


def test_what_the_text_calls_lower_is_lower_and_again_in_the_repetition():
    for name in (
        "k = 5, equal work", "beta_1 = 0.9", "rate 1e-4", "n_z = 100", "n_z = 1", "scaled, tanh",
        "rate 1e-2, beta_1 = 0.9",
    ):  # fmt: skip
        difference = SCORES[name] - SCORES[against(name)]
        assert student(difference[:16], level=1 - 0.05 / 17).high < 0, name
        assert student(difference[16:]).high < 0, name


def test_the_head_start_of_d_is_lower_in_the_trial_and_not_in_the_repetition():
    difference = SCORES["500 steps of D first"] - SCORES["reference"]
    assert student(difference[:16], level=1 - 0.05 / 17).high < 0 < student(difference[16:]).high


def test_smoothing_three_steps_and_the_larger_rate_are_not_decided():
    for name in ("labels 0.9, 0.1", "labels 0.9, 0", "k = 3", "k = 3, equal work", "rate 1e-2"):
        difference = (SCORES[name] - SCORES["reference"])[:16]
        wide, usual = student(difference, level=1 - 0.05 / 17), student(difference)
        assert wide.low < 0 < wide.high and max(-usual.low, usual.high) > 0.05, name
    uniform = student((SCORES["uniform noise"] - SCORES["reference"])[:16])
    assert uniform.low > -0.05 and uniform.high < 0.05  # "no matter"

"""What the stored landscapes of chapter 15 claim."""

import json
import runpy
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[1] / "book" / "results" / "critic_landscapes"
STORED = json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))
SCRIPT = runpy.run_path(str(FOLDER / "run.py"))


def test_the_settings_are_those_of_the_script():
    for key, value in STORED["settings"].items():
        assert SCRIPT[key.upper()] == value, key
    assert STORED["departures"] == SCRIPT["DEPARTURES"]
    assert list(STORED["sets"]) == list(SCRIPT["SETS"])


@pytest.mark.parametrize("name", STORED["sets"])
@pytest.mark.parametrize("method", SCRIPT["METHODS"])
def test_a_landscape_is_complete(name, method):
    found = STORED["sets"][name][method]
    assert torch.tensor(found["values"]).shape == (SCRIPT["SIDE"], SCRIPT["SIDE"])
    assert [int(step) for step in found["reports"]] == list(SCRIPT["REPORTED"])


@pytest.mark.parametrize("method", SCRIPT["METHODS"])
def test_the_first_steps_can_be_repeated(method):
    _, again = SCRIPT["train"](SCRIPT["SETS"]["8 Gaussians"](), method, 20)
    assert again["20"] == pytest.approx(STORED["sets"]["8 Gaussians"][method]["reports"]["20"], rel=1e-4)


def test_reports_are_what_chapter_15_tells():
    told = " ".join((FOLDER.parents[1] / "chapters" / "15_gradient_penalty.md").read_text(encoding="utf-8").split())
    last = {
        method: [
            found[method]["reports"][str(SCRIPT["STEPS"])] / found[method]["w1"] for found in STORED["sets"].values()
        ]
        for method in SCRIPT["METHODS"]
    }
    assert [round(100 * share) for share in last["penalty"]] == [95, 86, 96] and "95, 86 and 96 percent" in told
    assert min(last["clipping"]) > 0.002 and max(last["clipping"]) < 0.006
    assert "between 0.2 and 0.6 percent of the distance" in told
    at_limit = [found["clipping"]["weights_at_limit"] for found in STORED["sets"].values()]
    assert min(at_limit) > 0.8 and "Four fifths or more of the weights are at the limit" in told
    reports = STORED["sets"]["8 Gaussians"]["penalty"]["reports"]
    assert [f"{reports[step]:.2f}" for step in ("1000", "8000")] == ["0.52", "0.77"] and "climbed to 0.77" in told

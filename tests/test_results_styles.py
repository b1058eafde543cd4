"""The stored runs of chapter 22 are complete, and their tables fit together."""

import json
import runpy
from math import isfinite
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganedu.data import avatars
from ganedu.recipes import stylegan

RESULTS = Path(__file__).resolve().parents[1] / "book" / "results"


@pytest.fixture(scope="module")
def faces():
    return json.loads((RESULTS / "stylegan_avatars" / "metrics.json").read_text(encoding="utf-8"))


def test_the_run_on_faces_is_the_recipe_s_miniature(faces):
    config = faces["recipe"]["config"]
    assert config == vars(stylegan.Config().small())
    assert faces["rows"][-1]["step"] == faces["recipe"]["steps"]


def test_shares_of_inherited_attributes_are_shares(faces):
    assert set(faces["inherited"]) == {str(switch) for switch in range(1, 8)}
    for table in faces["inherited"].values():
        assert set(table) == set(avatars.NAMES)
        for coarse, fine in table.values():
            assert 0 <= coarse + fine <= 1.0001  # a mixed face has at most one of two values that differ


def test_each_question_is_measured_in_three_spaces(faces):
    for row in faces["separability"].values():
        low, high = row["interval"]
        assert low <= row["misread_z"] - row["misread_w"] <= high
        assert all(0 <= row[f"misread_{space}"] <= 1 for space in ("z", "w", "untrained"))
    assert len(faces["separability"]) >= 4


def test_pictures_hold_what_the_chapter_says():
    sizes = {path.stem: Image.open(path).size for path in (RESULTS / "stylegan_avatars").glob("*.png")}
    assert sizes["samples"] == (530, 530)
    assert sizes["truncation"] == (530, 4 * 66 + 2)


def test_the_toy_has_all_seeds_before_and_after():
    stored = json.loads((RESULTS / "style_separability" / "metrics.json").read_text(encoding="utf-8"))
    for when in ("start", "end"):
        assert len(stored[when]) == 12
        assert all(isfinite(value) for row in stored[when] for value in row.values())
    assert max(row["in_missing_corner"] for row in stored["end"]) < 0.01
    assert len(stored["grid_of_seed_0"]["w"]) == len(stored["grid_of_seed_0"]["made"]) == 31 * 31


def test_the_factors_of_the_toy_leave_a_quarter_out():
    module = runpy.run_path(str(RESULTS / "style_separability" / "run.py"))
    points = module["factors"](1000, torch.Generator().manual_seed(0))
    assert points.abs().max() <= 1
    assert not (points > 0).all(2).any()
    for quarter in ((points < 0).all(2), (points[..., 0] > 0), (points[..., 1] > 0)):
        assert abs(quarter.double().mean() - 1 / 3) < 0.02

"""The stored results of chapter 29 are complete, and those of the code beside them."""

import hashlib
import json

from PIL import Image
from result_cases import RESULTS, stored
from safetensors.torch import load_file


def test_solids_were_made_by_the_script_beside_them():
    script, metrics, provenance = stored("gan3d_solids")
    code = (RESULTS / "gan3d_solids" / "run.py").read_bytes()
    assert provenance["code_sha256"] == hashlib.sha256(code).hexdigest(), "run it again"
    assert [row["step"] for row in metrics["rows"]] == list(range(0, script["STEPS"] + 1, script["EVERY"]))
    first, last = metrics["rows"][0], metrics["rows"][-1]
    assert last["occupancy_distance"] < first["occupancy_distance"] / 10 and last["in_one_piece"] > 0.8
    assert metrics["real"]["test"]["in_one_piece"] == 1 and 0 < metrics["waited"] < script["STEPS"]
    with Image.open(RESULTS / "gan3d_solids" / "samples.png") as sheet:
        assert sheet.size == (8 * 66 + 2, 8 * 66 + 2)


def test_the_arms_that_wait_and_do_not_were_trained_by_the_scripts_that_are_stored():
    script, metrics, provenance = stored("gan3d_waiting")
    solids, once, _ = stored("gan3d_solids")
    assert provenance["code_sha256"] == script["code"](), "run it again"
    names = ("seeds", "arms", "compared")
    assert metrics["settings"] == {name: json.loads(json.dumps(script[name.upper()])) for name in names}
    assert metrics["runs"].keys() == script["ARMS"].keys()
    for arm, runs in metrics["runs"].items():
        assert len(runs) == len(script["SEEDS"])
        for run in runs:
            assert run["steps"] == run["rows"][-1]["step"] == solids["STEPS"]
            assert run["waited"] == (run["sure"] if arm == "waits" else 0)
    assert metrics["runs"]["waits"][0]["rows"] == once["rows"]


def test_the_judge_of_solids_is_stored_and_knows_them():
    _, metrics, _ = stored("gan3d_waiting")
    shapes = [tuple(w.shape) for w in load_file(RESULTS / "gan3d_waiting" / "judge.safetensors").values()]
    assert (32, 1024) in shapes and (4, 32) in shapes
    judge = metrics["judge"]
    assert judge["accuracy"] > 0.97
    assert all(run["frechet_distance"] > judge["real"] for runs in metrics["runs"].values() for run in runs)

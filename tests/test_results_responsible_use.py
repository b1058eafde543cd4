"""The stored results of chapter 28 are complete, and those of the code beside them."""

import hashlib
import json

from PIL import Image
from result_cases import RESULTS, stored


def test_the_four_questions_were_answered_by_the_script_beside_them():
    script, metrics, provenance = stored("responsible_use")
    assert provenance["code_sha256"] == script["code_of_the_work"](), "run it again"
    settings = {name: json.loads(json.dumps(script[name.upper()])) for name in ("membership", "augmentation")}
    settings |= {name: json.loads(json.dumps(script[name.upper()])) for name in ("detectors", "shares")}
    assert metrics["settings"] == settings | {"generators": list(script["GENERATORS"])}
    for n in map(str, settings["membership"]["members"]):
        assert len(metrics["membership"][n]) == settings["membership"]["seeds"]
        assert [row["step"] for row in metrics["membership"][n][0]] == list(range(500, 3001, 500))
    assert len(metrics["augmentation"]) == settings["augmentation"]["seeds"]
    assert list(metrics["detectors"]) == list(script["GENERATORS"])
    assert all(len(row) == 5 for rows in metrics["detectors"].values() for row in rows.values() if type(row) is list)
    assert len(metrics["shares"]) == settings["shares"]["seeds"]


def test_shares_were_counted_by_the_script_beside_them_and_depend_on_the_judge():
    script, metrics, provenance = stored("truncated_shares")
    code = (RESULTS / "truncated_shares" / "run.py").read_bytes()
    assert provenance["code_sha256"] == hashlib.sha256(code).hexdigest(), "run it again"
    assert metrics["settings"] == json.loads(json.dumps(script["SETTINGS"]))
    for run in metrics["runs"]:
        pixels, shape = run["pixels"], run["shape"]
        assert pixels["says_one"] == shape["says_one"] == [0, 1], "on real digits neither errs"
        assert pixels["pale_zeros"] == 1 and shape["pale_zeros"] == 0
        assert pixels["ones"]["0.5"] > 2 * pixels["ones"]["None"] and shape["ones"]["0.5"] < shape["ones"]["None"]
        assert run["ink"]["0.5"] < 0.7 * run["ink"]["None"]
    with Image.open(RESULTS / "truncated_shares" / "samples.png") as sheet:
        assert sheet.size == (12 * 16, 4 * 16)

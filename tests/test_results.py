"""Stored results belong to the code that the book prints."""

import hashlib
import json
import runpy
from pathlib import Path

import jupytext
import pytest
from PIL import Image

from ganedu.metrics import report
from ganedu.recipes import dcgan
from ganedu.training import run_folder

ROOT = Path(__file__).resolve().parents[1]
RING = ROOT / "book" / "results" / "ring_coverage"
FASHION = ROOT / "book" / "results" / "dcgan_fashion_mnist"
RUNS = sorted(path.parent for path in (ROOT / "book" / "results").glob("*/run.py"))


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_every_stored_result_says_what_made_it(run):
    stored = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    assert stored["command"] == f"python book/results/{run.name}/run.py"
    assert len(bytes.fromhex(stored["commit"])) == 20, "run it from a clean commit"  # not "...+changes"
    assert stored["wall_seconds"] > 0 and "cpu" in json.dumps(stored)


def test_ring_results_were_made_by_the_cells_of_chapter_10():
    cells = jupytext.read(ROOT / "book" / "chapters" / "10_first_gan.md").cells
    code = "\n\n\n".join(cell.source for cell in cells if "ring-code" in cell.metadata.get("tags", []))
    stored = json.loads((RING / "provenance.json").read_text(encoding="utf-8"))
    assert stored["code_sha256"] == hashlib.sha256(code.encode()).hexdigest(), f"run `{stored['command']}` again"


def test_ring_results_are_complete():
    stored = json.loads((RING / "metrics.json").read_text(encoding="utf-8"))
    for arm, results in stored["arms"].items():
        for key, values in results.items():
            assert len(values) == stored["settings"]["seeds"], (arm, key)
    assert all(0 <= modes <= 8 for results in stored["arms"].values() for modes in results["modes"])


def test_fashion_run_is_stored_with_everything_that_made_it():
    stored = json.loads((FASHION / "provenance.json").read_text(encoding="utf-8"))
    script = runpy.run_path(str(FASHION / "run.py"))
    kept = runpy.run_path(str(FASHION.with_name("store.py")))["KEPT"]
    assert set(stored) == {"command", "train", "data_sha256", "machine", *kept}
    assert stored["command"] == f"python {(FASHION / 'run.py').relative_to(ROOT).as_posix()}"
    assert stored["train"] == f"ganedu {script['TRAIN']} --steps {script['STEPS'][-1]}"
    assert len(bytes.fromhex(stored["data_sha256"])) == 32
    assert len(bytes.fromhex(stored["commit"])) == 20, "run it from a clean commit"  # not "...+changes"
    assert set(stored["packages"]) == set(run_folder.PACKAGES) and all(stored["packages"].values())
    assert stored["wall_seconds"] > 0 and stored["threads"] == 1


def test_fashion_reports_are_of_one_protocol_and_of_the_steps_of_the_script():
    stored = json.loads((FASHION / "metrics.json").read_text(encoding="utf-8"))
    reports = [report.Report.from_record(record) for record in stored["reports"]]
    assert tuple(each.step for each in reports) == runpy.run_path(str(FASHION / "run.py"))["STEPS"]
    assert all(each.averaged and set(each.values) == set(report.LOWER_IS_BETTER) for each in reports)
    final, best = report.final_and_best(reports)  # refuses two protocols
    assert (final.step, best.step) == (6000, 3000)
    assert final.protocol.size == tuple(stored["recipe"]["image_shape"][1:]) == (32, 32)
    assert (final.protocol.data, final.protocol.split) == ("fashion-mnist", "test")
    assert (final.protocol.n_real, final.protocol.n_fake) == (10_000, 2000)


def test_fashion_run_is_the_one_that_chapter_19_tells_of():
    stored = json.loads((FASHION / "metrics.json").read_text(encoding="utf-8"))
    told = " ".join((ROOT / "book" / "chapters" / "19_dcgan.md").read_text(encoding="utf-8").split())
    config, values = stored["recipe"]["config"], [each["values"] for each in stored["reports"]]
    assert config["size"] == 32 and "$32 \\times 32$ pixels" in told
    assert config["width"] == dcgan.Config().port().width / 2 and "half of the usual channels" in told
    assert stored["reports"][-1]["step"] == 6000 and "6000 steps in some ten minutes" in told
    seconds = json.loads((FASHION / "provenance.json").read_text(encoding="utf-8"))["wall_seconds"]
    assert 400 < seconds < 900
    assert "2000 samples are compared with the 10,000 test images" in told
    assert 20 < values[0]["frechet_distance"] / values[-1]["frechet_distance"] < 30 and "more than twentyfold" in told
    late = [each["values"]["frechet_distance"] for each in stored["reports"] if each["step"] >= 2000]
    assert 14.75 < min(late) < max(late) < 15.45 and "From there on it stays between 14.8 and 15.4" in told
    at_100 = next(each["values"] for each in stored["reports"] if each["step"] == 100)
    assert at_100["precision"] > 0.5 and 0 < at_100["recall"] < 0.001
    assert "more than half of its samples count as precise, and the recall is below one in a thousand" in told


def test_the_table_of_chapter_19_shows_the_stored_numbers():
    notebook = json.loads((ROOT / "notebooks" / "19_dcgan.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    printed = "".join(line for output in outputs for line in output.get("text", ()))
    for each in json.loads((FASHION / "metrics.json").read_text(encoding="utf-8"))["reports"]:
        found = each["values"]
        row = [f"{found['frechet_distance']:.1f}", f"{found['precision']:.2f}", f"{found['recall']:.2f}"]
        assert [str(each["step"]), *row] in [line.split() for line in printed.splitlines()]


def test_fashion_samples_are_64_images_of_the_stored_size():
    size = json.loads((FASHION / "metrics.json").read_text(encoding="utf-8"))["recipe"]["config"]["size"]
    with Image.open(FASHION / "samples.png") as sheet:
        sheet.load()
        side = 8 * (size * max(1, 64 // size) + 2) + 2
        assert (sheet.format, sheet.mode, sheet.size) == ("PNG", "L", (side, side))
        assert len(sheet.getcolors()) > 100  # pictures, not a blank sheet


@pytest.mark.parametrize("name", ["wgan_gp_fashion_mnist", "sngan_fashion_mnist"])
def test_fashion_runs_of_chapter_20_are_measured_as_that_of_chapter_19(name):
    folder = FASHION.with_name(name)
    stored, yardstick = (
        json.loads((path / "metrics.json").read_text(encoding="utf-8"))["reports"] for path in (folder, FASHION)
    )
    assert {report.Report.from_record(each).protocol for each in stored} == {
        report.Report.from_record(yardstick[0]).protocol
    }
    with Image.open(folder / "samples.png") as sheet:
        assert sheet.size == (530, 530) and len(sheet.getcolors()) > 100


def test_no_run_of_wgan_gp_collapses():
    stored = json.loads((FASHION.with_name("wgan_gp_digits_seeds") / "metrics.json").read_text(encoding="utf-8"))
    final = [distances[-1] for distances in stored["runs"]["wgan-gp"]["frechet_distance"]]
    assert len(final) == 5 and max(final) < 1.5 * min(final)


@pytest.mark.parametrize("name", ["critic_speeds", "critic_controls", "critic_bias"])
def test_the_runs_of_chapter_20_were_made_by_its_cells(name):
    stored = json.loads((FASHION.with_name(name) / "provenance.json").read_text(encoding="utf-8"))
    code = runpy.run_path(str(FASHION.with_name("critic_speeds") / "run.py"))["code"]()
    assert stored["code_sha256"] == hashlib.sha256(code.encode()).hexdigest(), f"run `{stored['command']}` again"


def test_the_race_at_equal_time_is_what_chapter_30_says_of_it():
    stored = json.loads((ROOT / "book" / "results" / "equal_time" / "metrics.json").read_text(encoding="utf-8"))
    curves = {arm: each["frechet_distance"] for arm, each in stored["arms"].items()}
    assert {len(runs) for runs in curves.values()} == {3}
    last = {arm: [run[-1] for run in runs] for arm, runs in curves.items()}
    leaders = ("SNGAN", "WGAN-GP", "R3GAN's game, DCGAN's networks")
    assert all(1.6 <= round(distance, 1) <= 3.6 for arm in leaders for distance in last[arm])
    assert all(4.4 <= distance <= 6.6 for distance in last["R3GAN"])
    worse = [run[-1] > 1.5 * min(run) for run in curves["DCGAN"]]
    assert sum(worse) == 1 and 2.3 < min(last["DCGAN"]) < 2.5 and 5.1 < max(last["DCGAN"]) < 5.3
    assert all(4.3 < run[0] < 5.2 for run in curves["DCGAN"])
    assert min(distance for arm in leaders for run in curves[arm] for distance in run[:2]) > 5.2
    assert not any(run[-1] > 1.5 * min(run) for arm in (*leaders, "R3GAN") for run in curves[arm])


def test_circumstances_are_those_that_the_test_above_asks_for():
    found = runpy.run_path(str(ROOT / "book" / "results" / "store.py"))["circumstances"](RING)
    commit, _, rest = found["commit"].partition("+")
    assert found["command"] == "python book/results/ring_coverage/run.py" and found["device"] == "cpu"
    assert len(bytes.fromhex(commit)) == 20 and rest in ("", "changes")

"""`benchmarks.gpu`: the day on a GPU, rehearsed on a CPU: limits hold, a failure costs itself only."""

import json
from types import SimpleNamespace

import pytest
import torch

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import flagship, speed
from ganedu import recipes
from ganedu.data.registry import FILE_SETS


def options(tmp_path, **changes):
    return SimpleNamespace(
        **{"out": tmp_path / "day", "minutes": 0.2, "device": "cpu", "data_root": None, "small": True, **changes}
    )


def test_a_part_that_fails_or_hangs_costs_itself_only(tmp_path, monkeypatch):
    commands = {
        "machine": ("json.tool", "/nowhere"),
        "tests": ("timeit", "-n", "1", "-r", "1", "-s", "import time", "time.sleep(600)"),
        "speed": ("platform",),
    }
    monkeypatch.setattr(gpu, "SHARES", {"machine": 0.6, "tests": 0.1, "speed": 0.2})
    monkeypatch.setattr(gpu, "command", lambda name, *_: commands[name])
    assert gpu.day(options(tmp_path, minutes=0.5), list(commands)) == 1
    summary = json.loads((tmp_path / "day" / "summary.json").read_text())
    told = {name: part["outcome"] for name, part in summary["parts"].items()}
    assert told == {"machine": "failed with exit code 2", "tests": "stopped after 3 s", "speed": "done"}
    assert "nowhere" in (tmp_path / "day" / "machine" / "log.txt").read_text()
    assert summary["provenance"]["packages"]["torch"] == str(torch.__version__)


def test_what_no_time_is_left_for_is_told(tmp_path):
    assert gpu.day(options(tmp_path, minutes=0.0), ["speed", "dcgan"]) == 0
    assert not (tmp_path / "day" / "speed").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "cpu", "--only", "lunch"], "unknown part lunch; choose from machine, tests, speed"),
        (["--device", "cpu"], "is not empty, and nothing is overwritten"),
    ],
)
def test_bad_options_are_named(tmp_path, capsys, arguments, message):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SystemExit):
        gpu.main([str(tmp_path), *arguments])
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_flagship_is_trained_measured_and_kept(tmp_path, monkeypatch):
    monkeypatch.setitem(flagship.FLAGSHIPS, "mlp", ("digits",))
    flagship.keep("mlp", tmp_path, options(tmp_path, minutes=0.05))
    kept = {path.name for path in tmp_path.iterdir()}
    assert {"config.json", "provenance.json", "evaluation.json", "report.html"} <= kept
    assert json.loads((tmp_path / "config.json").read_text())["data"]["name"] == "digits"


def test_a_measurement_that_is_stopped_loses_no_picture(tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setitem(flagship.FLAGSHIPS, "mlp", ("digits",))
    monkeypatch.setattr(flagship, "evaluate", stopped)
    with pytest.raises(KeyboardInterrupt):
        flagship.keep("mlp", tmp_path, options(tmp_path, minutes=0.05))
    kept = {path.name for path in tmp_path.iterdir()}
    assert {"config.json", "metrics.jsonl", "provenance.json", "samples.png"} <= kept


def test_nothing_is_downloaded_for_a_flagship(tmp_path):
    assert not flagship.is_here("cifar10", tmp_path) and flagship.is_here("digits", tmp_path)
    kind = recipes.get("dcgan")
    assert flagship.first_of(kind, ("cifar10", "digits"), kind.Config().small(), tmp_path) == "digits"
    with pytest.raises(ValueError, match="cifar10 is not here"):
        flagship.first_of(kind, tuple(FILE_SETS), kind.Config().small(), tmp_path)


@pytest.mark.parametrize("name", ["dcgan", "cyclegan"])
def test_speeds_are_ratios_to_float32_with_their_floors(name, monkeypatch):
    monkeypatch.setattr(speed, "ROUNDS", 1)
    monkeypatch.setattr(speed, "STEPS", 1)
    monkeypatch.setattr(speed, "WARM_UP", 1)
    device = torch.device("cpu")
    found = speed.measure(name, device, small=True, rates=speed.machine(device, side=64))
    assert found["operations"] > 1_000_000 and list(found["contestants"]) == ["fp32", "bf16"]
    assert found["contestants"]["fp32"]["speedup"] == 1
    for row in found["contestants"].values():
        assert row["seconds"] > 0 and row["share_of_floor"] > 0


def test_a_contestant_that_cannot_run_is_told_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(speed, "ON_CPU", ("fp32", "bf16, CUDA graph"))
    monkeypatch.setattr(speed, "ROUNDS", 1)
    device = torch.device("cpu")
    rows = speed.measure("dcgan", device, small=True, rates=speed.machine(device, side=64))["contestants"]
    assert "needs an NVIDIA GPU" in rows["bf16, CUDA graph"]["problem"] and rows["fp32"]["seconds"] > 0

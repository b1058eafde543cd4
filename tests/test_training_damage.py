"""Checkpoints that were cut, flipped or forged, and disks that are full: one clear error, and nothing is lost."""

import contextlib
import os
import pickle
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu.training import TrainingError, checkpoint, load, train

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases
from training_cases import CONFIG, STEPS, again, assert_same_end, same, short, spawn


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with cases.one_thread():
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run that was never stopped."""
    return short(tmp_path_factory.mktemp("runs") / "undisturbed", STEPS)


@pytest.mark.parametrize("cut", [0, 1, 0.3, 0.9, 0.999])
def test_a_cut_checkpoint_names_the_one_before_which_is_used_on_request(undisturbed, tmp_path, cut):
    run = shutil.copytree(undisturbed, tmp_path / "run")
    path = run / "checkpoint.pt"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut) if isinstance(cut, float) else cut])
    with pytest.raises(
        TrainingError, match=r"checkpoint\.pt is damaged.*checkpoint\.previous\.pt: use it with --previous"
    ):
        again(run)
    assert again(run, previous=True).finished
    assert_same_end(run, undisturbed)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_checkpoint_cut_at_any_byte_is_refused_and_the_one_before_is_whole(undisturbed, tmp_path_factory, share):
    run = tmp_path_factory.mktemp("cut")
    content = (undisturbed / "checkpoint.pt").read_bytes()
    (run / "checkpoint.pt").write_bytes(content[: int(len(content) * share)])
    os.link(undisturbed / "checkpoint.previous.pt", run / "checkpoint.previous.pt")
    with pytest.raises(TrainingError, match=r"checkpoint\.pt is damaged.*: use it with --previous"):
        checkpoint.read(run)
    assert checkpoint.read(run, previous=True)["step"] == STEPS - 20


def test_every_flipped_byte_is_noticed_or_harmless(tmp_path):
    run = short(tmp_path / "run")
    content, good = (run / "checkpoint.pt").read_bytes(), checkpoint.read(run)
    places = random.Random(0)
    noticed = 0
    for _ in range(50):
        place = places.randrange(len(content))
        (run / "checkpoint.pt").write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        try:
            assert same(checkpoint.read(run), good)  # padding and time stamps of the archive
        except TrainingError:
            noticed += 1
    assert noticed > 20


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


@pytest.mark.parametrize("form", ["archive", "pickle"])
def test_a_checkpoint_with_code_in_it_is_refused_and_nothing_is_executed(tmp_path, form):
    run, touched = short(tmp_path / "run"), tmp_path / "executed"
    if form == "archive":
        torch.save({**checkpoint.read(run), "step": Malicious(touched)}, run / "checkpoint.pt")
        zipfile.ZipFile(run / "checkpoint.pt").close()
    else:
        (run / "checkpoint.pt").write_bytes(pickle.dumps(Malicious(touched)))
    message = "refused and nothing in it was executed" if form == "archive" else "no checkpoint at all"
    for action in (again, lambda run: load(run, recipe=cases.Tiny)):
        with pytest.raises(TrainingError, match=message):
            action(run)
    assert not touched.exists()


def test_a_checkpoint_holds_tensors_and_primitives_only(undisturbed):
    kinds = set()

    def walk(value):
        if isinstance(value, dict):
            kinds.update(type(key) for key in value)
        if isinstance(value, dict | list | tuple):
            for item in value.values() if isinstance(value, dict) else value:
                walk(item)
        else:
            kinds.add(type(value))

    walk(checkpoint.read(undisturbed))
    assert kinds <= {torch.Tensor, int, float, str, bool, type(None)}


def test_a_full_disk_leaves_the_old_checkpoint_whole(undisturbed, tmp_path):
    run = tmp_path / "run"
    train(cases.Tiny, cases.images(), out=run, config=CONFIG, max_minutes=0, show=False)
    before = {name: (run / name).read_bytes() for name in ("checkpoint.pt", "checkpoint.previous.pt")}
    said = tmp_path / "said"
    process = spawn(cases.with_small_files, str(run), STEPS, 20_000, str(said))
    process.join()
    assert process.exitcode == 1
    message = said.read_text().strip()
    assert "File too large; the checkpoint of step 1 is whole: make room, then `ganedu resume" in message
    assert message.count("\n") == 0
    assert before == {name: (run / name).read_bytes() for name in before}
    assert not list(run.rglob("*.tmp*"))
    assert again(run).finished
    assert same(checkpoint.read(run)["recipe"], checkpoint.read(undisturbed)["recipe"])


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk, on Linux")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk, left=0):
    """Write until nothing more fits, then give back `left` bytes; returns the file."""
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(disk / "filler", (disk / "filler").stat().st_size - left)
    return disk / "filler"


@pytest.mark.parametrize("left", [0, 16_384])  # not even the plan of the run can be written, or not a checkpoint
def test_a_disk_that_is_really_full_loses_nothing_either(undisturbed, small_disk, left):
    run = small_disk / "run"
    filler = fill(small_disk)
    with pytest.raises(TrainingError, match=r"cannot start a run in .*: No space left on device"):
        train(cases.Tiny, cases.images(), out=run, config=CONFIG, show=False)
    assert not (run / "config.json").exists()
    filler.unlink()
    train(cases.Tiny, cases.images(), out=run, config=CONFIG, max_minutes=0, show=False)
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    filler = fill(small_disk, left)
    with pytest.raises(TrainingError, match=r"No space left on device; the checkpoint of step 1 is whole: make room"):
        again(run)
    for name in ("checkpoint.pt", "checkpoint.previous.pt", "config.json", "generator.safetensors"):
        assert (run / name).read_bytes() == before[name]
    assert not list(run.rglob("*.tmp*"))
    filler.unlink()
    assert again(run).finished
    assert same(checkpoint.read(run)["recipe"], checkpoint.read(undisturbed)["recipe"])

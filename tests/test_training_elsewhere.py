"""A run whose pictures have moved or were mended, whose terminal is gone, or whose options are of wrong types."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from ganedu.training import TrainConfig, TrainingError, checkpoint, resume, run_folder, train

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases
from training_cases import CONFIG, same, spawn


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with cases.one_thread():
        yield


# Pictures that moved, or were mended


def album(folder, n=12):
    for i in range(n):
        path = folder / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.frombytes("L", (4, 4), bytes((i * 20 + j) % 256 for j in range(16))).save(path)
    return folder


@pytest.mark.parametrize("stream", [False, True])
def test_a_run_goes_on_with_pictures_that_have_moved(tmp_path, stream):
    config, photos = replace(CONFIG, steps=20), album(tmp_path / "photos")
    train(cases.Tiny, f"image-folder:{photos}", out=tmp_path / "run", config=config, stream=stream, show=False)
    photos.rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"if the pictures have moved, say where they are: --data image-folder:PATH"):
        resume(tmp_path / "run", recipe=cases.Tiny, steps=40, show=False)
    moved = f"image-folder:{tmp_path / 'elsewhere'}"
    assert resume(tmp_path / "run", recipe=cases.Tiny, data=moved, steps=40, show=False).finished
    assert run_folder.read_config(tmp_path / "run")["data"]["name"] == moved
    album(tmp_path / "photos")
    train(cases.Tiny, f"image-folder:{photos}", out=tmp_path / "whole", config=replace(config, steps=40), stream=stream)
    assert same(checkpoint.read(tmp_path / "run")["recipe"], checkpoint.read(tmp_path / "whole")["recipe"])


def test_other_pictures_in_the_new_place_are_refused(tmp_path):
    config = replace(CONFIG, steps=20)
    train(cases.Tiny, f"image-folder:{album(tmp_path / 'a')}", out=tmp_path / "run", config=config, show=False)
    album(tmp_path / "b", 13)
    with pytest.raises(TrainingError, match=r"data.images: 11 before, 12 now"):
        resume(tmp_path / "run", recipe=cases.Tiny, data=f"image-folder:{tmp_path / 'b'}", steps=40, show=False)


def test_a_streamed_run_goes_on_after_a_truncated_picture_was_put_back(tmp_path):
    photos = album(tmp_path / "photos")
    good = (photos / "05.png").read_bytes()
    (photos / "05.png").write_bytes(good[:40])
    options = {"config": replace(CONFIG, steps=20, checkpoint_every=1), "stream": True, "show": False}
    with pytest.raises(ValueError, match=r"cannot read the picture .*05\.png"):
        train(cases.Tiny, f"image-folder:{photos}", out=tmp_path / "run", **options)
    (photos / "05.png").write_bytes(good)
    with pytest.warns(UserWarning, match="the names that they had, and other lengths: some were replaced meanwhile"):
        assert resume(tmp_path / "run", recipe=cases.Tiny, show=False).finished
    train(cases.Tiny, f"image-folder:{photos}", out=tmp_path / "whole", **options)
    assert same(checkpoint.read(tmp_path / "run")["recipe"], checkpoint.read(tmp_path / "whole")["recipe"])


# Signals and a lost terminal


def test_a_lost_terminal_saves_the_run(tmp_path):
    run = tmp_path / "run"
    process = spawn(cases.train_slowly, str(run))
    while not run_folder.read_metrics(run):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGHUP)
    process.join()
    assert process.exitcode == 130
    step = checkpoint.read(run)["step"]
    assert step >= 10 and run_folder.read_metrics(run)[-1]["step"] == step


def test_under_nohup_a_lost_terminal_means_nothing(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        from ganedu.training.stopping import Stop

        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.signaled
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_whose_stderr_nobody_reads_any_more_goes_on_to_its_end(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import training_cases as c; import torch; "
        "torch.set_num_threads(1); c.train(c.Tiny, c.images(), out=sys.argv[2], "
        "config=c.replace(c.CONFIG, steps=40)); print('done')"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "run")]
    read, write = os.pipe()
    os.close(read)  # as after `2>&1 | head -1`
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=write, text=True)
    os.close(write)
    assert ended.stdout == "done\n" and checkpoint.read(tmp_path / "run")["step"] == 40


def test_configurations_are_checked_for_types():
    for changes in ({"steps": "5"}, {"steps": True}, {"steps": 5.0}, {"ema": "0.5"}, {"compile": 1}, {"seed": 2**63}):
        with pytest.raises(ValueError, match=f"{next(iter(changes))} must be"):
            TrainConfig(**changes)

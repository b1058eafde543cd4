"""Two processes under torchrun are one run: joint gradients, disjoint data, one writer, exact resume."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganedu.data.batches import DeviceBatches
from ganedu.training import TrainConfig, checkpoint, run_folder
from ganedu.training.trainer import NOISE, ORDER, stream_seed

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases

HERE = Path(__file__).parent


def torchrun(*words):
    """Run training_cases.py in two processes; returns the finished torchrun."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(HERE / "training_cases.py"), *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def one_step(tmp_path_factory):
    """Two processes, one step each of plain gradient descent with rate 1 (no dropout)."""
    run = tmp_path_factory.mktemp("runs") / "two"
    done = torchrun("descend", run, 1)
    assert done.returncode == 0, done.stderr
    return run


def test_mean_of_gradients_is_that_of_one_process_with_the_joint_batch(one_step):
    config = cases.TinyConfig()
    alone = cases.Descending(config, image_shape=(1, 4, 4), seed=0)
    before = [parameter.detach().clone() for parameter in alone.parameters()]
    batch = DeviceBatches(cases.images(), 8, device="cpu", seed=stream_seed(0, ORDER)).next()
    noise = [torch.randn(4, 3, generator=torch.Generator().manual_seed(stream_seed(0, NOISE, r))) for r in (0, 1)]
    alone.play(batch, torch.cat(noise))
    saved = checkpoint.read(one_step)["recipe"]["networks"]
    together = [tensor for name in alone.networks for tensor in saved[name].values()]
    for start, one, two in zip(before, alone.parameters(), together, strict=True):
        gradient = start - one.detach()
        assert gradient.abs().max() > 1e-4
        torch.testing.assert_close(start - two, gradient, atol=1e-6, rtol=0)
    assert not torch.equal(*noise)


def test_two_processes_that_stop_and_resume_end_where_they_would_have_ended(tmp_path):
    whole = torchrun("main", tmp_path / "whole", 60)
    assert whole.returncode == 0, whole.stderr
    assert torchrun("main", tmp_path / "stopped", 60, 0).returncode == 0
    assert checkpoint.read(tmp_path / "stopped")["step"] < 60
    assert torchrun("main", tmp_path / "stopped", 60).returncode == 0
    ends = [checkpoint.read(tmp_path / name) for name in ("whole", "stopped")]
    for name, weights in ends[0]["recipe"]["networks"].items():
        assert all(torch.equal(weights[key], ends[1]["recipe"]["networks"][name][key]) for key in weights)
    assert len(ends[0]["processes"]) == 2
    assert not torch.equal(ends[0]["processes"][0]["noise"], ends[0]["processes"][1]["noise"])
    rows = run_folder.read_metrics(tmp_path / "whole")
    assert [row["step"] for row in rows] == list(range(10, 61, 10))


def test_a_run_of_two_is_not_resumed_by_one(one_step):
    from ganedu.training import TrainingError, resume

    with pytest.raises(TrainingError, match="processes: 2 before, 1 now"):
        resume(one_step, recipe=cases.Descending, data=cases.images(), show=False)


def test_a_batch_that_cannot_be_shared_equally_is_refused():
    from ganedu.training.distributed import World
    from ganedu.training.runs import _trainer

    with pytest.raises(ValueError, match="a batch of 8 cannot be dealt out to 3 processes equally"):
        _trainer(cases.Tiny, cases.TinyConfig(), cases.images(), TrainConfig(), torch.device("cpu"), World(0, 3))

"""Two processes under torchrun are one run: joint gradients, disjoint data, one writer, exact resume."""

import os
import random
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches
from ganedu.training import TrainingError, checkpoint, distributed, resume, run_folder
from ganedu.training.distributed import World
from ganedu.training.sync_norm import SyncBatchNorm, synchronize
from ganedu.training.trainer import NOISE, ORDER, stream_seed

sys.path.insert(0, str(Path(__file__).parent))
import distributed_cases as cases
import joint_cases
from training_cases import images, main, one_thread, same, spawn

HERE = Path(__file__).parent
ONE_NODE = ("--nproc-per-node", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0")  # --standalone
STEPS = 60
KILLS = 12 if os.environ.get("GANEDU_SLOW") else 2


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """Processes are forked from one that has PyTorch loaded already: torchrun's own would take seconds to start."""
    spawn(int).join()
    with one_thread():
        yield


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The folder in which two processes left one step of each variant."""
    folder = tmp_path_factory.mktemp("compared")
    assert cases.agent(ONE_NODE, cases.compare, str(folder)) == {0: None, 1: None}
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of two processes that nothing disturbed."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert train_two(run) == {0: 0, 1: 0}
    return run


def train_two(run, max_minutes=None):
    return cases.agent(ONE_NODE, main, str(run), STEPS, max_minutes, "dcgan")


def joint_gradients(kind, config):
    """The gradients of one process with the joint batch and the noise of both processes, and of each player."""
    alone = kind(config, image_shape=(1, 8, 8), seed=0)
    streams = [torch.Generator().manual_seed(stream_seed(0, NOISE, rank)) for rank in (0, 1)]
    draw = alone.draw
    alone.noise = lambda n, random: torch.cat([torch.randn(n // 2, 8, generator=each) for each in streams])
    if config.penalty == "gradient_penalty":
        alone.draw = lambda real, random: torch.cat(list(map(draw, real.chunk(2), streams)))
    batches = DeviceBatches(kinds.Images(images(side=8)), 8, device="cpu", seed=stream_seed(0, ORDER))
    alone.step(kinds.join([batches.next() for _ in range(config.n_critic)]), streams[0])
    return alone.extra_state()


def largest_difference(compared, name):
    kind, config, _ = cases.VARIANTS[name]
    one, two = joint_gradients(kind, config), checkpoint.read(compared / name)["processes"][0]["extra"]
    assert one.keys() == two.keys() == {"generator", "discriminator"}
    for gradients in one.values():
        assert max(gradient.abs().max() for gradient in gradients) > 1e-3
    return {
        player: max(float((a - b).abs().max()) for a, b in zip(one[player], two[player], strict=True)) for player in one
    }


@pytest.mark.parametrize("name", [name for name in cases.VARIANTS if name != "own batch norm"])
def test_mean_of_gradients_is_that_of_one_process_with_the_joint_batch(compared, name):
    found = largest_difference(compared, name)
    assert max(found.values()) < 1e-6, found


def test_two_processes_translate_as_one_with_the_joint_batch(compared):
    alone = cases.Translating(cases.PAIRS, image_shape=(3, 16, 16), seed=0)
    batches = DeviceBatches(kinds.Unpaired(*cases.unpaired()), 4, device="cpu", seed=stream_seed(0, ORDER))
    alone.step(batches.next(), torch.Generator())
    one, two = alone.extra_state(), checkpoint.read(compared / "cyclegan")["processes"][0]["extra"]
    for player in ("generator", "discriminator"):
        together = [torch.cat([gradient.flatten() for gradient in each[player]]) for each in (one, two)]
        largest = together[0].abs().max()
        assert largest > 1e-3 and (together[0] - together[1]).abs().max() < 1e-5 * largest


@pytest.fixture(scope="module")
def steps(compared):
    """What the two processes left of their steps with all recipes."""
    return [torch.load(compared / f"recipes_{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("name", joint_cases.VARIANTS)
def test_two_processes_descend_and_end_as_one_with_the_joint_batch(steps, name):
    (descents, ends), (others, other_ends) = (each[name] for each in steps)
    assert same([descents, ends], [others, other_ends])
    with joint_cases.double():
        wanted, wanted_ends = joint_cases.two_steps(name)
    assert descents.keys() == wanted.keys() and len(wanted) >= 2
    for player in wanted:
        assert len(wanted[player]) >= joint_cases.STEPS and min(each.abs().max() for each in wanted[player]) > 1e-5
        assert max(map(joint_cases.apart, descents[player], wanted[player])) < 1e-9
    assert max(joint_cases.apart(ends[each], wanted_ends[each]) for each in wanted_ends) < 1e-9


@pytest.mark.parametrize("name", joint_cases.VARIANTS)
def test_other_noise_or_other_data_would_give_other_gradients(steps, name):
    descents, _ = steps[0][name]
    with joint_cases.double():
        alike, _ = joint_cases.two_steps(name, ranks=(0, 0), steps=1)  # both processes with the same noise
        other, _ = joint_cases.two_steps(name, order=1, steps=1)
    noiseless = joint_cases.VARIANTS[name][0] in joint_cases.NOISELESS
    assert (joint_cases.apart(alike["generator"][0], descents["generator"][0]) > 1e-3) is not noiseless
    differences = {player: joint_cases.apart(other[player][0], descents[player][0]) for player in other}
    assert min(differences.values()) > 1e-3, differences


@pytest.mark.parametrize("name", joint_cases.OWN_PART)
def test_what_looks_at_its_own_part_alone_is_known(steps, name):
    with joint_cases.double():
        wanted, _ = joint_cases.two_steps(name)
    found = [map(joint_cases.apart, descents, wanted[player]) for player, descents in steps[0][name][0].items()]
    assert max(max(each) for each in found) > 1e-3


def test_each_process_draws_noise_and_classes_of_its_own(compared):
    own = [process["extra"] for process in checkpoint.read(compared / "cgan")["processes"]]
    for name in ("images", "labels"):
        assert len(own[0][name]) == len(own[1][name]) == cases.DRAWN.batch_size // 2
        assert not torch.equal(own[0][name], own[1][name])
    for rank, drawn in enumerate(own):
        stream = torch.Generator().manual_seed(stream_seed(0, NOISE, rank))
        assert torch.equal(drawn["labels"], torch.randint(10, drawn["labels"].shape, generator=stream))


def test_with_batch_norm_over_its_own_part_each_process_trains_another_generator(compared):
    assert largest_difference(compared, "own batch norm")["generator"] > 1e-4


def test_batch_norm_of_the_joint_batch_agrees_with_pytorch_to_the_second_derivative(compared):
    parts = [torch.load(compared / f"norms_{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert len(parts[0]) == 6
    for first, second, (layer, x, above) in zip(*parts, cases.norm_cases(synchronized=False), strict=True):
        expected = cases.normalize(layer, x, above)
        close = {torch.float64: 1e-11, torch.float32: 2e-3, torch.bfloat16: 0.1}[x.dtype]  # around 1000, in float32
        assert first.keys() == expected.keys()
        for name, want in expected.items():
            if name == "eval" and not layer.track_running_stats:
                continue  # then even PyTorch's own takes the statistics of what it is given
            if name in ("out", "first", "second", "eval"):
                got = torch.cat([first[name], second[name]])
            else:
                got = first[name] + second[name] if name.endswith(".grad") else first[name]
            assert got.dtype == want.dtype and (want.numel() == 1 or got.abs().max() > 0)
            torch.testing.assert_close(got, want, atol=close, rtol=close)


def test_synchronizing_keeps_names_and_tensors_and_sends_nothing_in_eval_mode():
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3)))
    x = torch.randn(4, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    tensors, want = network.state_dict(keep_vars=True), network.eval()(x)
    synchronize(network)
    assert [type(module) for module in network.modules()].count(SyncBatchNorm) == 2
    after = network.state_dict(keep_vars=True)
    assert list(after) == list(tensors) and all(after[name] is tensors[name] for name in tensors)
    assert torch.equal(network(x), want)
    with pytest.raises(ValueError, match="process group"):  # in training mode it asks the others
        network.train()(x)


def same_weights(run, other):
    ends = [checkpoint.read(folder) for folder in (run, other)]
    assert ends[0]["step"] == ends[1]["step"] == STEPS
    pairs = [
        (weights[key], ends[1]["recipe"]["networks"][name][key])
        for name, weights in ends[0]["recipe"]["networks"].items()
        for key in weights
    ] + [(ends[0]["average"][key], ends[1]["average"][key]) for key in ends[0]["average"]]
    return len(pairs) > 10 and all(torch.equal(*pair) for pair in pairs)


def test_two_processes_that_stop_and_resume_end_where_they_would_have_ended(whole, tmp_path):
    train_two(tmp_path / "stopped", max_minutes=0)
    assert checkpoint.read(tmp_path / "stopped")["step"] < STEPS
    train_two(tmp_path / "stopped")
    assert same_weights(tmp_path / "stopped", whole)
    processes = checkpoint.read(whole)["processes"]
    assert len(processes) == 2 and not torch.equal(processes[0]["noise"], processes[1]["noise"])
    assert [row["step"] for row in run_folder.read_metrics(whole)] == list(range(10, STEPS + 1, 10))


def test_a_killed_process_ends_the_run_with_a_message_and_it_can_be_resumed(whole, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", *ONE_NODE, str(HERE / "distributed_cases.py")]
    command += [str(tmp_path / "run"), str(STEPS), "1", "30"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)  # start-up included
    assert ended.returncode == 1
    assert "rank 0 of 2 lost contact with another process, which failed or was killed" in ended.stdout
    assert "start torchrun again with `ganedu resume RUN`" in ended.stdout
    assert "Signal 9 (SIGKILL)" in ended.stderr
    assert checkpoint.read(tmp_path / "run")["step"] == 20
    train_two(tmp_path / "run")
    assert same_weights(tmp_path / "run", whole)


def test_either_process_can_be_killed_again_and_again(whole, tmp_path):
    run, moments = tmp_path / "run", random.Random(1)
    for number in range(KILLS):
        done = checkpoint.read(run)["step"] if number else 0
        step = min(done + moments.randint(0, 30), STEPS - 1)
        with pytest.raises(ChildFailedError, match="SIGKILL"):
            cases.agent(ONE_NODE, cases.killed_rank, str(run), STEPS, number % 2, step)
        assert checkpoint.read(run)["step"] == step // 20 * 20
    train_two(run)
    assert same_weights(run, whole)


def test_two_nodes_with_a_process_each_end_where_one_node_with_two_does(whole, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    words = ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-id", "nodes"]
    words += ["--rdzv-endpoint", f"127.0.0.1:{port}", "--local-addr", "127.0.0.1"]
    arguments = (words, main, str(tmp_path / "run"), STEPS, None, "dcgan")
    other = spawn(cases.agent, *arguments)
    assert list(cases.agent(*arguments).values()) == [0]
    other.join(60)
    assert other.exitcode == 0
    assert checkpoint.read(tmp_path / "run")["plan"]["processes"] == 2
    assert same_weights(tmp_path / "run", whole)


def test_processes_of_different_opinions_are_told_where_they_differ(tmp_path):
    with pytest.raises(ChildFailedError):
        cases.agent(ONE_NODE, cases.disagree, str(tmp_path))
    assert re.match(
        r"steps is 51 for rank 1 and 50 for rank 0: start all processes with the same", (tmp_path / "1").read_text()
    )
    assert not (tmp_path / "run").exists()


def test_a_run_of_two_is_not_resumed_by_one(whole):
    with pytest.raises(TrainingError, match="processes: 2 before, 1 now"):
        resume(whole, recipe=cases.dcgan.Recipe, data=images(side=8), show=False)


@pytest.mark.parametrize(("batch", "size", "remedy"), [(8, 3, "6 or 9"), (2, 3, "3"), (10, 4, "8 or 12")])
def test_a_batch_that_cannot_be_shared_equally_is_refused_with_the_nearest_that_can(batch, size, remedy):
    message = f"a batch of {batch} cannot be dealt out to {size} processes equally; set the batch size to {remedy}$"
    with pytest.raises(ValueError, match=message):
        World(0, size).share(batch)
    assert World(0, 4).share(8) == 2


def test_a_gpu_that_is_not_there_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="device is cuda, but PyTorch finds no GPU here; use cpu"):
        World().place(torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert World(5, 8, 1).place(torch.device("cuda")) == torch.device("cuda", 1)
    assert World().place(torch.device("cuda:1")) == torch.device("cuda:1")
    assert World(1, 2, 1).place(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(ValueError, match=r"process 2 .* has no GPU: 2 found; start torchrun with --nproc-per-node 2"):
        World(2, 4, 2).place(torch.device("cuda"))


def test_processes_that_torchrun_did_not_start_are_refused(monkeypatch):
    for name in ("LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    message = r"LOCAL_RANK, MASTER_ADDR, MASTER_PORT is not: start .* with torchrun"
    with pytest.raises(TrainingError, match=message), distributed.joined():
        pass

"""Whatever makes training faster leaves its path as it was: layout of memory, compilation, recording, precision."""

import json
import shutil
import warnings
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from ganedu import recipes
from ganedu.cli import app
from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches
from ganedu.networks.translation import InstanceNorm
from ganedu.training import TrainConfig, checkpoint, precision, resume, train
from ganedu.training.distributed import World
from ganedu.training.graph import GraphedStep, make_capturable, set_rate
from ganedu.training.trainer import Trainer

CPU = torch.device("cpu")
NEEDS_GPU = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs an NVIDIA GPU: CUDA graphs exist nowhere else"
)
TINY = {"size": 8, "batch_size": 4, "latent_dim": 5, "width": 4}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pictures(n=12):
    return torch.randint(256, (n, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def trainer(name="dcgan", device=CPU, changes=None, **options):
    kind = recipes.get(name)
    config = replace(kind.Config(), **TINY, **(changes or {}))
    recipe = kind(config, image_shape=(3, 8, 8), device=device, seed=0)
    batches = DeviceBatches(kinds.Images(pictures()), 4, device=device, seed=0)
    return Trainer(recipe, batches, TrainConfig(**options), device=device, world=World())


def assert_same_path(one, other, *, steps=3, atol=1e-6):
    for _ in range(steps):
        ours, theirs = one.advance(), other.advance()
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert ours[name].item() == pytest.approx(theirs[name].item(), abs=10 * atol), name
    for player in ("generator", "discriminator"):
        pairs = zip(*(t.recipe.networks[player].parameters() for t in (one, other)), strict=True)
        assert all(torch.allclose(a, b, rtol=0, atol=atol) for a, b in pairs), player


def convolutions(network):
    return [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


def test_convolutions_are_stored_channels_last_and_take_the_path_of_plain_storage(monkeypatch):
    ours = trainer()
    monkeypatch.setattr("ganedu.training.trainer.lay_out", lambda *_: None)
    plain = trainer()
    for network in ours.recipe.networks.values():
        assert all(w.is_contiguous(memory_format=torch.channels_last) for w in convolutions(network))
    assert not any(w.is_contiguous(memory_format=torch.channels_last) for w in convolutions(plain.average.network)[:-1])
    assert_same_path(ours, plain)


@pytest.mark.parametrize("norm", [nn.InstanceNorm2d(4), InstanceNorm()])
def test_networks_with_instance_normalization_and_gpus_in_full_float32_keep_plain_storage(norm):
    normalized = nn.Sequential(nn.Conv2d(3, 4, 3), norm)
    plain = nn.Conv2d(3, 4, 3)
    precision.lay_out({"generator": normalized}, "fp32", CPU)
    precision.lay_out({"generator": plain}, "fp32", torch.device("cuda"))
    assert normalized[0].weight.is_contiguous() and plain.weight.is_contiguous()
    precision.lay_out({"generator": plain}, "bf16", torch.device("cuda"))
    assert plain.weight.is_contiguous(memory_format=torch.channels_last)


def strides(value):
    if isinstance(value, dict):
        return {key: strides(each) for key, each in value.items()}
    return value.stride() if isinstance(value, torch.Tensor) else None


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def test_a_convolutional_run_that_was_stopped_ends_bit_identical_with_the_same_strides(tmp_path):
    kind = recipes.get("dcgan")
    options = {"config": TrainConfig(steps=6), "recipe_config": replace(kind.Config(), **TINY), "show": False}
    train("dcgan", pictures(), out=tmp_path / "whole", **options)
    train("dcgan", pictures(), out=tmp_path / "stopped", max_minutes=0, **options)
    assert resume(tmp_path / "stopped", data=pictures(), show=False).finished
    whole, stopped = (checkpoint.read(tmp_path / name) for name in ("whole", "stopped"))
    for part in ("recipe", "average"):
        assert same(whole[part], stopped[part]) and strides(whole[part]) == strides(stopped[part])


def test_an_optimizer_state_of_other_strides_is_brought_to_those_of_the_weights():
    def updated(layout, interrupt):
        weight = nn.Parameter(torch.arange(96.0).view(2, 3, 4, 4).contiguous(memory_format=layout))
        optimizer = torch.optim.Adam([weight], lr=0.1, fused=True)
        for step in range(3):
            if step == 2 and interrupt:
                memory = optimizer.state[weight]
                memory |= {name: memory[name].contiguous() for name in ("exp_avg", "exp_avg_sq")}
                precision.match_layout(optimizer)
            weight.grad = torch.sin(weight.detach() + step)
            optimizer.step()
        return weight.detach()

    expected = updated(torch.contiguous_format, interrupt=False)
    assert torch.allclose(updated(torch.channels_last, interrupt=True), expected, rtol=0, atol=1e-5)


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="torch.compile needs a C++ compiler")
def test_the_compiled_critic_with_its_penalty_takes_the_path_of_the_eager_one(monkeypatch):
    monkeypatch.setattr(nn.Module, "compile", lambda *_, **__: None)  # the generator's kernels would take as long again
    changes = {"n_critic": 1}
    assert_same_path(trainer("wgan-gp", changes=changes), trainer("wgan-gp", changes=changes, compile=True))


@pytest.mark.parametrize(("name", "penalty"), [("dcgan", "none"), ("wgan-gp", "gradient_penalty")])
def test_both_losses_compile_into_one_graph_each_with_the_gradients_of_eager_ones(name, penalty, monkeypatch):
    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda *given, **options: compiler(*given, **options, backend="aot_eager"))
    eager, compiled = (trainer(name, changes={"penalty": penalty}).recipe for _ in range(2))
    precision.compile_losses(compiled)
    random = torch.Generator().manual_seed(3)
    real, fake = (torch.rand(4, 3, 8, 8, generator=random) for _ in range(2))
    drawn = eager.draw(real, random)
    for recipe in (eager, compiled):
        (recipe.discriminator_loss(real, fake, drawn)[0] + recipe.generator_loss(real, fake)).backward()
    ours, theirs = (recipe.networks["discriminator"].parameters() for recipe in (compiled, eager))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-5, atol=1e-7)
        assert b.grad.abs().max() > 0


def test_a_recipe_without_losses_of_its_own_has_its_networks_compiled():
    class Plain:
        networks = {"generator": nn.Linear(2, 2), "discriminator": nn.Linear(2, 1)}  # noqa: RUF012

    precision.compile_losses(Plain())
    assert all(network._compiled_call_impl for network in Plain.networks.values())


def test_what_is_compiled_is_compiled_for_the_one_shape_of_a_batch(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda function, **how: asked.append(how) or function)
    monkeypatch.setattr(nn.Module, "compile", lambda module, **how: asked.append(how))
    precision.compile_losses(trainer().recipe)
    assert len(asked) == 3 and all(how["dynamic"] is False for how in asked)  # two losses, and the generator


@pytest.mark.parametrize("flags", [{"avx512_bf16": True}, {"amx_bf16": True}, {"avx512_f": True}])
def test_fast_is_bf16_where_the_processor_multiplies_it(flags, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    assert precision.fastest(CPU) == ("fp32" if "avx512_f" in flags else "bf16")


def test_fast_on_a_gpu_is_bf16_or_tf32_and_elsewhere_fp32(monkeypatch):
    for native, expected in ((True, "bf16"), (False, "tf32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda native=native, **_: native)
        assert precision.fastest(torch.device("cuda")) == expected
    assert precision.fastest(torch.device("mps")) == "fp32"


def test_fast_is_resolved_before_the_run_and_stands_in_its_config(tmp_path):
    command = ["train", "mlp", "--steps", "1", "--device", "cpu", "--fast", "--out", str(tmp_path / "run")]
    assert CliRunner().invoke(app, command).exit_code == 0
    written = json.loads((tmp_path / "run" / "config.json").read_text())["training"]
    assert written["precision"] == precision.fastest(CPU) and "fast" not in written


def test_two_choices_of_the_precision_are_refused():
    with pytest.raises(ValueError, match="--fast chooses the precision, and --precision tf32 is another"):
        precision.choose("tf32", fast=True, device="cpu")
    assert precision.choose(None, fast=False, device="cpu") == "fp32"


def test_a_cuda_graph_is_refused_without_a_gpu_and_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="--cuda-graph needs an NVIDIA GPU, but the device is cpu"):
        train("mlp", "digits", out=tmp_path / "run", config=TrainConfig(cuda_graph=True), show=False)
    assert not (tmp_path / "run").exists()


def test_learning_rates_on_the_device_give_the_steps_of_those_on_the_host():
    ours, plain = trainer(), trainer()
    make_capturable(ours.recipe.optimizers, CPU)
    rates = [group["lr"] for optimizer in ours.recipe.optimizers.values() for group in optimizer.param_groups]
    for optimizer in ours.recipe.optimizers.values():
        optimizer.param_groups[0]["capturable"] = False  # a GPU's affair: the rest of the preparation is tested
    assert_same_path(ours, plain)
    for group, rate in zip((g for o in ours.recipe.optimizers.values() for g in o.param_groups), rates, strict=True):
        set_rate(group, 0.25)
        assert group["lr"] is rate and rate.item() == 0.25


@pytest.mark.parametrize(("settled_from", "recorded_at"), [(0, 3), (2, 3), (5, 5)])
def test_a_step_is_recorded_once_after_the_warm_up_and_not_before_the_recipe_is_settled(
    monkeypatch, settled_from, recorded_at
):
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: None)
    recipe, recorded = SimpleNamespace(settled=False), []
    step = GraphedStep(recipe, lambda *_: {}, torch.device("cuda"))
    monkeypatch.setattr(step, "_warm_up", lambda batch, random: {})

    def record(batch, random):
        recorded.append(number)
        step.graph, step.batch, step.scalars = SimpleNamespace(replay=lambda: None), torch.zeros(1), {}

    monkeypatch.setattr(step, "_record", record)
    for number in range(8):
        recipe.settled = number >= settled_from
        step(torch.ones(1), None)
    assert recorded == [recorded_at] and step.steps == recorded_at


def test_an_optimizer_that_cannot_be_recorded_is_named():
    with pytest.raises(ValueError, match="SGD of the critic cannot be recorded; use Adam"):
        make_capturable({"critic": torch.optim.SGD([nn.Parameter(torch.zeros(1))])}, CPU)


@NEEDS_GPU
@pytest.mark.parametrize(
    ("name", "changes"), [("dcgan", {}), ("wgan-gp", {"n_critic": 2, "decay": True}), ("sngan", {})]
)
def test_a_recorded_run_takes_the_path_of_an_unrecorded_one(name, changes):
    device = torch.device("cuda")
    plain, recorded = (trainer(name, device, changes, cuda_graph=graph, steps=20) for graph in (False, True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same_path(recorded, plain, steps=10, atol=1e-5)
    assert isinstance(recorded.run, GraphedStep) and recorded.run.graph is not None
    assert torch.equal(recorded.noise.get_state(), plain.noise.get_state())


@NEEDS_GPU
def test_a_recorded_run_hands_out_scalars_that_the_next_step_does_not_overwrite():
    recorded = trainer(device=torch.device("cuda"), cuda_graph=True)
    rows = [recorded.advance() for _ in range(8)]
    kept = [row["loss_d"].item() for row in rows]
    assert len(set(kept)) == len(kept)

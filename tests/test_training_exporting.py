"""Weights for other programs: the right ones, in a file of their own."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from ganedu import recipes
from ganedu.networks import web
from ganedu.recipes import mlp
from ganedu.training import TrainingError, checkpoint
from ganedu.training.exporting import export

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases
from training_cases import same, short


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with cases.one_thread():
        return short(tmp_path_factory.mktemp("runs") / "run", 40, keep_every=20)


@pytest.mark.parametrize("network", ["generator", "discriminator"])
@pytest.mark.parametrize("at", [None, 20])
def test_the_weights_of_a_network_are_those_of_the_checkpoint(run, tmp_path, network, at):
    out = export(run, tmp_path / "w.safetensors", recipe=cases.Tiny, network=network, ema=False, at=at)
    assert same(load_file(out), dict(checkpoint.read(run, at=at)["recipe"]["networks"][network]))
    with safe_open(out, framework="pt") as opened:
        about = json.loads(opened.metadata()["ganedu"])
    assert about["step"] == (at or 40) and about["network"] == network and about["name"] == "tiny"
    assert about["image_shape"] == [1, 4, 4] and about["config"]["batch_size"] == 8 and about["ema"] is False


def test_the_averaged_generator_is_the_one_of_the_run_s_own_file(run, tmp_path):
    out = export(run, tmp_path / "w.safetensors", recipe=cases.Tiny)
    assert same(load_file(out), load_file(run / "generator.safetensors"))


def test_half_takes_half_the_room_and_is_close(run, tmp_path):
    whole, half = (export(run, tmp_path / f"{h}.safetensors", recipe=cases.Tiny, half=h) for h in (False, True))
    pairs = [(load_file(whole)[name], each) for name, each in load_file(half).items()]
    assert all(b.dtype == torch.float16 and torch.allclose(a, b.float(), rtol=1e-3, atol=1e-6) for a, b in pairs)


def test_nothing_is_overwritten_and_wrong_names_are_refused(run, tmp_path):
    (tmp_path / "mine.safetensors").write_text("mine")
    for out, options, message in (
        ("mine.safetensors", {}, "is there already, and nothing is overwritten"),
        ("w.bin", {}, r"must end in \.safetensors"),
        ("w.safetensors", {"network": "critic"}, "tiny has no network 'critic'; choose generator or discriminator"),
        ("none/w.safetensors", {}, "cannot write .*No such file or directory"),
        ("w.safetensors", {"at": 7}, "has no checkpoint of step 7: there are 20, 40"),
    ):
        with pytest.raises((ValueError, TrainingError), match=message):
            export(run, tmp_path / out, recipe=cases.Tiny, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.safetensors"]


@pytest.mark.parametrize("half", [False, True])
def test_a_page_gets_the_layers_of_a_fully_connected_generator(tmp_path, half):
    recipe = recipes.get("mlp")(mlp.Config(size=4, latent_dim=3, hidden=(5, 6)), image_shape=(1, 4, 4))
    generator, file = recipe.networks["generator"], tmp_path / "g.json"
    about = {"name": "mlp", "image_shape": [1, 4, 4], "step": 7, "config": {}}
    file.write_text(web.document(generator, about, half=half))
    page = json.loads(file.read_text())
    assert (page["format"], page["name"], page["image_shape"], page["step"]) == (web.FORMAT, "mlp", [1, 4, 4], 7)
    assert [layer["kind"] for layer in page["layers"]] == ["dense", "relu", "dense", "relu", "dense", "tanh"]
    z = torch.randn(9, 3)
    expected = (generator.half() if half else generator).double()(z.double()).detach()
    torch.testing.assert_close(web.read(file)(z.double()), expected, rtol=0, atol=1e-15)


def test_what_a_page_cannot_run_is_refused_in_one_sentence(run, tmp_path):
    for out, options, message in (
        (
            "w.json",
            {},
            "a page can run dense layers, .* and the generator of tiny has a Dropout; export a run of mlp",
        ),
        ("w.json", {"network": "discriminator"}, "a page can run a generator only, and not 'discriminator'"),
        ("w.safetensors", {}, r"must end in \.json, as the weights are written in that format for a page"),
    ):
        with pytest.raises(ValueError, match=message):
            export(run, tmp_path / out, recipe=cases.Tiny, page=True, **options)
    assert not list(tmp_path.iterdir())

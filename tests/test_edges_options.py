"""Options beyond reason: one sentence that names option, value and remedy, exit code 1 or 2, no file, no memory."""

import re
import resource
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ganedu import _memory, recipes
from ganedu.cli import app
from ganedu.training import Outcome, TrainConfig, cost, device, health, options, train

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases


def ganedu(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of two steps."""
    folder = tmp_path_factory.mktemp("runs") / "mlp"
    small = replace(recipes.get("mlp").Config().small(), hidden=(8, 8), batch_size=4)
    with cases.one_thread():
        train("mlp", "digits", out=folder, config=TrainConfig(steps=2), recipe_config=small, show=False)
    return folder


def most_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


HUGE = 10**20
TRAIN = [
    (["--size", 10**9], "size must be at most 65,536"),
    (["--size", 50_000], "pixels, would take|images of 50000 x 50000 pixels would take"),
    (["--steps", HUGE], "steps must be at most|not in the range"),
    (
        ["--steps", 10**12],
        "steps must be at most 1,000,000,000: at a thousand a second 10+ would take 31 years",
    ),
    (["--batch-size", 10**9], "batch_size must be at most 1,048,576"),
    (["--batch-size", 10**6, "--size", 4096], "the 1,000,000 images of a step, of 4096 x 4096 pixels, would take"),
    (["--set", "n_critic=100000000000"], "n_critic must be at most"),
    (["--set", "width=1000000"], "weights .*would take .*make the networks smaller"),
    (["--set", "latent_dim=0"], "latent_dim must be at least 1, not 0"),
    (["--set", "learning_rate=nan"], "learning_rate must be a number from 0"),
    (["--set", "learning_rate=1e999"], "learning_rate must be a number from 0"),
    (["--set", "learning_rate=-1"], "learning_rate must be a number from 0 to 1e"),
    (["--set", "beta1=7"], "[Ii]nvalid beta"),
    (["--set", "width=[[[[" * 500], "width must be a whole number"),
    (["--set", "width=True"], "width must be a whole number, not True"),
    (["--set", "flip=1"], "flip must be true or false, not 1"),
    (["--set", "loss=\x1b[2J"], r"unknown loss '\\x1b\[2J'|\\x1b\[2J"),
    (["--set", "größe=3"], "größe is neither an option"),
    (["--seed", 2**64], "less than or equal to 9223372036854775807"),
    (["--seed", -1], "greater than or equal to 0"),
    (["--ema", "nan"], r"ema must be a number|ema must be in \[0, 1\)"),
    (["--max-minutes", "nan"], "greater than or equal to 0"),
    (["--device", "meta"], "device 'meta' cannot be used here; choose cpu"),
    (["--device", "cuda:99999999999"], "cannot be used here"),
    (["--out", ""], "an empty name"),
    (["--data", ""], "unknown data set ''"),
    (["--data", "image-folder:"], "needs a path"),
    (["--data", "mnist", "--data-root", "nowhere"], "the data folder nowhere, given as root, does not exist"),
]


@pytest.mark.parametrize(("words", "message"), TRAIN, ids=[" ".join(map(str, case[0]))[:40] for case in TRAIN])
def test_train_refuses_what_is_beyond_reason(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_memory, "available", lambda: 4 * 10**9)  # the same refusals on every machine
    before = most_memory()
    done = ganedu("train", "dcgan", "--device", "cpu", "--steps", 1, *words)
    assert done.exit_code in (1, 2) and isinstance(done.exception, SystemExit), done.output
    assert re.search(message, " ".join(done.stderr.split())), done.stderr
    assert list(tmp_path.iterdir()) == [] and most_memory() - before < 300_000  # kB


@pytest.mark.parametrize("text", ["(64,128)", "[64, 128]", " (64, 128) "])
def test_a_documented_option_of_several_numbers_works(tmp_path, text):
    done = ganedu("train", "mlp", "--steps", 1, "--set", f"hidden={text}", "--device", "cpu", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    from ganedu.training import run_folder

    assert run_folder.read_config(tmp_path / "run")["recipe"]["config"]["hidden"] == [64, 128]


@pytest.mark.parametrize("value", ["5", "()", "(64,'a')", "(0,)", "(64,-1)", "(1e9,)", "(True,)", "{}", "(" * 300])
def test_wrong_values_for_several_numbers_are_refused(value):
    done = ganedu("train", "mlp", "--set", f"hidden={value}")
    assert done.exit_code == 1 and done.stderr.startswith("ganedu train: --set hidden"), done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample", "--n", 10**9], "drawing 1000000000 images would take .* draw fewer"),
        (["sample", "--n", HUGE], "would take|range"),
        (["sample", "--seed", 2**70], "less than or equal to"),
        (["evaluate", "--n", 10**9], "comparing 1000000000 generated images would take .* generate fewer"),
        (["evaluate", "--split", "both"], "unknown split 'both'"),
        (["resume", "--steps", HUGE], "steps must be at most"),
        (["resume", "--steps", 1], "has done 2 steps already"),
        (["resume", "--device", "meta"], "'meta' cannot be used"),
        (["resume", "--data", "image-folder:nowhere"], "nowhere is neither"),
        (["resume", "--data", "mnist-c"], "unknown data set"),
    ],
)
def test_commands_on_a_run_refuse_what_is_beyond_reason_and_change_nothing(run, monkeypatch, words, message):
    monkeypatch.setattr(_memory, "available", lambda: 4 * 10**9)
    files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    command, *rest = words
    done = ganedu(command, run, *rest)
    assert done.exit_code in (1, 2) and re.search(message, " ".join(done.stderr.split())), done.output
    assert files == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_measuring_on_a_folder_without_classes_is_refused_before_a_picture_is_read(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    for i in range(12):
        Image.new("L", (8, 8)).save(tmp_path / "photos" / f"{i}.png")
    monkeypatch.setattr("ganedu.data.folder.decode", lambda *_, **__: 1 / 0)
    for data, said in (
        (f"image-folder:{tmp_path / 'photos'}", "has no classes"),
        ("shape-domains", "partners"),
    ):
        kind = "mlp" if "photos" in data else "cyclegan"
        done = ganedu("train", kind, "--data", data, "--evaluate-every", 5, "--out", tmp_path / "run", "--size", 8)
        assert done.exit_code == 1 and "evaluate_every=5 cannot be done: " in done.stderr and said in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("kind", "changes", "images"),
    [
        ("mlp", {"batch_size": 6}, 6),
        ("dcgan", {"batch_size": 6, "n_critic": 5}, 30),
        ("cyclegan", {"batch_size": 3, "pool": 0}, 6),  # of both domains
        ("cyclegan", {"batch_size": 3, "pool": 50}, 106),  # and two histories
    ],
)
def test_a_step_is_refused_if_four_bytes_for_each_pixel_of_its_images_are_not_left(monkeypatch, kind, changes, images):
    config = replace(recipes.get(kind).Config(), size=16, **changes)
    need = 4 * images * 16**2
    monkeypatch.setattr(_memory, "available", lambda: need)
    cost.refuse_batch(recipes.get(kind), config)
    monkeypatch.setattr(_memory, "available", lambda: need - 1)
    with pytest.raises(ValueError, match=rf"the {images} images of a step, of 16 x 16 pixels, would take"):
        cost.refuse_batch(recipes.get(kind), config)


def test_a_number_too_large_for_a_float_is_refused_like_one_that_is_too_large():
    for text in ("1" + "0" * 299, "1" + "0" * 305, "1" + "0" * 310, "1" + "0" * 400):
        with pytest.raises(ValueError, match="--set learning_rate must be a number from 0 to 1e"):
            options.from_text(recipes.get("mlp").Config, "learning_rate", text)
    assert type(options.from_text(recipes.get("mlp").Config, "learning_rate", "1")) is float


@pytest.mark.parametrize("write", [str.lower, str.capitalize, str.upper, " {} ".format])
def test_true_and_false_may_be_written_as_a_shell_or_as_python_does(write):
    assert options.from_text(recipes.get("dcgan").Config, "bias", write("true")) is True
    assert options.from_text(recipes.get("dcgan").Config, "bias", write("false")) is False


def test_nothing_else_is_true_or_false():
    with pytest.raises(ValueError, match="bias must be true or false, not 'yes'"):
        options.from_text(recipes.get("dcgan").Config, "bias", "yes")


def test_networks_are_counted_as_they_are_built():
    kind = recipes.get("dcgan")
    config = replace(kind.Config().small(), width=48)
    built = kind(config, image_shape=(1, 16, 16))
    weights = sum(weight.numel() for network in built.networks.values() for weight in network.parameters())
    assert cost.count_weights(kind, config, {"image_shape": (1, 16, 16)}) == weights > 10_000


def test_every_configuration_of_a_paper_and_every_miniature_passes():
    for name in recipes.NAMES:
        config = recipes.get(name).Config()
        for each in (config, config.small()):
            options.check(each)
            again, missing = options.from_record(type(each), vars(each), where="x")
            assert again == each and missing == []


def test_devices_are_known_by_name():
    assert device.named("cuda:1") == torch.device("cuda", 1) and device.usable("cpu") == "cpu"
    for name in ("meta", "", "gpu", "cpu:cpu", None, 10**30, "cuda:-5"):
        with pytest.raises(ValueError, match="cannot be used here"):
            device.named(name)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"loss_d": 0.0, "d_real": 2.7e15, "loss_g": 3.0}, "diverged: d_real is 2.7e+15; a smaller learning rate"),
        ({"loss_d": 0.0002, "d_real": 12.0, "d_fake": -9.0}, "the discriminator has won: loss_d is 0.0002"),
        ({"loss_d": 0.0002, "d_real": 3.0, "d_fake": 3.0002}, ""),  # a critic at the start
        ({"loss_d": 1.3, "loss_g": 0.8, "images_per_second": 1e7, "step": 10**7}, ""),
        ({}, ""),
    ],
)
def test_a_run_that_has_diverged_or_is_decided_is_remarked_on(metrics, said):
    assert (said in health.remark(metrics)) and bool(said) == bool(health.remark(metrics))


def test_the_last_line_of_a_diverged_run_is_preceded_by_the_remark(run, monkeypatch):
    ended = Outcome(run, 2, 2, {"loss_d": 0.0, "d_real": 2.7e15}, extendable=True)
    monkeypatch.setattr("ganedu.training.train", lambda *_, **__: ended)
    done = ganedu("train", "mlp", "--device", "cpu")
    remark, last = done.stdout.splitlines()
    assert done.exit_code == 0 and remark.startswith("the run has diverged: d_real is") and "step 2 of 2" in last

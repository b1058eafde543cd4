"""The command line: what it makes, what it says, how it exits, and how little it loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from ganedu.cli import app
from ganedu.training import checkpoint

SMALL = ["--set", "width=4", "--steps", "4", "--batch-size", "8", "--log-every", "2", "--device", "cpu"]


def ganedu(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of four steps on the digits."""
    folder = tmp_path_factory.mktemp("runs") / "dcgan"
    done = ganedu("train", "dcgan", *SMALL, "--out", folder)
    assert done.exit_code == 0, done.output
    return folder


def test_train_ends_with_one_line_that_says_where_to_look_and_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = ganedu("train", "dcgan", *SMALL)
    assert done.exit_code == 0
    assert done.stdout == (
        "step 4 of 4 done; look at runs/dcgan-digits/samples/step_000004.png and runs/dcgan-digits/report.html; "
        "train longer: ganedu resume runs/dcgan-digits --steps 8\n"
    )
    assert Path("runs/dcgan-digits/samples/step_000004.png").exists() and Path("runs/dcgan-digits/report.html").exists()
    assert ganedu("train", "dcgan", *SMALL, "--max-minutes", 0).stdout == (
        "step 1 of 4 done; look at runs/dcgan-digits-2/report.html; go on: ganedu resume runs/dcgan-digits-2\n"
    )


def test_every_option_reaches_the_configuration(tmp_path):
    rates = ["--sample-every", 3, "--checkpoint-every", 2, "--evaluate-images", 99, "--keep-last", 2]
    rates += ["--keep-every", 3]
    options = ["--seed", 3, "--ema", 0.5, "--flip", *rates, "--precision", "bf16", "--set", "loss=hinge"]
    options += ["--penalty-weight", 5, "--beta1=0.25"]
    done = ganedu("train", "dcgan", *SMALL, *options, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    plan = json.loads((tmp_path / "config.json").read_text())
    assert plan["training"] == {
        "steps": 4, "seed": 3, "ema": 0.5, "precision": "bf16", "compile": False, "cuda_graph": False,
        "log_every": 2, "sample_every": 3, "checkpoint_every": 2, "evaluate_every": 0,
        "evaluate_images": 99, "keep_last": 2, "keep_every": 3,
    }  # fmt: skip
    recipe = plan["recipe"]["config"]
    assert (recipe["width"], recipe["batch_size"], recipe["loss"], recipe["flip"]) == (4, 8, "hinge", True)
    assert (recipe["penalty_weight"], recipe["beta1"]) == (5.0, 0.25)


def test_resume_goes_on_to_more_steps(tmp_path):
    ganedu("train", "dcgan", *SMALL, "--out", tmp_path)
    done = ganedu("resume", tmp_path, "--steps", 6, "--device", "cpu")
    assert done.exit_code == 0 and "step 6 of 6 done" in done.stdout
    assert checkpoint.read(tmp_path)["step"] == 6


def test_sample_draws_the_same_images_for_the_same_seed(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = ganedu("sample", run, "--n", 5, "--seed", seed, "--out", tmp_path / f"{name}.png")
        assert done.exit_code == 0 and done.stdout == f"{tmp_path / name}.png\n"
    content = [(tmp_path / f"{name}.png").read_bytes() for name in "abc"]
    assert content[0] == content[1] != content[2]
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (2 + 5 * 66, 68) and image.mode == "L"  # 16 pixels a side, four times enlarged


def test_a_sample_without_a_place_goes_into_the_folder_of_the_run_with_its_seed(run):
    done = ganedu("sample", run, "--n", 2, "--seed", 12)
    assert done.exit_code == 0 and done.stdout == f"{run / 'samples' / 'seed_12.png'}\n"
    assert (run / "samples" / "seed_12.png").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "dcgam"], "unknown recipe 'dcgam'; choose one of mlp, dcgan, article-gan"),
        (["train", "dcgan", "--data", "digit"], "unknown data set 'digit'"),
        (
            ["train", "dcgan", "--set", "widht=3"],
            "widht is neither an option nor in the recipe's configuration; did you mean width?",
        ),
        (
            ["train", "dcgan", "--step", "3"],
            "step is neither an option nor in the recipe's configuration; `ganedu recipes",
        ),
        (["train", "dcgan", "--set", "width"], "--set width: NAME=VALUE expected"),
        (["train", "dcgan", "--width"], "what does '--width' mean? See `ganedu train --help`"),
        (["train", "dcgan", "--set", "width=wide"], "--set width must be a whole number, not 'wide'"),
        (["train", "dcgan", "--precision", "tf32", "--device", "cpu"], "precision tf32 needs an NVIDIA GPU"),
        (["train", "dcgan", "--device", "abacus"], "device 'abacus' cannot be used here"),
        (["train", "dcgan", "--data", "image-folder:nowhere"], "nowhere"),
        (["resume", "nowhere"], "there is no run in nowhere: it has no config.json"),
        (["sample", "nowhere"], "there is no run in nowhere"),
        (["evaluate", "nowhere"], "there is no run in nowhere"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr_and_exit_code_1(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    done = ganedu(*words)
    assert done.exit_code == 1 and done.stdout == ""
    assert done.stderr.startswith(f"ganedu {words[0]}: ") and message in done.stderr
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert list(tmp_path.rglob("*")) == []


def test_a_second_run_in_the_same_folder_is_refused_with_the_difference(run):
    done = ganedu("train", "dcgan", *SMALL, "--seed", 5, "--out", run)
    assert done.exit_code == 1 and "training.seed: 0 before, 5 now" in done.stderr


def test_evaluate_prints_and_keeps_numbers_with_their_protocol(run, tmp_path, monkeypatch):
    from ganedu.metrics import features

    monkeypatch.setenv("GANEDU_CACHE", str(tmp_path))
    monkeypatch.setitem(features.IMAGES_TO_SEE, "digits", 2_000)
    for _ in range(2):
        done = ganedu("evaluate", run, "--n", 100)
        assert done.exit_code == 0 and "frechet_distance" in done.stdout, done.output
    first, second = json.loads((run / "evaluation.json").read_text())["reports"]
    assert first == second and first["step"] == 4 and first["averaged"]
    assert first["protocol"]["n_fake"] == 100 and first["protocol"]["split"] == "test"


def test_doctor_names_devices_and_what_is_missing(monkeypatch):
    from ganedu.training import doctor

    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    monkeypatch.setenv("GANEDU_DATA", "/nowhere")
    done = ganedu("doctor")
    assert done.exit_code == 0 and "cores" in done.stdout
    assert "missing; downloads data sets: pip install pooch" in done.stdout
    assert "/nowhere, which is no folder" in done.stdout


def test_the_help_of_every_command_has_an_example():
    for command in ("train", "resume", "sample", "evaluate", "export", "report", "compare", "judge", "recipes"):
        text = ganedu(command, "--help").output
        assert f"ganedu {command} " in text.partition("Options")[0].partition("Usage")[2].partition("\n")[2]
        assert "{ref}" not in text


def test_the_command_line_starts_without_torch():
    code = "import sys, ganedu.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

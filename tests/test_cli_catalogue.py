"""What can be trained, on what, by which version; and messages whose remedy stays in sight."""

import json
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

import ganedu
from ganedu import _toc, data, recipes
from ganedu.cli import app
from ganedu.cli.train import _default_folder
from ganedu.data import exporting, pairs, solids
from ganedu.metrics.report import LOWER_IS_BETTER
from ganedu.recipes import dcgan
from ganedu.training import checkpoint, load
from ganedu.training.options import from_record
from ganedu.training.validation import a_few

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--set", "width=4", "--steps", "4", "--batch-size", "8", "--log-every", "2", "--device", "cpu"]


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_version_is_that_of_the_package():
    assert run("--version").stdout == f"ganedu {ganedu.__version__}\n"


# What can be trained


def test_recipes_are_listed_with_chapter_data_and_size():
    listed = run("recipes").stdout
    for name in recipes.NAMES:
        assert re.search(
            rf"^{name}: .*\n(?:    .*\n)*    chapter \d+; data: \S+; \d+ steps; weights: ", listed, re.MULTILINE
        ), name
    assert "chapter 19; data: digits" in listed and "chapter 25; data: shape-domains" in listed


@pytest.mark.parametrize("name", recipes.NAMES)
def test_a_recipe_is_listed_with_every_option(name):
    listed, kind = run("recipes", name).stdout, recipes.get(name)
    for option in fields(kind.Config):
        values = (getattr(config, option.name) for config in (kind.Config(), kind.Config().small()))
        row = [option.name, *(str(value).replace(" ", "") for value in values)]
        assert row in [line.split() for line in listed.splitlines()]


def test_an_unknown_recipe_is_one_sentence():
    done = run("recipes", "dcgam")
    assert done.exit_code == 1 and "choose one of mlp, dcgan" in done.stderr


def test_numbers_of_chapters_are_those_of_the_table_of_contents():
    files = re.findall(r"notebooks/(\d\d)_(\w+)", (ROOT / "book" / "_toc.yml").read_text())
    assert tuple("ch-" + slug.replace("_", "-") for _, slug in files) == _toc.LABELS
    assert _toc.chapter("ch-dcgan") == "chapter 19"


# A set as a folder of pictures


def test_an_exported_set_is_read_back_with_the_same_pixels_and_classes(tmp_path):
    done = run("data", "export", "digits", tmp_path / "out", "--n", 60)
    assert done.stdout == "".join(f"{tmp_path / 'out' / split}: 60 images in 10 classes\n" for split in data.SPLITS)
    for split in data.SPLITS:
        there, back = data.load("digits", split), data.load(f"image-folder:{tmp_path / 'out'}", split)
        assert back.classes == there.classes
        order = [int(path.stem) for path in data.folder.listing(tmp_path / "out", split).paths]
        assert sorted(order) == list(range(60))
        assert torch.equal(back.images, there.images[order]) and torch.equal(back.labels, there.labels[order])


def test_two_domains_are_exported_as_such(tmp_path):
    done = run("data", "export", "shape-domains", tmp_path, "--split", "test", "--n", 3, "--size", 16)
    assert done.stdout == f"{tmp_path}/testA: 3 files\n{tmp_path}/testB: 3 files\n"
    found = data.load_unpaired("shape-domains", "test", size=16)
    with Image.open(tmp_path / "testB" / "00002.png") as image:
        assert np.array_equal(np.asarray(image), found.b[2].permute(1, 2, 0).numpy())


def test_pairs_are_exported_with_one_name_for_both(tmp_path):
    done = run("data", "export", "half:digits", tmp_path, "--split", "test", "--n", 2)
    assert done.stdout == f"{tmp_path}/test/inputs: 2 files\n{tmp_path}/test/targets: 2 files\n"
    found = pairs.load_pairs("half:digits", "test")
    for folder, images in (("inputs", found.inputs), ("targets", found.targets)):
        with Image.open(tmp_path / "test" / folder / "00001.png") as image:
            assert np.array_equal(np.asarray(image), images[1, 0].numpy())


def test_voxels_are_exported_and_verified(tmp_path):
    done = run("data", "export", "solids", tmp_path, "--split", "test", "--n", 2, "--size", 8)
    assert done.stdout == f"{tmp_path}/test: 2 files\n"
    found = np.load(tmp_path / "test" / "00001.npy", allow_pickle=False)
    assert np.array_equal(found, solids.load("test", side=8).voxels[1].numpy())
    assert (
        run("data", "verify", "solids", "--size", 8).stdout.splitlines()[1]
        == "solids test: 512 grids, 1 x 8 x 8 x 8: ok"
    )


@pytest.mark.parametrize("there", ["a folder with something in it", "a file"])
def test_an_export_overwrites_nothing(tmp_path, there):
    out = tmp_path / "out"
    mine = out / "mine.txt" if "folder" in there else out
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("work")
    done = run("data", "export", "digits", out)
    assert done.exit_code == 1 and re.search(r"nothing is overwritten; give a new|give another name", done.stderr)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine] and mine.read_text() == "work"


def test_an_export_fetches_nothing(tmp_path):
    done = run("data", "export", "mnist", tmp_path / "out", "--data-root", tmp_path)
    assert done.exit_code == 1 and "`ganedu data prepare mnist` fetches it" in done.stderr


@given(st.lists(st.text(max_size=6), unique=True, max_size=12))
def test_folders_of_classes_are_names_that_keep_their_order(classes):
    names = exporting.folder_names(tuple(classes))
    assert names == sorted(set(names)) and len(names) == len(classes)
    assert all(name == Path(name).name and not name.startswith(".") for name in names)


# Messages


@given(st.lists(st.text("abc", min_size=1)))
def test_of_many_things_three_are_named_and_the_others_counted(things):
    told = a_few(things)
    assert told.count(";") <= 3
    assert told == "; ".join(things) if len(things) <= 3 else told.endswith(f"and {len(things) - 3} more")


def lines(message, width=120):
    return sum(-(-len(line) // width) for line in message.splitlines())


def test_a_run_that_differs_in_all_options_is_refused_in_three_lines_with_the_remedy(tmp_path):
    run("train", "dcgan", *SMALL, "--out", tmp_path / "run")
    other = ["--full", "--size", 32, "--width", 8, "--steps", 2, "--device", "cpu", "--seed", 4]
    message = run("train", "dcgan", *other, "--out", tmp_path / "run").stderr
    assert lines(message.replace(str(tmp_path), "")) <= 3
    assert "recipe.config.anneal: 1000 before, 0 now" in message and "more); go on with `ganedu resume" in message


def test_a_misspelled_option_is_told_the_nearest_one():
    message = run("train", "dcgan", "--learing-rate", "3").stderr
    assert "did you mean learning_rate? `ganedu recipes NAME` lists what is" in message and lines(message) <= 3


def test_every_metric_says_in_which_direction_it_is_better(tmp_path, monkeypatch):
    from ganedu.metrics.report import Protocol, Report
    from ganedu.training import evaluation

    protocol = Protocol(data="digits", split="test", n_real=9, n_fake=9, features="x", size=(8, 8))
    found = Report(protocol=protocol, step=1, averaged=True, values=dict.fromkeys(LOWER_IS_BETTER, 1.0))
    told = evaluation.text(found, found).splitlines()
    for line, (name, lower) in zip(told, LOWER_IS_BETTER.items(), strict=False):
        assert line.split(maxsplit=2) == [name, "1.0000", f"{'lower' if lower else 'higher'} is better"]


# Runs of older versions


def test_a_dcgan_from_before_its_kernels_had_a_choice_is_read_as_what_it_was(tmp_path):
    run("train", "dcgan", *SMALL, "--out", tmp_path)
    plan, state = json.loads((tmp_path / "config.json").read_text()), checkpoint.read(tmp_path)
    for each in (plan, state["plan"]):
        for name in ("kernel", "noise", "anneal"):
            del each["recipe"]["config"][name]
    (tmp_path / "config.json").write_text(json.dumps(plan))
    checkpoint.save(tmp_path, state)
    assert (load(tmp_path).config.kernel, load(tmp_path).config.noise) == (4, "normal")
    done = run("resume", tmp_path, "--steps", 6, "--device", "cpu")
    assert done.exit_code == 0, done.stderr
    for told in ("kernel = 4", "noise = normal", "anneal = 0"):
        assert f"of an older version: recipe.config.{told} is taken" in done.stderr


def test_what_an_older_version_had_are_options_with_values_of_their_type():
    for kind in map(recipes.get, recipes.NAMES):
        before = getattr(kind.Config, "BEFORE", {})
        config, missing = from_record(kind.Config, {}, where="x")
        assert set(before) <= set(missing)
        assert all(getattr(config, name) == value for name, value in before.items())
    assert dcgan.Config.BEFORE


@pytest.mark.parametrize(
    ("data_name", "folder"),
    [
        ("digits", "dcgan-digits"),
        ("image-folder:/there/photos/", "dcgan-photos"),
        ("unpaired:photos.zip", "dcgan-photos.zip"),
        ("edges:factors", "dcgan-edges-factors"),
    ],
)
def test_a_run_is_called_after_its_recipe_and_data(tmp_path, monkeypatch, data_name, folder):
    monkeypatch.chdir(tmp_path)
    assert _default_folder("dcgan", data_name, False) == Path("runs") / folder
    (tmp_path / "runs" / folder).mkdir(parents=True)
    (tmp_path / "runs" / folder / "config.json").write_text("{}")
    assert _default_folder("dcgan", data_name, False) == Path("runs") / f"{folder}-2"

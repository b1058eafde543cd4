"""`ganedu translate`: a folder of pictures goes in, the same names come out, and nothing is lost."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ganedu.cli import app
from ganedu.training import TrainConfig, TrainingError, train
from ganedu.training.translation import translate

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases

from ganedu.recipes import cyclegan


class Inverting(cyclegan.Recipe):
    """CycleGAN whose translation is known: AtoB turns light into dark, BtoA leaves everything alone."""

    name = "inverting"

    def translate(self, images, direction, *, generator=None):
        return -images if direction == "AtoB" else images


CONFIG = cyclegan.Config(size=16, load_size=0, width=2, blocks=1, halvings=1, batch_size=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "inverting"
    random = torch.Generator().manual_seed(0)
    a, b = torch.randint(256, (2, 6, 3, 16, 16), generator=random, dtype=torch.uint8)
    train(Inverting, (a, b), out=folder, config=TrainConfig(steps=1), recipe_config=CONFIG, show=False)
    return folder


def picture(path, height, width, *, channels=3, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    Image.fromarray(pixels if channels == 3 else pixels[:, :, 0]).save(path)
    return pixels


def test_names_and_folders_stay_and_pixels_are_translated(run, tmp_path):
    given = picture(tmp_path / "in" / "deep" / "a.png", 16, 24)
    picture(tmp_path / "in" / "b.jpg", 40, 20)
    done = translate(run, tmp_path / "in", tmp_path / "out", recipe=Inverting)
    assert done.written == 2 and not done.unreadable
    names = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*"))
    assert names == ["b.jpg", "deep/a.png", "sheet.png"]
    made = np.array(Image.open(tmp_path / "out" / "deep" / "a.png"))
    assert np.array_equal(made, 255 - given)
    assert Image.open(tmp_path / "out" / "b.jpg").size == (16, 32)  # the shorter side as learned, in proportion


def test_the_direction_and_the_size_are_those_asked_for(run, tmp_path):
    given = picture(tmp_path / "in" / "a.png", 16, 16)
    translate(run, tmp_path / "in", tmp_path / "back", direction="BtoA", recipe=Inverting)
    assert np.array_equal(np.array(Image.open(tmp_path / "back" / "a.png")), given)
    translate(run, tmp_path / "in", tmp_path / "large", size=30, recipe=Inverting)
    assert Image.open(tmp_path / "large" / "a.png").size == (32, 32)  # the nearest multiple of 4
    assert Image.open(tmp_path / "large" / "sheet.png").size[0] == 2 * (64 + 2) + 2  # squares of 16 pixels, four-fold


def test_gray_pictures_become_color_where_color_was_learned(run, tmp_path):
    given = picture(tmp_path / "in" / "a.png", 16, 16, channels=1)
    translate(run, tmp_path / "in", tmp_path / "out", recipe=Inverting)
    assert np.array_equal(np.array(Image.open(tmp_path / "out" / "a.png")), 255 - given.repeat(3, axis=2))


def test_a_file_that_is_no_picture_is_told_and_the_others_are_translated(run, tmp_path):
    picture(tmp_path / "in" / "good.png", 16, 16)
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    done = translate(run, tmp_path / "in", tmp_path / "out", recipe=Inverting)
    assert done.written == 1 and len(done.unreadable) == 1 and "bad.png" in done.unreadable[0]
    assert not (tmp_path / "out" / "bad.png").exists() and (tmp_path / "out" / "good.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "AtoC"}, "unknown direction 'AtoC'; choose AtoB or BtoA"),
        ({"size": 7}, "size must be at least 8 pixels, not 7"),
    ],
)
def test_options_that_mean_nothing_are_refused(run, tmp_path, options, message):
    picture(tmp_path / "in" / "a.png", 16, 16)
    with pytest.raises(ValueError, match=message):
        translate(run, tmp_path / "in", tmp_path / "out", recipe=Inverting, **options)


def test_nothing_is_overwritten_and_nothing_is_taken_for_a_picture(run, tmp_path):
    picture(tmp_path / "in" / "a.png", 16, 16)
    picture(tmp_path / "out" / "kept.png", 16, 16)
    with pytest.raises(TrainingError, match="is not empty"):
        translate(run, tmp_path / "in", tmp_path / "out", recipe=Inverting)
    with pytest.raises(ValueError, match="is no folder of pictures"):
        translate(run, tmp_path / "nowhere", tmp_path / "new", recipe=Inverting)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no pictures"):
        translate(run, tmp_path / "empty", tmp_path / "new", recipe=Inverting)
    picture(tmp_path / "named" / "sheet.png", 16, 16)
    with pytest.raises(ValueError, match="has the name of the overview"):
        translate(run, tmp_path / "named", tmp_path / "new", recipe=Inverting)
    assert not (tmp_path / "new").exists()


def test_a_recipe_that_draws_does_not_translate(tmp_path):
    train(cases.Tiny, cases.images(), out=tmp_path / "run", config=TrainConfig(steps=1), show=False)
    picture(tmp_path / "in" / "a.png", 16, 16)
    with pytest.raises(TrainingError, match="tiny, which draws images and translates none"):
        translate(tmp_path / "run", tmp_path / "in", tmp_path / "out", recipe=cases.Tiny)


def test_the_command_line_trains_translates_and_tells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = "--steps 2 --size 16 --batch-size 2 --set width=2 --set blocks=1 --device cpu --out run"
    done = CliRunner().invoke(app, ["train", "cyclegan", *options.split()])
    assert done.exit_code == 0, done.output
    assert Image.open("run/samples/step_000002.png").size == (8 * (64 + 2) + 2, 6 * (64 + 2) + 2)
    picture(Path("in/a.png"), 20, 30)
    done = CliRunner().invoke(app, ["translate", "run", "in", "out"])
    assert (done.exit_code, done.stdout) == (0, "1 picture written to out; look at out/sheet.png\n"), done.output
    Path("in/broken.jpg").write_bytes(b"")
    done = CliRunner().invoke(app, ["translate", "run", "in", "again", "--direction", "BtoA"])
    assert done.exit_code == 1 and "broken.jpg" in done.stderr and Path("again/a.png").exists()
    for command, message in {
        "sample": "ganedu translate run IN OUT",
        "evaluate": "learns without partners",
    }.items():
        done = CliRunner().invoke(app, [command, "run"])
        assert done.exit_code == 1 and message in done.stderr


def test_data_of_the_other_kind_are_refused(tmp_path):
    done = CliRunner().invoke(app, ["train", "cyclegan", "--data", "digits", "--out", str(tmp_path / "run")])
    assert done.exit_code == 1 and "unknown unpaired data set 'digits'; choose one of shape-domains" in done.stderr
    done = CliRunner().invoke(app, ["train", "dcgan", "--data", "shape-domains", "--out", str(tmp_path / "run")])
    assert done.exit_code == 1 and "shape-domains holds two sets of images" in done.stderr

"""`ganedu interpolate` and `ganedu edit`: walks end where they should, an edit finds what it was built to find."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from ganedu.cli import app
from ganedu.data import ImageData
from ganedu.metrics import attributes
from ganedu.metrics.attributes import Attributes
from ganedu.recipes import dcgan
from ganedu.training import TrainConfig, TrainingError, latent, train

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases

CONFIG = dcgan.Config(size=8, batch_size=8, latent_dim=6, width=2, noise="normal")
NAMES, VALUES = ("lamp", "shade"), (("no lamp", "lamp on"), ("dark", "light"))


class Lamps(nn.Module):
    """Images 8 x 8 with a white upper left quarter if z[0] > 0, on a ground as light as z[1]: z knows all."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z):
        images = (self.scale * z[:, 1]).tanh()[:, None, None, None].repeat(1, 1, 8, 8) * 0.5
        images[:, :, :4, :4] = (20 * (z[:, 0] + 0.6 * z[:, 1])).tanh()[:, None, None, None]
        return images


class Drawn(dcgan.Recipe):
    """A recipe whose generator is known."""

    name = "drawn"

    def build(self):
        return Lamps(), super().build()[1]


class Deaf(Drawn):
    """One whose images have nothing to do with its noise."""

    def sample(self, n, random, *, generator=None):
        return torch.zeros(n, *self.image_shape)


class Classed(Drawn):
    """One that knows classes: number 1 is the negative of number 0."""

    classes = ("plain", "negative")

    def sample(self, n, random, *, generator=None, labels=None):
        signs = 1 - 2 * labels[:, None, None, None]
        return signs * super().sample(n, random, generator=generator)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "drawn"
    config = TrainConfig(steps=1, ema=0.0)
    quiet = replace(CONFIG, learning_rate=1e-12)
    train(Drawn, cases.images(side=8), out=folder, config=config, recipe_config=quiet, show=False)
    return folder


@pytest.fixture(scope="module")
def judge():
    """Has learned lamps and shades."""
    z = torch.randn(800, 6, generator=torch.Generator().manual_seed(0))
    images = ((Lamps()(z).detach() + 1) * 127.5).round().to(torch.uint8)
    table = torch.stack([(images[:, 0, 0, 0] > 127).long(), (z[:, 1] > 0).long()], dim=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "IMAGES_TO_SEE", 8000)
        return attributes.train(ImageData(images, None, ()), Attributes(NAMES, VALUES, table))


@pytest.fixture
def judged(monkeypatch, judge):
    """As if the run's data had a name, and this judge."""
    monkeypatch.setattr(latent, "_judge_of", lambda *_: judge)


def test_a_walk_starts_and_ends_at_samples(run, tmp_path):
    made = latent.interpolate(run, rows=2, steps=3, frames=4, out=tmp_path / "w.png", video=False, recipe=Drawn, seed=5)
    pictures = latent.Pictures(run, Drawn, seed=5)
    ends = pictures.of(pictures.noise(4))
    sheet = np.asarray(Image.open(made.sheet)).astype(int)
    assert sheet.shape == (2 * 66 + 2, 3 * 66 + 2)  # 8 pixels enlarged to 64, two white ones between
    corners = sheet[2 + 8 :: 66, 2 + 8 :: 66]  # in the quarter of the lamp
    expected = ((ends[:, 0, 1, 1] + 1) * 127.5).round().int().numpy()
    assert np.array_equal(corners[:, 0], expected[:2]) and np.array_equal(corners[:, -1], expected[2:])


def test_the_film_goes_there_and_back(run, tmp_path):
    made = latent.interpolate(run, rows=1, steps=2, frames=5, out=tmp_path / "w.png", video=False, recipe=Drawn)
    with Image.open(made.film) as film:
        assert film.n_frames == 8 and film.info["loop"] == 0
        frames = []
        for i in range(8):
            film.seek(i)
            frames.append(np.asarray(film.convert("L")).astype(int))
    assert made.video is None and made.film == tmp_path / "w.gif"
    for early, late in ((1, 7), (2, 6), (3, 5)):
        assert np.abs(frames[early] - frames[late]).max() <= 2


def test_a_video_where_ffmpeg_is(run, tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\nfor last; do :; done\ncat > "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    options = {"rows": 1, "steps": 2, "frames": 3, "recipe": Drawn}
    made = latent.interpolate(run, out=tmp_path / "w.png", **options)
    assert made.video.stat().st_size == 4 * 68 * 68 * 3  # four frames of raw RGB
    program.write_text("#!/bin/sh\nexit 1\n")
    made = latent.interpolate(run, out=tmp_path / "w.png", **options)
    assert made.video is None and not (tmp_path / "w.mp4").exists()


def test_an_edit_finds_the_direction_and_what_leaks(run, judged, tmp_path):
    made = latent.edit(run, "lamp", by=2.0, out=tmp_path / "e.png", recipe=Drawn)
    assert 0.4 < made.before < 0.6 and made.after > 0.9
    assert made.changes["shade=light"] == pytest.approx(-made.changes["shade=dark"])
    assert made.changes["shade=light"] > 0.2  # the light makes the lamp: 0.6 of it leaks
    assert "percent points" in str(made) and "lamp: " in str(made)
    spared = latent.edit(run, "lamp", by=2.0, spare=["light"], out=tmp_path / "e.png", recipe=Drawn)
    assert spared.after > 0.9 and abs(spared.changes["shade=light"]) < 0.08
    assert "sparing light" in str(spared)
    assert Image.open(spared.sheet).size == (5 * 66 + 2, 8 * 66 + 2)
    back = latent.edit(run, "lamp", by=-2.0, out=tmp_path / "e.png", recipe=Drawn)
    assert back.after < 0.1


def test_an_edit_is_the_same_again_and_the_run_stays_as_it_was(run, judged, tmp_path):
    before = sorted(path.name for path in run.rglob("*"))
    first, again = (latent.edit(run, "lamp", n=2, out=tmp_path / "e.png", recipe=Drawn) for _ in range(2))
    assert first == again
    assert sorted(path.name for path in run.rglob("*")) == before


def test_classes_stay_along_a_walk(run, tmp_path):
    pictures = latent.Pictures(run, Classed, classes="negative,0")
    z = pictures.noise(1).expand(2, -1)
    negative, plain = pictures.of(z, pictures.labels(2))
    assert torch.allclose(negative, -plain)
    made = latent.interpolate(run, rows=3, steps=2, frames=2, out=tmp_path / "w.png", video=False, recipe=Classed)
    assert made.sheet.exists()
    with pytest.raises(ValueError, match="'blue' is no class"):
        latent.interpolate(run, classes="blue", recipe=Classed)


def test_noise_comes_back_to_the_recipe(run):
    pictures = latent.Pictures(run, Drawn)
    z = pictures.noise(3)
    assert torch.equal(pictures.of(z), pictures.of(z))
    assert "noise" not in vars(pictures.recipe)
    many = pictures.noise(2 * latent.AT_ONCE + 1)
    assert torch.equal(pictures.of(many)[-1], pictures.of(many[-1:])[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 1}, "a walk needs 2 steps"),
        ({"frames": 1}, "a walk needs 2 steps and frames"),
        ({"rows": 0}, "1 row"),
        ({"how": "crow"}, "unknown walk 'crow'; choose slerp or lerp"),
        ({"classes": "1"}, "drawn has no --classes"),
        ({"rows": 10**9}, "ask for fewer"),
    ],
)
def test_walks_that_cannot_be_drawn(run, options, message):
    with pytest.raises(ValueError, match=message):
        latent.interpolate(run, recipe=Drawn, **options)


@pytest.mark.parametrize(
    ("attribute", "options", "message"),
    [
        ("hat", {}, "the judge knows lamp, shade"),
        ("lamp", {"spare": ["lamp on"]}, "changed and spared"),
        ("lamp", {"spare": ["moon"]}, "unknown attribute"),
        ("lamp", {"by": 0.0}, "a step that is a number but 0"),
        ("lamp", {"by": float("nan")}, "a step that is a number but 0"),
        ("lamp", {"n": 0}, "at least 1 sample"),
    ],
)
def test_edits_that_cannot_be_made(run, judged, tmp_path, attribute, options, message):
    with pytest.raises(ValueError, match=message):
        latent.edit(run, attribute, recipe=Drawn, out=tmp_path / "e.png", **options)


@pytest.mark.parametrize(("less", "says"), [(1, "judging 2000 samples would take 0.0 GB"), (0, "too few")])
def test_an_edit_wants_memory_for_all_its_pictures(run, judged, tmp_path, monkeypatch, less, says):
    monkeypatch.setattr(latent, "FEWEST", 1001)  # the next refusal
    monkeypatch.setattr("ganedu._memory.available", lambda: 24 * (2000 + 500 + 5) * 8 * 8 - less)
    with pytest.raises(ValueError, match=says):
        latent.edit(run, "lamp", n=5, recipe=Drawn, out=tmp_path / "e.png")


def test_an_attribute_that_hardly_a_sample_has(run, judged, tmp_path, monkeypatch):
    monkeypatch.setattr(latent, "FEWEST", 1001)
    with pytest.raises(ValueError, match=r'of 2000 samples (have|lack) "lamp", too few'):
        latent.edit(run, "lamp", recipe=Drawn, out=tmp_path / "e.png")


def test_runs_that_start_from_something_else(run, tmp_path):
    with pytest.raises(TrainingError, match="whose images do not start from noise"):
        latent.interpolate(run, recipe=Deaf, out=tmp_path / "w.png")
    tiny = cases.short(tmp_path / "tiny", steps=1)
    with pytest.raises(TrainingError, match="draws nothing from noise"):
        latent.interpolate(tiny, recipe=cases.Tiny)
    with pytest.raises(ValueError, match="without a name"):
        latent.edit(run, "lamp", recipe=Drawn)


def test_from_the_command_line(tmp_path, monkeypatch):
    """Digits have classes and no attributes: they can be edited into each other."""
    monkeypatch.setenv("GANEDU_CACHE", str(tmp_path))
    monkeypatch.setattr(attributes, "IMAGES_TO_SEE", 500)
    for name, value in {"LABELED": 60, "FEWEST": 5, "MEASURED": 20}.items():
        monkeypatch.setattr(latent, name, value)
    run = tmp_path / "run"
    config = TrainConfig(steps=1)
    train("dcgan", "digits", out=run, config=config, recipe_config=CONFIG, show=False)
    said = CliRunner().invoke(app, ["interpolate", str(run), "--rows", "2", "--frames", "2", "--steps", "3"])
    assert said.exit_code == 0, said.output
    assert str(run / "samples" / "walk_seed_0.png") in said.output and "walk_seed_0.gif" in said.output
    wrong = CliRunner().invoke(app, ["interpolate", str(run), "--steps", "1"])
    assert wrong.exit_code == 1 and wrong.output.startswith("ganedu interpolate: a walk needs 2 steps")
    wrong = CliRunner().invoke(app, ["edit", str(run), "--attribute", "glasses"])
    assert wrong.exit_code == 1 and "unknown attribute" in wrong.output and "the judge knows class" in wrong.output
    monkeypatch.setattr(attributes.Judge, "answers", lambda self, images, asked: brightness(images, len(asked)))
    said = CliRunner().invoke(app, ["edit", str(run), "--attribute", "7", "--n", "2", "--by", "1"])
    assert said.exit_code == 0, said.output
    assert "7: " in said.output and str(run / "samples" / "edit_7.png") in said.output


def brightness(images, n):
    """Answers that an untrained generator can be asked for: whether an image is lighter than their mean."""
    return (images.mean((1, 2, 3)) - images.mean())[:, None].repeat(1, n)

"""`ganedu translate` with recipes of pairs: inputs as they are, or made of pictures as they were learned."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ganedu import data, recipes
from ganedu.cli import app
from ganedu.data import kinds, pairs
from ganedu.training import TrainConfig, TrainingError, load, train
from ganedu.training.translation import translate

TINY = {
    "pix2pix": {"size": 16, "load_size": 0, "width": 2, "halvings": 1, "batch_size": 2},
    "context-encoder": {"size": 16, "width": 2, "bottleneck": 3, "batch_size": 4},
    "srgan": {"size": 16, "width": 2, "blocks": 1, "halvings": 1, "dense": 3, "batch_size": 2},
}
MAKE = {"pix2pix": "edges", "context-encoder": "holes", "srgan": "half"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of one step of each recipe, on pictures of noise in color."""
    top = tmp_path_factory.mktemp("runs")
    targets = torch.randint(256, (4, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    for name, choices in TINY.items():
        config = dataclasses.replace(recipes.get(name).Config(), **choices)
        given = kinds.Pairs(pairs.MADE[MAKE[name]](targets), targets)
        train(name, given, out=top / name, config=TrainConfig(steps=1), recipe_config=config, show=False)
    return top


def picture(path, height, width, *, channels=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    Image.fromarray(pixels if channels == 3 else pixels[:, :, 0]).save(path)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def read(path):
    return torch.from_numpy(np.atleast_3d(np.array(Image.open(path)))).permute(2, 0, 1)


@pytest.mark.parametrize("name", TINY)
def test_the_input_is_made_of_the_picture_as_it_was_learned(name, runs, tmp_path):
    given = picture(tmp_path / "in" / "a.png", 20, 30)
    done = translate(runs / name, tmp_path / "in", tmp_path / "out", make=MAKE[name])
    assert done.written == 1 and not done.unreadable
    made = pairs.MADE[MAKE[name]](data.resize(given[None], 16))
    expected = load(runs / name).translate(data.to_floats(made, torch.float32))
    assert torch.equal(read(tmp_path / "out" / "a.png"), data.to_bytes(expected)[0])
    assert (tmp_path / "out" / "sheet.png").is_file()


def test_drawings_are_taken_as_they_are_in_color_or_gray_at_multiples_of_the_size(runs, tmp_path):
    picture(tmp_path / "in" / "color.png", 16, 34)
    picture(tmp_path / "in" / "gray.jpg", 40, 16, channels=1)
    assert translate(runs / "pix2pix", tmp_path / "in", tmp_path / "out").written == 2
    assert read(tmp_path / "out" / "color.png").shape == (3, 16, 32)
    assert read(tmp_path / "out" / "gray.jpg").shape == (3, 32, 16)


def test_srgan_enlarges_pictures_of_any_size_and_leaves_none_smaller(runs, tmp_path):
    picture(tmp_path / "in" / "a.png", 9, 13)
    translate(runs / "srgan", tmp_path / "in", tmp_path / "out")
    assert read(tmp_path / "out" / "a.png").shape == (3, 18, 26)
    translate(runs / "srgan", tmp_path / "in", tmp_path / "large", size=18)
    assert read(tmp_path / "large" / "a.png").shape == (3, 36, 52)


def test_a_context_encoder_takes_squares_of_its_size_with_the_hole_where_it_learned_it(runs, tmp_path):
    picture(tmp_path / "in" / "a.png", 30, 20)
    translate(runs / "context-encoder", tmp_path / "in", tmp_path / "out")
    assert read(tmp_path / "out" / "a.png").shape == (3, 16, 16)
    with pytest.raises(ValueError, match="takes pictures of 16 pixels only"):
        translate(runs / "context-encoder", tmp_path / "in", tmp_path / "other", size=32)


@pytest.mark.parametrize(
    ("name", "options", "error", "says"),
    [
        ("pix2pix", {"direction": "BtoA"}, TrainingError, "from A to B only"),
        ("pix2pix", {"make": "blur"}, ValueError, "cannot be made of pictures; choose one of edges, holes"),
        ("pix2pix", {"make": "half"}, ValueError, r"half of pictures \(3, 16, 16\) are \(3, 8, 8\)"),
        ("pix2pix", {"make": "holes"}, ValueError, "name what it learned from"),
    ],
)
def test_what_cannot_be_is_refused_before_a_picture_is_written(name, options, error, says, runs, tmp_path):
    picture(tmp_path / "in" / "a.png", 16, 16)
    with pytest.raises(error, match=says):
        translate(runs / name, tmp_path / "in", tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_damaged_picture_is_left_out_and_told(runs, tmp_path):
    picture(tmp_path / "in" / "a.png", 16, 16)
    (tmp_path / "in" / "b.png").write_bytes(b"no picture")
    done = translate(runs / "pix2pix", tmp_path / "in", tmp_path / "out", make="edges")
    assert done.written == 1
    assert "b.png" in done.unreadable[0]


def test_the_command_makes_and_translates(runs, tmp_path):
    picture(tmp_path / "in" / "a.png", 16, 16)
    command = ["translate", str(runs / "srgan"), str(tmp_path / "in"), str(tmp_path / "out"), "--make", "half"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "1 picture written" in result.output
    result = CliRunner().invoke(app, [*command[:3], str(tmp_path / "no"), "--make", "blur"])
    assert result.exit_code == 1 and "choose one of edges" in result.output

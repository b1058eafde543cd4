"""The parts of a report: the command that makes a run again, its sheets, its neighbors, its curves, its mark."""

import math
import shlex

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ganedu import data, recipes
from ganedu.cli import app
from ganedu.recipes import dcgan
from ganedu.reporting import command, curves, marks, neighbors, sheets
from ganedu.training import TrainConfig, run_folder, source

pytestmark = pytest.mark.usefixtures("no_data_folder")  # a command would name it


@pytest.fixture
def plan():
    """What config.json says of a small run on the digits."""
    config = dcgan.Config().small()
    where = source.find("digits", dcgan.Recipe, config).plan
    recipe = {"name": "dcgan", "config": config.__dict__, "image_shape": [1, 16, 16]}
    return {"recipe": recipe, "data": where, "training": TrainConfig().__dict__, "processes": 1}


# The command


@st.composite
def plans(draw):
    """A plan with some options changed from one of the two sizes."""
    name = draw(st.sampled_from(recipes.NAMES))
    kind = recipes.get(name)
    config = draw(st.sampled_from([kind.Config(), kind.Config().small()])).__dict__ | {"size": 32, "flip": True}
    config |= (
        {"learning_rate": draw(st.floats(1e-5, 1)), "width": draw(st.integers(1, 64))} if "width" in config else {}
    )
    config |= {"hidden": draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))} if "hidden" in config else {}
    training = TrainConfig(
        steps=draw(st.integers(1, 10**6)), seed=draw(st.integers(0, 9)), ema=draw(st.floats(0, 0.99)),
        compile=draw(st.booleans()), log_every=draw(st.integers(1, 20)), keep_last=draw(st.integers(0, 3)),
    ).__dict__  # fmt: skip
    where = {"name": draw(st.sampled_from(["digits", "image-folder:my 'own' photos", "unpaired:a b"])), "sha256": "0"}
    where |= {"streamed": draw(st.booleans()), "root": draw(st.sampled_from([None, "some where"])), "images": 9}
    return {"recipe": {"name": name, "config": config}, "data": where, "training": training, "processes": 1}


@given(plans())
@settings(max_examples=40)
def test_the_command_asks_for_the_very_run(plan):
    asked = {}

    def note(recipe, data, **options):
        asked.update(recipe=recipe, data=data, **options)
        raise ValueError("enough")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganedu.training.train", note)
        assert "enough" in CliRunner().invoke(app, shlex.split(command.command(plan, "cpu"))[1:]).output
    given_config = {name: tuple(v) if isinstance(v, list) else v for name, v in plan["recipe"]["config"].items()}
    assert asked["recipe_config"].__dict__ == given_config and asked["config"].__dict__ == plan["training"]
    assert (asked["recipe"], asked["data"], asked["stream"]) == (
        plan["recipe"]["name"], plan["data"]["name"], plan["data"]["streamed"],
    )  # fmt: skip
    assert asked["device"] == "cpu" and str(asked["root"]) == str(plan["data"]["root"])


def test_the_command_of_several_processes_begins_with_torchrun(plan):
    plan["processes"] = 4
    begin = "torchrun --standalone --nproc-per-node 4 -m ganedu train dcgan"
    assert command.command(plan, "NVIDIA H200").startswith(begin)
    assert "--device cuda" in command.command(plan, "NVIDIA H200")


# Images


@given(st.integers(1, 20), st.sampled_from([1, 3]), st.sampled_from([4, 28, 33, 64, 70]), st.integers(0, 99))
@settings(max_examples=25)
def test_a_sheet_is_read_back_image_by_image(tmp_path_factory, n, channels, side, seed):
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (n, channels, side, side), generator=random, dtype=torch.uint8)
    path = tmp_path_factory.mktemp("sheet") / "sheet.png"
    run_folder.write_samples(path, data.to_floats(images))
    back = sheets.read(path, side)
    assert np.array_equal(back[:n], images.permute(0, 2, 3, 1).numpy()) and (back[n:] == 255).all()


@given(st.integers(1, 6), st.integers(2, 9), st.integers(0, 99))
def test_the_nearest_image_is_that_of_an_exhaustive_search(n, m, seed):
    random = torch.Generator().manual_seed(seed)
    others = torch.randint(256, (m, 1, 3, 3), generator=random, dtype=torch.uint8)
    images = torch.randint(256, (n, 1, 3, 3), generator=random, dtype=torch.uint8)
    distances = ((images[:, None] - others[None].double()) / 255).square().flatten(2).mean(2).sqrt()  # [n, m]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbors, "CHUNK", 2)
        found = neighbors.nearest(images, others)
        without = neighbors.nearest(others[:2], others, but_itself=True)
    assert torch.allclose(found.distances, distances.min(1).values, atol=1e-6)
    own = ((others[:2, None] - others[None].double()) / 255).square().flatten(2).mean(2).sqrt().fill_diagonal_(9)
    assert torch.allclose(without.distances, own.min(1).values, atol=1e-6)


def test_a_copy_of_a_training_image_has_distance_zero(plan):
    real = neighbors.training_images(plan, patient=False)
    assert neighbors.nearest(real[7:9], real).distances.tolist() == [0, 0]
    assert real.shape == (1541, 1, 16, 16)


def test_a_large_folder_is_looked_through_only_for_those_who_ask(plan):
    plan["data"] |= {"name": "image-folder:nowhere", "images": neighbors.FEW + 1}
    with pytest.raises(ValueError, match="reading 2001 pictures again takes its time; `ganedu report` does it"):
        neighbors.training_images(plan, patient=False)
    with pytest.raises(ValueError, match="nowhere"):
        neighbors.training_images(plan, patient=True)


@pytest.mark.parametrize(("more", "says"), [(0, "mnist is not below"), (1, "reading 781251 pictures again")])
def test_two_hundred_megabytes_are_still_looked_through(plan, tmp_path, more, says):
    plan["data"] |= {"name": "mnist", "root": str(tmp_path), "images": 781_250 + more}  # of 256 bytes each
    with pytest.raises(ValueError, match=says):
        neighbors.training_images(plan, patient=False)


def test_large_images_are_compared_only_for_those_who_ask(plan):
    plan["recipe"]["image_shape"] = [3, 512, 512]
    with pytest.raises(ValueError, match="reading 1541 pictures again takes its time"):
        neighbors.training_images(plan, patient=False)


def test_a_set_that_is_not_here_is_not_fetched(plan, tmp_path):
    plan["data"] |= {"name": "mnist", "root": str(tmp_path)}
    with pytest.raises(ValueError, match="`ganedu data prepare mnist` fetches it"):
        neighbors.training_images(plan, patient=True)


# Curves


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("non_saturating", {"loss_d": math.log(4), "loss_g": math.log(2), "d_real": 0, "d_fake": 0}),
        ("minimax", {"loss_d": math.log(4), "loss_g": -math.log(2), "d_real": 0, "d_fake": 0}),
        ("least_squares", {"loss_d": 1 / 4, "loss_g": 1 / 8, "d_real": 1 / 2, "d_fake": 1 / 2}),
        ("relativistic", {"loss_d": math.log(2), "loss_g": math.log(2)}),
        ("wasserstein", {"loss_d": 0}),
        ("hinge", {"loss_d": 2}),
    ],
)
def test_ideal_lines_stand_where_the_discriminator_is_undecided(loss, expected):
    names = ("loss_d", "loss_g", "d_real", "d_fake", "penalty")
    found = {name: line[0] for name in names if (line := curves.ideal(name, {"loss": loss}, "dcgan"))}
    assert found == pytest.approx(expected, abs=1e-12)


def test_two_discriminators_have_twice_the_loss():
    assert curves.ideal("loss_d", {}, "cyclegan")[0] == 0.5 and curves.ideal("loss_g", {}, "cyclegan") is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=1500))
@settings(max_examples=30)
def test_a_long_curve_keeps_its_mean_and_has_a_bounded_number_of_points(values):
    rows = [{"step": 10 * i, "x": value} for i, value in enumerate(values, 1)]
    found = curves.curve(rows, "x")
    assert len(found.steps) == len(found.values) == min(len(values), curves.POINTS)
    assert min(values) - 1e-6 <= min(found.values) and max(found.values) <= max(values) + 1e-6
    if len(values) <= curves.POINTS:
        assert found.values == pytest.approx(values)


def test_every_number_that_is_logged_is_drawn_once():
    names = ("step", "loss_d", "loss_g", "d_real", "d_fake", "penalty", "images_per_second", "seconds")
    found = curves.panels([dict.fromkeys(names, 1.0)])
    assert found == {
        curves.LOSSES: ["loss_d", "loss_g"],
        curves.OUTPUTS: ["d_real", "d_fake"],
        "penalty": ["penalty"],
        curves.SPEED: ["images_per_second"],
    }


# The mark


@given(st.data())
@settings(max_examples=50)
def test_any_change_of_a_byte_makes_a_page_a_person_s(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("page") / "page.html"
    content = marks.marked(data.draw(st.text(max_size=50)))
    path.write_bytes(content)
    assert marks.is_ours(path)
    i, byte = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 255))
    path.write_bytes(content[:i] + bytes([byte]) + content[i + 1 :])
    assert marks.is_ours(path) == (content[i] == byte)

"""`ganedu.data.kinds` and `stored`: what belongs to a sample stays with it, in memory, streamed, and in a run."""

import inspect
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu import data, recipes
from ganedu.data import kinds, stored
from ganedu.data.batches import DeviceBatches, FolderBatches, brought
from ganedu.training import TrainConfig, checkpoint, load, run_folder, train
from ganedu.training import source as sources
from ganedu.training.sampling import PARAMETERS, labels_of, options_of

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases
from data_cases import numbered, pictures_of

light = settings(max_examples=30, deadline=None)


def values(images):
    return data.to_bytes(images).flatten(1).min(dim=1).values.tolist()


def labeled(n):
    return kinds.Labeled(numbered(n), torch.arange(n) * 10)


@light
@given(st.integers(1, 40), st.integers(1, 9), st.booleans(), st.integers(0, 3), st.integers(1, 3))
def test_labels_stay_with_their_images_over_ranks(n, batch_size, flip, seed, world):
    ranks = [
        DeviceBatches(labeled(n), batch_size, device="cpu", seed=seed, flip=flip, rank=rank, world=world)
        for rank in range(world)
    ]
    joint = DeviceBatches(labeled(n), batch_size * world, device="cpu", seed=seed, flip=flip)
    for _ in range(3):
        batch = kinds.join([each.next() for each in ranks])
        assert type(batch) is kinds.Labeled and batch.labels.dtype == torch.int64
        assert [10 * number for number in values(batch.images)] == batch.labels.tolist()
        assert all(map(torch.equal, batch, joint.next()))


def test_the_pictures_of_a_pair_are_cut_and_mirrored_alike():
    random = torch.Generator().manual_seed(0)
    inputs = torch.randint(256, (7, 1, 9, 9), generator=random, dtype=torch.uint8)
    options = {"device": "cpu", "seed": 3, "size": 5, "load_size": 9, "flip": True}
    batches = DeviceBatches(kinds.Pairs(inputs, 255 - inputs), 4, **options)
    alone = DeviceBatches(kinds.Images(inputs), 4, **options)
    for _ in range(5):
        batch = batches.next()
        assert torch.equal(batch.inputs, alone.next().images)
        assert torch.equal(data.to_bytes(batch.targets), 255 - data.to_bytes(batch.inputs))


def test_smaller_inputs_stay_as_much_smaller():
    pair = kinds.Pairs(*(torch.zeros(3, 1, n, n, dtype=torch.uint8) for n in (8, 16)))
    assert [list(each.shape) for each in brought(pair, 8)] == [[3, 1, 4, 4], [3, 1, 8, 8]]
    assert sources.Source({}, pair).for_recipe(8) == {"image_shape": (1, 8, 8), "input_shape": (1, 4, 4)}


def test_voxels_keep_their_side_and_are_mirrored_as_a_whole():
    voxels = torch.randint(256, (5, 1, 3, 3, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    batch = DeviceBatches(kinds.Voxels(voxels), 40, device="cpu", seed=0, size=3, flip=True).next().voxels
    straight = {tuple(each.flatten().tolist()) for each in voxels}
    mirrored = {tuple(each.flip(-1).flatten().tolist()) for each in voxels}
    seen = {tuple(each.flatten().tolist()) for each in data.to_bytes(batch)}
    assert seen == straight | mirrored
    assert sources.Source({}, kinds.Voxels(voxels)).for_recipe(3) == {"image_shape": (1, 3, 3, 3)}


@pytest.mark.parametrize("flip", [False, True])
def test_labels_come_with_streamed_pictures(tmp_path, flip):
    images = torch.randint(256, (9, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    labels = torch.arange(9)
    streamed = FolderBatches(kinds.Labeled(pictures_of(images, tmp_path), labels), 4, device="cpu", seed=1, flip=flip)
    resident = DeviceBatches(kinds.Labeled(images, labels), 4, device="cpu", seed=1, flip=flip)
    for _ in range(6):
        assert all(map(torch.equal, streamed.next(), resident.next()))
    streamed.close()


@given(st.integers(1, 5), st.integers(1, 6))
def test_split_undoes_join(parts, n):
    batches = [kinds.Labeled(torch.rand(n, 1, 2, 2), torch.randint(9, (n,))) for _ in range(parts)]
    for one, other in zip(kinds.split(kinds.join(batches), parts), batches, strict=True):
        assert type(one) is kinds.Labeled and all(map(torch.equal, one, other))


@dataclass(frozen=True)
class TinyLabeledConfig(cases.TinyConfig):
    size: int = 8


class TinyLabeled(cases.Tiny):
    """Tiny, of which each latent vector carries a class; every step tells the classes it was shown."""

    name = "tiny-labeled"
    Batch = kinds.Labeled
    Config = TinyLabeledConfig
    default_data = "digits"

    def __init__(self, config, *, image_shape, classes, device="cpu", seed=0):
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)
        self.classes, self.device = tuple(classes), torch.device(device)

    def step(self, batch, random):
        noise = torch.randn(len(batch.labels), 3, generator=random) + batch.labels[:, None] / len(self.classes)
        return {**self.play(batch.images, noise), "label": batch.labels.double().mean()}

    def sample(self, n, random, *, generator=None, labels=None):
        return super().sample(n, random, generator=generator)


SHORT = TrainConfig(steps=20, log_every=5, checkpoint_every=5, sample_every=10)


def test_a_run_on_labeled_images_resumes_to_the_bit_and_is_loaded(tmp_path):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    train(TinyLabeled, "digits", out=whole, config=SHORT, show=False)
    plan = run_folder.read_config(whole)
    assert plan["recipe"]["kind"] == "labeled" and plan["recipe"]["details"] == {"classes": list("0123456789")}
    for minutes in (0, 0.0, None):
        train(TinyLabeled, "digits", out=halved, config=SHORT, show=False, go_on=True, max_minutes=minutes)
    ours, theirs = checkpoint.read(whole), checkpoint.read(halved)
    assert all(cases.same(ours[part], theirs[part]) for part in ("step", "recipe", "average", "processes"))
    recipe = load(whole, recipe=TinyLabeled)
    assert recipe.classes == tuple("0123456789") and recipe.image_shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("given_data", "message"),
    [
        ("shape-domains", "shape-domains holds two sets of images"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), r"learns from labeled data \(images, labels\), but Tensor given"),
        (kinds.Images(torch.zeros(4, 1, 8, 8, dtype=torch.uint8)), "but Images given; see ganedu.data.kinds.Labeled"),
        (kinds.Labeled(numbered(3), torch.arange(4)), "each sample has one of each, but there are 3 images, 4 labels"),
        (kinds.Labeled(numbered(3), torch.rand(3)), r"labels must be uint8 \[N, C, H, W\] or int64"),
    ],
)
def test_data_of_another_kind_are_named(tmp_path, given_data, message):
    with pytest.raises(ValueError, match=message):
        train(TinyLabeled, given_data, out=tmp_path / "run", config=SHORT, show=False)
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_set_without_classes_is_named(tmp_path):
    pictures_of(torch.zeros(3, 3, 4, 4, dtype=torch.uint8), tmp_path / "photos")
    with pytest.raises(ValueError, match=r"has no classes; put the pictures of each into a folder of its own"):
        stored.load(kinds.Labeled, f"image-folder:{tmp_path / 'photos'}")


def test_a_set_has_the_splits_that_are_there(tmp_path):
    for name in ("digits", "shape-domains", "emoji", "edges:digits", "solids"):
        assert stored.splits(name) == ("train", "test")
    picture = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    for part in ("alone/train", "two/trainA", "two/trainB"):
        pictures_of(picture, tmp_path / part)
    assert stored.splits(f"image-folder:{tmp_path / 'alone'}") == ("train",)
    assert stored.splits(f"unpaired:{tmp_path / 'two'}") == ("train",)
    pictures_of(picture, tmp_path / "two" / "testB")
    assert stored.splits(f"unpaired:{tmp_path / 'two'}") == ("train", "test")


def test_an_edited_plan_is_named(tmp_path):
    run = tmp_path / "run"
    train(TinyLabeled, "digits", out=run, config=SHORT, show=False)
    plan = run_folder.read_config(run)
    run_folder.write_json(run / run_folder.CONFIG, {**plan, "recipe": {**plan["recipe"], "details": {"classes": 7}}})
    with pytest.raises(Exception, match=r"recipe.details.classes must be a list of 1 or more"):
        load(run, recipe=TinyLabeled)


def test_what_is_asked_of_samples_reaches_those_that_know_it():
    config = TinyLabeledConfig(size=8)
    recipe = TinyLabeled(config, image_shape=(1, 8, 8), classes=("shoe", "bag", "0"))
    asked = options_of(recipe, 5, classes="bag, 0", truncation=None)
    assert asked["labels"].tolist() == [1, 2, 1, 2, 1] and asked.keys() == {"labels"}  # a name comes before a number
    for wanted, message in (
        ({"classes": "hat"}, r"'hat' is no class; choose among 0 \(shoe\); 1 \(bag\); 2 \(0\)"),
        ({"classes": "3"}, "'3' is no class"),
        ({"truncation": 0.5}, "tiny-labeled has no --truncation"),
    ):
        with pytest.raises(ValueError, match=message):
            options_of(recipe, 5, **wanted)
    assert labels_of("0,1", ("a", "b")).tolist() == [0, 1]


def test_the_page_of_data_sets_lists_every_recipe_with_its_kind():
    page = (Path(__file__).parents[1] / "book" / "appendix" / "data.md").read_text(encoding="utf-8")
    for kind in kinds.KINDS:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{kind.__name__}` |"))
        learning = {name for name in recipes.NAMES if recipes.get(name).Batch is kind}
        listed = row.split("|")[3].strip().removeprefix("`").removesuffix("`").split("`, `")
        assert set(listed) == learning, kind.__name__


@pytest.mark.parametrize("option", PARAMETERS)
def test_the_page_on_training_lists_who_can_be_asked_for_what(option):
    page = (Path(__file__).parents[1] / "book" / "appendix" / "training.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `--{option} "))
    drawing = [name for name in recipes.NAMES if hasattr(recipes.get(name), "sample")]
    known = {n for n in drawing if PARAMETERS[option] in inspect.signature(recipes.get(n).sample).parameters}
    assert set(row.split("|")[2].strip().removeprefix("`").removesuffix("`").split("`, `")) == known

"""Folders of pictures: order, splits, classes, and a clear error for every bad file."""

import random
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from data_cases import picture, pixels_of
from PIL import Image
from typer.testing import CliRunner

from ganedu import data
from ganedu.cli.data import data_app
from ganedu.data import folder

ENDS = ["png", "jpg", "bmp", "webp"]


def save(image, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path):
    for i in range(20):
        save(picture(i), tmp_path / "photos" / f"{i:03}.png")
    return tmp_path / "photos"


def load(path, split="train", **options):
    return data.load(f"image-folder:{path}", split, **options)


# What is loaded


def test_pictures_come_in_the_order_of_their_names_and_every_tenth_is_for_testing(photos):
    train, test = load(photos), load(photos, "test")
    assert train.images.shape == (18, 3, 5, 6) and test.images.shape == (2, 3, 5, 6)
    assert torch.equal(test.images, torch.stack([pixels_of(picture(i)) for i in (9, 19)]))
    assert torch.equal(train.images[[0, 9, 17]], torch.stack([pixels_of(picture(i)) for i in (0, 10, 18)]))
    assert train.labels is None and train.classes == ()


def test_subfolders_train_and_test_are_the_splits_and_those_below_the_classes(tmp_path):
    for i, name in enumerate(["train/cat/b.png", "train/ant/deep/a.png", "train/cat/a.png", "test/cat/a.png"]):
        save(picture(i), tmp_path / name)
    train, test = load(tmp_path), load(tmp_path, "test")
    assert train.classes == ("ant", "cat") and train.labels.tolist() == [0, 1, 1]
    assert torch.equal(train.images[1], pixels_of(picture(2)))
    assert test.classes == ("cat",) and test.labels.tolist() == [0]


def test_classes_do_not_depend_on_the_split(tmp_path):
    for i in range(10):
        save(picture(i), tmp_path / ("ant" if i < 9 else "bee") / f"{i}.png")
    assert load(tmp_path).classes == load(tmp_path, "test").classes == ("ant", "bee")
    assert load(tmp_path, "test").labels.tolist() == [1]


def test_hidden_files_and_other_types_are_not_looked_at(photos):
    (photos / "notes.txt").write_text("no picture")
    (photos / ".thumbnail.png").write_bytes(b"")
    (photos / "__MACOSX").mkdir()
    (photos / "__MACOSX" / "000.png").write_bytes(b"")
    assert len(load(photos)) == 18 and load(photos).labels is None


@pytest.mark.parametrize("end", ["png", "bmp", "webp", "PNG"])
def test_lossless_formats_give_the_pixels_that_were_saved(tmp_path, end):
    path = save(picture(1), tmp_path / f"a.{end}", **({"lossless": True} if end == "webp" else {}))
    assert torch.equal(folder.decode(path), pixels_of(picture(1)))


def test_gray_palette_and_print_colors_are_understood(tmp_path):
    gray = folder.decode(save(picture(1, "L"), tmp_path / "gray.png"))
    assert torch.equal(gray, torch.from_numpy(np.array(picture(1, "L")))[None])
    palette = picture(2).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    assert torch.equal(folder.decode(save(palette, tmp_path / "palette.png")), pixels_of(palette))
    assert folder.decode(save(picture(3).convert("CMYK"), tmp_path / "cmyk.jpg")).shape == (3, 5, 6)
    black_and_white = picture(4, "L").convert("1")
    assert folder.decode(save(black_and_white, tmp_path / "bw.png")).unique().tolist() == [0, 255]


def test_a_camera_held_sideways_gives_an_upright_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    path = save(picture(1), tmp_path / "sideways.png", exif=exif)
    assert torch.equal(folder.decode(path), torch.rot90(pixels_of(picture(1)), -1, (1, 2)))


def test_mixed_sizes_are_cut_and_resampled_if_a_size_is_given(tmp_path):
    flat = Image.new("RGB", (9, 4), (10, 20, 30))
    save(flat, tmp_path / "a.png")
    save(Image.new("RGB", (20, 30), (40, 50, 60)), tmp_path / "b.png")
    images = load(tmp_path, size=8).images
    assert images.shape == (2, 3, 8, 8)
    assert images.flatten(2).unique(dim=2)[..., 0].tolist() == [[10, 20, 30], [40, 50, 60]]
    with pytest.raises(ValueError, match=r"b.png is 20 x 30, .*a.png is 9 x 4; give a size"):
        load(tmp_path)


def test_the_digest_of_a_listing_is_that_of_names_and_lengths(photos, tmp_path):
    found = folder.listing(photos, "train")
    before = found.digest()
    shutil.copytree(photos, tmp_path / "moved")
    assert folder.listing(tmp_path / "moved", "train").digest() == before
    (tmp_path / "moved" / "000.png").write_bytes(b"longer or shorter")
    assert folder.listing(tmp_path / "moved", "train").digest() != before
    (photos / "001.png").rename(photos / "0011.png")
    assert folder.listing(photos, "train").digest() != before
    with pytest.raises(ValueError, match=r"cannot read the picture .*1\.png: No such file"):
        found.digest()


# What is refused


def test_an_empty_folder_and_a_missing_one_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty has no pictures for train; looked for \.png, \.jpg"):
        load(tmp_path / "empty")
    with pytest.raises(ValueError, match="nowhere is neither a folder nor an archive"):
        load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="needs a path after the colon"):
        load("")


def test_too_few_pictures_for_a_test_split_are_explained(tmp_path):
    save(picture(0), tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"has no pictures for test \(every 10th picture is for testing\)"):
        load(tmp_path, split="test")


def test_a_missing_split_is_named(tmp_path):
    save(picture(0), tmp_path / "train" / "a.png")
    assert folder.splits(tmp_path) == ("train",)
    with pytest.raises(ValueError, match="has a subfolder train but none named test"):
        load(tmp_path, "test")


@pytest.mark.parametrize(
    ("kind", "end"),
    # A bitmap without compression is a picture whatever its pixels are.
    [pair for pair in product(["truncated", "empty", "text", "noise"], ENDS) if pair != ("noise", "bmp")],
)
def test_a_picture_that_cannot_be_read_is_named(photos, kind, end):
    path = save(picture(99, size=(60, 60)), photos / f"bad.{end}")
    content = path.read_bytes()
    path.write_bytes(
        {
            "truncated": content[: len(content) // 2],
            "empty": b"",
            "text": b"<html>404</html>",
            "noise": content[:16] + random.Random(0).randbytes(len(content) - 16),
        }[kind]
    )
    with pytest.raises(ValueError, match=rf"cannot read the picture .*bad\.{end}: .*replace or remove it"):
        load(photos, size=5)


def test_gray_among_color_is_named_with_both_files(photos):
    save(picture(1, "L"), photos / "005.png")
    with pytest.raises(ValueError, match=r"005\.png is gray, .*000\.png is color; convert"):
        load(photos)


@pytest.mark.parametrize("kind", ["alpha", "palette with transparency", "16 bits"])
def test_transparency_and_deep_colors_are_refused(tmp_path, kind):
    match kind:
        case "alpha":
            path = save(picture(1, "RGBA"), tmp_path / "a.png")
        case "palette with transparency":
            path = save(picture(1).convert("P"), tmp_path / "a.png", transparency=0)
        case "16 bits":
            path = save(Image.fromarray(np.full((3, 3), 40000, np.uint16)), tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png is of mode .*save it as plain gray or RGB"):
        folder.decode(path)


# The command line


def test_verify_reads_every_picture_and_names_the_bad_one(photos):
    good = CliRunner().invoke(data_app, ["verify", f"image-folder:{photos}"])
    assert good.exit_code == 0 and "test: 2 images, 3 x 5 x 6, 0 classes: ok" in good.output
    (photos / "012.png").write_bytes(b"")
    bad = CliRunner().invoke(data_app, ["verify", f"image-folder:{photos}"])
    assert bad.exit_code == 1 and bad.output.count("\n") == 1 and str(Path("photos") / "012.png") in bad.output

"""`ganedu.data.load_unpaired`: folders and archives of two domains, and named sets."""

import hashlib
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from data_cases import picture, pixels_of
from PIL import Image
from typer.testing import CliRunner

from ganedu import data
from ganedu.cli.data import data_app
from ganedu.data import archives, registry, unpaired

ROOT = os.environ.get("GANEDU_DATA")
REAL = pytest.mark.skipif(not ROOT, reason="needs the real data sets: point GANEDU_DATA at their folder")
COUNTS = {"trainA": 5, "trainB": 3, "testA": 2, "testB": 1}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(archives, "cache_folder", lambda: tmp)
    tmp = tmp_path_factory.mktemp("cache")
    return tmp


def number(domain, i):
    return 10 * list(COUNTS).index(domain) + i


@pytest.fixture
def photos(tmp_path):
    """A folder of the four folders; every picture is another one."""
    for domain, count in COUNTS.items():
        (tmp_path / "photos" / domain).mkdir(parents=True)
        for i in range(count):
            picture(number(domain, i)).save(tmp_path / "photos" / domain / f"{i}.png")
    return tmp_path / "photos"


def load(path, split="train", **options):
    return data.load_unpaired(f"unpaired:{path}", split, **options)


def pack(path, wrapped=False):
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as packed:
        for file in sorted(path.rglob("*.png")):
            packed.write(file, file.relative_to(path.parent if wrapped else path))
    return archive


# What is loaded


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("kind", ["folder", "zip", "zip with a folder around it", "folder in a folder"])
def test_both_domains_come_in_the_order_of_their_names(photos, split, kind):
    if kind.startswith("zip"):
        path = pack(photos, wrapped=len(kind) > 3)
    else:
        path = photos if kind == "folder" else photos.parent
    found = load(path, split)
    for domain, images in (("A", found.a), ("B", found.b)):
        name = split + domain
        expected = [pixels_of(picture(number(name, i))) for i in range(COUNTS[name])]
        assert torch.equal(images, torch.stack(expected))


def test_pictures_of_mixed_sizes_are_cut_and_resampled_if_a_size_is_given(photos):
    odd = Image.new("RGB", (20, 9), (10, 20, 30))
    odd.save(photos / "trainB" / "0.png")
    found = load(photos, size=4)
    assert found.a.shape == (5, 3, 4, 4) and found.b.shape == (3, 3, 4, 4)
    assert (found.b[0] == torch.tensor([10, 20, 30], dtype=torch.uint8)[:, None, None]).all()
    with pytest.raises(ValueError, match=r"trainB/0\.png is 20 x 9, .*trainA/0\.png is 6 x 5; give a size"):
        load(photos)


def test_gray_among_color_becomes_three_equal_channels(photos):
    picture(50, "L").save(photos / "trainA" / "2.png")
    found = load(photos)
    gray = torch.from_numpy(np.array(picture(50, "L")))
    assert torch.equal(found.a[2], gray.expand(3, -1, -1))
    assert torch.equal(found.a[1], pixels_of(picture(number("trainA", 1))))


@pytest.mark.parametrize("color", ["A", "B", ""])
def test_channels_are_one_only_if_both_domains_are_gray(photos, color):
    for domain, count in COUNTS.items():
        for i in range(count):
            if not color or domain != f"train{color}":
                picture(i, "L").save(photos / domain / f"{i}.png")
    found = load(photos)
    assert found.a.shape[1] == found.b.shape[1] == (3 if color else 1)


def test_other_files_are_not_looked_at(photos):
    (photos / "LICENSE.txt").write_text("free")
    (photos / "trainA" / "notes.txt").write_text("none")
    (photos / "trainA" / ".hidden.png").write_bytes(b"")
    assert len(load(photos).a) == 5


# What is refused


@pytest.mark.parametrize("domain", COUNTS)
@pytest.mark.parametrize("damage", ["missing", "empty"])
def test_a_domain_that_is_missing_or_empty_is_named(photos, domain, damage):
    shutil.rmtree(photos / domain)
    if damage == "empty":
        (photos / domain).mkdir()
        (photos / domain / "readme.txt").write_text("no picture")
    message = {"missing": rf"photos has no subfolder {domain}", "empty": rf"{domain} has no pictures; looked for \.png"}
    split = domain[:-1]
    with pytest.raises(ValueError, match=message[damage]):
        load(photos, split)
    other = {"train": "test", "test": "train"}[split]
    assert len(load(photos, other).a) == COUNTS[f"{other}A"]  # the other split is not needed


def test_a_single_domain_is_not_taken_for_a_wrapping_folder(tmp_path):
    (tmp_path / "half" / "trainA").mkdir(parents=True)
    picture(0).save(tmp_path / "half" / "trainA" / "0.png")
    with pytest.raises(ValueError, match=r"half has no subfolder trainB"):
        load(tmp_path / "half")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", None])
@pytest.mark.parametrize("size", [None, 4])
def test_a_file_that_is_no_image_is_named(photos, content, size):
    bad = photos / "trainB" / "1.png"
    bad.write_bytes(bad.read_bytes()[:60] if content is None else content)
    with pytest.raises(ValueError, match=r"cannot read the picture .*trainB/1\.png: .*replace or remove it"):
        load(photos, size=size)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: data.load_unpaired("horses"),
            "unknown unpaired data set 'horses'; choose one of shape-domains, apple2",
        ),
        (lambda: data.load_unpaired("digits"), "unknown unpaired data set 'digits'"),
        (lambda: data.load_unpaired("shape-domains", "valid"), "unknown split 'valid'; choose one of train, test"),
        (lambda: data.load_unpaired("unpaired:"), "unpaired: needs a path after the colon, as in unpaired:photos"),
        (lambda: data.load_unpaired("unpaired:nowhere"), "nowhere is neither a folder nor an archive"),
        (lambda: data.load("shape-domains"), "shape-domains holds two sets of images; load it with load_unpaired"),
        (lambda: data.load("unpaired:photos"), "unpaired:photos holds two sets"),
    ],
)
def test_bad_names_are_told_what_there_is(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_archive_that_reaches_outside_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as packed:
        packed.writestr("../evil.png", b"")
    with pytest.raises(ValueError, match=r"contains '\.\./evil\.png', which would leave the folder"):
        load(tmp_path / "evil.zip")


# Sets with a name


@pytest.fixture
def named(photos, monkeypatch):
    """The folder of a tiny horse2zebra.zip; the registry expects just this one."""
    archive = pack(photos, wrapped=True).rename(photos.parent / "horse2zebra.zip")
    content = archive.read_bytes()
    entry = replace(
        registry.UNPAIRED_SETS["horse2zebra"],
        length=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        mirrors=("http://127.0.0.1:9/horse2zebra.zip",),
    )
    monkeypatch.setitem(registry.UNPAIRED_SETS, "horse2zebra", entry)
    monkeypatch.setattr("ganedu.data.download.RETRIES", 0)
    return archive


def test_a_named_set_is_read_from_its_archive(named, photos):
    found = data.load_unpaired("horse2zebra", root=named.parent)
    assert torch.equal(found.a, load(photos).a) and torch.equal(found.b, load(photos).b)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], r"has the wrong size: \d+ instead of \d+ bytes"),
        (lambda content: content[:-1] + b"\1", "is not the original: SHA-256"),
    ],
)
def test_an_archive_that_is_not_the_original_is_refused(named, damage, message):
    named.write_bytes(damage(named.read_bytes()))
    with pytest.raises(ValueError, match=rf"horse2zebra\.zip {message}.*data prepare horse2zebra.*unpaired:PATH"):
        data.load_unpaired("horse2zebra", root=named.parent)
    assert named.exists()  # nothing is deleted behind the user's back


def test_a_set_that_is_missing_says_what_to_put_where(named):
    named.unlink()
    for name in ("horse2zebra", "apple2tomato"):
        with pytest.raises(ValueError, match=rf"(?s)cannot (be )?download(ed)?.*{name}\.zip  \(sha256:"):
            data.load_unpaired(name, root=named.parent)


def test_the_registry_is_complete():
    assert set(data.UNPAIRED_NAMES) == {"shape-domains", *registry.UNPAIRED_SETS}
    for name, entry in registry.UNPAIRED_SETS.items():
        assert entry.name == name and entry.path == f"{name}.zip"
        assert len(bytes.fromhex(entry.sha256)) == 32 and entry.length > 10**7
        assert all(url.endswith(f"/{name}.zip") for url in entry.mirrors)


# The command line


def run(*arguments):
    return CliRunner().invoke(data_app, [str(each) for each in arguments])


def test_verify_counts_both_domains_of_every_split(named, photos):
    for arguments in (["horse2zebra", "--data-root", named.parent], [f"unpaired:{photos}"]):
        done = run("verify", *arguments)
        assert done.exit_code == 0
        assert done.output.splitlines() == [
            f"{arguments[0]} train: 5 images of A, 3 of B, 3 x 5 x 6: ok",
            f"{arguments[0]} test: 2 images of A, 1 of B, 3 x 5 x 6: ok",
        ]
    for domain in ("testA", "testB"):
        shutil.rmtree(photos / domain)
    assert run("verify", f"unpaired:{photos}").output.count("\n") == 1  # a folder to train on needs no test split


def test_verify_names_the_bad_file_and_fetches_nothing(named, photos):
    (photos / "testB" / "0.png").write_bytes(b"")
    done = run("verify", f"unpaired:{photos}")
    assert done.exit_code == 1 and str(Path("testB") / "0.png") in done.output.splitlines()[-1]
    named.unlink()
    done = run("verify", "horse2zebra", "--data-root", named.parent)
    assert done.exit_code == 1 and "`ganedu data prepare horse2zebra` fetches it" in done.output
    done = run("verify", "apple2tomato", "--data-root", named.parent)
    assert done.exit_code == 1 and "cannot be downloaded, put apple2tomato.zip there" in done.output


def test_list_names_the_unpaired_sets_and_which_are_here(named):
    done = run("list", "--data-root", named.parent)
    assert done.exit_code == 0 and all(name in done.output for name in data.UNPAIRED_NAMES)
    assert "prepare horse2zebra" not in done.output and "prepare monet2photo` fetches it, 305 MB" in done.output
    assert "unpaired:PATH" in done.output and "prepare apple2tomato" not in done.output


# The real photographs


@REAL
def test_the_real_apples_and_tomatoes():
    for split, count in (("train", 1200), ("test", 300)):
        a, b = unpaired.listings("apple2tomato", split)
        assert len(a) == len(b) == count
        assert all("apple" in path.name.lower() for path in a) and all("tomato" in path.name.lower() for path in b)
    found = data.load_unpaired("apple2tomato", "test", size=16)
    assert found.a.shape == found.b.shape == (300, 3, 16, 16)
    red, green, _ = found.b[:, :, 4:12, 4:12].double().mean(dim=(0, 2, 3)).tolist()
    assert red > 1.5 * green  # tomatoes

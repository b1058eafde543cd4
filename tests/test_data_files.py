"""Files of the named sets: where they are found, and one clear error for each kind of damage."""

import gzip
import hashlib
import io
import lzma
import os
import sys
import tarfile
from pathlib import Path

import pytest
import torch
from data_cases import as_idx, damage, images_file, place_small_sets, small_sets

from ganedu import data
from ganedu.data import files, registry

ROOT = os.environ.get("GANEDU_DATA")
REAL = pytest.mark.skipif(not ROOT, reason="needs the real data sets: point GANEDU_DATA at their folder")


@pytest.fixture
def root(tmp_path, monkeypatch):
    return place_small_sets(tmp_path, monkeypatch)


# Where files are looked for


def test_both_sets_load_from_their_folders(root):
    train, test = data.load("mnist", "train", root), data.load("mnist", "test", root)
    assert train.images.shape == (6, 1, 4, 5) and train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert test.images.shape == (3, 1, 4, 5) and train.classes == tuple("0123456789")
    assert as_idx(train.images[:, 0].numpy()) == small_sets()["mnist"][1]["train-images-idx3-ubyte"]
    cifar10 = data.load("cifar10", "train", root)
    assert cifar10.images.shape == (10, 3, 32, 32) and cifar10.labels.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    assert data.load("cifar10", "test", root, size=16).images.shape == (2, 3, 16, 16)


@pytest.mark.parametrize("pack", [(bytes, ""), (gzip.compress, ".gz"), (lzma.compress, ".xz")], ids=["", "gz", "xz"])
def test_files_may_be_packed_or_not(root, pack):
    expected = data.load("mnist", "train", root).images
    for file in (root / "MNIST" / "raw").iterdir():
        file.unlink()
    for name, content in small_sets()["mnist"][1].items():
        (root / "MNIST" / "raw" / f"{name}{pack[1]}").write_bytes(pack[0](content))
    assert torch.equal(data.load("mnist", "train", root).images, expected)


def as_archive(root, names=None, cut=None):
    """Packs the batches as the authors do, and removes the unpacked ones."""
    expected = data.load("cifar10", "train", root).images
    for file in (root / "cifar-10-batches-py").iterdir():
        file.unlink()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in small_sets()["cifar10"][1].items():
            if names is None or name in names:
                entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    (root / "cifar-10-python.tar.gz").write_bytes(stream.getvalue()[:cut])
    return expected


def test_cifar_is_read_from_the_original_archive(root):
    expected = as_archive(root)
    assert torch.equal(data.load("cifar10", "train", root).images, expected)
    assert sorted(path.name for path in root.iterdir()) == ["MNIST", "cifar-10-batches-py", "cifar-10-python.tar.gz"]


def test_an_incomplete_archive_names_what_is_missing(root):
    as_archive(root, names={"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4"})
    with pytest.raises(
        ValueError, match=r"cifar-10-python.tar.gz does not contain data_batch_5; .*data prepare cifar10"
    ):
        data.load("cifar10", "train", root)


@pytest.mark.parametrize("cut", [9000, 20, 0])
def test_a_truncated_archive_is_named(root, cut):
    as_archive(root, cut=cut)
    with pytest.raises(ValueError, match=r"cifar-10-python.tar.gz is (truncated|damaged)"):
        data.load("cifar10", "train", root)


def test_the_variable_names_the_folder_and_the_argument_wins(root, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("GANEDU_DATA", str(root))
    assert len(data.load("mnist")) == 6
    monkeypatch.setenv("GANEDU_DATA", str(tmp_path_factory.mktemp("empty")))
    assert len(data.load("mnist", root=root)) == 6


def test_without_argument_and_variable_the_cache_is_used_with_or_without_pooch(tmp_path, monkeypatch):
    for name in ("GANEDU_DATA", "GANEDU_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with_pooch = files.data_root()
    assert with_pooch.name == "ganedu"
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert files.data_root() == with_pooch if sys.platform == "linux" else files.data_root().name == "ganedu"


# One clear error for each kind of damage


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", "train-images-idx3-ubyte.gz is truncated"),
        ("corrupt", "train-images-idx3-ubyte.gz is damaged"),
        ("no gz at all", "train-images-idx3-ubyte.gz is damaged .*[Nn]ot a gzip"),
        ("too short", "train-images-idx3-ubyte.gz has the wrong size: 135 instead of 136 bytes"),
        ("a bomb", "train-images-idx3-ubyte.gz has the wrong size: more instead of 136 bytes"),
        ("other pixels", "train-images-idx3-ubyte.gz is not the original: SHA-256"),
    ],
)
def test_damage_is_named_with_its_remedy(root, kind, message):
    before = data.load("mnist", "train", root)
    damage(images_file(root), kind)
    with pytest.raises(ValueError, match=message + ".*delete it and run `ganedu data prepare mnist`"):
        data.load("mnist", "train", root)
    assert len(before) == 6 and images_file(root).exists()  # nothing is deleted behind the user's back


@pytest.mark.parametrize("variable", [True, False])
def test_a_missing_root_is_named(tmp_path, monkeypatch, variable):
    monkeypatch.setenv("GANEDU_DATA", str(tmp_path / "nowhere"))
    source = "named by GANEDU_DATA" if variable else "given as root"
    with pytest.raises(ValueError, match=rf"nowhere, {source}, does not exist; create it"):
        data.load("mnist", root=None if variable else tmp_path / "nowhere")


# The real files


@REAL
@pytest.mark.parametrize(
    ("name", "first"), [("mnist", [7, 2, 1, 0, 4, 1, 4, 9]), ("fashion-mnist", [9, 2, 1, 1, 6, 1, 4, 6])]
)
def test_the_real_idx_sets(name, first):
    test = data.load(name, "test")
    assert test.images.shape == (10_000, 1, 28, 28) and test.labels[:8].tolist() == first
    train = data.load(name)
    assert train.images.shape == (60_000, 1, 28, 28)
    mean = {"mnist": 0.1307, "fashion-mnist": 0.2860}[name]  # as every normalization layer has them
    assert abs(train.images.double().mean().item() / 255 - mean) < 1e-4
    if name == "fashion-mnist":
        assert torch.bincount(train.labels).tolist() == [6000] * 10


@REAL
def test_the_real_cifar_test_batch():
    test = data.load("cifar10", "test")
    assert test.images.shape == (10_000, 3, 32, 32)
    assert torch.bincount(test.labels).tolist() == [1000] * 10
    assert [test.classes[label] for label in test.labels[:4]] == ["cat", "ship", "ship", "airplane"]


@REAL
def test_the_registry_of_downloads_is_that_of_the_files_here():
    for entry in (registry.MNIST, registry.FASHION_MNIST, *registry.UNPAIRED_SETS.values()):
        paths = [Path(ROOT) / each.path for each in entry.downloads]
        if all(path.is_file() for path in paths):
            assert entry.megabytes == round(sum(path.stat().st_size for path in paths) / 1e6)
            for each, path in zip(entry.downloads, paths, strict=True):
                assert each.known_hash == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@REAL
@pytest.mark.parametrize("name", registry.FILE_SETS)
def test_the_lengths_and_hashes_of_a_set_are_those_of_its_files(name):
    entry = registry.FILE_SETS[name]
    for split, wanted in entry.splits.items():
        if (name, split) == ("cifar10", "train"):
            continue  # it takes long to unpack
        contents = files.read(entry, split, files.find(entry, split, Path(ROOT)))
        assert [len(content) for content in contents] == [file.length for file in wanted]
        assert [hashlib.sha256(content).hexdigest() for content in contents] == [file.sha256 for file in wanted]


@REAL
@pytest.mark.parametrize("name", registry.UNPAIRED_SETS)
def test_the_length_of_an_archive_is_that_of_the_file(name):
    entry = registry.UNPAIRED_SETS[name]
    path = Path(ROOT) / entry.path
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    assert entry.length == path.stat().st_size


@pytest.mark.parametrize("name", [*registry.FILE_SETS, *registry.UNPAIRED_SETS])
def test_every_set_says_what_it_is_and_who_serves_it(name):
    entry = {**registry.FILE_SETS, **registry.UNPAIRED_SETS}[name]
    for each in entry.downloads:
        kind, _, digest = each.known_hash.partition(":")
        assert len(digest) == {"sha256": 64, "md5": 32}[kind] and int(digest, 16)
        assert all(url.startswith("http") and url.endswith(f"/{Path(each.path).name}") for url in each.mirrors)
        assert each.mirrors or name == "apple2tomato"
    assert "+" in entry.about and " x " in entry.about and entry.license and not entry.license[0].isdigit()
    assert 5 < entry.megabytes < 500
    lengths = [file.length for files in getattr(entry, "splits", {}).values() for file in files] or [entry.length]
    assert entry.megabytes <= sum(lengths) / 1e6 + 1  # packed or not

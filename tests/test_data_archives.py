"""Archives of pictures: loaded like the folders they hold; what could reach outside, or is damaged, leaves no trace."""

import io
import random
import shutil
import stat
import tarfile
import zipfile
from collections import namedtuple
from itertools import product

import pytest
import torch
from data_cases import picture, pixels_of

from ganedu import data
from ganedu.data import archives


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(archives, "cache_folder", lambda: tmp)
    tmp = tmp_path_factory.mktemp("cache")
    return tmp


def load(path):
    return data.load(f"image-folder:{path}")


def png(seed=0):
    stream = io.BytesIO()
    picture(seed).save(stream, "png")
    return stream.getvalue()


def pack(path, entries):
    """A .zip, or a .tar with the compression that the name tells, of {name: content}."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name, content in entries.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(path, {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz"}[path.suffix]) as packed:
            for name, content in entries.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))
    return path


KINDS = ["zip", "tar", "tar.gz", "tgz", "tar.xz"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_loads_like_the_folder_it_holds(tmp_path, cache, kind):
    entries = {f"wrapped/train/{name}/{i}.png": png(i) for i, name in enumerate(["ant", "bee"])}
    archive = pack(tmp_path / f"set.{kind}", entries)
    found = load(archive)
    assert found.classes == ("ant", "bee")
    assert torch.equal(found.images, torch.stack([pixels_of(picture(i)) for i in range(2)]))
    unpacked = list((cache / "unpacked").iterdir())
    assert len(unpacked) == 1
    before = sorted((each, each.stat().st_mtime_ns) for each in unpacked[0].rglob("*"))
    assert len(load(archive)) == 2
    assert sorted((each, each.stat().st_mtime_ns) for each in unpacked[0].rglob("*")) == before


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/tmp/evil.png", "C:\\evil.png", "a\\..\\..\\e.png"]
)
def test_a_name_that_leaves_the_folder_is_refused_before_anything_is_written(tmp_path, cache, kind, name):
    archive = pack(tmp_path / f"set.{kind}", {"good.png": png(), name: png()})
    with pytest.raises(ValueError, match=rf"set\.{kind} contains .*would leave the folder; nothing was unpacked"):
        load(archive)
    assert list(cache.rglob("*")) == []
    assert [each.name for each in tmp_path.iterdir()] == [archive.name]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, cache, kind):
    with tarfile.open(tmp_path / "set.tar", "w") as packed:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = kind, "/etc"
        packed.addfile(entry)
    with pytest.raises(ValueError, match="contains 'link', a link or device; nothing was unpacked"):
        load(tmp_path / "set.tar")
    assert list(cache.rglob("*")) == []


def test_links_in_a_zip_are_refused(tmp_path, cache):
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        packed.writestr(entry, "/etc")
    with pytest.raises(ValueError, match="contains the link 'link'; nothing was unpacked"):
        load(tmp_path / "set.zip")
    assert list(cache.rglob("*")) == []


@pytest.mark.parametrize(
    ("kind", "damage"),
    # A plain tar has no checksum of its contents: there the decoder of the pictures must see it.
    [pair for pair in product(KINDS, ["truncated", "empty", "noise within"]) if pair != ("tar", "noise within")],
)
def test_a_damaged_archive_leaves_nothing_behind(tmp_path, cache, kind, damage):
    archive = pack(tmp_path / f"set.{kind}", {f"{i}.png": random.Random(i).randbytes(5000) for i in range(4)})
    content = archive.read_bytes()
    middle = len(content) // 2
    archive.write_bytes(
        {
            "truncated": content[:middle],
            "empty": b"",
            "noise within": content[:middle] + b"noise" + content[middle + 5 :],
        }[damage]
    )
    with pytest.raises(ValueError, match=rf"cannot unpack .*set\.{kind} into "):
        load(archive)
    assert [each for each in cache.rglob("*") if each.is_file() or each.name.startswith(".unpacking")] == []


def test_a_name_that_occurs_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning), zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        packed.writestr("a.png", png(0))
        packed.writestr("a.png", png(1))
    with pytest.raises(ValueError, match=r"cannot unpack .*exists"):
        load(tmp_path / "set.zip")


def test_a_full_disk_is_named_before_anything_is_written(tmp_path, cache, monkeypatch):
    archive = pack(tmp_path / "set.zip", {"a.png": png()})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("usage", "total used free")(100, 90, 10))
    with pytest.raises(ValueError, match=r"set.zip unpacks to 0 MB, but .* has 0 MB left; make room"):
        load(archive)
    assert [each for each in cache.rglob("*") if each.name != "unpacked"] == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing_behind(tmp_path, cache, monkeypatch):
    archive = pack(tmp_path / "set.zip", {"a.png": png(), "b.png": png(1)})

    def full(stream, target):
        target.write(stream.read(10))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(ValueError, match=r"cannot unpack .*No space left on device"):
        load(archive)
    assert [each for each in cache.rglob("*") if each.name != "unpacked"] == []


def test_the_faster_of_two_processes_wins(tmp_path, monkeypatch):
    archive = pack(tmp_path / "set.zip", {"a.png": png()})
    target = tmp_path / "target"

    def other_process(source, destination):
        shutil.copytree(source, destination)
        raise OSError(39, "Directory not empty")

    monkeypatch.setattr(archives.os, "replace", other_process)
    assert archives.unpack(archive, target) == target
    assert [each.name for each in target.iterdir()] == ["a.png"]
    assert not list(tmp_path.glob(".unpacking*"))

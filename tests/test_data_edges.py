"""Pictures and archives at the edges: deep colors, links, huge ones, bombs, an altered cache, names that steer."""

import io
import os
import tarfile
import threading
import time
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from data_cases import picture, pixels_of
from PIL import Image
from typer.testing import CliRunner

from ganedu import _memory, data
from ganedu.cli.data import data_app
from ganedu.data import archives, batches, factors, folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(archives, "cache_folder", lambda: tmp)
    tmp = tmp_path_factory.mktemp("cache")
    return tmp


def save(path, seed=0, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, **options).save(path)
    return path


def ganedu(*words):
    return CliRunner().invoke(data_app, [str(word) for word in words])


# Pictures


def deep_color_png(path):
    """A PNG of 2 x 2 pixels with 16 bits a channel, in color: Pillow writes none."""

    def chunk(name, content):
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    head = (2).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    rows = zlib.compress(b"".join(b"\0" + bytes(range(12)) for _ in range(2)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def test_color_of_16_bits_a_channel_is_refused_like_gray(tmp_path):
    path = deep_color_png(tmp_path / "deep.png")
    assert Image.open(path).mode == "RGB"  # half of every number would be dropped without a word
    with pytest.raises(ValueError, match=r"deep\.png is of mode RGB with 16 bits a channel.*save it as plain gray"):
        folder.decode(path)


def test_class_folders_that_are_links_are_classes_like_others(tmp_path):
    save(tmp_path / "elsewhere" / "a.png", 1)
    save(tmp_path / "photos" / "bee" / "b.png", 2)
    (tmp_path / "photos" / "ant").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    found = data.load(f"image-folder:{tmp_path / 'photos'}")
    assert found.classes == ("ant", "bee") and found.labels.tolist() == [0, 1]
    assert torch.equal(found.images[0], pixels_of(picture(1)))


def test_a_link_in_a_circle_is_named(tmp_path):
    save(tmp_path / "photos" / "bee" / "b.png")
    (tmp_path / "photos" / "bee" / "again").symlink_to(tmp_path / "photos", target_is_directory=True)
    with pytest.raises(ValueError, match=r"bee.again is a link to a folder that contains it; remove it"):
        folder.listing(tmp_path / "photos", "train")


def test_large_pictures_are_decoded_one_at_a_time_and_small_ones_together(tmp_path, monkeypatch):
    for i in range(6):
        save(tmp_path / f"{i}.png", i, size=(40, 40))
    at_once, most, lock = 0, 0, threading.Lock()
    decode = folder._pixels

    def watched(opened, path):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        pixels = decode(opened, path)
        with lock:
            at_once -= 1
        return pixels

    monkeypatch.setattr(folder, "_pixels", watched)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    images = folder.decode_all(sorted(tmp_path.iterdir()))
    assert most > 1
    most = 0
    monkeypatch.setattr(folder, "LARGE", 1000)
    assert torch.equal(folder.decode_all(sorted(tmp_path.iterdir())), images) and most == 1


def test_a_picture_beyond_the_limit_of_the_library_is_refused_in_our_words_without_a_warning(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", size=(100, 100))
    for limit in (9000, 1000):  # where Pillow warns, and where it refuses
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError, match=r"a\.png has more than 0 million pixels; make it smaller first"):
                folder.decode(path)


def test_a_picture_that_is_opened_in_a_thread_takes_no_warning_from_others(tmp_path, monkeypatch):
    path, opened, go_on = save(tmp_path / "a.png"), threading.Event(), threading.Event()
    of_pillow = Image.open

    def slow(*args, **options):
        opened.set()
        go_on.wait(10)
        return of_pillow(*args, **options)

    monkeypatch.setattr(Image, "open", slow)
    thread = threading.Thread(target=folder.decode, args=[path])
    thread.start()
    opened.wait(10)
    with pytest.warns(UserWarning, match="for somebody"):
        go_on.set()
        thread.join()
        warnings.warn("for somebody", stacklevel=1)


def test_what_would_not_fit_into_memory_is_refused_before_it_is_allocated(tmp_path, monkeypatch):
    monkeypatch.setattr(_memory, "available", lambda: 10**9)
    images = torch.zeros(100, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"100 images of 9000 x 9000 pixels would take 24\.3 GB of memory, 1\.0 GB"):
        data.resize(images, 9000)
    with pytest.raises(ValueError, match="drawing 2048 shapes of 5000 x 5000 pixels would take"):
        data.load_unpaired("shape-domains", size=5000)
    paths = [save(tmp_path / "a.png", size=(50, 50))]
    monkeypatch.setattr(_memory, "available", lambda: 10)
    with pytest.raises(ValueError, match=r"1 pictures of 50 x 50 pixels would take .*or --stream them"):
        folder.decode_all(paths)


def test_memory_is_what_the_system_and_the_container_leave(tmp_path, monkeypatch):
    assert 10**6 < _memory.available() < 10**14
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    monkeypatch.setattr(_memory, "CGROUP", tmp_path)
    assert _memory.available() == 4_000_000


def test_resizing_in_parts_gives_the_same_images(monkeypatch):
    images = torch.randint(256, (7, 3, 20, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    from ganedu.data import images as module

    whole = data.resize(images, 9)
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 2500)
    assert torch.equal(data.resize(images, 9), whole)


@pytest.mark.parametrize("position", [-1, 31, 10**18, "3", None, 2.0])
def test_a_place_that_the_order_does_not_have_is_refused(position):
    order = batches.Order(30, 4, seed=0, flip=False, rank=0, world=1)
    with pytest.raises(ValueError, match="has no place"):
        order.load_state_dict({**order.state_dict(), "position": position})
    order.load_state_dict({**order.state_dict(), "position": 30})  # the end of a permutation is one


# Archives


def zip_of(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries:
            packed.writestr(name, content)
    return path


def tar_header(name, size):
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf()


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_that_unpacks_to_more_than_pictures_do_is_refused_before_it_does(tmp_path, cache, kind):
    path = tmp_path / f"bomb.{kind}"
    if kind == "zip":
        zip_of(path, [(f"{i}.bmp", bytes(20_000_000)) for i in range(6)])
    else:  # the header alone says it, and nothing behind it is read
        content = tar_header("a.png", 6_000_000_000)
        path.write_bytes(content)
        if kind == "tar.gz":
            with tarfile.open(path, "w:gz") as packed:
                packed.fileobj.write(content)
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"bomb\.\S+ of 0\.\d MB unpacks to more than 100 MB.*nothing was unpacked"):
        data.load(f"image-folder:{path}")
    assert time.monotonic() - began < 30 and list(cache.rglob("*")) == []


def test_an_archive_of_empty_entries_is_refused(tmp_path, cache):
    path = zip_of(tmp_path / "empty.zip", [(f"{i}.png", b"") for i in range(1500)])
    with pytest.raises(ValueError, match="has more than 1,000 entries, of 0 bytes on average, which no pictures have"):
        data.load(f"image-folder:{path}")
    assert list(cache.rglob("*")) == []


def test_a_failed_unpacking_leaves_nothing_at_all(tmp_path, cache):
    path = zip_of(tmp_path / "set.zip", [("a.png", os.urandom(5000))])
    path.write_bytes(path.read_bytes().replace(path.read_bytes()[1000:1005], b"noise"))
    with pytest.raises(ValueError, match="cannot unpack"):
        data.load(f"image-folder:{path}")
    assert list(cache.rglob("*")) == []


@pytest.mark.parametrize("damage", ["altered", "lost", "added"])
@pytest.mark.parametrize("kind", ["unpaired", "image-folder"])
def test_verify_sees_what_happened_to_the_unpacked_cache(tmp_path, cache, kind, damage):
    def png(seed):
        stream = io.BytesIO()
        picture(seed).save(stream, "png")
        return stream.getvalue()

    folders = ["trainA", "trainB", "testA", "testB"] if kind == "unpaired" else ["train", "test"]
    path = zip_of(tmp_path / "set.zip", [(f"{each}/{i}.png", png(i)) for each in folders for i in range(2)])
    good = ganedu("verify", f"{kind}:{path}")
    assert good.exit_code == 0 and "ok" in good.output, good.output
    victim = next(cache.rglob("1.png"))
    match damage:
        case "altered":
            victim.write_bytes(png(7))
        case "lost":
            victim.unlink()
        case "added":
            victim.with_name("2.png").write_bytes(png(8))
    bad = ganedu("verify", f"{kind}:{path}")
    words = {"altered": "is not what", "lost": "is missing", "added": "does not come from"}[damage]
    assert bad.exit_code == 1 and words in bad.output and bad.output.count("\n") == 1
    assert "delete the folder" in bad.output


@pytest.mark.parametrize("size", ["0", "-5", "99999999999999999999", "1000000", "1.5", "x"])
@pytest.mark.parametrize("name", ["shape-domains", "digits", "photos"])
def test_sizes_beyond_reason_are_refused(tmp_path, monkeypatch, name, size):
    monkeypatch.setattr(_memory, "available", lambda: 10**9)
    save(tmp_path / "train" / "a.png")
    done = ganedu("verify", f"image-folder:{tmp_path}" if name == "photos" else name, f"--size={size}")
    assert done.exit_code in (1, 2) and isinstance(done.exception, SystemExit)
    assert any(word in done.stderr for word in ("at least 1 pixel", "give a smaller size", "valid integer"))


# What is said


def test_names_of_files_cannot_steer_the_terminal(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "bad\x1b[2J\x07\u202e.png").write_bytes(b"")
    done = ganedu("verify", f"image-folder:{tmp_path}")
    assert done.exit_code == 1 and r"bad\x1b[2J\x07\u202e.png" in done.output
    assert all(c.isprintable() or c == "\n" for c in done.output)


def test_warnings_become_notes_of_one_line(tmp_path, monkeypatch):
    save(tmp_path / "train" / "a.png")
    monkeypatch.setattr(folder, "_is_deep_png", lambda opened: warnings.warn("Corrupt\nEXIF data", stacklevel=2))
    done = ganedu("verify", f"image-folder:{tmp_path}")
    assert done.exit_code == 0 and "note: Corrupt EXIF data\n" in done.stderr and ".py" not in done.stderr


def test_shapes_are_drawn_as_before_where_memory_allows(monkeypatch):
    labels, table = factors.sample(3, torch.Generator().manual_seed(0))
    assert factors.draw(labels, table, side=8).shape == (3, 3, 8, 8)
    monkeypatch.setattr(_memory, "available", lambda: 0)
    with pytest.raises(ValueError, match="give a smaller size"):
        factors.draw(labels, table, side=8)


def test_a_folder_is_listed_in_the_same_order_with_links_and_without(tmp_path):
    names = ["b/1.png", "a/2.png", "a/1.PNG", "c.png", "a b/1.png"]
    for name in names:
        save(tmp_path / name)
    found = [each.relative_to(tmp_path).as_posix() for each in folder.pictures(tmp_path)]
    assert found == ["a/1.PNG", "a/2.png", "a b/1.png", "b/1.png", "c.png"]
    assert np.array(Image.open(tmp_path / Path(names[0]))).shape == (5, 6, 3)

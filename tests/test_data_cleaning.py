"""Making room in the cache: the longest unused first, what can be made again only."""

import os
import time
import zipfile

import pytest
from data_cases import picture
from typer.testing import CliRunner

from ganedu.cli.data import data_app
from ganedu.data import archives, cleaning


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Three unpacked archives of 1000 bytes, a network of 500, a download, used on different days, the last first."""
    monkeypatch.setenv("GANEDU_CACHE", str(tmp_path))
    names = ["unpacked/c/1.png", "unpacked/b/x/1.png", "unpacked/a/1.png", "features-digits-v1.safetensors"]
    for days, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(500 if "features" in name else 1000))
        entry = tmp_path / "unpacked" / name.split("/")[1] if "/" in name else path
        os.utime(entry, (time.time() - days * 86400,) * 2)
    (tmp_path / "horse2zebra.zip").write_bytes(bytes(9000))
    return tmp_path


def there(cache):
    return sorted(path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("size", "stay"),
    [
        ("4kB", ["features-digits-v1.safetensors", "unpacked/a/1.png", "unpacked/b/x/1.png", "unpacked/c/1.png"]),
        ("3 kB", ["unpacked/a/1.png", "unpacked/b/x/1.png", "unpacked/c/1.png"]),
        ("2.5kB", ["unpacked/b/x/1.png", "unpacked/c/1.png"]),
        ("1000", ["unpacked/c/1.png"]),
        ("0", []),
    ],
)
def test_the_longest_unused_goes_first_and_downloads_stay(cache, size, stay):
    done = CliRunner().invoke(data_app, ["clean", "--max-size", size])
    assert done.exit_code == 0 and there(cache) == sorted([*stay, "horse2zebra.zip"])


def test_a_dry_run_says_the_same_and_removes_nothing(cache):
    before = there(cache)
    done = CliRunner().invoke(data_app, ["clean", "--max-size", "1kB", "--dry-run"])
    assert there(cache) == before and done.output.count("unpacked/") == 2 and "would be removed" in done.output


def test_an_archive_that_is_used_again_counts_as_used(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDU_CACHE", str(tmp_path / "cache"))
    for name in "ab":
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as packed:
            picture(1).save(tmp_path / "1.png")
            packed.write(tmp_path / "1.png", f"{name}.png")
    first, _ = (archives.unpack_once(tmp_path / f"{name}.zip", name * 16) for name in "ab")
    for each in (tmp_path / "cache" / "unpacked").iterdir():
        os.utime(each, (0, 0))
    archives.unpack_once(tmp_path / "a.zip", "a" * 16)
    assert cleaning.entries()[-1].path == first


def test_what_a_killed_unpacking_left_goes_after_a_day(cache):
    for name, days in (("old", 2), ("new", 0)):
        (cache / "unpacked" / f".unpacking-{name}").mkdir()
        os.utime(cache / "unpacked" / f".unpacking-{name}", (time.time() - days * 86400,) * 2)
    assert [each.path.name for each in cleaning.clean(10**9)] == [".unpacking-old"]


@pytest.mark.parametrize("text", ["", "x", "-1", "1e9", "2 gigabytes", "nan", "9" * 400, "1.5.2MB"])
def test_other_sizes_are_refused(cache, text):
    before = there(cache)
    done = CliRunner().invoke(data_app, ["clean", f"--max-size={text}"])
    assert done.exit_code == 1 and "is no size; write it as 500MB or 2GB" in done.stderr and there(cache) == before


def test_an_empty_cache_needs_no_cleaning(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDU_CACHE", str(tmp_path / "none"))
    done = CliRunner().invoke(data_app, ["clean"])
    assert done.exit_code == 0 and done.output == "0.0 MB removed; 0.0 MB are there now\n"

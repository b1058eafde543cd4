"""Fetching sets from a server on this machine, and `ganedu data`."""

import functools
import hashlib
import http.server
import sys
import threading
from dataclasses import replace

import pytest
from data_cases import damage, images_file, place_small_sets
from typer.testing import CliRunner

from ganedu import data
from ganedu.cli.data import data_app
from ganedu.data import files, registry


@pytest.fixture
def root(tmp_path, monkeypatch):
    return place_small_sets(tmp_path, monkeypatch)


# Downloads


@pytest.fixture
def mirror(root, tmp_path_factory, monkeypatch):
    """A server on this machine with the tiny mnist; `root` is emptied. Yields (root, the server's folder)."""
    served = tmp_path_factory.mktemp("served")
    for file in (root / "MNIST" / "raw").iterdir():
        file.rename(served / file.name)
    handler = functools.partial(
        type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=served))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    entry = registry.FILE_SETS["mnist"]
    url = f"http://127.0.0.1:{server.server_port}/"
    downloads = tuple(
        registry.Download(
            f"MNIST/raw/{file.name}",
            f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}",
            (f"{url}no/{file.name}", f"{url}{file.name}"),  # the first mirror has nothing
        )
        for file in sorted(served.iterdir())
    )
    monkeypatch.setitem(registry.FILE_SETS, "mnist", replace(entry, downloads=downloads))
    yield root, served
    server.shutdown()
    server.server_close()


def test_a_missing_set_is_downloaded_once_from_the_first_mirror_that_has_it(mirror):
    root, served = mirror
    assert len(data.load("mnist", "train", root)) == 6
    for file in served.iterdir():
        file.unlink()
    assert len(data.load("mnist", "test", root)) == 3  # all of it was fetched, and nothing is fetched again


def test_a_cache_that_is_not_there_yet_is_made_with_the_folders_above_it(mirror, monkeypatch):
    cache = mirror[0] / "new" / "cache" / "ganedu"
    monkeypatch.delenv("GANEDU_DATA", raising=False)
    monkeypatch.setattr(files, "cache_folder", lambda: cache)
    assert len(data.load("mnist")) == 6 and cache.is_dir()


def test_a_download_with_other_bytes_is_refused_and_leaves_nothing(mirror):
    root, served = mirror
    (served / "t10k-images-idx3-ubyte.gz").write_bytes(b"evil")
    with pytest.raises(ValueError, match=r"cannot download mnist.*hash"):
        data.load("mnist", "train", root)
    assert list((root / "MNIST" / "raw").iterdir()) == []


def test_an_interrupted_download_continues_with_the_files_that_are_missing(mirror):
    root, served = mirror
    last = served / "train-labels-idx1-ubyte.gz"
    kept = last.read_bytes()
    last.unlink()
    with pytest.raises(ValueError, match="cannot download mnist"):
        data.load("mnist", "train", root)
    for file in served.iterdir():
        file.unlink()
    last.write_bytes(kept)  # only this one can be had now
    assert len(data.load("mnist", "train", root)) == 6


def test_without_a_network_the_error_says_what_to_put_where(mirror, monkeypatch):
    root, _ = mirror
    entry = registry.FILE_SETS["mnist"]
    nowhere = tuple(replace(each, mirrors=("http://127.0.0.1:9/x.gz",)) for each in entry.downloads)
    monkeypatch.setitem(registry.FILE_SETS, "mnist", replace(entry, downloads=nowhere))
    with pytest.raises(ValueError, match=r"cannot download mnist") as caught:
        data.load("mnist", "train", root)
    for each in nowhere:
        assert f"{root / each.path}  ({each.known_hash})" in str(caught.value)
    assert "GANEDU_DATA" in str(caught.value)


def test_without_pooch_the_error_says_so(mirror, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ValueError, match=r"pooch, .*not installed .*put these files there"):
        data.load("mnist", "train", mirror[0])


# The command line


def run(*arguments):
    return CliRunner().invoke(data_app, [str(each) for each in arguments])


def test_list_names_every_set_and_which_are_here(root):
    (root / "cifar-10-batches-py" / "data_batch_3.xz").unlink()
    done = run("list", "--data-root", root)
    assert done.exit_code == 0
    assert all(name in done.output for name in data.NAMES)
    assert "ganedu data prepare cifar10` fetches it, 171 MB" in done.output
    assert "prepare mnist" not in done.output


def test_verify_reads_all_and_fetches_nothing(root):
    done = run("verify", "mnist", "--data-root", root)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "mnist train: 6 images, 1 x 4 x 5, 10 classes: ok",
        "mnist test: 3 images, 1 x 4 x 5, 10 classes: ok",
    ]
    images_file(root).unlink()
    done = run("verify", "mnist", "--data-root", root)
    assert done.exit_code == 1 and "`ganedu data prepare mnist` fetches it" in done.output


def test_prepare_fetches_and_verifies(mirror):
    done = run("prepare", "mnist", "--data-root", mirror[0])
    assert done.exit_code == 0 and "mnist test: 3 images" in done.output


def test_damage_is_one_message_and_exit_code_1(root):
    damage(images_file(root), "truncated")
    for command in ("verify", "prepare"):
        done = run(command, "mnist", "--data-root", root)
        assert done.exit_code == 1
        assert done.output.startswith(f"ganedu data {command} mnist: ") and done.output.count("\n") == 1
    assert "unknown data set 'mnits'" in run("verify", "mnits").output

"""`ganedu.data.resuming`: a download goes on where it stopped, and ends with the right bytes or none."""

import errno
import functools
import gzip
import hashlib
import http.server
import io
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ganedu.data import download, registry, resuming

CONTENT = random.Random(0).randbytes(300_000)
SET = registry.UnpairedSet("tiny", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), (), "", "")


@dataclass
class Behavior:
    """What a server does, and the ranges it was asked for (None: all of the file)."""

    content: bytes = CONTENT
    cuts: list[int] = field(default_factory=list)  # bytes sent by the first answers before the connection is dropped
    mode: str = "ranges"
    encoding: str | None = None
    asked: list = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, behavior, *arguments):
        self.behavior = behavior
        super().__init__(*arguments)

    def do_GET(self):
        what, wanted = self.behavior, self.headers.get("Range")
        what.asked.append(wanted)
        first = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and what.mode != "no ranges" else 0
        if wanted and what.mode == "another range":
            first = first // 2
        if first >= len(what.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(what.content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        body = what.content[first:]
        partial = wanted and what.mode != "no ranges"
        self.send_response(206 if partial else 200)
        if partial:
            self.send_header("Content-Range", f"bytes {first}-{len(what.content) - 1}/{len(what.content)}")
        if what.encoding:
            self.send_header("Content-Encoding", what.encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: what.cuts.pop(0)] if what.cuts else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(monkeypatch):
    """Starts servers on this machine; called with a Behavior, gives the URL."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "RETRIES", 0)
    servers = []

    def start(behavior):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, behavior))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/tiny.zip"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def offered(*urls, content=CONTENT):
    return registry.UnpairedSet("tiny", len(content), hashlib.sha256(content).hexdigest(), urls, "", "")


def files_in(root):
    return sorted(path.name for path in root.iterdir() if path.name != download.LOCK)


def test_a_connection_that_breaks_off_is_taken_up_where_it_ended(serve, tmp_path):
    server = Behavior(cuts=[100_000, 50_000])
    wanted = offered(serve(server))
    for have in (100_000, 150_000):
        with pytest.raises(
            ValueError, match=r"cannot download tiny.*\n.*tiny\.zip\.part keeps what has come; run it ag"
        ):
            download.fetch(wanted, tmp_path)
        assert (tmp_path / "tiny.zip.part").read_bytes() == CONTENT[:have]
        assert files_in(tmp_path) == ["tiny.zip.part"]
    download.fetch(wanted, tmp_path)
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]
    assert (tmp_path / "tiny.zip").read_bytes() == CONTENT
    assert files_in(tmp_path) == ["tiny.zip"]
    download.fetch(wanted, tmp_path)
    assert len(server.asked) == 3  # it is here: nobody is asked


def test_another_mirror_continues_what_the_first_began(serve, tmp_path):
    first, second = Behavior(cuts=[120_000]), Behavior()
    download.fetch(offered(serve(first), serve(second)), tmp_path)
    assert second.asked == ["bytes=120000-"]
    assert (tmp_path / "tiny.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("mode", ["no ranges", "another range"])
def test_a_server_that_does_not_give_the_range_still_gives_the_file(serve, tmp_path, mode):
    (tmp_path / "tiny.zip.part").write_bytes(CONTENT[:70_000])
    server = Behavior(mode=mode)
    download.fetch(offered(serve(server)), tmp_path)
    assert server.asked == ["bytes=70000-"] + [None] * (mode == "another range")
    assert (tmp_path / "tiny.zip").read_bytes() == CONTENT and files_in(tmp_path) == ["tiny.zip"]


@pytest.mark.parametrize("begun", [0, 1000])
def test_a_wrong_file_is_refused_and_leaves_nothing(serve, tmp_path, begun):
    if begun:
        (tmp_path / "tiny.zip.part").write_bytes(CONTENT[:begun])
    with pytest.raises(ValueError, match=r"cannot download tiny.*hash"):
        download.fetch(offered(serve(Behavior(content=b"<html>moved</html>" * 1000))), tmp_path)
    assert files_in(tmp_path) == []


def test_a_file_that_changed_meanwhile_is_fetched_anew_by_the_retry(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "RETRIES", 1)
    (tmp_path / "tiny.zip.part").write_bytes(bytes(1000))
    server = Behavior()
    download.fetch(offered(serve(server)), tmp_path)
    assert server.asked == ["bytes=1000-", None]
    assert (tmp_path / "tiny.zip").read_bytes() == CONTENT


@pytest.mark.parametrize(("begun", "asked"), [(CONTENT, 1), (CONTENT + b"more", 2)])
def test_a_part_that_is_whole_is_used_and_one_that_is_too_long_is_not(serve, tmp_path, begun, asked):
    (tmp_path / "tiny.zip.part").write_bytes(begun)
    server = Behavior()
    download.fetch(offered(serve(server)), tmp_path)
    assert len(server.asked) == asked
    assert (tmp_path / "tiny.zip").read_bytes() == CONTENT and files_in(tmp_path) == ["tiny.zip"]


def test_an_archive_that_a_server_calls_an_encoding_is_stored_as_it_is(serve, tmp_path):
    packed = gzip.compress(CONTENT[:5000])
    download.fetch(offered(serve(Behavior(content=packed, encoding="gzip")), content=packed), tmp_path)
    assert (tmp_path / "tiny.zip").read_bytes() == packed


def test_of_several_that_want_a_set_one_downloads(serve, tmp_path):
    server = Behavior()
    wanted = offered(serve(server))
    with ThreadPoolExecutor(4) as pool:  # locks of the operating system hold between threads as between processes
        list(pool.map(lambda _: download.fetch(wanted, tmp_path), range(4)))
    assert server.asked == [None]
    assert (tmp_path / "tiny.zip").read_bytes() == CONTENT


def test_a_full_disk_is_named_and_loses_nothing(serve, tmp_path, monkeypatch):
    class Small(io.FileIO):
        def write(self, part):
            if self.tell() + len(part) > 200_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(part)

    wanted = offered(serve(Behavior()))
    with monkeypatch.context() as small:
        small.setattr(resuming, "open", Small, raising=False)
        with pytest.raises(ValueError, match=r"No space left on device\)\n.*keeps what has come"):
            download.fetch(wanted, tmp_path)
    assert files_in(tmp_path) == ["tiny.zip.part"]
    assert CONTENT.startswith((tmp_path / "tiny.zip.part").read_bytes())
    download.fetch(wanted, tmp_path)  # there is room again
    assert (tmp_path / "tiny.zip").read_bytes() == CONTENT and files_in(tmp_path) == ["tiny.zip"]


def test_a_set_that_nobody_serves_says_what_to_put_where(tmp_path):
    with pytest.raises(ValueError, match=r"tiny is not here, and cannot be downloaded.*\n.*tiny\.zip  \(sha256:"):
        download.fetch(SET, tmp_path)


def test_a_folder_that_cannot_be_written_is_named(serve, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(ValueError, match=r"cannot write to .*file"):
        download.fetch(offered(serve(Behavior())), Path(blocked))

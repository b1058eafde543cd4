"""The walls behind which a submission runs, from the best to none, made by tools that others keep.

A wall is held by a process of its own: bubblewrap or unshare builds namespaces and files, and waits in them. What is
to run there joins (`enter`). When the holder is killed the kernel ends everything inside.
"""

import contextlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

import ganedu

SAYS = {
    "bubblewrap": "a container of bubblewrap for each submission",
    "namespaces": "namespaces of the kernel (unshare) for each submission",
    "user": "a user without rights for each submission; the network is open, and so is what everybody may read",
    "none": "no wall (TRUSTED=1): limits alone",
}
ROOM = 2**28  # bytes that a submission can write to /tmp, and as many to /dev/shm
FIRST_USER = 60001  # of those that belong to nobody, one for each submission that runs at the same time
LOCKS = Path("/run")  # where root alone can write
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix", "/etc/ld.so.cache", "/etc/localtime")
TESTS = Path(ganedu.__file__).parent / "checks" / "exercises.json"
DEVICES = ("null", "zero", "full", "random", "urandom")
COURSE = str(Path(__file__).resolve().parents[2])  # large, and nobody but its owner writes there
BOX = "box"  # the folder that becomes the root of a submission
SHARED = ("/tmp", "/var/tmp", "/dev/shm")  # where a user without rights may leave files
UNSHARE = r"""
set -e
base=$1 room=$2 tests=$3; shift 3
mount -t tmpfs -o size=1m,mode=755 tmpfs "$base"
box="$base/box"
for path in /tmp /dev/shm; do  # first: the course may lie below them
    mkdir -p "$box$path"
    mount -t tmpfs -o "size=$room,mode=1777,nosuid,nodev" tmpfs "$box$path"
done
while [ "$1" != -- ]; do
    path=$1; shift
    if [ -d "$path" ]; then mkdir -p "$box$path"; else mkdir -p "$box${path%/*}"; : >"$box$path"; fi
    mount --rbind "$path" "$box$path"
    mount -o remount,bind,ro,nosuid,nodev "$box$path"
done
shift
for path in "$@"; do mount -t tmpfs -o size=4k,mode=755 tmpfs "$box$path"; done
mount --bind /dev/null "$box$tests"
mkdir -p "$box/proc"
mount -t proc -o nosuid,nodev,noexec proc "$box/proc"
for name in null zero full random urandom; do
    : >"$box/dev/$name"
    mount --bind "/dev/$name" "$box/dev/$name"
done
mount -o remount,bind,ro "$base"
echo ready
read -r _
"""


@dataclass
class Held:
    """A wall that stands. `order` tells `answering` how to get behind it."""

    order: dict
    holder: subprocess.Popen | None = None
    folder: str = ""

    def processes(self, pid: int) -> Iterator[psutil.Process]:
        """Everything behind the wall; `pid`: the process that went there."""
        for parent in {pid, self.holder.pid} if self.holder else {pid}:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(parent)
                yield process
                yield from process.children(recursive=True)

    def end(self, pid: int):
        """Everything behind the wall is gone afterwards, with what it wrote."""
        inside = list(self.processes(pid))
        if self.holder is not None:
            self.holder.kill()
            self.holder.communicate()
        _kill(inside)
        _await(inside, 5)
        if self.holder is None and self.order["user"]:
            clear(self.order["user"])
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Wall:
    """A kind of wall. hidden: folders that must not be seen even if they lie below one that is."""

    kind: str
    slot: int = 0
    hidden: tuple[str, ...] = field(default=())

    @property
    def user(self) -> int | None:
        """The user that a submission becomes, where we are root."""
        return FIRST_USER + self.slot if os.geteuid() == 0 and self.kind != "none" else None

    def hold(self) -> Held:
        """Build it. Raises OSError if that cannot be done here."""
        folder = tempfile.mkdtemp(prefix="coursework-")
        order = {"pid": None, "folder": "", "home": "/tmp", "user": self.user, "alone": self._counts_processes()}
        if self.kind in ("user", "none"):
            if self.user is not None:
                os.chown(folder, self.user, self.user)
            return Held(order | {"home": folder}, folder=folder)
        command = self._bubblewrap() if self.kind == "bubblewrap" else self._unshare(folder)
        holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        if holder.stdout.readline() != b"ready\n":
            words = holder.communicate()[1].decode(errors="replace").strip()
            shutil.rmtree(folder, ignore_errors=True)
            raise OSError(f"{command[0]}: {words[-300:]}")
        inside = psutil.Process(holder.pid).children(recursive=True)[-1].pid
        base = BOX if self.kind == "bubblewrap" else f"{folder.lstrip('/')}/{BOX}"
        return Held(order | {"pid": inside, "folder": base}, holder, folder)

    def _counts_processes(self) -> bool:
        """Whether a limit on processes counts those behind the wall alone."""
        if self.kind == "none":
            return False
        version = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])
        return self.user is not None or version >= (5, 14)  # since then each user namespace counts by itself

    def _bubblewrap(self) -> list[str]:
        command = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
        command += [] if os.geteuid() == 0 else ["--unshare-user"]
        for path in SYSTEM:  # for the holder itself
            command += ["--ro-bind-try", path, path]
        for path in ("/tmp", "/dev/shm"):  # first: the course may lie below them
            command += ["--perms", "1777", "--size", str(ROOM), "--tmpfs", f"/{BOX}{path}"]
        places = [*_seen(), "/dev/null"]
        parents = sorted({str(parent) for path in places for parent in Path(f"/{BOX}{path}").parents})
        for path in parents[1:]:  # bubblewrap would make them for itself alone
            command += ["--perms", "0755", "--dir", path]
        for path in _seen():
            command += ["--ro-bind", path, f"/{BOX}{path}"]
        for path in self._covered():
            command += ["--tmpfs", f"/{BOX}{path}"]
        command += ["--ro-bind", os.devnull, f"/{BOX}{TESTS}", "--proc", f"/{BOX}/proc"]
        for name in DEVICES:  # not by --dev, whose terminals need a second user namespace, which cannot be joined
            command += ["--dev-bind", f"/dev/{name}", f"/{BOX}/dev/{name}"]
        return [*command, "--remount-ro", "/", "/bin/sh", "-c", "echo ready; read -r _"]

    def _unshare(self, folder: str) -> list[str]:
        command = ["unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"]
        command += [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        return [
            *command,
            "/bin/sh",
            "-c",
            UNSHARE,
            "sh",
            folder,
            str(ROOM),
            str(TESTS),
            *_seen(),
            "--",
            *self._covered(),
        ]

    def _covered(self) -> list[str]:
        """The hidden folders that lie below one that is seen, and must be covered."""
        return [path for path in self.hidden if any(Path(path).is_relative_to(seen) for seen in _seen())]


@contextlib.contextmanager
def slots(count: int) -> Iterator[list[int]]:
    """That many users who belong to nobody, counted from FIRST_USER, and to no other grading on this machine either.

    What a user runs is ended when a wall falls, so two gradings must not share one.
    """
    if os.geteuid() != 0:
        yield list(range(count))
        return
    held: dict[int, FileLock] = {}
    try:
        slot = 0
        while len(held) < count:
            lock = FileLock(LOCKS / f"coursework-{FIRST_USER + slot}.lock")
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0)
                held[slot] = lock
            slot += 1
        yield list(held)
    finally:
        for lock in held.values():
            lock.release()


def candidates(trusted: bool) -> list[str]:
    """The kinds of walls to be tried on this machine, the best first."""
    if trusted:
        return ["none"]
    if sys.platform != "linux":
        return []
    kinds = [kind for kind, tool in (("bubblewrap", "bwrap"), ("namespaces", "unshare")) if shutil.which(tool)]
    return [*kinds, "user"] if os.geteuid() == 0 else kinds


def in_sight_of_everybody(path: str) -> bool:
    """Whether a user without rights can look into a folder."""
    if not os.path.exists(path):
        return False
    modes = [folder.stat().st_mode for folder in (Path(path), *Path(path).parents)]
    return bool(modes[0] & 0o004) and all(mode & 0o001 for mode in modes)


def _seen() -> list[str]:
    """What can be read behind a wall: the system, Python with its packages, `ganedu`, and the data."""
    data = filter(None, [os.environ.get("GANEDU_DATA")])
    prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, Path(ganedu.__file__).parent, *data]
    found = [path for path in SYSTEM if os.path.exists(path)]
    both = [str(path) for prefix in prefixes for path in (Path(prefix).absolute(), Path(prefix).resolve())]
    for path in dict.fromkeys(both):  # under the name by which Python knows it, and under its own
        if os.path.exists(path) and not any(Path(path).is_relative_to(other) for other in found):
            found.append(path)
    return found


def clear(user: int):
    """End what a user who belongs to nobody runs, and remove his files from where everybody may write."""
    while running := [process for process in psutil.process_iter() if _is_of(process, user)]:
        _kill(running)
        _await(running, 1)
    for folder in SHARED:
        _sweep(folder, user)


def _sweep(folder: str, user: int):
    """Remove the files of a user from where others can come."""
    entries = []
    with contextlib.suppress(OSError):
        entries = list(os.scandir(folder))
    for entry in entries:
        with contextlib.suppress(OSError):  # others work here too, and their files come and go
            state = entry.stat(follow_symlinks=False)
            if state.st_uid == user:
                shutil.rmtree(entry.path) if stat.S_ISDIR(state.st_mode) else os.unlink(entry.path)
            elif stat.S_ISDIR(state.st_mode) and state.st_mode & stat.S_IXOTH and entry.path != COURSE:
                _sweep(entry.path, user)


def _is_of(process: psutil.Process, user: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.uids().real == user and not _ended(process)
    return False


def _kill(processes: list[psutil.Process]):
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _await(processes: list[psutil.Process], seconds: float):
    """Wait until they have ended. Their parent may be gone, and whoever inherits them take seconds to note it."""
    deadline = time.monotonic() + seconds
    while not all(map(_ended, processes)) and time.monotonic() < deadline:
        time.sleep(0.005)


def _ended(process: psutil.Process) -> bool:
    """Whether nothing of a process runs: other threads can outlive the first."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() == 1
    except psutil.NoSuchProcess:
        return True

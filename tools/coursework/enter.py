"""How a process goes behind a wall and gives its rights away. What runs after these lines has none to take back.

The walls are made by bubblewrap or by unshare (see `walls`); a process that has run a chapter joins them here.
"""

import ctypes
import os
import resource
import signal
import sys

import psutil

NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")  # user first: it gives the right to join the others
PDEATHSIG, CAPBSET_DROP, NO_NEW_PRIVS = 1, 24, 38  # of prctl(2)
CAPABILITY_VERSION = 0x20080522
MAX_FILE, MAX_FILES, MAX_PROCESSES = 2**27, 256, 64  # bytes of a file, open files, processes and threads

_libc = ctypes.CDLL(None, use_errno=True)


def join(pid: int, folder: str):
    """Enter the namespaces of the process `pid` and make `folder` of its files the root; its pids count for children.

    In a root that is not its namespace's own nobody can make user namespaces, and with them new rights.
    """
    root = os.open(f"/proc/{pid}/root", os.O_PATH)
    there = {name: f"/proc/{pid}/ns/{name}" for name in NAMESPACES if os.path.exists(f"/proc/{pid}/ns/{name}")}
    handles = [
        os.open(path, os.O_RDONLY)
        for name, path in there.items()
        if os.readlink(path) != os.readlink(f"/proc/self/ns/{name}")
    ]
    for handle in handles:
        if _libc.setns(handle, 0):
            raise OSError(ctypes.get_errno(), "cannot enter the wall")
    os.fchdir(root)
    os.chroot(folder)
    os.chdir("/")


def give_up(user: int | None):
    """Lose every capability for good, become `user` if one is given, and die with the parent."""
    if sys.platform != "linux":
        return
    for capability in range(64):
        _libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    if _libc.capset(header, none) or _libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot give up the rights")
    die_with_parent()


def die_with_parent():
    """Be killed when the process that forked this one ends."""
    if sys.platform == "linux":
        _libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def limit(memory: int, seconds: float, count_processes: bool):
    """Limits that cannot be raised again.

    memory: bytes of address space; seconds: of the processor; count_processes: whether its user has no other processes,
    which would count as well.
    """
    limits = {
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_FSIZE: MAX_FILE,
        resource.RLIMIT_NOFILE: MAX_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if count_processes:
        limits[resource.RLIMIT_NPROC] = MAX_PROCESSES
    limit_memory(memory)
    for kind, amount in limits.items():
        _limit(kind, amount)


def limit_memory(amount: int):
    """Limit the address space of this process, where the system does."""
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, amount)


def size() -> int:
    """Bytes of address space that this process has."""
    return psutil.Process().memory_info().vms


def _limit(kind: int, amount: int):
    hard = resource.getrlimit(kind)[1]
    amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(kind, (amount, amount))

"""How much memory is left, and a refusal in time: before the first byte of what would not fit is asked for."""

import os
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")  # of a container, version 2


def available() -> int:
    """Bytes that this process can still use; on a system that does not say it, a thousand times a billion."""
    found = [_free(), _left_in_container()]
    return min((each for each in found if each is not None), default=10**12)


def require(size: int, what: str, remedy: str) -> None:
    """Raises ValueError if `size` bytes are more than what is left; what needs them, and what to do instead."""
    left = available()
    if size > left:
        raise ValueError(f"{what} would take {_gigabytes(size)} of memory, {_gigabytes(left)} are left; {remedy}")


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size < 10**15 else f"{float(min(size, 10**300)):.0e} bytes"


def _free() -> int | None:
    try:
        if sys.platform == "linux":
            lines = Path("/proc/meminfo").read_text().splitlines()
            return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf(
            "SC_PAGE_SIZE"
        )  # all there is: no system call says what is left
    except (OSError, ValueError, AttributeError, StopIteration):
        return None


def _left_in_container() -> int | None:
    try:
        limit, used = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return None if limit == "max" else max(0, int(limit) - int(used))
    except (OSError, ValueError):
        return None

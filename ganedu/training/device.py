"""Devices by name.

Taught in {ref}`training`.
"""

import torch

KINDS = ("cpu", "cuda", "mps")


def named(name) -> torch.device:
    """The device of that name, one on which a run can compute.

    Raises ValueError for other names, also of devices that hold no numbers, such as "meta".
    Taught in {ref}`training`.
    """
    try:
        device = torch.device(name)
        if device.type in KINDS:
            return device
    except (RuntimeError, TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"device {str(name)!r} cannot be used here; choose cpu, cuda, cuda:1, ... or mps")


def usable(name: str) -> str:
    """A name, "auto" being a GPU if there is one, else the CPU.

    Raises ValueError for a device that is not here.
    Taught in {ref}`training`.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    device = named(name)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used here ({reason}); `ganedu doctor` lists what can") from None
    return name

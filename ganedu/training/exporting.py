"""The weights of one network of a run, for other programs.

Taught in {ref}`training`.
"""

from pathlib import Path

import torch

from ganedu.training import checkpoint, run_folder
from ganedu.training.errors import TrainingError
from ganedu.training.loading import load

SUFFIX = ".safetensors"


def export(run, out, *, recipe=None, network="generator", half=False, ema=True, previous=False, at=None) -> Path:
    """Write the weights of a network to the new file `out`, as safetensors, and return its path.

    network: a name in the recipe's `networks`. half: floats of 16 bits, whole numbers as they are. ema: of the
    generator, the averaged one. recipe, previous, at: see `ganedu.training.loading.load`.
    The header has, under "ganedu", the recipe with its configuration, the shape of its images, and the step.
    Raises ValueError for another name of a network or file, TrainingError for a file that is there or cannot be
    written.
    Taught in {ref}`training`.
    """
    run, out = Path(run), Path(out)
    if out.suffix != SUFFIX:
        raise ValueError(f"{out} must end in {SUFFIX}, as the weights are written in that format")
    if out.exists():
        raise TrainingError(f"{out} is there already, and nothing is overwritten; give another name")
    loaded = load(run, recipe=recipe, ema=ema, previous=previous, at=at)
    if network not in loaded.networks:
        raise ValueError(f"{loaded.name} has no network {network!r}; choose {' or '.join(loaded.networks)}")
    weights = loaded.networks[network].state_dict()
    if half:
        weights = {name: each.to(torch.float16) if each.is_floating_point() else each for name, each in weights.items()}
    about = {**run_folder.read_config(run)["recipe"], "network": network, "ema": ema and network == "generator"}
    about["step"] = checkpoint.read(run, previous=previous, at=at)["step"]
    try:
        run_folder.write_weights(out, weights, about=about)
    except OSError as error:
        raise TrainingError(f"cannot write {out}: {error.strerror or error}") from None
    return out

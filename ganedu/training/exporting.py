"""The weights of one network of a run, for other programs.

Taught in {ref}`training`.
"""

from pathlib import Path

import torch

from ganedu._files import write_atomically
from ganedu.networks import web
from ganedu.training import checkpoint, run_folder
from ganedu.training.errors import TrainingError
from ganedu.training.loading import load


def export(run, out, *, recipe=None, network="generator", half=False, ema=True, previous=False, at=None, page=False):
    """Write the weights of a network to the new file `out`, as safetensors, and return its path.

    network: a name in the recipe's `networks`. half: floats of 16 bits, whole numbers as they are. ema: of the
    generator, the averaged one. recipe, previous, at: see `ganedu.training.loading.load`. page: as JSON that a page of
    the book can run, see `ganedu.networks.web`; of a generator only.
    The header of safetensors has, under "ganedu", the recipe with its configuration, the shape of its images, the step.
    Raises ValueError for another name of a network or file, and for a generator that no page can run; TrainingError
    for a file that is there or cannot be written.
    Taught in {ref}`training`.
    """
    run, out = Path(run), Path(out)
    suffix = ".json" if page else ".safetensors"
    if out.suffix != suffix:
        where = " for a page" if page else ""
        raise ValueError(f"{out} must end in {suffix}, as the weights are written in that format{where}")
    if out.exists():
        raise TrainingError(f"{out} is there already, and nothing is overwritten; give another name")
    loaded = load(run, recipe=recipe, ema=ema, previous=previous, at=at)
    if network not in loaded.networks:
        raise ValueError(f"{loaded.name} has no network {network!r}; choose {' or '.join(loaded.networks)}")
    if page and network != "generator":
        raise ValueError(f"a page can run a generator only, and not {network!r}")
    about = {**run_folder.read_config(run)["recipe"], "network": network, "ema": ema and network == "generator"}
    about["step"] = checkpoint.read(run, previous=previous, at=at)["step"]
    try:
        if page:
            write_atomically(out, web.document(loaded.networks[network], about, half=half).encode())
        else:
            run_folder.write_weights(out, _weights(loaded.networks[network], half), about=about)
    except OSError as error:
        raise TrainingError(f"cannot write {out}: {error.strerror or error}") from None
    return out


def _weights(network: torch.nn.Module, half: bool) -> dict[str, torch.Tensor]:
    weights = network.state_dict()
    if not half:
        return weights
    return {name: each.to(torch.float16) if each.is_floating_point() else each for name, each in weights.items()}

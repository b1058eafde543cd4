"""A generator as a page of the book can run it: one JSON text, without a library that reads tensors.

The page knows chains of dense layers, ReLU, leaky ReLU and tanh; weights are little-endian floats in base64, by rows.
Taught in {ref}`ch-latent-space`.
"""

import base64
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from ganedu.networks import mlp

FORMAT = "ganedu generator 1"
KNOWN = "dense layers, ReLU, leaky ReLU and tanh"
RESHAPING = (nn.Flatten, nn.Unflatten)  # the page deals in flat lists of numbers
LAYERS = (nn.Linear, nn.ReLU, nn.LeakyReLU, nn.Tanh, *RESHAPING)


def document(generator: nn.Module, about: dict, *, half=False) -> str:
    """The JSON text of a generator that maps noise to one flat image. half: weights of 16 bits instead of 32.

    about: the recipe's "name" and "image_shape", and the "step" of the weights.
    Raises ValueError if the generator is more than a chain of layers that the page knows.
    Taught in {ref}`ch-latent-space`.
    """
    layers = [_written(layer, half) for layer in _chain(generator, about["name"]) if not isinstance(layer, RESHAPING)]
    content = {
        "format": FORMAT,
        **{key: about[key] for key in ("name", "step", "image_shape")},
        "bits": 16 if half else 32,
        "layers": layers,
    }
    return json.dumps(content) + "\n"


def read(path: Path) -> nn.Sequential:
    """The generator of such a file, in double precision and frozen: noise [B, latent_dim] to images [B, C, H, W].

    Taught in {ref}`ch-latent-space`.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    kinds = {"relu": lambda layer: nn.LeakyReLU(layer["slope"]), "tanh": lambda layer: nn.Tanh()}
    kinds["dense"] = lambda layer: _dense(layer, content["bits"])
    layers = [kinds[layer["kind"]](layer) for layer in content["layers"]]
    return nn.Sequential(*layers, nn.Unflatten(1, content["image_shape"])).requires_grad_(False)


def _dense(layer: dict, bits: int) -> nn.Linear:
    dense = nn.Linear(layer["inputs"], layer["outputs"], dtype=torch.float64)
    for name, target in (("weight", dense.weight), ("bias", dense.bias)):
        numbers = torch.frombuffer(bytearray(base64.b64decode(layer[name])), dtype=getattr(torch, f"float{bits}"))
        target.data.copy_(numbers.view_as(target))
    return dense


def _chain(module: nn.Module, name: str) -> list[nn.Module]:
    """The layers in the order in which they act."""
    if isinstance(module, mlp.Generator):
        return _chain(module.layers, name)
    if isinstance(module, nn.Sequential):
        return [layer for part in module for layer in _chain(part, name)]
    if isinstance(module, LAYERS):
        return [module]
    leaves = (part for part in module.modules() if not any(part.children()))
    other = type(next((leaf for leaf in leaves if not isinstance(leaf, LAYERS)), module)).__name__
    raise ValueError(f"a page can run {KNOWN}, and the generator of {name} has a {other}; export a run of mlp")


def _written(layer: nn.Module, half: bool) -> dict:
    match layer:
        case nn.Linear():
            shape = {"inputs": layer.in_features, "outputs": layer.out_features}
            bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
            return {"kind": "dense", **shape, "weight": _text(layer.weight, half), "bias": _text(bias, half)}
        case nn.LeakyReLU():
            return {"kind": "relu", "slope": layer.negative_slope}
        case nn.ReLU():
            return {"kind": "relu", "slope": 0}
        case _:
            return {"kind": "tanh"}


def _text(values: Tensor, half: bool) -> str:
    numbers = values.detach().cpu().numpy().astype("<f2" if half else "<f4")
    return base64.b64encode(numbers.tobytes()).decode()

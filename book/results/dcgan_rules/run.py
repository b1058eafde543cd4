"""DCGAN with one rule broken: `python book/results/dcgan_rules/run.py`, about 5 minutes of one CPU thread.

The miniature of chapter 19 at its own rates for 400 steps, as it trains there, over some seeds; each arm breaks one
entry of DCGAN's list and keeps the others. The unbroken runs are those of `dcgan_digits`, after 400 steps. Kept is the
Fréchet distance. Numbers go to metrics.json, their circumstances to provenance.json.
"""

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from dcgan_digits.run import Dcgan, distance, trained  # noqa: E402
from store import circumstances, keep  # noqa: E402

from ganedu.networks.dcgan import SLOPE, initialize  # noqa: E402

SEEDS, STEPS, HIDDEN = 3, 400, 512
Rewrite = Callable[[nn.Module], Iterable[nn.Module]]  # a layer to those that take its place


def without_strides(layer: nn.Module) -> Iterable[nn.Module]:
    """Pooling in place of a strided convolution, repeated pixels in place of a transposed one."""
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) or layer.stride != (2, 2):
        return [layer]
    bias = layer.bias is not None
    convolution = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, bias=bias)
    if isinstance(layer, nn.Conv2d):
        return [convolution, nn.MaxPool2d(2)]
    return [nn.Upsample(scale_factor=2), convolution]


def without_norm(layer: nn.Module) -> Iterable[nn.Module]:
    return [] if isinstance(layer, nn.BatchNorm2d) else [layer]


def norm_at_the_ends(layer: nn.Module) -> Iterable[nn.Module]:
    """A norm before the tanh, and behind the convolution that sees the image."""
    if isinstance(layer, nn.Tanh):
        return [nn.BatchNorm2d(1), layer]
    return [layer, nn.BatchNorm2d(layer.out_channels)] if getattr(layer, "in_channels", 0) == 1 else [layer]


def hidden_dense(layer: nn.Module) -> Iterable[nn.Module]:
    """One in front of G's first layer and one before D's last."""
    if isinstance(layer, nn.ConvTranspose2d) and layer.stride == (1, 1):
        return [nn.Conv2d(layer.in_channels, HIDDEN, 1), nn.ReLU(), _like(layer, HIDDEN, layer.out_channels)]
    if isinstance(layer, nn.Conv2d) and layer.stride == (1, 1):
        return [_like(layer, layer.in_channels, HIDDEN), nn.LeakyReLU(SLOPE), nn.Conv2d(HIDDEN, 1, 1)]
    return [layer]


def _like(layer: nn.Module, inputs: int, outputs: int) -> nn.Module:
    return type(layer)(inputs, outputs, layer.kernel_size, bias=False)


def leaky(layer: nn.Module) -> Iterable[nn.Module]:
    return [nn.LeakyReLU(SLOPE)] if isinstance(layer, nn.ReLU) else [layer]


def plain(layer: nn.Module) -> Iterable[nn.Module]:
    return [nn.ReLU()] if isinstance(layer, nn.LeakyReLU) else [layer]


BROKEN: dict[str, tuple[str, Rewrite]] = {  # which players, and how
    "1: pooling, repeated pixels": ("GD", without_strides),
    "2: no norm in G": ("G", without_norm),
    "2: no norm in D": ("D", without_norm),
    "2: norms at the ends too": ("GD", norm_at_the_ends),
    "3: a hidden dense layer each": ("GD", hidden_dense),
    "4: leaky ReLU in G": ("G", leaky),
    "5: plain ReLU in D": ("D", plain),
}


def broken(players: str, rewrite: Rewrite) -> type:
    """The recipe with networks whose layers are rewritten; weights are drawn anew, by the paper's law."""

    class Broken(Dcgan):
        def build(self):
            networks = super().build()
            for player, network in zip("GD", networks, strict=True):
                if player in players:
                    layers = [new for layer in network.layers for new in rewrite(layer)]
                    network.layers = nn.Sequential(*layers).apply(initialize)
            return networks

    return Broken


def main() -> None:
    torch.set_num_threads(1)
    provenance, start = circumstances(HERE), time.time()
    config, found = Dcgan.Config().small(), {}
    for name, (players, rewrite) in BROKEN.items():
        kind = broken(players, rewrite)
        runs = [next(iter(trained(kind, config, seed, (STEPS,)))) for seed in range(SEEDS)]
        found[name] = [distance(samples) for samples, _ in runs]
    provenance |= {"seeds": list(range(SEEDS)), "wall_seconds": round(time.time() - start)}
    keep(HERE, {"settings": {"seeds": SEEDS, "steps": STEPS}, "frechet_distance": found}, provenance)


if __name__ == "__main__":
    main()

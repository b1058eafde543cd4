"""Which training methods converge on the Dirac-GAN: `python book/results/dirac_gan/run.py`, less than a minute.

The experiment of Mescheder, Geiger and Nowozin 2018 with its settings: from theta = psi = 1 (whose psi is our -psi) 500
steps of rate 0.2, both players at once, one after the other, and with five steps of the discriminator. Of each method
the flow and its eigenvalues at the equilibrium are derived by hand and compared with those of `ganedu.dirac`; the
factor by which a step should shrink a small distance is predicted from the spectrum of the update and measured along
the orbit. Results go to metrics.json beside this file, their circumstances to provenance.json.
"""

import cmath
import json
import platform
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganedu import games
from ganedu.dirac import dirac

HERE = Path(__file__).resolve().parent
RATE, STEPS, CLIP, NOISE = 0.2, 500, 1.0, 0.7
ORDERS = {"simultaneous": "", "alternating": "GD", "alternating, 5 of D": "GDDDDD"}
START, EQUILIBRIUM = torch.tensor([[1.0, -1.0], [0.0, 0.0]], dtype=torch.float64)
PLACES = torch.tensor([[0.7, 1.1], [-1.3, 0.4], [0.2, -1.8]], dtype=torch.float64)  # where the flows are compared
FLOOR = 1e-13  # distances below it are rounding, not the method
NODES, WEIGHTS = (torch.from_numpy(t) for t in np.polynomial.hermite_e.hermegauss(60))


class Method(NamedTuple):
    """The flow by hand, the package's flow, the eigenvalues by hand (None: no derivative there), a limit of psi."""

    flow: Callable[[Tensor], Tensor]
    package: Callable[[Tensor], Tensor] | None
    eigenvalues: tuple[complex, complex] | None
    clip: float = float("inf")


def minimax(w: Tensor, *, gamma: float = 0.0) -> Tensor:
    s = torch.sigmoid(w[0] * w[1])
    return torch.stack([w[1] * s, -w[0] * s - gamma * w[1]])


def non_saturating(w: Tensor, *, gamma: float = 0.0) -> Tensor:
    s = torch.sigmoid(w[0] * w[1])
    return torch.stack([w[1] * (1 - s), -w[0] * s - gamma * w[1]])


def wasserstein(w: Tensor, *, gamma: float = 0.0) -> Tensor:
    return torch.stack([w[1], -w[0] - gamma * (w[1] - w[1].sign())])


def noisy(w: Tensor) -> Tensor:
    weights, fake, real = WEIGHTS / WEIGHTS.sum(), w[0] + NOISE * NODES, NOISE * NODES
    s = torch.sigmoid(w[1] * fake)
    return torch.stack([w[1] * (weights @ s), weights @ (real * torch.sigmoid(-w[1] * real) - fake * s)])


def consensus(w: Tensor, *, factor: float = 1.0) -> Tensor:
    """The minimax flow less the gradient of (theta^2 + psi^2) s^2 / 2; factor: what its second term is taken times."""
    s, squared = torch.sigmoid(w[0] * w[1]), w.square().sum()
    return minimax(w) - w * s**2 - factor * squared * s**2 * (1 - s) * w.flip(0)


def damped(damping: float, rotation: float = 0.5) -> tuple[complex, complex]:
    """-damping -+ sqrt(damping^2 - rotation^2)."""
    root = cmath.sqrt(damping**2 - rotation**2)
    return -damping - root, -damping + root


r1 = partial(dirac, penalty="r1")
METHODS = {
    "GAN": Method(minimax, dirac("minimax").field, damped(0)),
    "NS-GAN": Method(non_saturating, dirac("non_saturating").field, damped(0)),
    "WGAN, clipped at 1": Method(wasserstein, dirac("wasserstein").field, damped(0, 1), clip=CLIP),
    "WGAN-GP, 0.35 (|psi| - 1)^2": Method(
        partial(wasserstein, gamma=0.7),
        dirac("wasserstein", penalty="gradient_penalty", weight=0.35).field,
        None,  # |psi| has its kink at psi = 0
    ),
    "instance noise 0.7": Method(noisy, dirac(noise=NOISE).field, damped(NOISE**2 / 4)),
    "R1, gamma 0.3": Method(partial(minimax, gamma=0.3), r1(weight=0.3).field, damped(0.15)),
    "R1, gamma 1 (critical)": Method(partial(minimax, gamma=1.0), r1(weight=1.0).field, damped(0.5)),
    "R2, gamma 0.3": Method(partial(minimax, gamma=0.3), dirac(penalty="r2", weight=0.3).field, damped(0.15)),
    "NS-GAN with R1, gamma 0.3": Method(
        partial(non_saturating, gamma=0.3), r1("non_saturating", weight=0.3).field, damped(0.15)
    ),
    "consensus, gamma 1": Method(consensus, games.consensus(dirac().field, 1.0), (-0.25 - 0.5j, -0.25 + 0.5j)),
    "consensus, gamma 1, as the authors' code has it": Method(
        partial(consensus, factor=0.5), None, (-0.25 - 0.5j, -0.25 + 0.5j)
    ),
}


def update(method: Method, order: str, w: Tensor, rate: float = RATE) -> Tensor:
    """One round; psi is clipped after each of its moves, as weights are."""
    if not order:
        return games.clip(games.simultaneous(method.flow, w, rate), method.clip)
    for player in order:
        w = games.clip(games.alternating(method.flow, w, rate, order=player), method.clip)
    return w


def measured(distances: Tensor) -> float:
    """Geometric mean of the factor a step over the last half of the orbit that rounding has left alone."""
    last = int((distances > FLOOR).nonzero().max())
    return ((distances[last] / distances[last // 2]) ** (1 / (last - last // 2))).item()


def orbits(method: Method) -> dict:
    """For each kind of step the factor that the spectrum predicts, the one measured, and the last distance."""
    found = {}
    for name, order in ORDERS.items():
        step = partial(update, method, order)
        distances = games.orbit(step, START, [RATE] * STEPS).norm(dim=1)
        factor = None if method.eigenvalues is None else round(games.radius(step, EQUILIBRIUM), 8)
        last = distances[-1].item()
        found[name] = {
            "predicted_factor": factor,
            "measured_factor": round(measured(distances), 6),
            "final_distance": float(f"{last:.3g}"),
            "converges": last < 1e-3,
        }
    return found


def row(method: Method) -> dict:
    """The orbits of a method, and how far its derivations by hand are from the package."""
    found = orbits(method)
    if method.package:
        errors = [(method.flow(w) - method.package(w)).abs().max().item() for w in PLACES]
        found["flow_error"] = float(f"{max(errors):.1e}")
    if method.package and method.eigenvalues:
        spectrum = games.spectrum(method.package, EQUILIBRIUM).tolist()
        error = max(abs(a - b) for a, b in zip(spectrum, method.eigenvalues, strict=True))
        found["eigenvalues_error"] = float(f"{error:.1e}")
    if method.eigenvalues:
        found["eigenvalues"] = [[z.real, z.imag] for z in method.eigenvalues]
    return found


def main() -> None:
    start = time.time()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    settings = {"rate": RATE, "steps": STEPS, "start": START.tolist(), "clip": CLIP, "orders": ORDERS}
    content = {"settings": settings, "methods": {name: row(method) for name, method in METHODS.items()}}
    (HERE / "metrics.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "seeds": [],  # nothing is drawn
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}",
        "wall_seconds": max(round(time.time() - start), 1),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Remedies against mode collapse side by side: `python book/results/mode_coverage/run.py`, on one thread.

Every arm is trained on the ring of 8 and on the grid of 25 Gaussians, eight seeds at once: their weights are stacked
and each network is applied to all of them by `torch.func.vmap`. An arm that has ended is kept under
_build/mode_coverage, so that a run that was stopped goes on where it was. Results go to metrics.json beside this file
after each data set, with what the published experiments do otherwise, their circumstances to provenance.json.
"""

import hashlib
import json
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from functools import partial
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ganedu import densities, losses, metrics, penalties
from ganedu.networks.batchwise import MinibatchDiscrimination, pack

HERE = Path(__file__).resolve().parent
PARTS = HERE.parents[2] / "_build" / "mode_coverage"
SEEDS, LATENT, WIDTH, KERNELS, BATCH, POINTS, SNAPSHOTS = 8, 16, 64, 8, 64, 2500, 10
RATE, BETAS, TINY = 1e-3, (0.5, 0.999), 1e-16
SETS = {
    "ring": (densities.ring_centers(8, 2.0), 0.1),
    "grid": (densities.lattice_centers(5, 2.0), 0.1),
}
DEPARTURES = [
    "the ring and the grid are wider: radius 2 and standard deviation 0.1 (published: 1 and 0.01), spacing 2 and 0.1 "
    "(published: 2 and 0.05), so that a short training can place good samples at all",
    "one pair of networks serves all arms: two hidden layers of 64 ReLU units with orthogonal weights times 1.4 as in "
    "the unrolled GAN's notebook (there 128 tanh units, 256 latent numbers, here 16); PacGAN's are 4 x 400 with batch "
    "normalization against maxout",
    "one optimizer serves all arms, and no arm was tuned: Adam with beta1 0.5 and the rate 1e-3 for both players "
    "(notebook: 1e-4 for D; PacGAN: 1e-4 and beta1 0.8)",
    "far fewer steps than the notebook's 25,000 and PacGAN's 400,000 (see `settings`), batches of 64, not 512 or 100",
    "fresh samples in every step, not PacGAN's 100,000 fixed packs; D moves before G, not together with it",
    "the unrolled steps differentiate Adam's with 1e-16 under its root, whose slope at zero is infinite otherwise",
    "WGAN-GP takes 5 critic steps and the weight 0.1 of its authors' toy code; R1 and R2 have gamma = 1, for no source "
    "gives one for these data",
]


@dataclass(frozen=True)
class Arm:
    """What is changed against the plain game; `samples` a pack, D steps `unrolled`, D steps for each G step."""

    loss: str = "non_saturating"
    unrolled: int = 0
    similarity: bool = False
    samples: int = 1
    penalties: tuple[tuple[str, float], ...] = ()
    steps_d: int = 1


ARMS = {
    "plain minimax": Arm("minimax"),
    "unrolled 1": Arm("minimax", unrolled=1),
    "unrolled 5": Arm("minimax", unrolled=5),
    "unrolled 10": Arm("minimax", unrolled=10),
    "plain non-saturating": Arm(),
    "minibatch discrimination": Arm(similarity=True),
    "PacGAN 2": Arm(samples=2),
    "PacGAN 3": Arm(samples=3),
    "PacGAN 4": Arm(samples=4),
    "WGAN-GP": Arm("wasserstein", penalties=(("gradient_penalty", 0.1),), steps_d=5),
    "R1": Arm(penalties=(("r1", 1.0),)),
    "relativistic with R1 + R2": Arm("relativistic", penalties=(("r1", 1.0), ("r2", 1.0))),
}
STEPS = 1500


class Player:
    """One network for all seeds: their weights, each a row of `flat` [seeds, parameters], and Adam's moments."""

    def __init__(self, build):
        networks = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            networks.append(build())
        self.network = networks[0]
        self.names = [(name, weight.shape) for name, weight in self.network.named_parameters()]
        self.flat = torch.stack([nn.utils.parameters_to_vector(n.parameters()).detach() for n in networks])
        self.state = (torch.zeros_like(self.flat), torch.zeros_like(self.flat), 0)

    def __call__(self, flat: Tensor, x: Tensor) -> Tensor:
        """Outputs for one seed's weights [parameters]."""
        parts = flat.split([prod(shape) for _, shape in self.names])
        weights = {name: part.view(shape) for (name, shape), part in zip(self.names, parts, strict=True)}
        return functional_call(self.network, weights, (x,))

    def adam(self, flat: Tensor, gradient: Tensor, state):
        """Adam's next weights and state, differentiable in both arguments."""
        first, second, t = state[0].lerp(gradient, 1 - BETAS[0]), state[1].lerp(gradient**2, 1 - BETAS[1]), state[2] + 1
        scale = (second / (1 - BETAS[1] ** t) + TINY).sqrt()
        return flat - RATE * first / (1 - BETAS[0] ** t) / scale, (first, second, t)

    def descend(self, gradient: Tensor) -> None:
        self.flat, self.state = self.adam(self.flat, gradient, self.state)


def mlp(inputs: int, outputs: int, similarity: bool = False) -> nn.Module:
    """Two hidden layers of ReLU units; between the last two layers, minibatch discrimination if asked for."""
    last = WIDTH + KERNELS * similarity
    layers = [nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(last, outputs)]
    for layer in layers[::2]:
        nn.init.orthogonal_(layer.weight, 1.4)
        nn.init.zeros_(layer.bias)
    if similarity:
        layers.insert(-1, MinibatchDiscrimination(WIDTH, kernels=KERNELS, width=4))
    return nn.Sequential(*layers)


class Game:
    """An arm on one data set: the two players, and the losses of one seed, which `vmap` takes to all."""

    def __init__(self, arm: Arm, centers: Tensor, std: float):
        self.arm, self.centers, self.std = arm, centers.float(), std
        self.loss = losses.get(arm.loss)
        self.generator = Player(partial(mlp, LATENT, 2))
        self.discriminator = Player(partial(mlp, 2 * arm.samples, 1, arm.similarity))
        self.random = torch.Generator().manual_seed(SEEDS)

    def real(self) -> Tensor:
        which = torch.randint(len(self.centers), (SEEDS, BATCH * self.arm.samples), generator=self.random)
        return self.centers[which] + self.std * torch.randn(*which.shape, 2, generator=self.random)

    def noise(self, n: int) -> Tensor:
        return torch.randn(SEEDS, n, LATENT, generator=self.random)

    def loss_d(self, flat: Tensor, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        critic = partial(self.judge, flat)
        real, fake = pack(real, self.arm.samples), pack(fake, self.arm.samples)
        total = self.loss.discriminator(critic(real), critic(fake))
        for name, weight in self.arm.penalties:
            drawn = mix if name == "gradient_penalty" else None
            total = total + weight * penalties.get(name).term(critic, real, fake, drawn)
        return total

    def loss_g(self, flat_d: Tensor, real: Tensor, fake: Tensor) -> Tensor:
        logits = self.judge(flat_d, pack(fake, self.arm.samples))
        if self.loss.relativistic:
            return self.loss.generator(logits, self.judge(flat_d, pack(real, self.arm.samples)))
        return self.loss.generator(logits)

    def judge(self, flat: Tensor, packs: Tensor) -> Tensor:
        return self.discriminator(flat, packs).squeeze(1)

    def slope_d(self, flat: Tensor, real: Tensor, fake: Tensor, **graph) -> Tensor:
        mix = torch.rand(SEEDS, BATCH, 1, generator=self.random)
        flat = flat if flat.requires_grad else flat.detach().requires_grad_()
        total = vmap(self.loss_d)(flat, real, fake, mix).sum()
        return torch.autograd.grad(total, flat, **graph)[0]

    def step(self) -> None:
        """The discriminator's steps on fresh batches, then the generator against it or against its next answers."""
        d, g = self.discriminator, self.generator
        for _ in range(self.arm.steps_d):
            real = self.real()
            with torch.no_grad():
                fake = vmap(g)(g.flat, self.noise(real.shape[1]))
            d.descend(self.slope_d(d.flat, real, fake))
        flat_g = g.flat.requires_grad_()
        fake, flat_d, state = vmap(g)(flat_g, self.noise(real.shape[1])), d.flat, d.state
        for _ in range(self.arm.unrolled):
            flat_d = flat_d if flat_d.requires_grad else flat_d.clone().requires_grad_()
            flat_d, state = d.adam(flat_d, self.slope_d(flat_d, real, fake, create_graph=True), state)
        total = vmap(self.loss_g)(flat_d, real, fake).sum()
        (slope,) = torch.autograd.grad(total, flat_g)
        g.flat = flat_g.detach()
        g.descend(slope)

    def coverage(self) -> list[list[int]]:
        """Of 2500 samples a seed, how many lie within three standard deviations of each mode: [seeds, modes]."""
        with torch.no_grad():
            clouds = vmap(self.generator)(self.generator.flat, self.noise(POINTS))
        return [metrics.mode_coverage(cloud, self.centers, self.std).counts.tolist() for cloud in clouds]


def train(name: str, data: str) -> dict:
    """Counts [snapshots, seeds, modes] over the training, and its seconds, on the clock and of computing."""
    wall, cpu = time.time(), time.process_time()
    game, counts = Game(ARMS[name], *SETS[data]), []
    for step in range(1, STEPS + 1):
        game.step()
        if step % (STEPS // SNAPSHOTS) == 0:
            counts.append(game.coverage())
    seconds = {"wall_seconds": round(time.time() - wall), "cpu_seconds": round(time.process_time() - cpu)}
    return {"counts": counts, **seconds}


def summary(counts: list[list[int]]) -> dict:
    """Modes with a sample, as the published tables count, modes with a tenth of their share, share of good samples."""
    counts = torch.tensor(counts)
    table = {
        "modes": (counts > 0).sum(1),
        "modes_at_tenth": (counts >= 0.1 * POINTS / counts.shape[1]).sum(1),
        "good": counts.sum(1).double() / POINTS,
    }
    return {
        key: {"seeds": values.tolist(), "interval": [round(v, 4) for v in metrics.student(values)]}
        for key, values in table.items()
    }


def part(name: str, data: str, code: str) -> dict:
    """The result of an arm: what an earlier run with the same code has kept, or a training."""
    path = PARTS / f"{data} {name}.json"
    if path.exists() and (kept := json.loads(path.read_text(encoding="utf-8")))["code_sha256"] == code:
        return kept
    result = train(name, data) | {"code_sha256": code}
    PARTS.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result), encoding="utf-8")
    last = summary(result["counts"][-1])
    print(data, name, {key: each["interval"] for key, each in last.items()}, f"{result['cpu_seconds']} s", flush=True)
    return result


def main() -> None:
    torch.set_num_threads(1)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    runs: dict[str, dict] = {}
    for data in SETS:
        runs[data] = {name: part(name, data, code) for name in ARMS}
        store(runs, code, commit)


def store(runs: dict[str, dict], code: str, commit: str) -> None:
    """Write what the data sets that are complete have given."""
    settings = {"seeds": SEEDS, "steps": STEPS, "batch": BATCH, "latent": LATENT, "width": WIDTH, "points": POINTS}
    tables = {data: {name: row(name, run) for name, run in arms.items()} for data, arms in runs.items()}
    content = {"settings": settings, "departures": DEPARTURES, "tables": tables}
    (HERE / "metrics.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "code_sha256": code,
        "seeds": list(range(SEEDS)),
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, one thread",
        "wall_seconds": sum(run["wall_seconds"] for arms in runs.values() for run in arms.values()),
        "cpu_seconds": sum(run["cpu_seconds"] for arms in runs.values() for run in arms.values()),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def row(name: str, run: dict) -> dict:
    """What is stored of an arm: its settings, its table at the end, its counts, and the mean of modes on the way."""
    over_time = [summary(counts)["modes_at_tenth"]["interval"][0] for counts in run["counts"]]
    last = run["counts"][-1]
    return {"arm": asdict(ARMS[name]), **summary(last), "counts": last, "over_time": over_time} | {
        "cpu_seconds": run["cpu_seconds"]
    }


if __name__ == "__main__":
    main()

"""Remedies against mode collapse side by side: `python book/results/mode_coverage/run.py`, on one thread.

Every arm is trained on the ring of 8 and on the grid of 25 Gaussians, all seeds at once: their weights are stacked, and
each layer is one product of stacks. An arm that has ended is kept under _build/mode_coverage, so that a run that was
stopped goes on where it was. Results go to metrics.json beside this file after each data set, with what the published
experiments do otherwise, their circumstances to provenance.json.
"""

import hashlib
import json
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn

from ganedu import densities, losses, metrics, penalties
from ganedu.networks.batchwise import pack, similarity

HERE = Path(__file__).resolve().parent
PARTS = HERE.parents[2] / "_build" / "mode_coverage"
SEEDS, LATENT, WIDTH, KERNELS, COORDINATES, BATCH, POINTS = 8, 16, 64, 8, 4, 64, 2500
STEPS, EVERY = 3000, 300
RATES, BETAS, TINY = {"generator": 4e-3, "discriminator": 1e-3}, (0.5, 0.999), 1e-16
SETS = {
    "ring": (densities.ring_centers(8, 2.0), 0.1),
    "grid": (densities.lattice_centers(5, 2.0), 0.1),
}
DEPARTURES = [
    "wider modes: the ring has radius 2 and standard deviation 0.1 (VEEGAN and PacGAN: 1 and 0.01), the grid spacing 2 "
    "and 0.1 (there 2 and 0.05), so that a short training can place good samples at all",
    "one pair of small networks for all arms: two hidden layers of 64 ReLU units with orthogonal weights times 1.4 and "
    "16 latent numbers (unrolled GAN's notebook: 128 tanh units, 256 latent numbers; PacGAN: 4 x 400 with batch "
    "normalization against maxout, 2 latent numbers)",
    "one optimizer for all arms: Adam with beta1 0.5, the rate 1e-3 for D and 4e-3 for G; G's rate was chosen once, so "
    "that the plain non-saturating game loses modes on the ring at a first look, and no arm was tuned (notebook: 1e-4 "
    "and 1e-3; PacGAN: 1e-4 for both, beta1 0.8)",
    "3000 steps of the generator, not 25,000 (notebook) or 400,000 (PacGAN); batches of 64, not 512 or 100",
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


class Player:
    """One network for all seeds: two hidden layers of ReLU units, all weights of a seed in a row of `flat` [seeds, n].

    similarity: the last hidden layer is followed by minibatch discrimination (`ganedu.networks.batchwise`).
    """

    def __init__(self, inputs: int, outputs: int, rate: float, *, similarity: bool = False):
        self.rate, self.similarity = rate, similarity
        widths = [inputs, WIDTH, WIDTH, outputs]
        self.shapes = [shape for n, m in pairwise(widths) for shape in ((n, m), (1, m))]
        if similarity:
            self.shapes[-2] = (WIDTH + KERNELS, outputs)
            self.shapes.append((WIDTH, KERNELS * COORDINATES))
        self.flat = torch.stack([self.draw(seed) for seed in range(SEEDS)])
        self.state = (torch.zeros_like(self.flat), torch.zeros_like(self.flat), 0)

    def draw(self, seed: int) -> Tensor:
        torch.manual_seed(seed)
        weights = [torch.zeros(shape) for shape in self.shapes]
        for weight in weights[:6:2]:
            nn.init.orthogonal_(weight, 1.4)
        for kernels in weights[6:]:
            nn.init.normal_(kernels, std=WIDTH**-0.5)
        return torch.cat([weight.flatten() for weight in weights])

    def __call__(self, flat: Tensor, x: Tensor) -> Tensor:
        """Outputs [seeds, batch, outputs] for the weights `flat` and the inputs x [seeds, batch, inputs]."""
        parts = flat.split([prod(shape) for shape in self.shapes], dim=1)
        weights = [part.view(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True)]
        for matrix, bias in zip(weights[0:4:2], weights[1:4:2], strict=True):
            x = torch.baddbmm(bias, x, matrix).relu()
        if self.similarity:
            rows = (x @ weights[6]).unflatten(2, (KERNELS, COORDINATES))
            x = torch.cat([x, torch.stack([similarity(each) for each in rows])], dim=2)
        return torch.baddbmm(weights[5], x, weights[4])

    def adam(self, flat: Tensor, gradient: Tensor, state):
        """Adam's next weights and state, differentiable in both arguments."""
        first, second, t = state[0].lerp(gradient, 1 - BETAS[0]), state[1].lerp(gradient**2, 1 - BETAS[1]), state[2] + 1
        scale = (second / (1 - BETAS[1] ** t) + TINY).sqrt()
        return flat - self.rate / (1 - BETAS[0] ** t) * first / scale, (first, second, t)

    def descend(self, gradient: Tensor) -> None:
        self.flat, self.state = self.adam(self.flat, gradient, self.state)


class Game:
    """An arm on one data set, for all seeds: losses are means over seeds too, so that each is multiplied by SEEDS."""

    def __init__(self, arm: Arm, centers: Tensor, std: float):
        self.arm, self.centers, self.std = arm, centers.float(), std
        self.loss = losses.get(arm.loss)
        self.generator = Player(LATENT, 2, RATES["generator"])
        self.discriminator = Player(2 * arm.samples, 1, RATES["discriminator"], similarity=arm.similarity)
        self.random = torch.Generator().manual_seed(SEEDS)

    def real(self) -> Tensor:
        """Packs of real samples: [seeds, batch, 2 * samples]."""
        which = torch.randint(len(self.centers), (SEEDS, BATCH * self.arm.samples), generator=self.random)
        return self.packs(self.centers[which] + self.std * torch.randn(*which.shape, 2, generator=self.random))

    def fake(self, flat: Tensor, n: int) -> Tensor:
        """n generated samples for each seed: [seeds, n, 2]."""
        return self.generator(flat, torch.randn(SEEDS, n, LATENT, generator=self.random))

    def packs(self, x: Tensor) -> Tensor:
        return pack(x.flatten(0, 1), self.arm.samples).unflatten(0, (SEEDS, BATCH))

    def judge(self, flat: Tensor, packs: Tensor) -> Tensor:
        """Logits [seeds * batch] of packs [seeds, batch, ...], or [seeds * batch, ...] as the penalties want them."""
        return self.discriminator(flat, packs.view(SEEDS, -1, packs.shape[-1])).flatten()

    def slope_d(self, flat: Tensor, real: Tensor, fake: Tensor, **graph) -> Tensor:
        """Gradient of the discriminator's loss in its weights, [seeds, n]."""
        flat = flat if flat.requires_grad else flat.detach().requires_grad_()
        total = self.loss.discriminator(self.judge(flat, real), self.judge(flat, fake))
        for name, weight in self.arm.penalties:
            flat_real, flat_fake = real.flatten(0, 1), fake.flatten(0, 1)
            drawn = penalties.draw(name, flat_real, self.random)
            total = total + weight * penalties.term(name, lambda x: self.judge(flat, x), flat_real, flat_fake, drawn)
        return torch.autograd.grad(SEEDS * total, flat, **graph)[0]

    def step(self) -> None:
        """The discriminator's steps on fresh batches, then the generator against it or against its next answers."""
        d, g, size = self.discriminator, self.generator, BATCH * self.arm.samples
        for _ in range(self.arm.steps_d):
            real = self.real()
            with torch.no_grad():
                fake = self.packs(self.fake(g.flat, size))
            d.descend(self.slope_d(d.flat, real, fake))
        flat_g = g.flat.requires_grad_()
        fake, flat_d, state = self.packs(self.fake(flat_g, size)), d.flat, d.state
        for _ in range(self.arm.unrolled):
            flat_d = flat_d if flat_d.requires_grad else flat_d.clone().requires_grad_()
            flat_d, state = d.adam(flat_d, self.slope_d(flat_d, real, fake, create_graph=True), state)
        logits = (self.judge(flat_d, fake),)
        if self.loss.relativistic:
            logits += (self.judge(flat_d, real),)
        (slope,) = torch.autograd.grad(SEEDS * self.loss.generator(*logits), flat_g)
        g.flat = flat_g.detach()
        g.descend(slope)

    def coverage(self) -> list[list[int]]:
        """Of 2500 samples a seed, how many lie within three standard deviations of each mode: [seeds, modes]."""
        with torch.no_grad():
            clouds = self.fake(self.generator.flat, POINTS)
        return [metrics.mode_coverage(cloud, self.centers, self.std).counts.tolist() for cloud in clouds]


def train(name: str, data: str, steps: int = STEPS) -> dict:
    """Counts [snapshots, seeds, modes] over the training, and its seconds, on the clock and of computing."""
    wall, cpu = time.time(), time.process_time()
    game, counts = Game(ARMS[name], *SETS[data]), []
    for step in range(1, steps + 1):
        game.step()
        if step % EVERY == 0:
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
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    runs: dict[str, dict] = {}
    for data in SETS:
        runs[data] = {name: part(name, data, code) for name in ARMS}
        store(runs, code, commit)


def store(runs: dict[str, dict], code: str, commit: str) -> None:
    """Write what the data sets that are complete have given."""
    settings = {"seeds": SEEDS, "steps": STEPS, "every": EVERY, "batch": BATCH, "latent": LATENT, "width": WIDTH}
    settings |= {"points": POINTS, "rates": RATES}
    tables = {data: {name: row(name, run) for name, run in arms.items()} for data, arms in runs.items()}
    content = {"settings": settings, "departures": DEPARTURES, "tables": tables}
    (HERE / "metrics.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
    every = [run for arms in runs.values() for run in arms.values()]
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "code_sha256": code,
        "seeds": list(range(SEEDS)),
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, one thread",
        "wall_seconds": sum(run["wall_seconds"] for run in every),
        "cpu_seconds": sum(run["cpu_seconds"] for run in every),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def row(name: str, run: dict) -> dict:
    """What is stored of an arm: its settings, its table at the end, all its counts, and its seconds."""
    return {"arm": asdict(ARMS[name]), **summary(run["counts"][-1]), "counts": run["counts"]} | {
        "cpu_seconds": run["cpu_seconds"]
    }


if __name__ == "__main__":
    main()

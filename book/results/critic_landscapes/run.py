"""Critics under the gradient penalty and under clipping: `python book/results/critic_landscapes/run.py`, ten minutes.

After figure 2 of WGAN-GP: the generator is fixed, its samples are the data plus unit Gaussian noise, and a critic is
trained between them, on 8 Gaussians, 25 Gaussians and the swiss roll. Kept are the critic on a grid, its report at some
steps beside the W1 of the same points, its slopes between partners of the cheapest plan and between strangers, and the
share of its weights at the limit. Results go to metrics.json beside this file, their circumstances to provenance.json.
"""

import json
import platform
import subprocess
import time
from functools import partial
from pathlib import Path

import scipy
import torch

from ganedu import densities, losses, penalties
from ganedu.networks.mlp import Discriminator

HERE = Path(__file__).resolve().parent
SETS = {
    "8 Gaussians": partial(densities.ring, 8, 2 / 1.414, std=0.02 / 1.414),
    "25 Gaussians": partial(densities.lattice, 5, 2 / 2.828, std=0.05 / 2.828),
    "swiss roll": densities.swiss_roll,
}
METHODS = ("penalty", "clipping")
STEPS, BATCH, WIDTH, WEIGHT, LIMIT, SIDE, POINTS, REACH = 8000, 256, 128, 10.0, 0.01, 41, 1000, 2.0
REPORTED = (20, 1000, 2000, 4000, STEPS)
DEPARTURES = [
    "three hidden layers of 128 leaky units, not 512 ReLU units; 8000 steps, not 100,000 with 5 critic steps each",
    "higher rates for that: Adam 1e-3 (authors: 1e-4), RMSprop 5e-4 (authors: 5e-5); the limit 0.01 is theirs",
    "the penalty's weight is the paper's 10; the authors' toy code has 0.1, with which slopes settle far above 1",
    "float64, and a grid of 41 x 41 points on [-2, 2]^2, not 128 x 128 on [-3, 3]^2",
]


def samples(density, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Data, and other data plus unit noise: both [n, 2]."""
    real, other = density.sample([2, n])
    return real, other + torch.randn(n, 2, dtype=other.dtype)


def probe(density) -> tuple[torch.Tensor, torch.Tensor]:
    """The points [POINTS, 2] on which critics are judged; none of them was trained on."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return samples(density, POINTS)


def report(critic: Discriminator, real: torch.Tensor, fake: torch.Tensor) -> float:
    with torch.no_grad():
        return float(f"{(critic(real).mean() - critic(fake).mean()).item():.6g}")


def train(density, method: str, steps: int = STEPS) -> tuple[Discriminator, dict]:
    """The critic after so many steps, and its report at those of REPORTED."""
    torch.manual_seed(0)
    critic = Discriminator(2, hidden=(WIDTH,) * 3, dtype=torch.float64)
    if method == "penalty":
        optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
    else:
        optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-4)
        penalties.clip_weights(critic, LIMIT)
    reports = {}
    for step in range(1, steps + 1):
        real, fake = samples(density, BATCH)
        loss = losses.critic(critic(real), critic(fake))
        if method == "penalty":
            loss = loss + WEIGHT * penalties.gradient_penalty(critic, real, fake)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if method == "clipping":
            penalties.clip_weights(critic, LIMIT)
        if step in REPORTED:
            reports[str(step)] = report(critic, *probe(density))
    return critic, reports


def describe(density, method: str) -> dict:
    """What is kept of a trained critic."""
    critic, reports = train(density, method)
    real, fake = probe(density)
    line = torch.linspace(-REACH, REACH, SIDE, dtype=torch.float64)
    lengths = torch.cdist(real, fake)
    partner = torch.from_numpy(scipy.optimize.linear_sum_assignment(lengths.numpy())[1])
    mix = torch.rand(POINTS, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    slopes = {
        name: penalties.input_gradient(critic, torch.lerp(other, real, mix)).norm(dim=1)
        for name, other in (("partners", fake[partner]), ("strangers", fake))
    }
    tenths = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    weights = torch.cat([p.detach().flatten().abs() for p in critic.parameters() if p.ndim == 2])
    with torch.no_grad():
        values = critic(torch.cartesian_prod(line, line)).view(SIDE, SIDE)  # [x, y]
    return {
        "reports": reports,
        "w1": float(f"{lengths[range(POINTS), partner].mean():.4g}"),
        "slopes": {name: [float(f"{q:.4g}") for q in each.quantile(tenths)] for name, each in slopes.items()},
        "weights_at_limit": round((weights >= LIMIT * (1 - 1e-6)).double().mean().item(), 4),
        "largest_weight": float(f"{weights.max():.4g}"),
        "values": [[float(f"{v:.4g}") for v in row] for row in (values - values.mean()).tolist()],
    }


def main() -> None:
    torch.set_num_threads(1)
    start = time.time()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    found = {name: {method: describe(build(), method) for method in METHODS} for name, build in SETS.items()}
    settings = {"steps": STEPS, "batch": BATCH, "width": WIDTH, "weight": WEIGHT, "limit": LIMIT, "reach": REACH}
    content = {"settings": settings, "departures": DEPARTURES, "sets": found}
    (HERE / "metrics.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "seeds": [0],
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, one thread",
        "wall_seconds": round(time.time() - start),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Critics under the gradient penalty and under clipping: `python book/results/critic_landscapes/run.py`, a minute.

After figure 2 of WGAN-GP: the generator is fixed, its samples are the data plus unit Gaussian noise, and a critic is
trained between them, on 8 Gaussians, 25 Gaussians and the swiss roll. Kept are the critic on a grid, its slopes between
the two kinds of samples, its estimate beside W1 of the same points by linear programming, and its weights' share at the
limit. Results go to metrics.json beside this file, their circumstances to provenance.json.
"""

import json
import platform
import subprocess
import time
from functools import partial
from pathlib import Path

import torch

from ganedu import densities, losses, penalties, transport
from ganedu.networks.mlp import Discriminator

HERE = Path(__file__).resolve().parent
SETS = {
    "8 Gaussians": partial(densities.ring, 8, 2 / 1.414, std=0.02 / 1.414),
    "25 Gaussians": partial(densities.lattice, 5, 2 / 2.828, std=0.05 / 2.828),
    "swiss roll": densities.swiss_roll,
}
STEPS, BATCH, WIDTH, WEIGHT, LIMIT, SIDE, POINTS, REACH = 600, 256, 128, 10.0, 0.01, 33, 128, 2.0
DEPARTURES = [
    "three hidden layers of 128 leaky units, not 512 ReLU units, and 600 steps, not 100,000 with 5 critic steps each",
    "higher rates for that: Adam 1e-3 (authors: 1e-4), RMSprop 5e-4 (authors: 5e-5); the limit 0.01 is theirs",
    "the penalty's weight is the paper's 10; the authors' toy code has 0.1, with which slopes settle far above 1",
]


def samples(density, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Data, and other data plus unit noise: both [n, 2] in float32."""
    real, other = density.sample([2, n]).float()
    return real, other + torch.randn(n, 2)


def train(density, method: str) -> Discriminator:
    torch.manual_seed(0)
    critic = Discriminator(2, hidden=(WIDTH,) * 3)
    if method == "penalty":
        optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
    else:
        optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-4)
        penalties.clip_weights(critic, LIMIT)
    for _ in range(STEPS):
        real, fake = samples(density, BATCH)
        loss = losses.critic(critic(real), critic(fake))
        if method == "penalty":
            loss = loss + WEIGHT * penalties.gradient_penalty(critic, real, fake)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if method == "clipping":
            penalties.clip_weights(critic, LIMIT)
    return critic


def describe(density, critic: Discriminator) -> dict:
    """What is kept of a trained critic, on points that it has not seen."""
    torch.manual_seed(1)
    real, fake = samples(density, POINTS)
    line = torch.linspace(-REACH, REACH, SIDE)
    even = torch.full((POINTS,), 1 / POINTS, dtype=torch.float64)
    exact = transport.wasserstein_lp(even, even, torch.cdist(real.double(), fake.double())).cost
    between = penalties.uniform_mix(real)
    slopes = penalties.input_gradient(critic, between * real + (1 - between) * fake).norm(dim=1)
    weights = torch.cat([p.detach().flatten().abs() for p in critic.parameters() if p.ndim == 2])
    with torch.no_grad():
        values = critic(torch.cartesian_prod(line, line)).view(SIDE, SIDE)  # [x, y]
        estimate = (critic(real).mean() - critic(fake).mean()).item()
    return {
        "values": [[float(f"{v:.4g}") for v in row] for row in (values - values.mean()).tolist()],
        "estimate": float(f"{estimate:.4g}"),
        "w1": float(f"{exact:.4g}"),
        "slopes": [float(f"{q:.4g}") for q in slopes.quantile(torch.tensor([0.1, 0.5, 0.9]))],
        "weights_at_limit": round((weights >= LIMIT * (1 - 1e-6)).double().mean().item(), 4),
        "largest_weight": float(f"{weights.max():.4g}"),
    }


def main() -> None:
    torch.set_num_threads(1)
    start = time.time()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    found = {
        name: {method: describe(build(), train(build(), method)) for method in ("penalty", "clipping")}
        for name, build in SETS.items()
    }
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

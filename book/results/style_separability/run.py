"""Is W easier to read than Z? `python book/results/style_separability/run.py`, one thread, about a minute of CPU.

Two factors a and b are uniform on a square of which one corner is missing, so that a and b are never both large. A
generator of two factors learns them from noise z in the plane, by way of a style w in the plane: mapping and synthesis
have two hidden layers each. All seeds train at once, their weights stacked. Then a linear classifier reads from z, and
one from w, whether a factor lies above a threshold, of which there are several; and straight paths between two z, and
between two w, are measured by their images. Everything is measured with the weights of the start, too.
"""

import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402

SEEDS, STEPS, BATCH, WIDTH, GAMMA = 12, 6000, 128, 48, 0.3
RATE, BETAS, DECAY = 2e-3, (0.0, 0.99), 0.999
POINTS, EPSILON = 8000, 1e-3
THRESHOLDS = (-0.5, 0.0, 0.5)


class Layers:
    """Dense layers for all seeds at once, leaky ReLU between them: [seeds, n, inputs] to [seeds, n, outputs]."""

    def __init__(self, widths: list[int], random: torch.Generator):
        self.weights = []
        for inputs, outputs in pairwise(widths):
            weight = torch.randn(SEEDS, inputs, outputs, generator=random) * (2 / inputs) ** 0.5
            self.weights += [weight.requires_grad_(), torch.zeros(SEEDS, 1, outputs, requires_grad=True)]

    def __call__(self, x: Tensor, weights: list[Tensor] | None = None) -> Tensor:
        weights = weights or self.weights
        for i in range(0, len(weights), 2):
            x = torch.baddbmm(weights[i + 1], x if i == 0 else F.leaky_relu(x, 0.2), weights[i])
        return x


def factors(n: int, random: torch.Generator) -> Tensor:
    """a and b, [seeds, n, 2]: uniform on [-1, 1]^2 without the quarter where both are positive."""
    quarter = torch.randint(3, (SEEDS, n), generator=random)
    signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])[quarter]
    return signs * torch.rand(SEEDS, n, 2, generator=random)


def train():
    """The averaged weights of mapping and synthesis at the start and at the end."""
    random = torch.Generator().manual_seed(0)
    mapping, synthesis = Layers([2, WIDTH, WIDTH, 2], random), Layers([2, WIDTH, WIDTH, 2], random)
    judge = Layers([2, 96, 96, 1], random)
    both = mapping.weights + synthesis.weights
    average = [weight.detach().clone() for weight in both]
    start = [weight.clone() for weight in average]
    adam_g, adam_d = (torch.optim.Adam(weights, lr=RATE, betas=BETAS, fused=True) for weights in (both, judge.weights))
    for step in range(STEPS):
        real, z = factors(BATCH, random).requires_grad_(), torch.randn(SEEDS, BATCH, 2, generator=random)
        fake, score = synthesis(mapping(z)), judge(real)
        (slope,) = torch.autograd.grad(score.sum(), real, create_graph=True)
        loss = F.softplus(-score).mean() + F.softplus(judge(fake.detach())).mean()
        adam_d.zero_grad()
        (SEEDS * (loss + GAMMA / 2 * slope.square().sum(2).mean())).backward()
        adam_d.step()
        adam_g.zero_grad()
        (SEEDS * F.softplus(-judge(fake)).mean()).backward()
        adam_g.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, both, 1 - min(DECAY, (1 + step) / (10 + step)))
        if step % 1000 == 999:
            print(step + 1, f"{loss.item():.3f}", flush=True)
    return mapping, synthesis, start, average


def misread(points: np.ndarray, labels: np.ndarray) -> float:
    """Share of the second half of the points that a linear classifier, fitted to the first, reads wrongly."""
    half = len(points) // 2
    center, scale = points[:half].mean(0), points[:half].std(0)
    points = (points - center) / scale
    if labels[:half].min() == labels[:half].max():
        return float((labels[half:] != labels[0]).mean())
    classifier = LogisticRegression(C=1e4).fit(points[:half], labels[:half])
    return float((classifier.predict(points[half:]) != labels[half:]).mean())


@torch.no_grad()
def measure(mapping, synthesis, weights):
    """For each seed: share misread in z and in w, path length in z and in w, share of samples in the missing corner."""
    random, count = torch.Generator().manual_seed(1), len(mapping.weights)
    style = lambda z: mapping(z, weights[:count])  # noqa: E731
    image = lambda w: synthesis(w, weights[count:])  # noqa: E731
    z = torch.randn(SEEDS, POINTS, 2, generator=random)
    w = style(z)
    made = image(w)
    rows = [{} for _ in range(SEEDS)]
    for name, points in (("z", z), ("w", w)):
        for seed, row in enumerate(rows):
            read = [misread(points[seed].numpy(), (made[seed, :, k] > s).numpy()) for k in (0, 1) for s in THRESHOLDS]
            row[f"misread_{name}"] = round(float(np.mean(read)), 5)
    weights = [weight.double() for weight in weights]
    first, second = torch.randn(2, SEEDS, POINTS, 2, generator=random).double()
    t = torch.rand(SEEDS, POINTS, 1, generator=random).double() * (1 - EPSILON)
    ways = {
        "z": lambda t: image(style(torch.lerp(first, second, t))),
        "w": lambda t: image(torch.lerp(style(first), style(second), t)),
    }
    for name, way in ways.items():
        lengths = ((way(t + EPSILON) - way(t)) / EPSILON).square().sum(2).mean(1)
        for row, length in zip(rows, lengths, strict=True):
            row[f"path_{name}"] = round(length.item(), 4)
    for row, share in zip(rows, (made > 0.05).all(2).double().mean(1), strict=True):
        row["in_missing_corner"] = round(share.item(), 4)
    grid = torch.cartesian_prod(torch.linspace(-2.5, 2.5, 31), torch.linspace(-2.5, 2.5, 31))
    w = style(grid.double().expand(SEEDS, -1, -1))
    picture = {"w": w[0].tolist(), "made": image(w)[0].tolist()}
    return rows, picture


def main():
    torch.set_num_threads(1)
    about, began, cpu = circumstances(HERE), time.monotonic(), time.process_time()
    mapping, synthesis, start, average = train()
    before, _ = measure(mapping, synthesis, start)
    after, picture = measure(mapping, synthesis, average)
    picture = {name: np.round(values, 3).tolist() for name, values in picture.items()}
    metrics = {"steps": STEPS, "thresholds": THRESHOLDS, "start": before, "end": after, "grid_of_seed_0": picture}
    provenance = about | {
        "seeds": list(range(SEEDS)),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "wall_seconds": round(time.monotonic() - began, 1),
    }
    keep(HERE, metrics, provenance)


if __name__ == "__main__":
    main()

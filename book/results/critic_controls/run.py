"""Loss, leash or bias? `python book/results/critic_controls/run.py`, about 12 minutes of one CPU thread.

The fast critic of chapter 20, and beside it what has the other loss, no penalty, or neither: two losses times penalty
or none, and nothing else differs. All four come without a bias, as the recipes have it, and with biases in the first
convolution of the critic. The other arms are the rates of D that `critic_speeds` lacks, without and with these biases.
The code is that of the chapter's cells with the tag `speed-code`, as in `critic_speeds`. Kept are losses, gaps and
Fréchet distances of every 20 steps, and the mean scores of real and generated images at the end. Numbers go to
metrics.json, their circumstances, with the hash of the code, to provenance.json.
"""

import hashlib
import sys
import time
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from biased import biased  # noqa: E402
from critic_speeds.run import SEEDS, STEPS, code  # noqa: E402
from store import circumstances, keep  # noqa: E402

RATES = {"dcgan": {"learning_rate": 1e-3}, "wgan-gp": {"width": 16, "learning_rate": 2e-3}}
FAST = {"learning_rate_d": 6e-3}
BARE = {
    f"{loss}, {penalty}": ("wgan-gp", FAST | {"loss": loss, "penalty": penalty})
    for loss in ("wasserstein", "non_saturating")
    for penalty in ("gradient_penalty", "none")
} | {
    "DCGAN, one rate": ("dcgan", {"learning_rate_d": 1e-3}),
    "WGAN-GP, one rate": ("wgan-gp", {"learning_rate_d": 2e-3}),
}
SLOW = {"WGAN-GP, slow D": ("wgan-gp", {"learning_rate_d": 6e-4})}
ARMS = BARE | {f"{name}, a bias": arm for name, arm in (BARE | SLOW).items()}


def scores(scope: dict, recipe) -> list[float]:
    """Mean score of the real images, and of as many fresh samples of the generator in play."""
    real = scope["data"].to_floats(scope["digits"])
    fake = recipe.sample(len(real), torch.Generator().manual_seed(9))
    with torch.no_grad():
        return [round(recipe.networks["discriminator"](images).mean().item(), 4) for images in (real, fake)]


def main() -> None:
    provenance, start, source = circumstances(HERE), time.time(), code()
    scope: dict = {}
    exec(source, scope)
    arms: dict[str, dict[str, list]] = {}
    for name, (recipe, changes) in ARMS.items():
        kind = scope["recipes"].get(recipe)
        kind = biased(kind) if name.endswith("a bias") else kind
        for seed in range(SEEDS):
            run = scope["start"](kind, seed, **RATES[recipe], **changes)
            scope["train"](*run, steps=STEPS)
            found = dict(zip(("loss_d", "gap", "frechet_distance"), zip(*run[-1], strict=True), strict=True))
            found = {key: [round(value, 4) for value in values] for key, values in found.items()}
            for key, value in (found | {"scores": scores(scope, run[0])}).items():
                arms.setdefault(name, {}).setdefault(key, []).append(value)
    settings = {"seeds": SEEDS, "steps": STEPS, "noted_every": 20}
    provenance |= {"code_sha256": hashlib.sha256(source.encode()).hexdigest(), "seeds": list(range(SEEDS))}
    keep(HERE, {"settings": settings, "arms": arms}, provenance | {"wall_seconds": round(time.time() - start)})


if __name__ == "__main__":
    main()

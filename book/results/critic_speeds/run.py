"""The four runs of chapter 20 over five seeds: `python book/results/critic_speeds/run.py`, about 6 minutes of one CPU
thread.

DCGAN and WGAN-GP, each with a discriminator at 0.3 and at 3 times the rate of its generator, 200 steps, and the faster
DCGAN without batch norm in its discriminator. The code is not copied: the chapter's cells with the tag `speed-code` are
executed as they are printed. Kept are what was noted every 20 steps, the Fréchet distance of the last samples times one
factor that gives them the contrast of the data, and for WGAN-GP the live report, the difference of the means, and the
patient report. Numbers go to metrics.json, their circumstances, with the hash of the code, to provenance.json.
"""

import hashlib
import sys
import time
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
CHAPTER = HERE.parents[1] / "chapters" / "20_wgan_gp.md"
SEEDS, STEPS, TAG = 5, 200, "speed-code"
BARE = {"learning_rate": 1e-3, "learning_rate_d": 3e-3, "norm": "none", "bias": False}
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep, tagged  # noqa: E402


def code() -> str:
    """The source of the chapter's cells with the tag."""
    return tagged(CHAPTER, TAG)


def repaired(scope: dict, recipe, average) -> float:
    """Fréchet distance of samples times one factor, to the training images."""
    samples = recipe.sample(len(scope["digits"]), torch.Generator().manual_seed(9), generator=average.network)
    factor = scope["data"].to_floats(scope["digits"]).std() / samples.std()
    features = scope["classifier"].extract((factor * samples).clamp(-1, 1)).features
    return round(scope["metrics"].frechet_from_features(features, scope["real_features"]).item(), 3)


def noted(history: list) -> dict[str, list]:
    """What the loop noted every 20 steps, by name."""
    columns = zip(("loss_d", "gap", "frechet_distance"), zip(*history, strict=True), strict=True)
    return {key: [round(value, 4) for value in values] for key, values in columns}


def main() -> None:
    provenance, start, source = circumstances(HERE), time.time(), code()
    scope: dict = {}
    exec(source, scope)
    arms: dict[str, dict[str, list]] = {}
    for seed in range(SEEDS):
        bare = scope["start"]("dcgan", seed, **BARE)
        for name, run in (scope["four"](seed) | {"DCGAN, fast D, no norm": bare}).items():
            scope["train"](*run, steps=STEPS)
            recipe, *_, average, history = run
            found = noted(history) | {"repaired": repaired(scope, recipe, average)}
            if name.startswith("WGAN-GP"):
                waited = zip(("live", "means", "patient"), scope["seen_again"](recipe), strict=True)
                found |= {key: round(value, 4) for key, value in waited}
            for key, value in found.items():
                arms.setdefault(name, {}).setdefault(key, []).append(value)
    settings = {"seeds": SEEDS, "steps": STEPS, "noted_every": 20}
    provenance |= {"code_sha256": hashlib.sha256(source.encode()).hexdigest(), "seeds": list(range(SEEDS))}
    keep(HERE, {"settings": settings, "arms": arms}, provenance | {"wall_seconds": round(time.time() - start)})


if __name__ == "__main__":
    main()

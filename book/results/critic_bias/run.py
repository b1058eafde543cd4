"""Chapter 20's runs with a bias: `python book/results/critic_bias/run.py`, about 6 minutes of one CPU thread.

The runs of `critic_speeds` and `critic_controls` once more, under the names that they have there; but the first
convolution of every discriminator and critic learns biases, and nothing else differs. The code is that of the chapter's
cells with the tag `speed-code`, as there. Kept are losses, gaps and Fréchet distances of every 20 steps, and the
distance of the last samples times one factor that gives them the contrast of the data. Numbers go to metrics.json,
their circumstances, with the hash of the code, to provenance.json.
"""

import hashlib
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from critic_controls.run import ARMS  # noqa: E402
from critic_speeds.run import BARE, SEEDS, STEPS, code, noted, repaired  # noqa: E402
from store import circumstances, keep  # noqa: E402

OTHERS = ARMS | {"DCGAN, fast D, no norm": ("dcgan", BARE)}
BIAS = {"bias": True}
DONE = "wasserstein, gradient_penalty"  # the fast critic of the four runs


def runs(scope: dict, seed: int) -> dict[str, tuple]:
    """The chapter's four runs and their controls, by name."""
    start = scope["start"]
    others = {name: start(kind, seed, **changes | BIAS) for name, (kind, changes) in OTHERS.items() if name != DONE}
    return scope["four"](seed, **BIAS) | others


def main() -> None:
    provenance, start, source = circumstances(HERE), time.time(), code()
    scope: dict = {}
    exec(source, scope)
    arms: dict[str, dict[str, list]] = {}
    for seed in range(SEEDS):
        for name, run in runs(scope, seed).items():
            scope["train"](*run, steps=STEPS)
            recipe, *_, average, history = run
            for key, value in (noted(history) | {"repaired": repaired(scope, recipe, average)}).items():
                arms.setdefault(name, {}).setdefault(key, []).append(value)
    settings = {"seeds": SEEDS, "steps": STEPS, "noted_every": 20}
    provenance |= {"code_sha256": hashlib.sha256(source.encode()).hexdigest(), "seeds": list(range(SEEDS))}
    keep(HERE, {"settings": settings, "arms": arms}, provenance | {"wall_seconds": round(time.time() - start)})


if __name__ == "__main__":
    main()

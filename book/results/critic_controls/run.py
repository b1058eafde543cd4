"""Loss or leash? `python book/results/critic_controls/run.py`, about 6 minutes of one CPU thread.

The fast critic of chapter 20, and beside it what has the other loss, no penalty, or neither: two losses times penalty
or none, and nothing else differs. Two more arms are the chapter's recipes with both players at one rate. The code is
that of the chapter's cells with the tag `speed-code`, as in `critic_speeds`. Kept are losses, gaps and Fréchet
distances of every 20 steps. Numbers go to metrics.json, their circumstances, with the hash of the code, to
provenance.json.
"""

import hashlib
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from critic_speeds.run import SEEDS, STEPS, code, noted  # noqa: E402
from store import circumstances, keep  # noqa: E402

FAST = {"width": 16, "learning_rate": 2e-3, "learning_rate_d": 6e-3, "bias": False}
ARMS = {
    f"{loss}, {penalty}": ("wgan-gp", FAST | {"loss": loss, "penalty": penalty})
    for loss in ("wasserstein", "non_saturating")
    for penalty in ("gradient_penalty", "none")
} | {
    "DCGAN, one rate": ("dcgan", {"learning_rate": 1e-3, "learning_rate_d": 1e-3, "bias": False}),
    "WGAN-GP, one rate": ("wgan-gp", FAST | {"learning_rate_d": 2e-3}),
}


def main() -> None:
    provenance, start, source = circumstances(HERE), time.time(), code()
    scope: dict = {}
    exec(source, scope)
    arms: dict[str, dict[str, list]] = {}
    for name, (recipe, changes) in ARMS.items():
        for seed in range(SEEDS):
            run = scope["start"](recipe, seed, **changes)
            scope["train"](*run, steps=STEPS)
            for key, values in noted(run[-1]).items():
                arms.setdefault(name, {}).setdefault(key, []).append(values)
    settings = {"seeds": SEEDS, "steps": STEPS, "noted_every": 20}
    provenance |= {"code_sha256": hashlib.sha256(source.encode()).hexdigest(), "seeds": list(range(SEEDS))}
    keep(HERE, {"settings": settings, "arms": arms}, provenance | {"wall_seconds": round(time.time() - start)})


if __name__ == "__main__":
    main()

"""What a run is asked to do, its fingerprint, and what differs between two of them.

Taught in {ref}`training`.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_type_hints

from ganedu.training.precision import PRECISIONS
from ganedu.training.validation import Whole, require, rule_of

CADENCE = ("log_every", "sample_every", "checkpoint_every")  # when to write; the weights do not depend on it
MOST_STEPS = 10**9
RULES = dict.fromkeys((*CADENCE, "steps", "evaluate_images"), Whole(1)) | dict.fromkeys(
    ("seed", "evaluate_every", "keep_last", "keep_every"), Whole(0)
)
_MISSING = "nothing"
_CONSEQUENCES = ("data.sha256", "recipe.image_shape")
# More steps lead on along the same path as long as the learning rates agree, which is asked apart; the root is a place.
_NOT_COMPARED = (
    *CADENCE,
    "evaluate_every",
    "evaluate_images",
    "keep_last",
    "keep_every",
    "steps",
    "root",
    "hash",
    "names_sha256",
)


@dataclass(frozen=True)
class TrainConfig:
    """How long and how to train; the defaults suit the CPU miniatures.

    steps: iterations of the recipe, whose own configuration says the size and number of images a step.
    seed: of the weights, the noise and the order of the data. ema: decay of the averaged generator, 0 for none.
    precision: "fp32", "tf32" or "bf16". compile: torch.compile the losses. cuda_graph: record the step on the GPU.
    log_every, sample_every, checkpoint_every: steps between two rows of metrics, grids of samples, checkpoints.
    evaluate_every: steps between two Fréchet distances of evaluate_images generated images, 0 for none.
    keep_last: checkpoints to keep, besides the last two, to go back to; keep_every: keep those of every so many steps
    for good; 0 for none.
    Raises ValueError for a value out of range.
    Taught in {ref}`training`.
    """

    steps: int = 500
    seed: int = 0
    ema: float = 0.999
    precision: str = "fp32"
    compile: bool = False
    cuda_graph: bool = False
    log_every: int = 10
    sample_every: int = 100
    checkpoint_every: int = 100
    evaluate_every: int = 0
    evaluate_images: int = 2000
    keep_last: int = 0
    keep_every: int = 0

    def __post_init__(self):
        hints = get_type_hints(TrainConfig)
        for name in hints:
            require(getattr(self, name), RULES.get(name, rule_of(hints[name])), name)
        if self.steps > MOST_STEPS:
            years = self.steps // 1000 // (365 * 24 * 3600)
            raise ValueError(
                f"steps must be at most {MOST_STEPS:,}: at a thousand a second {self.steps} would take {years:,} years"
            )
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0, 1), not {self.ema}; 0 turns averaging off")
        if self.precision not in PRECISIONS:
            raise ValueError(f"unknown precision {self.precision!r}; choose one of {', '.join(PRECISIONS)}")


def fingerprint(plan: dict) -> str:
    """SHA-256 of what determines the weights of a run: two runs with the same one take the same path.

    plan: the content of config.json, nested dictionaries of primitives.
    Taught in {ref}`training`.
    """
    return hashlib.sha256(json.dumps(dict(_leaves(plan)), sort_keys=True).encode()).hexdigest()


def differences(old: dict, new: dict) -> list[str]:
    """One line per entry that differs, "training.seed: 0 before, 1 now".

    What a person chose comes first, then what follows from it: the shape of the images, the hash of their bytes.
    What does not change the path of the weights is not compared: the cadence, the number of steps, the data's folder.
    Taught in {ref}`training`.
    """
    before, now = dict(_leaves(old)), dict(_leaves(new))
    return [
        f"{key}: {_short(before.get(key, _MISSING))} before, {_short(now.get(key, _MISSING))} now"
        for key in sorted({*before, *now}, key=lambda key: (key in _CONSEQUENCES, key))
        if before.get(key, _MISSING) != now.get(key, _MISSING)
    ]


def _short(value) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def _leaves(plan: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in plan.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        elif key not in _NOT_COMPARED:
            if prefix + key == "data.name":  # a folder is known by its pictures, and may be moved
                value = f"{value.partition(':')[0]}:" if ":" in value else value
            yield prefix + key, list(value) if isinstance(value, tuple) else value

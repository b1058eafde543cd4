"""What a run is asked to do, its fingerprint, and what differs between two of them.

Taught in {ref}`training`.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields

from ganedu.training.precision import PRECISIONS

CADENCE = ("log_every", "sample_every", "checkpoint_every")  # when to write; the weights do not depend on it
_MISSING = "nothing"
# More steps lead on along the same path as long as the learning rates agree, which is asked apart; the root is a place.
_NOT_COMPARED = (*CADENCE, "evaluate_every", "evaluate_images", "steps", "root", "hash")


@dataclass(frozen=True)
class TrainConfig:
    """How long and how to train; the defaults suit the CPU miniatures.

    steps: iterations of the recipe, whose own configuration says the size and number of images a step.
    seed: of the weights, the noise and the order of the data. ema: decay of the averaged generator, 0 for none.
    precision: "fp32", "tf32" or "bf16". compile: torch.compile the losses. cuda_graph: record the step on the GPU.
    log_every, sample_every, checkpoint_every: steps between two rows of metrics, grids of samples, checkpoints.
    evaluate_every: steps between two Fréchet distances of evaluate_images generated images, 0 for none.
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

    def __post_init__(self):
        for name in ("steps", "evaluate_images", *CADENCE):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.evaluate_every < 0:
            raise ValueError(f"evaluate_every must not be negative, but is {self.evaluate_every}; 0 turns it off")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0, 1), not {self.ema}; 0 turns averaging off")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be in [0, 2**63), not {self.seed}")
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

    What does not change the path of the weights is not compared: the cadence, the number of steps, the data's folder.

    Taught in {ref}`training`.
    """
    before, now = dict(_leaves(old)), dict(_leaves(new))
    return [
        f"{key}: {before.get(key, _MISSING)} before, {now.get(key, _MISSING)} now"
        for key in sorted({*before, *now})
        if before.get(key, _MISSING) != now.get(key, _MISSING)
    ]


def from_plan(plan: dict) -> TrainConfig:
    """The TrainConfig of a config.json. Raises ValueError for entries that are missing or unknown.

    Taught in {ref}`training`.
    """
    given, known = set(plan["training"]), {field.name for field in fields(TrainConfig)}
    if odd := sorted(given ^ known):
        raise ValueError(f"config.json: unknown or missing under 'training': {', '.join(odd)}")
    return TrainConfig(**plan["training"])


def _leaves(plan: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in plan.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        elif key not in _NOT_COMPARED:
            yield prefix + key, list(value) if isinstance(value, tuple) else value

"""What a run's config.json, checkpoint and metrics.jsonl must hold; all three are checked against this on reading.

Taught in {ref}`training`.
"""

import json
from pathlib import Path

import torch

from ganedu.training.config import TrainConfig
from ganedu.training.errors import TrainingError
from ganedu.training.options import from_record
from ganedu.training.validation import FLAG, Anything, Maybe, Number, Row, Table, Tensors, Text, Whole, require

FORMAT = 1
COUNT, SIDE, TEXT = Whole(1), Whole(1, 2**16), Text()
BYTES, WEIGHTS = Tensors(torch.uint8), Table(rest=Tensors())

DETAILS = Table({}, {"classes": Row(TEXT, least=1), "words": Row(TEXT, least=1), "input_shape": Row(SIDE, length=3)})
PLAN = Table(
    {
        "format": Whole(1, FORMAT),
        "recipe": Table(
            {"name": TEXT, "config": Table(rest=Anything()), "image_shape": Row(SIDE, least=3)},
            {"kind": TEXT, "details": DETAILS},
        ),
        "data": Table(
            {"name": TEXT, "images": Anything(), "sha256": TEXT},
            {"streamed": FLAG, "root": Maybe(TEXT), "names_sha256": TEXT},
        ),
        "training": Table(rest=Anything()),
        "processes": COUNT,
        "hash": TEXT,
    }
)
SESSION = Table(
    {"from_step": Whole(0), "to_step": Whole(0), "seconds": Number(0)},
    {"threads": COUNT, "device": TEXT, "torch": TEXT, "changed": Table(rest=Number())},
)
PROCESS = Table(
    {
        "batches": Table(rest=Anything()),
        "extra": Table(rest=Anything()),
        "noise": BYTES,
        "global": BYTES,
        "global_gpu": Maybe(BYTES),
        "device": TEXT,
    }
)
STATE = Table(
    {
        "step": Whole(0),
        "recipe": Table(
            {
                "networks": Table(rest=WEIGHTS),
                "optimizers": Table(rest=Table({"state": Anything(), "param_groups": Row(Table(rest=Anything()))})),
            }
        ),
        "average": Maybe(WEIGHTS),
        "processes": Row(PROCESS, least=1),
        "sessions": Row(SESSION),
        "plan": Table(rest=Anything()),
        "hash": TEXT,
    }
)
ROW = Table({"step": Whole(1)}, rest=Anything())


def read_json(path: Path):
    """What a JSON file holds.

    Raises TrainingError, naming the file, if it cannot be read or is none.
    Taught in {ref}`training`.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path} is not JSON ({error}); put back what it was") from None
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror or error}") from None


def check_plan(plan, where) -> dict:
    """The plan of a run, as its config.json holds it; options that an older version did not know get their defaults.

    where: how messages call the place.
    Raises TrainingError for anything else, naming the entry.
    Taught in {ref}`training`.
    """
    try:
        if isinstance(plan, dict) and type(plan.get("format")) is int and plan["format"] > FORMAT:
            raise ValueError(f"format {plan['format']} is of a newer version of ganedu, this one knows {FORMAT}")
        require(plan, PLAN, "")
        counts = plan["data"]["images"] if isinstance(plan["data"]["images"], list) else [plan["data"]["images"]]
        require(counts, Row(COUNT, least=1), "data.images")
        from_record(TrainConfig, plan["training"], where="training")
    except ValueError as error:
        raise TrainingError(f"{where}: {error}; put back what it was") from None
    return plan


def check_state(state) -> dict:
    """The state of a run, as its checkpoint holds it.

    Raises ValueError for anything else, naming the entry.
    Taught in {ref}`training`.
    """
    require(state, STATE, "")
    steps = check_plan(state["plan"], "its plan")["training"].get("steps", TrainConfig.steps)
    if state["step"] > steps:
        raise ValueError(f"step {state['step']} of {steps}")
    return state

"""Measure what a run made, and keep the numbers with their protocol.

Taught in {ref}`ch-evaluation`.
"""

import json
from pathlib import Path

import torch

from ganedu import data
from ganedu.training import checkpoint, run_folder
from ganedu.training.errors import TrainingError
from ganedu.training.runs import load

RESULTS = "evaluation.json"
CHUNK = 500


def evaluate(
    run, *, n=2000, split="test", seed=0, ema=True, device="cpu", previous=False, root=None, cache=None
) -> str:
    """Measure n generated images against the real ones of a split, add the report to evaluation.json, and return it.

    The text gives the numbers of this step, their protocol, and the best Fréchet distance measured by it so far.
    cache: folder of the feature networks, as for `ganedu.metrics.features.network`.
    Raises TrainingError for a run without a named data set; ValueError for sets without classes.
    Taught in {ref}`ch-evaluation`.
    """
    from ganedu.metrics import features, report

    run = Path(run)
    plan, step = run_folder.read_config(run), checkpoint.read(run, previous=previous)["step"]
    name, root = plan["data"]["name"], root or plan["data"].get("root")
    if name == "tensor":
        raise TrainingError(f"{run} was trained on a tensor without a name; use ganedu.metrics with its images")
    recipe = load(run, device=device, ema=ema, previous=previous)
    random = torch.Generator(device).manual_seed(seed)
    fake = torch.cat([recipe.sample(min(CHUNK, n - i), random).cpu() for i in range(0, n, CHUNK)])
    averaged = ema and plan["training"]["ema"] > 0
    network = features.network(name, root=root, cache=cache)
    # The generator has learned images of its own size: without this the resampling would be measured.
    real = data.load(name, split, root, size=recipe.config.size).images
    found = report.evaluate(network, real, fake, split=split, step=step, averaged=averaged)
    reports = [*_stored(run / RESULTS), found]
    run_folder.write_json(run / RESULTS, {"reports": [each.record() for each in reports]})
    _, best = report.final_and_best([each for each in reports if each.protocol == found.protocol])
    return _text(found, best)


def _stored(path: Path) -> list:
    from ganedu.metrics import report

    if not path.exists():
        return []
    try:
        return [report.Report.from_record(record) for record in json.loads(path.read_text())["reports"]]
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged ({error}); delete it and evaluate again") from None


def _text(found, best) -> str:
    protocol = found.protocol
    lines = [f"{name:18} {value:.4f}" for name, value in found.values.items()]
    weights = "averaged generator" if found.averaged else "last generator"
    lines.append(f"step {found.step}, {weights}; {protocol.n_fake} generated and {protocol.n_real} real images")
    lines.append(f"({protocol.data}, {protocol.split}); features {protocol.features}")
    lines.append(f"best frechet_distance so far: {best.values['frechet_distance']:.4f} at step {best.step}")
    return "\n".join(lines)

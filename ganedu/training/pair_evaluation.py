"""Measure what a recipe of pairs makes of inputs whose partners are known.

Taught in {ref}`ch-paired-translation`.
"""

import torch

from ganedu.data import kinds, stored, to_floats
from ganedu.metrics import mean_absolute_error, psnr, report
from ganedu.recipes.paired import alike

SPLIT = "test"
CHUNK = 100
DISTORTIONS = {"mean_absolute_error": mean_absolute_error, "psnr": psnr}


class PairEvaluator:
    """Compares what generators of one run make of inputs with the inputs' partners, which are read once.

    plan: the run's config.json; n: the first so many pairs of the split, all if there are fewer; root: folder of
    downloaded sets, the run's if None. `kind` and `cache` are those of `Evaluator`, and not needed.
    Taught in {ref}`ch-paired-translation`.
    """

    criterion = "mean_absolute_error"

    def __init__(self, plan: dict, kind, *, n: int, split: str = SPLIT, root=None, cache=None):
        name, (_, side, _) = plan["data"]["name"], plan["recipe"]["image_shape"]
        pairs = stored.load(kinds.Pairs, name, split, root or plan["data"].get("root"), size=side).data
        self.inputs, self.targets = (to_floats(field[:n], torch.float32) for field in pairs)
        count, size = len(self.targets), tuple(self.targets.shape[2:])
        self.protocol = report.Protocol(
            data=name, split=split, n_real=count, n_fake=count, features=report.PIXELS, size=size
        )

    def measure(self, recipe, *, step: int, averaged: bool, seed: int = 0, generator=None, names=tuple(DISTORTIONS)):
        """Report on what `recipe` makes of the inputs, by `generator` if one is given; no random numbers are used."""
        device = next(recipe.networks["generator"].parameters()).device
        parts = self.inputs.split(CHUNK)
        made = torch.cat([recipe.translate(part.to(device), generator=generator).float().cpu() for part in parts])
        values = {name: DISTORTIONS[name](made, self.targets).item() for name in names if name in DISTORTIONS}
        return report.Report(protocol=self.protocol, step=step, averaged=averaged, values=values)

    def remarks(self) -> list[str]:
        """What the inputs themselves are worth, with pixels repeated where they are smaller: a floor for any recipe."""
        copies = alike(self.inputs, self.targets.shape[1:])
        values = [f"{name} {distortion(copies, self.targets):.4f}" for name, distortion in DISTORTIONS.items()]
        return [f"copying the inputs would give {', '.join(values)}"]

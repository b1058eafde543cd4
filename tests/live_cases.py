"""What the tests of the pages that move share: the scripts in a browser, and the same game in PyTorch."""

import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

from ganedu.networks import mlp
from ganedu.recipes import adversarial

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "book" / "live"
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"


def bundle(modules, target):
    """One script that puts all exports of `modules` (paths below book/live) into a global called `live`."""
    entry = "".join(f'export * from "./{module}";\n' for module in modules)
    options = ["--bundle", "--format=iife", "--global-name=live", f"--outfile={target}", "--log-level=warning"]
    subprocess.run([ESBUILD, *options], input=entry, text=True, cwd=SOURCE, check=True)
    return target


def faults(page, impacts=("minor", "moderate", "serious", "critical")):
    """What axe-core holds against the page, as [rule, [elements]]."""
    axe = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not here (npm ci fetches it)")
    page.add_script_tag(path=axe)
    return page.evaluate(
        """impacts => axe.run({preload: false}).then(found => found.violations
            .filter(v => impacts.includes(v.impact)).map(v => [v.id, v.nodes.map(n => n.html)]))""",
        impacts,
    )


class Images(nn.Module):
    """Between a network of the plane, [B, 2], and a recipe's images, [B, 2, 1, 1]."""

    def __init__(self, network, *, after: bool):
        super().__init__()
        self.network, self.after = network, after

    def forward(self, x):
        return self.network(x)[:, :, None, None] if self.after else self.network(x.flatten(1))


class Plane(adversarial.Recipe):
    """The two-player step on points of the plane in double precision, its random numbers given in advance."""

    name = "plane"
    Config = adversarial.Config

    def __init__(self, config, hidden):
        self.hidden = hidden
        super().__init__(config, image_shape=(2, 1, 1))
        self.given, self.mix = [], []

    def build(self):
        generator = mlp.Generator(2, 2, hidden=self.hidden, bounded=False, dtype=torch.float64)
        discriminator = mlp.Discriminator(2, hidden=self.hidden, dtype=torch.float64)
        return Images(generator, after=True), Images(discriminator, after=False)

    def noise(self, n, random):
        return self.given.pop(0)

    def give(self, noise, mix):
        """The noise and the mixing weights of the next step: lists of tensors [B, 2] and [B]."""
        self.given, self.mix = list(noise), list(mix)

    def draw(self, real, random):
        return self.mix.pop(0)[:, None, None, None] if self.config.penalty == "gradient_penalty" else None

    def weights(self, player):
        return [p.detach().flatten().tolist() for p in self.networks[player].parameters()]

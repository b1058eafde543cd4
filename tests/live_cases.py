"""What the tests of the pages that move share: the scripts in a browser, and the same game in PyTorch."""

import importlib.util
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
SHELL = """<!doctype html><html lang="en" data-theme="light"><head><title>Live</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="live.css">
<style>a {{color: var(--live-real)}}</style></head>
<body><main><h1>Live</h1><div class="live" data-live="{name}" data-chapters='{chapters}'><p>Still.</p></div></main>
<script defer src="{script}.js"></script></body></html>"""
CHAPTERS = '{"06": {"url": "chapter_06.html", "title": "Which loss?"}}'


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


def extension():
    """The extension of the book that makes the scripts of its pages."""
    spec = importlib.util.spec_from_file_location("live", ROOT / "book" / "_ext" / "live.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages(site, names):
    """The scripts as the book ships them, and in the folder `site` a page for each name, with nothing else on it."""
    live = extension()
    if not live.make(ROOT, site):
        pytest.skip("no esbuild on this machine (npm ci fetches it): the pages were not opened")
    for name in names:
        script = live.ENTRIES.get(name, live.FIGURES)
        (site / f"{name}.html").write_text(SHELL.format(name=name, script=script, chapters=CHAPTERS))
    return site


class Reader:
    """A reader who wants little motion, so that nothing plays unasked, and what went wrong before their eyes."""

    def __init__(self, browser, site, width=1280, touch=False):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, has_touch=touch, offline=True, reduced_motion="reduce"
        )
        self.page, self.site, self.trouble = self.context.new_page(), site, []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.trouble.append(m.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.context.close()
        assert failure[0] or self.trouble == []

    def open(self, address="", name="playground"):
        self.page.goto(f"{(self.site / name).as_uri()}.html{address}")
        return self.page

    def press(self, text):
        self.page.get_by_role("button", name=text, exact=True).click()

    def number(self, row):
        """The text beside the name of a number."""
        return self.page.locator(f"dt:text-is('{row}') + dd").inner_text()

    def steps(self, at_least):
        self.page.wait_for_function(
            "n => Number(document.querySelector('.pg-numbers dd').textContent) >= n", arg=at_least, timeout=120_000
        )

    @property
    def told(self):
        """What the playground says below its field."""
        return self.page.locator(".pg-note").inner_text()

    @property
    def story(self):
        """What it says of a scenario."""
        return self.page.locator(".pg-story").inner_text()


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

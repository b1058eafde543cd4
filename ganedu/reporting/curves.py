"""The curves of runs as pieces of SVG that stand inside a page and take its colors, light or dark.

Taught in {ref}`training`.
"""

import io
import math
import re
from dataclasses import dataclass

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure

from ganedu import losses
from ganedu.plots import DASHES

POINTS = 400  # of a curve; longer ones are averaged
MADE_UP = "#010203"  # drawn in this, then replaced by the page's own color of text
TONES = ("#0000d1", "#0000d2", "#0000d3", "#0000d4", "#0000d5")  # stand for the page's colors 1 to 5
LOSSES, OUTPUTS, SPEED = "Losses", "Outputs of the discriminator", "Images a second"
NOT_DRAWN = ("step", "seconds")
# An output of a discriminator that tells real from generated samples no more; of a critic any other is as good.
UNDECIDED = dict.fromkeys(losses.NAMES, 0.0) | {"least_squares": 0.5}
ONLY_DIFFERENCES = ("wasserstein", "hinge", "relativistic")  # a constant may be added to the output, within the margin


@dataclass(frozen=True)
class Curve:
    """A curve: its label, its steps and values, and its tone and dash, 0 to 4.

    Taught in {ref}`training`.
    """

    label: str
    steps: tuple[float, ...]
    values: tuple[float, ...]
    tone: int = 0


def panels(rows: list[dict]) -> dict[str, list[str]]:
    """Which numbers of metrics.jsonl belong into one picture: {title: names}.

    Taught in {ref}`training`.
    """
    names = list(dict.fromkeys(name for row in rows for name, value in row.items() if is_number(value)))
    found = {LOSSES: [name for name in names if name.startswith("loss")]}
    found[OUTPUTS] = [name for name in names if name in ("d_real", "d_fake")]
    others = [name for name in names if name not in (*found[LOSSES], *found[OUTPUTS], *NOT_DRAWN)]
    found |= {
        SPEED if name == "images_per_second" else name: [name]
        for name in sorted(others, key="images_per_second".__eq__)
    }
    return {title: each for title, each in found.items() if each}


def curve(rows: list[dict], name: str, *, label: str = "", tone: int = 0) -> Curve:
    """One number of metrics.jsonl over the steps, averaged where there are more than POINTS.

    Taught in {ref}`training`.
    """
    pairs = [(row["step"], row[name]) for row in rows if is_number(row.get(name))]
    parts = np.array_split(np.array(pairs, dtype=float).reshape(-1, 2), max(1, min(POINTS, len(pairs))))
    steps, values = np.array([part.mean(axis=0) for part in parts if len(part)]).reshape(-1, 2).T
    return Curve(label or name, tuple(steps.tolist()), tuple(values.tolist()), tone)


def ideal(name: str, config: dict, recipe: str) -> tuple[float, str] | None:
    """Where a number stands in the game's equilibrium, with the reason; None if the loss does not say.

    There no sample tells the discriminator anything: its output is the one that says "undecided".
    name: of the number; config: the recipe's options; recipe: its name.
    Taught in {ref}`ch-optimal-discriminator`.
    """
    kind, pairs = config.get("loss"), 1
    if recipe == "cyclegan":
        kind, pairs = "least_squares", 2  # two discriminators, whose losses are added
    if kind not in UNDECIDED:
        return None
    output = torch.full((1,), UNDECIDED[kind], dtype=torch.float64)
    loss = losses.get(kind)
    if name in ("d_real", "d_fake"):
        return None if kind in ONLY_DIFFERENCES else (float(output), "undecided")
    if name == "loss_d":
        return pairs * float(loss.discriminator(output, output)), "D undecided"
    if name == "loss_g" and recipe != "cyclegan" and kind not in ("wasserstein", "hinge"):
        return float(loss.generator(output, output) if loss.relativistic else loss.generator(output)), "D undecided"
    return None


def draw(curves: list[Curve], *, alt: str, number: int, ideals: list[tuple[float, str]] = (), unit: str = "") -> str:
    """An SVG of some curves, with thin lines where they would ideally be.

    alt: what a person who does not see it is told. number: of the picture in its page, for names in it.
    Taught in {ref}`training`.
    """
    style = {"svg.fonttype": "none", "svg.hashsalt": "ganedu", "font.size": 9, "axes.spines.top": False}
    style |= {"axes.spines.right": False, "legend.frameon": False, "path.simplify": True, "lines.linewidth": 1.6}
    style |= {key: MADE_UP for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(4.8, 2.7), layout="constrained")
        axes = figure.subplots()
        for each in curves:
            alone = {"marker": "o"} if len(each.steps) == 1 else {}
            axes.plot(
                each.steps, each.values, label=each.label, color=TONES[each.tone], linestyle=DASHES[each.tone], **alone
            )
        for value, why in dict.fromkeys(ideals):
            axes.axhline(value, color=MADE_UP, linewidth=0.7, label=f"{value:.3f}: {why}")
        axes.set(xlabel="step", ylabel=unit)
        axes.margins(x=0.02)
        figure.legend(loc="outside lower center", ncols=2)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _inline(buffer.getvalue(), alt, number)


def _inline(svg: str, alt: str, number: int) -> str:
    """The drawing without what only a file needs, its names made unique, its colors left to the page."""
    from html import escape

    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"| version="[^"]*"', "", svg)
    svg = re.sub(
        r'^<svg[^>]*viewBox="([^"]*)"[^>]*>', rf'<svg viewBox="\1" role="img" aria-label="{escape(alt)}">', svg
    )
    svg = re.sub(r'\bid="', f'id="p{number}-', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\1p{number}-", svg)
    for i, tone in enumerate(TONES, start=1):
        svg = svg.replace(tone, f"var(--tone{i})")
    return re.sub(r"\n\s*", "\n", svg.replace(MADE_UP, "currentColor"))


def is_number(value) -> bool:
    """Whether an entry of metrics.jsonl is a finite number, which can be drawn.

    Taught in {ref}`training`.
    """
    return type(value) in (int, float) and math.isfinite(value)

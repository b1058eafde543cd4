"""What a notebook stores of a figure: PNG always, and SVG where it is made of lines."""

import matplotlib.pyplot as plt
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats

from ganedu import plots


@pytest.fixture
def stored():
    """What a notebook stores of a figure: {kind of picture: its content}."""
    shell, before = InteractiveShell.instance(), plt.get_backend()
    plt.switch_backend("module://matplotlib_inline.backend_inline")
    select_figure_formats(shell, {"png"})  # as a kernel does when it starts
    with plt.rc_context():
        plots.use_style()
        yield lambda figure: shell.display_formatter.format(figure)[0]
    plt.close("all")
    plt.switch_backend(before)


def lines():
    """A figure of two lines and a filled band."""
    x = torch.linspace(-3, 3, 200)
    figure, ax = plt.subplots()
    ax.plot(x, x.sin(), x, x.cos())
    ax.fill_between(x, x.sin(), alpha=0.2)
    ax.set_xlabel(r"$x$")
    return figure


def test_lines_are_stored_as_svg_too_the_same_each_time(stored):
    first, second = stored(lines()), stored(lines())
    assert {"image/png", "image/svg+xml"} <= set(first)
    assert first["image/svg+xml"] == second["image/svg+xml"] and len(first["image/svg+xml"]) < 60_000
    assert "dc:date" not in first["image/svg+xml"] and "<image" not in first["image/svg+xml"]


def test_an_svg_brings_its_own_white(stored):
    assert 'id="patch_1"' in (svg := stored(lines())["image/svg+xml"])
    assert "fill: #ffffff" in svg.partition('id="patch_1"')[2][:400]


def test_pictures_are_stored_as_png_alone(stored):
    figure, (left, right) = plt.subplots(1, 2)
    plots.image_grid(left, torch.zeros(4, 8, 8))
    right.plot([0, 1])
    assert "image/png" in (kinds := set(stored(figure))) and "image/svg+xml" not in kinds


def test_ten_thousand_points_are_stored_as_png_alone(stored):
    figure, ax = plt.subplots()
    ax.scatter(*torch.rand(2, 10_000))
    assert "image/png" in (kinds := set(stored(figure))) and "image/svg+xml" not in kinds


def test_outside_a_notebook_the_backend_stays(monkeypatch):
    monkeypatch.setattr(plt, "switch_backend", pytest.fail)
    with plt.rc_context():
        plots.use_style()

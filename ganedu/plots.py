"""The one style of the book's figures: color-blind safe, readable in greyscale, on white in every theme.

Taught in {ref}`ch-gradients`.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

# Okabe and Ito's palette, ordered so that neighbors also differ in lightness.
REAL, FAKE, THIRD, FOURTH, FIFTH = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"
COLORS = (REAL, FAKE, THIRD, FOURTH, FIFTH)
VECTOR_LIMIT = 150_000  # characters of SVG: above it, with some thousand points or patches, PNG is the smaller picture
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))


def use_style() -> None:
    """Set matplotlib's defaults for the figures of a chapter: call it once, in the setup cell.

    Lines differ in color and dash; REAL and FAKE are the colors of real and generated data throughout. In a notebook
    a figure of lines and few points is stored as SVG too, which the pages of the book show.
    Taught in {ref}`ch-gradients`.
    """
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=DASHES),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.figsize": (7, 3.2),
            "font.size": 10,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "lines.linewidth": 1.8,
            "savefig.dpi": 160,
            "savefig.facecolor": "white",
            "svg.hashsalt": "ganedu",  # names inside an SVG are drawn at random otherwise
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
        }
    )
    if "IPython" in sys.modules:  # never import IPython for a plain script
        _store_lines_as_svg()


def _store_lines_as_svg():
    """Let the running notebook store SVG beside PNG: JupyterLab shows no SVG before a reader has run its cell."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None and "inline" in plt.get_backend():
        plt.switch_backend(plt.get_backend())  # what the first figure would do, and forget all formats
        shell.display_formatter.formatters["image/svg+xml"].for_type(Figure, _lines)


def _lines(figure) -> str | None:
    """A figure as SVG; None if there are pictures in it, or so much that the SVG would be large."""
    from IPython.core.pylabtools import print_figure

    if figure.findobj(AxesImage):
        return None
    svg = print_figure(figure, "svg", metadata={"Date": None})
    return svg if svg is not None and len(svg) <= VECTOR_LIMIT else None


def image_grid(ax, images, *, columns: int = 8, title: str = "") -> None:
    """Draw gray images [n, H, W] with values in [-1, 1] as a table on white paper: 1 is black ink, -1 is paper.

    images: tensor or array; the last row may be short. Raises ValueError for other shapes, NaN, or no image at all.
    Taught in {ref}`ch-first-gan`.
    """
    images = np.asarray(images)
    if images.ndim != 3 or len(images) == 0 or np.isnan(images).any():
        raise ValueError(f"images of shape {images.shape} given, [n, height, width] without NaN expected")
    n, height, width = images.shape
    rows = -(-n // columns)
    sheet = np.full((rows, height + 2, columns, width + 2), -1.0)  # two pixels of paper around each image
    for index, image in enumerate(images):
        sheet[index // columns, 1:-1, index % columns, 1:-1] = image
    ax.imshow(sheet.reshape(rows * (height + 2), columns * (width + 2)), cmap="gray_r", vmin=-1, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_visible(False)

"""The one style of the book's figures: color-blind safe, readable in greyscale, on white in every theme.

Taught in {ref}`ch-gradients`.
"""

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler

# Okabe and Ito's palette, ordered so that neighbors also differ in lightness.
REAL, FAKE, THIRD, FOURTH, FIFTH = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"
COLORS = (REAL, FAKE, THIRD, FOURTH, FIFTH)
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))


def use_style() -> None:
    """Set matplotlib's defaults for the figures of a chapter: call it once, in the setup cell.

    Lines differ in color and dash; REAL and FAKE are the colors of real and generated data throughout.
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
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
        }
    )


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

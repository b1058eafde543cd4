"""The sheets of samples of a run: read back image by image, and drawn again in rows.

Taught in {ref}`training`.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ganedu.training.ownership import SAMPLE
from ganedu.training.run_folder import COLUMNS, GAP, zoom_of

FRAMES = 8  # of a film


def find(run: Path) -> dict[int, Path]:
    """The sheets of a run, by their steps, in order.

    Taught in {ref}`training`.
    """
    found = {path: SAMPLE.fullmatch(path.name) for path in (run / "samples").glob("step_*.png")}
    return dict(sorted((int(match[1]), path) for path, match in found.items() if match))


def read(path: Path, side: int) -> np.ndarray:
    """The images of a sheet, uint8 [n, side, side, C], as `ganedu.training.run_folder.write_samples` drew them.

    side: of one image in pixels. Cells that were left empty in the last row come as white images.
    Raises ValueError, naming the file, for a picture that is no such sheet.
    Taught in {ref}`training`.
    """
    zoom = zoom_of(side)
    cell = side * zoom + GAP
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    rows, columns = ((extent - GAP) // cell for extent in pixels.shape[:2])
    if pixels.dtype != np.uint8 or pixels.shape[:2] != (rows * cell + GAP, columns * cell + GAP) or not rows * columns:
        raise ValueError(f"{path} is no sheet of images of {side} x {side} pixels")
    cells = pixels[GAP:, GAP:].reshape(rows, cell, columns, cell, -1).swapaxes(1, 2)
    return cells.reshape(rows * columns, cell, cell, -1)[:, : side * zoom : zoom, : side * zoom : zoom]


def rows(images: np.ndarray, labels: Sequence[str], examples: int) -> list[tuple[str, np.ndarray]]:
    """The rows of a sheet with their labels.

    images: all of it; labels: of the rows of a recipe whose sheets show examples, none for other recipes, whose images
    are numbered; examples: how many.
    Taught in {ref}`training`.
    """
    if labels:
        return [(label, images[i * examples : (i + 1) * examples]) for i, label in enumerate(labels)]
    return [
        (f"{i + 1} to {i + len(row)}", row) for i in range(0, len(images), COLUMNS) if len(row := images[i:][:COLUMNS])
    ]


def film(sheets: dict[int, Path]) -> dict[int, Path]:
    """At most FRAMES of the sheets, spread over the steps, with the first and the last.

    Taught in {ref}`training`.
    """
    steps = list(sheets)
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(FRAMES, len(steps))).round().astype(int))
    return {steps[i]: sheets[steps[i]] for i in chosen}


def strip(images: np.ndarray) -> str:
    """Images [n, H, W, C] side by side, two white pixels between them, as the data URI of a PNG.

    Taught in {ref}`training`.
    """
    n, height, width, channels = images.shape
    zoom = zoom_of(max(height, width))
    row = np.full((height * zoom, n * (width * zoom + GAP) - GAP, channels), 255, np.uint8)
    for i, image in enumerate(images.repeat(zoom, axis=1).repeat(zoom, axis=2)):
        row[:, i * (width * zoom + GAP) :][:, : width * zoom] = image
    buffer = io.BytesIO()
    Image.fromarray(row if channels == 3 else row[:, :, 0]).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

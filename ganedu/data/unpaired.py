"""Two sets of images that nobody has paired, from folders `trainA`, `trainB`, `testA`, `testB` or archives of them.

Taught in {ref}`ch-cyclegan`; where each set comes from: {ref}`data-sets`.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ganedu.data import archives, download, folder, shape_domains
from ganedu.data.files import data_root
from ganedu.data.registry import UNPAIRED_SETS, UnpairedSet

UNPAIRED = "unpaired:"
SHAPES = "shape-domains"
UNPAIRED_NAMES = (SHAPES, *UNPAIRED_SETS)
DOMAINS = ("A", "B")
SPLITS = ("train", "test")


@dataclass(frozen=True)
class UnpairedData:
    """The images of two domains as stored; image i of one has nothing to do with image i of the other.

    a: uint8 [N, C, H, W]; b: uint8 [M, C, H, W].
    Taught in {ref}`ch-cyclegan`.
    """

    a: Tensor
    b: Tensor


def load_unpaired(
    name: str, split: str = "train", root: str | Path | None = None, *, size: int | None = None
) -> UnpairedData:
    """The images of two domains: one of UNPAIRED_NAMES, or "unpaired:PATH".

    "shape-domains": drawn shapes of warm and of cold hues, of which the true pairs are known, see
    `ganedu.data.shape_domains`; drawn at side `size`, 32 if None; `root` is not used.
    "apple2tomato", "horse2zebra", ...: photographs and paintings, from NAME.zip in `root`, else downloaded into it.
    "unpaired:PATH": a folder, or a .zip or .tar(.gz, .xz) of one, with subfolders trainA and trainB, and testA and
    testB for the test split.
    split: "train" or "test". root: see `ganedu.data.load`. size: cut all pictures to squares and resample them to this
    side; pictures of different sizes need it. If any picture of the split is in color, gray ones become color pictures
    with three equal channels, as one network has to take them all.
    Raises ValueError, listing the choices, for an unknown name or split; naming the folder or file, for a domain that
    is missing or empty and for whatever is damaged or no image; saying what to put where, if a set is missing.
    Taught in {ref}`ch-cyclegan` and {ref}`data-sets`.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    if name == SHAPES:
        side = {} if size is None else {"side": size}
        return UnpairedData(*(shape_domains.load(domain, split, **side) for domain in DOMAINS))
    a, b = listings(name, split, root)
    channels = 3 if folder.any_color(a + b) else 1
    images = folder.decode_all(a + b, size=size, channels=channels)
    return UnpairedData(images[: len(a)], images[len(a) :])


def listings(name: str, split: str, root: str | Path | None = None) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The pictures of A and of B, in the order of their names; a set that is not here is downloaded.

    name: one of UNPAIRED_NAMES that consists of files, or "unpaired:PATH".
    Raises ValueError for what `load_unpaired` refuses, but for damaged pictures, which are not opened.
    Taught in {ref}`data-sets`.
    """
    top = _top(name, root)
    return tuple(_pictures_of(top, f"{split}{domain}") for domain in DOMAINS)


def splits(name: str, root: str | Path | None = None) -> tuple[str, ...]:
    """The splits that a set has: "train" and, if there is a testA or a testB, "test".

    Raises ValueError for what `listings` refuses.
    Taught in {ref}`data-sets`.
    """
    if name == SHAPES:
        return SPLITS
    top = _top(name, root)
    return SPLITS if any((top / f"test{domain}").is_dir() for domain in DOMAINS) else SPLITS[:1]


def _top(name: str, root: str | Path | None) -> Path:
    """The folder that has the four folders."""
    if name.startswith(UNPAIRED):
        unpacked = folder.as_folder(name.removeprefix(UNPAIRED), prefix=UNPAIRED)
    elif name in UNPAIRED_SETS:
        unpacked = _original(UNPAIRED_SETS[name], data_root(root))
    else:
        raise ValueError(
            f"unknown unpaired data set {name!r}; choose one of {', '.join(UNPAIRED_NAMES)}, or {UNPAIRED}PATH"
        )
    return folder.single_subfolder(unpacked, stop={f"{split}{domain}" for split in SPLITS for domain in DOMAINS})


def _original(wanted: UnpairedSet, root: Path) -> Path:
    """The unpacked archive of a named set, fetched if it is not here, refused if a byte of it is not the original's."""
    archive = root / wanted.path
    if not archive.is_file():
        download.fetch(wanted, root)
    length = archive.stat().st_size
    if length != wanted.length:
        raise ValueError(f"{archive} has the wrong size: {length} instead of {wanted.length} bytes; {_remedy(wanted)}")
    digest = archives.digest(archive)
    if digest != wanted.sha256:
        raise ValueError(
            f"{archive} is not the original: SHA-256 {digest[:12]}... instead of {wanted.sha256[:12]}...; "
            f"{_remedy(wanted)}"
        )
    return archives.unpack_once(archive, digest)


def _remedy(wanted: UnpairedSet) -> str:
    return (
        f"delete it and run `ganedu data prepare {wanted.name}`, copy the original there, or, if you want just this "
        f"archive, name it {UNPAIRED}PATH"
    )


def _pictures_of(top: Path, domain: str) -> tuple[Path, ...]:
    if not (top / domain).is_dir():
        raise ValueError(f"{top} has no subfolder {domain}; unpaired images lie in trainA, trainB, testA and testB")
    found = tuple(folder.pictures(top / domain))
    if not found:
        raise ValueError(f"{top / domain} has no pictures; looked for {', '.join(folder.SUFFIXES)} at any depth")
    return found

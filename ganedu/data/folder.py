"""Folders of pictures, or archives of such folders, as data sets.

Taught in {ref}`data-sets`.
"""

import hashlib
import os
import threading
import warnings
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganedu import _memory
from ganedu.data import archives
from ganedu.data.images import ImageData, resize

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "WEBP")  # Pillow knows dozens; fewer decoders, fewer surprises
CHANNELS = {"1": "L", "L": "L", "RGB": "RGB", "P": "RGB", "CMYK": "RGB"}  # mode of the file: mode we read it in
HIDDEN = (".", "__MACOSX")
TEST_EVERY = 10
LARGE = 2**22  # pixels: from here on pictures are decoded one at a time, since each may take half a gigabyte
_one_large = threading.Lock()


@dataclass(frozen=True)
class Listing:
    """The pictures of one split: their paths in order, the class of each (or None), the names of the classes.

    Taught in {ref}`data-sets`.
    """

    paths: tuple[Path, ...]
    labels: tuple[int, ...] | None
    classes: tuple[str, ...]

    def digest(self, *, lengths: bool = True) -> str:
        """SHA-256 of the names and lengths of the files, in order: whether these are the same pictures as before.

        lengths: False for the names alone, which stay when a damaged picture is mended.

        No picture is opened, so that one whose bytes changed and whose length did not goes unnoticed. Names count from
        the folder that all have in common: it can be moved.
        Raises ValueError, naming the file, for one that is gone.
        """
        common = os.path.commonpath([each.parent for each in self.paths])
        sha256 = hashlib.sha256()
        for path in self.paths:
            try:
                length = path.stat().st_size if lengths else ""
            except OSError as error:
                raise ValueError(f"cannot read the picture {path}: {error.strerror}") from None
            sha256.update(f"{path.relative_to(common).as_posix()}\0{length}\0".encode())
        return sha256.hexdigest()


def listing(path: str | Path, split: str) -> Listing:
    """The pictures below a folder, or within an archive, in the order of their names.

    path: a folder, or a .zip or .tar(.gz, .xz) of one, which is unpacked once into the cache.
    split: with a subfolder `train`, each split is the subfolder of its name; without, every tenth picture is for
    testing. Pictures that all lie in subfolders have these as classes. Hidden files and files of other types are
    not looked at.
    Raises ValueError if nothing is there, or no picture.
    Taught in {ref}`data-sets`.
    """
    top = single_subfolder(as_folder(path))
    divided = (top / "train").is_dir()
    folder = top / split if divided else top
    if divided and not folder.is_dir():
        raise ValueError(f"{top} has a subfolder train but none named {split}")
    paths = pictures(folder)
    if not divided:
        chosen = split == "test"
        paths = [each for i, each in enumerate(paths) if (i % TEST_EVERY == TEST_EVERY - 1) == chosen]
    if not paths:
        few = "" if divided or split != "test" else f" (every {TEST_EVERY}th picture is for testing)"
        raise ValueError(f"{folder} has no pictures for {split}{few}; looked for {', '.join(SUFFIXES)} at any depth")
    below = [each.relative_to(folder).parts for each in paths]
    if any(len(parts) == 1 for parts in below):
        return Listing(tuple(paths), None, ())
    classes = sorted({each.relative_to(folder).parts[0] for each in pictures(folder)})
    return Listing(tuple(paths), tuple(classes.index(parts[0]) for parts in below), tuple(classes))


def splits(path: str | Path) -> tuple[str, ...]:
    """The splits that a folder or archive has: "train" and, unless only a subfolder of that name is there, "test".

    Raises ValueError if nothing is there.
    Taught in {ref}`data-sets`.
    """
    top = single_subfolder(as_folder(path))
    return ("train",) if (top / "train").is_dir() and not (top / "test").is_dir() else ("train", "test")


def decode(path: Path, *, size: int | None = None, channels: int | None = None) -> Tensor:
    """One picture, uint8 [C, H, W], C = 1 for gray and 3 for color, turned upright if its camera says so.

    size: cut out the largest centered square and resample it to this side. channels: 3 makes three equal channels of a
    gray picture; a color picture stays what it is.
    Raises ValueError, naming the file, if it cannot be read, is cut off, has 16 bits a channel, or transparency.
    Taught in {ref}`data-sets`.
    """
    with ExitStack() as held:
        with _opened(path) as opened:
            if opened.width * opened.height > LARGE:
                held.enter_context(_one_large)
            image = _pixels(opened, path)
        image = image.expand(channels if channels and len(image) == 1 else -1, -1, -1).contiguous()
        return image if size is None else resize(image[None], size)[0]


def any_color(paths: Sequence[Path]) -> bool:
    """Whether one of the pictures at `paths` is in color, by what their first bytes say.

    Raises ValueError, naming the file, if one is no picture.
    Taught in {ref}`data-sets`.
    """
    return any(_is_color(path) for path in paths)


def agree(image: Tensor, path: Path, first: Tensor, first_path: Path) -> None:
    """Raises ValueError, naming both files, if two pictures differ in channels or in size.

    Taught in {ref}`data-sets`.
    """
    if len(image) != len(first):
        kinds = {1: "gray", 3: "color"}
        raise ValueError(
            f"{path} is {kinds[len(image)]}, {first_path} is {kinds[len(first)]}; "
            "convert all pictures of a folder to one kind"
        )
    if image.shape != first.shape:
        raise ValueError(
            f"{path} is {_dimensions(image)}, {first_path} is {_dimensions(first)}; "
            "give a size, to which all are cut and resampled"
        )


def images_with_labels(path: str | Path, split: str, *, size: int | None = None) -> ImageData:
    """All pictures of a split in memory, decoded by a pool of threads, in the order of their names.

    Raises ValueError for what `listing`, `decode` and `agree` refuse.
    Taught in {ref}`data-sets`.
    """
    found = listing(path, split)
    images = decode_all(found.paths, size=size)
    labels = None if found.labels is None else torch.tensor(found.labels)
    return ImageData(images, labels, found.classes)


def decode_all(paths: Sequence[Path], *, size: int | None = None, channels: int | None = None) -> Tensor:
    """The pictures at `paths`, at least one, as uint8 [N, C, H, W]; size, channels: see `decode`.

    Raises ValueError for what `decode` and `agree` refuse.
    Taught in {ref}`data-sets`.
    """
    images = None
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without holding the interpreter's lock
        try:
            for i, image in enumerate(pool.map(lambda path: decode(path, size=size, channels=channels), paths)):
                if images is None:
                    what = f"{len(paths)} pictures of {_dimensions(image)} pixels"
                    _memory.require(len(paths) * image.numel(), what, "give a smaller size, or --stream them")
                    images = image.new_empty(len(paths), *image.shape)
                agree(image, paths[i], images[0] if i else image, paths[0])
                images[i] = image
        finally:
            pool.shutdown(cancel_futures=True)  # one bad picture ends it; do not decode the rest first
    return images


def as_folder(path: str | Path, *, prefix: str = "image-folder:") -> Path:
    """The folder at `path`, or the one in the cache into which the archive at `path` is unpacked.

    Raises ValueError if neither is there, and for what `ganedu.data.archives.unpack` refuses.
    Taught in {ref}`data-sets`.
    """
    if not str(path):
        raise ValueError(f"{prefix} needs a path after the colon, as in {prefix}photos")
    path = Path(path).expanduser()
    if path.is_file() and path.name.endswith(archives.SUFFIXES):
        return archives.unpack_once(path, archives.digest(path))
    if not path.is_dir():
        raise ValueError(f"{path} is neither a folder nor an archive ({', '.join(archives.SUFFIXES)})")
    return path


def single_subfolder(folder: Path, *, stop: Collection[str] = ("train",)) -> Path:
    """Archives often wrap everything in one folder: step into it, unless its name, one of `stop`, says what it is.

    Taught in {ref}`data-sets`.
    """
    entries = [each for each in folder.iterdir() if not each.name.startswith(HIDDEN)]
    is_wrapped = len(entries) == 1 and entries[0].is_dir() and entries[0].name not in stop
    return single_subfolder(entries[0], stop=stop) if is_wrapped else folder


def pictures(folder: Path) -> list[Path]:
    """The pictures below a folder, by the names of their folders and their own: an order that no file system changes.

    Hidden files and files of other types are not looked at; links are followed.
    Raises ValueError for a link to a folder that contains it.
    Taught in {ref}`data-sets`.
    """
    found = []
    for where, names, files in os.walk(folder, followlinks=True):
        names[:] = [name for name in names if not name.startswith(HIDDEN)]
        for name in names:
            _refuse_circle(Path(where, name))
        pictures = [name for name in files if not name.startswith(HIDDEN) and name.lower().endswith(SUFFIXES)]
        found += [Path(where, name) for name in pictures]
    return sorted((each for each in found if each.is_file()), key=lambda each: each.relative_to(folder).parts)


def _refuse_circle(folder: Path) -> None:
    """A link to a folder is a folder like others, unless it leads back to where it lies."""
    if folder.is_symlink() and folder.resolve() in (folder.parent.resolve(), *folder.parent.resolve().parents):
        raise ValueError(f"{folder} is a link to a folder that contains it; remove it")


@contextmanager
def _opened(path: Path) -> Iterator:
    """The picture at `path`; whatever goes wrong with it becomes a ValueError that names it."""
    from PIL import Image

    try:
        _silence(Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as picture:
            if Image.MAX_IMAGE_PIXELS and picture.width * picture.height > Image.MAX_IMAGE_PIXELS:
                raise Image.DecompressionBombWarning
            yield picture
    except _Unfit:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        most = f"{Image.MAX_IMAGE_PIXELS / 1e6:.0f} million"
        raise ValueError(f"the picture {path} has more than {most} pixels; make it smaller first") from None
    except Exception as error:  # decoders of damaged files raise anything, from SyntaxError to struct.error
        raise ValueError(f"cannot read the picture {path}: {error}; replace or remove it") from None


def _silence(category: type[Warning]) -> None:
    """For good: who puts filters back undoes what other threads have set meanwhile, as pictures are opened in many."""
    if not any(each[2] is category for each in warnings.filters):
        warnings.simplefilter("ignore", category)


class _Unfit(ValueError):
    """A picture that can be read, but not be used."""


def _pixels(opened, path: Path) -> Tensor:
    """uint8 [C, H, W] of an opened picture, upright."""
    from PIL import ImageOps

    deep = _is_deep_png(opened)
    picture = ImageOps.exif_transpose(opened)
    mode = CHANNELS.get(picture.mode)
    if deep or not mode or "transparency" in picture.info:
        kind = f"{picture.mode} with 16 bits a channel" if deep else picture.mode
        raise _Unfit(
            f"the picture {path} is of mode {kind}, with transparency or more than 8 bits a channel; "
            "save it as plain gray or RGB"
        )
    return torch.from_numpy(np.atleast_3d(np.array(picture.convert(mode)))).permute(2, 0, 1)


def _is_deep_png(opened) -> bool:
    """Whether a PNG has 16 bits a channel, of which Pillow would drop eight without a word if it is in color."""
    if opened.format != "PNG":
        return False
    place = opened.fp.tell()
    opened.fp.seek(24)  # signature, length and name of the first chunk, width, height
    depth = opened.fp.read(1)
    opened.fp.seek(place)
    return depth == b"\x10"


def _is_color(path: Path) -> bool:
    with _opened(path) as opened:
        return CHANNELS.get(opened.mode) == "RGB"


def _dimensions(image: Tensor) -> str:
    return f"{image.shape[2]} x {image.shape[1]}"

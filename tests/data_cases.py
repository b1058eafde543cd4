"""Tiny pictures, tiny files in the formats of the real data sets, and ways to damage them."""

import functools
import gzip
import hashlib
import lzma
import struct
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from ganedu.data import download, registry


def as_idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def as_cifar(images, labels):
    """As Python 2 with numpy 1 wrote it, opcode by opcode."""
    n, raw = len(images), images.reshape(len(images), -1).tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        + b"(K\x01(" + b"J" + struct.pack("<i", n) + b"M\x00\x0ct" + b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" + b"\x89"
        + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    )  # fmt: skip
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x06labels" + numbers + b"U\x04data" + array + b"u."


@functools.cache
def small_sets():
    """Tiny sets in the formats of the real ones: {name: (registry entry, {file name: content})}."""
    random = np.random.default_rng(0)
    contents = {
        "train-images-idx3-ubyte": as_idx(random.integers(0, 256, (6, 4, 5), dtype=np.uint8)),
        "train-labels-idx1-ubyte": as_idx(np.arange(6, dtype=np.uint8)),
        "t10k-images-idx3-ubyte": as_idx(random.integers(0, 256, (3, 4, 5), dtype=np.uint8)),
        "t10k-labels-idx1-ubyte": as_idx(np.arange(3, dtype=np.uint8)),
    }
    batches = {
        file.name: as_cifar(random.integers(0, 256, (2, 3, 32, 32), dtype=np.uint8), [i, 9 - i])
        for i, file in enumerate([*registry.CIFAR10.splits["train"], *registry.CIFAR10.splits["test"]])
    }
    return {"mnist": (registry.MNIST, contents), "cifar10": (registry.CIFAR10, batches)}


def described(entry, contents):
    """The registry entry of a set with these contents instead of the real ones."""
    splits = {
        split: tuple(
            registry.File(f.name, len(contents[f.name]), hashlib.sha256(contents[f.name]).hexdigest()) for f in fs
        )
        for split, fs in entry.splits.items()
    }
    return replace(entry, splits=splits)


def place_small_sets(root, monkeypatch):
    """A data folder with a tiny mnist, gz, and a tiny cifar10, xz; the registry expects just these."""
    for name, (entry, contents) in small_sets().items():
        monkeypatch.setitem(registry.FILE_SETS, name, described(entry, contents))
        folder = root / entry.folders[0]
        folder.mkdir(parents=True)
        for file, content in contents.items():
            packed = gzip.compress(content) if name == "mnist" else lzma.compress(content)
            (folder / f"{file}{'.gz' if name == 'mnist' else '.xz'}").write_bytes(packed)
    monkeypatch.setattr(download, "RETRIES", 0)
    return root


def images_file(root):
    return root / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"


def damage(path, kind):
    packed = path.read_bytes()
    match kind:
        case "truncated":
            path.write_bytes(packed[: len(packed) // 2])
        case "corrupt":
            path.write_bytes(packed[:20] + bytes(255 - b for b in packed[20:40]) + packed[40:])
        case "no gz at all":
            path.write_bytes(b"<html>moved</html>")
        case "too short":
            path.write_bytes(gzip.compress(gzip.decompress(packed)[:-1]))
        case "a bomb":
            path.write_bytes(gzip.compress(bytes(10**7)))
        case "other pixels":
            path.write_bytes(gzip.compress(gzip.decompress(packed)[:-1] + b"\0"))


def picture(seed, mode="RGB", size=(6, 5)):
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8))


def pixels_of(image):
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def numbered(n):
    """n images of 1 x 2 pixels; the left one tells which image it is, the right one is always 255."""
    images = torch.full((n, 1, 1, 2), 255, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(n)
    return images


def pictures_of(images, folder):
    """Writes images uint8 [N, 3, H, W] as 00.png, 01.png, ... and returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i:02}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
    return paths

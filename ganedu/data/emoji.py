"""Emoji in two styles, Google's Noto and Twitter's Twemoji: 3,786 exact pairs, with names, categories and skin tones.

The pictures are those of version 16.0.0 of the npm packages emoji-datasource-google and emoji-datasource-twitter. They
are read from these two archives, or from emoji.zip, which holds the same pixels in an eighth of the space.
Noto Emoji: Apache License 2.0, Google. Twemoji: CC BY 4.0, Twitter and contributors. Names: MIT, emoji-data.
Taught in {ref}`ch-paired-translation`; where the set comes from: {ref}`data-sets`.
"""

import io
import json
import os
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganedu.data import archives, download
from ganedu.data.files import data_root
from ganedu.data.registry import Download, FileSet

SIDE = 64
STYLES = ("noto", "twemoji")
ZIP, ZIP_SHA256 = "emoji.zip", "2ff48ed42bdb6ee8de868a7c49a719cd6f021d2ba06b506b9e38762e78025e75"
NPM = "https://registry.npmjs.org/"
TEST_EVERY = 7  # of the names
TONES = ("light", "medium-light", "medium", "medium-dark", "dark")
MODIFIERS = dict(zip(("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"), TONES, strict=True))
CATEGORIES = (
    "Activities",
    "Animals & Nature",
    "Component",
    "Flags",
    "Food & Drink",
    "Objects",
    "People & Body",
    "Smileys & Emotion",
    "Symbols",
    "Travel & Places",
)


def _tarball(package: str, sha256: str) -> Download:
    return Download(f"{package}-16.0.0.tgz", f"sha256:{sha256}", (f"{NPM}{package}/-/{package}-16.0.0.tgz",))


TARBALLS = (
    _tarball("emoji-datasource-google", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"),
    _tarball("emoji-datasource-twitter", "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"),
)
FILES = FileSet(
    "emoji",
    (),
    CATEGORIES,
    {},
    TARBALLS,
    136,
    "3,786 pairs of emoji in two styles, 3,244 + 542 to test, color, 64 x 64",
    "Noto Emoji: Apache-2.0, Google; Twemoji: CC BY 4.0, Twitter and contributors; names: MIT",
)


@dataclass(frozen=True)
class EmojiData:
    """Emoji as stored, on white; entry i of everything is the same emoji.

    noto, twemoji: uint8 [N, 3, 64, 64]. names: in words, the same for all skin tones of one emoji. short_names: as in
    chat programs, one or more an emoji. labels: int64 [N], indices into `categories`. subcategories: in words.
    skin_tones: int64 [N], indices into `tones`, -1 without a tone and -2 for two different ones. files: their code
    points.
    Taught in {ref}`ch-paired-translation`.
    """

    noto: Tensor
    twemoji: Tensor
    names: tuple[str, ...]
    short_names: tuple[tuple[str, ...], ...]
    labels: Tensor
    subcategories: tuple[str, ...]
    skin_tones: Tensor
    files: tuple[str, ...]
    categories: tuple[str, ...] = CATEGORIES
    tones: tuple[str, ...] = TONES

    def __len__(self) -> int:
        return len(self.names)


def load(split: str, root: str | Path | None = None) -> EmojiData:
    """The set "emoji": every seventh name is for testing, with all of its skin tones, the others to train.

    split: "train" or "test". root: see `ganedu.data.load`. There, emoji.zip is looked for, then the two npm archives,
    which are downloaded if need be. Transparent pixels become white.
    Raises ValueError for an archive with a byte that is not the original's; saying what to put where, if there is none
    and no network.
    Taught in {ref}`ch-paired-translation`.
    """
    root = data_root(root)
    records, read = _from_zip(root / ZIP) if (root / ZIP).is_file() else _from_tarballs(root)
    test_names = sorted({record["name"] for record in records})[TEST_EVERY - 1 :: TEST_EVERY]
    records = [each for each in records if (each["name"] in set(test_names)) == (split == "test")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without holding the interpreter's lock
        noto, twemoji = (
            torch.stack(list(pool.map(_on_white, [read(style, record["file"]) for record in records])))
            for style in STYLES
        )
    tones = [_tone(record["skin_tone"]) for record in records]
    return EmojiData(
        noto,
        twemoji,
        tuple(record["name"] for record in records),
        tuple(tuple(record["short_names"]) for record in records),
        torch.tensor([CATEGORIES.index(record["category"]) for record in records]),
        tuple(record["subcategory"] for record in records),
        torch.tensor(tones),
        tuple(record["file"] for record in records),
    )


def _from_zip(path: Path):
    """The records, in the order of their code points, and a function that reads a picture."""
    digest = archives.digest(path)
    if digest != ZIP_SHA256:
        raise ValueError(
            f"{path} is not the original: SHA-256 {digest[:12]}... instead of {ZIP_SHA256[:12]}...; delete it, or copy "
            "the original there"
        )
    packed = zipfile.ZipFile(path)
    records = json.loads(packed.read("emoji.json"))
    for record in records:
        record["file"] = record["file"].removesuffix(".webp")
    return _ordered(records), lambda style, file: packed.read(f"{style}/{file}.webp")


def _from_tarballs(root: Path):
    """The same from the two npm archives."""
    download.fetch(FILES, root)
    pictures, about = {}, None
    for style, folder, each in zip(STYLES, ("google", "twitter"), TARBALLS, strict=True):
        wanted, digest = each.known_hash.removeprefix("sha256:"), archives.digest(root / each.path)
        if digest != wanted:
            raise ValueError(
                f"{root / each.path} is not the original: SHA-256 {digest[:12]}... instead of {wanted[:12]}...; delete "
                "it, and it is fetched again"
            )
        start = f"package/img/{folder}/{SIDE}/"
        with tarfile.open(root / each.path) as tar:
            for member in tar:  # read from within the archive: no name in it is used as a path
                if member.name == "package/emoji.json":
                    about = json.load(tar.extractfile(member))
                elif member.name.startswith(start) and member.isfile():
                    name = member.name.removeprefix(start).removesuffix(".png")
                    pictures[style, name] = tar.extractfile(member).read()
    records = [record for record in _records(about) if all((style, record["file"]) in pictures for style in STYLES)]
    return _ordered(records), lambda style, file: pictures[style, file]


def _records(about: list[dict]):
    """A record for each emoji and each of its skin tones."""
    for emoji in about:
        common = {name: emoji[name] for name in ("short_names", "category", "subcategory")}
        common["name"] = (emoji["name"] or emoji["short_name"]).lower()
        yield common | {"file": emoji["unified"].lower(), "skin_tone": None}
        for modifiers, variant in emoji.get("skin_variations", {}).items():
            tone = "+".join(MODIFIERS[each] for each in modifiers.split("-"))
            yield common | {"file": variant["unified"].lower(), "skin_tone": tone}


def _ordered(records):
    return sorted(records, key=lambda record: record["file"])


def _tone(words: str | None) -> int:
    if words is None:
        return -1
    tones = set(words.split("+"))
    return TONES.index(tones.pop()) if len(tones) == 1 else -2


def _on_white(content: bytes) -> Tensor:
    """uint8 [3, 64, 64] of a picture with transparency, laid on white."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(content), formats=("PNG", "WEBP")).convert("RGBA")).astype(np.int32)
    color, cover = pixels[..., :3], pixels[..., 3:]
    mixed = (color * cover + 255 * (255 - cover) + 127) // 255
    return torch.from_numpy(mixed.astype(np.uint8)).permute(2, 0, 1)

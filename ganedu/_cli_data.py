"""`ganedu data`: what the data sets are, whether they are here and whole, and how to get them."""

from pathlib import Path
from typing import Annotated

import typer

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
    "factors": ("8,192 + 2,048 drawn shapes, color, 32 x 32", "drawn on demand", "that of this package"),
}


@data_app.command("list", help="The sets, their licenses, and which are here.\n\nExample: ganedu data list")
def list_sets(root: Root = None):
    from ganedu import data
    from ganedu.data.files import data_root, find
    from ganedu.data.registry import FILE_SETS

    with _one_line_errors("list"):
        folder = data_root(root)
    typer.echo(f"Data folder: {folder}\n")
    for name in data.NAMES:
        if name in BUILT_IN:
            about, state, license = BUILT_IN[name]
        else:
            files = FILE_SETS[name]
            here = all(find(files, split, folder) for split in data.SPLITS)
            state = "here" if here else f"not here: `ganedu data prepare {name}` fetches {files.megabytes} MB"
            about, license = files.about, files.license
        typer.echo(f"{name:14} {about}\n{'':14} license: {license}\n{'':14} {state}\n")
    typer.echo(f"{data.FOLDER}PATH  your own pictures: a folder, a .zip or a .tar of them")


@data_app.command(
    help="Read every byte of a set, without fetching anything: hashes, sizes, counts, every picture of a folder.\n\n"
    "Examples: ganedu data verify fashion-mnist; ganedu data verify image-folder:photos --size 64"
)
def verify(name: str, root: Root = None, size: Size = None):
    with _one_line_errors(f"verify {name}"):
        _require_here(name, root)
        _report(name, root, size)


@data_app.command(
    help="Fetch a set if it is not here, then verify it. Interrupted? Run it again: files that are whole stay.\n\n"
    "Example: ganedu data prepare cifar10"
)
def prepare(name: str, root: Root = None, size: Size = None):
    with _one_line_errors(f"prepare {name}"):
        _report(name, root, size)


def _require_here(name, root):
    from ganedu import data
    from ganedu.data.files import data_root, find
    from ganedu.data.registry import FILE_SETS

    if name in FILE_SETS:
        folder = data_root(root)
        for split in data.SPLITS:
            if find(FILE_SETS[name], split, folder) is None:
                raise ValueError(f"{name} is not below {folder}; `ganedu data prepare {name}` fetches it")


def _report(name, root, size):
    from ganedu import data

    is_folder = name.startswith(data.FOLDER)
    for split in data.folder.splits(name.removeprefix(data.FOLDER)) if is_folder else data.SPLITS:
        found = data.load(name, split, root, size=size)
        n, channels, height, width = found.images.shape
        typer.echo(f"{name} {split}: {n} images, {channels} x {height} x {width}, {len(found.classes)} classes: ok")


class _one_line_errors:
    """What a user can mend becomes one message and exit code 1; anything else is a bug and shows its traceback."""

    def __init__(self, command):
        self.command = command

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, (ValueError, OSError)):
            typer.echo(f"ganedu data {self.command}: {error}", err=True)
            raise typer.Exit(1) from None

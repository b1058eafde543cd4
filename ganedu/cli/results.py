"""`ganedu sample`, `translate` and `evaluate`: what a trained run can do.

Taught in {ref}`training`.
"""

import math
from pathlib import Path
from typing import Annotated

import typer

from ganedu.cli.options import MOST, At, Device, NoEma, Previous, Root, Run, folder, one_sentence, place, say

Sheet = Annotated[
    Path | None,
    typer.Option(help="PNG file; RUN/samples/seed_SEED.png if not given.", metavar="FILE", parser=folder),
]
SAMPLED = 100  # bytes for every pixel of an image that is drawn: it, its sheet, the last layers of the network
results_app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@results_app.command("sample", no_args_is_help=True)
def sample_run(
    run: Run,
    n: Annotated[int, typer.Option("--n", help="How many images.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Of the latent vectors.", min=0, max=MOST)] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="PNG file; RUN/samples/seed_SEED.png if not given.", metavar="FILE", parser=folder),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Names or numbers, with commas between: they take turns.", metavar="A,B,...")
    ] = None,
    truncation: Annotated[float | None, typer.Option(help="How far from the center latents may lie.", min=0)] = None,
    mix: Annotated[int | None, typer.Option(help="Take the styles from this layer on from another image.")] = None,
    caption: Annotated[str | None, typer.Option(help="What the images are to show, in words.")] = None,
    no_ema: NoEma = False,
    device: Device = "cpu",
    previous: Previous = False,
    at: At = None,
):
    """Draw images from a trained generator into one PNG; of voxels, pictures, or a GIF in which they turn.

    \b
    ganedu sample runs/dcgan-digits --n 100 --seed 7 --out digits.png
    ganedu sample runs/gan3d-solids --n 8 --out solids.gif
    ganedu sample runs/cgan-digits --classes 3,7 --n 16

    \f
    Taught in {ref}`training`.
    """
    with one_sentence("sample"):
        import torch

        from ganedu import _memory
        from ganedu.data import projection
        from ganedu.training import load
        from ganedu.training.run_folder import COLUMNS, write_samples

        device = place(device)
        recipe = load(run, device=device, ema=not no_ema, previous=previous, at=at)
        if not hasattr(recipe, "sample"):
            raise ValueError(
                f"{recipe.name} draws nothing from noise; translate pictures: ganedu translate {run} IN OUT"
            )
        _memory.require(SAMPLED * n * math.prod(recipe.image_shape), f"drawing {n} images", "draw fewer")
        from ganedu.training.sampling import options_of

        options = options_of(recipe, n, classes=classes, truncation=truncation, mix=mix, caption=caption)
        path = out or run / "samples" / f"seed_{seed}.png"
        made = recipe.sample(n, torch.Generator(device).manual_seed(seed), **options)
        if made.ndim == 5 and path.suffix == ".gif":
            projection.write_turning(path, made.float(), columns=COLUMNS)
        else:
            write_samples(path, projection.shaded(made.float()) if made.ndim == 5 else made)
        say(path)


@results_app.command("translate", no_args_is_help=True)
def translate_folder(
    run: Run,
    source: Annotated[Path, typer.Argument(metavar="IN", help="Folder of pictures of one domain.", parser=folder)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the translated ones.", parser=folder)],
    direction: Annotated[str, typer.Option(help="AtoB or BtoA.")] = "AtoB",
    make: Annotated[
        str | None,
        typer.Option(help="For pairs: make this of each picture first, as learned: edges, holes, half, quarter."),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Shorter side in pixels; as learned if not given.", min=8)] = None,
    no_ema: NoEma = False,
    device: Device = "cpu",
    previous: Previous = False,
):
    """Carry pictures from one domain to the other, or from inputs to what was learned, with an overview sheet.png.

    \b
    ganedu translate runs/cyclegan-apple2tomato apples tomatoes
    ganedu translate runs/cyclegan-apple2tomato tomatoes apples --direction BtoA --size 256
    ganedu translate runs/pix2pix-factors drawings painted
    ganedu translate runs/srgan-photos photos zoomed --make quarter

    \f
    Taught in {ref}`ch-cyclegan`.
    """
    with one_sentence("translate"):
        from ganedu.training.translation import SHEET, translate

        done = translate(
            run,
            source,
            out,
            direction=direction,
            make=make,
            size=size,
            ema=not no_ema,
            device=place(device),
            previous=previous,
        )
        for sentence in done.unreadable:
            say(f"ganedu translate: {sentence}", err=True)
        pictures = "picture" if done.written == 1 else "pictures"
        say(f"{done.written} {pictures} written to {out}" + (f"; look at {out / SHEET}" if done.written else ""))
        if done.unreadable:
            raise typer.Exit(1)


@results_app.command("evaluate", no_args_is_help=True)
def evaluate_run(
    run: Run,
    n: Annotated[int, typer.Option("--n", help="How many generated images.", min=1)] = 2000,
    split: Annotated[str, typer.Option(help="Which real images: train or test.")] = "test",
    seed: Annotated[int, typer.Option(help="Of the latent vectors.", min=0, max=MOST)] = 0,
    no_ema: NoEma = False,
    device: Device = "cpu",
    previous: Previous = False,
    at: At = None,
    root: Root = None,
):
    """Compare generated with real images, over the features of a classifier of the data set.

    Prints the numbers and adds them, with the protocol they were measured by, to RUN/evaluation.json.
    The classifier is trained once for each data set, in at most two minutes.
    Runs of pairs need none: what is made of the inputs is compared with their partners, pixel by pixel.

    \b
    ganedu evaluate runs/dcgan-digits

    \f
    Taught in {ref}`ch-evaluation`.
    """
    with one_sentence("evaluate"):
        from ganedu.training.evaluation import evaluate

        which = {"ema": not no_ema, "previous": previous, "at": at}
        say(evaluate(run, n=n, split=split, seed=seed, device=place(device), root=root, **which))


@results_app.command("export", no_args_is_help=True)
def export_weights(
    run: Run,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New file, .safetensors or (--web) .json.", parser=folder)],
    network: Annotated[str, typer.Option(help="generator or discriminator.")] = "generator",
    half: Annotated[bool, typer.Option("--half", help="16 bits a number instead of 32.")] = False,
    web: Annotated[bool, typer.Option("--web", help="A generator that a page of the book can run, as JSON.")] = False,
    no_ema: NoEma = False,
    previous: Previous = False,
    at: At = None,
):
    """Write the weights of a network into a file that any program can read safely.

    \b
    ganedu export runs/dcgan-digits generator.safetensors --half
    ganedu export runs/dcgan-digits judge.safetensors --network discriminator --at 1000
    ganedu export runs/mlp-digits generator.json --web --half

    \f
    Taught in {ref}`training`.
    """
    with one_sentence("export"):
        from ganedu.training.exporting import export

        say(export(run, out, network=network, half=half, ema=not no_ema, previous=previous, at=at, page=web))

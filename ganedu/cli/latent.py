"""`ganedu interpolate` and `ganedu edit`: walks through the noise of a trained run, and steps that change one thing.

Taught in {ref}`ch-latent-space`.
"""

from pathlib import Path
from typing import Annotated

import typer

from ganedu.cli.options import MOST, At, Device, NoEma, Previous, Root, Run, folder, one_sentence, place, say

latent_app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
Classes = Annotated[
    str | None,
    typer.Option(help="Names or numbers, with commas between: they take turns.", metavar="A,B,..."),
]
Seed = Annotated[int, typer.Option(help="Of the latent vectors.", min=0, max=MOST)]


@latent_app.command("interpolate", no_args_is_help=True)
def interpolate_run(
    run: Run,
    rows: Annotated[int, typer.Option(help="How many walks.", min=1)] = 8,
    steps: Annotated[int, typer.Option(help="Stops of a walk on the sheet, its ends included; 2 at least.")] = 9,
    frames: Annotated[int, typer.Option(help="Frames of the animation, one way; 2 at least.")] = 40,
    how: Annotated[str, typer.Option(help="slerp keeps the length of the noise, lerp goes straight.")] = "slerp",
    seed: Seed = 0,
    classes: Classes = None,
    out: Annotated[
        Path | None,
        typer.Option(help="PNG file; RUN/samples/walk_seed_SEED.png if not given.", metavar="FILE", parser=folder),
    ] = None,
    no_ema: NoEma = False,
    device: Device = "cpu",
    previous: Previous = False,
    at: At = None,
):
    """Walk from sample to sample: a sheet, an animated GIF beside it, and an MP4 where ffmpeg is installed.

    \b
    ganedu interpolate runs/dcgan-digits
    ganedu interpolate runs/dcgan-digits --how lerp --steps 7 --out straight.png

    \f
    Taught in {ref}`ch-latent-space`.
    """
    with one_sentence("interpolate"):
        from ganedu.training.latent import interpolate

        made = interpolate(
            run,
            rows=rows,
            steps=steps,
            frames=frames,
            how=how,
            seed=seed,
            classes=classes,
            out=out,
            ema=not no_ema,
            device=place(device),
            previous=previous,
            at=at,
        )
        for path in filter(None, (made.sheet, made.film, made.video)):
            say(path)


@latent_app.command("edit", no_args_is_help=True)
def edit_run(
    run: Run,
    attribute: Annotated[
        str, typer.Option(help='What to change: "glasses", "hair color=red", a class of the set.', metavar="NAME")
    ],
    by: Annotated[float, typer.Option(help="Length of the step, in units of the noise; negative takes away.")] = 2.0,
    spare: Annotated[list[str], typer.Option(help="An attribute to leave alone, repeatable.", metavar="NAME")] = (),
    n: Annotated[int, typer.Option("--n", help="Samples on the sheet.", min=1)] = 8,
    seed: Seed = 0,
    classes: Classes = None,
    out: Annotated[
        Path | None,
        typer.Option(help="PNG file; RUN/samples/edit_NAME.png if not given.", metavar="FILE", parser=folder),
    ] = None,
    no_ema: NoEma = False,
    device: Device = "cpu",
    previous: Previous = False,
    at: At = None,
    root: Root = None,
):
    """Change one attribute of generated images, and print what changes with it.

    A classifier of the run's data set, trained once in a minute or two, labels 2000 samples; the step leads from the
    mean of those without the attribute to the mean of those with it.

    \b
    ganedu edit runs/dcgan-avatars --attribute glasses --by 2
    ganedu edit runs/dcgan-avatars --attribute "hair color=red" --spare beard --spare glasses
    ganedu edit runs/dcgan-digits --attribute 7

    \f
    Taught in {ref}`ch-latent-space`.
    """
    with one_sentence("edit"):
        from ganedu.training.latent import edit

        made = edit(
            run,
            attribute,
            by=by,
            spare=tuple(spare),
            n=n,
            seed=seed,
            classes=classes,
            out=out,
            root=root,
            ema=not no_ema,
            device=place(device),
            previous=previous,
            at=at,
        )
        say(made)
        say(made.sheet)

"""The command line, ``ganedu`` or ``python -m ganedu``.

Only what a command needs is imported, when it runs: `ganedu ledger` and the help texts do not wait for PyTorch.
Taught in {ref}`ledger` and {ref}`training`.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from ganedu import __version__
from ganedu.cli.data import data_app
from ganedu.cli.latent import latent_app
from ganedu.cli.options import folder, one_sentence, say
from ganedu.cli.recipes import recipes_app
from ganedu.cli.reports import reports_app
from ganedu.cli.results import results_app
from ganedu.cli.train import train_app

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _say_version(wanted: bool) -> None:
    if wanted:
        say(f"ganedu {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", is_eager=True, callback=_say_version)
    ] = False,
):
    """Tools of the course on generative adversarial networks."""


@app.command("ledger", help="Which equations of the book are checked, by what, and how closely.")
def show_ledger(
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 unless every equation is checked.")] = False,
    book: Annotated[Path | None, typer.Option(help="The book's folder; found from here upward if not given.")] = None,
):
    """Which equations of the book are checked, by what, and how closely.

    Taught in {ref}`ledger`.
    """
    from ganedu import ledger

    try:
        entries = ledger.read(book or Path(os.path.relpath(ledger.find_book(Path.cwd()))))
        problems = ledger.problems(entries)
    except ValueError as error:
        say(f"ganedu ledger: {error}", err=True)
        raise typer.Exit(2) from None
    say(ledger.table(entries))
    for problem in problems:
        say(problem, err=True)
    if check and problems:
        raise typer.Exit(1)


@app.command("doctor")
def examine(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Folder of a run to examine.", parser=folder)
    ] = None,
):
    """What ails a run, with the number it rests on and the chapter that explains it. Without RUN: what this machine can
    do, what is missing, and how to get it.

    \b
    ganedu doctor
    ganedu doctor runs/dcgan-digits

    \f
    Taught in {ref}`training`.
    """
    with one_sentence("doctor"):
        if run:
            from ganedu.reporting import diagnosis
            from ganedu.reporting.facts import Facts

            return say("\n".join(diagnosis.in_words(Facts.read(run))))
        from ganedu.training import doctor

        say(doctor.report())


app.add_typer(train_app)
app.add_typer(results_app)
app.add_typer(latent_app)
app.add_typer(reports_app)
app.add_typer(recipes_app)
app.add_typer(data_app, name="data")

"""The command line, ``ganedu`` or ``python -m ganedu``.

Taught in {ref}`ledger`.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _main():
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
        typer.echo(f"ganedu ledger: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(ledger.table(entries))
    for problem in problems:
        typer.echo(problem, err=True)
    if check and problems:
        raise typer.Exit(1)

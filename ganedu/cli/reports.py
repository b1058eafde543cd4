"""`ganedu report`, `ganedu compare` and `ganedu judge`: runs on a page.

Taught in {ref}`training`.
"""

from pathlib import Path
from typing import Annotated

import typer

from ganedu.cli.options import MOST, At, Device, NoEma, Previous, Root, Run, folder, one_sentence, place, say

reports_app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@reports_app.command("report", no_args_is_help=True)
def report_run(run: Run):
    """Write a run on one page, RUN/report.html: curves, samples, metrics, how it was made and how to go on.

    The page needs no network. `train` and `resume` write it too. Where somebody has edited it, the new one is
    report.new.html.

    \b
    ganedu report runs/dcgan-digits

    \f
    Taught in {ref}`training`.
    """
    with one_sentence("report"):
        from ganedu.reporting import run_report

        say(run_report.write(run))


@reports_app.command("compare", no_args_is_help=True)
def compare_runs(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN ...", help="Folders of runs.", parser=folder)],
    out: Annotated[Path, typer.Option(help="HTML file.", metavar="FILE", parser=folder)] = "comparison.html",
):
    """Several runs on one page: what differs, curves over each other, last sheets, and the metrics in a table.

    Numbers that were measured by different protocols are not compared.

    \b
    ganedu compare runs/dcgan-digits runs/wgan-gp-digits
    ganedu compare runs/* --out all.html

    \f
    Taught in {ref}`ch-evaluation`.
    """
    with one_sentence("compare"):
        from ganedu.reporting import comparison

        say(comparison.write(runs, out))


@reports_app.command("judge", no_args_is_help=True)
def judge_run(
    run: Run,
    pairs: Annotated[int, typer.Option(help="Pairs of pictures on the page.", min=1)] = 40,
    seed: Annotated[int, typer.Option(help="Of the pictures and their order.", min=0, max=MOST)] = 0,
    votes: Annotated[
        list[Path] | None,
        typer.Option(help="A file that the page saved.", metavar="FILE", parser=folder),
    ] = None,
    root: Root = None,
    no_ema: NoEma = False,
    device: Device = "cpu",
    previous: Previous = False,
    at: At = None,
):
    """Ask people: write RUN/judge.html, which shows real and generated pictures in pairs, or count its votes.

    Give the page to whoever is to judge, and keep RUN/judge.key.json, which says which picture is real. The page needs
    no network and saves the votes as a file.

    \b
    ganedu judge runs/dcgan-digits
    ganedu judge runs/dcgan-digits --votes votes-a.json --votes votes-b.json

    \f
    Taught in {ref}`ch-responsible-use`.
    """
    with one_sentence("judge"):
        from ganedu.reporting import judging

        if votes:
            say(judging.in_words(judging.evaluate(votes, run / judging.KEY)))
            return
        which = {"ema": not no_ema, "previous": previous, "at": at}
        page, key = judging.for_run(run, pairs=pairs, seed=seed, root=root, device=place(device), **which)
        say(f"{page}: {pairs} pairs; the key stays with you: {key}")


def write_report(run: Path) -> Path | None:
    """The report of a run that has just ended; whatever is wrong with it is a sentence, and the run stays done.

    Taught in {ref}`training`.
    """
    try:
        from ganedu.reporting import run_report

        return run_report.write(run, patient=False)
    except ModuleNotFoundError as error:
        reason = f"{error.name} is missing: pip install {error.name}"
    except (Exception, KeyboardInterrupt) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
    say(f"no report of {run} was written ({reason}); the run is whole, try `ganedu report {run}`", err=True)
    return None

"""The command line, ``ganedu`` or ``python -m ganedu``.

Only what a command needs is imported, when it runs: `ganedu ledger` and the help texts do not wait for PyTorch.
Taught in {ref}`ledger` and {ref}`training`.
"""

import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import typer

from ganedu._cli_data import data_app

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
INTERRUPTED = 130

Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, or auto: a GPU if there is one.")]
Root = Annotated[Path | None, typer.Option("--data-root", help="Folder of downloaded data sets.", envvar="GANEDU_DATA")]
Minutes = Annotated[float | None, typer.Option(help="Save and stop after so many minutes.", min=0)]
Previous = Annotated[bool, typer.Option("--previous", help="Use checkpoint.previous.pt, the one before the last.")]
Run = Annotated[Path, typer.Argument(help="Folder of the run.")]
NoEma = Annotated[bool, typer.Option("--no-ema", help="The last generator instead of the averaged one.")]
Full = Annotated[bool | None, typer.Option("--full/--small", help="The paper's sizes or a miniature, as on a CPU.")]
Change = Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE of the recipe's config; repeatable.")]

TRAIN_HELP = """Train a recipe on images; stop it with Ctrl-C, go on with `ganedu resume`.

\b
ganedu train dcgan
ganedu train dcgan --data fashion-mnist --steps 2000
ganedu train dcgan --data image-folder:photos --full --device cuda --precision bf16
torchrun --nproc-per-node 4 -m ganedu train dcgan --data cifar10 --full
"""


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


@app.command("train", no_args_is_help=True, help=TRAIN_HELP)
def train_recipe(
    recipe: Annotated[str, typer.Argument(help="dcgan, mlp, article-gan, ...")],
    data: Annotated[str, typer.Option(help="digits, mnist, fashion-mnist, cifar10, image-folder:PATH")] = "digits",
    steps: Annotated[int, typer.Option(help="Iterations.", min=1)] = 500,
    out: Annotated[Path | None, typer.Option(help="Folder of the run; runs/RECIPE-DATA if not given.")] = None,
    full: Full = None,
    change: Change = None,
    size: Annotated[int | None, typer.Option(help="Side of the images in pixels.", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a batch, of all processes together.", min=1)] = None,
    flip: Annotated[bool, typer.Option("--flip", help="Mirror images left to right at random.")] = False,
    seed: Annotated[int, typer.Option(help="Of weights, noise and order of the data.", min=0)] = 0,
    ema: Annotated[float, typer.Option(help="Decay of the averaged generator; 0 for none.")] = 0.999,
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="fp32, tf32 (NVIDIA GPUs) or bf16.")] = "fp32",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the networks with torch.compile.")] = False,
    log_every: Annotated[int, typer.Option(help="Steps between rows of metrics.jsonl.", min=1)] = 10,
    sample_every: Annotated[int, typer.Option(help="Steps between grids of samples.", min=1)] = 100,
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)] = 100,
    max_minutes: Minutes = None,
    root: Root = None,
):
    """Train a recipe on images, with the options of the command line.

    Taught in {ref}`training`.
    """
    with _one_sentence("train"):
        from ganedu import recipes
        from ganedu.training import TrainConfig, train

        device, kind = _device(device), recipes.get(recipe)
        full = device != "cpu" if full is None else full
        recipe_config = _recipe_config(kind.Config(), full, change or [], size, batch_size)
        config = TrainConfig(
            steps=steps, flip=flip, seed=seed, ema=ema, precision=precision, compile=compiled, log_every=log_every,
            sample_every=sample_every, checkpoint_every=checkpoint_every,
        )  # fmt: skip
        out = out or _default_folder(recipe, data)
        options = {"device": device, "root": root, "max_minutes": max_minutes}
        _say_where(train(recipe, data, out=out, config=config, recipe_config=recipe_config, **options))


@app.command("resume", no_args_is_help=True)
def resume_run(
    run: Run,
    steps: Annotated[int | None, typer.Option(help="A new last step, to train longer.", min=1)] = None,
    device: Device = "auto",
    previous: Previous = False,
    max_minutes: Minutes = None,
    root: Root = None,
):
    """Go on with a run; the weights become those of a run that was never stopped.

    \b
    ganedu resume runs/dcgan-digits
    ganedu resume runs/dcgan-digits --steps 1000
    ganedu resume runs/dcgan-digits --previous

    \f
    Taught in {ref}`training`.
    """
    with _one_sentence("resume"):
        from ganedu.training import resume

        _say_where(
            resume(run, steps=steps, device=_device(device), previous=previous, max_minutes=max_minutes, root=root)
        )


@app.command("sample", no_args_is_help=True)
def sample_run(
    run: Run,
    n: Annotated[int, typer.Option("--n", help="How many images.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Of the latent vectors.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="PNG file; RUN/samples/seed_SEED.png if not given.")] = None,
    no_ema: NoEma = False,
    device: Device = "cpu",
    previous: Previous = False,
):
    """Draw images from a trained generator into one PNG.

    \b
    ganedu sample runs/dcgan-digits --n 100 --seed 7 --out digits.png

    \f
    Taught in {ref}`training`.
    """
    with _one_sentence("sample"):
        import torch

        from ganedu.training import load
        from ganedu.training.run_folder import write_samples

        device = _device(device)
        recipe = load(run, device=device, ema=not no_ema, previous=previous)
        path = out or run / "samples" / f"seed_{seed}.png"
        write_samples(path, recipe.sample(n, torch.Generator(device).manual_seed(seed)))
        typer.echo(path)


@app.command("evaluate", no_args_is_help=True)
def evaluate_run(
    run: Run,
    n: Annotated[int, typer.Option("--n", help="How many generated images.", min=1)] = 2000,
    split: Annotated[str, typer.Option(help="Which real images: train or test.")] = "test",
    seed: Annotated[int, typer.Option(help="Of the latent vectors.", min=0)] = 0,
    no_ema: NoEma = False,
    device: Device = "cpu",
    previous: Previous = False,
    root: Root = None,
):
    """Compare generated with real images, over the features of a classifier of the data set.

    Prints the numbers and adds them, with the protocol they were measured by, to RUN/evaluation.json.
    The classifier is trained once for each data set, in at most two minutes.

    \b
    ganedu evaluate runs/dcgan-digits

    \f
    Taught in {ref}`ch-evaluation`.
    """
    with _one_sentence("evaluate"):
        from ganedu.training.evaluation import evaluate

        typer.echo(
            evaluate(
                run, n=n, split=split, seed=seed, ema=not no_ema, device=_device(device), previous=previous, root=root
            )
        )


@app.command("doctor")
def examine():
    """What this machine can do, what is missing, and how to get it.

    \f
    Taught in {ref}`training`.
    """
    with _one_sentence("doctor"):
        from ganedu.training import doctor

        typer.echo(doctor.report())


@contextmanager
def _one_sentence(command: str) -> Iterator[None]:
    """What a user can mend becomes one sentence and exit code 1, a stopped run 130; a bug stays a traceback."""
    try:
        yield
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        from ganedu.training.errors import Interrupted, TrainingError

        expected = not isinstance(error, RuntimeError) or isinstance(error, TrainingError)
        if not expected and "memory" not in str(error):
            raise
        process = f" (rank {os.environ['RANK']})" if "RANK" in os.environ else ""
        typer.echo(f"ganedu {command}{process}: {error}", err=True)
        raise typer.Exit(INTERRUPTED if isinstance(error, Interrupted) else 1) from None


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used here ({reason}); `ganedu doctor` lists what can") from None
    return name


def _recipe_config(config, full: bool, changes: list[str], size: int | None, batch_size: int | None):
    """The paper's configuration or its miniature, with the entries that were asked for."""
    config = config if full else config.small()
    given = {"size": size, "batch_size": batch_size}
    wanted = {name: value for name, value in given.items() if value is not None}
    for text in changes:
        name, equals, value = text.partition("=")
        known = {field.name: type(getattr(config, field.name)) for field in fields(config)}
        if not equals or name not in known:
            raise ValueError(f"--set {text}: NAME=VALUE expected, NAME one of {', '.join(known)}")
        wanted[name] = _value(value, known[name], text)
    return replace(config, **wanted)


def _value(text: str, kind: type, given: str):
    if kind is str:
        return text
    try:
        value = ast.literal_eval(text)
        if isinstance(value, kind) or (kind is float and isinstance(value, int)):
            return kind(value)
    except (ValueError, SyntaxError):
        pass
    raise ValueError(f"--set {given}: the value must be of type {kind.__name__}")


def _default_folder(recipe: str, data: str) -> Path:
    """runs/RECIPE-DATA, or the first of ...-2, ...-3 in which there is no run; under torchrun rank 0 may be ahead."""
    stem = f"{recipe}-{data.rpartition(':')[2].rstrip('/').rpartition('/')[2] if ':' in data else data}"
    if "RANK" in os.environ:
        return Path("runs") / stem
    taken = (Path("runs") / (stem if i == 1 else f"{stem}-{i}") for i in range(1, sys.maxsize))
    return next(path for path in taken if not (path / "config.json").exists())


def _say_where(outcome) -> None:
    if os.environ.get("RANK", "0") != "0":
        return
    if outcome.finished:
        then = f"train longer: ganedu resume {outcome.run} --steps {2 * outcome.steps}"
    else:
        then = f"go on: ganedu resume {outcome.run}"
    image = outcome.run / "samples" / f"step_{outcome.step:06d}.png"
    where = image if image.exists() else outcome.run
    typer.echo(f"step {outcome.step} of {outcome.steps} done; look at {where}; {then}")


app.add_typer(data_app, name="data")

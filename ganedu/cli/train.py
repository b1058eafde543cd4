"""`ganedu train` and `ganedu resume`.

Taught in {ref}`training`.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ganedu.cli.options import MOST, At, Device, Previous, Root, Run, folder, one_sentence, place, say
from ganedu.cli.reports import write_report

train_app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)

Minutes = Annotated[float | None, typer.Option(help="Save and stop after so many minutes.", min=0)]
Full = Annotated[bool | None, typer.Option("--full/--small", help="The paper's sizes or a miniature, as on a CPU.")]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder of the run; runs/RECIPE-DATA if not given.", metavar="FOLDER", parser=folder),
]
Change = Annotated[
    list[str] | None,
    typer.Option("--set", help="NAME=VALUE of the recipe's config, repeatable; --NAME VALUE is short for it."),
]

TRAIN_HELP = """Train a recipe on images; stop it with Ctrl-C, go on with `ganedu resume`.

\b
ganedu train dcgan
ganedu train dcgan --data fashion-mnist --steps 2000
ganedu train dcgan --data image-folder:photos --full --device cuda --precision bf16
ganedu train cyclegan --data apple2tomato --size 128 --identity 0
torchrun --nproc-per-node 4 -m ganedu train dcgan --data cifar10 --full
"""


@train_app.command(
    "train",
    no_args_is_help=True,
    help=TRAIN_HELP,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def train_recipe(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="dcgan, mlp, article-gan, ...")],
    data: Annotated[
        str | None, typer.Option(help="A name of `ganedu data list`, image-folder:PATH, unpaired:PATH.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Iterations.", min=1)] = 500,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; runs/RECIPE-DATA if not given.", metavar="FOLDER", parser=folder),
    ] = None,
    full: Full = None,
    change: Change = None,
    size: Annotated[int | None, typer.Option(help="Side of the images in pixels.", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a batch, of all processes together.", min=1)] = None,
    flip: Annotated[
        bool | None, typer.Option(help="Mirror images at random; if not given, as the recipe has it.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Do not hold an image-folder in memory.")] = False,
    seed: Annotated[int, typer.Option(help="Of weights, noise and order of the data.", min=0, max=MOST)] = 0,
    ema: Annotated[float, typer.Option(help="Decay of the averaged generator; 0 for none.")] = 0.999,
    device: Device = "auto",
    precision: Annotated[str | None, typer.Option(help="fp32 (if not given), tf32 (NVIDIA GPUs) or bf16.")] = None,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the losses with torch.compile.")] = False,
    cuda_graph: Annotated[bool, typer.Option("--cuda-graph", help="Replay the step as one CUDA graph.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="The precision that is fastest on this device.")] = False,
    log_every: Annotated[int, typer.Option(help="Steps between rows of metrics.jsonl.", min=1)] = 10,
    sample_every: Annotated[int, typer.Option(help="Steps between grids of samples.", min=1)] = 100,
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)] = 100,
    evaluate_every: Annotated[int, typer.Option(help="Steps between Fréchet distances; 0 for none.", min=0)] = 0,
    evaluate_images: Annotated[int, typer.Option(help="Generated images for each of them.", min=1)] = 2000,
    keep_last: Annotated[int, typer.Option(help="Checkpoints to keep, to go back to.", min=0)] = 0,
    keep_every: Annotated[int, typer.Option(help="Keep the checkpoint of every so many steps; 0 for none.", min=0)] = 0,
    go_on: Annotated[bool, typer.Option("--resume", help="If the run is there already, go on with it.")] = False,
    max_minutes: Minutes = None,
    root: Root = None,
):
    """Train a recipe on images, with the options of the command line.

    Taught in {ref}`training`.
    """
    with one_sentence("train"):
        from ganedu import recipes
        from ganedu.training import TrainConfig, train
        from ganedu.training.precision import choose

        device, kind = place(device), recipes.get(recipe)
        full = device != "cpu" if full is None else full
        data = kind.default_data if data is None else data
        changes = [*(change or []), *_as_changes(context.args)]
        recipe_config = _recipe_config(kind.Config(), full, changes, size, batch_size, flip)
        config = TrainConfig(
            steps=steps, seed=seed, ema=ema, precision=choose(precision, fast=fast, device=device), compile=compiled,
            cuda_graph=cuda_graph, log_every=log_every, sample_every=sample_every, checkpoint_every=checkpoint_every,
            evaluate_every=evaluate_every, evaluate_images=evaluate_images, keep_last=keep_last, keep_every=keep_every,
        )  # fmt: skip
        out = out or _default_folder(recipe, data, go_on)
        options = {"device": device, "root": root, "stream": stream, "max_minutes": max_minutes, "go_on": go_on}
        _say_where(train(recipe, data, out=out, config=config, recipe_config=recipe_config, **options))


@train_app.command("resume", no_args_is_help=True)
def resume_run(
    run: Run,
    steps: Annotated[int | None, typer.Option(help="A new last step, to train longer.", min=1)] = None,
    data: Annotated[str | None, typer.Option(help="Where the pictures are now, image-folder:PATH.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="A new learning rate from here on.", min=0)] = None,
    learning_rate_d: Annotated[float | None, typer.Option(help="The same, of the discriminator.", min=0)] = None,
    device: Device = "auto",
    previous: Previous = False,
    at: At = None,
    max_minutes: Minutes = None,
    root: Root = None,
):
    """Go on with a run; the weights become those of a run that was never stopped.

    \b
    ganedu resume runs/dcgan-digits
    ganedu resume runs/dcgan-digits --steps 1000
    ganedu resume runs/dcgan-digits --previous
    ganedu resume runs/dcgan-photos --data image-folder:/new/place/photos

    \f
    Taught in {ref}`training`.
    """
    with one_sentence("resume"):
        from ganedu.training import resume

        options = {"device": place(device), "previous": previous, "at": at, "max_minutes": max_minutes, "root": root}
        rates = {"learning_rate": learning_rate, "learning_rate_d": learning_rate_d}
        _say_where(resume(run, steps=steps, data=data, **rates, **options))


def _recipe_config(config, full: bool, changes: list[str], size: int | None, batch_size: int | None, flip: bool | None):
    """The paper's configuration or its miniature, with the entries that were asked for."""
    config = config if full else config.small()
    given = {"size": size, "batch_size": batch_size, "flip": flip}
    wanted = {name: value for name, value in given.items() if value is not None}
    if size and config.load_size:  # another size keeps the share that is cut away
        wanted["load_size"] = round(config.load_size * size / config.size)
    from ganedu.training.options import from_text

    for text in changes:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set {text}: NAME=VALUE expected")
        wanted[name] = from_text(type(config), name, value)
    return replace(config, **wanted)


def _as_changes(words: list[str]) -> list[str]:
    """`--lambda-cycle 5` and `--lambda-cycle=5`, which the command itself does not know, as lambda_cycle=5."""
    changes, rest = [], iter(words)
    for word in rest:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not (equals or (value := next(rest, ""))):
            raise ValueError(f"what does {word!r} mean? See `ganedu train --help`")
        changes.append(f"{name.replace('-', '_')}={value}")
    return changes


def _default_folder(recipe: str, data: str, go_on: bool) -> Path:
    """runs/RECIPE-DATA; if not to go on there, the first of ...-2, ...-3 without a run; rank 0 may be ahead."""
    stem = f"{recipe}-{data.rpartition(':')[2].rstrip('/').rpartition('/')[2] if ':' in data else data}"
    if go_on or "RANK" in os.environ:
        return Path("runs") / stem
    taken = (Path("runs") / (stem if i == 1 else f"{stem}-{i}") for i in range(1, sys.maxsize))
    return next(path for path in taken if not (path / "config.json").exists())


def _say_where(outcome) -> None:
    if os.environ.get("RANK", "0") != "0":
        return
    from ganedu.training.evaluation import summary

    if outcome.finished and not outcome.extendable:
        then = f"its learning rate has come down: for more steps start a new run with --steps {2 * outcome.steps}"
    elif outcome.finished:
        then = f"train longer: ganedu resume {outcome.run} --steps {2 * outcome.steps}"
    else:
        then = f"go on: ganedu resume {outcome.run}"
    for told in (summary(outcome.run), outcome.remark):
        if told:
            say(told)
    image = outcome.run / "samples" / f"step_{outcome.step:06d}.png"
    there = [str(path) for path in (image if image.exists() else None, write_report(outcome.run)) if path]
    say(f"step {outcome.step} of {outcome.steps} done; look at {' and '.join(there) or outcome.run}; {then}")

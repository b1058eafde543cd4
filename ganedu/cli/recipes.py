"""`ganedu recipes`: what can be trained, and what can be changed about it.

Taught in {ref}`training`.
"""

import re
import sys
import textwrap
from dataclasses import fields
from typing import Annotated

import typer

from ganedu._toc import chapter
from ganedu.cli.options import one_sentence, say

GRAY = ("digits", "holes:digits", "solids")  # sets of one channel
WORDS = ("", *(f"word {i}" for i in range(1, 64)))
recipes_app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@recipes_app.command("recipes")
def list_recipes(name: Annotated[str | None, typer.Argument(help="One of them, for all of its options.")] = None):
    """The recipes: what each is, its chapter, its data set, its size; or all options of one.

    \b
    ganedu recipes
    ganedu recipes dcgan

    \f
    Taught in {ref}`training`.
    """
    with one_sentence("recipes"):
        from ganedu import recipes

        if name is None:
            say("\n\n".join(_summary(recipes.get(each)) for each in recipes.NAMES))
            say("\n`ganedu recipes NAME` lists the options of one; `ganedu train NAME` trains it.")
        else:
            say(_options(recipes.get(name)))


def _summary(kind) -> str:
    about = sys.modules[kind.__module__].__doc__.partition("\n\n")[0]
    label = re.search(r"\{ref\}`([^`]+)`", kind.__doc__)[1]
    small, full = (f"{_weights(kind, config):,}" for config in (kind.Config().small(), kind.Config()))
    lines = [
        *textwrap.wrap(f"{kind.name}: {' '.join(about.split())}", 88, subsequent_indent="    "),
        f"    {chapter(label)}; data: {kind.default_data}; weights: {small} (--small), {full} (--full)",
    ]
    return "\n".join(lines)


def usual_facts(kind, config) -> dict:
    """What a recipe's class is told of data such as its default set, which is not read for it.

    kind: the recipe's class; config: its configuration. Returns image_shape and details, see
    `ganedu.training.source.Source.for_recipe`; ten classes, 64 words, inputs as large as what is made of them.
    Taught in {ref}`training`.
    """
    shape = (1 if kind.default_data in GRAY else 3, *[config.size] * kind.Batch.sides)
    details = {
        "labeled": {"classes": tuple("0123456789")},
        "described": {"words": WORDS},
        "pairs": {"input_shape": shape},
    }
    return {"image_shape": shape, **details.get(kind.Batch.kind, {})}


def _weights(kind, config) -> int:
    from ganedu.training.cost import count_weights

    return count_weights(kind, config, usual_facts(kind, config))


def _options(kind) -> str:
    full, small = kind.Config(), kind.Config().small()
    lines = [_summary(kind), "", f"    {'option':18}{'--full':>18}{'--small':>18}"]
    for option in fields(kind.Config):
        values = [str(getattr(config, option.name)).replace(" ", "") for config in (full, small)]
        lines.append(f"    {option.name:18}{values[0]:>18}{values[1]:>18}")
    lines += ["", f"Change one with --NAME VALUE: ganedu train {kind.name} --batch-size {small.batch_size // 2 or 1}"]
    return "\n".join(lines)

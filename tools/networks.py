"""Draw the networks of every recipe and its training step: `python -m tools.networks`.

Each recipe is built as a bare `ganedu train NAME` builds it and makes one step on random data. What is drawn is what
was seen in that step: the layers in the order in which they ran, the shapes that left them, their weights. What flows
where is declared in `book/training_steps.yml`, and a test compares it with the step. The pieces land in
`_build/generated/networks`, where `book/appendix/networks.md` includes them.
"""

import html
import inspect
import re
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from ganedu import recipes
from ganedu.cli.recipes import usual_facts
from tools.pages import write_if_changed

ROOT = Path(__file__).resolve().parents[1]
STEPS = ROOT / "book" / "training_steps.yml"
TARGET = ROOT / "_build" / "generated" / "networks"
B = 2  # images of each kind in a batch
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
OUTSIDE = "weights outside of layers"
WHOLE = re.compile(  # classes that are drawn layer by layer; any other one is a block, one row
    r"(Concat)?(Generator|Discriminator)s?|Translators|Encoder|Decoder|Classifier|Mapping|Synthesis|Sketch|Refinement"
    r"|Judge|Matcher"
)


@dataclass
class Row:
    """One row of a drawing: a layer with what normalizes and bends its output, or a block.

    came, left: shapes without the batch of what enters it and leaves it, None if it did not run.
    """

    words: str
    weights: int
    came: tuple[int, ...] | None = None
    left: tuple[int, ...] | None = None
    times: int = 1


@dataclass
class Phase:
    """What happened up to a step of optimizers: which networks ran, and whose weights changed."""

    ran: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)


@dataclass
class Seen:
    """One training step of a recipe: its phases, and a drawing of each network."""

    networks: dict[str, nn.Module]
    phases: list[Phase]
    drawings: dict[str, list[Row]]


def watch(name: str, config=None) -> Seen:
    """Build a recipe, by default with the numbers of its miniature, and watch one step of it on random data."""
    kind = recipes.get(name)
    config = kind.Config().small() if config is None else config
    facts = usual_facts(kind, config)
    recipe = kind(config, **facts, seed=0)
    networks, phases, calls = _parts(recipe), [Phase()], {}
    for label, network in networks.items():
        for module in network.modules():
            module.register_forward_hook(partial(_note_call, label, phases, calls))
    for optimizer in recipe.optimizers.values():
        _watch_optimizer(optimizer, networks, phases)
    recipe.step(random_batch(kind, facts, B * recipe.n_real), torch.Generator().manual_seed(0))
    return Seen(networks, phases, {label: _rows(network, calls) for label, network in networks.items()})


def _parts(recipe) -> dict[str, nn.Module]:
    """The networks of a recipe; those that are several in one are taken apart: {"generator.AtoB": ..., ...}."""
    found = {}
    for player, network in recipe.networks.items():
        several = isinstance(network, nn.ModuleList) or type(network).__name__ in ("Translators", "Discriminators")
        parts = network.named_children() if several else [("", network)]
        found |= {f"{player}.{name}" if name else player: part for name, part in parts}
    return found


def random_batch(kind, facts: dict, n: int):
    """n random samples of the kind that a recipe learns from; facts: see `ganedu.cli.recipes.usual_facts`."""
    random = torch.Generator().manual_seed(0)
    fields = {
        "labels": torch.arange(n) % 10,
        "tokens": torch.randint(1, 10, (n, 5), generator=random),
        "lengths": torch.full((n,), 5),
    }
    for name in kind.Batch._fields:
        shape = facts["input_shape"] if name == "inputs" else facts["image_shape"]
        fields.setdefault(name, 2 * torch.rand(n, *shape, generator=random) - 1)
    return kind.Batch(*(fields[name] for name in kind.Batch._fields))


def _note_call(label, phases, calls, module, arguments, output):
    """Remember the shapes of a module's first call, and that its network ran."""
    if phases[-1].moved:
        phases.append(Phase())
    phases[-1].ran.add(label)
    shapes = [tuple(value.shape[1:]) for value in _tensors(arguments)], [tuple(v.shape[1:]) for v in _tensors(output)]
    calls.setdefault(module, [shape[0] if shape else None for shape in shapes])


def _tensors(value) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [tensor for each in value for tensor in _tensors(each)] if isinstance(value, tuple | list) else []


def _watch_optimizer(optimizer, networks, phases):
    before = {}

    def remember(*_):
        before.update({label: [w.detach().clone() for w in net.parameters()] for label, net in networks.items()})

    def compare(*_):
        for label, network in networks.items():
            if not all(map(torch.equal, before[label], network.parameters())):
                phases[-1].moved.add(label)

    optimizer.register_step_pre_hook(remember)
    optimizer.register_step_post_hook(compare)


def _rows(network: nn.Module, calls: dict) -> list[Row]:
    """The rows of a drawing, in the order in which they ran; what did not run comes last."""
    modules, counted, rows = list(_drawn(network, root=True)), set(), []
    order = {module: place for place, module in enumerate(calls)}
    modules = [module for module in modules if module in calls or any(True for _ in module.parameters())]
    for module in sorted(modules, key=lambda m: order.get(m, len(order))):
        mine = {weight for weight in module.parameters() if weight not in counted}
        counted |= mine
        came, left = calls.get(module, (None, None))
        row = Row(_words(module), sum(weight.numel() for weight in mine), came, left)
        _append(rows, row, follows=_follows(module))
    if rest := sum(weight.numel() for weight in network.parameters() if weight not in counted):
        rows.append(Row(OUTSIDE, rest))
    return rows


def _append(rows: list[Row], row: Row, *, follows: bool):
    """Add a row, or join it to the one before: what bends an output belongs to its layer, equal blocks are counted."""
    last = rows[-1] if rows else None
    if last and follows and last.times == 1:
        last.words, last.weights, last.left = f"{last.words} · {row.words}", last.weights + row.weights, row.left
    elif last and (last.words, last.left, last.weights) == (row.words, row.left, last.times * row.weights):
        last.times, last.weights = last.times + 1, last.weights + row.weights
    else:
        rows.append(row)


def _drawn(module: nn.Module, *, root: bool = False):
    """The modules that get a row: layers of PyTorch and blocks, however deep they lie."""
    for child in module.children() if root or isinstance(module, CONTAINERS) else ():
        if isinstance(child, CONTAINERS) or WHOLE.fullmatch(type(child).__name__):
            yield from _drawn(child, root=True)
        else:
            yield child


def _follows(module: nn.Module) -> bool:
    """Whether it belongs to the layer before it: a norm, or something without weights."""
    return "Norm" in type(module).__name__ or not any(True for _ in module.parameters())


def _words(module: nn.Module) -> str:
    """A module in a few words: its class, the sides of its kernel, its stride."""
    name = type(module).__name__.removeprefix("Parametrized")
    kernel, stride = getattr(module, "kernel_size", None), getattr(module, "stride", None)
    if isinstance(kernel, tuple):
        name += f" {'×'.join(map(str, kernel))}"
    if isinstance(stride, tuple) and max(stride) > 1:
        name += f", stride {max(stride)}"
    return f"{name} · spectral norm" if nn.utils.parametrize.is_parametrized(module) else name


def drawing(labels: list[str], rows: list[Row]) -> str:
    """Networks of one make as an HTML list: a bar as wide as the image, a layer, the shape that leaves it, weights."""
    title = " and ".join(label.replace(".", " ") for label in labels)
    total = f"{sum(row.weights for row in rows):,} weights" + (" each" if len(labels) > 1 else "")
    widest = max(_side(shape) for row in rows for shape in (row.came, row.left))
    lines = [_line("what comes in", next(row.came for row in rows if row.came is not None), "", widest)]
    for row in rows:
        words = f"{row.words} (× {row.times})" if row.times > 1 else row.words
        lines.append(_line(words, row.left, f"{row.weights:,}" if row.weights else "", widest))
    head = f'<p class="total">{html.escape(title[0].upper() + title[1:])}: {total}</p>'
    return f'<div class="network">{head}<ol>{"".join(lines)}</ol></div>'


def _line(words: str, shape: tuple[int, ...] | None, weights: str, widest: int) -> str:
    bar = f'<span class="bar"><i style="width: {round(100 * _side(shape) / widest)}%"></i></span>'
    size = " × ".join(map(str, shape)) or "one number" if shape is not None else "rests in this step"
    size = "" if words == OUTSIDE else size
    return (
        f'<li>{bar}<span class="layer">{html.escape(words)}</span>'
        f'<span class="shape">{size}</span><span class="weights">{weights}</span></li>'
    )


def _side(shape: tuple[int, ...] | None) -> int:
    """Pixels a side; 1 for a vector."""
    return shape[-1] if shape and len(shape) > 2 else 1


def declared() -> dict[str, list[dict]]:
    """The phases of each recipe's step as `book/training_steps.yml` states them: moves, flows, note."""
    return yaml.safe_load(STEPS.read_text(encoding="utf-8"))


def step(phases: list[dict]) -> str:
    """A training step as an ordered list in HTML: in each phase what flows through which networks, and who moves."""
    items = []
    for phase in phases:
        flows = "".join(f"<li>{_flow(flow, phase['moves'])}</li>" for flow in phase["flows"])
        note = f"<p>{html.escape(phase['note'])}</p>" if "note" in phase else ""
        movers = " and ".join(f'<b class="moves">{name}</b>' for name in phase["moves"])
        verb = "move" if len(phase["moves"]) > 1 else "moves"
        items.append(f"<li><p>{movers} {verb}</p><ul>{flows}</ul>{note}</li>")
    return f'<ol class="training-step">{"".join(items)}</ol>'


def networks_in(flow: str) -> list[str]:
    """The names of the networks in a flow such as "z, y → G ⊣ D": what stands behind an arrow."""
    return re.split(r" [→⊣] ", flow)[1:]


def _flow(flow: str, moves: list[str]) -> str:
    source, *rest = re.split(r" ([→⊣]) ", flow)
    parts = [f'<span class="data">{html.escape(source)}</span>']
    for arrow, name in zip(rest[::2], rest[1::2], strict=True):
        stop = ' class="stop" title="no gradient passes"' if arrow == "⊣" else ""
        parts.append(f"<span{stop}>{'→|' if arrow == '⊣' else '→'}</span>")
        parts.append(f'<b class="{"moves" if set(name.split(", ")) <= set(moves) else "held"}">{html.escape(name)}</b>')
    return " ".join(parts)


def in_words(name: str) -> str:
    """What the file of a recipe says that its players descend: the indented lines of its docstring, or its family's."""
    for kind in recipes.get(name).__mro__:
        text = inspect.getdoc(sys.modules[kind.__module__]) or ""
        if block := re.search(r"(?:^    .*\n)+", text, re.MULTILINE):
            return inspect.cleandoc(block[0])
    raise ValueError(f"{name}: no docstring of its files says what its players descend")


def piece(name: str) -> str:
    """The part of the page that shows one recipe, as MyST."""
    alike: list[tuple[list[str], list[Row]]] = []
    for label, rows in watch(name).drawings.items():
        same = next((labels for labels, others in alike if others == rows), None)
        alike.append(([label], rows)) if same is None else same.append(label)
    figures = "".join(drawing(labels, rows) for labels, rows in alike)
    words = f"<pre>{html.escape(in_words(name))}</pre>"
    return f'```{{raw}} html\n{step(declared()[name])}\n{words}\n<div class="networks">{figures}</div>\n```\n'


def main():
    """Write the piece of every recipe; an unchanged one is not touched."""
    for name in recipes.NAMES:
        write_if_changed(TARGET / f"{name}.md", piece(name))


if __name__ == "__main__":
    main()

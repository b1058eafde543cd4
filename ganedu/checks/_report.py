"""What all checks share: reading their arguments, comparing within a tolerance, saying what was found."""

import html
import math
import re
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from textwrap import wrap

import torch
from torch import Tensor

from ganedu import formula

REJECTION_MARGIN = 10.0  # a mistake must miss by this many tolerances, so that rounding never decides
GREEN = 'style="border-left: 3px solid #00996b; padding-left: 0.75em"'  # JupyterLab knows no style sheet of the book
_LABEL = re.compile(r"eq-[a-z0-9]+(-[a-z0-9]+)*|def-[a-z0-9]+(-[a-z0-9]+)*")
_tables: list[list[dict]] = []  # the checks of the tables that are open


class CheckFailed(AssertionError):
    """A claim of the book, or an answer to an exercise, does not hold.

    Taught in {ref}`ch-gradients`.
    """

    def _render_traceback_(self):
        """What a notebook shows: the sentence is for the reader, the way to it is not."""
        return [f"\x1b[31m✗\x1b[0m {line}" if i == 0 else f"  {line}" for i, line in enumerate(wrap(str(self), 90))]


def validated(label, tolerance) -> None:
    """Raise ValueError unless the label and the tolerance can be a check's."""
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise ValueError(f"unknown label {label!r}: a check names an equation of its chapter, such as 'eq-optimal-d'")
    if not tolerance > 0 or not math.isfinite(tolerance):
        raise ValueError(f"{label}: the tolerance must be positive and finite, not {tolerance}")


def mistakes_of(label, rejects: Mapping | None, no_rejects: str) -> Mapping:
    """The mistakes that a check by value must reject; it names some, or says why there are none."""
    if bool(rejects) == bool(no_rejects):
        raise ValueError(f"{label}: name the usual mistakes in `rejects`, or say in `no_rejects` why there are none")
    return rejects or {}


def tensor(label, name, value) -> Tensor:
    """A value as a floating-point tensor without history, with an error that names it if it is none."""
    keeps_its_dtype = hasattr(value, "dtype")  # Python numbers would become float32
    try:
        result = torch.as_tensor(value, dtype=None if keeps_its_dtype else torch.float64).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{label}: {name} is not a number or tensor ({error})") from None
    if result.numel() == 0:
        raise ValueError(f"{label}: {name} is empty, so nothing would be checked")
    return result if result.is_floating_point() else result.double()


def within(got: Tensor, expected: Tensor, tolerance: Tensor) -> bool:
    """Whether every entry is close enough; NaN never is."""
    return bool(((got - expected).abs() <= tolerance).all())


def require_within(label, got: Tensor, expected: Tensor, tolerance: Tensor):
    """Raise CheckFailed with the worst entry unless every entry is close enough."""
    if within(got, expected, tolerance):
        return
    got, expected, tolerance = torch.broadcast_tensors(got, expected, torch.as_tensor(tolerance))
    excess = ((got - expected).abs() - tolerance).nan_to_num(nan=math.inf).flatten()
    entry = int(excess.argmax())
    got, expected, tolerance = got.flatten()[entry], expected.flatten()[entry], tolerance.flatten()[entry]
    raise CheckFailed(
        f"{label} does not hold. Worst entry {entry} of {excess.numel()}: got {got:.12g}, expected "
        f"{expected:.12g}, difference {abs(got - expected):.3g}, allowed {tolerance:.3g}"
    )


def require_rejected(label, name, distance: Tensor, tolerance: Tensor, margin=REJECTION_MARGIN):
    """Raise CheckFailed if a mistake comes as close to the truth as `margin` tolerances everywhere."""
    if bool((distance <= margin * tolerance).all()):
        raise CheckFailed(
            f"{label} does not tell the mistake {name!r} from the truth: it misses by {rounded(worst(distance))} only"
        )


def worst(difference: Tensor) -> float:
    """The largest entry in absolute value."""
    return difference.abs().max().item()


def rounded(value: float) -> str:
    """Two significant digits: stable across machines, enough to judge a mistake by."""
    return f"{value:.2g}"


def report(label, kind, method, tolerance, residual, misses, *, misprints=0, equivalent=(), **reasons):
    """Show one line for a passed check, what it rejects below it, and keep the record in the output's metadata."""
    record = {
        "label": label,
        "kind": kind,
        "method": method,
        "tolerance": tolerance,
        "residual": residual,
        "rejects": list(misses),
        "misprints": misprints,
        "equivalent": dict(equivalent),
        **reasons,
    }
    if _tables:
        _tables[-1].append(record)
    else:
        _show(_text(record), _folded(record), record)


@contextmanager
def table(caption: str):
    """Gather the checks of one derivation into one table: ``with checks.table("Four lines"): ...``.

    Taught in {ref}`ch-gradients`.
    """
    _tables.append([])
    try:
        yield
    finally:
        records = _tables.pop()
    text = "\n".join([caption, *(_text(record) for record in records)])
    _show(text, _tabulated(caption, records), records)


def _text(record) -> str:
    line = f"✓ {record['label']}  holds{_as_printed(record)}{_within(record)} ({record['method']})"
    return "\n".join([line, *(f"    rejects: {miss['name']} ({miss['miss']})" for miss in record["rejects"])])


def _as_printed(record) -> str:
    return " as printed" if record["kind"] == "equation" else ""


def _within(record) -> str:
    """How closely the sides agree; of a rest O(...) only the exponent is measured."""
    if record.get("order"):
        return f": the rest shrinks with the printed exponent, within {record['tolerance'].partition(' of ')[0]}"
    return f" within {record['tolerance']}"


def _folded(record) -> str:
    head = f"✓ {_linked(record['label'])} holds{_as_printed(record)}{html.escape(_within(record))}"
    return f'<details class="ganedu-check" {GREEN}><summary>{head}</summary>{_details(record)}</details>'


def _linked(label: str) -> str:
    """A link to the equation on the same page of the book, by its number, which a learner's notebook prints as well."""
    number = formula.number(label)
    return f'<a href="#equation-{label}" title="{label}">{f"({number})" if number else f"<code>{label}</code>"}</a>'


def _details(record) -> str:
    parts = [f"<p>Compared with: {html.escape(record['method'])}.</p>"]
    rejected = [f"<li>{html.escape(miss['name'])} ({miss['miss']})</li>" for miss in record["rejects"]]
    if rejected:
        parts.append(f"<p>Rejected mistakes:</p><ul>{''.join(rejected)}</ul>")
    if record["misprints"]:
        parts.append(f"<p>Each of {record['misprints']} possible misprints of the formula fails the same test.</p>")
    if record["equivalent"]:
        same = "".join(f"<li>{html.escape(n)}: {html.escape(why)}</li>" for n, why in record["equivalent"].items())
        parts.append(f"<p>No mistakes, although they look like it:</p><ul>{same}</ul>")
    return "".join(parts)


def _tabulated(caption: str, records: list[dict]) -> str:
    rows = "".join(
        f"<tr><td>✓ {_linked(r['label'])}</td><td>{html.escape(r['tolerance'])}</td>"
        f"<td>{len(r['rejects'])}</td><td>{r['misprints']}</td></tr>"
        for r in records
    )
    head = "<tr><th>equation</th><th>holds within</th><th>mistakes rejected</th><th>misprints rejected</th></tr>"
    details = "".join(f"<p>{_linked(r['label'])}</p>{_details(r)}" for r in records)
    return (
        f'<div class="ganedu-check" {GREEN}><table><caption>{html.escape(caption)}</caption>{head}{rows}</table>'
        f"<details><summary>Methods and mistakes</summary>{details}</details></div>"
    )


def _show(text: str, page: str, records):
    if "IPython" in sys.modules:  # never import IPython for a plain script
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display({"text/plain": text, "text/html": page}, raw=True, metadata={"ganedu": records})
            return
    print(text)

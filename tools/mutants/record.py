"""Verdicts: those known beforehand, the file they are kept in, and the tables that are made of it."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import yaml

from tools.mutants.places import Mutant

VERDICTS = ("tests", "check", "error", "print", "survived", "equivalent")
CAUGHT = {"package": {"tests"}, "chapters": {"check", "error"}}  # a number that only prints is no check


def equivalent(path: Path) -> dict[str, str]:
    """The mutants that change nothing, {id: reason}, from a list of entries with `id`, `mutant` and `why`.

    Raises ValueError for an entry without one of them, or an id given twice.
    """
    entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    for entry in entries:
        if set(entry) != {"id", "mutant", "why"} or not all(isinstance(value, str) for value in entry.values()):
            raise ValueError(f"{path}: {entry} needs exactly id, mutant and why, each a text (quote an id of digits)")
    reasons = {entry["id"]: entry["why"] for entry in entries}
    if len(reasons) < len(entries):
        raise ValueError(f"{path}: an id is given twice")
    return reasons


def row(mutant: Mutant, verdict: str, noticed: str) -> dict:
    """What is kept of a mutant."""
    return {**mutant.record(), "verdict": verdict, "by": noticed}


def share(counts: Counter, kind: str) -> str:
    """Caught ones among those that are not equivalent, in percent."""
    real = sum(counts.values()) - counts["equivalent"]
    caught = sum(counts[verdict] for verdict in CAUGHT[kind])
    return f"{100 * caught / real:.1f} %" if real else "–"


def table(found: dict) -> str:
    """One row a file and one for all: how many mutants of each verdict, and the share caught."""
    kind, rows = found["name"], found["mutants"]
    heads = {"package": ("tests", "survived", "equivalent")}.get(kind, VERDICTS[1:])
    shown = {
        "tests": "by a test",
        "check": "by a check",
        "error": "by another error",
        "print": "by print only",
    }
    files = sorted({entry["file"] for entry in rows})
    names = ["file", "mutants", *(shown.get(head, head) for head in heads), "caught"]
    lines = [f"| {' | '.join(names)} |", f"|---{'|--:' * (len(names) - 1)}|"]
    for title, mine in [(f"`{name}`", [e for e in rows if e["file"] == name]) for name in files] + [("**all**", rows)]:
        counts = Counter(entry["verdict"] for entry in mine)
        cells = [title, str(len(mine)), *(str(counts[head]) for head in heads), share(counts, kind)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def uncaught(found: dict) -> list[dict]:
    """The mutants of a result that nothing caught."""
    return [entry for entry in found["mutants"] if entry["verdict"] in ("survived", "print")]


def survivors(found: dict) -> str:
    """Those that nothing caught, one an item: place, break, line."""
    return "\n".join(
        f"* {e['file']}, line {e['line']} (`{e['id']}`{', seen in print' if e['verdict'] == 'print' else ''}): "
        f"{_code(e['before'])} → {_code(e['after'])} in {_code(e['at'])}"
        for e in uncaught(found)
    )


def page(found: dict, origin: Callable[[dict], str]) -> str:
    """What a stored result says: the table, the survivors, where it comes from. origin: of a provenance, a sentence."""
    alive = survivors(found) or "None."
    taken = f"{found['sample']} of {found['of']} mutants, seed {found['seed']}."
    return (
        "\n\n".join([taken, table(found), "Not caught:", alive, origin(found["provenance"]), *again(found, origin)])
        + "\n"
    )


def again(found: dict, origin: Callable[[dict], str]) -> list[str]:
    """What became of those that were not caught, in the code of another day: paragraphs, none if they were not run."""
    if not (later := found.get("again")):
        return []
    counts, before = (Counter(entry["verdict"] for entry in part["mutants"]) for part in (later, found))
    caught, at_first = (sum(part[verdict] for verdict in CAUGHT[found["name"]]) for part in (counts, before))
    real, alive = sum(before.values()) - before["equivalent"] - counts["equivalent"], survivors(later)
    told = (
        f"Only these were looked at again later: {caught} caught, {counts['equivalent']} equivalent, "
        f"{len(uncaught(later))} not caught. Without the equivalent ones the first run had caught "
        f"{at_first} of {real}, {100 * at_first / real:.1f} %; with these it is {at_first + caught} of {real}, "
        f"{100 * (at_first + caught) / real:.1f} %, if nothing else has changed for the worse."
    )
    return [told, *([alive] if alive else []), origin(later["provenance"])]


def file_name(kind: str, seed: int) -> str:
    """Of the stored result of a sample."""
    return f"{kind}_seed_{seed}.json"


def read(path: Path) -> dict | None:
    """A stored result; None if there is none yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _code(text: str) -> str:
    return f"``{' '.join(text.split())}``"

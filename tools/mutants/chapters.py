"""Break the code cells of chapters and run them, from the broken cell to the end, as nbval would see them.

All cells before the broken one are run once; the process is then forked for every mutant of this cell.
"""

import ast
import json
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ganedu import _chapter
from tools.mutants import cell, isolated
from tools.mutants.drawing import only_draws
from tools.mutants.places import Mutant, mutants, sample
from tools.notebooks import ROOT
from tools.notebooks import chosen as chosen_chapters

PATIENCE = 5, 30  # a mutant may take so many times as long as the chapter unbroken, and so many seconds more
DEAR, SHARE = 12, 3  # a chapter that computes more seconds than DEAR gets one of SHARE mutants only
# The wrong formulas that a check rejects are wrong already; tolerances and seeds are no formulas.
_LEFT = {"rejects", "mistakes", "hint", "by", "no_rejects", "atol", "rtol", "slack", "tol", "sigmas"}
_CALLS_LEFT = {"manual_seed", "set_default_dtype", "use_style", "print", "display"}


def candidates(root: Path, slugs: list[str]) -> list[Mutant]:
    """Every mutant of the chapters."""
    return [mutant for path in chosen_chapters(root / "book" / "chapters", slugs) for mutant in _of_chapter(path, root)]


def chosen(every: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """The sample of them that is run: of a chapter that computes long, only a part of what it would get."""
    seconds = _seconds()
    dear = [mutant for mutant in every if seconds.get(Path(mutant.file).stem, 0) > DEAR]
    few = sample(dear, len(dear) // SHARE, seed)
    taken = {mutant.id for mutant in every} - {mutant.id for mutant in dear} | {mutant.id for mutant in few}
    return sample([mutant for mutant in every if mutant.id in taken], size, seed)


def cells_of(path: Path) -> list[tuple[int, str]]:
    """First line and text of each code cell, with the commands of IPython as comments."""
    found = _chapter.code_cells(path.read_text(encoding="utf-8"))
    return [(line, re.sub(r"^[%!]", "#", text, flags=re.MULTILINE)) for line, text in found]


def verdicts(found: list[Mutant], root: Path) -> Iterator[tuple[Mutant, str, str]]:
    """For each mutant (mutant, "check", "error", "print" or "survived", what noticed it).

    SystemExit for a chapter that does not print what its notebook stores.
    """
    for file in dict.fromkeys(mutant.file for mutant in found):
        mine = sorted((mutant for mutant in found if mutant.file == file), key=lambda mutant: mutant.cell)
        for mutant, result in zip(mine, _results(root / file, mine, root), strict=True):
            yield mutant, result["verdict"], result["by"]


def _results(path: Path, found: list[Mutant], root: Path) -> list[dict]:
    cells, stored = [text for _, text in cells_of(path)], outputs(root / "notebooks" / f"{path.stem}.ipynb")
    if len(stored) != len(cells):
        raise SystemExit(f"{path.stem}: {len(cells)} code cells, {len(stored)} in its notebook: run `make notebooks`")
    started = time.monotonic()
    unbroken = isolated.run(lambda: _run(cell.shell(root / "notebooks"), cells, stored), 900)
    if unbroken is None or unbroken["verdict"] != "survived":
        raise SystemExit(f"{path.stem}: unbroken, it does not give what its notebook stores: {unbroken}")
    limit = PATIENCE[0] * (time.monotonic() - started) + PATIENCE[1]
    return isolated.run(partial(_forks, cells, stored, found, root, limit), limit * (len(found) + 1))["results"]


def _forks(cells: list[str], stored: list[str], found: list[Mutant], root: Path, limit: float) -> dict:
    """The result of each mutant, in the order of their cells."""
    shell, ran, results = cell.shell(root / "notebooks"), 0, []
    for mutant in found:
        for text in cells[ran : mutant.cell - 1]:
            cell.run(shell, text)
        ran = mutant.cell - 1
        rest = [mutant.text, *cells[mutant.cell :]]
        result = isolated.run(partial(_run, shell, rest, stored[ran:]), limit)
        results.append(result or {"verdict": "error", "by": "took too long, or ended without a word"})
    return {"results": results}


def _run(shell, cells: list[str], stored: list[str]) -> dict:
    """Run cells until one raises; else tell of the first whose output is not the stored one."""
    other = ""
    for text, wanted in zip(cells, stored, strict=True):
        printed, error = cell.run(shell, text)
        if error is not None:
            label = str(error).partition(" ")[0].strip(":")
            failed = type(error).__name__ == "CheckFailed"
            return {"verdict": "check" if failed else "error", "by": label if failed else type(error).__name__}
        if cell.comparable(printed) != wanted:
            other = other or difference(cell.comparable(printed), wanted)
    return {"verdict": "print" if other else "survived", "by": other}


def difference(printed: str, wanted: str) -> str:
    """The first line that is not the stored one."""
    ours, theirs = printed.splitlines(), wanted.splitlines()
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return f"prints {''.join(ours[at : at + 1])!r}, stored {''.join(theirs[at : at + 1])!r}"


def outputs(notebook: Path) -> list[str]:
    """What each code cell of a chapter printed and showed as text, from its stored notebook."""
    cells = [each for each in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if each["cell_type"] == "code"]
    return [_output(each["outputs"]) for each in cells if "remove-cell" not in each["metadata"].get("tags", ())]


def _output(parts: list[dict]) -> str:
    texts = [
        each.get("text", each.get("data", {}).get("text/plain", "")) for each in parts if each.get("name") != "stderr"
    ]
    return cell.comparable("\n".join("".join(text) for text in texts))


def _of_chapter(path: Path, root: Path) -> Iterator[Mutant]:
    cells = cells_of(path)
    drawn = only_draws([ast.parse(text) for _, text in cells])
    for number, (line, text) in enumerate(cells, start=1):
        skip = _left_alone(drawn[number - 1])
        yield from mutants(text, path.relative_to(root).as_posix(), skip=skip, first_line=line, cell=number)


def _left_alone(drawn: set[tuple[int, int]]):
    """Which nodes of a cell are not broken: drawing, printing, tolerances, seeds, formulas that are wrong already."""

    def skip(node: ast.AST) -> bool:
        match node:
            case ast.keyword(arg=name):
                return name in _LEFT
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                return name in _CALLS_LEFT
            case ast.stmt():
                return (node.lineno, node.col_offset) in drawn
        return False

    return skip


def _seconds() -> dict[str, float]:
    """What each chapter computes."""
    path = ROOT / "notebooks" / "durations.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

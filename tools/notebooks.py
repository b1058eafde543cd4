"""Execute the chapters: `python -m tools.notebooks [SLUG ...] [--force]`.

Each `book/chapters/NN_slug.md` becomes `notebooks/NN_slug.ipynb`, run from top to bottom in a fresh kernel. Only what
changed is run: a notebook stores a fingerprint of its text and of the modules of `ganedu` it imports. A chapter
that fails leaves its old notebook alone. The same text gives the same bytes: cell ids come from the content, and
times and versions are left out. What each chapter costs is kept in `notebooks/durations.json`.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import jupytext
import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from ganedu import _chapter
from ganedu._files import write_atomically
from tools import alone

ROOT = Path(__file__).resolve().parents[1]
PAIRING = "book/chapters//md:myst,notebooks//ipynb"
CELL_TIMEOUT = 120  # seconds, as in `make test`
METADATA = {
    "jupytext": {"formats": PAIRING},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
HARD = re.compile(r"^:label: (ex-\S+)\n\n\*(?:Difficulty: )?(?:hard|discovery)\b", re.MULTILINE | re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class ChapterFailed(RuntimeError):
    """A chapter's code raised; the message names the chapter, the cell and the error."""


def converted(chapter: Path) -> nbformat.NotebookNode:
    """The notebook of a chapter's text, not executed, with ids that depend on the content only."""
    notebook = jupytext.reads(chapter.read_text(encoding="utf-8"), fmt="md:myst")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    _fold_imports(notebook)
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    if any("ganedu" in notebook.cells[index].source for index in code):
        notebook.cells.insert(code[0], alone.install_cell(alone.repository()))
    notebook.cells = [each for cell in notebook.cells for each in (cell, *_announced(cell, chapter.stem))]
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        _fold(cell)
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    return notebook


def _fold_imports(notebook):
    """In the book the first code cell is folded too: nobody begins to read with a list of imports."""
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.metadata.setdefault("mystnb", {})["code_prompt_show"] = "Imports"
    first.metadata["tags"] = [*first.metadata.get("tags", []), "hide-input"]


def _announced(cell, slug: str) -> list[nbformat.NotebookNode]:
    """After a figure that moves in the book, a line that says where; the book itself leaves it out."""
    if "live" not in cell.metadata:
        return []
    line = f"*This figure moves in the book, which `make book` builds: `_build/html/notebooks/{slug}.html`.*"
    return [nbformat.v4.new_markdown_cell(line, metadata={"tags": ["remove-cell"]})]


def _fold(cell):
    """In the book answers and their tests are folded under names that say what they are."""
    nbgrader = cell.metadata.get("nbgrader", {})
    if nbgrader.get("solution"):
        cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = "One answer"
    elif nbgrader.get("grade"):
        cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = "The test"
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]


def executed(chapter: Path, folder: Path) -> tuple[nbformat.NotebookNode, float]:
    """The notebook of a chapter after a run in a fresh kernel that works in `folder`, and the seconds it computed.

    Seconds are those of the processor: on a busy machine the clock would count the others as well.
    """
    notebook = converted(chapter)
    started, seconds = [], [0.0]

    def count(**_):
        spent = psutil.Process(client.km.provisioner.pid).cpu_times()
        seconds.append(spent.user + spent.system)

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=METADATA["kernelspec"]["name"],
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=lambda cell, cell_index: started.append(cell),
        on_cell_executed=count,
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        raise ChapterFailed(_failure(chapter, started[-1], _ANSI.sub("", error.traceback))) from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise ChapterFailed(_failure(chapter, started[-1], str(error))) from None
    for cell in notebook.cells:
        if cell.cell_type == "code" and (complaint := _unstable(cell)):
            raise ChapterFailed(_failure(chapter, cell, complaint))
    return _normalized(notebook), seconds[-1]


def _unstable(cell) -> str:
    """Why nbval would see another output than the one stored, if so."""
    if cell.source.rstrip().endswith(";"):
        return "nbval shows the value in spite of the semicolon: write `_ = ...`, or end with a statement without value"
    shown = [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    if any(re.search(r"\bat 0x[0-9a-f]{6}", text) for text in shown):
        return "the output names an address in memory, which changes: write `_ = ...` before the last expression"
    return ""


def _failure(chapter: Path, cell, error: str) -> str:
    """Names the chapter, its line, the cell and the end of the error."""
    source = cell.source
    text = chapter.read_text(encoding="utf-8")
    line = text[: text.find(source)].count("\n") + 1 if source in text else 1
    tail = "\n".join(error.strip().splitlines()[-25:])
    return f"{chapter}:{line}: this cell failed\n\n{source}\n\n{tail}\n"


def _normalized(notebook):
    """Without volatile metadata, with adjacent pieces of one stream joined."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        outputs = []
        for output in cell.outputs:
            last = outputs[-1] if outputs else None
            if last and last.output_type == output.output_type == "stream" and last.name == output.name:
                last.text += output.text
            else:
                outputs.append(output)
        cell.outputs = outputs
    return notebook


def fingerprint(chapter: Path, package: Path) -> str:
    """Hash of the chapter's text, of the modules of the package that its code imports, and of this file."""
    text = chapter.read_text(encoding="utf-8")
    first = alone.install_cell(alone.repository()).source
    digest = hashlib.sha256(Path(__file__).read_bytes() + first.encode() + text.encode())
    code = [cell.source for cell in converted(chapter).cells if cell.cell_type == "code"]
    for module in sorted(_imported("\n".join(code), package)):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def _imported(code: str, package: Path) -> set[Path]:
    """The files of the package that some code imports, directly or through them; a folder counts as a whole."""
    found, waiting = set(), [code]
    while waiting:
        source = "\n".join(line for line in waiting.pop().splitlines() if not line.startswith(("%", "!")))
        for name in _import_names(source, package.name):
            target = package.joinpath(*name)
            files = set(target.rglob("*.py")) if target.is_dir() and name else {target.with_suffix(".py")}
            new = {f for f in files | {package / "__init__.py"} if f.is_file()} - found
            found |= new
            waiting += [f.read_text(encoding="utf-8") for f in new]
    return found


_PARSING = Lock()  # Python 3.11 counts the depth of a parse for all threads together, and trips over it


def _import_names(source: str, package: str) -> set[tuple[str, ...]]:
    """Dotted names below the package that the source imports, say {("checks",), ("data", "toy")}."""
    try:
        with _PARSING:
            tree = ast.parse(source)
    except SyntaxError:  # the kernel will say so better
        return set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = tuple(node.module.split("."))
            names |= {module} | {(*module, alias.name) for alias in node.names}
    return {name[1:] for name in names if name[0] == package}


def is_current(chapter: Path, notebook: Path, package: Path) -> bool:
    """Whether the notebook was executed from this very text and package."""
    if not notebook.exists():
        return False
    stored = json.loads(notebook.read_text(encoding="utf-8"))["metadata"].get("ganedu", {})
    return stored.get("fingerprint") == fingerprint(chapter, package)


def build(chapter: Path, folder: Path, package: Path) -> float:
    """Execute a chapter and put its notebook into the folder in one step; returns the seconds it computed."""
    mark = fingerprint(chapter, package)  # before the run: a file that changes meanwhile counts as changed
    notebook, seconds = executed(chapter, folder)
    notebook.metadata["ganedu"] = {"fingerprint": mark}
    nbformat.validate(notebook)
    write_atomically(folder / f"{chapter.stem}.ipynb", (nbformat.writes(notebook) + "\n").encode())
    return seconds


def record_durations(path: Path, measured: dict[str, float]):
    """Merge measured seconds into the manifest; a number that barely moved stays, so that it does not flicker."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for slug, seconds in measured.items():
        if slug not in known or not 0.6 < seconds / known[slug] < 1.5:
            known[slug] = max(1, round(seconds))
    write_atomically(path, (json.dumps(known, indent=2, sort_keys=True) + "\n").encode())


def write_equations(chapters: Path, path: Path):
    """Store what each chapter prints, in its order, where the package finds it: `ganedu.formula` evaluates it."""
    found = {
        str(int(chapter.name[:2])): _chapter.equations(chapter.read_text(encoding="utf-8"))
        for chapter in chosen(chapters, [])
    }
    _store(path, json.dumps(found, indent=0, ensure_ascii=False) + "\n")


def write_exercises(chapters: Path, path: Path):
    """Store the tests of the exercises where the package finds them: a learner's notebook names them in one line."""
    found = {}
    for chapter in chosen(chapters, []):
        hard = set(HARD.findall(chapter.read_text(encoding="utf-8")))
        for cell in converted(chapter).cells:
            nbgrader = cell.metadata.get("nbgrader", {})
            if nbgrader.get("grade"):
                label = _chapter.exercise(nbgrader["grade_id"])
                test = {"points": nbgrader["points"], "hard": label in hard, "test": cell.source.splitlines()}
                found[label] = {"chapter": chapter.stem, **test}
    _store(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def _store(path: Path, text: str):
    """Write a generated file if its text changed."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())


def chosen(chapters: Path, slugs: list[str]) -> list[Path]:
    """The chapters to look at: all, or those whose name starts with one of the given words."""
    everything = sorted(chapters.glob("[0-9][0-9]_*.md"))
    for slug in slugs:
        if not any(path.stem.startswith(slug) for path in everything):
            raise SystemExit(f"no chapter {slug!r} in {chapters}; there are: {', '.join(p.stem for p in everything)}")
    return [path for path in everything if not slugs or path.stem.startswith(tuple(slugs))]


def run(chapters: Path, folder: Path, package: Path, slugs=(), force=False) -> int:
    """Bring the notebooks up to date, two at a time; returns the number of chapters that failed."""
    folder.mkdir(exist_ok=True)
    write_equations(chapters, package / "formula" / "equations.json")
    write_exercises(chapters, package / "checks" / "exercises.json")
    due = []
    for chapter in chosen(chapters, list(slugs)):
        if force or not is_current(chapter, folder / f"{chapter.stem}.ipynb", package):
            due.append(chapter)
        else:
            print(f"{chapter.stem}: up to date")

    def attempt(chapter):
        try:
            seconds = build(chapter, folder, package)
        except ChapterFailed as error:
            print(error, file=sys.stderr)
            return None
        print(f"{chapter.stem}: {seconds:.1f} s of computing")
        return seconds

    with ThreadPoolExecutor(max_workers=2) as pool:
        results = dict(zip((c.stem for c in due), pool.map(attempt, due), strict=True))
    measured = {slug: seconds for slug, seconds in results.items() if seconds is not None}
    if measured:
        record_durations(folder / "durations.json", measured)
    return len(due) - len(measured)


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__.splitlines()[0])
    parser.add_argument("slug", nargs="*", help="chapters to look at, by name or its beginning; all if none is given")
    parser.add_argument("--force", action="store_true", help="execute even what did not change")
    arguments = parser.parse_args()
    failed = run(ROOT / "book" / "chapters", ROOT / "notebooks", ROOT / "ganedu", arguments.slug, arguments.force)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

"""The notebooks are the chapters, executed; and `tools.notebooks` makes them so."""

import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from tools import notebooks

CHAPTERS = sorted((notebooks.ROOT / "book" / "chapters").glob("[0-9][0-9]_*.md"))
FOLDER = notebooks.ROOT / "notebooks"
SANITIZE = Path(__file__).with_name("nbval_sanitize.cfg")
WAIVERS = {"nbval-skip", "nbval-ignore-output", "nbval-raises-exception", "raises-exception", "skip-execution"}
WAIVERS |= {"nbval-check-output", "pytest-validate-ignore-output", "remove-cell", "remove-input", "remove-output"}
CHEAP = 10  # seconds: notebooks below are also run with two threads and another hash seed

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def stored(chapter):
    path = FOLDER / f"{chapter.stem}.ipynb"
    assert path.exists(), f"{path.name} is missing: run `make notebooks`"
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell):
    """The texts that a cell put out."""
    return [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs]


def nbval(path, **environment):
    """Run nbval over a notebook as `make test` does; returns the finished process."""
    options = ["--nbval", "--nbval-cell-timeout=120", f"--nbval-sanitize-with={SANITIZE}", "-q", "--color=no"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, cwd=path.parent)


# The chapters


@each_chapter
def test_inputs_are_those_of_the_text(chapter):
    wanted = [(c.id, c.cell_type, c.source, dict(c.metadata)) for c in notebooks.converted(chapter).cells]
    got = [(c.id, c.cell_type, c.source, dict(c.metadata)) for c in stored(chapter).cells]
    assert got == wanted, "run `make notebooks`"


def test_every_notebook_has_a_chapter():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} <= {path.stem for path in CHAPTERS}


@each_chapter
def test_every_code_cell_was_executed_in_order_and_quietly(chapter):
    cells = code_cells(stored(chapter))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        unwanted = [o for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]
        assert not unwanted, f"errors or warnings from this cell:\n{cell.source}\n{unwanted}"


@each_chapter
def test_a_waiver_of_verification_gives_its_reason(chapter):
    for cell in code_cells(stored(chapter)):
        comments = re.findall(r"^\s*#\s*((?:NBVAL|PYTEST_VALIDATE)_\w+)", cell.source, re.MULTILINE)
        waivers = WAIVERS.intersection(cell.metadata.get("tags", [])) | set(comments)
        assert not waivers or cell.metadata.get("reason"), f"add `reason: ...` beside {waivers} of:\n{cell.source}"


@each_chapter
def test_every_figure_has_alt_text_caption_and_name(chapter):
    for cell in code_cells(stored(chapter)):
        images = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(images) <= 1, f"one figure a cell:\n{cell.source}"
        described = cell.metadata.get("mystnb", {})
        complete = described.get("image", {}).get("alt") and {"caption", "name"} <= set(described.get("figure", {}))
        assert not images or complete, (
            f"this figure lacks mystnb image.alt, figure.caption or figure.name:\n{cell.source}"
        )
        assert images or "figure" not in described, f"this cell announces a figure but draws none:\n{cell.source}"


@each_chapter
def test_nothing_printed_depends_on_rounding(chapter):
    for cell in code_cells(stored(chapter)):
        for text in printed(cell):
            long = re.search(r"\d\.\d{7,}", text)
            assert not long, f"{long[0]} is printed with more digits than another machine repeats:\n{cell.source}"


@each_chapter
def test_code_cells_are_short(chapter):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(stored(chapter))]
    assert max(lengths) <= 45, "code of more than 45 lines belongs into ganedu"
    assert statistics.median(lengths) <= 20, "half of the cells are too long to be read at a glance"


@each_chapter
def test_a_chapter_has_the_length_of_a_chapter(chapter):
    text = chapter.read_text(encoding="utf-8")
    for code_or_formula in (r"^```\{code-cell\}.*?^```$", r"^\$\$.*?^\$\$.*?$"):
        text = re.sub(code_or_formula, "", text, flags=re.DOTALL | re.MULTILINE)
    assert 3000 <= len(text.split()) <= 6200, f"{len(text.split())} words of text"


@each_chapter
def test_front_matter_names_the_pairing_and_the_kernel(chapter):
    text = chapter.read_text(encoding="utf-8")
    assert text.startswith("---\n")
    matter = yaml.safe_load(text.split("---\n")[1])
    assert matter["jupytext"]["formats"] == notebooks.PAIRING
    assert matter["kernelspec"]["name"] == "python3"
    label = f"(ch-{chapter.stem[3:].replace('_', '-')})="
    assert f"\n{label}\n# {int(chapter.stem[:2])} · " in text, f"the chapter begins with {label} and its numbered title"


def test_durations_cover_the_chapters_and_stay_in_the_budget():
    durations = json.loads((FOLDER / "durations.json").read_text(encoding="utf-8"))
    assert set(durations) >= {chapter.stem for chapter in CHAPTERS}
    assert max(durations.values()) <= 90  # the budget is 60; a busy machine takes longer


def cheap_notebooks():
    path = FOLDER / "durations.json"
    durations = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [FOLDER / f"{chapter.stem}.ipynb" for chapter in CHAPTERS if durations.get(chapter.stem, 99) <= CHEAP]


# The suite has minutes, not hours: one chapter in four, all with GANEDU_SLOW=1.
@pytest.mark.parametrize(
    "path", cheap_notebooks()[:: 1 if os.environ.get("GANEDU_SLOW") else 4], ids=lambda path: path.stem
)
def test_another_number_of_threads_and_hash_seed_print_the_same(path):
    run = nbval(path, OMP_NUM_THREADS="2", OMP_WAIT_POLICY="PASSIVE", PYTHONHASHSEED="1")
    assert run.returncode == 0, run.stdout[-4000:]


# The tool, on a chapter of its own

HEADER = "---\nkernelspec: {display_name: Python 3, language: python, name: python3}\n---\n\n# 1 · A scratch chapter\n"
CELL = "\n```{{code-cell}} ipython3\n{}\n```\n"
DRAWING = """
```{code-cell} ipython3
from IPython.display import display

display({"text/plain": "✓ eq-sum  holds"}, raw=True, metadata={"ganedu": {"label": "eq-sum", "residual": 0.5}})
print("one")
print("two")
```
"""


@pytest.fixture
def scratch(tmp_path):
    """A chapter, a folder for notebooks and a package that the chapter imports."""
    chapters, package = tmp_path / "book" / "chapters", tmp_path / "ganedu"
    chapters.mkdir(parents=True)
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "used.py").write_text("from ganedu import deeper\n")
    for name in ("deeper", "unused"):
        (package / f"{name}.py").write_text("a = 1\n")
    chapter = chapters / "01_scratch.md"
    chapter.write_text(HEADER + DRAWING)
    return chapter, tmp_path / "notebooks", package


def test_a_second_run_executes_nothing_and_a_forced_one_changes_no_byte(scratch, capsys):
    chapter, folder, package = scratch
    path = folder / "01_scratch.ipynb"
    assert notebooks.run(chapter.parent, folder, package) == 0
    first = path.read_bytes()
    assert notebooks.run(chapter.parent, folder, package) == 0
    assert "up to date" in capsys.readouterr().out
    assert notebooks.run(chapter.parent, folder, package, force=True) == 0
    assert path.read_bytes() == first
    _, cell = code_cells(nbformat.read(path, as_version=4))
    assert [output.output_type for output in cell.outputs] == ["display_data", "stream"]
    assert cell.outputs[1].text == "one\ntwo\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('no such thing')", "no such thing"),
        ("import os; os._exit(1)", "died"),
        ("object()", "address"),
        ("1 + 1;", "semicolon"),
    ],
)
def test_a_failing_chapter_names_the_cell_and_leaves_the_old_notebook(scratch, capsys, code, message):
    chapter, folder, package = scratch
    folder.mkdir()
    old = folder / "01_scratch.ipynb"
    old.write_text('{"metadata": {}}')
    chapter.write_text(HEADER + CELL.format(code))
    assert notebooks.run(chapter.parent, folder, package) == 1
    error = capsys.readouterr().err
    assert "01_scratch.md:8" in error and code in error and message in error
    assert old.read_text() == '{"metadata": {}}' and len(list(folder.iterdir())) == 1


def test_the_fingerprint_follows_imports_and_nothing_else(scratch):
    chapter, _, package = scratch
    chapter.write_text(HEADER + CELL.format("%matplotlib inline\nfrom ganedu import used"))
    before = notebooks.fingerprint(chapter, package)
    (package / "unused.py").write_text("a = 2\n")
    assert notebooks.fingerprint(chapter, package) == before
    (package / "deeper.py").write_text("a = 2\n")
    assert notebooks.fingerprint(chapter, package) != before


def test_ids_survive_an_insertion_and_repeat_for_no_two_cells(scratch):
    chapter, *_ = scratch
    cell = CELL.format("a = 1")
    chapter.write_text(HEADER + cell + cell)
    before = [c.id for c in code_cells(notebooks.converted(chapter))]
    chapter.write_text(HEADER + CELL.format("b = 1") + cell + cell)
    after = [c.id for c in code_cells(notebooks.converted(chapter))]
    assert after[1:] == before and len(set(after)) == 3


def test_an_unknown_chapter_is_refused_with_the_known_ones(scratch):
    chapter, folder, package = scratch
    with pytest.raises(SystemExit, match=r"no chapter 'nowhere'.*01_scratch"):
        notebooks.run(chapter.parent, folder, package, ["nowhere"])


def test_durations_do_not_flicker(tmp_path):
    path = tmp_path / "durations.json"
    notebooks.record_durations(path, {"a": 4.2, "b": 0.2})
    notebooks.record_durations(path, {"a": 5.4})
    assert json.loads(path.read_text()) == {"a": 4, "b": 1}
    notebooks.record_durations(path, {"a": 9.0})
    assert json.loads(path.read_text()) == {"a": 9, "b": 1}


def test_nbval_compares_text_but_neither_residuals_nor_times(scratch):
    chapter, folder, package = scratch
    chapter.write_text(HEADER + DRAWING + CELL.format("import time\nprint(f'{time.time():.1f} s')"))
    notebooks.run(chapter.parent, folder, package)
    path = folder / "01_scratch.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"residual": 0.5', '"residual": 0.6'), encoding="utf-8")
    assert nbval(path).returncode == 0
    path.write_text(text.replace("two", "three").replace('print(\\"three\\")', 'print(\\"two\\")'), encoding="utf-8")
    assert nbval(path).returncode == 1

"""The mutation tool itself, and a slice of its work: breaks of two cheap modules and of a chapter."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.mutants import chapters, concerned, drawing, isolated, package, places, record
from tools.mutants.__main__ import main
from tools.notebooks import ROOT

EQUIVALENT = ROOT / "tests" / "mutants" / "equivalent.yml"


def broken(text, operator=None):
    """The texts that the mutants of a text leave."""
    found = places.mutants(text, "x.py", skip=lambda node: False)
    return {mutant.text for mutant in found if operator in (None, mutant.operator)}


@pytest.mark.parametrize(
    ("text", "operator", "expected"),
    [
        ("a + b", "arithmetic", {"a - b"}),
        ("(a) * (  # a * comment\n b)", "arithmetic", {"(a) / (  # a * comment\n b)"}),
        ("é = 'é'; x -= y", "arithmetic", {"é = 'é'; x += y"}),
        ("d ** 2", "arithmetic", {"((d) * (2))"}),
        ("1.5", "constant", {"3.0"}),
        ("f(0.0, 3, 100)", "constant", {"f(1.0, 3, 100)", "f(0.0, 4, 100)", "f(0.0, 3, 200)"}),
        ("-x", "minus", {"(x)"}),
        ("p.log().exp()", "dropped call", {"(p).exp()", "(p.log())"}),
        ("torch.special.log1p(x)", "dropped call", {"(x)"}),
        ("abs(x)", "dropped call", {"(x)"}),
        ("fake.detach()", "detach", {"(fake)"}),
        ("x.mean(0)", "exchanged", {"x.sum(0)"}),
        ("sum(f(x) for x in xs)", None, set()),
        ("f('label', a, b, b)", "swapped", {"f('label', b, a, b)"}),
        ("a @ b", "swapped", {"((b) @ (a))"}),
        ("def f(): return a, b", "swapped", {"def f(): return b, a"}),
        ("a < b", "comparison", {"a <= b", "a > b"}),
        ("a is not None", "comparison", {"a is None"}),
        ("0 < a <= 1", "comparison", {"0 <= a <= 1", "0 > a <= 1", "0 < a < 1", "0 < a >= 1"}),
        ("f(k=True)", "boolean", {"f(k=False)"}),
        ("a and (b or c)", "logic", {"a or (b or c)", "a and (b and c)"}),
    ],
)
def test_each_break_changes_one_thing(text, operator, expected):
    assert broken(text, operator) == expected


@pytest.mark.parametrize(
    "text",
    [
        "'a + b'",
        "raise ValueError(1 + 2)",
        "x: Literal[1]",
        "def f(a: T[1]) -> T[2]: ...",
        "f'{a + b}'",
        "@f(1)\ndef g(): ...",
    ],
)
def test_messages_types_and_decorators_are_left_alone(text):
    assert broken(text) == set()


def test_an_id_outlives_the_lines_above_and_tells_equal_breaks_apart():
    text = "def f(x):\n    return x + x + x\n"
    first = [mutant.id for mutant in places.mutants(text, "x.py", skip=lambda node: False)]
    moved = [mutant for mutant in places.mutants("import a\n\n" + text, "x.py", skip=lambda node: False)]
    assert [mutant.id for mutant in moved] == first and len(set(first)) == 2
    assert {mutant.line for mutant in moved} == {4}


def test_the_seed_fixes_a_sample_that_other_files_do_not_change():
    mine, other = (
        list(places.mutants("a + b * (c - d / 2)\n" * 5, name, skip=lambda node: False)) for name in ("a.py", "b.py")
    )
    chosen = places.sample(mine, 8, seed=3)
    assert chosen == places.sample(mine, 8, seed=3) != places.sample(mine, 8, seed=4)
    assert len(chosen) == 8
    both = places.sample(mine + other, 16, seed=3)
    kept = [mutant for mutant in both if mutant.file == "a.py"]
    assert kept == places.sample(mine, len(kept), seed=3)


def test_what_only_draws_is_known():
    cells = [
        "import matplotlib.pyplot as plt\nx = grid(3)\ny = f(x)\nshade = y > 2",
        "fig, (left, right) = plt.subplots()\nfor ax, k in zip((left, right), (1, 2)):\n    ax.plot(x, shade, k)",
        "check(y + 1)",
    ]
    drawn = drawing.only_draws([ast.parse(cell) for cell in cells])
    assert [sorted(line for line, _ in cell) for cell in drawn] == [[4], [1, 2, 3], []]


def test_a_forked_process_that_never_ends_or_breaks_down_gives_nothing():
    def endless():
        while True:
            pass

    assert isolated.run(endless, 0.2) is None
    assert isolated.run(lambda: 1 / 0, 60) is None
    assert isolated.run(lambda: {"x": 1}, 60) == {"x": 1}


def test_the_tests_named_after_a_module_come_first():
    names = {
        module: [path.stem for path in concerned.tests(ROOT / "ganedu" / module, ROOT)]
        for module in (
            "losses.py",
            "data/batches.py",
            "metrics/frechet.py",
            "recipes/article_gan.py",
            "training/ema.py",
        )
    }
    assert names["losses.py"][0] == "test_losses"
    assert names["data/batches.py"][:2] == ["test_data_batches", "test_data_windows"]
    assert names["metrics/frechet.py"][0] == "test_metrics"
    assert names["recipes/article_gan.py"] == ["test_recipes"]
    assert names["training/ema.py"][0] == "test_training_ema"
    every = [
        path for path in (ROOT / "ganedu").rglob("*.py") if path.name not in ("__init__.py", "__main__.py", "plots.py")
    ]
    assert [path.name for path in every if not concerned.tests(path, ROOT)] == []


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("cli/data.py", "test_data_download"),  # imports it by name
        ("data/idx.py", "test_data_formats"),
        ("_chapter.py", "test_ledger"),  # named after a module that imports it
        ("data/registry.py", "test_data_files"),  # uses what it defines
        ("training/health.py", "test_edges_options"),
        ("training/checkpoint.py", "test_training_back"),
        ("recipes/cgan.py", "test_recipes_labels"),  # asks for it by name
    ],
)
def test_tests_named_otherwise_are_tried_where_they_use_the_module(module, file):
    found = [path.stem for path in concerned.tests(ROOT / "ganedu" / module, ROOT)]
    assert file in found and len(found) <= concerned.MOST


def test_a_test_file_that_runs_the_mutants_or_a_browser_concerns_no_module():
    chosen = {path.stem for path in (ROOT / "tests").glob("test_*.py") if path.stem not in concerned.NOT_UNIT_TESTS}
    assert "test_losses" in chosen and not chosen & {"test_mutants", "test_live", "test_lab", "test_book"}


def test_a_table_counts_print_as_not_caught():
    rows = [{"file": "a.md", "verdict": verdict} for verdict in ("check", "error", "print", "survived", "equivalent")]
    table = record.table({"name": "chapters", "mutants": rows}).splitlines()
    assert table[-1] == "| **all** | 5 | 1 | 1 | 1 | 1 | 1 | 50.0 % |"


def test_what_is_run_again_stands_beside_the_first_result():
    entry = {"file": "a.py", "line": 1, "before": "+", "after": "-", "at": "a + b"}
    rows = [
        entry | {"id": name, "verdict": verdict}
        for name, verdict in [("x", "tests"), ("y", "survived"), ("z", "survived")]
    ]
    first = {"name": "package", "seed": 1, "sample": 3, "of": 9, "mutants": rows, "provenance": "first"}
    later = {"name": "package", "mutants": [rows[1] | {"verdict": "tests"}, rows[2]], "provenance": "second"}
    assert [row["id"] for row in record.uncaught(first)] == ["y", "z"]
    page = record.page(first | {"again": later}, str)
    assert page.startswith(record.page(first, str).rstrip())
    assert "33.3 %" in page and page.index("first") < page.index("1 caught, 0 equivalent, 1 not caught") < page.index(
        "second"
    )
    assert page.count("a.py, line 1 (`z`)") == 2 and page.count("(`y`)") == 1


def test_equivalent_mutants_are_those_of_today_each_with_a_reason():
    known = record.equivalent(EQUIVALENT)
    assert all(len(why) > 15 for why in known.values())
    files = sorted(set(re.findall(r'mutant: "(\S+?),', EQUIVALENT.read_text(encoding="utf-8"))))
    modules, slugs = [f for f in files if f.endswith(".py")], [Path(f).stem for f in files if f.endswith(".md")]
    today = package.candidates(ROOT, modules) + chapters.candidates(ROOT, slugs)
    gone = set(known) - {mutant.id for mutant in today}
    assert not gone, f"{sorted(gone)}: no such mutant any more, the line has changed; remove the entry or renew its id"


@pytest.mark.parametrize(
    "entry",
    [
        "- {id: ab, why: x}",
        "- {id: 12, mutant: a, why: x}",
        "- {id: a, mutant: b, why: c}\n" * 2,
    ],
)
def test_a_damaged_list_of_equivalent_mutants_is_refused(tmp_path, entry):
    (tmp_path / "list.yml").write_text(entry)
    with pytest.raises(ValueError, match=r"list\.yml"):
        record.equivalent(tmp_path / "list.yml")


# A slice of the work


def mutants(*words):
    """Run the tool as from the command line; the finished process."""
    command = [sys.executable, "-m", "tools.mutants", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("module", ["losses", "value"])
def test_no_mutant_of_a_cheap_module_survives(module):
    before = (ROOT / "ganedu" / f"{module}.py").read_bytes()
    run = mutants("package", "--module", f"ganedu/{module}.py", "--sample", 3, "--seed", 8)
    assert run.returncode == 0, run.stdout + run.stderr
    told = [line.split()[0] for line in run.stdout.splitlines() if f"ganedu/{module}.py:" in line]
    assert len(told) >= 2 and set(told) == {"tests"}  # of three; an equivalent one is only counted
    assert (ROOT / "ganedu" / f"{module}.py").read_bytes() == before


def test_a_broken_chapter_is_caught():
    run = mutants("chapters", "04", "--sample", 3, "--seed", 1)
    told = [line.split()[0] for line in run.stdout.splitlines() if "book/chapters/04" in line and "|" not in line[:1]]
    assert len(told) == 3 and set(told) <= {"check", "error"}, run.stdout + run.stderr
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["package", "--seed", "4", "--again"], "package, seed 4: no result is stored yet"),
        (["package", "--module", "ganedu/nothing.py"], "ganedu/nothing.py: no module"),
        (["package", "--module", "ganedu/losses.py", "--id", "00000000"], "no mutant 00000000"),
    ],
)
def test_an_unknown_module_or_mutant_is_named(words, message):
    with pytest.raises(SystemExit, match=message):
        main([*words, "--list"])

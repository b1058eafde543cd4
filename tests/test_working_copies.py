"""Nobody loses a line: what a person wrote into a folder of the course survives whatever the course does there."""

import json
import os
import re
import shutil
import subprocess

import nbformat
import pytest

from tools.coursework import kept, start
from tools.coursework.__main__ import hand_out, main
from tools.coursework.course import STUB, student_editions
from tools.notebooks import ROOT

NAME = "04_optimal_discriminator.ipynb"


def notebook(*sources):
    """The text of a notebook with these code cells."""
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


OLD, NEW, MINE = notebook("question", STUB), notebook("a better question", STUB), notebook("question", "my answer")


@pytest.fixture
def folder(tmp_path):
    """A learner's folder with one chapter of the course, not yet touched."""
    kept.bring_up_to_date(tmp_path / "work", {NAME: OLD})
    return tmp_path / "work"


def update(folder, text=NEW):
    return [str(outcome) for outcome in kept.bring_up_to_date(folder, {NAME: text})]


def test_an_untouched_copy_follows_the_course_and_says_so(folder):
    assert update(folder) == [f"{NAME}: brought up to date, nobody had changed it"]
    assert (folder / NAME).read_text() == NEW and update(folder) == []


# Ways to lose a text, each tried


def test_1_an_answer_survives_a_newer_edition_which_is_offered_beside_it(folder):
    (folder / NAME).write_text(MINE)
    assert update(folder) == [
        f"{NAME}: yours stays as it is; the new text is beside it, in 04_optimal_discriminator.new.ipynb"
    ]
    assert (folder / NAME).read_text() == MINE
    assert (folder / "04_optimal_discriminator.new.ipynb").read_text() == NEW
    assert update(folder) == []  # said once


def test_2_an_answer_written_into_the_offered_copy_survives_the_next_edition(folder):
    (folder / NAME).write_text(MINE)
    update(folder)
    beside = folder / "04_optimal_discriminator.new.ipynb"
    beside.write_text(MINE + "\n")
    update(folder, notebook("the best question"))
    assert (folder / NAME).read_text() == MINE and beside.read_text() == MINE + "\n"
    assert (folder / "04_optimal_discriminator.new-2.ipynb").read_text() == notebook("the best question")


def test_3_notes_copies_and_folders_of_ones_own_are_left_alone(folder):
    own = {"notes.txt": "mine", "04 copy.ipynb": MINE, "figures/ring.py": "mine", ".hidden": "mine"}
    for name, text in own.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    update(folder)
    assert {name: (folder / name).read_text() for name in own} == own


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '{"a": 1}', f'{{"{NAME}": {{"written": 3}}}}', None])
def test_4_without_its_record_the_course_touches_nothing(folder, damage):
    record = folder / kept.RECORD
    record.unlink() if damage is None else record.write_text(damage)
    (folder / NAME).write_text(MINE)
    update(folder)
    assert (folder / NAME).read_text() == MINE


def test_5_an_edit_that_only_a_byte_tells_counts(folder):
    (folder / NAME).write_text(OLD + " ")
    update(folder)
    assert (folder / NAME).read_text() == OLD + " "


def test_6_a_link_to_a_file_elsewhere_is_not_written_through(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere.ipynb"
    elsewhere.write_text(OLD)
    (folder / NAME).unlink()
    (folder / NAME).symlink_to(elsewhere)
    update(folder)
    assert elsewhere.read_text() == OLD and (folder / NAME).is_symlink()


def test_7_a_file_that_appears_while_ours_is_written_wins(folder, monkeypatch):
    (folder / NAME).unlink()
    real = os.link

    def late(source, target):
        (folder / NAME).write_text(MINE)
        real(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError):
        update(folder)
    assert (folder / NAME).read_text() == MINE
    assert [path.name for path in folder.iterdir() if path.name != kept.RECORD] == [NAME]  # no temporary file


def test_8_a_kill_between_record_and_file_makes_nobodys_file_ours(folder, monkeypatch):
    (folder / NAME).write_text(MINE)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kept, "_create", killed)
    with pytest.raises(KeyboardInterrupt):
        update(folder)
    monkeypatch.undo()
    update(folder)
    assert (folder / NAME).read_text() == MINE
    assert (folder / "04_optimal_discriminator.new.ipynb").read_text() == NEW


def test_9_a_folder_or_a_full_disk_under_the_name_loses_nothing(folder, monkeypatch):
    (folder / NAME).unlink()
    (folder / NAME).mkdir()
    (folder / NAME / "inside.txt").write_text("mine")
    update(folder)
    assert (folder / NAME / "inside.txt").read_text() == "mine"
    shutil.rmtree(folder / NAME)
    (folder / NAME).write_text(MINE)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        update(folder, notebook("another"))
    assert (folder / NAME).read_text() == MINE


def test_10_a_chapter_that_leaves_the_course_leaves_no_hole(folder):
    (folder / NAME).write_text(MINE)
    kept.bring_up_to_date(folder, {"05_other.ipynb": OLD})
    assert (folder / NAME).read_text() == MINE


def test_11_an_old_edition_that_was_put_back_by_hand_is_brought_up_to_date_and_mine_is_not(folder):
    update(folder)
    (folder / NAME).write_text(OLD)
    assert update(folder, notebook("newest")) == [f"{NAME}: brought up to date, nobody had changed it"]
    (folder / NAME).write_text(MINE)
    update(folder, NEW)
    assert (folder / NAME).read_text() == MINE


def test_12_make_clean_spares_what_an_earlier_edition_put_below_build(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("html/index.html", "coursework/student/04.ipynb", "coursework/grades.csv"):
        (tmp_path / "_build" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "_build" / name).write_text("text")
    for name in ("work", "student"):
        (tmp_path / name).mkdir()
        (tmp_path / name / NAME).write_text(MINE)
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    kept_results = ["_build/coursework/grades.csv", "_build/coursework/student/04.ipynb"]
    assert left == ["Makefile", *kept_results, f"student/{NAME}", f"work/{NAME}"]


def test_a_copy_that_was_deleted_comes_back_fresh(folder):
    (folder / NAME).unlink()
    assert update(folder) == [f"{NAME}: it was gone, here is a fresh one"]


def test_outputs_alone_make_no_newer_edition(folder):
    run = nbformat.reads(OLD, as_version=4)
    run.cells[0].outputs = [nbformat.v4.new_output("stream", text="printed")]
    assert update(folder, nbformat.writes(run)) == [] and (folder / NAME).read_text() == OLD


# The command, on the real chapters


@pytest.fixture(scope="module")
def editions():
    """The student editions of the course, made once."""
    return student_editions(ROOT / "notebooks")


@pytest.fixture(scope="module")
def work(tmp_path_factory, editions):
    """A learner's folder with the whole course, as `make lab` writes it."""
    folder = tmp_path_factory.mktemp("learner") / "work"
    hand_out(editions, folder, with_start_page=True)
    return folder


def chapter(folder):
    return nbformat.read(folder / NAME, as_version=4)


def test_a_learner_sees_no_solution_no_expected_value_and_no_role_of_sphinx(work):
    for path in work.glob("[0-9]*.ipynb"):
        text = path.read_text(encoding="utf-8")
        for word in ("### BEGIN SOLUTION", "checks.answer(", "mistakes={", "hide-cell", "jupytext", "{eq}`", "{ref}`"):
            assert word not in text, (path.name, word)
        assert 'checks.test(\\"ex-' in text


def test_equations_carry_the_numbers_of_the_book_and_references_lead_to_the_notebook_beside(work):
    text = "\n".join(cell.source for cell in chapter(work).cells if cell.cell_type == "markdown")
    assert "\\tag{4.3}\n\\end{equation*}" in text  # the optimal discriminator
    assert "[3 · The value function](03_value_function.ipynb)" in text
    assert text.count("*Figure 4.") == 4 and "(Goodfellow et al. 2014" in text.replace("[", "")


def test_a_formula_without_label_stays_as_it_is(editions):
    for text in editions.values():
        cells = [cell.source for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "markdown"]
        tagged = re.findall(r"\\begin\{equation\*\}(.*?)\\end\{equation\*\}", "\n".join(cells), re.DOTALL)
        assert tagged and all("$$" not in latex and latex.count("\\tag") == 1 for latex in tagged)


def test_progress_is_what_the_saved_test_cells_say(work, editions, tmp_path):
    folder = shutil.copytree(work, tmp_path / "work")
    assert start.progress(folder, NAME, editions[NAME]).state == "not begun"
    mine = chapter(folder)
    test = next(cell for cell in mine.cells if cell.metadata.get("nbgrader", {}).get("grade"))
    name = test.metadata.nbgrader.grade_id.removeprefix("test-")
    test.outputs = [nbformat.v4.new_output("stream", text=f"✓ ex-{name}  well done\n  1 of 5\n")]
    nbformat.write(mine, folder / NAME)
    now = start.progress(folder, NAME, editions[NAME])
    assert (now.solved, now.points) == (1, test.metadata.nbgrader.points)
    assert now.state == f"1 of {now.exercises} solved"
    hand_out(editions, folder, with_start_page=True)
    page = (folder / start.PAGE).read_text(encoding="utf-8")
    assert f"1 of {now.exercises} solved" in page and "You have solved 1 of" in page
    assert nbformat.read(folder / NAME, as_version=4) == mine


def test_a_damaged_notebook_is_named_and_kept(work, editions, tmp_path):
    folder = shutil.copytree(work, tmp_path / "work")
    (folder / NAME).write_text('{"cells": [')
    assert "not a readable notebook" in start.progress(folder, NAME, editions[NAME]).state
    hand_out(editions, folder, with_start_page=True)
    assert (folder / NAME).read_text() == '{"cells": ['


def test_a_folder_that_is_a_file_is_answered_with_a_sentence(tmp_path, capsys):
    (tmp_path / "work").write_text("mine")
    assert main(["student", "--folder", str(tmp_path / "work")]) == 2
    assert "cannot write" in capsys.readouterr().err and (tmp_path / "work").read_text() == "mine"


def test_a_record_lists_every_file_that_was_written(work):
    record = json.loads((work / kept.RECORD).read_text())
    assert set(record) == {path.name for path in work.iterdir()} - {kept.RECORD}

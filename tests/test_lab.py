"""A learner in JupyterLab fails, reads the hint, mends, passes, closes, updates, and finds the answer still there."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
import yaml

from tools.coursework import start
from tools.coursework.__main__ import hand_out
from tools.coursework.course import student_editions
from tools.notebooks import ROOT

NAME, EXERCISE = "07_saddle_points.ipynb", "ex-better-paid"
WRONG = yaml.safe_load((ROOT / "tests" / "wrong_answers" / "07_saddle_points.yml").read_text())[EXERCISE][0]
RIGHT = """def played(a, b, c):
    return torch.tensor([c, a, b]) / (a + b + c)"""
NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"


@pytest.fixture(scope="module")
def editions():
    """The student editions of the course."""
    return student_editions(ROOT / "notebooks")


@pytest.fixture(scope="module")
def lab(tmp_path_factory, editions):
    """JupyterLab as `make lab` starts it, on a folder with work/ in it: its address and the folder."""
    root = tmp_path_factory.mktemp("lab")
    hand_out(editions, root / "work", with_start_page=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token=", f"--ServerApp.root_dir={root}",
        f"--LabApp.app_settings_dir={ROOT / 'tools' / 'lab'}", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    own = os.environ | {"JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces")}
    server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], stderr=subprocess.DEVNULL, env=own)
    address = f"http://127.0.0.1:{port}/lab"
    try:
        for _ in range(240):
            time.sleep(0.5)
            try:
                urllib.request.urlopen(address, timeout=2).close()
                break
            except OSError:
                assert server.poll() is None, "JupyterLab did not start"
        yield address, root / "work"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def page(chromium):
    """A page of the browser in its own context."""
    with chromium.new_context(viewport={"width": 1280, "height": 1000}) as context:
        page = context.new_page()
        page.set_default_timeout(90_000)
        yield page


def cell_with(page, text):
    """Index of the cell whose source begins with a text; the notebook is scrolled to it."""
    index = page.evaluate(f"t => {NOTEBOOK}.widgets.findIndex(w => w.model.sharedModel.source.startsWith(t))", text)
    assert index >= 0, text
    return index


def run(page, index):
    """Run one cell as its button does; returns what it shows.

    The page holds on to the promise and is asked whether it is kept: one that only Playwright awaits can be collected
    as garbage, and the wait fails.
    """
    page.evaluate(
        f"""index => {{
            {NOTEBOOK}.activeCellIndex = index;
            window.ran = {{ promise: window.jupyterapp.commands.execute('notebook:run-cell'), over: false }};
            window.ran.promise.finally(() => {{ window.ran.over = true; }});
        }}""",
        index,
    )
    page.wait_for_function("window.ran.over")
    return page.evaluate(
        f"""index => {NOTEBOOK}.widgets[index].model.sharedModel.outputs
            .map(o => o.text ? [].concat(o.text).join('') : o.traceback.join('\\n')).join('\\n')""",
        index,
    )


def test_it_opens_at_the_start_page_without_a_dialog(lab, page):
    address, _ = lab
    page.goto(f"{address}/workspaces/gan-course/tree/work/Start.md")
    page.get_by_role("heading", name="Start here").wait_for()
    assert page.get_by_role("link", name="7 · Saddle points").count() == 1
    assert page.locator(".jp-Dialog, .Toastify__toast").count() == 0


def ready(page):
    """Wait for the notebook and its kernel."""
    page.wait_for_function(
        f"window.jupyterapp?.shell.currentWidget?.content.widgets?.length > 20 && {NOTEBOOK}.isVisible"
    )
    page.wait_for_function("window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status == 'idle'")


def test_fail_read_mend_pass_close_update_and_find_it_again(lab, page, editions):
    address, work = lab
    page.goto(f"{address}/workspaces/walk/tree/work/{NAME}")
    ready(page)
    assert page.locator(".jp-mod-dirty").count() == 0, "nothing was typed, and JupyterLab wants to save"
    run(page, cell_with(page, "import math"))
    answer, test = cell_with(page, "def played("), cell_with(page, f'checks.test("{EXERCISE}")')
    run(page, answer)
    assert "not answered yet" in run(page, test)

    def type_in(source):
        page.evaluate(f"([i, s]) => {NOTEBOOK}.widgets[i].model.sharedModel.setSource(s)", [answer, source])
        run(page, answer)
        return run(page, test)

    hint = type_in(WRONG["answer"])
    assert WRONG["says"] in hint and "Traceback" not in hint and len(hint.splitlines()) <= 4
    assert f"✓ {EXERCISE}  well done" in type_in(RIGHT)
    page.evaluate("void window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    mine = (work / NAME).read_bytes()
    page.close()

    newer = nbformat.reads(editions[NAME], as_version=4)
    newer.cells[0].source += "\n\nA sentence more."
    hand_out(editions | {NAME: nbformat.writes(newer)}, work, with_start_page=True)
    assert (work / NAME).read_bytes() == mine
    assert any(cell.source == RIGHT for cell in nbformat.read(work / NAME, as_version=4).cells)
    assert (work / "07_saddle_points.new.ipynb").exists()
    assert start.progress(work, NAME, editions[NAME]).solved == 1

    page = page.context.new_page()
    page.set_default_timeout(90_000)
    page.goto(f"{address}/workspaces/again/tree/work/{start.PAGE}")
    assert page.get_by_role("row", name="7 · Saddle points").inner_text().split("\t")[1] == "1 of 5 solved"
    page.get_by_text("Go on with").get_by_role("link", name="7 · Saddle points").click()
    ready(page)
    cell_with(page, RIGHT)
    assert f"✓ {EXERCISE}  well done" in run(page, cell_with(page, f'checks.test("{EXERCISE}")'))


def test_what_is_typed_but_not_saved_survives_an_update_beneath_it(lab, page, editions):
    address, work = lab
    other = "08_implicit_functions.ipynb"
    page.goto(f"{address}/workspaces/beneath/tree/work/{other}")
    ready(page)
    page.evaluate(f"{NOTEBOOK}.widgets[3].model.sharedModel.setSource('my unsaved words')")
    newer = nbformat.reads(editions[other], as_version=4)
    newer.cells[0].source += "\n\nA sentence more."
    hand_out(editions | {other: nbformat.writes(newer)}, work, with_start_page=True)
    assert "A sentence more." in (work / other).read_text(encoding="utf-8")  # on disk nobody had changed it

    page.evaluate("void window.jupyterapp.commands.execute('docmanager:save')")
    page.get_by_role("dialog").get_by_role("button", name="Overwrite").click()
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    assert "my unsaved words" in (work / other).read_text(encoding="utf-8")
    hand_out(editions | {other: nbformat.writes(newer)}, work, with_start_page=True)
    assert "my unsaved words" in (work / other).read_text(encoding="utf-8")


def test_a_tab_that_is_closed_with_unsaved_words_asks_first(lab, page):
    address, _ = lab
    page.goto(f"{address}/workspaces/closing/tree/work/09_game_dynamics.ipynb")
    ready(page)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.type("# my unsaved words")
    page.wait_for_function("window.jupyterapp.shell.currentWidget.context.model.dirty")
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    assert page.evaluate("window.jupyterapp.shell.currentWidget.context.model.dirty")

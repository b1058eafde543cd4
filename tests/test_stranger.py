"""Somebody who has read the first page only trains, presses Ctrl-C, goes on, and reads the report in a browser."""

import os
import re
import shlex
import signal
import subprocess
import sys

from PIL import Image

from ganedu.training import checkpoint
from tools.notebooks import ROOT

HERE = {key: value for key, value in os.environ.items() if key != "GANEDU_DATA"} | {"PYTHONPATH": str(ROOT)}


def ganedu(words, folder):
    """The process of a command as it is printed, `ganedu train ...`, in the folder."""
    command = [sys.executable, "-m", *shlex.split(words)]
    return subprocess.Popen(command, cwd=folder, env=HERE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def printed(text, word):
    """The command of that name that a text asks for."""
    return re.search(rf"ganedu {word} [^\n;)`]+", text)[0]


def test_train_stop_go_on_read_the_report_train_longer_and_sample(tmp_path, chromium):
    process = ganedu("ganedu train dcgan --steps 100 --log-every 10 --device cpu", tmp_path)
    assert process.stderr.readline().startswith("step ")
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate()
    assert process.returncode == 130 and "Traceback" not in out + errors
    run = tmp_path / "runs" / "dcgan-digits"
    stopped = checkpoint.read(run)["step"]
    assert 0 < stopped < 100

    process = ganedu(printed(out + errors, "resume"), tmp_path)
    out, errors = process.communicate()
    assert process.returncode == 0 and "step 100 of 100 done" in out
    report = re.search(r"\S+report\.html", out)[0]

    with chromium.new_context(viewport={"width": 1280, "height": 900}, offline=True) as context:
        page, trouble = context.new_page(), []
        page.on("console", lambda message: trouble.append(message.text))
        page.goto((tmp_path / report).as_uri())
        text = page.locator("main").inner_text()
        assert trouble == [] and "Step 100 of 100" in text and "2 sessions" in text

    out, errors = ganedu(printed(text, "resume"), tmp_path).communicate()
    assert "step 200 of 200 done" in out and checkpoint.read(run)["step"] == 200
    out, errors = ganedu(printed(text, "sample"), tmp_path).communicate()
    assert Image.open(tmp_path / out.strip()).width > 8 * 16

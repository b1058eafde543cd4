"""What holds for every test."""

import re

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tools.pdf import CHROMIUM, FLAGS

settings.register_profile("course", deadline=None, derandomize=True)  # a busy machine is no failure
settings.load_profile("course")


@pytest.fixture(scope="session")
def chromium():
    """The browser of all tests in this process: there can be one of its kind only."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: pages were not opened")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def no_data_folder():
    """For tests to whose results a folder of data that the environment names would make a difference."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GANEDU_DATA", raising=False)
        yield


# Few tests that take long.
LONG = ("lab", "alone", "pdf", "stranger", "training_elsewhere", "training_kills", "training_speed")


class ByFile(LoadScopeScheduling):
    """Tests of a file share a process and its fixtures; where a file tests chapters, those of a chapter do.

    Files with many tests come first, and LONG before them: the other processes would wait for what begins last.
    """

    def schedule(self):
        super().schedule()
        for scope in (f"tests/test_{name}.py" for name in LONG):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)

    def _split_scope(self, nodeid):
        path, _, name = nodeid.partition("::")
        chapter = re.search(r"\[(\d\d)[-_]", name)
        return f"{path} {chapter[1]}" if chapter else path


@pytest.hookimpl(optionalhook=True)  # some runs do without xdist
def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)

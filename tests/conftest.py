"""What holds for every test."""

import shutil

import pytest
from hypothesis import settings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

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


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in a hook of the same name
def pytest_collection_modifyitems(items):
    """Tests of a file share a process and its fixtures; the long file of broken chapters is shared out by chapter."""
    for item in items:
        entry = getattr(item, "callspec", None) and item.callspec.params.get("entry")
        chapter = entry["chapter"] if isinstance(entry, dict) and "chapter" in entry else ""
        item.add_marker(pytest.mark.xdist_group(f"{item.path}{chapter}"))

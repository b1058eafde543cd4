"""One source of versions: what make, conda, Binder and pip install agrees."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
EXTRAS = PROJECT["optional-dependencies"]


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_pin_runs_on_every_python_that_make_accepts(pins):
    """A release that wants 3.11.5 would keep everybody with a distribution's 3.11.2 out."""
    refused = []
    for name, version in pins.items():
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:  # of another platform
            continue
        wanted = SpecifierSet(package.metadata.get("Requires-Python") or "")
        if package.version == version and not all(f"3.{minor}.0" in wanted for minor in (11, 12, 13)):
            refused.append(f"{name} {version} wants {wanted}")
    assert not refused


def test_every_requirement_is_pinned_within_its_range(pins):
    names = {canonicalize_name(name): version for name, version in pins.items()}
    for line in [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]:
        requirement = Requirement(line)
        version = names.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} has no pin in constraints.txt"
        assert version in requirement.specifier, f"{requirement.name}=={version} is outside {requirement.specifier}"


def test_pins_are_exact_and_name_no_place(pins):
    for name, version in pins.items():
        assert re.fullmatch(r"[\w.-]+", name), name
        assert re.fullmatch(r"\d[\w.]*", version), f"{name}=={version}: a local version exists on one machine only"


def test_installed_versions_are_the_pinned_ones(pins):
    from importlib.metadata import version

    for name in ("torch", "jupyter-book", "sphinx-book-theme", "nbgrader", "nbval"):
        assert version(name).split("+")[0] == pins[name], f"{name}: run `make` again"


def test_conda_environment_installs_the_same_pins():
    (pip_lines,) = (entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict))
    assert pip_lines == ["-c constraints.txt", f"-e .[{','.join(EXTRAS)}]"]


def test_setup_installs_the_same_extras():
    assert f"--editable '.[{','.join(EXTRAS)}]'" in (ROOT / "tools" / "setup.sh").read_text()


def test_conda_python_is_one_that_the_project_supports():
    (python,) = (entry for entry in ENVIRONMENT["dependencies"] if str(entry).startswith("python="))
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])


def test_lock_file_of_npm_names_no_registry():
    lock = (ROOT / "package-lock.json").read_text()
    assert "integrity" in lock
    assert "resolved" not in lock


@pytest.fixture
def bare(tmp_path):
    """A checkout with nothing installed, and a folder of fake programs that comes first in PATH."""
    for name in ("constraints.txt", "pyproject.toml", "tools/setup.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(folder, name, script):
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def set_up(folder, **environment):
    path = f"{folder / 'bin'}:/usr/bin:/bin"
    run = subprocess.run(
        [folder / "tools" / "setup.sh"], env={"PATH": path, **environment}, capture_output=True, text=True
    )
    assert "Traceback" not in run.stdout + run.stderr
    return run


def test_old_python_is_refused_in_words(bare):
    old = program(bare, "python-old", "exit 1")
    run = set_up(bare, PYTHON=old)
    assert run.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 was not found" in run.stderr
    assert "make book PYTHON=" in run.stderr


def test_full_disk_is_told_before_anything_is_written(bare):
    program(bare, "df", "echo header; echo /dev/x 100 90 10240 99% /")
    run = set_up(bare, PYTHON=sys.executable)
    assert run.returncode == 1
    assert "3 GB" in run.stderr and "10 MB are free" in run.stderr
    assert not (bare / ".venv").exists()


def test_failing_pip_says_what_to_try_and_leaves_no_stamp(bare):
    """A fake Python whose `-m venv` makes an environment in which pip fails."""
    inner = 'case "$*" in *"import pip"*) exit 0;; *) echo "no network" >&2; exit 1;; esac'
    make_venv = (
        f"mkdir -p .venv/bin; cat > .venv/bin/python <<'END'\n#!/bin/sh\n{inner}\nEND\nchmod +x .venv/bin/python"
    )
    fake = program(bare, "python-fake", f'case "$1" in -c) exit 0;; esac\n{make_venv}')
    run = set_up(bare, PYTHON=fake)
    assert run.returncode == 1
    assert "no network" in run.stderr and "PIP_INDEX_URL" in run.stderr
    assert not (bare / ".venv" / ".installed").exists()


def test_an_environment_that_is_up_to_date_is_left_alone(bare):
    pins = subprocess.run(
        "cat constraints.txt pyproject.toml | cksum", shell=True, cwd=bare, capture_output=True, text=True
    ).stdout
    (bare / ".venv").mkdir()
    (bare / ".venv" / ".installed").write_text(pins)
    run = set_up(bare)
    assert run.returncode == 0 and run.stdout == ""

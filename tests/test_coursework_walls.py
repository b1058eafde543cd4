"""Hostile notebooks gain nothing and harm nobody, behind every kind of wall that this machine can build."""

import contextlib
import hashlib
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from coursework_cases import CHAPTER, RIGHT, WRONG, course_in, edited, hand_in, points, rows_of

import ganedu
from tools.coursework import CourseworkError, walls
from tools.coursework.asking import Limits
from tools.coursework.grade import Options, grade

ATTACKS = yaml.safe_load(Path(__file__).with_name("coursework_attacks.yml").read_text(encoding="utf-8"))
LIMITS = Limits(cell_seconds=10, notebook_seconds=120, memory_gb=0.5)
MARK = f"7317.{os.getpid():07d}"  # an argument of `sleep` that nobody else uses, another worker of pytest neither
HONEST = {  # what ordinary people hand in
    "right": RIGHT,
    "wrong": WRONG,
    "blank": {},
    "half": RIGHT | {"ex-logit": "def logit(p, q): return 1 / 0"},
    "odd": RIGHT | {"ex-mean": "def mean(p, q):\n    p += q  # in place\n    return [float(x) / 2 for x in p]"},
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="walls are built on Linux")


def able(kind):
    """Whether this machine can try a kind of wall."""
    return kind in walls.candidates(trusted=False)


def hostile(attack, places):
    """The answers of a hostile notebook; places: {word with @: what it stands for}."""

    def filled(text):
        for word, value in places.items():
            text = text.replace(f"@{word}", repr(value))
        return text

    steps = [filled(step) for step in attack.get("steps", [])]
    body = filled(attack.get("inside", "return p / q")).replace("\n", "\n    ")
    share = (
        f"for step in {steps!r}:\n    try: exec(step, globals())\n    except Exception: pass\n"
        f"def share(p, q):\n    {body}\n"
    )
    return (WRONG if attack.get("others") == "wrong" else RIGHT) | {"ex-share": share}


def owner(path):
    """The user whose file it is; None for one that has gone: others work on this machine as well."""
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_uid


class Machine:
    """A course on this machine, with everything that an attack may want to harm."""

    def __init__(self, root):
        self.root = root
        self.blank = course_in(root)
        self.target = root / "others" / "victim" / f"{CHAPTER}.ipynb"
        hand_in(root / "others", "victim", edited(self.blank, {"ex-share": "# SECRET-OTHER"}))
        (root / "private").mkdir()
        self.gradebook = root / "private" / "gradebook.db"
        with sqlite3.connect(self.gradebook) as book:
            book.execute("create table grade (points)")
        self.grades = root / "private" / "grades.csv"
        self.grades.write_text("SECRET-GRADES", encoding="utf-8")
        self.room = root / "room"  # where everybody may write
        self.room.mkdir()
        self.room.chmod(0o777)
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.setblocking(False)
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.free = server.getsockname()[1]

    def places(self):
        """What the words with @ stand for."""
        return {
            "target": str(self.target), "gradebook": str(self.gradebook), "grades": str(self.grades),
            "master": str(self.root / "notebooks" / f"{CHAPTER}.ipynb"), "tests": str(walls.TESTS),
            "folder": str(self.target.parent), "name": self.target.name, "room": str(self.room), "mark": MARK,
            "free": self.free, "port": self.listener.getsockname()[1], "four_megabytes": "x" * 4_000_000,
        }  # fmt: skip

    def state(self):
        """Hashes of what must not change, and what would be left in shared memory."""
        package = Path(ganedu.__file__).parent
        folders = (self.root / "notebooks", self.root / "others", self.root / "private", self.room, package)
        files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        files = [path for path in files if "__pycache__" not in path.parts]
        hashes = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        return hashes, {name for name in os.listdir("/dev/shm") if MARK in name}

    @staticmethod
    def left():
        """The files of users who are lent to nobody now: another grading has files that it is yet to remove."""
        with walls.slots(8) as free:
            users = [walls.FIRST_USER + slot for slot in free]
            return {str(path) for folder in walls.SHARED for path in Path(folder).iterdir() if owner(path) in users}

    def grade(self, name, submissions, **options):
        """Hand in {student: answers} and grade them. Returns the rows and the text of all results."""
        folder = self.root / f"in-{name}"
        for student, answers in submissions.items():
            hand_in(folder, student, edited(self.blank, answers))
        out = self.root / f"out-{name}"
        grade(folder, self.root / "notebooks", out, Options(LIMITS, parallel=4, **options))
        texts = [path.read_text(encoding="utf-8") for path in out.rglob("*") if path.suffix in (".csv", ".html")]
        return rows_of(out), texts


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET-ENVIRONMENT")
        yield Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def alone(machine):
    """What each kind of honest people gets when nobody else hands in."""
    return machine.grade("alone", HONEST)[0]


@pytest.fixture(scope="module", params=["bubblewrap", "namespaces", "user"])
def behind(request, machine, alone):
    """A run of honest and hostile notebooks behind one kind of wall: its kind, rows, texts, and what it left behind."""
    kind = request.param
    if not able(kind):
        pytest.skip(f"no {kind} on this machine")
    copies = 2 if kind == "bubblewrap" else 1
    honest = {f"{name}-{copy}": answers for name, answers in HONEST.items() for copy in range(copies)}
    chosen = {
        name: hostile(attack, machine.places())
        for name, attack in ATTACKS.items()
        if kind not in attack.get("open_to", []) and (kind == "bubblewrap" or "against" not in attack)
    }
    before, left_before = machine.state(), machine.left()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walls, "candidates", lambda trusted: [kind])
        try:
            rows, texts = machine.grade(kind, honest | chosen)
        except CourseworkError as error:
            pytest.skip(f"this machine builds no wall of the kind {kind}: {error}")
    return kind, rows, texts, before == machine.state(), machine.left() - left_before


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gains_nothing(behind, name):
    kind, rows, _, _, _ = behind
    attack = ATTACKS[name]
    if name not in rows:
        pytest.skip(f"not tried behind the wall of the kind {kind}: it is open to it, or the kind does not matter")
    expected = ["0", "0", "0"] if attack.get("others") == "wrong" else ["0", "2", "3"]
    assert points(rows, name) == expected, [row["message"] for row in rows[name].values()]


def test_the_honest_get_exactly_what_they_get_alone(behind, alone):
    _, rows, _, _, _ = behind
    for student in (name for name in rows if name.rpartition("-")[0] in HONEST):
        own = alone[student.rpartition("-")[0]]
        assert rows[student] == {name: row | {"student": student} for name, row in own.items()}


def test_nothing_on_the_machine_has_changed(behind):
    _, _, _, unchanged, left = behind
    assert unchanged
    assert not left


def test_no_process_is_left(behind):
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if MARK in line]
    assert not [p for p in psutil.Process().children(recursive=True) if "tools.coursework.bench" in p.cmdline()]


def test_nothing_was_sent_and_nobody_listens(behind, machine):
    with pytest.raises(BlockingIOError):
        machine.listener.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", machine.free), timeout=1)


def test_no_secret_is_in_the_results(behind):
    _, _, texts, _, _ = behind
    said = [re.sub("<details>.*?</details>", "", text, flags=re.DOTALL) for text in texts]  # without their own answers
    for secret in ("SECRET-OTHER", "SECRET-GRADES", "SECRET-ENVIRONMENT", "SECRET-TEST"):
        assert not [text for text in said if secret in text], secret
    assert not [text for text in said if '"cell_type"' in text]  # of the master, whose title is on every page


def test_a_limit_that_was_broken_is_named(behind):
    _, rows, _, _, _ = behind
    assert rows["endless"]["ex-share"]["status"] == "time-out"
    assert f"stopped after {LIMITS.cell_seconds:g} seconds" in rows["endless"]["ex-share"]["message"]
    assert rows["children"]["ex-share"]["status"] == "memory"


def test_nothing_of_a_student_is_a_formula_or_a_tag(behind):
    _, rows, texts, _, _ = behind
    cells = [value for student in rows.values() for row in student.values() for value in row.values()]
    assert not [cell for cell in cells if cell.lstrip("' ").startswith(("=", "\t", "\r")) and not cell.startswith("'")]
    assert not [text for text in texts if "\x1b" in text]
    pages = [text for text in texts if text.startswith("<!DOCTYPE")]
    assert len(pages) > len(rows)
    assert not [page for page in pages if "<script" in page or page.count("</pre>") != page.count("<pre>")]


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs a wall to be refused")
def test_without_a_wall_grading_is_refused_unless_everybody_is_trusted(machine, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(walls, "candidates", lambda trusted: [])
        with pytest.raises(CourseworkError, match=r"no wall can be built here.*Docker.*TRUSTED=1"):
            machine.grade("refused", {"right": RIGHT})
    rows, texts = machine.grade(
        "trusted", {"right": RIGHT, "killed": RIGHT | {"ex-mean": "import os; os._exit(0)"}}, trusted=True
    )
    assert points(rows, "right") == ["1", "2", "3"] and points(rows, "killed") == ["1", "2", "0"]
    assert any("no wall (TRUSTED=1)" in text for text in texts)


def test_a_process_has_ended_before_its_parent_asks_for_it():
    child = subprocess.Popen(["sleep", "60"])
    process = psutil.Process(child.pid)
    assert not walls._ended(process)
    walls._kill([process])
    walls._await([process], 60)
    assert walls._ended(process) and process.status() == psutil.STATUS_ZOMBIE
    child.wait()
    assert walls._ended(process)

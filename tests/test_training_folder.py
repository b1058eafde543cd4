"""A run's folder: all files belong to the checkpoint's step, files of others stay, one process at a time writes."""

import json
import shutil
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ganedu.training import TrainingError, checkpoint, evaluation, load, resume, run_folder

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases
from training_cases import again, same, short, spawn


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with cases.one_thread():
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished run of 40 steps."""
    return short(tmp_path_factory.mktemp("runs") / "done")


@pytest.fixture
def run(done, tmp_path):
    """A copy of it."""
    return shutil.copytree(done, tmp_path / "run")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".run.lock"}


def assert_all_of_one_step(run):
    """Checkpoint, weights, metrics, samples and provenance tell of the same step."""
    state = checkpoint.read(run)
    weights = load_file(run / "generator.safetensors")
    assert same(weights, {name: tensor.contiguous() for name, tensor in state["average"].items()})
    assert run_folder.step_of(run / "generator.safetensors") == state["step"]
    assert run_folder.read_metrics(run)[-1]["step"] == state["step"]
    assert max(int(path.stem[5:]) for path in (run / "samples").glob("step_*.png")) == state["step"]
    assert json.loads((run / "provenance.json").read_text())["sessions"][-1]["to_step"] == state["step"]


# All files belong to one step


@pytest.mark.parametrize("name", ["generator.safetensors", "provenance.json"])
def test_what_a_kill_left_of_an_earlier_step_is_brought_up_to_the_checkpoint(run, tmp_path, name):
    early = short(tmp_path / "early", 20)
    shutil.copy(early / name, run / name)  # as if the kill had come after checkpoint.pt was written
    assert again(run).finished
    assert_all_of_one_step(run)


def test_a_missing_file_beside_the_checkpoint_comes_back(run):
    (run / "generator.safetensors").unlink()
    assert again(run).finished
    assert_all_of_one_step(run)


def test_going_back_is_whole_even_if_the_run_is_killed_before_its_next_checkpoint(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("ganedu.training.loop.Session.train", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            again(run, previous=True)
    assert checkpoint.read(run)["step"] == 20 == run_folder.read_metrics(run)[-1]["step"]
    assert run_folder.step_of(run / "generator.safetensors") == 20
    assert again(run).finished
    assert_all_of_one_step(run)


# Files of others


@pytest.mark.parametrize(
    "name", ["checkpoint.pt", "metrics.jsonl", "generator.safetensors", "evaluation.json", "samples/step_000100.png"]
)
def test_a_file_with_the_name_of_a_run_s_file_is_not_overwritten(tmp_path, name):
    path = tmp_path / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text("somebody's work")
    with pytest.raises(TrainingError, match=rf"mine holds {name}, but no run .*; move it away or give another --out"):
        short(tmp_path / "mine")
    assert [each for each in (tmp_path / "mine").rglob("*") if each.is_file()] == [path]
    assert path.read_text() == "somebody's work"


def test_a_trained_checkpoint_without_its_config_is_not_overwritten_either(run):
    (run / "config.json").unlink()
    before = contents(run)
    with pytest.raises(TrainingError, match=r"holds checkpoint\.previous\.pt, checkpoint\.pt, generator"):
        short(run)
    assert contents(run) == before


def test_other_files_in_the_folder_of_a_new_run_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert (short(tmp_path) / "notes.txt").read_text() == "mine"


def test_only_temporary_files_of_the_run_itself_are_removed(run):
    theirs = [run / "notes.tmp", run / "deep" / "er" / "draft.tmp", run / "samples" / "album.tmp", run / "a.json.tmp"]
    ours = [
        run / "config.json.0123abcd.tmp",
        run / "checkpoint.pt.old.tmp",
        run / "samples/step_000050.png.00ff00ff.tmp",
    ]
    for path in theirs + ours:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("work")
    assert again(run).finished
    assert all(path.exists() for path in theirs) and not any(path.exists() for path in ours)


@pytest.mark.parametrize("out", ["", Path("file")])
def test_a_folder_that_is_none_is_refused(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises((ValueError, TrainingError), match=r"which means no folder|is a file, and a run needs a folder"):
        short(out)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# One process at a time


@pytest.fixture
def busy(tmp_path):
    """The folder of a run that another process trains, and that process."""
    process = spawn(cases.train_slowly, str(tmp_path / "busy"))
    while not (tmp_path / "busy" / "config.json").exists():
        time.sleep(0.05)
    yield tmp_path / "busy", process
    process.kill()
    process.join()


def test_a_second_process_is_told_that_the_run_is_taken_and_changes_nothing(busy):
    run, process = busy
    before = {name: (run / name).read_bytes() for name in ("config.json", "checkpoint.pt")}
    for act in (again, lambda run: again(run, previous=True)):
        with pytest.raises(TrainingError, match=r"another process is training .*busy: wait until it has ended"):
            act(run)
    assert before == {name: (run / name).read_bytes() for name in before}
    process.kill()
    process.join()
    assert resume(run, recipe=cases.Tiny, data=cases.images(), max_minutes=0, show=False).step > 0  # nothing to clean


def test_of_two_that_start_into_one_folder_the_second_is_refused(tmp_path, monkeypatch):
    """Both have seen an empty folder before either of them wrote."""
    from ganedu.training import ownership

    refuse = ownership.refuse_foreign

    def while_another_starts(out):
        refuse(out)
        with monkeypatch.context() as patch:
            patch.setattr(ownership, "refuse_foreign", refuse)
            short(out)

    monkeypatch.setattr(ownership, "refuse_foreign", while_another_starts)
    with pytest.raises(TrainingError, match="holds a run already"):
        short(tmp_path / "run", 20)
    assert checkpoint.read(tmp_path / "run")["step"] == 40


def add_reports(run, step):
    """Ten reports of one process, added while others add theirs."""
    record = json.loads((Path(run) / "report.json").read_text())
    from ganedu.metrics.report import Report

    for i in range(10):
        evaluation.add(Path(run), Report.from_record({**record, "step": step + i}))


def test_reports_of_four_processes_at_once_are_all_kept(tmp_path):
    protocol = {"data": "digits", "split": "test", "n_real": 256, "n_fake": 80, "size": [8, 8], "features": "x"}
    record = {"step": 0, "averaged": True, "values": {"frechet_distance": 1.0}, "protocol": protocol}
    (tmp_path / "report.json").write_text(json.dumps(record))
    processes = [spawn(add_reports, str(tmp_path), 100 * i) for i in range(4)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    kept = json.loads((tmp_path / "evaluation.json").read_text())["reports"]
    assert sorted(each["step"] for each in kept) == sorted(100 * i + j for i in range(4) for j in range(10))


# What is refused or told on the way on


def test_fewer_steps_than_are_done_are_refused_and_the_configuration_stays(run):
    before = contents(run)
    with pytest.raises(TrainingError, match="has done 40 steps already; --steps must be at least that, not 3"):
        again(run, steps=3)
    assert contents(run) == before


def test_a_run_of_a_newer_format_is_refused(run):
    plan = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**plan, "format": 99}))
    for act in (again, lambda run: load(run, recipe=cases.Tiny)):
        with pytest.raises(TrainingError, match="format 99 is of a newer version of ganedu, this one knows 1"):
            act(run)


def test_a_refused_resume_changes_no_file(run):
    before = contents(run)
    for options in ({"data": cases.images(seed=1)}, {"steps": 1}, {"device": "meta"}):
        with pytest.raises((TrainingError, ValueError)):
            resume(run, **{"recipe": cases.Tiny, "data": cases.images(), "show": False, **options})
    assert contents(run) == before


def test_a_resume_that_cannot_measure_changes_no_file_either(run):
    plan = json.loads((run / "config.json").read_text())
    plan["training"] |= {"evaluate_every": 5, "steps": 60}
    (run / "config.json").write_text(json.dumps(plan))
    before = contents(run)
    with pytest.raises(ValueError, match="evaluate_every=5 cannot be done: images without a name"):
        again(run)
    assert contents(run) == before


def test_a_run_of_an_older_version_goes_on_with_the_defaults_of_what_it_did_not_know(tmp_path):
    run = short(tmp_path / "run", 20)
    plan, state = json.loads((run / "config.json").read_text()), checkpoint.read(run)
    for each in (plan, state["plan"]):
        del each["training"]["cuda_graph"], each["recipe"]["config"]["decays"]
    (run / "config.json").write_text(json.dumps(plan))
    checkpoint.save(run, state)
    with pytest.warns(UserWarning, match=r"older version: (training.cuda_graph|recipe.config.decays) = False is taken"):
        assert again(run, steps=40).finished
    assert json.loads((run / "config.json").read_text())["training"]["cuda_graph"] is False


def test_another_number_of_threads_is_told_and_kept_in_the_provenance(tmp_path):
    run = short(tmp_path / "run", 20)
    torch.set_num_threads(2)
    try:
        with pytest.warns(UserWarning, match="threads was 1, is 2: the weights will not be those"):
            again(run, steps=40)
    finally:
        torch.set_num_threads(1)
    record = json.loads((run / "provenance.json").read_text())
    assert [session["threads"] for session in record["sessions"]] == record["threads"] == [1, 2]


def test_the_same_circumstances_are_not_worth_a_word(run):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again(run, steps=60)

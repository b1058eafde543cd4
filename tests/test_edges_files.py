"""Every option with wrong values, every field of a run's files with wrong values, sampled bytes of them flipped.

Each ends in a result or in one sentence (ValueError, TrainingError), in seconds, and a refusal changes no file.
"""

import copy
import json
import random
import resource
import shutil
import signal
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from ganedu import _memory, recipes
from ganedu.cli.recipes import usual_facts
from ganedu.training import TrainConfig, TrainingError, checkpoint, cost, evaluation, load, options, resume, run_folder
from ganedu.training.loading import recipe_of

sys.path.insert(0, str(Path(__file__).parent))
import training_cases as cases

REFUSED = (ValueError, TrainingError)
TEXTS = ["", "0", "-1", "1", "3", "nan", "inf", "-inf", "1e400", "1e30", str(10**30), "9" * 5000, "True", "None", "x"]
TEXTS += ["größe", "\x1b[2J", "(", "()", "(1,)", "(1, 'a')", "(0, 3)", "[2, 2]", "{}", "[" * 3000, "1_0", "0x10", " 2 "]
VALUES = [None, True, 0, -1, 1, 7, 2**70, 10**300, 1.5, float("nan"), float("inf"), -1e300, "", "x", "größe", "\x1b[2J"]
VALUES += ["9" * 5000, [], [1], [-1, "a"], {}, {"a": 1}, "../..", "image-folder:/nowhere"]
SECONDS = 20  # until a value counts as a hang


@pytest.fixture(scope="module", autouse=True)
def _bounded():
    """One thread, a machine of 300 MB, an alarm against hangs; memory must not have grown by 500 MB at the end."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def hang(*_):
        raise AssertionError(f"no answer for {SECONDS} seconds")

    handler = signal.signal(signal.SIGALRM, hang)
    with cases.one_thread(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(_memory, "available", lambda: 3 * 10**8)
        yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, handler)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished run of 20 steps, with a report of its quality."""
    run = cases.short(tmp_path_factory.mktemp("runs") / "done", 20)
    protocol = {"data": "digits", "split": "test", "n_real": 256, "n_fake": 80, "size": [4, 4], "features": "x"}
    report = {"step": 20, "averaged": True, "values": {"frechet_distance": 1.0}, "protocol": protocol}
    run_folder.write_json(run / "evaluation.json", {"reports": [report]})
    return run


@pytest.fixture
def run(done, tmp_path):
    return shutil.copytree(done, tmp_path / "run")


def one_answer(act):
    """The sentence of a refusal, None if there was none; whatever else is raised fails the test."""
    signal.alarm(SECONDS)
    try:
        act()
    except REFUSED as error:
        sentence = str(error)
        assert sentence and len(sentence) < 2000, sentence[:200]
        return sentence
    finally:
        signal.alarm(0)
    return None


def contents(run):
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name[0] != "."}


def leaves(tree, path=()):
    """The paths of all entries of nested dictionaries, tables and what they hold."""
    for key, value in tree.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))


def changed(tree, path, value=..., *, missing=False):
    """A copy with another value at a path, or without it."""
    tree = copy.deepcopy(tree)
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    if missing:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return tree


# Options


@pytest.mark.parametrize("name", recipes.NAMES)
def test_every_option_of_a_recipe_with_every_text(name):
    kind = recipes.get(name)
    config, tried, refused = kind.Config().small(), 0, 0
    for option in fields(config):
        for text in TEXTS:

            def given(option=option, text=text):
                wanted = replace(config, **{option.name: options.from_text(kind.Config, option.name, text)})
                options.check(wanted)
                cost.refuse_batch(kind, wanted)

            tried += 1
            refused += one_answer(given) is not None
    assert tried > 300 and refused > tried / 2


@pytest.mark.parametrize("name", recipes.NAMES)
def test_what_passes_builds_or_is_refused(name):
    kind, draw = recipes.get(name), random.Random(name)
    config = replace(kind.Config().small(), width=4) if name != "mlp" else kind.Config().small()
    names = [option.name for option in fields(config) if option.name not in ("flip", "decay")]
    for _ in range(12):
        option, text = draw.choice(names), draw.choice(["0", "1", "3", "1e30", "(1, 2)", "x", "65536", "1000000"])

        def built(option=option, text=text):
            wanted = replace(config, **{option: options.from_text(kind.Config, option, text)})
            options.check(wanted)
            cost.refuse_batch(kind, wanted)
            cost.build(kind, wanted, usual_facts(kind, wanted), device=torch.device("cpu"), seed=0)

        one_answer(built)


def test_every_option_of_training_with_every_value():
    for option in fields(TrainConfig):
        name = option.name
        answers = [one_answer(lambda name=name, value=value: TrainConfig(**{name: value})) for value in VALUES]
        assert sum(answer is not None for answer in answers) > len(VALUES) / 2
        assert all(name in answer for answer in answers if answer)


# config.json


def test_every_field_of_the_configuration_with_every_value_is_read_or_refused_in_a_sentence(run):
    plan, path, tried = json.loads((run / "config.json").read_text()), run / "config.json", 0
    for field in leaves(plan):
        for value in VALUES:
            path.write_text(json.dumps(changed(plan, field, value)))
            said = one_answer(lambda: recipe_of(run_folder.read_config(run), cases.Tiny))
            assert said is None or "config.json" in said
            tried += 1
        path.write_text(json.dumps(changed(plan, field, missing=True)))
        one_answer(lambda: recipe_of(run_folder.read_config(run), cases.Tiny))
    assert tried > 600


def test_a_resume_refused_for_a_field_of_the_configuration_changes_no_file(done, tmp_path):
    plan, draw = json.loads((done / "config.json").read_text()), random.Random(1)
    places = list(leaves(plan))
    for number in range(60):
        run = shutil.copytree(done, tmp_path / str(number))
        (run / "config.json").write_text(json.dumps(changed(plan, draw.choice(places), draw.choice(VALUES))))
        before = contents(run)
        if one_answer(lambda run=run: cases.again(run)) is not None:
            assert contents(run) == before
            one_answer(lambda run=run: load(run, recipe=cases.Tiny))


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{", "[" * 100_000, '{"a": ' * 50_000, "\ufeff{}", "NaN", "1" * 9000]
)
@pytest.mark.parametrize("name", ["config.json", "evaluation.json"])
def test_texts_that_are_no_such_file(run, name, text):
    (run / name).write_text(text, encoding="utf-8")
    before = contents(run)
    act = {
        "config.json": lambda: cases.again(run),
        "evaluation.json": lambda: evaluation.rewind(run, 1),
    }[name]
    assert name in one_answer(act) and contents(run) == before


# metrics.jsonl


def test_rows_of_metrics_that_are_none_are_left_out(run):
    good = (run / "metrics.jsonl").read_text()
    rows = run_folder.read_metrics(run)
    bad = [json.dumps({**rows[0], "step": value}) for value in VALUES if value not in (1, 7)]
    bad += ["", "{", "[]", "null", '"x"', "[" * 100_000, "{}", '{"loss_d": 1}', "\x00", "ü"]
    (run / "metrics.jsonl").write_text("\n".join(bad) + "\n" + good, encoding="utf-8")
    assert run_folder.read_metrics(run) == rows
    (run / "metrics.jsonl").write_bytes(b"\xff\xfe\n" + good.encode())
    assert run_folder.read_metrics(run) == rows
    assert one_answer(lambda: cases.again(run)) is None and run_folder.read_metrics(run) == rows


# checkpoint.pt


@pytest.mark.filterwarnings("ignore:.*of an older version")
def test_fields_of_the_checkpoint_with_wrong_values_are_refused_and_change_nothing(done, tmp_path):
    state, draw, refused = checkpoint.read(done), random.Random(2), 0
    state["processes"] = {"0": state["processes"][0]}  # as a table, so that paths lead through it
    places = list(leaves(state))
    wrong = [*VALUES[:-8], [], {}, torch.zeros(3), torch.zeros(2, 2, dtype=torch.uint8), torch.tensor(float("nan"))]
    for number in range(80):
        other = changed(state, draw.choice(places), draw.choice(wrong), missing=number % 4 == 0)
        if isinstance(other.get("processes"), dict):
            other["processes"] = list(other["processes"].values())
        run = shutil.copytree(done, tmp_path / str(number))
        torch.save(other, run / "checkpoint.pt")
        before = contents(run)
        if (
            one_answer(lambda run=run: resume(run, recipe=cases.Tiny, data=cases.images(), steps=22, show=False))
            is not None
        ):
            refused += 1
            assert contents(run) == before
        one_answer(lambda run=run: load(run, recipe=cases.Tiny))
    assert refused > 50


# Bytes


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("checkpoint.pt", 120),
        ("config.json", 150),
        ("metrics.jsonl", 80),
        ("generator.safetensors", 80),
        ("evaluation.json", 80),
        ("provenance.json", 20),
    ],
)
def test_every_flipped_byte_ends_in_a_result_or_a_sentence(run, name, times):
    content, draw, noticed = (run / name).read_bytes(), random.Random(name), 0
    read = {
        "checkpoint.pt": lambda: checkpoint.read(run),
        "config.json": lambda: recipe_of(run_folder.read_config(run), cases.Tiny),
        "metrics.jsonl": lambda: run_folder.read_metrics(run),
        "generator.safetensors": lambda: run_folder.step_of(run / name),
        "evaluation.json": lambda: evaluation.rewind(run, 20),
        "provenance.json": lambda: cases.again(run),
    }[name]
    for _ in range(times):
        place, flip = draw.randrange(len(content)), draw.randrange(1, 256)
        (run / name).write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
        before = contents(run)
        said = one_answer(read)
        noticed += said is not None
        assert said is None or contents(run) == before
    assert noticed > 0 or name in ("metrics.jsonl", "generator.safetensors", "provenance.json")

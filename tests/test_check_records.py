"""The numbers that checks leave for the ledger, in the metadata of a cell's output."""

import json
import subprocess
import sys

import pytest

SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
shell.run_cell("import torch; from ganedu import checks")
records = {}
for call in sys.argv[1:]:
    with capture_output() as caught:
        shell.run_cell(call)
    records[call] = [{**output.metadata["ganedu"], "html": output.data["text/html"]} for output in caught.outputs]
print(json.dumps(records))
"""
# 50 zeros and 50 twos: mean 1, variance 100 / 99, standard error 1 / sqrt(99)
EXPECTATION = "checks.expectation('eq-a', torch.tensor([0.0, 2.0] * 50).double(), 1.2, rejects={'two': 2.0})"
EXCESSES = [(2.0**-30, 2.0**-30), (-1.0, 0.0)]  # of the left side over the right, and the residual

SHOWN = {"eq-optimal-d": ' title="eq-optimal-d">(4.3)</a>', "eq-a": "<code>eq-a</code></a>"}  # by the label


def at_most(excess):
    sides = f"torch.tensor([1.0, 3.0 + {excess!r}]), torch.tensor([2.0, 3.0])"
    call = f"checks.at_most('eq-a', {sides}, slack=1e-6, by='a test', no_rejects='a test', unattained='a test')"
    return f"torch.set_default_dtype(torch.float64); {call}"


def equal(label):
    return f"checks.equal({label!r}, torch.tensor(1.0), torch.tensor(1.0), atol=1e-6, by='a', no_rejects='a test')"


@pytest.fixture(scope="module")
def recorded():
    """The one record that each call of a check leaves, in the shell of one process."""
    calls = [EXPECTATION, *(at_most(excess) for excess, _ in EXCESSES), *map(equal, SHOWN)]
    run = subprocess.run([sys.executable, "-c", SHELL, *calls], check=True, capture_output=True, text=True)
    return {call: record for call, (record,) in json.loads(run.stdout.splitlines()[-1]).items()}


def test_an_expectation_is_recorded_by_its_distance_in_standard_errors(recorded):
    record = recorded[EXPECTATION]
    assert record["residual"] == pytest.approx(0.2 * 99**0.5, abs=1e-9)
    assert record["tolerance"] == "5 standard errors" and "100 samples" in record["method"]


@pytest.mark.parametrize(("excess", "residual"), EXCESSES)
def test_an_inequality_is_recorded_by_its_worst_violation(excess, residual, recorded):
    assert recorded[at_most(excess)]["residual"] == residual


@pytest.mark.parametrize("label", SHOWN)
def test_a_notebook_shows_the_number_of_the_equation_where_the_book_has_it(label, recorded):
    assert SHOWN[label] in recorded[equal(label)]["html"]

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
with capture_output() as caught:
    shell.run_cell("import torch; from ganedu import checks\\n" + sys.argv[1])
print(json.dumps([{**output.metadata["ganedu"], "html": output.data["text/html"]} for output in caught.outputs]))
"""


def recorded(call):
    """The one record that a call of a check leaves."""
    run = subprocess.run([sys.executable, "-c", SHELL, call], check=True, capture_output=True, text=True)
    (record,) = json.loads(run.stdout.splitlines()[-1])
    return record


def test_an_expectation_is_recorded_by_its_distance_in_standard_errors():
    # 50 zeros and 50 twos: mean 1, variance 100 / 99, standard error 1 / sqrt(99)
    call = "checks.expectation('eq-a', torch.tensor([0.0, 2.0] * 50).double(), 1.2, rejects={'two': 2.0})"
    record = recorded(call)
    assert record["residual"] == pytest.approx(0.2 * 99**0.5, abs=1e-9)
    assert record["tolerance"] == "5 standard errors" and "100 samples" in record["method"]


@pytest.mark.parametrize(("excess", "residual"), [(2.0**-30, 2.0**-30), (-1.0, 0.0)])
def test_an_inequality_is_recorded_by_its_worst_violation(excess, residual):
    sides = f"torch.tensor([1.0, 3.0 + {excess!r}]), torch.tensor([2.0, 3.0])"
    call = f"checks.at_most('eq-a', {sides}, slack=1e-6, by='a test', no_rejects='a test', unattained='a test')"
    assert recorded(f"torch.set_default_dtype(torch.float64); {call}")["residual"] == residual


@pytest.mark.parametrize(
    ("label", "shown"), [("eq-optimal-d", ' title="eq-optimal-d">(4.3)</a>'), ("eq-a", "<code>eq-a</code></a>")]
)
def test_a_notebook_shows_the_number_of_the_equation_where_the_book_has_it(label, shown):
    check = f"checks.equal({label!r}, torch.tensor(1.0), torch.tensor(1.0), atol=1e-6, by='a', no_rejects='a test')"
    assert shown in recorded(check)["html"]

"""A check passes if its claim holds and each usual mistake fails, and in no other case."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ganedu import checks
from ganedu.checks import CheckFailed

NONE = {"no_rejects": "a test"}
finite = st.floats(-1e6, 1e6, allow_subnormal=False)
tensors = arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=finite).map(torch.from_numpy)


@pytest.fixture(autouse=True)
def float64():
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(default)


@pytest.fixture
def recorded(monkeypatch):
    """The arguments with which checks report success."""
    reports = []
    monkeypatch.setattr("ganedu.checks._by_value.report", lambda *arguments, **_: reports.append(arguments))
    return reports


def equal(got, expected, atol=1e-10, **options):
    checks.equal(
        "eq-test", got, expected, atol=atol, by="a test", **(options if "rejects" in options else options | NONE)
    )


# equal


@given(tensors, st.integers(0, 10**6), st.sampled_from([-1, 1]))
def test_equal_tells_within_from_beyond_on_either_side(truth, where, sign):
    atol = 1e-3
    entry = where % truth.numel()
    for share, passes in ((0.9, True), (1.1, False)):
        got = truth.clone()
        got.view(-1)[entry] += sign * share * atol
        if passes:
            equal(got, truth, atol=atol)
        else:
            with pytest.raises(CheckFailed, match=rf"Worst entry {entry} of {truth.numel()}"):
                equal(got, truth, atol=atol)


@given(tensors, st.integers(0, 10**6), st.sampled_from([math.nan, math.inf, -math.inf]))
def test_equal_never_passes_what_is_not_finite(truth, where, value):
    broken = truth.clone()
    broken.view(-1)[where % truth.numel()] = value
    for pair in ((broken, truth), (truth, broken)):
        with pytest.raises(CheckFailed):
            equal(*pair)


@given(tensors)
def test_nan_on_both_sides_is_no_equality(truth):
    truth = truth * math.nan
    with pytest.raises(CheckFailed):
        equal(truth, truth)


@given(tensors, st.floats(0.5, 9.5), st.floats(10.5, 1e3), st.sampled_from([-1, 1]))
def test_a_mistake_is_rejected_beyond_ten_tolerances_only(truth, near, far, sign):
    atol = 1e-3
    equal(truth, truth, atol=atol, rejects={"shifted": truth + sign * far * atol})
    with pytest.raises(CheckFailed, match="does not tell the mistake 'shifted' from the truth"):
        equal(truth, truth, atol=atol, rejects={"shifted": truth + sign * near * atol})


def test_one_mistake_that_passes_is_enough_to_fail():
    with pytest.raises(CheckFailed, match="'the truth itself'"):
        equal(1.0, 1.0, rejects={"wrong": 2.0, "the truth itself": 1.0})


def test_a_mistake_is_rejected_for_nan_and_for_its_shape(recorded):
    equal(torch.ones(2), torch.ones(2), rejects={"nan": torch.full((2,), math.nan), "scalar": 1.0})
    assert [miss["miss"] for miss in recorded[0][5]] == ["off by nan", "shape (), not (2,)"]


def test_a_relative_tolerance_scales_with_the_expected_value():
    equal(1000.5, 1000.0, rtol=1e-3)
    with pytest.raises(CheckFailed):
        equal(1.0005 + 1e-3, 1.0, rtol=1e-3)


@given(tensors)
def test_equal_refuses_shapes_that_would_broadcast(truth):
    with pytest.raises(ValueError, match="eq-test: got has shape"):
        equal(truth[None], truth)


def test_equal_takes_floats_arrays_and_integers():
    equal(1, 1.0)
    equal(np.ones(3), torch.ones(3))


def test_equal_compares_plain_numbers_in_double_precision():
    torch.set_default_dtype(torch.float32)
    with pytest.raises(CheckFailed):
        equal(1.0 + 1e-9, 1.0)


# gradient


def cube(x):
    return x.pow(3).sum()


def gradient(formula, function=cube, at=None, **options):
    at = torch.tensor([0.5, -1.0, 2.0]) if at is None else at
    options = options if "rejects" in options else options | NONE
    checks.gradient("eq-test", function, formula, at, atol=1e-10, **options)


@given(arrays(np.float64, array_shapes(max_dims=2, max_side=4), elements=st.floats(-3, 3)).map(torch.from_numpy))
def test_gradient_accepts_the_truth_and_no_wrong_factor(at):
    gradient(lambda x: 3 * x**2, at=at)
    if at.abs().max() > 1e-3:
        with pytest.raises(CheckFailed, match="eq-test does not hold"):
            gradient(lambda x: 2 * x**2, at=at)


def test_gradient_names_a_sign_error_among_its_mistakes(recorded):
    gradient(lambda x: 3 * x**2, rejects={"sign": lambda x: -3 * x**2, "summed": lambda x: (3 * x**2).sum()})
    misses = [miss["miss"] for miss in recorded[0][5]]
    assert misses == ["relative error 2, cosine -1", "shape (), not (3,)"]


def test_gradient_does_not_pass_a_mistake_that_is_right():
    with pytest.raises(CheckFailed, match="does not tell the mistake 'right' from the truth"):
        gradient(lambda x: 3 * x**2, rejects={"right": lambda x: 3 * x**2})


def test_gradient_looks_at_differences_too():
    def detached(x):  # autograd sees a constant factor, the differences see x**3
        return (x.detach() ** 2 * x).sum()

    with pytest.raises(CheckFailed, match="central differences"):
        gradient(lambda x: x**2, function=detached)


def test_gradient_checks_many_coordinates_along_random_directions():
    at = torch.linspace(-1, 1, 200)
    gradient(lambda x: 3 * x**2, at=at)
    with pytest.raises(CheckFailed):
        gradient(lambda x: 3 * x**2 + 1e-6, at=at)


def test_gradient_leaves_its_argument_alone():
    at = torch.ones(3, requires_grad=True)
    gradient(lambda x: 3 * x**2, at=at)
    assert at.grad is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": torch.ones(3, dtype=torch.float32)}, "float64"),
        ({"function": lambda x: x**3}, "scalar"),
        ({"formula": lambda x: x.sum()}, "shape"),
    ],
)
def test_gradient_refuses_malformed_input(options, message):
    with pytest.raises(ValueError, match=message):
        gradient(**{"formula": lambda x: 3 * x**2, **options})


# expectation


def draws(n=10_000, mean=0.0):
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(0)) + mean


def test_expectation_accepts_the_mean_and_rejects_a_shift_either_way():
    half_width = 5 / math.sqrt(10_000)
    mean = draws().mean(0)
    for sign in (-1, 1):
        checks.expectation("eq-test", draws(), mean + 0.9 * sign * half_width * draws().std(0), **NONE)
        with pytest.raises(CheckFailed):
            checks.expectation("eq-test", draws(), mean + 1.1 * sign * half_width * draws().std(0), **NONE)


def test_expectation_requires_mistakes_outside_the_interval():
    checks.expectation("eq-test", draws(), torch.zeros(2), rejects={"far": 1.0})
    with pytest.raises(CheckFailed, match="'near'"):
        checks.expectation("eq-test", draws(), torch.zeros(2), rejects={"near": 0.001})


def test_expectation_never_passes_nan():
    with pytest.raises(CheckFailed):
        checks.expectation("eq-test", draws() * math.nan, torch.zeros(2), **NONE)


@pytest.mark.parametrize(
    ("samples", "message"),
    [(torch.randn(99, 2), "100 samples"), (torch.tensor(1.0), "100"), (torch.randn(200), "shape")],
)
def test_expectation_refuses_malformed_input(samples, message):
    with pytest.raises(ValueError, match=message):
        checks.expectation("eq-test", samples, torch.zeros(2), **NONE)


# converges


@given(st.floats(0.2, 3.0), st.integers(3, 30))
def test_converges_measures_a_factor_per_step(factor, n):
    errors = 2.0 * factor ** torch.arange(n, dtype=torch.float64)
    checks.converges("eq-test", errors, rate=factor, tol=1e-6, rejects={"double": 2 * factor})
    for wrong in (factor - 2e-3, factor + 2e-3):
        with pytest.raises(CheckFailed):
            checks.converges("eq-test", errors, rate=wrong, tol=1e-3, **NONE)


@given(st.floats(-4, 4))
def test_converges_measures_an_exponent(exponent):
    h = torch.tensor([0.1, 0.05, 0.025, 0.0125])
    checks.converges("eq-test", 3 * h**exponent, against=h, rate=exponent, tol=1e-6, rejects={"next": exponent + 1})
    with pytest.raises(CheckFailed, match="'itself'"):
        checks.converges("eq-test", 3 * h**exponent, against=h, rate=exponent, tol=1e-6, rejects={"itself": exponent})


@pytest.mark.parametrize(
    ("errors", "against", "message"),
    [
        ([1.0, 0.5], None, "3 errors"),
        ([1.0, 0.5, 0.2], [1.0, 2.0], "as many"),
        ([1.0, 0.0, 1.0], None, "positive"),
        ([1.0, math.nan, 1.0], None, "positive"),
        ([1.0, 1.0, 1.0], [1.0, -1.0, 2.0], "positive"),
    ],
)
def test_converges_refuses_malformed_input(errors, against, message):
    with pytest.raises(ValueError, match=message):
        checks.converges("eq-test", errors, against=against, rate=1.0, tol=0.1, **NONE)


# at_most


@given(tensors)
def test_at_most_is_one_sided(values):
    never = {"unattained": "one apart"}
    wrong = {"reversed": (values, values - 1)}
    checks.at_most("eq-test", values - 1, values, slack=1e-9, by="a test", rejects=wrong, **never)
    checks.at_most("eq-test", values, values, slack=1e-9, by="a test", **NONE, **never)
    with pytest.raises(CheckFailed):
        checks.at_most("eq-test", values + 1e-3, values, slack=1e-9, by="a test", **NONE)
    with pytest.raises(CheckFailed, match="'true as well'"):
        wrong = {"true as well": (values, values + 1)}
        checks.at_most("eq-test", values - 1, values, slack=1e-9, by="", rejects=wrong, **never)


def test_at_most_never_passes_nan_and_refuses_shapes():
    with pytest.raises(CheckFailed):
        checks.at_most("eq-test", math.nan, 1.0, slack=1e-9, by="a test", **NONE)
    with pytest.raises(ValueError, match="differ"):
        checks.at_most("eq-test", torch.ones(2), torch.ones(3), slack=1e-9, by="a test", **NONE)


# answer


@pytest.mark.parametrize(
    ("got", "message"),
    [
        (None, "returned nothing"),
        ("three", "not a number"),
        (torch.ones(3), "shape"),
        (torch.tensor([2.0, 1.0]), "swapped"),
        (torch.tensor([1.0, 2.1]), "off by 0.1"),
        (torch.tensor([1.0, math.nan]), "off by nan"),
        ((), "shape"),
    ],
)
def test_a_wrong_answer_gets_a_message_that_names_the_mistake_and_the_hint(got, message):
    expected = torch.tensor([1.0, 2.0])
    with pytest.raises(CheckFailed, match=message) as failure:
        checks.answer("ex-test", got, expected, atol=1e-8, hint="Look here.", mistakes={"swapped": expected.flip(0)})
    assert str(failure.value).startswith("ex-test: ") and str(failure.value).endswith("Look here.")


def test_a_right_answer_is_praised(capsys):
    checks.answer("ex-test", [1.0, 2.0], torch.tensor([1.0, 2.0]), atol=1e-8, hint="")
    assert "ex-test" in capsys.readouterr().out


# what all have in common


@pytest.mark.parametrize("label", ["optimal-d", "eq-", "eq-Upper", "thm-x", "eq-a b", 3, None])
def test_a_label_that_is_no_equation_is_refused(label):
    with pytest.raises(ValueError, match="unknown label"):
        checks.equal(label, 1.0, 1.0, atol=1e-9, by="a test", **NONE)


@pytest.mark.parametrize("atol", [0.0, -1.0, math.nan, math.inf])
def test_a_tolerance_is_positive_and_finite(atol):
    with pytest.raises(ValueError, match="tolerance"):
        equal(1.0, 1.0, atol=atol)


@pytest.mark.parametrize("options", [{}, {"rejects": {}}, {"rejects": {"a": 1.0}, "no_rejects": "none"}])
def test_mistakes_are_named_or_their_absence_explained(options):
    with pytest.raises(ValueError, match="name the usual mistakes"):
        checks.equal("eq-test", 2.0, 2.0, atol=1e-9, by="a test", **options)


@pytest.mark.parametrize("value", ["text", None, [], torch.empty(0)])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="eq-test: got is"):
        equal(value, 1.0)
    with pytest.raises(ValueError, match="eq-test: the usual mistake is"):
        equal(1.0, 1.0, rejects={"the usual mistake": value})


def test_success_prints_one_stable_line_and_the_mistakes(capsys):
    equal(1.0 + 3e-11, 1.0, rejects={"double": 2.0})
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["✓ eq-test  holds within 1e-10 (a test)", "    rejects: double (off by 1)"]


def test_every_check_says_what_it_allowed_and_how_far_off_the_claim_was(recorded):
    samples = torch.tensor([0.0, 2.0]).repeat(200)
    error = samples.std().item() / 20
    gradient(lambda x: 3 * x**2 + 5e-11)
    checks.expectation("eq-test", samples, 1.0 + 2 * error, sigmas=4.0, **NONE)
    checks.converges("eq-test", [1.0, 0.5, 0.25], rate=0.51, tol=0.02, **NONE)
    checks.at_most("eq-test", [1.0, 2.0], [1.5, 2.0 - 5e-10], slack=1e-9, by="a test", **NONE)
    allowed, off = zip(*(arguments[3:5] for arguments in recorded), strict=True)
    assert allowed == ("1e-10", "4 standard errors", "0.02", "1e-09")
    assert off == pytest.approx([5e-11, 2.0, 0.01, 5e-10], rel=1e-4)


def test_in_a_notebook_the_record_goes_to_the_metadata_of_the_output():
    code = """
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
cell = "from ganedu import checks; checks.equal('eq-test', 1.0 + 2**-40, 1.0, atol=1e-9, by='me', rejects={'two': 2.0})"
with capture_output() as caught:
    torch.set_default_dtype(torch.float64)
    shell.run_cell(cell)
(output,) = caught.outputs
record = output.metadata["ganedu"]
assert record["residual"] == 2**-40, record
assert record["label"] == "eq-test" and record["kind"] == "equal" and record["method"] == "me"
assert record["tolerance"] == "1e-09" and record["no_rejects"] == ""
assert record["rejects"] == [{"name": "two", "miss": "off by 1"}]
assert output.data["text/plain"].startswith("✓ eq-test") and "9.09" not in output.data["text/plain"]
"""
    subprocess.run([sys.executable, "-c", code], check=True)

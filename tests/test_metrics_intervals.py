"""`ganedu.metrics.intervals` against scipy, scikit-learn and counts over all outcomes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from ganedu import metrics

few = settings(max_examples=50, deadline=None)
counts = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.5, 0.9, 0.95, 0.99])


@given(counts, levels)
@few
def test_intervals_of_shares_are_scipys(count, level):
    oracle = stats.binomtest(*count)
    for ours, method in ((metrics.wilson, "wilson"), (metrics.clopper_pearson, "exact")):
        expected = oracle.proportion_ci(level, method)
        assert ours(*count, level=level) == pytest.approx((oracle.statistic, *expected), abs=1e-10)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5])
@pytest.mark.parametrize("n", [8, 40])
def test_exact_interval_covers_at_least_as_often_as_it_says(p, n):
    covered = sum(
        stats.binom.pmf(k, n, p)
        for k in range(n + 1)
        if metrics.clopper_pearson(k, n)[1] <= p <= metrics.clopper_pearson(k, n)[2]
    )
    assert 0.95 <= covered <= 1


def test_wilson_interval_covers_as_often_as_it_says_on_average():
    shares = [(i + 0.5) / 200 for i in range(200)]
    ends = [metrics.wilson(k, 30) for k in range(31)]
    covered = [sum(stats.binom.pmf(k, 30, p) for k, e in enumerate(ends) if e.low <= p <= e.high) for p in shares]
    assert sum(covered) / len(covered) == pytest.approx(0.95, abs=0.01)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12), levels)
@few
def test_interval_of_a_mean_is_scipys(values, level):
    found = metrics.student(torch.tensor(values, dtype=torch.float64), level=level)
    mean, error = torch.tensor(values, dtype=torch.float64).mean().item(), stats.sem(values)
    low, high = stats.t.interval(level, len(values) - 1, mean, error) if error > 0 else (mean, mean)
    assert found == pytest.approx((mean, low, high), abs=1e-8)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=20), st.lists(st.integers(-5, 5), min_size=1, max_size=20))
@few
def test_two_alternatives_are_the_area_under_the_roc_curve(real, fake):
    expected = roc_auc_score([1] * len(real) + [0] * len(fake), real + fake)
    got = metrics.two_alternatives(torch.tensor(real), torch.tensor(fake))
    assert got == pytest.approx(expected, abs=1e-12)
    assert metrics.two_alternatives(torch.tensor(fake), torch.tensor(real)) == pytest.approx(1 - expected, abs=1e-12)


def test_two_alternatives_of_shifted_gaussians_are_the_closed_form():
    random = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 20_000, dtype=torch.float64, generator=random)
    got = metrics.two_alternatives(real + 1.0, fake)
    assert got == pytest.approx(stats.norm.cdf(1 / math.sqrt(2)), abs=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.wilson(3, 2), "3 successes in 2 trials"),
        (lambda: metrics.clopper_pearson(0, 0), "0 successes in 0 trials"),
        (lambda: metrics.wilson(1, 2, level=95), "between 0 and 1, not 95"),
        (lambda: metrics.student(torch.ones(1)), "1 value has no spread"),
        (lambda: metrics.student(torch.tensor([1.0, math.nan])), "1 of 2 values are not finite"),
        (lambda: metrics.two_alternatives(torch.ones(0), torch.ones(1)), "0 real and 1 fake"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

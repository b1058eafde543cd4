"""`ganedu.metrics` against closed forms, SciPy's matrix root, optimal transport (POT) and counting by hand."""

import math

import numpy as np
import ot
import pytest
import scipy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image import PeakSignalNoiseRatio

from ganedu import densities, metrics

numbers = st.floats(-3, 3)


@st.composite
def gaussians(draw, count=2):
    """`count` Gaussians of one dimension from 1 to 5: means [d] and covariances [d, d], some nearly singular."""
    size = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pairs = []
    for _ in range(count):
        factor = random.normal(size=(size, size)) * 10 ** random.uniform(-2, 0.5, size=size)
        pairs += [torch.tensor(random.normal(size=size)), torch.tensor(factor @ factor.T)]
    return pairs


def scipy_distance(mean_a, cov_a, mean_b, cov_b):
    root = scipy.linalg.sqrtm((cov_a @ cov_b).numpy())
    return ((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace()).item() - 2 * np.trace(root).real


@given(gaussians())
@settings(deadline=None)
def test_frechet_distance_agrees_with_scipys_root_of_the_product(pair):
    got = metrics.frechet_distance(*pair)
    assert got.dtype == torch.float64 and got.ndim == 0
    scale = 1 + pair[1].trace().item() + pair[3].trace().item()
    assert got.item() == pytest.approx(scipy_distance(*pair), abs=1e-6 * scale)  # SciPy's root is not symmetric


@given(gaussians())
@settings(deadline=None)
def test_frechet_distance_agrees_with_optimal_transport_of_gaussians(pair):
    mean_a, cov_a, mean_b, cov_b = (t.numpy() for t in pair)
    expected = ot.gaussian.bures_wasserstein_distance(mean_a, mean_b, cov_a, cov_b) ** 2
    assert metrics.frechet_distance(*pair).item() == pytest.approx(expected, abs=1e-8 * (1 + expected))


@given(st.lists(st.tuples(numbers, numbers, st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=6))
def test_independent_features_add_the_closed_form_of_the_line(features):
    mean_a, mean_b, std_a, std_b = torch.tensor(features, dtype=torch.float64).T
    expected = ((mean_a - mean_b) ** 2 + (std_a - std_b) ** 2).sum()
    got = metrics.frechet_distance(mean_a, std_a.square().diag(), mean_b, std_b.square().diag())
    assert got.item() == pytest.approx(expected.item(), abs=1e-8)


def test_distance_on_the_line_is_the_wasserstein_distance_by_quantiles():
    grid = densities.interval(0, 1, panels=4000)
    quantiles = [scipy.stats.norm.ppf(grid.nodes.numpy(), m, s) for m, s in ((0.0, 1.0), (2.0, 0.5))]
    expected = grid.integrate(torch.tensor(quantiles[0] - quantiles[1]).square()).item()
    one = torch.ones(1, dtype=torch.float64)
    got = metrics.frechet_distance(0 * one, one[:, None], 2 * one, 0.25 * one[:, None])
    assert got.item() == pytest.approx(expected, abs=1e-4) and got.item() == pytest.approx(4.25, abs=1e-12)


@given(gaussians(3))
@settings(deadline=None)
def test_frechet_distance_is_a_squared_metric(triple):
    a, b, c = triple[:2], triple[2:4], triple[4:]
    ab, ba, bc, ac, aa = (metrics.frechet_distance(*x, *y).item() for x, y in ((a, b), (b, a), (b, c), (a, c), (a, a)))
    scale = 1 + sum(t.trace().item() for t in triple[1::2])
    assert 0 <= aa <= 1e-10 * scale
    assert ab == pytest.approx(ba, abs=1e-10 * scale)
    assert math.sqrt(ac) <= math.sqrt(ab) + math.sqrt(bc) + 1e-5 * math.sqrt(scale)


@given(gaussians(), st.integers(0, 1000))
@settings(deadline=None)
def test_rotating_both_gaussians_changes_nothing(pair, seed):
    mean_a, cov_a, mean_b, cov_b = pair
    random = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(len(mean_a), len(mean_a), generator=random, dtype=torch.float64))[0]
    turned = metrics.frechet_distance(turn @ mean_a, turn @ cov_a @ turn.T, turn @ mean_b, turn @ cov_b @ turn.T)
    scale = 1 + cov_a.trace().item() + cov_b.trace().item()
    assert turned.item() == pytest.approx(metrics.frechet_distance(*pair).item(), abs=1e-8 * scale)


def test_singular_covariances_are_welcome():
    zero, eye = torch.zeros(3), torch.eye(3)
    assert metrics.frechet_distance(zero, torch.zeros(3, 3), zero, eye).item() == pytest.approx(3, abs=1e-12)
    line = torch.zeros(3, 3)
    line[0, 0] = 4.0
    assert metrics.frechet_distance(zero, line, zero, line).item() == pytest.approx(0, abs=1e-12)


@given(st.integers(1, 4), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_features_are_reduced_to_numpys_mean_and_covariance(size, seed):
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(40, size)), 2 * random.normal(size=(60, size)) + 1
    covs = (torch.tensor(np.cov(x, rowvar=False).reshape(size, size)) for x in (a, b))
    expected = scipy_distance(torch.tensor(a.mean(0)), next(covs), torch.tensor(b.mean(0)), next(covs))
    got = metrics.frechet_from_features(torch.tensor(a), torch.tensor(b))
    assert got.item() == pytest.approx(expected, abs=1e-8)


def test_moving_all_samples_adds_the_squared_shift():
    features = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    got = metrics.frechet_from_features(features, features + torch.tensor([1.0, 2.0, 2.0]))
    assert got.item() == pytest.approx(9.0, abs=1e-10)


def test_large_samples_reach_the_distance_of_their_distributions():
    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(100_000, 2, generator=random, dtype=torch.float64) for _ in range(2))
    assert metrics.frechet_from_features(a, 3 * b).item() == pytest.approx(8.0, abs=0.1)


E2, I2 = torch.zeros(2), torch.eye(2)
NAN = torch.tensor([[1.0, math.nan], [math.nan, 1.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.frechet_distance(E2, I2, torch.zeros(3), torch.eye(3)), "mean_a has 2 features, mean_b has 3"),
        (lambda: metrics.frechet_distance(E2, torch.eye(3), E2, I2), r"cov_a has shape \(3, 3\), \[2, 2\]"),
        (lambda: metrics.frechet_distance(I2, I2, E2, I2), "mean_a has shape"),
        (lambda: metrics.frechet_distance(E2, I2, E2, NAN), "cov_b: 2 of 4 values are not finite"),
        (lambda: metrics.frechet_distance(E2 + math.inf, I2, E2, I2), "mean_a: 2 of 2 values are not finite"),
        (lambda: metrics.frechet_distance(E2, torch.tensor([[1.0, 0.5], [0.0, 1.0]]), E2, I2), "not symmetric"),
        (lambda: metrics.frechet_distance(E2, -I2, E2, I2), "cov_a has the negative eigenvalue -1"),
        (lambda: metrics.frechet_from_features(torch.randn(9, 2), torch.randn(9, 3)), "2 features a sample.*has 3"),
        (lambda: metrics.frechet_from_features(torch.randn(3, 3), torch.randn(9, 3)), "3 samples are too few"),
        (lambda: metrics.frechet_from_features(torch.randn(9, 1, 2, 2), torch.randn(9, 4)), "flatten"),
        (lambda: metrics.frechet_from_features(torch.full((9, 2), math.nan), torch.randn(9, 2)), "18 of 18"),
        (lambda: metrics.mode_coverage(torch.randn(90, 3), torch.randn(4, 2), 0.1), r"\[n, d\] and \[k, d\]"),
        (lambda: metrics.mode_coverage(torch.randn(39, 2), torch.randn(4, 2), 0.1), "39 samples are too few for 4"),
        (lambda: metrics.mode_coverage(torch.randn(90, 2), torch.randn(4, 2), 0.0), "must be positive"),
        (lambda: metrics.mode_coverage(torch.randn(90, 2), torch.randn(4, 2), math.nan), "must be positive"),
        (lambda: metrics.mode_coverage(torch.randn(90, 2), torch.randn(4, 2), 1.0, fair_share=0.0), "fair_share"),
        (lambda: metrics.mode_coverage(torch.full((90, 2), math.nan), torch.randn(4, 2), 1.0), "90 of 90 samples"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Mode coverage


@given(st.integers(2, 12), st.data())
@settings(deadline=None)
def test_modes_visited_are_modes_covered(modes, draws):
    centers = densities.ring_centers(modes)
    visited = draws.draw(st.sets(st.integers(0, modes - 1), min_size=1))
    samples = centers[torch.tensor(sorted(visited))].repeat(10 * modes, 1)
    found = metrics.mode_coverage(samples, centers, std=0.02)
    assert found.modes == len(visited) and found.quality == 1.0
    assert set(found.counts.nonzero().flatten().tolist()) == visited


def test_real_samples_cover_all_modes_and_miss_the_radius_as_often_as_theory_says():
    torch.manual_seed(0)
    found = metrics.mode_coverage(densities.ring().sample([100_000]), densities.ring_centers(), std=0.1)
    assert found.modes == 8
    assert found.quality == pytest.approx(scipy.stats.chi2.cdf(9, df=2), abs=0.002)
    assert int(found.counts.sum()) == round(found.quality * 100_000)


def test_a_stray_sample_covers_nothing_and_a_tenth_of_the_fair_share_does():
    centers = densities.ring_centers(8)
    crowd = centers[:1].repeat(800, 1)
    for strays, modes in ((1, 1), (9, 1), (10, 2), (11, 2)):
        samples = torch.cat([crowd[strays:], centers[1:2].repeat(strays, 1)])
        assert metrics.mode_coverage(samples, centers, std=0.1).modes == modes


def test_samples_between_the_modes_have_no_quality():
    centers = densities.ring_centers(8)
    found = metrics.mode_coverage(0.5 * centers.repeat(20, 1), centers, std=0.1)
    assert found.modes == 0 and found.quality == 0.0


def test_samples_of_a_network_need_not_be_detached():
    samples = densities.ring_centers(8).repeat(20, 1).float().requires_grad_()
    assert metrics.mode_coverage(samples, densities.ring_centers(8), std=0.1).modes == 8


def test_a_metric_is_a_number_and_no_part_of_a_graph():
    features = torch.randn(20, 3, dtype=torch.float64, requires_grad=True)
    for found in (
        metrics.frechet_from_features(features, features + 1),
        metrics.kernel_distance(features, features + 1),
    ):
        assert not found.requires_grad


def test_distortions_are_those_of_torchmetrics_and_of_gray_levels():
    made, targets = torch.rand(2, 5, 3, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    targets[0] = made[0]  # one without error: only the mean over pictures would be infinite
    theirs = PeakSignalNoiseRatio(data_range=2.0)
    assert metrics.psnr(made, targets).item() == pytest.approx(theirs(made, targets).item(), abs=1e-4)
    assert metrics.psnr(made, made + 0.2).item() == pytest.approx(20, abs=1e-9)  # a tenth of the peak
    levels = np.abs((made.numpy() + 1) * 127.5 - (targets.numpy() + 1) * 127.5).mean()
    assert metrics.mean_absolute_error(made, targets).item() == pytest.approx(levels, abs=1e-9)


@pytest.mark.parametrize("distortion", [metrics.psnr, metrics.mean_absolute_error])
@pytest.mark.parametrize("shapes", [((2, 1, 4, 4), (1, 1, 4, 4)), ((0, 1, 4, 4), (0, 1, 4, 4))])
def test_distortions_of_pictures_without_partners_are_refused(distortion, shapes):
    with pytest.raises(ValueError, match="one shape and one at least"):
        distortion(*map(torch.zeros, shapes))

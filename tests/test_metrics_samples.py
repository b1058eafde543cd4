"""Kernel distance, classifier score, precision and recall: against torchmetrics, sums by hand and brute force."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import scipy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from ganedu import data, metrics
from ganedu.recipes.mlp import Recipe

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def features(seed, n, d, *, scale=1.0, shift=0.0):
    random = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, d, generator=random, dtype=torch.float64) + shift


def shuffled(rows, seed):
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))]


# Oracle: torchmetrics on the same features


class Given(nn.Module):
    """A feature extractor for torchmetrics that returns its input."""

    def __init__(self, num_features):
        super().__init__()
        self.num_features = num_features

    def forward(self, x):
        return x


@pytest.mark.parametrize("d", [3, 24])
def test_frechet_distance_agrees_with_torchmetrics(d):
    a, b = features(0, 400, d), features(1, 300, d, scale=1.5, shift=0.5)
    oracle = FrechetInceptionDistance(feature=Given(d)).set_dtype(torch.float64)
    oracle.update(a, real=True)
    oracle.update(b, real=False)
    assert metrics.frechet_from_features(a, b).item() == pytest.approx(oracle.compute().item(), rel=1e-4)


class Pooled(nn.Module):
    """Twelve features of color images, bytes [n, 3, H, W]: the means of four quarters in each channel."""

    num_features = 12

    def forward(self, x):
        if x.dtype != torch.uint8 or x.shape[1] != 3:
            raise ValueError(f"bytes of color images expected, {x.dtype} {tuple(x.shape)} given")
        return nn.functional.adaptive_avg_pool2d(x.float() / 255, 2).flatten(1)


def test_the_books_way_to_the_inception_fid_gives_our_frechet_distance_over_other_features():
    text = (Path(__file__).parents[1] / "book" / "appendix" / "training.md").read_text(encoding="utf-8")
    code = text.partition("(inception-fid)=")[2].partition("```python\n")[2].partition("```")[0]
    exec(code, book := {})
    recipe = Recipe(Recipe.Config().small(), image_shape=(1, 8, 8))
    real = data.load("digits", "test").images
    fake = data.to_bytes(recipe.sample(250, torch.Generator().manual_seed(0)))
    seen, made = (Pooled()(images.expand(-1, 3, -1, -1)) for images in (real, fake))
    expected = metrics.frechet_from_features(seen, made).item()
    assert book["fid"](recipe, real, 250, feature=Pooled()) == pytest.approx(expected, rel=1e-4)
    assert expected > 0.01


@pytest.mark.filterwarnings("ignore:Metric `Kernel")
@pytest.mark.parametrize("d", [3, 24])
def test_kernel_distance_agrees_with_torchmetrics(d):
    a, b = features(0, 200, d), features(1, 200, d, scale=1.5, shift=0.5)
    oracle = KernelInceptionDistance(feature=Given(d), subsets=1, subset_size=200)
    oracle.update(a, real=True)
    oracle.update(b, real=False)
    assert metrics.kernel_distance(a, b).item() == pytest.approx(oracle.compute()[0].item(), rel=1e-4)


@pytest.mark.filterwarnings("ignore:Metric `Inception", "ignore:std\\(\\)")
def test_classifier_score_agrees_with_torchmetrics():
    logits = features(0, 500, 10, scale=3.0)
    oracle = InceptionScore(feature=Given(10), splits=1)
    oracle.update(logits)
    got = metrics.classifier_score(logits.softmax(1))
    assert got.item() == pytest.approx(oracle.compute()[0].item(), rel=1e-4)


# Kernel distance


@given(seeds, st.integers(2, 9), st.integers(2, 9), st.integers(1, 4), st.integers(1, 4))
@few
def test_kernel_distance_is_the_sum_over_pairs_of_different_samples(seed, n, m, d, degree):
    a, b = features(seed, n, d).numpy(), features(seed + 1, m, d, shift=0.3).numpy()

    def mean(pairs):
        return np.mean([(np.dot(x, y) / d + 1) ** degree for x, y in pairs])

    expected = sum(mean(itertools.permutations(x, 2)) for x in (a, b)) - 2 * mean(itertools.product(a, b))
    got = metrics.kernel_distance(torch.tensor(a), torch.tensor(b), degree=degree)
    assert got.dtype == torch.float64 and got.ndim == 0
    assert got.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(seeds)
@few
def test_kernel_distance_has_no_bias(seed):
    """Over all ways to cut one finite set into halves, neither half differs from the other on average."""
    pool = features(seed, 6, 2).numpy()
    cuts = [set(cut) for cut in itertools.combinations(range(6), 3)]
    values = [
        metrics.kernel_distance(
            torch.tensor(pool[[i in cut for i in range(6)]]), torch.tensor(pool[[i not in cut for i in range(6)]])
        ).item()
        for cut in cuts
    ]
    assert np.mean(values) == pytest.approx(0, abs=1e-9 * (1 + max(map(abs, values))))


def test_kernel_distance_reaches_the_closed_form_of_two_point_masses_and_of_gaussians():
    a, b = torch.full((5, 1), 1.0), torch.full((7, 1), 2.0)
    assert metrics.kernel_distance(a, b).item() == pytest.approx(2**3 + 5**3 - 2 * 3**3, abs=1e-12)
    # N(0, 1) against N(m, 1) on the line: sums over k of C(3, k) (E a^k - E b^k)^2
    shift = 0.7
    expected = 3 * shift**2 + 3 * shift**4 + (3 * shift + shift**3) ** 2
    got = metrics.kernel_distance(features(0, 4000, 1), features(1, 4000, 1, shift=shift)).item()
    assert got == pytest.approx(expected, rel=0.2)


@given(seeds, st.integers(0, 99))
@few
def test_kernel_distance_is_symmetric_and_blind_to_the_order_of_samples(seed, order):
    a, b = features(seed, 12, 3), features(seed + 1, 9, 3)
    value = metrics.kernel_distance(a, b).item()
    assert metrics.kernel_distance(b, a).item() == pytest.approx(value, abs=1e-9 * (1 + abs(value)))
    moved = metrics.kernel_distance(shuffled(a, order), shuffled(b, order)).item()
    assert moved == pytest.approx(value, abs=1e-9 * (1 + abs(value)))


def test_blocks_of_the_kernel_matrix_and_of_distances_change_nothing(monkeypatch):
    a, b = features(0, 50, 3), features(1, 40, 3, shift=0.5)
    whole = metrics.kernel_distance(a, b).item(), metrics.precision_recall(a, b)
    monkeypatch.setattr("ganedu.metrics.kernel.ROWS", 7)
    monkeypatch.setattr("ganedu.metrics.precision.ROWS", 7)
    assert metrics.kernel_distance(a, b).item() == pytest.approx(whole[0], rel=1e-12)
    assert metrics.precision_recall(a, b) == whole[1]


# Classifier score


@given(seeds, st.integers(1, 30), st.integers(1, 12))
@few
def test_log_score_is_the_mean_divergence_and_lies_between_0_and_log_k(seed, n, classes):
    p = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), size=n)
    expected = np.exp(np.mean([scipy.stats.entropy(row, p.mean(0)) for row in p]))
    got = metrics.classifier_score(torch.tensor(p)).item()
    assert got == pytest.approx(expected, rel=1e-9)
    assert 1 <= got <= min(n, classes) + 1e-9


@given(seeds, st.integers(0, 99))
@few
def test_score_is_blind_to_order_and_to_repetition(seed, order):
    p = torch.tensor(np.random.default_rng(seed).dirichlet(np.ones(4), size=10))
    score = metrics.classifier_score(p).item()
    assert metrics.classifier_score(shuffled(p, order)).item() == pytest.approx(score, abs=1e-12)
    assert metrics.classifier_score(p.repeat(3, 1)).item() == pytest.approx(score, abs=1e-12)


def test_extremes_of_the_score():
    assert metrics.classifier_score(torch.eye(10)).item() == pytest.approx(10, abs=1e-12)
    assert metrics.classifier_score(torch.eye(10)[[3] * 50]).item() == 1
    assert metrics.classifier_score(torch.full((50, 10), 0.1)).item() == pytest.approx(1, abs=1e-12)


# Precision and recall


def brute_force(real, fake, k):
    def share(x, centers):
        radii = [sorted(math.dist(c, other) for other in centers)[k] for c in centers]
        return np.mean([any(math.dist(p, c) <= r for c, r in zip(centers, radii, strict=True)) for p in x])

    return share(fake, real), share(real, fake)


@given(seeds, st.integers(1, 4), st.integers(1, 3))
@few
def test_precision_and_recall_agree_with_brute_force(seed, k, d):
    real, fake = features(seed, 15, d), features(seed + 1, 11, d, scale=0.6, shift=0.8)
    assert metrics.precision_recall(real, fake, k=k) == pytest.approx(brute_force(real.tolist(), fake.tolist(), k))


@given(seeds, st.integers(0, 99))
@few
def test_exchanging_the_sets_exchanges_precision_and_recall(seed, order):
    real, fake = features(seed, 30, 2), features(seed + 1, 20, 2, shift=1.0)
    found = metrics.precision_recall(real, fake)
    assert metrics.precision_recall(fake, real) == found[::-1]
    assert metrics.precision_recall(shuffled(real, order), shuffled(fake, order)) == found
    assert metrics.precision_recall(real, real) == (1, 1)


def test_a_generator_of_one_good_mode_has_precision_without_recall():
    centers = torch.tensor([[0.0, 0.0], [100.0, 0.0]])
    real = torch.cat([features(0, 200, 2) + center for center in centers])
    found = metrics.precision_recall(real, features(1, 200, 2))
    assert found.precision > 0.9 and found.recall == pytest.approx(0.5, abs=0.05)
    both_and_junk = torch.cat([real + 0.01, features(2, 400, 2, shift=1000.0)])
    found = metrics.precision_recall(real, both_and_junk)
    assert found.recall == 1 and found.precision == pytest.approx(0.5, abs=0.05)


def test_copies_of_a_sample_lie_in_its_ball_of_radius_zero():
    one = features(0, 1, 64, scale=50.0).repeat(20, 1)
    assert metrics.precision_recall(one, one.clone()) == (1, 1)


X = torch.zeros(9, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.kernel_distance(X, torch.zeros(9, 3)), "features_a has 2 features a sample, features_b has 3"),
        (lambda: metrics.kernel_distance(X[:1], X), "features_a: 1 samples are too few; give at least 2"),
        (lambda: metrics.kernel_distance(X, X[None]), r"features_b has shape \(1, 9, 2\).*flatten"),
        (lambda: metrics.kernel_distance(X, X + math.nan), "features_b: 18 of 18 values are not finite"),
        (lambda: metrics.kernel_distance(X, X, degree=0), "degree of the kernel must be a positive"),
        (lambda: metrics.kernel_distance(X, X, degree=1.5), "degree of the kernel must be a positive"),
        (lambda: metrics.classifier_score(torch.ones(3)), r"shape \(3,\), \[samples, classes\]"),
        (lambda: metrics.classifier_score(torch.ones(0, 3)), r"\[samples, classes\]"),
        (lambda: metrics.classifier_score(torch.ones(3, 3)), "sum to 3 up to 3; apply softmax"),
        (lambda: metrics.classifier_score(torch.tensor([[1.5, -0.5]])), r"\[-0.5, 1.5\].*softmax"),
        (lambda: metrics.classifier_score(torch.full((2, 2), math.nan)), "4 of 4 values are not finite"),
        (lambda: metrics.precision_recall(X[:3], X), "real_features: 3 samples are too few; give at least 4"),
        (lambda: metrics.precision_recall(X, X[:3]), "fake_features: 3 samples are too few"),
        (lambda: metrics.precision_recall(X, X, k=0), "k, the neighbor that a ball reaches"),
        (lambda: metrics.precision_recall(X, X + math.inf), "fake_features: 18 of 18"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""Fréchet distance between Gaussians, and between samples seen through their mean and covariance.

Taught in {ref}`ch-first-gan`; Dowson and Landau 1982, Heusel et al. 2017.
"""

import torch
from torch import Tensor

from ganedu.metrics._checked import feature_pair, finite


def frechet_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    """Squared Fréchet (2-Wasserstein) distance of N(mean_a, cov_a) and N(mean_b, cov_b), a float64 scalar.

    |mean_a - mean_b|^2 + tr(cov_a + cov_b - 2 (cov_a cov_b)^(1/2)), in the squared unit of the features. The trace of
    the root is the sum of singular values of R_a R_b with R the symmetric roots, so no complex number can appear.
    mean: [d]; cov: [d, d], symmetric and positive semidefinite; singular covariances are allowed.
    Raises ValueError for mismatched shapes, NaN or infinity, or matrices that are no covariances.
    Taught in {ref}`ch-first-gan`; Dowson and Landau 1982.
    """
    mean_a, mean_b = _mean("mean_a", mean_a), _mean("mean_b", mean_b)
    if mean_a.shape != mean_b.shape:
        raise ValueError(f"mean_a has {len(mean_a)} features, mean_b has {len(mean_b)}")
    cov_a, cov_b = _covariance("cov_a", cov_a, len(mean_a)), _covariance("cov_b", cov_b, len(mean_b))
    root_of_product = torch.linalg.svdvals(_root("cov_a", cov_a) @ _root("cov_b", cov_b)).sum()
    distance = (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * root_of_product
    return distance.clamp_min(0)  # rounding may leave -1e-15


def frechet_from_features(features_a: Tensor, features_b: Tensor) -> Tensor:
    """Squared Fréchet distance of the Gaussians with the samples' means and covariances, a float64 scalar.

    features_a: [n, d]; features_b: [m, d], pixels or features of a network; only values over the same features, and
    from the same numbers of samples, can be compared. It is called FID only for the features of Inception-v3.
    Raises ValueError for mismatched shapes, NaN, or no more samples than features (a singular covariance).
    Taught in {ref}`ch-first-gan`; Heusel et al. 2017.
    """
    a, b = feature_pair(("features_a", features_a), ("features_b", features_b), least=2)
    for name, features in (("features_a", a), ("features_b", b)):
        n, d = features.shape
        if n <= d:
            raise ValueError(f"{name}: {n} samples are too few for {d} features; give more samples than features")
    return frechet_distance(a.mean(0), _sample_covariance(a), b.mean(0), _sample_covariance(b))


def _sample_covariance(features: Tensor) -> Tensor:
    centered = features - features.mean(0)
    return centered.T @ centered / (len(features) - 1)


def _mean(name: str, mean: Tensor) -> Tensor:
    if mean.ndim != 1 or len(mean) == 0:
        raise ValueError(f"{name} has shape {tuple(mean.shape)}, [features] expected")
    return finite(name, mean)


def _covariance(name: str, cov: Tensor, size: int) -> Tensor:
    if cov.shape != (size, size):
        raise ValueError(f"{name} has shape {tuple(cov.shape)}, [{size}, {size}] expected")
    cov = finite(name, cov)
    if not torch.allclose(cov, cov.T, rtol=1e-6, atol=1e-8 * cov.abs().max().item()):
        raise ValueError(f"{name} is not symmetric, so it is not a covariance")
    return (cov + cov.T) / 2


def _root(name: str, cov: Tensor) -> Tensor:
    """Symmetric root of a covariance; eigenvalues below zero by rounding count as zero."""
    eigenvalues, vectors = torch.linalg.eigh(cov)
    if eigenvalues[0] < -1e-6 * eigenvalues.abs().max():
        raise ValueError(f"{name} has the negative eigenvalue {eigenvalues[0]:.3g}, so it is not a covariance")
    return (vectors * eigenvalues.clamp_min(0).sqrt()) @ vectors.T

"""Numbers that say how close generated samples are to real ones.

Taught in {ref}`ch-first-gan` and {ref}`ch-evaluation`.
"""

from ganedu.metrics.coverage import Coverage, mode_coverage
from ganedu.metrics.distortion import mean_absolute_error, psnr
from ganedu.metrics.frechet import frechet_distance, frechet_from_features
from ganedu.metrics.intervals import Interval, clopper_pearson, student, two_alternatives, wilson
from ganedu.metrics.kernel import kernel_distance
from ganedu.metrics.precision import PrecisionRecall, precision_recall
from ganedu.metrics.score import classifier_score

__all__ = [
    "Coverage",
    "Interval",
    "PrecisionRecall",
    "classifier_score",
    "clopper_pearson",
    "frechet_distance",
    "frechet_from_features",
    "kernel_distance",
    "mean_absolute_error",
    "mode_coverage",
    "precision_recall",
    "psnr",
    "student",
    "two_alternatives",
    "wilson",
]

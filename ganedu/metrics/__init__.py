"""Numbers that say how close generated samples are to real ones.

Taught in {ref}`ch-first-gan`.
"""

from ganedu.metrics.coverage import Coverage, mode_coverage
from ganedu.metrics.frechet import frechet_distance, frechet_from_features

__all__ = ["Coverage", "frechet_distance", "frechet_from_features", "mode_coverage"]

"""What the metrics ask of their input: finite numbers, and features of one network."""

from torch import Tensor


def finite(name: str, values: Tensor) -> Tensor:
    """Detached float64 copy, or ValueError if there is a NaN or an infinity."""
    values = values.detach().double()
    if not values.isfinite().all():
        raise ValueError(f"{name}: {int((~values.isfinite()).sum())} of {values.numel()} values are not finite")
    return values


def feature_pair(a: tuple[str, Tensor], b: tuple[str, Tensor], *, least: int) -> tuple[Tensor, Tensor]:
    """Two named sets of features [n, d] and [m, d] with at least `least` rows each, in float64 on one device."""
    for name, features in (a, b):
        if features.ndim != 2 or features.shape[1] == 0:
            raise ValueError(
                f"{name} has shape {tuple(features.shape)}, [samples, features] expected; flatten images first"
            )
        if len(features) < least:
            raise ValueError(f"{name}: {len(features)} samples are too few; give at least {least}")
    if a[1].shape[1] != b[1].shape[1]:
        raise ValueError(f"{a[0]} has {a[1].shape[1]} features a sample, {b[0]} has {b[1].shape[1]}")
    first = finite(*a)
    return first, finite(*b).to(first.device)

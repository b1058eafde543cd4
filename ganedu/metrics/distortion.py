"""How far pictures are from the ones they should be, pixel by pixel.

Both numbers reward the mean or the median of what is possible, which is blurred: {ref}`ch-paired-translation` shows it.
"""

from torch import Tensor

GRAY_LEVELS = 255


def mean_absolute_error(made: Tensor, targets: Tensor) -> Tensor:
    """The mean distance of pixels, in gray levels, scalar.

    made, targets: floats [N, C, H, W] in [-1, 1], which is 0 to 255 gray levels.
    Raises ValueError for tensors of two shapes.
    Taught in {ref}`ch-paired-translation`.
    """
    _require_alike(made, targets)
    return (made - targets).double().abs().mean() * GRAY_LEVELS / 2


def psnr(made: Tensor, targets: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of all pictures together: 10 log10(peak^2 / mean squared error), in dB, scalar.

    made, targets: floats [N, C, H, W] in [-1, 1], so that the peak is 2. Infinite without any error. The mean of the
    ratios of single pictures, which some papers give, is never lower.
    Raises ValueError for tensors of two shapes.
    Taught in {ref}`ch-paired-translation`.
    """
    _require_alike(made, targets)
    return 10 * (4 / (made - targets).double().square().mean()).log10()


def _require_alike(made: Tensor, targets: Tensor) -> None:
    if made.shape != targets.shape or not len(made):
        raise ValueError(f"pictures {list(made.shape)} and targets {list(targets.shape)}: one shape and one at least")

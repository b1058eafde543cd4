"""How sure a number is: intervals for shares and for means over seeds, and the share of right choices between two.

Taught in {ref}`ch-evaluation`.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ganedu.metrics._checked import finite


class Interval(NamedTuple):
    """An estimate and the ends of its interval.

    Taught in {ref}`ch-evaluation`.
    """

    estimate: float
    low: float
    high: float


def wilson(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """Wilson's interval for a share: all p with |successes / trials - p| <= z sqrt(p (1 - p) / trials).

    It covers p about as often as `level` says, on average over p, even for few trials and for shares of 0 or 1.
    Raises ValueError for counts that are none, or a level outside (0, 1).
    Taught in {ref}`ch-evaluation`; Wilson 1927.
    """
    from scipy.special import ndtri

    _check_counts(successes, trials, level)
    share, z = successes / trials, float(ndtri((1 + level) / 2))
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * (share * (1 - share) / trials + z**2 / (4 * trials**2)) ** 0.5
    low = 0.0 if successes == 0 else middle - half  # exact at the ends, where rounding leaves 1e-17
    return Interval(share, low, 1.0 if successes == trials else middle + half)


def clopper_pearson(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """The exact interval for a share: all p that neither one-sided binomial test rejects at (1 - level) / 2.

    It covers p at least as often as `level` says, whatever p, and is wider than `wilson` for that.
    Raises ValueError for counts that are none, or a level outside (0, 1).
    Taught in {ref}`ch-evaluation`; Clopper and Pearson 1934.
    """
    from scipy.special import betaincinv

    _check_counts(successes, trials, level)
    tail, failures = (1 - level) / 2, trials - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return Interval(successes / trials, low, high)


def student(values: Tensor, *, level: float = 0.95) -> Interval:
    """Student's interval for the mean of [n] independent values, such as one number a seed.

    Exact for normal values; n >= 2.
    Raises ValueError for fewer values, NaN or infinity, or a level outside (0, 1).
    Taught in {ref}`ch-training-advice`; Student 1908.
    """
    from scipy.special import stdtrit

    values = finite("values", torch.as_tensor(values)).flatten()
    if len(values) < 2:
        raise ValueError(f"{len(values)} value has no spread; repeat the run with other seeds")
    _check_level(level)
    mean = values.mean().item()
    half = float(stdtrit(len(values) - 1, (1 + level) / 2)) * values.std().item() / len(values) ** 0.5
    return Interval(mean, mean - half, mean + half)


def two_alternatives(real_scores: Tensor, fake_scores: Tensor) -> float:
    """Share of pairs in which the real sample scores higher than the fake one, a tie counting half.

    real_scores [n], fake_scores [m]: any score that should be larger for real samples. All n m pairs are compared.
    This is the rate of right answers in the two-alternative forced choice, and the area under the ROC curve: 1/2 for a
    judge who cannot tell, 1 for one who always can.
    Raises ValueError for empty scores, NaN or infinity.
    Taught in {ref}`ch-evaluation`; Green and Swets 1966.
    """
    real, fake = finite("real_scores", real_scores).flatten(), finite("fake_scores", fake_scores).flatten()
    if not len(real) or not len(fake):
        raise ValueError(f"{len(real)} real and {len(fake)} fake scores given; a choice needs one of each")
    fake = fake.sort().values
    below = torch.searchsorted(fake, real)  # fakes smaller than each real score
    upto = torch.searchsorted(fake, real, right=True)
    return ((below + upto) / 2).mean(dtype=torch.float64).item() / len(fake)


def _check_counts(successes: int, trials: int, level: float) -> None:
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes in {trials} trials are no counts; 0 <= successes <= trials expected")
    _check_level(level)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval lies between 0 and 1, not {level}; 0.95 is usual")

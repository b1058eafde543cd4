"""An inequality is checked when it holds and is attained or approached somewhere: else a weaker one would pass too."""

import torch
from torch import Tensor

from ganedu.checks._report import CheckFailed, rounded, worst


def require_bound(label, small: Tensor, large: Tensor, slack, *, strict: bool = False):
    """Raise CheckFailed unless small <= large + slack everywhere; strictly smaller where the sign says so."""
    gap = large - small
    holds = (gap > 0) if strict else (gap >= -torch.as_tensor(slack))
    if not bool(holds.all()):
        raise CheckFailed(
            f"{label} does not hold: the smaller side exceeds the larger one by {rounded(worst(gap.clamp_max(0)))}"
        )


def require_sharp(label, small: Tensor, large: Tensor, slack, approached: float):
    """Raise CheckFailed unless the two sides meet somewhere.

    They meet where the gap is at most ten slacks or the share `approached` of the sides' size. An entry at which both
    sides vanish is no witness, unless one side is a constant: there a factor would go unseen.
    """
    small, large = torch.broadcast_tensors(small, large)
    gap = (large - small).abs()
    constant = [gap.numel() > 1 and bool((side == side.flatten()[0]).all()) for side in (small, large)]
    size = torch.maximum(small.abs(), large.abs())
    scale = gap.max() if any(constant) else size
    witness = (gap <= torch.clamp_min(approached * scale, 0) + 10 * torch.as_tensor(slack)) & (
        any(constant) | (size > 1000 * slack)
    )
    if not bool(witness.any()):
        closest = (gap / torch.clamp_min(scale, torch.finfo(gap.dtype).tiny)).min().item()
        raise CheckFailed(
            f"{label} is not attained: the sides come within {100 * closest:.3g} % of their size at best. Add a case "
            "in which they meet, say how closely they are approached (`approached=0.01`), or why they never meet "
            "(`unattained=`)"
        )

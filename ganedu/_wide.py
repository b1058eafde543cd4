"""Enough precision for what is added up: losses, statistics and slopes are not rounded under autocast."""

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """The same numbers in float32 at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))

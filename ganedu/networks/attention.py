"""Self-attention: every place of an image looks at all others, however far away.

A convolution of 3 x 3 sees its neighbors; that both ears of a cat have one color, it learns only through many layers.
Taught in {ref}`ch-biggan`; Zhang et al. 2019 (SAGAN).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class SelfAttention(nn.Module):
    """Maps x [B, channels, H, W] to x + gamma * out(attended values), of the same shape; gamma, learned, starts at 0.

    Queries and keys have channels / 8 numbers a place, values channels / 2, at least 1; all are 1 x 1 convolutions
    without a bias. pool: keys and values at a quarter of the places, the largest number of each 2 x 2, as in the
    authors' code, for even H and W; their text has no pooling.
    While gamma is 0 the layer is the identity, and gamma the only weight of it with a gradient.
    Raises ValueError for maps that it does not fit.
    Taught in {ref}`ch-biggan`; Zhang et al. 2019, equations 1 to 3.
    """

    def __init__(self, channels: int, *, pool: bool = True):
        super().__init__()
        narrow, half = max(channels // 8, 1), max(channels // 2, 1)
        self.channels, self.pool = channels, pool
        self.query, self.key = (nn.Conv2d(channels, narrow, 1, bias=False) for _ in range(2))
        self.value, self.out = nn.Conv2d(channels, half, 1, bias=False), nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        weights = self.weights(x)
        attended = self.values(x) @ weights.transpose(1, 2)  # [B, channels / 2, H * W]
        return x + self.gamma * self.out(attended.unflatten(2, x.shape[2:]))

    def weights(self, x: Tensor) -> Tensor:
        """How much place i looks at place j, [B, H * W, places of the keys]: not negative, and each row sums to 1."""
        self._check(x)
        return (self.query(x).flatten(2).transpose(1, 2) @ self._places(self.key(x))).softmax(2)

    def values(self, x: Tensor) -> Tensor:
        """What is looked at, [B, channels / 2, places of the keys]."""
        return self._places(self.value(x))

    def _places(self, maps: Tensor) -> Tensor:
        return (max_pool2d(maps, 2) if self.pool else maps).flatten(2)

    def _check(self, x: Tensor) -> None:
        if x.ndim != 4 or x.shape[1] != self.channels or (self.pool and (x.shape[2] % 2 or x.shape[3] % 2)):
            even = " with even H and W" if self.pool else ""
            raise ValueError(f"maps of shape {tuple(x.shape)} given, [batch, {self.channels}, H, W]{even} expected")

"""A history of generated images, so that a discriminator does not forget what the generator has given up.

Taught in {ref}`ch-cyclegan`; Shrivastava et al. 2017; Zhu et al. 2017, section 4.
"""

import torch
from torch import Tensor


class ImagePool:
    """The last generated images, some of which are handed out instead of the newest.

    capacity: images it holds, 0 for no history. image_shape: (C, H, W) of each. They stay on `device`, and which of
    them is exchanged is decided there, so that no step waits for the host.
    Taught in {ref}`ch-cyclegan`; Zhu et al. 2017, section 4.
    """

    def __init__(self, capacity: int, image_shape: tuple[int, int, int], *, device: torch.device | str = "cpu"):
        self.images = torch.zeros(capacity, *image_shape, device=device)
        self.count = 0  # a number of the host's: it follows from the number of images given, not from what they show

    @property
    def is_full(self) -> bool:
        """Whether images are exchanged from now on, and none is merely kept."""
        return self.count == len(self.images)

    def exchange(self, fresh: Tensor, random: torch.Generator) -> Tensor:
        """Images for the discriminator, [B, C, H, W] as `fresh`: each is the fresh one or an older one in its place.

        Until the pool is full, fresh images are kept and returned. Then each changes places, with probability 1/2,
        with a stored image, drawn at random from all; no two fresh ones with the same.
        Raises ValueError for more images than the pool holds.
        """
        capacity = len(self.images)
        if not capacity:
            return fresh
        if len(fresh) > capacity:
            raise ValueError(f"{len(fresh)} images cannot be exchanged with a pool of {capacity}; enlarge the pool")
        fresh, kept = fresh.to(self.images.dtype), min(len(fresh), capacity - self.count)
        self.images[self.count : self.count + kept] = fresh[:kept]
        self.count += kept
        if kept == len(fresh):
            return fresh
        return torch.cat([fresh[:kept], self._exchange(fresh[kept:], random)])

    def state_dict(self) -> dict:
        """The images, as a tensor [count, C, H, W] of its own on the CPU, which processes can hand to each other."""
        return {"images": self.images[: self.count].to("cpu", copy=True)}

    def load_state_dict(self, state: dict) -> None:
        """Hold the images of a `state_dict`. Raises ValueError for too many, or images of another shape."""
        images = state["images"]
        if len(images) > len(self.images) or images.shape[1:] != self.images.shape[1:]:
            raise ValueError(f"a pool of {tuple(self.images.shape)} cannot hold images {tuple(images.shape)}")
        self.count = len(images)
        self.images[: self.count] = images

    def _exchange(self, fresh: Tensor, random: torch.Generator) -> Tensor:
        n, device = len(fresh), self.images.device
        slots = torch.rand(len(self.images), generator=random, device=device).topk(n).indices  # n different ones
        older = self.images[slots]
        swap = torch.rand(n, 1, 1, 1, generator=random, device=device) < 0.5
        self.images[slots] = torch.where(swap, fresh, older)
        return torch.where(swap, older, fresh)

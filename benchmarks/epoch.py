"""An epoch fed with data: pictures through PIL, a transform and a DataLoader against bytes on the device."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks import dcgan
from benchmarks.measure import Contest
from ganedu.data.batches import DeviceBatches, Order

SETTINGS = {"size": 32, "batch_size": 64, "width": 32, "latent_dim": 32}  # `--small --size 32`
IMAGES = 1024


class Pictures(Dataset):
    """Each image through PIL, to floats [C, H, W] in [0, 1], then to [-1, 1]: what the usual data sets do."""

    def __init__(self, images: Tensor):
        self.arrays = images.permute(0, 2, 3, 1).numpy()

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, i: int) -> Tensor:
        picture = Image.fromarray(self.arrays[i])
        floats = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float().div(255)
        return floats.sub_(0.5).div_(0.5)


def pictures(n: int = IMAGES, size: int = SETTINGS["size"]) -> Tensor:
    """Random bytes: what they show does not matter to speed."""
    random = torch.Generator().manual_seed(1)
    return torch.randint(256, (n, dcgan.CHANNELS, size, size), generator=random, dtype=torch.uint8)


def plain(images: Tensor, workers: int, **changes):
    """An epoch by hand, which tells its first losses; the order of the images is the one that our run has."""
    made = dcgan.recipe(**changes)
    g, d = made.networks["generator"], made.networks["discriminator"]
    adam_g, adam_d, random = dcgan.adam(g, made.config), dcgan.adam(d, made.config), torch.Generator().manual_seed(2)
    batch, dataset = made.config.batch_size, Pictures(images)
    order = Order(len(images), batch, seed=0, flip=False, rank=0, world=1)

    def work():
        losses, chosen = [], [i for _ in range(len(images) // batch) for i in order.next()[0].tolist()]
        for real in DataLoader(dataset, batch, sampler=chosen, num_workers=workers):
            noise = torch.randn(len(real), made.latent_dim, generator=random)
            losses.append(dcgan.plain_step(g, d, adam_g, adam_d, real, noise))
        return losses[0]

    return work


def ours(images: Tensor, precision: str = "fp32", **changes):
    """An epoch of a run, which tells its first losses."""
    batches = DeviceBatches(images, changes["batch_size"], device=dcgan.CPU, seed=0)
    advance = dcgan.ours(precision, batches, **changes)

    def work():
        losses = [advance() for _ in range(len(images) // changes["batch_size"])]
        return losses[0]

    return work


def contest(n: int = IMAGES, **changes) -> Contest:
    """Plain with and without worker processes, exact and bf16."""
    settings = {**SETTINGS, **changes}
    images = pictures(n, settings["size"])
    return Contest(
        name="epoch",
        settings={**settings, "images": n, "channels": dcgan.CHANNELS},
        contestants={
            "plain": lambda: plain(images, 0, **settings),
            "plain, 2 workers": lambda: plain(images, 2, **settings),
            "exact": lambda: ours(images, **settings),
            "bf16": lambda: ours(images, "bf16", **settings),
        },
        precision={"bf16": "bf16"},
        tolerances=(1e-4, 0.2, 0.5),
    )

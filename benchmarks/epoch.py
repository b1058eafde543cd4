"""An epoch fed with data: pictures through PIL, a transform and a DataLoader against bytes on the device."""

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks import dcgan
from benchmarks.measure import Contest
from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches, Order

SETTINGS = {"size": 32, "batch_size": 64, "width": 32, "latent_dim": 32}  # `--small --size 32`
IMAGES = 512
PHOTOGRAPH = (178, 218)  # width and height in CelebA, which most public DCGAN code reads


class Pictures(Dataset):
    """Arrays in memory, each through PIL, to floats [C, H, W] in [0, 1], then to [-1, 1]: as for CIFAR-10."""

    def __init__(self, images: Tensor):
        self.bytes = images  # uint8 [N, C, H, W]
        self.arrays = images.permute(0, 2, 3, 1).numpy()

    def __len__(self) -> int:
        return len(self.bytes)

    def __getitem__(self, i: int) -> Tensor:
        return self.transform(self.picture(i))

    def picture(self, i: int) -> Image.Image:
        """One picture at its final size."""
        return Image.fromarray(self.arrays[i])

    @staticmethod
    def transform(picture: Image.Image) -> Tensor:
        """Floats [C, H, W] in [-1, 1]."""
        floats = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float().div(255)
        return floats.sub_(0.5).div_(0.5)


class Photographs(Pictures):
    """JPEG files, read ahead into memory, each decoded, resized and cut to a square: as for folders of photographs.

    `bytes` holds the results, decoded once, which is what a run of ours keeps.
    """

    def __init__(self, n: int, size: int):
        self.size, self.files = size, [photograph(i) for i in range(n)]
        arrays = np.stack([np.array(self.picture(i)) for i in range(n)])
        super().__init__(torch.from_numpy(arrays).permute(0, 3, 1, 2).contiguous())

    def picture(self, i: int) -> Image.Image:
        picture = Image.open(io.BytesIO(self.files[i])).convert("RGB")
        scale = self.size / min(picture.size)
        picture = picture.resize([round(side * scale) for side in picture.size], Image.BILINEAR)
        left, top = ((side - self.size) // 2 for side in picture.size)
        return picture.crop((left, top, left + self.size, top + self.size))


def photograph(seed: int) -> bytes:
    """A JPEG of blurred random colors: what it shows does not matter to speed."""
    noise = np.random.default_rng(seed).integers(256, size=(14, 11, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize(PHOTOGRAPH, Image.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def pictures(n: int = IMAGES, size: int = SETTINGS["size"]) -> Pictures:
    """Random bytes."""
    random = torch.Generator().manual_seed(1)
    return Pictures(torch.randint(256, (n, dcgan.CHANNELS, size, size), generator=random, dtype=torch.uint8))


def plain(images: Pictures, workers: int, **changes):
    """An epoch by hand, which tells its first losses; the order of the images is the one that our run has."""
    made = dcgan.recipe(**changes)
    g, d = made.networks["generator"], made.networks["discriminator"]
    adam_g, adam_d, random = dcgan.adam(g, made.config), dcgan.adam(d, made.config), torch.Generator().manual_seed(2)
    batch = made.config.batch_size
    order = Order(len(images), batch, seed=0, flip=False, rank=0, world=1)

    def work():
        losses, chosen = [], [i for _ in range(len(images) // batch) for i in order.next()[0].tolist()]
        for real in DataLoader(images, batch, sampler=chosen, num_workers=workers):
            noise = torch.randn(len(real), made.latent_dim, generator=random)
            losses.append(dcgan.plain_step(g, d, adam_g, adam_d, real, noise))
        return losses[0]

    return work


def ours(images: Pictures, precision: str = "fp32", **changes):
    """An epoch of a run, which tells its first losses."""
    batches = DeviceBatches(kinds.Images(images.bytes), changes["batch_size"], device=dcgan.CPU, seed=0)
    advance = dcgan.ours(precision, batches, **changes)

    def work():
        losses = [advance() for _ in range(len(images) // changes["batch_size"])]
        return losses[0]

    return work


def contest(n: int = IMAGES, *, photographs: bool = False, **changes) -> Contest:
    """Plain with and without worker processes, exact and bf16; pictures come from arrays or from photographs."""
    settings = {**SETTINGS, **changes}
    images = Photographs(n, settings["size"]) if photographs else pictures(n, settings["size"])
    return Contest(
        name="epoch_photographs" if photographs else "epoch",
        settings={**settings, "images": n, "channels": dcgan.CHANNELS},
        contestants={
            "plain": lambda: plain(images, 0, **settings),
            "plain, 2 workers": lambda: plain(images, 2, **settings),
            "exact": lambda: ours(images, **settings),
            "bf16": lambda: ours(images, "bf16", **settings),
        },
        precision={"bf16": "bf16"},
        tolerances=(1e-4, 0.2),
    )

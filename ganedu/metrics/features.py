"""A small classifier for each data set, trained here, whose last hidden layer gives the features of an image.

Fréchet and kernel distances need features. Those of Inception-v3 have to be downloaded and were made for photographs;
these are trained in at most two minutes from the set itself, kept in the cache folder, and named by a hash of their
weights, because numbers over other features cannot be compared.
Taught in {ref}`ch-evaluation`.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from ganedu import data
from ganedu._files import write_atomically
from ganedu.data.files import cache_folder

WIDTH = 64  # features of an image
IMAGES_TO_SEE = {"digits": 60_000, "cifar10": 200_000}  # in training, all epochs together
USUAL_IMAGES_TO_SEE = 240_000
BATCH = 128
PEAK_RATE = 4e-3
DTYPE = torch.float32  # also where the default is float64, as in the theory chapters
VERSION = 1  # of architecture and training: part of the file name, so that a change trains anew


class Extracted(NamedTuple):
    """What a `FeatureNetwork` says of n images.

    features: float32 [n, d], not negative; probabilities: float32 [n, K], rows sum to 1.
    Taught in {ref}`ch-evaluation`.
    """

    features: Tensor
    probabilities: Tensor


class FeatureNetwork(nn.Module):
    """Convolutional classifier of images [n, C, H, W] into K classes; its last hidden layer holds the features.

    data: name of the set it belongs to; shape: (C, H, W) of its images, H and W at least 8; classes: K.
    `tag` names the weights: the set and twelve digits of their hash.
    Taught in {ref}`ch-evaluation`.
    """

    def __init__(self, data: str, shape: tuple[int, int, int], classes: int):
        super().__init__()
        channels, height, width = shape
        if min(height, width) < 8:
            raise ValueError(
                f"images of {height} x {width} pixels are too small for the feature network; 8 x 8 at least"
            )
        self.data, self.shape = data, tuple(shape)
        layers: list[nn.Module] = []
        for filters in (16, 32, 64)[: 2 if channels == 1 else 3]:  # color needs a deeper look
            layers += [nn.Conv2d(channels, filters, 3, padding=1, dtype=DTYPE), nn.BatchNorm2d(filters, dtype=DTYPE)]
            layers += [nn.ReLU(), nn.MaxPool2d(2)]
            channels, height, width = filters, height // 2, width // 2
        layers += [nn.Flatten(), nn.Linear(channels * height * width, WIDTH, dtype=DTYPE), nn.ReLU()]
        self.body, self.head = nn.Sequential(*layers), nn.Linear(WIDTH, classes, dtype=DTYPE)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: float32 [n, C, H, W] of the network's shape, in [-1, 1]. Returns features [n, d] and logits [n, K]."""
        features = self.body(x)
        return features, self.head(features)

    @property
    def tag(self) -> str:
        """Name of the data set and the first twelve hexadecimal digits of the SHA-256 of the weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return f"{self.data}-{digest.hexdigest()[:12]}"

    @torch.no_grad()
    def extract(self, images: Tensor, *, batch_size: int = 500) -> Extracted:
        """Features and class probabilities of images, on the network's device.

        images: uint8 [n, C, H, W], or float in [-1, 1], which is rounded to bytes first: what counts is what a file
        would hold. Other sizes are resized (antialiased, bilinear) to that of the set.
        Raises ValueError for another number of channels, no images, NaN, or values out of range.
        """
        if images.ndim != 4 or images.shape[1] != self.shape[0] or len(images) == 0:
            raise ValueError(
                f"images of shape {tuple(images.shape)} given, but the feature network of {self.data} takes "
                f"[n, {self.shape[0]}, height, width]"
            )
        self.eval()
        images = images if images.dtype == torch.uint8 else data.to_bytes(images.detach())
        parts = [self(self._prepared(part)) for part in images.split(batch_size)]
        features, logits = (torch.cat(outputs) for outputs in zip(*parts, strict=True))
        return Extracted(features, logits.softmax(1))

    def _prepared(self, images: Tensor) -> Tensor:
        x = data.to_floats(images.to(self.head.weight.device), DTYPE)
        if x.shape[1:] == self.shape:
            return x
        return interpolate(x, self.shape[1:], mode="bilinear", antialias=True, align_corners=False)


def network(name: str, *, root: str | Path | None = None, cache: str | Path | None = None) -> FeatureNetwork:
    """The feature network of a data set, trained at the first call and read from the cache folder afterwards.

    name, root: as for `ganedu.data.load`; only sets with classes. cache: folder, `cache_folder()` if None.
    The same processor and versions give the same weights; others may not: share the file to compare numbers.
    Raises ValueError for a set without classes, for a cached file that is damaged or of another set, and for a folder
    that cannot be written.
    Taught in {ref}`ch-evaluation`.
    """
    folder = Path(cache) if cache is not None else cache_folder()
    file = folder / f"features-{name.replace(':', '_').replace(os.sep, '_')}-v{VERSION}.safetensors"
    if file.exists():
        return _read(file, name)
    require_writable(folder)  # before the two minutes of training, not after them
    trained = train(name, data.load(name, "train", root))
    _write(file, trained)
    return trained


def train(name: str, images: data.ImageData, *, seed: int = 0) -> FeatureNetwork:
    """A feature network fitted to labeled images; the global random state is left alone.

    name: of the data set; images: its training split. Adam with a one-cycle learning rate, on one thread of the CPU:
    the number of threads changes the order of sums, and with it the weights.
    Raises ValueError for images without labels.
    Taught in {ref}`ch-evaluation`.
    """
    if images.labels is None:
        raise ValueError(f"{name} has no classes to train a feature network on; use the network of a set that has")
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        net = FeatureNetwork(name, tuple(images.images.shape[1:]), len(images.classes))
        steps = max(IMAGES_TO_SEE.get(name, USUAL_IMAGES_TO_SEE) // BATCH, 1)

        def loss(x: Tensor, chosen: Tensor) -> Tensor:
            return cross_entropy(net(x)[1], images.labels[chosen])

        return fit(net, images.images, loss, steps=steps, title=f"feature network of {name}, once")


def fit(net: nn.Module, images: Tensor, loss: Callable[[Tensor, Tensor], Tensor], *, steps: int, title: str):
    """Train a network on batches of images in a random order, on the CPU, and return it, frozen.

    images: uint8 [N, C, H, W]; loss: of a batch, float32 in [-1, 1], and the numbers of its images, int64 [B]. Adam
    with a one-cycle learning rate; the order comes from torch's random numbers. title: of the progress bar on stderr.
    Taught in {ref}`ch-evaluation`.
    """
    from tqdm import tqdm  # a bar only where someone watches: stderr is a terminal

    optimizer = torch.optim.Adam(net.parameters(), lr=PEAK_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    order = torch.empty(0, dtype=torch.long)
    net.train()
    for _ in tqdm(range(steps), desc=title, disable=None, file=sys.stderr):
        if len(order) < BATCH:
            order = torch.cat([order, torch.randperm(len(images))])
        chosen, order = order[:BATCH], order[BATCH:]
        value = loss(data.to_floats(images[chosen], DTYPE), chosen)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    return net.eval().requires_grad_(False)


@contextmanager
def one_thread():
    """Compute on one thread of the CPU: the number of threads changes the order of sums.

    Taught in {ref}`ch-evaluation`.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def accuracy(net: FeatureNetwork, images: data.ImageData) -> float:
    """Share of labeled images whose most probable class is right.

    Taught in {ref}`ch-evaluation`.
    """
    return (net.extract(images.images).probabilities.argmax(1).cpu() == images.labels).double().mean().item()


def require_writable(folder: Path) -> None:
    """Raises ValueError, with the remedy, for a folder in which no file can be made.

    Taught in {ref}`ch-evaluation`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"{folder} cannot be written ({error}); set GANEDU_CACHE to a folder that can") from None


def _write(file: Path, net: FeatureNetwork) -> None:
    facts = {"tag": net.tag, "shape": ",".join(map(str, net.shape)), "classes": str(net.head.out_features)}
    tensors = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    write_atomically(file, save(tensors, metadata=facts))


def _read(file: Path, name: str) -> FeatureNetwork:
    try:
        with safe_open(file, framework="pt") as opened:
            facts = opened.metadata() or {}
        shape = tuple(map(int, facts["shape"].split(",")))
        with torch.random.fork_rng(devices=[]):
            net = FeatureNetwork(name, shape, int(facts["classes"]))
        net.load_state_dict(load_file(file))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(f"{file} is damaged ({error}); delete it, and the network is trained again") from None
    if net.tag != facts.get("tag"):
        raise ValueError(f"{file} holds {net.tag}, not {facts.get('tag')}; delete it, and the network is trained again")
    return net.eval().requires_grad_(False)

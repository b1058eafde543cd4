"""A small judge that names what an image shows: glasses, beard, color of hair; or its class, where a set has only that.

It is trained here, from the attributes of the data set, at the size of the images that are to be judged, in a minute
or two, and kept in the cache folder. What it says of generated images is an opinion: it has learned from none of them.
Taught in {ref}`ch-latent-space`.
"""

import difflib
import json
import os
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganedu import data
from ganedu._files import write_atomically
from ganedu.data.files import cache_folder
from ganedu.metrics.features import BATCH, DTYPE, fit, one_thread, require_writable

WIDTH = 128  # features that all attributes are read from
IMAGES_TO_SEE = 120_000  # in training, all epochs together
VERSION = 1


class Attributes(NamedTuple):
    """What a set says about its images: names of attributes, for each its values, and the table int64 [N, A].

    Taught in {ref}`ch-latent-space`.
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    table: Tensor


class Question(NamedTuple):
    """A question with the answer yes or no: whether attribute `column` has one of the values `yes`.

    Taught in {ref}`ch-latent-space`.
    """

    text: str
    column: int
    yes: tuple[int, ...]


def attributes_of(images: data.ImageData, name: str) -> Attributes:
    """The attributes of a set that knows them, else its classes as the one attribute "class".

    Raises ValueError, naming the set, if it has neither.
    Taught in {ref}`ch-latent-space`.
    """
    if hasattr(images, "attributes"):
        return Attributes(images.attribute_names, images.values, images.attributes)
    if images.labels is None:
        raise ValueError(f"{name} knows neither attributes nor classes of its images, so nothing in them can be named")
    return Attributes(("class",), (tuple(images.classes),), images.labels[:, None])


class Judge(nn.Module):
    """Convolutional classifier of images [n, C, H, W] that gives log-odds for each value of each attribute.

    shape: (C, H, W), H and W at least 8; names, values: as in `Attributes`.
    Taught in {ref}`ch-latent-space`.
    """

    def __init__(self, shape: tuple[int, int, int], names: tuple[str, ...], values: tuple[tuple[str, ...], ...]):
        super().__init__()
        channels, height, width = shape
        if min(height, width) < 8:
            raise ValueError(f"images of {height} x {width} pixels are too small for a judge; 8 x 8 at least")
        self.shape, self.names, self.values = tuple(shape), tuple(names), tuple(map(tuple, values))
        layers: list[nn.Module] = []
        for filters in (16, 32, 64)[: 2 if min(height, width) < 16 else 3]:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, dtype=DTYPE), nn.BatchNorm2d(filters, dtype=DTYPE)]
            layers += [nn.ReLU(), nn.MaxPool2d(2)]
            channels, height, width = filters, height // 2, width // 2
        layers += [nn.Flatten(), nn.Linear(channels * height * width, WIDTH, dtype=DTYPE), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.heads = nn.ModuleList(nn.Linear(WIDTH, len(each), dtype=DTYPE) for each in self.values)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """x: float32 [n, C, H, W] in [-1, 1]. Returns features [n, WIDTH] and for each attribute logits [n, K]."""
        features = self.body(x)
        return features, [head(features) for head in self.heads]

    @torch.no_grad()
    def logits(self, images: Tensor, *, batch_size: int = 500) -> tuple[Tensor, list[Tensor]]:
        """Features and logits of images, bytes or floats in [-1, 1], of the judge's shape, on the CPU.

        Raises ValueError for images of another shape.
        """
        if images.ndim != 4 or tuple(images.shape[1:]) != self.shape or not len(images):
            expected = ", ".join(map(str, self.shape))
            raise ValueError(f"images of shape {tuple(images.shape)} given, the judge takes [n, {expected}]")
        images = images.cpu() if images.dtype == torch.uint8 else data.to_bytes(images.detach().cpu())
        parts = [self(data.to_floats(part, DTYPE)) for part in images.split(batch_size)]
        features, logits = zip(*parts, strict=True)
        return torch.cat(features), [torch.cat(of_one) for of_one in zip(*logits, strict=True)]

    def answers(self, images: Tensor, questions: list[Question]) -> Tensor:
        """Log-odds of yes, float32 [n, Q], for each image and each question: above 0 the judge says yes."""
        logits = self.logits(images)[1]
        return torch.stack([_log_odds(logits[each.column], each.yes) for each in questions], dim=1)

    def question(self, text: str) -> Question:
        """The question that a text asks: "glasses" (whether there are any), "hair color=red", or "curly" for short.

        Raises ValueError, with what there is to ask, for anything else, and for a value that two attributes have.
        """
        name, given, value = (part.strip() for part in text.partition("="))
        if given:
            if name in self.names and value in (values := self.values[self.names.index(name)]):
                return Question(text, self.names.index(name), (values.index(value),))
        elif name in self.names and self._optional(column := self.names.index(name)):
            return Question(text, column, tuple(range(1, len(self.values[column]))))
        else:
            found = [(i, values.index(name)) for i, values in enumerate(self.values) if name in values]
            if len(found) == 1:
                return Question(text, found[0][0], (found[0][1],))
            if found:
                both = " or ".join(f'"{self.names[i]}={name}"' for i, _ in found)
                raise ValueError(f'"{name}" can be {both}; say which')
        raise ValueError(f'unknown attribute "{text}"; {self._choices(name)}')

    def all_questions(self) -> list[Question]:
        """One question for each attribute that may be missing, one for each value of the others."""
        return [
            self.question(text)
            for i, (name, values) in enumerate(zip(self.names, self.values, strict=True))
            for text in ([name] if self._optional(i) else [f"{name}={value}" for value in values])
        ]

    def _optional(self, column: int) -> bool:
        return self.values[column][0].startswith("no ")

    def _choices(self, name: str) -> str:
        if name in self.names:
            values = self.values[self.names.index(name)]
            return f"write {name}=VALUE, where VALUE is one of {', '.join(values)}"
        near = difflib.get_close_matches(name, [*self.names, *(v for values in self.values for v in values)], n=1)
        meant = f'did you mean "{near[0]}"? ' if near else ""
        return f"{meant}the judge knows {', '.join(self.names)}"


def judge(name: str, *, size: int, root: str | Path | None = None, cache: str | Path | None = None) -> Judge:
    """The judge of a data set for images of `size` pixels a side, trained at the first call, read from the cache later.

    name, root: as for `ganedu.data.load`; cache: folder, `cache_folder()` if None.
    Raises ValueError for a set that knows nothing of its images, a damaged file, a folder that cannot be written.
    Taught in {ref}`ch-latent-space`.
    """
    folder = Path(cache) if cache is not None else cache_folder()
    file = folder / f"judge-{name.replace(':', '_').replace(os.sep, '_')}-{size}-v{VERSION}.safetensors"
    if file.exists():
        return read(file)
    require_writable(folder)
    images = data.load(name, "train", root, size=size)
    trained = train(images, attributes_of(images, name), title=f"judge of {name}, once")
    write(file, trained)
    return trained


def train(images: data.ImageData, attributes: Attributes, *, seed: int = 0, title: str = "judge") -> Judge:
    """A judge fitted to images and their attributes; the global random state is left alone.

    The loss is the mean of the cross-entropies of all attributes. One thread, as for the feature networks.
    Taught in {ref}`ch-latent-space`.
    """
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        net = Judge(tuple(images.images.shape[1:]), attributes.names, attributes.values)

        def loss(x: Tensor, chosen: Tensor) -> Tensor:
            truth = attributes.table[chosen].T
            return sum(cross_entropy(of_one, t) for of_one, t in zip(net(x)[1], truth, strict=True)) / len(truth)

        return fit(net, images.images, loss, steps=max(IMAGES_TO_SEE // BATCH, 1), title=title)


def accuracy(net: Judge, images: Tensor, table: Tensor) -> dict[str, float]:
    """For each attribute the share of images whose value the judge names rightly; table: int64 [n, A].

    Taught in {ref}`ch-latent-space`.
    """
    logits = net.logits(images)[1]
    right = [(of_one.argmax(1) == t).double().mean().item() for of_one, t in zip(logits, table.T, strict=True)]
    return dict(zip(net.names, right, strict=True))


def write(file: Path, net: Judge) -> None:
    """Keep a judge in a safetensors file.

    Taught in {ref}`ch-latent-space`.
    """
    facts = {"shape": net.shape, "names": net.names, "values": net.values}
    tensors = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    write_atomically(file, save(tensors, metadata={"judge": json.dumps(facts)}))


def read(file: Path) -> Judge:
    """The judge that `write` kept.

    Raises ValueError, naming the file and the remedy, if it is damaged.
    Taught in {ref}`ch-latent-space`.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            facts = json.loads((opened.metadata() or {})["judge"])
        with torch.random.fork_rng(devices=[]):
            net = Judge(tuple(facts["shape"]), tuple(facts["names"]), facts["values"])
        net.load_state_dict(load_file(file))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{file} is damaged ({error}); delete it, and the judge is trained again") from None
    return net.eval().requires_grad_(False)


def _log_odds(logits: Tensor, yes: tuple[int, ...]) -> Tensor:
    no = [k for k in range(logits.shape[1]) if k not in yes]
    return logits[:, list(yes)].logsumexp(1) - logits[:, no].logsumexp(1)

"""A measurement and how it was made: numbers of two protocols are not comparable.

Taught in {ref}`ch-evaluation`.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType

from torch import Tensor

from ganedu.metrics.features import Extracted, FeatureNetwork
from ganedu.metrics.frechet import frechet_from_features
from ganedu.metrics.kernel import kernel_distance
from ganedu.metrics.precision import precision_recall
from ganedu.metrics.score import classifier_score

LOWER_IS_BETTER = {
    "frechet_distance": True,
    "kernel_distance": True,
    "classifier_score": False,
    "precision": False,
    "recall": False,
}
OF_PAIRS = {"mean_absolute_error": True, "psnr": False}  # of `ganedu.metrics.distortion`: no features, but partners
PIXELS = "pixels"  # in the place of a feature network, for pairs
CRITERIA = ("frechet_distance", "mean_absolute_error")  # by which generators are chosen


def direction(name: str) -> str:
    """In which direction a metric is better, in words.

    Taught in {ref}`ch-evaluation`.
    """
    return f"{'lower' if (LOWER_IS_BETTER | OF_PAIRS)[name] else 'higher'} is better"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a number was measured.

    data, split: the real images; n_real, n_fake: how many of each; features: name and hash of the feature network,
    `FeatureNetwork.tag`, or `PIXELS` where pairs are compared without one. size: height and width at which both kinds
    of images were compared; None in records that were made before it was kept. Two numbers with one protocol can be
    compared; any other two cannot.
    Raises ValueError for counts or sides below 1.
    Taught in {ref}`ch-evaluation`.
    """

    data: str
    split: str
    n_real: int
    n_fake: int
    features: str
    size: tuple[int, int] | None

    def __post_init__(self):
        if self.size is not None:
            object.__setattr__(self, "size", _size(self.size))  # JSON knows lists only
        if self.n_real < 1 or self.n_fake < 1:
            raise ValueError(f"{self.n_real} real and {self.n_fake} generated images given, at least 1 of each needed")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was measured of one generator, with its protocol.

    protocol: how; step: the training step of its weights; averaged: whether they are the running average (EMA);
    values: {name: number}. `record()` and `from_record` go to and from plain values for JSON.
    Raises ValueError for a step below 0, no value, or values that are not finite.
    Taught in {ref}`ch-evaluation`.
    """

    protocol: Protocol
    step: int
    averaged: bool
    values: Mapping[str, float] = field(hash=False)

    def __post_init__(self):
        if self.step < 0:
            raise ValueError(f"step {self.step} given, a count from 0 expected")
        bad = {name: value for name, value in self.values.items() if not math.isfinite(value)}
        if bad or not self.values:
            raise ValueError(f"values must be finite numbers, at least one; given {bad or dict(self.values)}")
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    @property
    def criterion(self) -> str:
        """The metric by which generators are chosen: the Fréchet distance, or of pairs the mean absolute error."""
        return next(name for name in CRITERIA if name in self.values)

    def record(self) -> dict:
        """Plain nested values: the protocol, the step, `averaged` and the numbers."""
        return {
            "protocol": asdict(self.protocol),
            "step": self.step,
            "averaged": self.averaged,
            "values": dict(self.values),
        }

    @classmethod
    def from_record(cls, record: Mapping) -> "Report":
        """The report that `record()` described; ValueError if an entry is missing or unknown."""
        _require_keys("report", record, {f.name for f in fields(cls)})
        protocol = {"size": None, **record["protocol"]}
        _require_keys("protocol", protocol, {f.name for f in fields(Protocol)})
        return cls(**{**record, "protocol": Protocol(**protocol)})


class Reference:
    """Real images as a feature network sees them, read once, to compare many sets of generated ones with.

    images: uint8, or float in [-1, 1], [n, C, H, W], more than the network has features; split: where they come from.
    Raises ValueError for images the network cannot take.
    Taught in {ref}`ch-evaluation`.
    """

    def __init__(self, network: FeatureNetwork, images: Tensor, *, split: str):
        self.network, self.split = network, split
        self.features, self.size = network.extract(images).features, _size(images.shape[2:])

    def report(
        self, fake: Tensor, *, step: int, averaged: bool, names: Collection[str] = tuple(LOWER_IS_BETTER), k: int = 3
    ) -> Report:
        """The numbers called `names` of generated images [m, C, H, W], by default all; see `evaluate`."""
        if unknown := sorted(set(names) - set(LOWER_IS_BETTER)):
            raise ValueError(f"unknown metrics {unknown}; choose among {', '.join(LOWER_IS_BETTER)}")
        if tuple(fake.shape[2:]) != self.size:
            raise ValueError(
                f"generated images of {tuple(fake.shape[2:])} pixels and real ones of {self.size}: the resampling "
                "would be measured; bring both to one size, see `ganedu.data.resize`"
            )
        made = self.network.extract(fake)
        values = {name: value for name, value in self._values(made, names, k) if name in names}
        protocol = Protocol(
            data=self.network.data,
            split=self.split,
            n_real=len(self.features),
            n_fake=len(fake),
            features=self.network.tag,
            size=self.size,
        )
        return Report(protocol=protocol, step=step, averaged=averaged, values=values)

    def _values(self, made: Extracted, names: Collection[str], k: int) -> Iterator[tuple[str, float]]:
        seen = self.features
        if "frechet_distance" in names:
            yield "frechet_distance", frechet_from_features(seen, made.features).item()
        if "kernel_distance" in names:
            yield "kernel_distance", kernel_distance(seen, made.features).item()
        if "classifier_score" in names:
            yield "classifier_score", classifier_score(made.probabilities).item()
        if {"precision", "recall"} & set(names):
            yield from zip(("precision", "recall"), precision_recall(seen, made.features, k=k), strict=True)


def evaluate(
    network: FeatureNetwork, real: Tensor, fake: Tensor, *, split: str, step: int, averaged: bool, k: int = 3
) -> Report:
    """All metrics of generated images against real ones, over the features of one network.

    real, fake: uint8, or float in [-1, 1], [n, C, H, W] and [m, C, H, W]; more of each than the network has features.
    split: of the real images; step, averaged: which weights made the fake ones; k: for precision and recall.
    Raises ValueError for images the network cannot take, of two sizes, or too few of them.
    Taught in {ref}`ch-evaluation`.
    """
    return Reference(network, real, split=split).report(fake, step=step, averaged=averaged, k=k)


def final_and_best(reports: Sequence[Report], name: str = "frechet_distance") -> tuple[Report, Report]:
    """The report of the last step, and the one with the best value of a metric: both are to be told.

    The best of many steps is chosen by looking, so it is optimistic. reports: of one run, in any order.
    Raises ValueError for no reports, an unknown metric, one that a report lacks, or more than one protocol.
    Taught in {ref}`ch-evaluation`.
    """
    known = LOWER_IS_BETTER | OF_PAIRS
    if name not in known:
        raise ValueError(f"unknown metric {name!r}; choose one of {', '.join(known)}")
    if not reports or any(name not in report.values for report in reports):
        raise ValueError(f"{name} is missing in some of {len(reports)} reports, or there are none; evaluate the run")
    protocols = list(dict.fromkeys(report.protocol for report in reports))
    if len(protocols) > 1:
        raise ValueError(f"reports of different protocols cannot be compared: {protocols[0]} and {protocols[1]}")
    sign = 1 if known[name] else -1
    return max(reports, key=lambda report: report.step), min(reports, key=lambda report: sign * report.values[name])


def _size(sides: Sequence[int]) -> tuple[int, int]:
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides):
        raise ValueError(f"size {list(sides)!r} given, height and width in pixels expected")
    return tuple(sides)


def _require_keys(what: str, record: Mapping, expected: set[str]) -> None:
    if set(record) != expected:
        missing, unknown = sorted(expected - set(record)), sorted(set(record) - expected)
        raise ValueError(f"this is no {what}: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}")

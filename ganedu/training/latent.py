"""Walk through the noise of a trained generator, and move along the direction of an attribute.

Taught in {ref}`ch-latent-space`.
"""

import inspect
import io
import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganedu import _memory, latent
from ganedu._files import write_atomically
from ganedu.metrics import attributes
from ganedu.training import run_folder
from ganedu.training.errors import TrainingError
from ganedu.training.loading import load
from ganedu.training.sampling import in_turns, labels_of
from ganedu.training.source import TENSOR

WALKS = {"slerp": latent.slerp, "lerp": latent.lerp}
AT_ONCE = 100  # images that are drawn together
BYTES_A_PIXEL = 24  # of an image that is kept: as floats, as bytes, on the sheet
FRAMES_A_SECOND = 20
LABELED = 2000  # samples that the judge labels
MEASURED = 500  # other samples, on which an edit is measured
FEWEST = 20  # samples with and without an attribute, from which a direction is taken
RANDOM = 5  # directions to compare with
EDITS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # columns of the sheet of an edit, in units of its size


@dataclass(frozen=True)
class Walked:
    """The files of a walk: a sheet with one walk in a row, an animation that goes there and back, and a video or None.

    Taught in {ref}`ch-latent-space`.
    """

    sheet: Path
    film: Path
    video: Path | None


@dataclass(frozen=True)
class Edited:
    """What an edit did. before, after: share of samples that the judge says have the attribute.

    changes: for each other question the change of that share; chance: the mean size of such changes, the attribute's
    own included, along random directions of the same length. spared: the attributes that the direction avoids.
    Taught in {ref}`ch-latent-space`.
    """

    attribute: str
    by: float
    before: float
    after: float
    changes: dict[str, float]
    chance: float
    spared: tuple[str, ...]
    sheet: Path

    def __str__(self) -> str:
        spared = f", sparing {', '.join(self.spared)}" if self.spared else ""
        largest = sorted(self.changes.items(), key=lambda item: -abs(item[1]))[:8]
        wide = max(map(len, self.changes), default=0)
        return "\n".join(
            [
                f"{self.attribute}: {self.before:.1%} of {MEASURED} samples before, {self.after:.1%} after a step of "
                f"{self.by:g}{spared}",
                f"what leaks, in percent points (a random step of this length: {100 * self.chance:.1f} in the mean)",
                *(f"  {name:{wide}} {100 * change:+6.1f}" for name, change in largest),
            ]
        )


def interpolate(
    run, *, rows=8, steps=9, frames=40, how="slerp", seed=0, classes=None, out=None, video=True, recipe=None, **which
) -> Walked:
    """Draw `rows` walks between samples of a run: a sheet with `steps` stops each, and an animation of all of them.

    how: "slerp" or "lerp". frames: of the animation, one way. classes: as for `ganedu sample`, one for each walk, if
    the recipe knows classes; drawn at random if None. out: of the sheet, RUN/samples/walk_seed_SEED.png if None; the
    animation lies beside it as .gif, and, if `video` and ffmpeg is installed, as .mp4. which: device, ema, previous,
    at, as for `ganedu.training.load`.
    Raises ValueError for fewer than 2 steps or frames, no row, an unknown walk, or what does not fit into memory;
    TrainingError for a recipe that draws nothing from noise.
    Taught in {ref}`ch-latent-space`.
    """
    run = Path(run)
    if how not in WALKS:
        raise ValueError(f"unknown walk {how!r}; choose {' or '.join(WALKS)}")
    if min(steps, frames) < 2 or rows < 1:
        raise ValueError(f"a walk needs 2 steps and frames at least, and 1 row, not {steps}, {frames} and {rows}")
    pictures = Pictures(run, recipe, seed=seed, classes=classes, **which)
    pixels = rows * (steps + frames) * math.prod(pictures.recipe.image_shape)
    _memory.require(BYTES_A_PIXEL * pixels, f"{rows} walks of {steps} steps and {frames} frames", "ask for fewer")
    ends, labels = pictures.noise(2 * rows).unflatten(0, (2, rows)), pictures.labels(rows)

    def along(count: int) -> Tensor:  # [count, rows, C, H, W]
        path = WALKS[how](*ends, torch.linspace(0, 1, count, device=ends.device))
        again = None if labels is None else labels.repeat(count)
        return pictures.of(path.flatten(0, 1), again).unflatten(0, (count, rows))

    sheet = Path(out or run / "samples" / f"walk_seed_{seed}.png")
    run_folder.write_samples(sheet, along(steps).transpose(0, 1).flatten(0, 1), columns=steps)
    there = [_pixels(frame) for frame in along(frames)]
    around = there + there[-2:0:-1]  # there and back, each end once
    film = sheet.with_suffix(".gif")
    _write_film(film, around)
    return Walked(sheet, film, _write_video(sheet.with_suffix(".mp4"), around) if video else None)


def edit(
    run,
    attribute,
    *,
    by=2.0,
    spare=(),
    n=8,
    seed=0,
    classes=None,
    out=None,
    root=None,
    cache=None,
    recipe=None,
    **which,
) -> Edited:
    """Find the direction of an attribute, draw n samples before and after a step along it, and measure what it changes.

    attribute: a question that the judge of the run's data set understands, see `ganedu.metrics.attributes.Judge`; by:
    length of the step, in units of the noise. spare: other questions, whose directions it is made orthogonal to. The
    judge labels LABELED samples, and is trained first if it is not in the cache. out: of the sheet, which shows one
    sample in each row, moved by -by to by; RUN/samples/edit_ATTRIBUTE.png if None. classes, which: see `interpolate`.
    Raises ValueError for an unknown attribute, one that is asked for and spared, one that too few of the samples have
    or lack, a step of 0, and a data set that knows nothing of its images; TrainingError as `interpolate` does.
    Taught in {ref}`ch-latent-space`; Shen et al. 2020.
    """
    run = Path(run)
    if n < 1 or not math.isfinite(by) or by == 0:
        raise ValueError(f"an edit needs at least 1 sample and a step that is a number but 0, not {n} and {by}")
    pictures = Pictures(run, recipe, seed=seed, classes=classes, **which)
    judge = _judge_of(run, pictures.recipe, root, cache)
    asked, others = judge.question(attribute), [judge.question(each) for each in spare]
    if any(asked[1:] == each[1:] for each in others):
        raise ValueError(f'"{attribute}" cannot be changed and spared')
    pixels = (LABELED + MEASURED + n) * math.prod(pictures.recipe.image_shape)
    _memory.require(BYTES_A_PIXEL * pixels, f"judging {LABELED} samples", "use a smaller run")
    z = pictures.noise(LABELED)
    has = judge.answers(pictures.of(z, pictures.labels(LABELED)), [asked, *others]) > 0
    directions = [_direction(z, column, each) for column, each in zip(has.T, [asked, *others], strict=True)]
    direction = latent.without(directions[0], torch.stack(directions[1:])) if others else directions[0]
    sheet = Path(out or run / "samples" / f"edit_{re.sub(r'[^a-z0-9]+', '_', attribute.lower()).strip('_')}.png")
    _draw_edits(sheet, pictures, direction, by, n)
    return _measured(judge, pictures, asked, direction, by, tuple(spare), sheet)


class Pictures:
    """What a trained recipe draws from noise that somebody else chose.

    run: folder; recipe: the class, if the run was given one; seed: of `noise`, of classes, and of whatever else the
    recipe draws, the same for all images.
    Raises TrainingError for a recipe that draws nothing from noise.
    Taught in {ref}`ch-latent-space`.
    """

    def __init__(self, run, recipe=None, *, seed=0, classes=None, device="cpu", ema=True, previous=False, at=None):
        self.recipe = load(run, recipe=recipe, device=device, ema=ema, previous=previous, at=at)
        if not hasattr(self.recipe, "sample") or not hasattr(self.recipe, "noise"):
            raise TrainingError(f"{run} is a run of {self.recipe.name}, which draws nothing from noise")
        if len(self.recipe.image_shape) != 3:
            raise TrainingError(f"{run} is a run of {self.recipe.name}, which makes no pictures")
        self.run, self.seed, self.random = run, seed, torch.Generator(device).manual_seed(seed)
        self.conditional = "labels" in inspect.signature(self.recipe.sample).parameters
        if classes is not None and not self.conditional:
            raise ValueError(f"{self.recipe.name} has no --classes; leave it out")
        self.chosen = None if classes is None else labels_of(classes, self.recipe.classes)

    def noise(self, n: int) -> Tensor:
        """n fresh latent vectors [n, d]."""
        return self.recipe.noise(n, self.random)

    def labels(self, n: int) -> Tensor | None:
        """Classes for n images, those that were chosen in turns, else drawn; None for a recipe without classes."""
        if not self.conditional:
            return None
        device = self.recipe.device
        if self.chosen is not None:
            return in_turns(self.chosen, n).to(device)
        return torch.randint(len(self.recipe.classes), (n,), generator=self.random, device=device)

    def of(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The images [n, C, H, W] in [-1, 1] of noise [n, d], of the classes int64 [n], on the CPU."""
        parts = zip(z.split(AT_ONCE), [None] * len(z) if labels is None else labels.split(AT_ONCE), strict=False)
        return torch.cat([self._of(*part).float().cpu() for part in parts])

    def _of(self, z: Tensor, labels: Tensor | None) -> Tensor:
        options = {} if labels is None else {"labels": labels}
        with self._given(z) as taken:
            images = self.recipe.sample(len(z), torch.Generator(z.device).manual_seed(self.seed), **options)
        if not taken:
            raise TrainingError(f"{self.run} is a run of {self.recipe.name}, whose images do not start from noise")
        return images

    @contextmanager
    def _given(self, z: Tensor) -> Iterator[list]:
        """`recipe.noise` hands out z, once; what is yielded is filled when it did."""
        taken: list[bool] = []

        def noise(n: int, random: torch.Generator) -> Tensor:
            taken.append(True)
            return z

        self.recipe.noise = noise
        try:
            yield taken
        finally:
            del self.recipe.noise


def _judge_of(run: Path, recipe, root, cache) -> attributes.Judge:
    about = run_folder.read_config(run)["data"]
    if about["name"] == TENSOR:
        raise ValueError(f"{run} learned from images without a name, so nothing is known of what they show")
    return attributes.judge(about["name"], size=recipe.image_shape[1], root=root or about.get("root"), cache=cache)


def _direction(z: Tensor, has: Tensor, asked: attributes.Question) -> Tensor:
    has, count = has.to(z.device), int(has.sum())
    if not FEWEST <= count <= len(has) - FEWEST:
        few = "have" if count < FEWEST else "lack"
        raise ValueError(
            f'{min(count, len(has) - count)} of {len(has)} samples {few} "{asked.text}", too few to find a direction'
        )
    return latent.mean_direction(z, has)


def _draw_edits(sheet: Path, pictures: Pictures, direction: Tensor, by: float, n: int) -> None:
    z, labels = pictures.noise(n), pictures.labels(n)
    moved = torch.stack([z + size * by * direction for size in EDITS], dim=1).flatten(0, 1)
    images = pictures.of(moved, None if labels is None else labels.repeat_interleave(len(EDITS)))
    run_folder.write_samples(sheet, images, columns=len(EDITS))


def _measured(judge, pictures: Pictures, asked, direction: Tensor, by: float, spare: tuple, sheet: Path) -> Edited:
    z, labels = pictures.noise(MEASURED), pictures.labels(MEASURED)
    other = [each for each in judge.all_questions() if each[1:] != asked[1:]]

    def shares(step: Tensor) -> Tensor:
        return (judge.answers(pictures.of(z + step, labels), [asked, *other]) > 0).double().mean(0)

    before, after = shares(torch.zeros_like(direction)), shares(by * direction)
    steps = torch.randn(RANDOM, len(direction), generator=pictures.random, device=direction.device)
    chance = [(shares(by * step / step.norm()) - before).abs().mean().item() for step in steps]
    changes = dict(zip([each.text for each in other], (after - before)[1:].tolist(), strict=True))
    return Edited(asked.text, by, before[0].item(), after[0].item(), changes, sum(chance) / RANDOM, spare, sheet)


def _pixels(images: Tensor) -> np.ndarray:
    """Images [n, C, H, W] in [-1, 1] as one RGB picture [h, w, 3], as on a sheet, both sides even for video."""
    pixels = run_folder.sheet(images).repeat(3 // images.shape[1], axis=2)
    return np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), constant_values=255)


def _write_film(path: Path, frames: list[np.ndarray]) -> None:
    first, *rest = [Image.fromarray(frame).quantize(255) for frame in frames]
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=rest, duration=1000 // FRAMES_A_SECOND, loop=0)
    write_atomically(path, buffer.getvalue())


def _write_video(path: Path, frames: list[np.ndarray]) -> Path | None:
    """The frames as MP4, if ffmpeg is there and knows how; the film is there in any case."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    height, width, _ = frames[0].shape
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FRAMES_A_SECOND), "-i", "-"]
    command = [program, "-y", "-loglevel", "error", *given, "-pix_fmt", "yuv420p", str(path.absolute())]
    done = subprocess.run(command, input=b"".join(map(bytes, frames)), capture_output=True, check=False)
    if done.returncode != 0:
        path.unlink(missing_ok=True)
        return None
    return path

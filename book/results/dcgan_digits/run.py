"""The miniatures of chapter 19 beyond its own steps: `python book/results/dcgan_digits/run.py`, about 10 minutes of one
CPU thread.

Three trials on the digits at 16 x 16 pixels, each over some seeds; seed 0 has the random numbers of the chapter.
gray: without a bias in D, real and fake images judged in two passes, in one, or in one only for D; measured
as they come and repaired, that is, with a factor, a shift or both that make contrast or mean of all samples together
those of the data. longer: the chapter's run for 2000 steps. checkerboard: the three ways to double the
side in article 004's generator, for 300 steps. Numbers go to metrics.json, their circumstances to provenance.json,
sixteen samples of seed 0 of each of the rows of gray to gray.png, real digits first.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganedu import data, metrics, recipes
from ganedu.data import kinds
from ganedu.data.batches import DeviceBatches
from ganedu.metrics import features
from ganedu.networks import article
from ganedu.training.ema import Average

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402

SEEDS, SHOWN, LAST = 5, 16, 20  # seeds of each trial; samples in the picture; steps whose losses are averaged
GRAY, LONGER, CHECKS = 500, (400, 500, 1000, 2000), (0, 5, 10, 20, 30, 40, 100, 200, 300)
DIGITS = data.load("digits", size=16).images
REAL = data.to_floats(DIGITS, torch.float32)
CLASSIFIER = features.network("digits")
OF_REAL = CLASSIFIER.extract(DIGITS).features
Dcgan, Article = recipes.get("dcgan"), recipes.get("article-gan")


class OnePassOfD(Dcgan):
    """D's step judges real and fake images as one batch; G's step passes its fakes alone."""

    def discriminator_loss(self, real, fake, drawn):
        loss = self.loss.discriminator(*self._judge(torch.cat([real, fake])).chunk(2))
        return loss, {"loss_d": loss.detach()}


class OnePass(OnePassOfD):
    """Both players' steps judge real and fake images as one batch."""

    def generator_loss(self, real, fake):
        return self.loss.generator(self._judge(torch.cat([real, fake])).chunk(2)[1])


PASSES = {"two passes": Dcgan, "one pass": OnePass, "one pass for D alone": OnePassOfD}


def distance(images: Tensor) -> float:
    """Fréchet distance of as many images to the training set, [n, 1, 16, 16], cut to the range of pixels."""
    made = CLASSIFIER.extract(images.clamp(-1, 1)).features
    return round(metrics.frechet_from_features(made, OF_REAL).item(), 3)


def trained(kind: type, config, seed: int, stops: tuple[int, ...]):
    """Train as the chapter does; at each of the stops yields 1541 averaged samples and D's late loss."""
    recipe = kind(config, image_shape=(1, 16, 16), seed=seed)
    batches = DeviceBatches(kinds.Images(DIGITS), config.batch_size, device="cpu", seed=seed)
    average = Average(recipe.networks["generator"], decay=0.999)
    random, losses = torch.Generator().manual_seed(seed + 1), []
    for step in range(1, stops[-1] + 1):
        losses.append(recipe.step(batches.next(), random)["loss_d"])
        average.update(recipe.networks["generator"], step)
        if step in stops:
            noise = torch.Generator().manual_seed(9)
            samples = recipe.sample(len(DIGITS), noise, generator=average.network)
            yield samples, torch.stack(losses[-LAST:]).mean().item()


def measures(samples: Tensor, loss: float) -> dict[str, float]:
    """Background and Fréchet distances of samples [n, 1, 16, 16], as they come and repaired, beside D's late loss."""
    factor, shift = REAL.std() / samples.std(), REAL.mean() - samples.mean()
    return {
        "background": round(samples[..., 0].median().item(), 4),  # of the left column
        "loss_d": round(loss, 5),
        "factor": round(factor.item(), 4),
        "as it is": distance(samples),
        "contrast": distance(samples * factor),
        "mean": distance(samples + shift),
        "mean and contrast": distance((samples - samples.mean()) * factor + REAL.mean()),
    }


def over_seeds(kind: type, **changes) -> tuple[dict[str, list], Tensor]:
    """What is measured of the miniature after GRAY steps, and the samples of seed 0."""
    config = replace(Dcgan.Config().small(), **changes)
    ends = [next(trained(kind, config, seed, (GRAY,))) for seed in range(SEEDS)]
    found = [measures(*end) for end in ends]
    return {key: [each[key] for each in found] for key in found[0]}, ends[0][0]


def gray() -> tuple[dict, Tensor]:
    """What each way of judging leaves after some steps, and the picture's rows [n, SHOWN, 1, 16, 16]."""
    found, rows = {}, [REAL[:SHOWN]]
    for name, kind in PASSES.items():
        found[name], samples = over_seeds(kind, bias=False)
        rows.append(samples[:SHOWN])
        rows += [samples[:SHOWN] * REAL.std() / samples.std()] if name == "two passes" else []
    return found, torch.stack(rows)


def longer() -> dict:
    """The Fréchet distance of the chapter's run at some steps, a list for each seed."""
    config = Dcgan.Config().small()
    found = [[distance(samples) for samples, _ in trained(Dcgan, config, seed, LONGER)] for seed in range(SEEDS)]
    return {"steps": LONGER, "frechet_distance": found}


def grid_share(images: Tensor) -> float:
    """The grid share of chapter 18 for period two, above and below averaged over the images."""
    sign = (-1.0) ** torch.arange(16)
    patterns = torch.stack([sign[:, None].expand(16, 16), sign.expand(16, 16), sign[:, None] * sign])
    x = images - images.mean((2, 3), keepdim=True)
    return ((x * patterns).mean((2, 3)).square().sum(1).mean() / x.square().mean()).item()


def checkerboard() -> dict:
    """Grid shares of the samples on the way, a list for each seed of each way to double the side."""
    found = {kind: [] for kind in article.UPSAMPLINGS}
    for kind, runs in found.items():
        for seed in range(SEEDS):
            config, shares = replace(Article.Config().small(), upsampling=kind), []
            recipe = Article(config, image_shape=(1, 16, 16), seed=seed)
            batches = DeviceBatches(kinds.Images(DIGITS), config.batch_size, device="cpu", seed=seed)
            random = torch.Generator().manual_seed(seed + 1)
            for step in range(CHECKS[-1] + 1):
                if step in CHECKS:
                    shares.append(round(grid_share(recipe.sample(256, random)), 6))
                recipe.step(batches.next(), random)
            runs.append(shares)
    return {"steps": CHECKS, "of_real": round(grid_share(REAL), 6), "shares": found}


def main() -> None:
    torch.set_num_threads(1)
    provenance, start = circumstances(HERE), time.time()
    judged, rows = gray()
    settings = {"seeds": SEEDS, "samples": len(DIGITS), "gray_steps": GRAY, "losses_averaged": LAST}
    found = {"settings": settings, "gray": judged, "longer": longer(), "checkerboard": checkerboard()}
    sheet = data.to_bytes(rows.clamp(-1, 1))[:, :, 0].transpose(1, 2).flatten(2).flatten(0, 1)
    Image.fromarray(sheet.numpy()).save(HERE / "gray.png")
    keep(HERE, found, provenance | {"seeds": list(range(SEEDS)), "wall_seconds": round(time.time() - start)})


if __name__ == "__main__":
    main()

"""The CPU run of chapter 22 on drawn faces: `python book/results/stylegan_avatars/run.py`, one thread.

First it trains the recipe's miniature on avatars at 32 x 32 pixels. The state is kept under _build/stylegan_avatars
every 250 steps, so that a run that was stopped goes on where it was. Then a reader of the ten attributes, a small
network that has seen real faces only, looks at the averaged generators: how near their faces are to real ones, which
attributes an image takes from the style of which layer, and how well a linear classifier reads them from z and from w.
Last, 1000 steps each with other weights of R1, and their distances.
"""

import sys
import time
from dataclasses import asdict, replace
from itertools import pairwise
from math import log
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

from ganedu import data, recipes
from ganedu.data import avatars, kinds
from ganedu.data.batches import DeviceBatches
from ganedu.metrics.frechet import frechet_from_features
from ganedu.networks.stylegan import Mapping
from ganedu.training import run_folder
from ganedu.training.ema import Average

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402

PARTS = HERE.parents[2] / "_build" / "stylegan_avatars"
STEPS, EVERY, DECAY, SEED = 5_000, 250, 0.999, 0
KEPT = (500, 1000, 2000, 4000)
EPOCHS, FEWEST = 5, 200
WEIGHTS, SHORT = (0.0125, 0.1, 1.0, 10.0), 1000
Recipe = recipes.get("stylegan")


def new_run(**changes):
    """The recipe, its batches, its averaged generator and its random numbers."""
    config = replace(Recipe.Config().small(), **changes)
    recipe = Recipe(config, image_shape=(3, config.size, config.size), seed=SEED)
    images = kinds.Images(avatars.load("train").images)
    batches = DeviceBatches(images, config.batch_size, device="cpu", seed=SEED, size=config.size, flip=config.flip)
    average = Average(recipe.networks["generator"], decay=DECAY)
    return recipe, batches, average, torch.Generator().manual_seed(SEED)


def train():
    """Train to STEPS; returns the averaged generators of the steps KEPT, the rows and the seconds of CPU."""
    recipe, batches, average, random = new_run()
    groups = [group for optimizer in recipe.optimizers.values() for group in optimizer.param_groups]
    rates = [group["lr"] for group in groups]
    state, kept, rows, step, before = PARTS / "state.pt", {}, [], 0, 0.0
    if state.is_file():
        found = torch.load(state, weights_only=True)
        step, before, rows, kept = found["step"], found["seconds"], found["rows"], found["kept"]
        for name in recipe.networks:
            recipe.networks[name].load_state_dict(found["networks"][name])
            recipe.optimizers[name].load_state_dict(found["optimizers"][name])
        recipe.load_extra_state(found["extra"])
        average.network.load_state_dict(found["average"])
        batches.load_state_dict(found["batches"])
        random.set_state(found["random"])
    began = time.process_time()
    while step < STEPS:
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * recipe.learning_rate_factor(step, STEPS)
        scalars = recipe.step(batches.next(), random)
        step += 1
        average.update(recipe.networks["generator"], step)
        if step in KEPT:
            kept[step] = {name: value.clone() for name, value in average.network.state_dict().items()}
        if step % EVERY == 0:
            seconds = before + time.process_time() - began
            rows.append({"step": step, **{name: round(value.item(), 4) for name, value in scalars.items()}})
            print(rows[-1], f"{seconds:.0f} s", flush=True)
            PARTS.mkdir(parents=True, exist_ok=True)
            found = {"step": step, "seconds": seconds, "rows": rows, "kept": kept, "extra": recipe.extra_state()}
            found |= {"networks": {name: network.state_dict() for name, network in recipe.networks.items()}}
            found |= {"optimizers": {name: each.state_dict() for name, each in recipe.optimizers.items()}}
            found |= {"average": average.network.state_dict(), "batches": batches.state_dict()}
            torch.save(found | {"random": random.get_state()}, state.with_suffix(".new"))
            state.with_suffix(".new").replace(state)
    kept[STEPS] = average.network.state_dict()
    return kept, rows, before + time.process_time() - began


def with_weight(weight: float):
    """The averaged generator after SHORT steps with another weight of R1, and its recipe; no rate falls so early."""
    recipe, batches, average, random = new_run(penalty_weight=weight)
    for step in range(1, SHORT + 1):
        recipe.step(batches.next(), random)
        average.update(recipe.networks["generator"], step)
    return recipe, average.network


class Reader(nn.Module):
    """Faces [B, 3, 32, 32] to 64 features and, for each attribute, the logits of its values."""

    def __init__(self):
        super().__init__()
        widths, layers = (3, 24, 48, 64), []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 4, 64), nn.ReLU())
        self.sizes = [len(each.values) for each in avatars.ATTRIBUTES]
        self.answers = nn.Linear(64, sum(self.sizes))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = self.features(x)
        return features, list(self.answers(features).split(self.sizes, 1))


def learn_to_read(train, test) -> tuple[Reader, dict[str, float]]:
    """A reader, and how often it is right on the test faces."""
    torch.manual_seed(SEED)
    reader, random = Reader(), torch.Generator().manual_seed(SEED)
    adam = torch.optim.Adam(reader.parameters(), lr=2e-3)
    x, steps = small(train), EPOCHS * len(train) // 64
    for step in range(steps):
        adam.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
        rows = torch.randint(len(x), (64,), generator=random)
        _, answers = reader(data.to_floats(x[rows]))
        labels = train.attributes[rows].T
        adam.zero_grad()
        sum(F.cross_entropy(answer, label) for answer, label in zip(answers, labels, strict=True)).backward()
        adam.step()
    reader.eval()
    _, values, _ = read(reader, data.to_floats(small(test)))
    right = (values == test.attributes).double().mean(0).tolist()
    return reader, dict(zip(avatars.NAMES, (round(each, 4) for each in right), strict=True))


@torch.no_grad()
def read(reader: Reader, images: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Features [n, 64], values [n, 10] and, for each attribute, the probabilities of its values."""
    parts = [reader(part) for part in images.split(512)]
    features = torch.cat([part[0] for part in parts]).double()
    chances = [torch.cat(each).double().softmax(1) for each in zip(*(part[1] for part in parts), strict=True)]
    return features, torch.stack([each.argmax(1) for each in chances], 1), chances


def small(found) -> Tensor:
    return data.resize(found.images, 32)


@torch.no_grad()
def sample(recipe, generator, n: int, seed: int, **options) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    parts = [recipe.sample(512, random, generator=generator, **options) for _ in range(-(-n // 512))]
    return torch.cat(parts)[:n]


@torch.no_grad()
def inherited(recipe, generator, reader, n: int = 1024) -> dict:
    """For each switch, how often a mixed face has its coarse source's value and its fine one's, where these differ."""
    random = torch.Generator().manual_seed(2)
    z, other = torch.randn(2, n, recipe.latent_dim, generator=random)
    noises = recipe.pixel_noise(n, random)

    def values(styles):
        parts = zip(styles.split(512), *(noise.split(512) for noise in noises), strict=True)
        images = torch.cat([generator.synthesis(part, list(noise)).clamp(-1, 1) for part, *noise in parts])
        return read(reader, images)[1]

    coarse, fine = values(generator.styles(z)), values(generator.styles(other))
    differ, table = coarse != fine, {}
    for switch in range(1, generator.layers):
        mixed = values(generator.styles(z, other, switch))
        shares = [((mixed == source) & differ).double().sum(0) / differ.sum(0) for source in (coarse, fine)]
        table[switch] = {
            name: [round(a, 4), round(b, 4)]
            for name, a, b in zip(avatars.NAMES, *map(Tensor.tolist, shares), strict=True)
        }
    return table


def questions(chances: list[Tensor]) -> dict[str, Tensor]:
    """The probability [n] of yes for each question that has two answers."""
    column = dict(zip(avatars.NAMES, chances, strict=True))
    return {
        "glasses": 1 - column["glasses"][:, 0],
        "beard": 1 - column["beard"][:, 0],
        "brown or dark skin": column["skin"][:, 2:].sum(1),
        "black or brown hair": column["hair color"][:, :2].sum(1),
        "white or blue ground": column["background"][:, :2].sum(1),
        "red or yellow clothes": column["clothes color"][:, [3, 5]].sum(1),
    }


def left_over(said: np.ndarray, true: np.ndarray) -> float:
    """H(true | said) in nats, for arrays of 0 and 1."""
    total = 0.0
    for answer in (0, 1):
        here = true[said == answer]
        for share in (here.mean(), 1 - here.mean()) if len(here) else ():
            total -= len(here) / len(true) * (share * log(share) if share > 0 else 0.0)
    return float(total)


@torch.no_grad()
def separability(recipe, generator, reader, n: int = 8192) -> dict:
    """For each question: what a linear classifier of z, and of w, misreads and leaves over.

    Of the faces with yes and of those with no, the half counts of which the reader is surer. The classifier is fitted
    to the first half of these, tried on the second. The interval of the difference is by 2000 resamplings of the
    second. "untrained" is the space of a mapping network of the same shape with random weights.
    """
    random, rows = torch.Generator().manual_seed(3), {}
    z = torch.randn(n, recipe.latent_dim, generator=random)
    parts = [
        generator.synthesis(generator.styles(part), recipe.pixel_noise(len(part), random)) for part in z.split(512)
    ]
    chances = read(reader, torch.cat(parts).clamp(-1, 1))[2]
    torch.manual_seed(SEED + 1)
    untrained = Mapping(recipe.latent_dim, depth=recipe.config.depth, slow=recipe.config.slow)
    points = {"z": z, "w": generator.mapping(z), "untrained": untrained(z)}
    for name, yes in questions(chances).items():
        sides = [side for side in (yes > 0.5, yes <= 0.5) if side.sum() >= FEWEST]
        if len(sides) < 2:
            continue
        surest = [side & ((yes - 0.5).abs() >= (yes - 0.5).abs()[side].median()) for side in sides]
        sure = (surest[0] | surest[1]).numpy()
        true, wrong, row = (yes > 0.5).numpy()[sure].astype(int), {}, {}
        half = len(true) // 2
        for space, all_points in points.items():
            x = all_points.double().numpy()[sure]
            x = (x - x[:half].mean(0)) / x[:half].std(0)
            said = LogisticRegression(C=1.0, max_iter=2000).fit(x[:half], true[:half]).predict(x[half:])
            wrong[space] = (said != true[half:]).astype(float)
            row |= {f"misread_{space}": wrong[space].mean(), f"entropy_{space}": left_over(said, true[half:])}
        draws = np.random.default_rng(0).integers(len(true) - half, size=(2000, len(true) - half))
        differences = (wrong["z"] - wrong["w"])[draws].mean(1)
        row["faces"], row["yes"], row["interval"] = (
            len(true),
            true.mean(),
            np.quantile(differences, [0.025, 0.975]).tolist(),
        )
        rows[name] = {key: np.round(value, 4).tolist() for key, value in row.items()}
    return rows


def path_lengths(recipe, generator, n: int = 2048, step: float = 1e-3) -> dict:
    """Mean squared speed of images, summed over pixels, on straight ways between two z and two w, at random places."""
    random = torch.Generator().manual_seed(4)
    first, second = torch.randn(2, n, recipe.latent_dim, generator=random)
    t, found = torch.rand(n, 1, generator=random), {}
    noises = [torch.zeros(shape) for shape in generator.synthesis.noise_shapes(1)]
    with torch.no_grad():
        for name, ends in (("z", (first, second)), ("w", (generator.mapping(first), generator.mapping(second)))):
            speeds = []
            for a, b, place in zip(*(each.split(256) for each in (*ends, t)), strict=True):
                pair = [torch.lerp(a, b, each) for each in (place, place + step)]
                pair = [generator.mapping(each) for each in pair] if name == "z" else pair
                images = [generator.synthesis(w[:, None].repeat(1, generator.layers, 1), noises) for w in pair]
                speeds.append(((images[1] - images[0]) / step).square().sum((1, 2, 3)))
            speeds = torch.cat(speeds)
            found[name] = [round(speeds.mean().item(), 2), round((1.96 * speeds.std() / n**0.5).item(), 2)]
    return found


def main():
    torch.set_num_threads(1)
    about, began = circumstances(HERE), time.monotonic()
    kept, rows, seconds = train()
    train_set, test_set = avatars.load("train"), avatars.load("test")
    reader, accuracy = learn_to_read(train_set, test_set)
    recipe, _, average, _ = new_run()
    real, again = (read(reader, data.to_floats(small(each)))[0] for each in (test_set, train_set))

    def distance(recipe, network):
        return frechet_from_features(read(reader, sample(recipe, network, 2048, 5))[0], real).item()

    distances = {"between real faces": frechet_from_features(again[:2048], real).item()}
    for step, weights in kept.items():
        average.network.load_state_dict(weights)
        distances[f"step {step}"] = distance(recipe, average.network)
    short = {str(weight): round(distance(*with_weight(weight)), 3) for weight in WEIGHTS}
    generator = average.network
    metrics = {
        "recipe": {"name": "stylegan", "config": asdict(recipe.config), "steps": STEPS, "average": DECAY},
        "rows": rows[3::4],
        "reader": accuracy,
        "weights of R1": short,
        "frechet": {name: round(value, 3) for name, value in distances.items()},
        "inherited": inherited(recipe, generator, reader),
        "separability": separability(recipe, generator, reader),
        "path_lengths": path_lengths(recipe, generator),
    }
    run_folder.write_samples(HERE / "samples.png", sample(recipe, generator, 64, 6))
    strip = [sample(recipe, generator, 8, 8, truncation=psi) for psi in (0.0, 0.4, 0.7, 1.0)]
    run_folder.write_samples(HERE / "truncation.png", torch.cat(strip))
    provenance = about | {
        "seeds": [SEED],
        "cpu_seconds_of_training": round(seconds, 1),
        "wall_seconds": round(time.monotonic() - began, 1),
    }
    keep(HERE, metrics, provenance)


if __name__ == "__main__":
    main()

"""Four questions to small generators: `python book/results/responsible_use/run.py`, about six minutes on one thread.

membership: does D know who was in the training set? augmentation: do invented digits help a classifier? detectors: does
a detector of one generator's pictures find those of another? shares: what does truncation make of a class of one tenth?
MNIST and Fashion-MNIST are downloaded if they are not there. A part that has ended is kept under
_build/responsible_use, so that a run that was stopped goes on; results go to metrics.json beside this file, their
circumstances to provenance.json.
"""

import hashlib
import json
import platform
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganedu import data, metrics, recipes
from ganedu.data import kinds

HERE = Path(__file__).resolve().parent
PARTS = HERE.parents[2] / "_build" / "responsible_use"


def random(*seed: int) -> torch.Generator:
    """Random numbers for one purpose."""
    return torch.Generator().manual_seed(sum(part * 1000**i for i, part in enumerate(seed)))


def floats(name: str, split: str = "train", size: int | None = None) -> tuple[Tensor, Tensor]:
    """Images in [-1, 1], and labels."""
    found = data.load(name, split, size=size)
    return data.to_floats(found.images, torch.float32), found.labels


def trained(name: str, images: Tensor, steps: int, seed: int, look=None, every: int = 0, **choices):
    """A recipe's miniature after `steps` steps on `images`; look(recipe, step) is called every so many steps."""
    kind = recipes.get(name)
    config = replace(kind.Config().small(), **choices)
    recipe = kind(config, image_shape=tuple(images.shape[1:]), seed=seed)
    draws, order = random(seed, 1), random(seed, 2)
    rates = {player: optimizer.param_groups[0]["lr"] for player, optimizer in recipe.optimizers.items()}
    for step in range(1, steps + 1):
        for player, optimizer in recipe.optimizers.items():
            optimizer.param_groups[0]["lr"] = rates[player] * recipe.learning_rate_factor(step - 1, steps)
        which = torch.randint(len(images), (config.batch_size * recipe.n_real,), generator=order)
        recipe.step(kinds.Images(images[which]), draws)
        if look and step % every == 0:
            look(recipe, step)
    return recipe


# --- membership ---------------------------------------------------------------------------------------------------

MEMBERSHIP = {"seeds": 5, "members": (100, 1000), "steps": 3000, "every": 500, "asked": 500, "samples": 2000}
MEMBERSHIP |= {"learning_rate": 1e-3}


def membership(members: int, seed: int) -> list[dict]:
    """How D and the nearest samples of the fully connected GAN rank members and others, on the 8 x 8 digits."""
    images, _ = floats("digits")
    images = images[torch.randperm(len(images), generator=random(seed, 3))]
    inside, outside = images[:members], images[-MEMBERSHIP["asked"] :]
    rows = []

    def look(recipe, step):
        judge = recipe.networks["discriminator"]
        with torch.no_grad():
            ins, outs = judge(inside), judge(outside)
        samples = recipe.sample(MEMBERSHIP["samples"], random(seed, 4)).flatten(1)
        near = [-torch.cdist(group.flatten(1), samples).amin(1) for group in (inside, outside)]
        rows.append(
            {
                "step": step,
                "d_members": ins.sigmoid().mean().item(),
                "d_others": outs.sigmoid().mean().item(),
                "auc_discriminator": metrics.two_alternatives(ins, outs),
                "auc_samples": metrics.two_alternatives(*near),
            }
        )

    rate = MEMBERSHIP["learning_rate"]
    trained("mlp", inside, MEMBERSHIP["steps"], seed, look, MEMBERSHIP["every"], learning_rate=rate)
    return rows


# --- augmentation -------------------------------------------------------------------------------------------------

AUGMENTATION = {"seeds": 5, "real": 200, "more": 1541, "synthetic": 2000, "steps": 3000, "classifier_steps": 600}
AUGMENTATION |= {"learning_rate": 2e-4}


def augmentation(seed: int) -> dict[str, float]:
    """Test accuracy of a classifier from 200 digits: alone, with moved copies, with samples of two generators."""
    images, labels = floats("digits")
    order = torch.randperm(len(images), generator=random(seed, 3))
    images, labels = images[order], labels[order]
    test = floats("digits", "test")
    few = images[: AUGMENTATION["real"]], labels[: AUGMENTATION["real"]]
    sets = {"real alone": few, "with moved copies": join(few, moved(*few))}
    for name, known in (("with samples, same 200 digits", few), ("with samples, all 1541 digits", (images, labels))):
        options = {"size": 9, "learning_rate": AUGMENTATION["learning_rate"]}
        recipe = trained("mlp", joint(*known), AUGMENTATION["steps"], seed, **options)
        sets[name] = join(few, apart(recipe.sample(AUGMENTATION["synthetic"], random(seed, 4))))
    return {name: accuracy(classifier(*each, seed), *test) for name, each in sets.items()}


def joint(images: Tensor, labels: Tensor) -> Tensor:
    """Pixels and label of each digit as one picture of 9 x 9 numbers: 64 pixels, 10 for the label, 7 without use."""
    label = 2.0 * F.one_hot(labels, 10) - 1
    return torch.cat([images.flatten(1), label, -torch.ones(len(images), 7)], 1).reshape(-1, 1, 9, 9)


def apart(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Images and labels of such pictures; the label is the largest of the ten numbers."""
    flat = pictures.flatten(1)
    return flat[:, :64].reshape(-1, 1, 8, 8), flat[:, 64:74].argmax(1)


def moved(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """All four copies that are moved by one pixel, paper coming in at the edge."""
    padded = F.pad(images, (1, 1, 1, 1), value=-1.0)
    copies = [padded[:, :, top : top + 8, left : left + 8] for top, left in ((0, 1), (2, 1), (1, 0), (1, 2))]
    return torch.cat(copies), labels.repeat(4)


def join(one, other):
    return tuple(torch.cat(pair) for pair in zip(one, other, strict=True))


def classifier(images: Tensor, labels: Tensor, seed: int) -> nn.Module:
    """A network with one hidden layer, trained for as many steps whatever the number of images."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    adam, order = torch.optim.Adam(network.parameters(), lr=2e-3), random(seed, 5)
    for _ in range(AUGMENTATION["classifier_steps"]):
        which = torch.randint(len(images), (64,), generator=order)
        adam.zero_grad()
        F.cross_entropy(network(images[which]), labels[which]).backward()
        adam.step()
    return network


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return (network(images).argmax(1) == labels).double().mean().item()


# --- detectors ----------------------------------------------------------------------------------------------------

# DCGAN's miniature as it was: without a bias in D's first convolution, D at a tenth of G's rate. Both have changed
# since, and are named here so that the stored numbers stay.
BEFORE = {"bias": False, "learning_rate_d": 1e-4}

DETECTORS = {"data": "fashion-mnist", "steps": 500, "seeds": 2, "each": 1000}
GENERATORS = {
    "DCGAN": ("dcgan", BEFORE),
    "DCGAN, kernel 5": ("dcgan", BEFORE | {"kernel": 5}),
    "article, resized": ("article-gan", {"upsampling": "resize"}),
    "WGAN-GP": ("wgan-gp", {}),
    "SNGAN": ("sngan", {}),
}


def pictures(name: str, seed: int) -> Tensor:
    """2000 samples of one trained generator, uint8 [2000, 1, 16, 16]."""
    recipe, choices = GENERATORS[name]
    images, _ = floats(DETECTORS["data"], size=16)
    made = trained(recipe, images, DETECTORS["steps"], seed, **choices)
    return data.to_bytes(made.sample(2 * DETECTORS["each"], random(seed, 4)))


def spectrum(images: Tensor) -> Tensor:
    """The logarithm of the power at every frequency, [n, 16 * 9], of bytes [n, 1, 16, 16]."""
    power = torch.fft.rfft2(data.to_floats(images, torch.float64)[:, 0]).abs().square()
    return (power + 1e-3).log().flatten(1)


def low_passed(images: Tensor) -> Tensor:
    """Bytes after (1, 2, 1) / 4 along both axes, the edge repeated."""
    line = torch.tensor([0.25, 0.5, 0.25])
    padded = F.pad(images.float(), (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, (line[:, None] * line)[None, None]).round().to(torch.uint8)


def logistic(real: Tensor, fake: Tensor):
    """A linear detector on standardized features, with a little weight decay; returns its score."""
    both = torch.cat([real, fake])
    mean, std = both.mean(0), both.std(0)
    x, y = (both - mean) / std, torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).double()
    w = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = F.binary_cross_entropy_with_logits(x @ w[1:] + w[0], y) + 1e-3 * w[1:].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return lambda features: (features - mean) / std @ w[1:].detach() + w[0].detach()


def detectors() -> dict:
    """Area under the ROC of each detector on each generator: the same network, another seed, after a low-pass."""
    real = data.load(DETECTORS["data"], "test", size=16).images[: 2 * DETECTORS["each"]]
    n = DETECTORS["each"]
    made = {
        (name, seed): torch.tensor(part(f"pictures {name} {seed}", lambda n=name, s=seed: pictures(n, s).tolist()))
        for name in GENERATORS
        for seed in range(DETECTORS["seeds"])
    }
    made = {key: images.to(torch.uint8) for key, images in made.items()}
    table: dict[str, dict] = {}
    for name in GENERATORS:
        score = logistic(spectrum(real[:n]), spectrum(made[name, 0][:n]))
        rows: dict[str, list[float]] = {"same": [], "other seed": [], "low-passed": []}
        for other in GENERATORS:
            for row, seed, change in (("same", 0, None), ("other seed", 1, None), ("low-passed", 0, low_passed)):
                shown = made[other, seed][n:]
                ours = real[n:]
                if change:
                    shown, ours = change(shown), change(ours)
                rows[row].append(metrics.two_alternatives(score(spectrum(ours)), score(spectrum(shown))))
        right = (
            (score(spectrum(real[n:])) > 0).double().mean(),
            (score(spectrum(made[name, 1][n:])) < 0).double().mean(),
        )
        table[name] = rows | {"accuracy_other_seed": ((right[0] + right[1]) / 2).item()}
    return table


# --- shares -------------------------------------------------------------------------------------------------------

SHARES = {"seeds": 3, "steps": 500, "images": 5000, "share": 0.1, "samples": 4000, "limits": (None, 1.5, 1.0, 0.5)}


def shares(seed: int) -> dict:
    """How often DCGAN, trained on nine zeros for each one, draws a one when its noise is truncated."""
    images, labels = floats("mnist", size=16)
    tests, kinds_of_test = floats("mnist", "test", size=16)
    ones, zeros = images[labels == 1], images[labels == 0]
    few = round(SHARES["images"] * SHARES["share"])
    shown = torch.cat([ones[:few], zeros[: SHARES["images"] - few]])
    network = two_classes(zeros[-900:], ones[-900:], seed)
    with torch.no_grad():
        sure = {k: (network(tests[kinds_of_test == k]) > 0).double().mean().item() for k in (0, 1)}
    recipe = trained("dcgan", shown, SHARES["steps"], seed, **BEFORE)
    counted = {}
    for limit in SHARES["limits"]:
        z = truncated(SHARES["samples"], recipe.latent_dim, limit, random(seed, 6))
        with torch.no_grad():
            made = recipe.networks["generator"].eval()(z)
            counted[str(limit)] = int((network(made) > 0).sum())
        recipe.networks["generator"].train()
    return {"ones": counted, "says_one_to_zeros": sure[0], "says_one_to_ones": sure[1]}


def truncated(n: int, dimensions: int, limit: float | None, random: torch.Generator) -> Tensor:
    """Normal numbers [n, dimensions], those beyond the limit drawn again."""
    if limit is None:
        return torch.randn(n, dimensions, generator=random)
    tail = torch.special.ndtr(torch.tensor(-limit))
    return torch.special.ndtri(tail + (1 - 2 * tail) * torch.rand(n, dimensions, generator=random))


def two_classes(zeros: Tensor, ones: Tensor, seed: int) -> nn.Module:
    """A logistic regression on pixels: its logit is positive for a one."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(256, 1), nn.Flatten(0))
    x, y = torch.cat([zeros, ones]), torch.cat([torch.zeros(len(zeros)), torch.ones(len(ones))])
    adam = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(200):
        adam.zero_grad()
        F.binary_cross_entropy_with_logits(network(x), y).backward()
        adam.step()
    return network


# --- all of it ----------------------------------------------------------------------------------------------------


def part(name: str, work):
    """What an earlier run with the same code has kept, or what `work` returns."""
    path, code = PARTS / f"{name}.json", code_of_the_work()
    if path.exists() and (kept := json.loads(path.read_text(encoding="utf-8")))["code_sha256"] == code:
        return kept["result"]
    start, wall = time.process_time(), time.time()
    result = work()
    PARTS.mkdir(parents=True, exist_ok=True)
    seconds = {"cpu_seconds": time.process_time() - start, "wall_seconds": time.time() - wall}
    path.write_text(json.dumps({"result": result, "code_sha256": code, **seconds}), encoding="utf-8")
    print(f"{name}: {seconds['cpu_seconds']:.0f} s", flush=True)
    return result


def code_of_the_work() -> str:
    """The hash of everything above the line "all of it"."""
    work, _, _ = Path(__file__).read_text(encoding="utf-8").partition("# --- all of it")
    return hashlib.sha256(work.encode()).hexdigest()


def main() -> None:
    torch.set_num_threads(1)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    found: dict = {"settings": {"membership": MEMBERSHIP, "augmentation": AUGMENTATION, "detectors": DETECTORS}}
    found["settings"] |= {"shares": SHARES, "generators": list(GENERATORS)}
    seeds = range(MEMBERSHIP["seeds"])
    found["membership"] = {
        str(n): [part(f"membership {n} {seed}", lambda n=n, s=seed: membership(n, s)) for seed in seeds]
        for n in MEMBERSHIP["members"]
    }
    seeds = range(AUGMENTATION["seeds"])
    found["augmentation"] = [part(f"augmentation {seed}", lambda s=seed: augmentation(s)) for seed in seeds]
    found["shares"] = [part(f"shares {seed}", lambda s=seed: shares(s)) for seed in range(SHARES["seeds"])]
    found["detectors"] = part("detectors", detectors)
    (HERE / "metrics.json").write_text(json.dumps(rounded(found), indent=1) + "\n", encoding="utf-8")
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in PARTS.glob("*.json")]
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "code_sha256": code_of_the_work(),
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, one thread",
        **{key: round(sum(part[key] for part in parts)) for key in ("wall_seconds", "cpu_seconds")},
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def rounded(value):
    """Numbers with four decimals, everywhere in a structure."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()

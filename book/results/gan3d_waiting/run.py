"""What the waiting of the 3D-GAN's discriminator buys: `python book/results/gan3d_waiting/run.py`, one thread.

Each of ARMS trains the miniature on solids for as many steps as gan3d_solids and by its code, with four seeds; arms of
one seed share their initial weights, their batches and their noise. The first run that waits is gan3d_solids itself. A
judge that was trained to name the solids adds a measure: the Fréchet distance of the last samples to the test set over
its 32 features. All weights are rounded to half precision before; those of the judge go to judge.safetensors. An arm
that has ended is kept under _build/gan3d_waiting, so that a run that was stopped goes on; 20 minutes of one processor.
"""

import hashlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ganedu import data, metrics, recipes
from ganedu.data import solids
from ganedu.networks import voxels

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from gan3d_solids import run as gan3d_solids  # noqa: E402
from store import circumstances, halved, keep, read  # noqa: E402

PARTS = HERE.parents[2] / "_build" / "gan3d_waiting"
SECONDS = ("cpu_seconds", "wall_seconds")
KEPT = ("steps", "waited", "sure", "compared", "rows", *SECONDS)
SEEDS, COMPARED = (0, 1, 2, 3), gan3d_solids.COMPARED
ARMS = {"waits": 0.8, "never waits": 1.0}  # the patience of D


def main() -> None:
    torch.set_num_threads(1)
    about = circumstances(HERE)
    PARTS.mkdir(parents=True, exist_ok=True)
    found = {arm: [] for arm in ARMS}
    for seed in SEEDS:
        for arm in ARMS:
            found[arm].append(part(arm, seed))
    of_judge = judged(found)
    seconds = {name: round(sum(run.pop(name) for runs in found.values() for run in runs)) for name in SECONDS}
    settings = {"seeds": SEEDS, "arms": ARMS, "compared": COMPARED}
    keep(HERE, {"settings": settings, "judge": of_judge, "runs": found}, about | {"code_sha256": code()} | seconds)


def part(arm: str, seed: int) -> dict:
    """What a run found and where its weights are, after training it if nobody has."""
    if (arm, seed) == ("waits", 0):
        once = read(gan3d_solids.HERE, "metrics", "provenance")
        known = once["metrics"] | {name: once["provenance"][name] for name in SECONDS}
        return {name: known[name] for name in KEPT} | {"weights": gan3d_solids.HERE / "generator.safetensors"}
    path = PARTS / f"{arm}-{seed}.json".replace(" ", "_")
    if not path.exists():
        start, wall = time.process_time(), time.time()
        config = replace(recipes.get("gan3d").Config().small(), patience=ARMS[arm])
        generator, run = gan3d_solids.trained(config, seed, gan3d_solids.STEPS)
        save_file(halved(generator), path.with_suffix(".safetensors"))
        run["cpu_seconds"], run["wall_seconds"] = time.process_time() - start, time.time() - wall
        path.write_text(json.dumps(run))
    return json.loads(path.read_text()) | {"weights": path.with_suffix(".safetensors")}


def judged(found: dict) -> dict:
    """Train the judge and keep its weights; its accuracy and distances. Each run gets the one of its last samples."""
    train, test = (solids.load(split) for split in ("train", "test"))
    seen, unseen = (data.to_floats(each.voxels, torch.float32) for each in (train, test))
    network = judge(seen, train.labels)
    save_file(halved(network), HERE / "judge.safetensors")
    with torch.no_grad():
        right = (network(unseen).argmax(1) == test.labels).double().mean().item()
    for run in (run for runs in found.values() for run in runs):
        run["frechet_distance"] = distance(network, made(run.pop("weights")), unseen)
    return {"accuracy": right, "real": distance(network, seen[:COMPARED], unseen)}


def judge(grids: Tensor, labels: Tensor) -> nn.Module:
    """A classifier of voxels [n, 1, 16, 16, 16]; what comes before its last layer are 32 features."""
    torch.manual_seed(0)
    layers = [nn.Conv3d(1, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv3d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten()]
    network = nn.Sequential(*layers, nn.Linear(16 * 4**3, 32), nn.LeakyReLU(0.2), nn.Linear(32, 4))
    adam = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(6):
        for batch in torch.randperm(len(grids)).split(64):
            adam.zero_grad()
            F.cross_entropy(network(grids[batch]), labels[batch]).backward()
            adam.step()
    return network.half().float()  # as it is stored


@torch.no_grad()
def distance(network: nn.Module, some: Tensor, others: Tensor) -> float:
    """Fréchet distance over what the judge computes before its last layer."""
    return metrics.frechet_from_features(*(network[:-1](grids).double() for grids in (some, others))).item()


@torch.no_grad()
def made(weights: Path) -> Tensor:
    """The samples of a stored generator that its rows were measured on."""
    config = recipes.get("gan3d").Config().small()
    generator = voxels.Generator(config.latent_dim, size=config.size, width=config.width).eval()
    generator.load_state_dict({name: w.float() for name, w in load_file(weights).items()})
    return generator(torch.randn(COMPARED, config.latent_dim, generator=torch.Generator().manual_seed(9)))


def code() -> str:
    """The fingerprint of this script and of the one that it trains by."""
    return hashlib.sha256(Path(gan3d_solids.__file__).read_bytes() + Path(__file__).read_bytes()).hexdigest()


if __name__ == "__main__":
    main()

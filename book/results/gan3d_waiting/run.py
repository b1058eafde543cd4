"""What the waiting of the 3D-GAN's discriminator buys: `python book/results/gan3d_waiting/run.py`, one thread.

Each of ARMS trains the miniature on solids for as many steps as gan3d_solids and by its code, with four seeds; arms of
one seed share their initial weights, their batches and their noise. The first run that waits is gan3d_solids itself. A
judge that was trained to name the solids adds a measure: the Fréchet distance of the last samples to the test set over
its 32 features. All weights are rounded to half precision before; those of the judge go to judge.safetensors. An arm
that has ended is kept under _build/gan3d_waiting, so that a run that was stopped goes on; 20 minutes of one processor.
"""

import hashlib
import json
import platform
import runpy
import subprocess
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
PARTS = HERE.parents[2] / "_build" / "gan3d_waiting"
SOLIDS = HERE.with_name("gan3d_solids") / "run.py"
KEPT = ("steps", "waited", "sure", "compared", "rows", "cpu_seconds", "wall_seconds")
SEEDS, COMPARED = (0, 1, 2, 3), 512
ARMS = {"waits": 0.8, "never waits": 1.0}  # the patience of D


def main() -> None:
    torch.set_num_threads(1)
    PARTS.mkdir(parents=True, exist_ok=True)
    found = {arm: [] for arm in ARMS}
    for seed in SEEDS:
        for arm in ARMS:
            found[arm].append(part(arm, seed))
    store(found, judged(found))


def part(arm: str, seed: int) -> dict:
    """What a run found and where its weights are, after training it if nobody has."""
    if (arm, seed) == ("waits", 0):
        known, made_by = (
            json.loads(SOLIDS.with_name(f"{name}.json").read_text()) for name in ("metrics", "provenance")
        )
        known |= {f"{kind}_seconds": made_by[f"{kind}_seconds"] for kind in ("cpu", "wall")}
        return {name: known[name] for name in KEPT} | {"weights": SOLIDS.with_name("generator.safetensors")}
    path = PARTS / f"{arm}-{seed}.json".replace(" ", "_")
    if not path.exists():
        script = runpy.run_path(str(SOLIDS), run_name="read")
        start, wall = time.process_time(), time.time()
        config = replace(recipes.get("gan3d").Config().small(), patience=ARMS[arm])
        generator, run = script["trained"](config, seed, script["STEPS"])
        halves = {name: w.half() if w.is_floating_point() else w for name, w in generator.state_dict().items()}
        save_file(halves, path.with_suffix(".safetensors"))
        run["cpu_seconds"], run["wall_seconds"] = time.process_time() - start, time.time() - wall
        path.write_text(json.dumps(run))
    return json.loads(path.read_text()) | {"weights": path.with_suffix(".safetensors")}


def judged(found: dict) -> dict:
    """Train the judge and keep its weights; its accuracy and distances. Each run gets the one of its last samples."""
    train, test = (solids.load(split) for split in ("train", "test"))
    seen, unseen = (data.to_floats(each.voxels, torch.float32) for each in (train, test))
    network = judge(seen, train.labels)
    save_file({name: w.half() for name, w in network.state_dict().items()}, HERE / "judge.safetensors")
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


def store(found: dict, of_judge: dict) -> None:
    """Write metrics.json and provenance.json."""
    seconds = {
        kind: round(sum(run.pop(kind) for runs in found.values() for run in runs))
        for kind in ("wall_seconds", "cpu_seconds")
    }
    settings = {"seeds": SEEDS, "arms": ARMS, "compared": COMPARED}
    content = {"settings": settings, "judge": of_judge, "runs": found}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "code_sha256": code(),
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, one thread",
        **seconds,
    }
    for name, entries in (("metrics", content), ("provenance", provenance)):
        (HERE / f"{name}.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def code() -> str:
    """The fingerprint of this script and of the one that it trains by."""
    return hashlib.sha256(SOLIDS.read_bytes() + Path(__file__).read_bytes()).hexdigest()


if __name__ == "__main__":
    main()

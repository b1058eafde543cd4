"""The 3D-GAN's miniature on solids: `python book/results/gan3d_solids/run.py`, about two minutes on one thread.

The steps are those of `ganedu train gan3d --small --steps 3000` but for the random numbers. metrics.json tells how far
the occupancies of the samples are from those of the test set, and how many samples are in one piece.
"""

import hashlib
import json
import platform
import subprocess
import time
from pathlib import Path

import torch
from scipy import ndimage, stats
from torch import Tensor

from ganedu import data, recipes
from ganedu.data import kinds, solids
from ganedu.training.ema import Average
from ganedu.training.run_folder import write_samples

HERE = Path(__file__).resolve().parent
STEPS, EVERY, COMPARED, SEED = 3000, 500, 512, 0


def occupancy(voxels: Tensor) -> Tensor:
    """The share of the cube that is full, [n], of voxels [n, 1, D, H, W] in [-1, 1]."""
    return (voxels.double().flatten(1).mean(1) + 1) / 2


def in_one_piece(voxels: Tensor) -> float:
    """Share of the samples of which the largest piece has 95 % of the voxels that are more than half full."""
    whole = 0
    for sample in (voxels[:, 0] > 0).numpy():
        pieces, count = ndimage.label(sample)
        sizes = ndimage.sum_labels(sample, pieces, range(1, count + 1))
        whole += bool(count) and max(sizes) >= 0.95 * sum(sizes)
    return whole / len(voxels)


def row(step: int, voxels: Tensor, real: Tensor) -> dict:
    distance = stats.wasserstein_distance(occupancy(voxels), occupancy(real))
    undecided = (voxels.abs() < 0.5).double().mean().item()
    found = {"step": step, "occupancy_distance": distance, "in_one_piece": in_one_piece(voxels), "undecided": undecided}
    print(found, flush=True)
    return found


def main() -> None:
    torch.set_num_threads(1)
    start, wall = time.process_time(), time.time()
    kind = recipes.get("gan3d")
    config = kind.Config().small()
    recipe = kind(config, image_shape=(1, *[config.size] * 3), seed=SEED)
    shown, real = (data.to_floats(solids.load(split).voxels, torch.float32) for split in ("train", "test"))
    average = Average(recipe.networks["generator"], decay=0.999)
    rates = {player: optimizer.param_groups[0]["lr"] for player, optimizer in recipe.optimizers.items()}
    order, draws = (torch.Generator().manual_seed(2 * SEED + i) for i in range(2))

    def made(n):
        return recipe.sample(n, torch.Generator().manual_seed(9), generator=average.network)

    rows = [row(0, made(COMPARED), real)]
    waited = 0
    for step in range(1, STEPS + 1):
        for player, optimizer in recipe.optimizers.items():
            optimizer.param_groups[0]["lr"] = rates[player] * recipe.learning_rate_factor(step - 1, STEPS)
        waited += int(recipe.accuracy > config.patience)
        which = torch.randint(len(shown), (config.batch_size,), generator=order)
        recipe.step(kinds.Voxels(shown[which]), draws)
        average.update(recipe.networks["generator"], step)
        if step % EVERY == 0:
            rows.append(row(step, made(COMPARED), real))
    random = torch.Generator().manual_seed(9)
    write_samples(HERE / "samples.png", recipe.sheet(None, random, n=64, generator=average.network))
    compared = {"test": row(-1, real, real), "train": row(-1, shown[:COMPARED], real)}
    found = {"steps": STEPS, "waited": waited, "compared": COMPARED, "rows": rows, "real": compared}
    (HERE / "metrics.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "code_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        "commit": commit,
        "seed": SEED,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, one thread",
        "wall_seconds": round(time.time() - wall),
        "cpu_seconds": round(time.process_time() - start),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""The 3D-GAN's miniature on solids: `python book/results/gan3d_solids/run.py`, about two minutes on one thread.

The steps are those of `ganedu train gan3d --small --steps 3000` but for the random numbers. metrics.json tells how far
the occupancies of the samples are from those of the test set, and how many samples are in one piece. The weights of
the averaged generator, rounded to half precision, go to generator.safetensors. `trained` serves gan3d_waiting too.
"""

import hashlib
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from scipy import ndimage, stats
from torch import Tensor, nn

from ganedu import data, recipes
from ganedu.data import kinds, solids
from ganedu.data.projection import shaded
from ganedu.training.ema import Average
from ganedu.training.run_folder import write_samples

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, halved, keep  # noqa: E402

STEPS, EVERY, COMPARED, SEED = 3000, 500, 512, 0
SURE = 0.8  # accuracy above which the paper's discriminator waits


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


def trained(config, seed: int, steps: int) -> tuple[nn.Module, dict]:
    """The averaged generator of a run on the solids, and its rows, every EVERY steps.

    waited: how many steps D left out; sure: before how many its accuracy was above 80 %, whether it waited or not.
    """
    kind = recipes.get("gan3d")
    recipe = kind(config, image_shape=(1, *[config.size] * 3), seed=seed)
    shown, real = (data.to_floats(solids.load(split).voxels, torch.float32) for split in ("train", "test"))
    average = Average(recipe.networks["generator"], decay=0.999)
    rates = {player: optimizer.param_groups[0]["lr"] for player, optimizer in recipe.optimizers.items()}
    order, draws = (torch.Generator().manual_seed(2 * seed + i) for i in range(2))

    def made():
        return recipe.sample(COMPARED, torch.Generator().manual_seed(9), generator=average.network)

    rows = [row(0, made(), real)]
    waited, sure = 0, 0
    for step in range(1, steps + 1):
        for player, optimizer in recipe.optimizers.items():
            optimizer.param_groups[0]["lr"] = rates[player] * recipe.learning_rate_factor(step - 1, steps)
        waited += int(recipe.accuracy > config.patience)
        sure += int(recipe.accuracy > SURE)
        which = torch.randint(len(shown), (config.batch_size,), generator=order)
        recipe.step(kinds.Voxels(shown[which]), draws)
        average.update(recipe.networks["generator"], step)
        if step % EVERY == 0:
            rows.append(row(step, made(), real))
    return average.network, {"steps": steps, "waited": waited, "sure": sure, "compared": COMPARED, "rows": rows}


def main() -> None:
    torch.set_num_threads(1)
    about, start, wall = circumstances(HERE), time.process_time(), time.time()
    config = recipes.get("gan3d").Config().small()
    generator, found = trained(config, SEED, STEPS)
    noise = torch.randn(64, config.latent_dim, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        write_samples(HERE / "samples.png", shaded(generator(noise)))
    save_file(halved(generator), HERE / "generator.safetensors")
    shown, real = (data.to_floats(solids.load(split).voxels, torch.float32) for split in ("train", "test"))
    found["real"] = {"test": row(-1, real, real), "train": row(-1, shown[:COMPARED], real)}
    made_by = {
        "code_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        "seed": SEED,
        "wall_seconds": round(time.time() - wall),
        "cpu_seconds": round(time.process_time() - start),
    }
    keep(HERE, found, about | made_by)


if __name__ == "__main__":
    main()

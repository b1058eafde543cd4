"""The CPU run of chapter 22 on drawn faces: `python book/results/stylegan_avatars/run.py`, one thread.

First it trains the recipe's miniature on avatars at 32 x 32 pixels. The state is kept under _build/stylegan_avatars every
250 steps, so that a run that was stopped goes on where it was. Then it measures.
"""

import json
import time
from pathlib import Path

import torch

from ganedu import recipes
from ganedu.data import avatars, kinds
from ganedu.data.batches import DeviceBatches
from ganedu.training.ema import Average

HERE = Path(__file__).resolve().parent
PARTS = HERE.parents[2] / "_build" / "stylegan_avatars"
STEPS, EVERY, DECAY, SEED = 12_000, 250, 0.999, 0
KEPT = (500, 1000, 2000, 4000, 8000, STEPS)
Recipe = recipes.get("stylegan")


def new_run():
    """The recipe, its batches, its averaged generator and its random numbers."""
    config = Recipe.Config().small()
    recipe = Recipe(config, image_shape=(3, config.size, config.size), seed=SEED)
    images = avatars.load("train").images
    batches = DeviceBatches(images, config.batch_size, device="cpu", seed=SEED, size=config.size, flip=config.flip)
    average = Average(recipe.networks["generator"], decay=DECAY)
    return recipe, batches, average, torch.Generator().manual_seed(SEED)


def train():
    """Train to STEPS; returns the averaged generators of the steps KEPT, the rows and the seconds of CPU."""
    recipe, batches, average, random = new_run()
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
        scalars = recipe.step(kinds.Images(batches.next()), random)
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
    return kept, rows, before + time.process_time() - began


if __name__ == "__main__":
    torch.set_num_threads(1)
    train()

"""What longer runs of CycleGAN share: training on the shapes of known pairing, and what is measured on the way."""

import time
from dataclasses import asdict

import torch

from ganedu import data
from ganedu.data import kinds, shape_domains
from ganedu.data.batches import DeviceBatches

SEED, SHOWN = 0, 12


def test_images():
    """The 512 test images of domain A, and their true partners."""
    test = data.to_floats(data.load_unpaired("shape-domains", "test").a)
    return test, shape_domains.partners(test)


def measure(made, back, test, partners):
    """Pairing accuracy, correlation of the amounts of green in the shapes, mean errors of translation and way back."""
    apart = torch.cdist(made.flatten(1), partners.flatten(1), p=1)
    inside = (partners[:, 2] > 0).double()  # blue is 1 inside, the background 0.2
    greens = [(images[:, 1] * inside).sum((1, 2)) / inside.sum((1, 2)) for images in (made, partners)]
    return {
        "accuracy": (apart.argmin(1) == torch.arange(len(made))).double().mean().item(),
        "hue_correlation": torch.corrcoef(torch.stack(greens))[0, 1].item(),
        "error": (made - partners).abs().mean().item(),
        "cycle": (back - test).abs().mean().item(),
    }


def train(recipe, steps, every, seed=SEED):
    """Trains the recipe; returns what was measured, and at each step the first translations and their way back."""
    test, partners = test_images()
    config, images = recipe.config, data.load_unpaired("shape-domains")
    batches = DeviceBatches(
        kinds.Unpaired(images.a, images.b), config.batch_size, device="cpu", seed=seed, flip=config.flip
    )
    random, rows, pictures, began = torch.Generator().manual_seed(seed), [], {}, time.process_time()
    for step in range(steps + 1):
        if step % every == 0:
            made = recipe.translate(test, "AtoB")
            back = recipe.translate(made, "BtoA")
            rows.append({"step": step, **measure(made, back, test, partners)})
            pictures[step] = made[:SHOWN], back[:SHOWN]
            print(rows[-1], f"{time.process_time() - began:.0f} s", flush=True)
        for optimizer in recipe.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * recipe.learning_rate_factor(step, steps)
        if step < steps:
            recipe.step(batches.next(), random)
    return {"config": asdict(config), "rows": rows, "cpu_seconds": round(time.process_time() - began, 1)}, pictures

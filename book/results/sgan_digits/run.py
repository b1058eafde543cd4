"""How few labels suffice, on the digits: `python book/results/sgan_digits/run.py`, on one thread.

One classifier, the discriminator of the recipe `sgan` at 8 x 8 pixels, learns in two ways from 1, 2, 5, 10 and 20
labels of each class: from these alone (supervised), and with all other images beside them, before a generator that
matches features. Both ways take as many steps, see as many labels in each, and have the same five seeds, of the weights
and of the choice of the labels. The accuracy on the 256 test images is that of the last step; nothing was chosen by it.
Results go to metrics.json after each number of labels, their circumstances to provenance.json.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from ganedu import data
from ganedu.data import few_labels, kinds
from ganedu.recipes import sgan
from ganedu.recipes.adversarial import descend

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402

PER_CLASS, SEEDS, STEPS, SIZE = (1, 2, 5, 10, 20), 5, 400, 8
ARMS = ("supervised", "feature_matching")


def train(arm: str, per_class: int, seed: int, train_set, steps: int = STEPS) -> sgan.Recipe:
    """The recipe after its last step."""
    config = replace(sgan.Config().small(), size=SIZE, labels_per_class=per_class)
    recipe = sgan.Recipe(config, image_shape=(1, SIZE, SIZE), classes=train_set.classes, seed=seed)
    shown = few_labels.apart(kinds.Labeled(train_set.images, train_set.labels), per_class, seed=seed)
    images, labels, random = data.to_floats(shown.images), shown.labels, torch.Generator().manual_seed(seed)
    half, n = config.batch_size // 2, len(train_set)
    for _ in range(steps):
        labeled = n + torch.randint(n, (half,), generator=random)
        if arm == "supervised":
            logits = recipe.networks["discriminator"](images[labeled])
            descend(recipe.optimizers["discriminator"], sgan.known_cross_entropy(logits, labels[labeled]))
        else:
            chosen = torch.cat([torch.randint(n, (half,), generator=random), labeled])
            recipe.step(kinds.Labeled(images[chosen], labels[chosen]), random)
    return recipe


def accuracy(recipe: sgan.Recipe, test_set) -> float:
    """Share of the test images that are classified correctly."""
    return (recipe.classify(data.to_floats(test_set.images)) == test_set.labels).double().mean().item()


def main() -> None:
    torch.set_num_threads(1)
    about = circumstances(HERE)
    train_set, test_set = (data.load("digits", split, size=SIZE) for split in ("train", "test"))
    settings = {"per_class": PER_CLASS, "seeds": SEEDS, "steps": STEPS, "size": SIZE, "test_images": len(test_set)}
    tables: dict[str, list] = {arm: [] for arm in ARMS}
    began, cpu = time.monotonic(), time.process_time()
    for per_class in PER_CLASS:
        for arm in ARMS:
            runs = (train(arm, per_class, seed, train_set) for seed in range(SEEDS))
            tables[arm].append([accuracy(run, test_set) for run in runs])
            print(per_class, arm, tables[arm][-1], flush=True)
        content = {"settings": settings, "accuracy": tables}
        provenance = about | {
            "seeds": list(range(SEEDS)),
            "wall_seconds": round(time.monotonic() - began),
            "cpu_seconds": round(time.process_time() - cpu),
        }
        keep(HERE, content, provenance)


if __name__ == "__main__":
    main()

"""Every recipe so small that a step takes milliseconds, with random samples of its kind to train on."""

import sys
from dataclasses import fields, replace

import torch

from ganedu import recipes
from ganedu.cli.recipes import usual_facts
from ganedu.data import stored
from ganedu.training import TrainConfig, train

SHRUNK = {"width": 4, "width_g": 4, "max_width": 8, "batch_size": 4, "n_critic": 1, "latent_dim": 6, "blocks": 1}
SHRUNK |= {"pool": 4, "hold": 4, "fade": 12, "labels_per_class": 1}  # a growing pair fades while it is stopped
N = 20  # samples of a set


def config_of(name):
    """The miniature with still narrower networks."""
    small = recipes.get(name).Config().small()
    names = {option.name for option in fields(small)}
    return replace(small, **{key: value for key, value in SHRUNK.items() if key in names})


def data_of(name):
    """A few random samples of the recipe's kind, with the details that its default set would have."""
    kind, random = recipes.get(name), torch.Generator().manual_seed(0)
    facts = usual_facts(kind, config_of(name))
    shapes = {"inputs": facts.get("input_shape"), "labels": (), "lengths": (), "tokens": (5,)}
    made = []
    for field in kind.Batch._fields:
        shape = (N, *(shapes.get(field, facts["image_shape"])))
        if field == "labels":
            made.append(torch.arange(N) % 10)
        elif field == "tokens":
            made.append(torch.randint(1, 10, shape, generator=random))
        elif field == "lengths":
            made.append(torch.full(shape, 5))
        else:
            made.append(torch.randint(256, shape, generator=random, dtype=torch.uint8))
    details = {key: value for key, value in facts.items() if key in ("classes", "words")}
    return stored.Stored(kind.Batch(*made), details)


def run_of(name, out, *, steps=4, **options):
    config = TrainConfig(steps=steps, log_every=2, sample_every=2, checkpoint_every=2, seed=3)
    return train(name, data_of(name), out=out, config=config, recipe_config=config_of(name), show=False, **options)


def go_on(name, out, steps):
    """Start that run or take it up, as a process with one thread."""
    torch.set_num_threads(1)
    run_of(name, out, steps=steps, go_on=True)
    sys.exit(0)

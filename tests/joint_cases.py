"""Two steps of every recipe, by two processes or by one with the joint batch: along what it descended, where it came.

All in double precision and by plain gradient descent: what differs then differs in what is computed. A new recipe is
in as soon as it has a name.
"""

import contextlib
import sys
from dataclasses import fields, replace
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

sys.path.insert(0, str(Path(__file__).parent))
from recipe_cases import config_of, data_of

from ganedu import recipes
from ganedu.cli.recipes import usual_facts
from ganedu.data.batches import DeviceBatches
from ganedu.recipes.stylegan import Draw
from ganedu.training import TrainConfig
from ganedu.training.distributed import World
from ganedu.training.trainer import GLOBAL, NOISE, ORDER, Trainer, stream_seed

STEPS = 2  # penalties that wait are due in the first one; in the second a growing pair fades
CHANGES = {"batch_size": 8, "pool": 0, "hold": 0, "fade": 16}  # of all configurations
PROJECTION = {"conditioning": "projection", "norm": "spectral", "loss": "hinge", "mismatched": 0.0}
VARIANTS = {name: (name, {}) for name in recipes.NAMES} | {  # recipe and what is changed besides
    "cgan, projection": ("cgan", PROJECTION),
    "biggan, D ahead": ("biggan", {"n_critic": 2}),
    "sgan, adversarial": ("sgan", {"objective": "adversarial"}),
    "sgan, all labels": ("sgan", {"labels_per_class": 0}),
    "vae, dense": ("vae", {"architecture": "dense", "units": 8}),
    "sngan, resnet": ("sngan", {"architecture": "resnet"}),
    "wgan-gp, resnet": ("wgan-gp", {"architecture": "resnet"}),
    "article-gan, deeper": ("article-gan", {"size": 32}),
    "context-encoder, larger": ("context-encoder", {"size": 32, "bottleneck": 16}),
}
OWN_PART = {  # what the docstrings of the configurations except
    "cyclegan, histories": ("cyclegan", {"pool": 8}),
    "stylegan, two images each": ("stylegan", {"batch_size": 4}),
    "dcgan, dragan": ("dcgan", {"penalty": "dragan", "norm": "none"}),
}
NOISELESS = {"cyclegan", "srgan", "context-encoder"}
WOVEN = {"progressive"}  # it compares samples that are apart in the batch, hence the parts are dealt out alternately


def two_steps(variant, world=None, *, ranks=(0, 1), order=0, steps=STEPS):
    """The gradients of each player at each of its descents, and the networks and the averaged generator at the end.

    world: that of this process; None for one process that does what those of `ranks` would do together. order: seed of
    the order of the data.
    """
    kind, config = configured(variant)
    data = data_of(kind.name).data
    data = kind.prepare(data, config) if hasattr(kind, "prepare") else data
    recipe = kind(config, **usual_facts(kind, config), seed=0)
    # Fused, as Adam of the recipes is: a step that is left out on the device (gan3d) needs it.
    options = {"lr": 0.01, "fused": True}
    recipe.optimizers = {name: torch.optim.SGD(n.parameters(), **options) for name, n in recipe.networks.items()}
    my = world or World()
    options = {"seed": stream_seed(order, ORDER), "rank": my.rank, "world": my.size, "size": config.size}
    batches = Doubled(DeviceBatches(data, my.share(config.batch_size), device="cpu", **options))
    trainer = Trainer(recipe, batches, TrainConfig(steps=steps, ema=0.9), device=torch.device("cpu"), world=my)
    descents = {name: [] for name in recipe.optimizers}
    for name, optimizer in recipe.optimizers.items():  # behind the hook that averages
        optimizer.register_step_post_hook(lambda this, args, kwargs, kept=descents[name]: kept.append(slopes(this)))
    with contextlib.nullcontext() if world else Joint(trainer, ranks, woven=kind.name in WOVEN):
        for _ in range(steps):
            trainer.advance()
    networks = {**recipe.networks, "average": trainer.average.network}
    return descents, {name: values(network) for name, network in networks.items()}


def configured(variant):
    """Recipe and configuration."""
    name, changes = (VARIANTS | OWN_PART)[variant]
    config = config_of(name)
    names = {option.name for option in fields(config)}
    return recipes.get(name), replace(config, **{k: v for k, v in (CHANGES | changes).items() if k in names})


def slopes(optimizer):
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    return torch.cat([torch.zeros_like(w).flatten() if w.grad is None else w.grad.flatten() for w in weights])


def values(network):
    """Weights and buffers as one vector."""
    return torch.cat([tensor.flatten().double() for tensor in network.state_dict().values()])


def apart(found, wanted):
    """The largest difference of two vectors, as a share of the largest entry."""
    return float((found - wanted).abs().max() / wanted.abs().max())


class Doubled:
    """Batches in double precision, each field through `deal`."""

    def __init__(self, batches):
        self.batches, self.deal = batches, lambda field: field

    def next(self):
        batch = self.batches.next()
        return type(batch)(*(self.deal(each.double() if each.is_floating_point() else each) for each in batch))


class Joint(TorchFunctionMode):
    """A context in which one trainer draws what those of `ranks` would draw, each for its part of the samples.

    woven: the parts take turns, sample by sample, else one follows the other.
    """

    def __init__(self, trainer, ranks, *, woven):
        super().__init__()
        self.random, self.woven = trainer.noise, woven
        self.noises, self.states = (
            [torch.Generator().manual_seed(stream_seed(0, purpose, rank)) for rank in ranks]
            for purpose in (NOISE, GLOBAL)
        )
        if woven:
            trainer.batches.deal = lambda field: self.join(field.chunk(len(ranks)))
        if trainer.recipe.name == "stylegan":  # draws for two vectors of each sample at once
            draw = trainer.recipe.draw_fakes
            trainer.recipe.draw_fakes = lambda n, random: self.join_draws(draw, n)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in (torch.rand, torch.randn, torch.randint) and kwargs.get("generator") is self.random:
            bounds, shape = (args[:-1], args[-1]) if isinstance(args[-1], tuple | list) else ((), args)
            shape = (shape[0] // len(self.noises), *shape[1:])
            return self.join([function(*bounds, shape, **kwargs | {"generator": each}) for each in self.noises])
        if function is F.dropout:
            parts = args[0].chunk(len(self.states))
            return self.join([self.drop(*each, args[1:], kwargs) for each in zip(parts, self.states, strict=True)])
        return function(*args, **kwargs)

    def join(self, parts):
        return torch.stack(list(parts), 1).flatten(0, 1) if self.woven else torch.cat(parts)

    def join_draws(self, draw, n):
        *three, noises = zip(*(draw(n // len(self.noises), each) for each in self.noises), strict=True)
        return Draw(*map(self.join, three), [self.join(layer) for layer in zip(*noises, strict=True)])

    def drop(self, part, random, args, kwargs):
        """Dropout, which knows no generator but PyTorch's own."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(random.get_state())
            dropped = F.dropout(part, *args, **kwargs)
            random.set_state(torch.get_rng_state())
        return dropped


@contextlib.contextmanager
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)

"""What the processes of a run do in the tests: keep their gradients, normalize, die."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import run
from torch.distributed.launcher.api import elastic_launch

sys.path.insert(0, str(Path(__file__).parent))
import joint_cases
from training_cases import DCGAN, images, main

from ganedu.data import kinds, stored
from ganedu.recipes import cgan, cyclegan, dcgan
from ganedu.training import TrainConfig, TrainingError, train
from ganedu.training.distributed import World
from ganedu.training.sync_norm import synchronize
from ganedu.training.trainer import Trainer


class Recording(dcgan.Recipe):
    """DCGAN whose checkpoint holds the gradients of the last step; its weights are large enough for some to be felt."""

    def __init__(self, config, **options):
        super().__init__(config, **options)
        for weight in [p for network in self.networks.values() for p in network.parameters() if p.ndim == 4]:
            weight.data *= 5
        self.optimizers = {name: torch.optim.SGD(n.parameters(), lr=0.01) for name, n in self.networks.items()}

    def extra_state(self):
        return {name: [p.grad for p in network.parameters()] for name, network in self.networks.items()}


class Plain(Recording):
    """Without batch normalization in the generator."""

    def build(self):
        generator, discriminator = super().build()
        layers = [layer for layer in generator.layers if not isinstance(layer, nn.BatchNorm2d)]
        generator.layers = nn.Sequential(*layers)
        return generator, discriminator


class Translating(cyclegan.Recipe):
    """CycleGAN whose checkpoint holds the gradients of the last step."""

    extra_state = Recording.extra_state


PAIRS = cyclegan.Config(size=16, load_size=0, flip=False, batch_size=4, width=2, blocks=1, halvings=1, pool=0)


def unpaired():
    """Six images of one domain, eight of the other."""
    random = torch.Generator().manual_seed(1)
    return tuple(torch.randint(256, (n, 3, 16, 16), generator=random, dtype=torch.uint8) for n in (6, 8))


class Drawing(cgan.Recipe):
    """A conditional GAN whose checkpoint holds the fakes of the last step and their classes."""

    def fakes(self, real, random):
        self.drawn = super().fakes(real, random)
        return self.drawn

    def extra_state(self):
        return {name: field.detach() for name, field in self.drawn._asdict().items()} if hasattr(self, "drawn") else {}


NAMES = [*joint_cases.VARIANTS, *joint_cases.OWN_PART]
DRAWN = cgan.Config(size=8, batch_size=32, latent_dim=8, width=4, norm="none")


def labeled():
    return stored.Stored(kinds.Labeled(images(side=8), torch.arange(30) % 10), {"classes": tuple("0123456789")})


VARIANTS = {  # of the comparison with one process: recipe, its configuration, averaged generator
    "no batch norm": (Plain, replace(DCGAN, norm="none"), 0.9),
    "joint batch norm": (Recording, replace(DCGAN, norm="none"), 0.9),
    "without average": (Recording, replace(DCGAN, norm="none", loss="hinge"), 0.0),
    "gradient penalty": (Recording, replace(DCGAN, norm="none", penalty="gradient_penalty"), 0.9),
    "r1": (Recording, replace(DCGAN, norm="none", penalty="r1"), 0.9),
    "critic ahead": (Recording, replace(DCGAN, norm="none", loss="wasserstein", n_critic=2, clip=0.1), 0.9),
    "own batch norm": (Recording, replace(DCGAN, norm="none"), 0.9),
}


def compare(folder):
    """Under torchrun: one step of each variant, into a run of its name; steps of all recipes; normalized batches."""
    dist.init_process_group("gloo")
    share = World.share_statistics
    for name, (recipe, config, ema) in VARIANTS.items():
        if name == "own batch norm":
            World.share_statistics = lambda world, networks: None
        options = {"out": Path(folder) / name, "recipe_config": config, "show": False}
        train(recipe, images(side=8), config=TrainConfig(steps=1, ema=ema), **options)
    once = TrainConfig(steps=1)
    train(Translating, unpaired(), out=Path(folder) / "cyclegan", config=once, recipe_config=PAIRS, show=False)
    World.share_statistics = share
    train(Drawing, labeled(), out=Path(folder) / "cgan", config=once, recipe_config=DRAWN, show=False)
    rank = dist.get_rank()
    with joint_cases.double():
        steps = {name: joint_cases.two_steps(name, World(rank, 2, rank)) for name in NAMES}
    torch.save(steps, Path(folder) / f"recipes_{rank}.pt")
    results = [normalize(layer, x.chunk(2)[rank], up.chunk(2)[rank]) for layer, x, up in norm_cases(synchronized=True)]
    torch.save(results, Path(folder) / f"norms_{rank}.pt")
    dist.destroy_process_group()


def norm_cases(*, synchronized):
    """Layers of all kinds, each with a joint batch of 6 and a gradient from above; the last one far from zero."""
    random = torch.Generator().manual_seed(0)
    double = {"dtype": torch.float64}
    layers = [nn.BatchNorm1d(3, **double), nn.BatchNorm2d(3, momentum=None, **double)]
    layers += [nn.BatchNorm3d(3, affine=False, **double), nn.BatchNorm2d(3, track_running_stats=False, **double)]
    layers += [nn.BatchNorm2d(3), nn.BatchNorm2d(3)]
    shapes = [(6, 3), (6, 3, 2, 2), (6, 3, 2, 1, 2), (6, 3, 4, 1), (6, 3, 2, 2), (6, 3, 2, 2)]
    for layer, shape, shift, dtype in zip(
        layers, shapes, [0, 1, -2, 0, 1000, 0], [torch.float64] * 4 + [torch.float32, torch.bfloat16], strict=True
    ):
        if layer.affine:
            nn.init.normal_(layer.weight, 1, 0.1, generator=random)
            nn.init.normal_(layer.bias, 0, 0.1, generator=random)
        x, above = torch.randn(2, *shape, generator=random, dtype=torch.float64)
        if synchronized:
            synchronize(nn.Sequential(layer))
        yield layer, (shift + x).to(dtype), above.to(dtype)


def normalize(layer, x, above):
    """Two passes in training mode, one in evaluation mode: outputs, statistics, gradients and second derivatives."""
    x = x.clone().requires_grad_()
    layer(x.detach() / 2 + 3)
    out = layer(x)
    (first,) = torch.autograd.grad((out * above).sum(), x, create_graph=True)
    ((out * above).sum() + first.square().sum()).backward()
    return {"out": out, "first": first, "second": x.grad, "eval": layer.eval()(x), **layer.state_dict()} | {
        f"{name}.grad": parameter.grad for name, parameter in layer.named_parameters() if parameter.grad is not None
    }


def killed_rank(out, steps, rank, step, recipe="dcgan"):
    """Train; the process of that rank is killed at that step."""
    advance = Trainer.advance

    def advance_or_die(trainer):
        if trainer.step == int(step) and trainer.world.rank == int(rank):
            os.kill(os.getpid(), signal.SIGKILL)
        return advance(trainer)

    Trainer.advance = advance_or_die
    return main(out, steps, recipe=recipe)


def disagree(folder):
    """Train for a number of steps that depends on the rank; what a process says when it gives up goes to a file."""
    rank = int(os.environ["RANK"])
    try:
        train(Recording, images(side=8), out=Path(folder) / "run", recipe_config=DCGAN, config=TrainConfig(50 + rank))
    except TrainingError as error:
        (Path(folder) / str(rank)).write_text(str(error))
        raise


def agent(words, function, *arguments):
    """What the command torchrun does with these words, but that its processes run `function` and start warm."""
    options = run.parse_args(["--start-method", "forkserver", *words, __file__])
    config, _, _ = run.config_from_args(options)
    return elastic_launch(config, function)(*arguments)


if __name__ == "__main__":
    sys.exit(killed_rank(*sys.argv[1:]))

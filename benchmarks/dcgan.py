"""DCGAN at 64 x 64: the step of the public tutorials against ours."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from benchmarks.measure import Contest, cycle
from ganedu import recipes
from ganedu.data import kinds
from ganedu.training import TrainConfig
from ganedu.training.distributed import World
from ganedu.training.trainer import Trainer

CPU = torch.device("cpu")
SIZE, BATCH, CHANNELS, WIDTH = 64, 32, 3, 64


def recipe(**changes):
    """The recipe at the size of the benchmark, or another."""
    kind = recipes.get("dcgan")
    config = replace(kind.Config().port(), **{"size": SIZE, "batch_size": BATCH, "width": WIDTH, **changes})
    return kind(config, image_shape=(CHANNELS, config.size, config.size), seed=0)


def adam(network: nn.Module, config) -> torch.optim.Adam:
    """The optimizer as people write it, with PyTorch's defaults for how it runs."""
    return torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2))


def plain_step(g: nn.Module, d: nn.Module, adam_g, adam_d, real: Tensor, noise: Tensor) -> dict[str, float]:
    """One iteration as the most copied implementations do it.

    D passes the real images and goes backward, passes the fakes and goes backward, steps; the fakes pass D again for G,
    whose backward fills the gradients of D as well; the numbers to print are read from the device on the way.
    """
    ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
    d.zero_grad()
    on_real = d(real)
    loss_real = cross_entropy(on_real, ones)
    loss_real.backward()
    d_real = on_real.mean().item()
    fake = g(noise)
    on_fake = d(fake.detach())
    loss_fake = cross_entropy(on_fake, zeros)
    loss_fake.backward()
    d_fake = on_fake.mean().item()
    adam_d.step()
    g.zero_grad()
    loss_g = cross_entropy(d(fake), ones)
    loss_g.backward()
    adam_g.step()
    return {"loss_d": (loss_real + loss_fake).item(), "loss_g": loss_g.item(), "d_real": d_real, "d_fake": d_fake}


def real_batches(changes: dict, n: int = 4) -> list[Tensor]:
    """Float batches in [-1, 1]; what they show does not matter to speed."""
    random, settings = torch.Generator().manual_seed(1), {"size": SIZE, "batch_size": BATCH, **changes}
    shape = (settings["batch_size"], CHANNELS, settings["size"], settings["size"])
    return [torch.rand(shape, generator=random) * 2 - 1 for _ in range(n)]


def plain(**changes):
    """The plain work: networks, optimizers and loop by hand."""
    made, batches = recipe(**changes), cycle(real_batches(changes))
    g, d = made.networks["generator"], made.networks["discriminator"]
    adam_g, adam_d, random = adam(g, made.config), adam(d, made.config), torch.Generator().manual_seed(2)

    def work():
        real = batches.next()
        return plain_step(g, d, adam_g, adam_d, real, torch.randn(len(real), made.latent_dim, generator=random))

    return work


def ours(precision: str = "fp32", batches=None, layout: torch.memory_format | None = None, **changes):
    """The work of a run of ours."""
    batches = batches or cycle([kinds.Images(real) for real in real_batches(changes)])
    return advance(recipe(**changes), batches, precision, layout)


def advance(made, batches, precision: str = "fp32", layout: torch.memory_format | None = None):
    """`Trainer.advance` on a recipe, without the averaged generator, which the plain steps do not have.

    layout: of the weights in memory, if not the one that the run chooses.
    """
    trainer = Trainer(made, batches, TrainConfig(ema=0.0, precision=precision), device=CPU, world=World())
    trainer.noise.manual_seed(2)
    if layout:
        for network in made.networks.values():
            network.to(memory_format=layout)
    return trainer.advance


def contest(**changes) -> Contest:
    """Plain, exact (also without its layout of memory) and bf16."""
    return Contest(
        name="dcgan",
        settings={"size": SIZE, "batch_size": BATCH, "width": WIDTH, "channels": CHANNELS, **changes},
        contestants={
            "plain": lambda: plain(**changes),
            "exact": lambda: ours(**changes),
            "exact, channels first": lambda: ours(layout=torch.contiguous_format, **changes),
            "bf16": lambda: ours("bf16", **changes),
        },
        precision={"bf16": "bf16"},
    )

"""WGAN-GP, convolutional and residual: the iteration of the public repositories against ours."""

import torch
from torch import Tensor, nn

from benchmarks import dcgan
from benchmarks.measure import Contest, cycle
from ganedu import recipes
from ganedu.data import kinds

SETTINGS = {
    "conv": {"architecture": "conv", "size": 32, "batch_size": 16, "width": 64},
    "resnet": {"architecture": "resnet", "size": 32, "batch_size": 8, "width": 64},
}


def recipe(**changes):
    """The recipe at the size of a benchmark, or another."""
    kind = recipes.get("wgan-gp")
    config = kind.Config(**changes)
    return kind(config, image_shape=(dcgan.CHANNELS, config.size, config.size), seed=0)


def critic_step(g: nn.Module, d: nn.Module, adam_d, real: Tensor, weight: float, random: torch.Generator) -> dict:
    """The critic's step as the most copied implementations do it; returns its numbers and the noise it took.

    The fakes are not detached, so that its backward walks through the generator too and fills gradients that nobody
    uses; real images, fakes and points between them pass one after another.
    """
    adam_d.zero_grad()
    noise = torch.randn(len(real), g.latent_dim, generator=random)
    fake = g(noise)
    on_real, on_fake = d(real), d(fake)
    mix = torch.rand(len(real), 1, 1, 1, generator=random)
    between = (mix * real.data + (1 - mix) * fake.data).requires_grad_(True)
    scores = d(between)
    ones = torch.ones_like(scores)
    slopes = torch.autograd.grad(scores, between, ones, create_graph=True, retain_graph=True, only_inputs=True)[0]
    norms = torch.sqrt(torch.sum(slopes.reshape(len(real), -1) ** 2, dim=1))
    penalty = ((norms - 1) ** 2).mean()
    loss = -on_real.mean() + on_fake.mean() + weight * penalty
    loss.backward()
    adam_d.step()
    distance = on_real.mean().item() - on_fake.mean().item()
    numbers = {"loss_d": -distance, "d_real": on_real.mean().item(), "d_fake": on_fake.mean().item()}
    return {"noise": noise, **numbers, "penalty": penalty.item()}


def generator_step(g: nn.Module, d: nn.Module, adam_g, noise: Tensor) -> dict[str, float]:
    """The generator's step: fakes made anew, judged by a critic whose gradients are filled as well."""
    adam_g.zero_grad()
    loss = -d(g(noise)).mean()
    loss.backward()
    adam_g.step()
    return {"loss_g": loss.item()}


def plain(**changes):
    """The plain work. Its generator moves by the noise of the last fakes, as ours, but generates them a second time."""
    made, batches = recipe(**changes), cycle(dcgan.real_batches(changes))
    g, d, config = made.networks["generator"], made.networks["discriminator"], made.config
    adam_g, adam_d, random = dcgan.adam(g, config), dcgan.adam(d, config), torch.Generator().manual_seed(2)

    def work():
        for _ in range(config.n_critic):
            numbers = critic_step(g, d, adam_d, batches.next(), config.penalty_weight, random)
        return generator_step(g, d, adam_g, numbers.pop("noise")) | numbers

    return work


def ours(precision: str = "fp32", layout: torch.memory_format | None = None, **changes):
    """The work of a run of ours."""
    batches = cycle([kinds.Images(real) for real in dcgan.real_batches(changes)])
    return dcgan.advance(recipe(**changes), batches, precision, layout)


def contest(architecture: str, **changes) -> Contest:
    """Plain, exact and bf16."""
    settings = {**SETTINGS[architecture], **changes}
    return Contest(
        name=f"wgan_gp_{architecture}",
        settings={**settings, "n_critic": recipe(**settings).config.n_critic, "channels": dcgan.CHANNELS},
        contestants={
            "plain": lambda: plain(**settings),
            "exact": lambda: ours(**settings),
            "bf16": lambda: ours("bf16", **settings),
        },
        precision={"bf16": "bf16"},
    )

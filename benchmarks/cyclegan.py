"""CycleGAN at 64 x 64, one image of each domain a step: the iteration of the public repositories against ours."""

import torch
from torch import Tensor, nn

from benchmarks import dcgan
from benchmarks.measure import Contest, cycle
from ganedu import recipes
from ganedu.data import kinds
from ganedu.networks.translation import InstanceNorm

SETTINGS = {"size": 64, "load_size": 0, "batch_size": 1, "width": 32}


def recipe(**changes):
    """The recipe at the size of the benchmark, or another."""
    kind = recipes.get("cyclegan")
    config = kind.Config(**{**SETTINGS, **changes})
    return kind(config, image_shape=(dcgan.CHANNELS, config.size, config.size), seed=0)


class ListPool:
    """Generated images in a list; half of the time an older one is handed out for a new one."""

    def __init__(self, capacity: int, random: torch.Generator):
        self.capacity, self.random, self.images = capacity, random, []

    def query(self, images: Tensor) -> Tensor:
        handed = []
        for image in images.detach():
            if len(self.images) < self.capacity:
                self.images.append(image.clone())
                handed.append(image)
                continue
            i = torch.rand(self.capacity, generator=self.random).argmax().item()
            if torch.rand(1, generator=self.random).item() < 0.5:
                handed.append(self.images[i].clone())
                self.images[i] = image.clone()
            else:
                handed.append(image)
        return torch.stack(handed)


class PlainCycleGAN:
    """An iteration as the most copied implementations do it: each purpose has a pass of its own."""

    def __init__(self, made, random: torch.Generator):
        use_library_norm(made.networks)
        g, d = made.networks["generator"], made.networks["discriminator"]
        self.a_to_b, self.b_to_a, self.judge_a, self.judge_b = g.AtoB, g.BtoA, d.A, d.B
        self.adam_g, self.adam_d = dcgan.adam(g, made.config), dcgan.adam(d, made.config)
        self.pool_a, self.pool_b = (ListPool(made.config.pool, random) for _ in range(2))
        self.config, self.squares, self.distance = made.config, nn.MSELoss(), nn.L1Loss()

    def step(self, a: Tensor, b: Tensor) -> dict[str, float]:
        fake_a, fake_b, numbers = self.generators(a, b)
        self.adam_d.zero_grad()
        on_a = self.judge(self.judge_a, a, self.pool_a.query(fake_a))
        on_b = self.judge(self.judge_b, b, self.pool_b.query(fake_b))
        self.adam_d.step()
        loss_d, real, fake = (first + second for first, second in zip(on_a, on_b, strict=True))
        return numbers | {"loss_d": loss_d, "d_real": real / 2, "d_fake": fake / 2}

    def generators(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, dict[str, float]]:
        """Identity, translation and reconstruction in six passes; the backward fills the judges' gradients too."""
        cycle_weight = self.config.lambda_cycle
        same_a, same_b = self.distance(self.b_to_a(a), a), self.distance(self.a_to_b(b), b)
        fake_b, fake_a = self.a_to_b(a), self.b_to_a(b)
        on_b, on_a = self.judge_b(fake_b), self.judge_a(fake_a)
        fooled_b, fooled_a = self.squares(on_b, torch.ones_like(on_b)), self.squares(on_a, torch.ones_like(on_a))
        back_a, back_b = self.distance(self.b_to_a(fake_b), a), self.distance(self.a_to_b(fake_a), b)
        identity = (same_a + same_b) * cycle_weight * self.config.identity
        loss = fooled_b + fooled_a + (back_a + back_b) * cycle_weight + identity
        self.adam_g.zero_grad()
        loss.backward()
        self.adam_g.step()
        numbers = {"loss_g": loss.item(), "adversarial": fooled_b.item() + fooled_a.item()}
        numbers |= {"cycle": back_a.item() + back_b.item(), "identity": same_a.item() + same_b.item()}
        return fake_a, fake_b, numbers

    def judge(self, judge: nn.Module, real: Tensor, fake: Tensor) -> tuple[float, float, float]:
        """One discriminator goes backward; returns its loss and its mean outputs."""
        on_real, on_fake = judge(real), judge(fake)
        loss = (
            self.squares(on_real, torch.ones_like(on_real)) + self.squares(on_fake, torch.zeros_like(on_fake))
        ) * 0.5
        loss.backward()
        return loss.item(), on_real.mean().item(), on_fake.mean().item()


def use_library_norm(networks: dict[str, nn.Module]) -> None:
    """Normalize by PyTorch's own layer, as people do: ours has no parameters either and does the same mathematics."""
    channels = 0  # of the last convolution
    for network in networks.values():
        for module in list(network.modules()):
            for name, child in module.named_children():
                channels = getattr(child, "out_channels", channels)
                if isinstance(child, InstanceNorm):
                    setattr(module, name, nn.InstanceNorm2d(channels))


def real_batches(changes: dict, n: int = 4) -> list[kinds.Unpaired]:
    """Batches of both domains."""
    images = dcgan.real_batches({**SETTINGS, **changes}, 2 * n)
    return [kinds.Unpaired(*pair) for pair in zip(images[::2], images[1::2], strict=True)]


def plain(**changes):
    """The plain work."""
    batches = cycle(real_batches(changes))
    by_hand = PlainCycleGAN(recipe(**changes), torch.Generator().manual_seed(2))
    return lambda: by_hand.step(*batches.next())


def ours(precision: str = "fp32", layout: torch.memory_format | None = None, **changes):
    """The work of a run of ours."""
    made = recipe(**changes)
    two_domains = cycle(real_batches(changes))
    return dcgan.advance(made, two_domains, precision, layout)


def contest(**changes) -> Contest:
    """Plain, exact (also channels last, which a run does not choose here) and bf16."""
    return Contest(
        name="cyclegan",
        settings={**SETTINGS, "blocks": 6, "channels": dcgan.CHANNELS, **changes},
        contestants={
            "plain": lambda: plain(**changes),
            "exact": lambda: ours(**changes),
            "exact, channels last": lambda: ours(layout=torch.channels_last, **changes),
            "bf16": lambda: ours("bf16", **changes),
        },
        precision={"bf16": "bf16"},
    )

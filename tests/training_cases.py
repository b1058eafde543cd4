"""A recipe so small that a step takes a millisecond, and a command that trains it."""

import contextlib
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ganedu import losses
from ganedu.training import Interrupted, TrainConfig, TrainingError, resume, train


@dataclass(frozen=True)
class TinyConfig:
    size: int = 4
    batch_size: int = 8
    rate: float = 0.01
    decays: bool = False
    breaks_at: int = -1  # the step whose loss is not a number


class Tiny:
    """Two linear networks with dropout between them, so that PyTorch's global generator matters too."""

    name = "tiny"
    Config = TinyConfig

    def __init__(self, config, *, image_shape, device="cpu", seed=0):
        self.config, self.image_shape, self.latent_dim, self.n_real = config, tuple(image_shape), 3, 1
        pixels = image_shape[0] * image_shape[1] * image_shape[2]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = {
                "generator": nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.1), nn.Linear(8, pixels), nn.Tanh()).to(
                    device
                ),
                "discriminator": nn.Sequential(nn.Flatten(), nn.Linear(pixels, 1)).to(device),
            }
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=config.rate) for name, network in self.networks.items()
        }
        self.steps_done = 0

    def step(self, batch, random):
        return self.play(batch, torch.randn(len(batch), 3, generator=random, device=batch.device))

    def play(self, batch, noise):
        loss, networks = losses.get("non_saturating"), self.networks
        fake = networks["generator"](noise)
        fake = fake.view_as(batch)
        loss_d = loss.discriminator(
            networks["discriminator"](batch)[:, 0], networks["discriminator"](fake.detach())[:, 0]
        )
        self._descend("discriminator", loss_d)
        loss_g = loss.generator(networks["discriminator"](fake)[:, 0])
        self._descend("generator", loss_g)
        self.steps_done += 1
        broken = self.steps_done == self.config.breaks_at
        return {"loss_d": loss_d.detach(), "loss_g": loss_g.detach() * (float("nan") if broken else 1)}

    def _descend(self, player, loss):
        self.optimizers[player].zero_grad()
        loss.backward()
        self.optimizers[player].step()

    @torch.no_grad()
    def sample(self, n, random, *, generator=None):
        network = generator or self.networks["generator"]
        was_training = network.training
        images = network.eval()(torch.randn(n, 3, generator=random)).view(n, *self.image_shape)
        network.train(was_training)
        return images

    def learning_rate_factor(self, step, steps):
        return 1 - step / steps if self.config.decays else 1.0

    def extra_state(self):
        return {"steps_done": self.steps_done}

    def load_extra_state(self, state):
        self.steps_done = state["steps_done"]


class Descending(Tiny):
    """Both players take one plain gradient step of rate 1, and nothing is dropped: the step is the gradient."""

    name = "descending"

    def __init__(self, config, *, image_shape, device="cpu", seed=0):
        super().__init__(config, image_shape=image_shape, device=device, seed=seed)
        self.networks["generator"][1].p = 0.0
        self.optimizers = {name: torch.optim.SGD(n.parameters(), lr=1.0) for name, n in self.networks.items()}

    def parameters(self):
        return [parameter for network in self.networks.values() for parameter in network.parameters()]


def images(n=30, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, 1, 4, 4), generator=random, dtype=torch.uint8)


def process(out, steps):
    """`main` as a process."""
    torch.set_num_threads(1)
    sys.exit(main(out, steps))


def descend(out, steps):
    """Train `Descending`, without averaging."""
    train(Descending, images(), out=out, config=TrainConfig(steps=int(steps), ema=0.0), show=False)
    return 0


def main(out, steps, max_minutes=None):
    """Start the run of the test, or resume it if it is there; the exit codes are those of the command line."""
    config = TrainConfig(steps=int(steps), log_every=10, sample_every=50, checkpoint_every=20)
    minutes = None if max_minutes is None else float(max_minutes)
    try:
        if (Path(out) / "config.json").exists():
            resume(out, recipe=Tiny, data=images())
        else:
            train(Tiny, images(), out=out, config=config, max_minutes=minutes)
    except Interrupted as stopped:
        print(stopped)
        return 130
    except TrainingError as error:
        print(error)
        return 1
    return 0


def killed_at_file_operation(out, steps, number):
    """Kill this process just before its file operation of that number: a rename, a link, a removal, a sync."""
    left = number

    def counting(operation):
        def counted(*arguments, **options):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **options)

        return counted

    for name in ("replace", "link", "fsync", "unlink"):
        setattr(os, name, counting(getattr(os, name)))
    main(out, steps)


def killed_at_call(out, steps, number):
    """Kill this process when it calls the function of that number: a moment that no busy machine shifts."""
    left = number

    def count(frame, event, argument):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    sys.setprofile(count)
    sys.exit(main(out, steps))


def with_small_files(out, steps, limit, said):
    """As on a full disk: no file can grow beyond `limit` bytes. What is printed goes to the file `said`."""
    with open(said, "w") as file, contextlib.redirect_stdout(file):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        code = main(out, steps)
    sys.exit(code)


if __name__ == "__main__":
    sys.exit({"main": main, "descend": descend}[sys.argv[1]](*sys.argv[2:]))

"""Recipes so small that a step takes milliseconds, and commands that train them, stop them, and kill them."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ganedu import losses
from ganedu.data import kinds
from ganedu.recipes import dcgan
from ganedu.training import Interrupted, TrainConfig, TrainingError, checkpoint, resume, run_folder, train
from ganedu.training.trainer import Trainer


@dataclass(frozen=True)
class TinyConfig:
    size: int = 4
    load_size: int = 0
    flip: bool = False
    batch_size: int = 8
    rate: float = 0.01
    decays: bool = False
    breaks_at: int = -1  # the step whose loss is not a number


class Tiny:
    """Two linear networks with dropout between them, so that PyTorch's global generator matters too."""

    name = "tiny"
    Batch = kinds.Images
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
        (real,) = batch
        return self.play(real, torch.randn(len(real), 3, generator=random, device=real.device))

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

    def sheet(self, examples, random, *, n=64, generator=None):
        return self.sample(n, random, generator=generator)

    def learning_rate_factor(self, step, steps):
        return 1 - step / steps if self.config.decays else 1.0

    def extra_state(self):
        return {"steps_done": self.steps_done}

    def load_extra_state(self, state):
        self.steps_done = state["steps_done"]


STEPS = 200
CONFIG = TrainConfig(steps=STEPS, log_every=10, sample_every=50, checkpoint_every=20)
DCGAN = dcgan.Config(size=8, batch_size=8, latent_dim=8, width=4, noise="normal")


def images(n=30, seed=0, side=4):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, 1, side, side), generator=random, dtype=torch.uint8)


def spawn(function, *arguments):
    """Start a function in a process of its own, forked from one that has PyTorch loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "torch._dynamo", "torch.utils.tensorboard", "distributed_cases"])
    process = context.Process(target=function, args=arguments)
    process.start()
    return process


@contextlib.contextmanager
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def short(run, steps=40, **changes):
    config = replace(CONFIG, steps=steps, **changes)
    train(Tiny, images(), out=run, config=config, show=False)
    return run


def again(run, **options):
    return resume(run, recipe=Tiny, data=images(), show=False, **options)


def same(a, b):
    """Whether two nested structures hold the same bits."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def assert_same_end(run, other):
    ours, theirs = checkpoint.read(run), checkpoint.read(other)
    for part in ("step", "recipe", "average", "processes"):
        assert same(ours[part], theirs[part]), part
    assert (run / "generator.safetensors").read_bytes() == (other / "generator.safetensors").read_bytes()
    samples = [sorted(path.name for path in (folder / "samples").iterdir()) for folder in (run, other)]
    assert samples[0] == samples[1]
    assert all((run / "samples" / n).read_bytes() == (other / "samples" / n).read_bytes() for n in samples[0])
    rows = [[_without_clock(row) for row in run_folder.read_metrics(folder)] for folder in (run, other)]
    assert rows[0] == rows[1]


def _without_clock(row):
    return {key: value for key, value in row.items() if "second" not in key}


def process(out, steps):
    """`main` as a process."""
    sys.exit(main(out, steps))


def main(out, steps, max_minutes=None, recipe="tiny"):
    """Start the run of the test, or resume it if it is there; the exit codes are those of the command line."""
    torch.set_num_threads(1)
    config = replace(CONFIG, steps=int(steps))
    minutes = None if max_minutes is None else float(max_minutes)
    kind, recipe_config, data = {
        "tiny": (Tiny, TinyConfig(), images()),
        "dcgan": (dcgan.Recipe, DCGAN, images(side=8)),
    }[recipe]
    try:
        if (Path(out) / "config.json").exists():
            resume(out, recipe=kind, data=data)
        else:
            train(kind, data, out=out, config=config, recipe_config=recipe_config, max_minutes=minutes)
    except Interrupted as stopped:
        print(stopped)
        return 130
    except TrainingError as error:
        print(error)
        return 1
    return 0


def waiting_step(trainer, advance=Trainer.advance):
    time.sleep(0.02)
    return advance(trainer)


def train_slowly(out, steps=10_000):
    torch.set_num_threads(1)
    Trainer.advance = waiting_step
    process(out, steps)


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


def killed_at_moment(step, call, function, *arguments):
    """Kill this process at its call of that number after `step` steps, or after its start if that is None.

    What it was doing is `function(*arguments)`.

    No busy machine shifts such a moment, as it would one of the clock.
    """
    left, advance = call, Trainer.advance

    def count(frame, event, argument):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def advance_or_count(trainer):
        nonlocal step
        step -= 1
        if step == 0:
            sys.setprofile(count)
        return advance(trainer)

    if step is None:
        sys.setprofile(count)
    else:
        Trainer.advance = advance_or_count
    sys.exit(function(*arguments))


def with_small_files(out, steps, limit, said):
    """As on a full disk: no file can grow beyond `limit` bytes. What is printed goes to the file `said`."""
    with open(said, "w") as file, contextlib.redirect_stdout(file):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        code = main(out, steps)
    sys.exit(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""The state of a run in memory, and one step of it.

Taught in {ref}`training`.
"""

import numpy as np
import torch
from torch import Tensor

from ganedu.data import kinds
from ganedu.training.config import TrainConfig
from ganedu.training.distributed import World
from ganedu.training.ema import Average
from ganedu.training.graph import GraphedStep, make_capturable, refuse, set_rate
from ganedu.training.precision import arithmetic, compile_losses, lay_out, match_layout

# What the optimizers of the recipes remember of each weight, in floating point; others are taken at their word.
REMEMBERED = {
    torch.optim.Adam: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.RMSprop: {"step", "square_avg"},
    torch.optim.SGD: set(),
}
NOISE, GLOBAL, FIXED, ORDER = 1, 2, 3, 4  # the independent streams of random numbers that follow from one seed


def stream_seed(seed: int, purpose: int, rank: int = 0) -> int:
    """A seed for one purpose and one process; different for each, and not seed + rank, which two runs would share.

    Taught in {ref}`training`.
    """
    return int(np.random.SeedSequence([seed, purpose, rank]).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Trainer:
    """A recipe, its data, its averaged generator, its random numbers and the number of steps done.

    recipe: see `ganedu.recipes`; its config tells batch_size, of all processes together.
    batches: an object with next(), state_dict() and load_state_dict(). examples: a batch of a few samples, which stays
    the same in all sample pictures.
    PyTorch's global generators are seeded too: layers such as dropout know no other.
    Taught in {ref}`training`.
    """

    def __init__(
        self,
        recipe,
        batches,
        config: TrainConfig,
        *,
        device: torch.device,
        world: World,
        examples=None,
    ):
        self.recipe, self.batches, self.config, self.device, self.world = recipe, batches, config, device, world
        self.examples = examples
        self.step = 0
        self.images_a_step = recipe.config.batch_size * recipe.n_real
        self.noise = torch.Generator(device).manual_seed(stream_seed(config.seed, NOISE, world.rank))
        torch.manual_seed(stream_seed(config.seed, GLOBAL, world.rank))
        world.share_weights(recipe.networks)
        world.share_statistics(recipe.networks["generator"])
        lay_out(recipe.networks, config.precision, device)
        self.average = Average(recipe.networks["generator"], decay=config.ema) if config.ema else None
        self.rates = [group["lr"] for group in self._groups()]
        for optimizer in recipe.optimizers.values():
            world.average_gradients(optimizer)
        self.arithmetic = arithmetic(config.precision, device)
        if config.compile:
            compile_losses(recipe)
        self.run = self._run_graphed() if config.cuda_graph else self._run

    def advance(self) -> dict[str, Tensor]:
        """Do one step; returns the recipe's scalars, which stay on the device."""
        self._set_learning_rates()
        batch = kinds.join([self.batches.next() for _ in range(self.recipe.n_real)])
        scalars = self.run(batch, self.noise)
        self.step += 1
        if self.average:
            self.average.update(self.recipe.networks["generator"], self.step)
        return scalars

    def sample(self, n: int) -> Tensor:
        """The images of a sample picture, [m, C, H, W], by the averaged generator if there is one: see `Recipe.sheet`.

        From the same latents and the same examples every time; n: how many of a recipe that draws from noise.
        """
        generator = self.average.network if self.average else None
        latents = torch.Generator(self.device).manual_seed(stream_seed(self.config.seed, FIXED))
        return self.recipe.sheet(self.examples, latents, n=n, generator=generator)

    def not_finite(self) -> str | None:
        """The first network that holds an infinity or a NaN."""
        for name, network in self.recipe.networks.items():
            if not all(bool(t.isfinite().all()) for t in network.state_dict().values() if t.is_floating_point()):
                return name
        return None

    def state_dict(self) -> dict:
        """What all processes share: weights, average, optimizers, step."""
        recipe = self.recipe
        return {
            "step": self.step,
            "recipe": {
                "networks": {name: dict(network.state_dict()) for name, network in recipe.networks.items()},
                "optimizers": {name: optimizer.state_dict() for name, optimizer in recipe.optimizers.items()},
            },
            "average": dict(self.average.network.state_dict()) if self.average else None,
        }

    def own_state(self) -> dict:
        """What belongs to this process: its place in the data and its random numbers, what its recipe remembers."""
        on_gpu = self.device.type == "cuda"
        return {
            "batches": self.batches.state_dict(),
            "extra": self.recipe.extra_state(),
            "noise": self.noise.get_state(),
            "global": torch.get_rng_state(),
            "global_gpu": torch.cuda.get_rng_state(self.device) if on_gpu else None,
            "device": self.device.type,
        }

    def load_state_dict(self, state: dict, own: dict) -> None:
        """Take over what `state_dict` and `own_state` gave."""
        self.step = state["step"]
        load_recipe(self.recipe, state["recipe"])
        if self.config.cuda_graph:
            make_capturable(self.recipe.optimizers, self.device)
        if self.average:
            self.average.network.load_state_dict(state["average"])
        self.batches.load_state_dict(own["batches"])
        self.recipe.load_extra_state(own["extra"])
        torch.set_rng_state(own["global"])
        if own["device"] == self.device.type:  # a generator's state means nothing on another kind of device
            self.noise.set_state(own["noise"])
            if own["global_gpu"] is not None:
                torch.cuda.set_rng_state(own["global_gpu"], self.device)

    def _run(self, batch, noise: torch.Generator) -> dict[str, Tensor]:
        with self.arithmetic:
            return self.recipe.step(batch, noise)

    def _run_graphed(self) -> GraphedStep:
        refuse(self.device, self.world.size)
        make_capturable(self.recipe.optimizers, self.device)
        return GraphedStep(self.recipe, self._run, self.device)

    def _groups(self) -> list[dict]:
        return [group for optimizer in self.recipe.optimizers.values() for group in optimizer.param_groups]

    def _set_learning_rates(self) -> None:
        factor = self.recipe.learning_rate_factor(self.step, self.config.steps)
        for group, rate in zip(self._groups(), self.rates, strict=True):
            set_rate(group, rate * factor)


def load_recipe(recipe, state: dict) -> None:
    """Give a recipe the networks and optimizers of a checkpoint.

    Raises ValueError or RuntimeError, from PyTorch, for weights of another shape.
    Taught in {ref}`training`.
    """
    for name, network in recipe.networks.items():
        network.load_state_dict(state["networks"][name])
    for name, optimizer in recipe.optimizers.items():
        _check_memory(optimizer, state["optimizers"][name], name)
        optimizer.load_state_dict(state["optimizers"][name])
        match_layout(optimizer)


def _check_memory(optimizer: torch.optim.Optimizer, state: dict, name: str) -> None:
    """Raises ValueError for what an optimizer would only stumble over at its next step."""
    for now, then in zip(optimizer.param_groups, state["param_groups"], strict=True):
        for key in then.keys() & now.keys() - {"params", "lr"}:
            if type(now[key]) in (int, float, tuple) and then[key] != now[key]:
                raise ValueError(f"{key} of the optimizer of the {name} is {then[key]!r}, not {now[key]!r}")
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    needed = next((keys for kind, keys in REMEMBERED.items() if isinstance(optimizer, kind)), None)
    for number, memory in state["state"].items():
        tensors = {key for key, value in memory.items() if torch.is_tensor(value) and value.is_floating_point()}
        if needed is not None and not needed <= tensors:
            raise ValueError(f"the optimizer of the {name} has lost {needed - tensors} of weight {number}")
        for key in needed or ():
            if memory[key].shape != (() if key == "step" else weights[number].shape):
                raise ValueError(f"{key} of weight {number} of the {name} is of another shape")

"""SRGAN: enlarging pictures, with an adversary who has seen sharp ones.

    D descends  -log D(y) - log(1 - D(G(x)))
    G descends  distance(G(x), y) - 0.001 log D(G(x))

Without the adversary (`--set adversarial=0`) it is SRResNet, the best of its time by PSNR.
Taught in {ref}`ch-paired-translation`; Ledig et al. 2017.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganedu.metrics import features
from ganedu.networks import zoom
from ganedu.recipes import paired

NO_FEATURES = "none"


@dataclass(frozen=True)
class Config(paired.Config):
    """The paper's numbers (sections 2.1 and 3.2).

    blocks: residual blocks of the generator. halvings, dense: of the discriminator, see `ganedu.networks.zoom`. warmup:
    steps on the distance alone before the adversary enters. features_of: the set whose feature network's maps the
    distance compares, see `ganedu.metrics.features`; "none" for pixels.
    Departures: the paper compares pixels (its SRGAN-MSE) or maps of VGG19, which is not part of this project; the
    learning rate does not fall to a tenth after half of the steps; inputs are scaled to [-1, 1] like everything here,
    not to [0, 1]; and the warm-up, a million steps of a training of its own there, is none unless it is asked for.
    Taught in {ref}`ch-paired-translation`; Ledig et al. 2017.
    """

    size: int = 96
    batch_size: int = 16
    learning_rate: float = 1e-4
    beta1: float = 0.9
    distance: str = "l2"
    restoration: float = 1.0
    adversarial: float = 1e-3  # equation 3
    blocks: int = 16
    halvings: int = 4
    dense: int = 1024
    warmup: int = 0
    features_of: str = NO_FEATURES

    def small(self) -> "Config":
        """A miniature for two CPU cores: 8 x 8 pixels to be made, 4 narrow blocks, and a louder adversary."""
        sides = {"size": 8, "batch_size": 32, "width": 24, "blocks": 4, "halvings": 1, "dense": 128}
        return replace(self, **sides, learning_rate=1e-3, learning_rate_d=2e-4, beta1=0.5, adversarial=0.05)


class Recipe(paired.Recipe):
    """SRResNet and its adversary; by how much a picture is enlarged, the shapes of the data say.

    Taught in {ref}`ch-paired-translation`; Ledig et al. 2017.
    """

    name = "srgan"
    Config = Config
    default_data = "half:digits"

    def __init__(self, config, *, image_shape, input_shape=None, device="cpu", seed: int = 0):
        super().__init__(config, image_shape=image_shape, input_shape=input_shape, device=device, seed=seed)
        self.steps, self.maps = 0, None
        if config.features_of != NO_FEATURES and self.device.type != "meta":
            self.maps = feature_maps(config.features_of, self.image_shape[0]).to(self.device)

    @staticmethod
    def usual_input(image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """A quarter of each side, as in the paper."""
        return image_shape[0], image_shape[1] // 4, image_shape[2] // 4

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of `ganedu.networks.zoom`."""
        c, channels = self.config, self.image_shape[0]
        factor = c.size // self.input_shape[1]
        return (
            zoom.Generator(channels, zoom=factor, width=c.width, blocks=c.blocks),
            zoom.Discriminator(channels, size=c.size, width=c.width, halvings=c.halvings, dense=c.dense),
        )

    def step(self, batch, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration of both players; in the first `warmup` ones, of the generator alone."""
        scalars = super().step(batch, random)
        self.steps += 1
        return scalars

    @property
    def plays(self) -> bool:
        """Whether there is an adversary in this step."""
        return super().plays and self.settled

    @property
    def settled(self) -> bool:
        """Whether every further step does the same work: the warm-up is over."""
        return self.steps >= self.config.warmup

    def distance(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Mean difference of the pixels, or of what the feature network sees in them."""
        if self.maps is None:
            return super().distance(made, wanted)
        return super().distance(self.maps(made), self.maps(wanted))

    def extra_state(self) -> dict:
        """How many steps were made."""
        return {"steps": self.steps}

    def load_extra_state(self, state: dict) -> None:
        """Take up an `extra_state`."""
        self.steps = state["steps"]

    def check(self) -> None:
        """Raises ValueError for shapes and numbers that do not fit together."""
        super().check()
        c, side = self.config, self.input_shape[1]
        if self.input_shape != (self.image_shape[0], side, side) or c.size % side or c.size == side:
            raise ValueError(
                f"srgan enlarges {self.input_shape[0]} channels of {side} pixels to {self.image_shape}, which is no "
                "doubling of both sides; choose data made for it, half:NAME or quarter:NAME"
            )
        if c.warmup < 0:
            raise ValueError(f"warmup must be a number of steps, or 0 for none, not {c.warmup}")


def feature_maps(name: str, channels: int) -> nn.Module:
    """The convolutions of a set's feature network, up to their last maps, frozen: [B, C, H, W] to [B, 32 or 64, h, w].

    Raises ValueError for a set without classes, or of other channels.
    Taught in {ref}`ch-paired-translation`.
    """
    network = features.network(name)
    if network.shape[0] != channels:
        seen = network.shape[0]
        raise ValueError(f"the feature network of {name} sees {seen} channels, not {channels}; name another")
    convolutions = [layer for layer in network.body if not isinstance(layer, nn.Flatten | nn.Linear)]
    return nn.Sequential(*convolutions[:-1])  # without the ReLU that ends the dense layer

"""WGAN: a critic whose weights are clipped, for comparison with the penalty that replaced the clipping.

d_real - d_fake, which every step returns, estimates the Wasserstein distance up to an unknown factor.
Taught in {ref}`ch-wasserstein`; Arjovsky et al. 2017.
"""

from dataclasses import dataclass, replace

from ganedu.recipes import adversarial, dcgan


@dataclass(frozen=True)
class Config(adversarial.Config):
    """The paper's numbers (algorithm 1) and those of its public code (z of 100 numbers, 64 channels next to the image).

    Batch normalization in the critic too, as in the paper's DCGAN: there is no penalty to disturb. The public code has
    the networks of DCGAN's port to Torch, with 4 x 4 kernels. bias: of the critic's first convolution, as for DCGAN.
    Departures: the public code gives the critic 100 steps for each of the first 25 of G, and for every 500th, clips
    before each of its steps instead of after, and draws new noise for G; here the last fakes of the critic serve.
    Taught in {ref}`ch-wasserstein`.
    """

    batch_size: int = 64
    learning_rate: float = 5e-5
    optimizer: str = "rmsprop"
    loss: str = "wasserstein"
    n_critic: int = 5
    clip: float = 0.01
    width: int = 64
    kernel: int = 4
    bias: bool = False

    def small(self) -> "Config":
        """A miniature for two CPU cores: 16 x 16 images, fewer channels and steps of D, a higher learning rate."""
        return replace(self, size=16, latent_dim=32, width=32, learning_rate=5e-4, n_critic=3)


class Recipe(dcgan.Recipe):
    """DCGAN's networks with the Wasserstein loss and a clipped critic.

    Taught in {ref}`ch-wasserstein`; Arjovsky et al. 2017, algorithm 1.
    """

    name = "wgan"
    Config = Config

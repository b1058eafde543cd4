"""The two networks of a variational autoencoder: of dense layers as in the paper, or convolutional around DCGAN's G.

Taught in {ref}`ch-generation`; Kingma and Welling 2014, appendix C.
"""

from math import prod

import torch
from torch import Tensor, nn

from ganedu.networks import dcgan


class Decoder(nn.Module):
    """Latent vectors [B, latent_dim] to the means of images, [B, C, H, W] in [-1, 1]; x given z is N(mean, std^2).

    layers: what computes the means. log_std is a parameter, one number for all pixels: how far an image may lie from
    its mean decides how much a good reconstruction weighs, so it is learned and not set.
    Taught in {ref}`ch-generation`; Kingma and Welling 2014, appendix C.2.
    """

    def __init__(self, layers: nn.Module):
        super().__init__()
        self.layers, self.log_std = layers, nn.Parameter(torch.tensor(-1.5))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class Encoder(nn.Module):
    """Images [B, C, H, W] to mean and logarithm of the standard deviation of z given x, each [B, latent_dim].

    body: images to features [B, features], from which one linear map computes both.
    Taught in {ref}`ch-generation`; Kingma and Welling 2014, appendix C.2.
    """

    def __init__(self, body: nn.Module, features: int, latent_dim: int):
        super().__init__()
        self.body, self.head = body, nn.Linear(features, 2 * latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = self.head(self.body(x)).chunk(2, dim=1)
        return mean, log_std


def dense(latent_dim: int, image_shape: tuple[int, int, int], *, units: int = 500) -> tuple[Decoder, Encoder]:
    """The paper's pair: one hidden layer of tanh units each.

    Taught in {ref}`ch-generation`; Kingma and Welling 2014, section 5 and appendix C.
    """
    pixels = prod(image_shape)
    layers = [nn.Linear(latent_dim, units), nn.Tanh(), nn.Linear(units, pixels), nn.Tanh()]
    body = nn.Sequential(nn.Flatten(), nn.Linear(pixels, units), nn.Tanh())
    return Decoder(nn.Sequential(*layers, nn.Unflatten(1, tuple(image_shape)))), Encoder(body, units, latent_dim)


def convolutional(latent_dim: int, image_shape: tuple[int, int, int], *, width: int = 64) -> tuple[Decoder, Encoder]:
    """DCGAN's generator, and its discriminator without normalization up to the last layer, for a fair comparison.

    width: channels next to the image.
    Raises ValueError for a side that is not 4 doubled at least once.
    Taught in {ref}`ch-generation`; Radford et al. 2016 for the layers.
    """
    channels, size, _ = image_shape
    decoder = Decoder(dcgan.Generator(latent_dim, channels, size=size, width=width))
    layers = dcgan.Discriminator(channels, size=size, width=width, norm="none").layers[:-1]
    for layer in layers:  # 0.02 is made for normalized layers: without them the images would fade on their way
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, dcgan.SLOPE)
    features = (width << (dcgan.doublings(size, start=4) - 1)) * 4 * 4
    return decoder, Encoder(nn.Sequential(layers, nn.Flatten()), features, latent_dim)

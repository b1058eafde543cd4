"""Networks that are told a class: the DCGAN pair with the class appended, and the pair of the projection discriminator.

A class reaches a network in one of two ways. With "concat" its one-hot code is appended, to the noise of G as K more
numbers, to the image before D as K more channels, each constant. What follows is the plain pair, with K more inputs.

With "projection" it chooses the gains and biases of G's batch normalizations, and in D a vector, with which the
features of the image are multiplied: logit = psi(phi(x)) + <v_y, phi(x)>.

A label of -1, a class that is not known, has the code 0: D then judges the image alone.
Taught in {ref}`ch-conditional`; Mirza and Osindero 2014, Radford et al. 2016, Miyato and Koyama 2018.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganedu.networks import dcgan, sngan, spectral


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype | None = None) -> Tensor:
    """Labels, int64 [B], as rows [B, classes] with a single 1; -1 (not known) becomes a row of zeros.

    dtype: of the result, torch's default if None. No value is read from the device, so labels are not looked up.
    Raises ValueError for labels that are no int64 [B].
    Taught in {ref}`ch-conditional`.
    """
    if labels.ndim != 1 or labels.dtype != torch.int64:
        raise ValueError(f"labels of shape {tuple(labels.shape)} and {labels.dtype} given, int64 [batch] expected")
    which = torch.arange(classes, device=labels.device)
    return (labels[:, None] == which).to(dtype or torch.get_default_dtype())


class ConcatGenerator(nn.Module):
    """Noise [B, latent_dim] and labels [B] to images [B, channels, size, size]: DCGAN's, with K more numbers of noise.

    options: size, width and kernel of `ganedu.networks.dcgan.Generator`.
    Taught in {ref}`ch-conditional`; Mirza and Osindero 2014.
    """

    def __init__(self, latent_dim: int, channels: int, classes: int, **options):
        super().__init__()
        self.classes = classes
        self.network = dcgan.Generator(latent_dim + classes, channels, **options)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.network(torch.cat([z, one_hot(labels, self.classes, z.dtype)], dim=1))


class ConcatDiscriminator(nn.Module):
    """Images [B, channels, size, size] and labels [B] to logits [B]: DCGAN's, whose first layer sees K more channels.

    options: size, width, norm, kernel and bias of `ganedu.networks.dcgan.Discriminator`.
    Taught in {ref}`ch-conditional`; Mirza and Osindero 2014.
    """

    def __init__(self, channels: int, classes: int, **options):
        super().__init__()
        self.classes = classes
        self.network = dcgan.Discriminator(channels + classes, **options)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        code = one_hot(labels, self.classes, x.dtype)[:, :, None, None]
        return self.network(torch.cat([x, code.expand(-1, -1, *x.shape[2:])], dim=1))


class ConditionalBatchNorm2d(nn.Module):
    """Batch normalization of maps [B, features, H, W] whose gains and biases belong to the class, labels [B].

    The mean and the variance are those of all samples together, whatever their class. spread: standard deviation of
    the first gains around 1 and biases around 0. With 0, as in the public code of Miyato and Koyama, G draws the same
    for all classes at first; a run of hundreds of steps, not hundreds of thousands, should not wait for the difference.
    Taught in {ref}`ch-conditional`; Dumoulin et al. 2017, de Vries et al. 2017, Miyato and Koyama 2018.
    """

    def __init__(self, features: int, classes: int, *, spread: float = 0.5):
        super().__init__()
        self.classes = classes
        self.norm = nn.BatchNorm2d(features, affine=False)
        self.gain = nn.Parameter(torch.empty(classes, features).normal_(1.0, spread))
        self.bias = nn.Parameter(torch.empty(classes, features).normal_(0.0, spread))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        code = one_hot(labels, self.classes, self.gain.dtype)
        gain, bias = (code @ rows for rows in (self.gain, self.bias))  # [B, features]
        return self.norm(x) * gain[:, :, None, None] + bias[:, :, None, None]


class ProjectionGenerator(nn.Module):
    """Noise [B, latent_dim] and labels [B] to images [B, channels, size, size] in [-1, 1].

    The layers of the port of DCGAN, with conditional batch normalization in place of the plain one: the class enters
    there and nowhere else. width: channels of the layer nearest to the image.
    Raises ValueError for a size that is not 4 doubled at least once, and for noise or labels of another shape.
    Taught in {ref}`ch-conditional`; Miyato and Koyama 2018, whose networks are residual.
    """

    def __init__(self, latent_dim: int, channels: int, classes: int, *, size: int = 64, width: int = 64):
        super().__init__()
        self.latent_dim = latent_dim
        widths = [width << i for i in reversed(range(dcgan.doublings(size, start=4)))]
        maps = [nn.ConvTranspose2d(latent_dim, widths[0], 4, bias=False)]  # 1 -> 4 pixels
        maps += [nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=False) for a, b in pairwise(widths)]  # n -> 2n
        self.maps = nn.ModuleList(maps)
        self.norms = nn.ModuleList(ConditionalBatchNorm2d(features, classes) for features in widths)
        self.last = nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1, bias=False)
        for layer in [*maps, self.last]:
            dcgan.initialize(layer)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        dcgan.check_noise(z, self.latent_dim)
        h = z[:, :, None, None]
        for layer, norm in zip(self.maps, self.norms, strict=True):
            h = norm(layer(h), labels).relu()
        return self.last(h).tanh()


class ProjectionDiscriminator(nn.Module):
    """Images [B, channels, size, size] and labels [B] to logits psi(phi(x)) + <v_y, phi(x)>, [B].

    phi is the body of SNGAN's plain discriminator, summed over the pixels; psi is linear. The K vectors v are the rows
    of a linear map without bias. width: channels next to the image. normalized: spectral normalization of every layer,
    the vectors included.
    Raises ValueError for a size that is not 4 doubled at least once, and for images or labels of another shape.
    Taught in {ref}`ch-conditional`; Miyato and Koyama 2018, equation 3, whose body is residual.
    """

    def __init__(self, channels: int, classes: int, *, size: int = 64, width: int = 64, normalized: bool = True):
        super().__init__()
        self.classes, self.image_shape = classes, (channels, size, size)
        self.body = sngan.Discriminator(channels, size=size, width=width, normalized=False).layers[:-2]
        features = self.body[-2].out_channels
        self.psi, self.vectors = nn.Linear(features, 1), nn.Linear(features, classes, bias=False)
        if normalized:
            spectral.normalize(self)

    def features(self, x: Tensor) -> Tensor:
        """phi(x), [B, features]."""
        dcgan.check_images(x, self.image_shape)
        return self.body(x).sum((2, 3))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        phi = self.features(x)
        chosen = self.vectors(phi) * one_hot(labels, self.classes, phi.dtype)  # <v_y, phi> where y is the class, else 0
        return self.psi(phi).squeeze(1) + chosen.sum(1)


class Classifier(nn.Module):
    """Images [B, channels, size, size] to logits [B, classes] of the classes of real images; "fake" has the logit 0.

    The body of SNGAN's plain discriminator, without spectral normalization, then a linear map: a small version of the
    paper's, which has dropout and weight normalization as well.
    Raises ValueError for a size that is not 4 doubled at least once, and for images of another shape.
    Taught in {ref}`ch-conditional`; Salimans et al. 2016, section 5.
    """

    def __init__(self, channels: int, classes: int, *, size: int = 32, width: int = 64):
        super().__init__()
        self.image_shape = (channels, size, size)
        self.body = sngan.Discriminator(channels, size=size, width=width, normalized=False).layers[:-2]
        self.head = nn.Linear(self.body[-2].out_channels * 4 * 4, classes)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, [B, features], which the generator is to match."""
        dcgan.check_images(x, self.image_shape)
        return self.body(x).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

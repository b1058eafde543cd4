"""What runs on pairs of pictures share: how what was made of the inputs is measured against their true partners."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from ganedu import metrics

COARSE = 4  # pixels a side, to which the Fréchet distance averages


def measure(made: Tensor, wanted: Tensor) -> dict:
    """Error in gray levels, PSNR in dB, Fréchet distance of coarse pixels, and sharpness, of which the truth has 1."""
    coarse = [avg_pool2d(each, each.shape[-1] // COARSE).flatten(1).double() for each in (made, wanted)]
    return {
        "mean_absolute_error": metrics.mean_absolute_error(made, wanted).item(),
        "psnr": metrics.psnr(made, wanted).item(),
        "coarse_frechet_distance": metrics.frechet_from_features(*coarse).item(),
        "sharpness": (laplacian(made) / laplacian(wanted)).item(),
    }


def laplacian(images: Tensor) -> Tensor:
    """Mean square of what the discrete Laplacian leaves of [n, C, H, W]."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]).expand(images.shape[1], 1, 3, 3)
    return conv2d(images, kernel, groups=images.shape[1]).square().mean()

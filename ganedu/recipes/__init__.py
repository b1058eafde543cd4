"""Recipes: networks, optimizers and one training step, one file a paper.

`get("dcgan")` is a class; `get("dcgan")(config, image_shape=(1, 64, 64))` is a recipe that can `step` and `sample`,
and `get("dcgan").Config()` holds the paper's numbers, `.small()` those of a miniature for two CPU cores.
Taught in {ref}`ch-dcgan`.
"""

from importlib import import_module

_MODULES = {
    "mlp": "mlp",
    "dcgan": "dcgan",
    "article-gan": "article_gan",
    "wgan": "wgan",
    "wgan-gp": "wgan_gp",
    "sngan": "sngan",
    "cgan": "cgan",
    "sgan": "sgan",
    "vae": "vae",
    "r3gan": "r3gan",
    "cyclegan": "cyclegan",
    "stylegan": "stylegan",
    "biggan": "biggan",
    "progressive": "progressive",
    "pix2pix": "pix2pix",
    "context-encoder": "context_encoder",
    "srgan": "srgan",
    "stackgan": "stackgan",
    "attngan": "attngan",
    "gan3d": "gan3d",
}
NAMES = tuple(_MODULES)


def get(name: str) -> type:
    """The class of the recipe called `name`, one of NAMES.

    Raises ValueError, listing the names, for any other.
    Taught in {ref}`ch-dcgan`.
    """
    if name not in _MODULES:
        raise ValueError(f"unknown recipe {name!r}; choose one of {', '.join(NAMES)}")
    return import_module(f"ganedu.recipes.{_MODULES[name]}").Recipe

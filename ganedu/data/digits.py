"""Scikit-learn's handwritten digits: real images without a download.

Taught in {ref}`ch-first-gan`.
"""

import numpy as np
import torch

from ganedu.data.images import ImageData

TEST_EVERY = 7  # coprime to 10: the file runs through the ten classes in order in places


def load(split: str) -> ImageData:
    """1797 digits, uint8 [N, 1, 8, 8]: level v of 16 becomes round(255 v / 16), every seventh image is for testing.

    split: "train" (1541 images) or "test" (256).
    Taught in {ref}`ch-first-gan`; Alpaydin and Kaynak 1998.
    """
    from sklearn.datasets import load_digits  # half a second: only for those who ask for it

    bunch = load_digits()
    levels, labels = bunch.images, bunch.target  # [1797, 8, 8] in 0..16, [1797]
    in_test = np.arange(len(labels)) % TEST_EVERY == TEST_EVERY - 1
    chosen = in_test if split == "test" else ~in_test
    images = np.rint(levels[chosen] * (255 / 16)).astype(np.uint8)[:, None]
    return ImageData(torch.from_numpy(images), torch.from_numpy(labels[chosen].astype(np.int64)), tuple("0123456789"))

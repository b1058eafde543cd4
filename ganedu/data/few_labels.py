"""A set of which only a few labels are known, for semi-supervised learning.

Taught in {ref}`ch-conditional`.
"""

import torch
from torch import Tensor

from ganedu.data.kinds import Labeled

UNKNOWN = -1


def keep(labels: Tensor, per_class: int, *, seed: int = 0) -> Tensor:
    """Labels [N] of which `per_class` of each class are kept and all others become -1, not known; 0 keeps all.

    Which ones are kept follows from labels and seed alone, on every machine; those kept with a smaller `per_class` are
    among those kept with a larger one.
    Raises ValueError for a negative number, or for a class that has fewer.
    Taught in {ref}`ch-conditional`; Salimans et al. 2016, section 6.
    """
    if per_class < 0:
        raise ValueError(f"labels_per_class must be a number of labels, or 0 for all, not {per_class}")
    if not per_class:
        return labels
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    kept = torch.full_like(labels, UNKNOWN)
    for c in labels[labels != UNKNOWN].unique().tolist():
        chosen = order[labels[order] == c][:per_class]
        if len(chosen) < per_class:
            raise ValueError(f"class {c} has {len(chosen)} labels, of which {per_class} cannot be kept; ask for fewer")
        kept[chosen] = c
    return kept


def apart(stored: Labeled, per_class: int, *, seed: int = 0) -> Labeled:
    """All N samples without their labels, and once more as many: those whose label is kept, again and again.

    So the two halves of a semi-supervised loss see as many samples in each batch, on average. The images may be paths.
    Raises ValueError as `keep` does.
    Taught in {ref}`ch-conditional`; Salimans et al. 2016.
    """
    labels = keep(stored.labels, per_class, seed=seed)
    known = (labels != UNKNOWN).nonzero().squeeze(1)
    n = len(labels)
    again = known.repeat(-(-n // len(known)))[:n]
    index = torch.cat([torch.arange(n), again])
    paths = not isinstance(stored.images, Tensor)
    images = [stored.images[i] for i in index.tolist()] if paths else stored.images[index]
    return Labeled(images, torch.cat([torch.full_like(labels, UNKNOWN), labels[again]]))

"""Matrices among the values of a formula: products of matrices are matrix products, vectors are columns."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Matrix:
    """A matrix, or a batch of them, [..., n, m]; a vector is a column [..., n, 1].

    Taught in {ref}`formula`.
    """

    entries: Tensor

    def __neg__(self):
        return Matrix(-self.entries)

    @property
    def mT(self):
        return Matrix(self.entries.mT)

    def trace(self) -> Tensor:
        return self.entries.diagonal(dim1=-2, dim2=-1).sum(-1)

    def norm(self, power: float = 2.0) -> Tensor:
        """Length of a vector. The norm of a matrix has several meanings, so a formula gives it as a symbol."""
        if self.entries.shape[-1] != 1 and self.entries.shape[-2] != 1:
            raise ValueError("the norm of a matrix has several meanings: give its value as a symbol")
        return torch.linalg.vector_norm(self.entries, power, dim=(-2, -1))

    def power(self, exponent: float):
        """A power by eigenvalues: 1/2 is the root with positive eigenvalues, -1 the inverse, 0 the identity."""
        values, vectors = torch.linalg.eig(self.entries)
        powered = vectors @ torch.diag_embed(values**exponent) @ torch.linalg.inv(vectors)
        return Matrix(powered.real)


def vector(components) -> Matrix:
    """A vector [..., n] as a value of a formula.

    Taught in {ref}`formula`.
    """
    return Matrix(torch.as_tensor(components, dtype=torch.float64)[..., None])


def matrix(entries) -> Matrix:
    """A matrix [..., n, m] as a value of a formula.

    Taught in {ref}`formula`.
    """
    return Matrix(torch.as_tensor(entries, dtype=torch.float64))


def plus(a, b):
    """a + b; a number and a matrix cannot be added."""
    if isinstance(a, Matrix) != isinstance(b, Matrix):
        raise ValueError("a number and a matrix cannot be added")
    return Matrix(a.entries + b.entries) if isinstance(a, Matrix) else a + b


def times(a, b, entrywise: bool = False):
    """a b: numbers scale, matrices multiply; `entrywise` is the product with the sign of a dot in a circle."""
    if isinstance(a, Matrix) and isinstance(b, Matrix):
        return Matrix(a.entries * b.entries if entrywise else a.entries @ b.entries)
    if isinstance(a, Matrix) or isinstance(b, Matrix):
        scalar, other = (b, a) if isinstance(a, Matrix) else (a, b)
        return Matrix(torch.as_tensor(scalar)[..., None, None] * other.entries)
    product = a * b
    return torch.where(
        ((a == 0) & b.isinf()) | ((b == 0) & a.isinf()), torch.zeros_like(product), product
    )  # 0 log 0 = 0


def quotient(a, b):
    """a / b for a number b; zero over anything is zero, the convention of products."""
    if isinstance(a, Matrix) or isinstance(b, Matrix):
        return times(a, 1 / b)
    ratio = a / b
    return torch.where(a == 0, torch.zeros_like(ratio), ratio)


def inner(a, b) -> Tensor:
    """The inner product of two vectors or matrices, or of two batches of them."""
    a, b = (v.entries if isinstance(v, Matrix) else v for v in (a, b))
    if a.shape[-2:] != b.shape[-2:]:
        raise ValueError(f"the inner product of shapes {tuple(a.shape)} and {tuple(b.shape)}")
    return (a * b).sum((-2, -1))

"""Derivatives through a best response: exactly, by the implicit function theorem, and nearly, by unrolled steps.

A value V(theta, phi) is maximized in phi [m] by the discriminator; its best response phi*(theta) solves
grad_phi V = 0 there. All functions take theta [k] and phi [m], float64 for trustworthy digits, and a function
value(theta, phi) -> scalar that autograd can differentiate twice.
Taught in {ref}`ch-implicit-functions`.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad, jacrev, vjp

Value = Callable[[Tensor, Tensor], Tensor]


def best_response(value: Value, theta: Tensor, start: Tensor, *, tolerance: float = 1e-12, steps: int = 50) -> Tensor:
    """phi*(theta), by Newton's method on grad_phi V = 0 from `start` [m]; no graph leads to it.

    Raises ValueError if the gradient does not fall below `tolerance`, or if V curves up where it ends: no maximum.
    Taught in {ref}`ch-implicit-functions`.
    """
    theta, phi = theta.detach(), start.detach().clone()
    for _ in range(steps):
        slope, curvature = grad(value, 1)(theta, phi), _curvature(value, theta, phi)
        if slope.abs().max() <= tolerance:
            if torch.linalg.eigvalsh(curvature).max() >= 0:
                raise ValueError("Newton's method ended where the value is not concave; start nearer to a maximum")
            return phi
        phi = phi - torch.linalg.solve(curvature, slope)
    raise ValueError(f"no best response after {steps} steps of Newton: the gradient is {slope.abs().max():.1e}")


def response_derivative(value: Value, theta: Tensor, phi: Tensor) -> Tensor:
    """d phi* / d theta = -(V_phi,phi)^-1 V_phi,theta, [m, k], at a best response phi, by solving with the matrix.

    Taught in {ref}`ch-implicit-functions`; the implicit function theorem for grad_phi V = 0.
    """
    mixed = jacrev(grad(value, 1), 0)(theta, phi)  # [m, k]
    return -torch.linalg.solve(_curvature(value, theta, phi), mixed)


def response_product(value: Value, theta: Tensor, phi: Tensor, vector: Tensor, *, tolerance: float = 1e-12) -> Tensor:
    """(d phi* / d theta)' vector, [k], for a vector [m]: without any matrix, by conjugate gradients.

    Only products of the Hessian with vectors are formed, so that it also serves networks with many weights.
    Raises ValueError where V is not strictly concave in phi.
    Taught in {ref}`ch-implicit-functions`.
    """

    def minus_hessian(v: Tensor) -> Tensor:
        return -grad(lambda at: grad(value, 1)(theta, at) @ v)(phi)

    solved = conjugate_gradients(minus_hessian, vector, tolerance=tolerance)
    return vjp(lambda at: grad(value, 1)(at, phi), theta)[1](solved)[0]


def conjugate_gradients(product: Callable[[Tensor], Tensor], right: Tensor, *, tolerance: float = 1e-12) -> Tensor:
    """x [m] with A x = right, A symmetric and positive definite and known by product(x) = A x only.

    Stops when the residual is `tolerance` times `right`, at the latest after 10 m steps.
    Raises ValueError if A is found not to be positive definite.
    Taught in {ref}`ch-implicit-functions`; Hestenes and Stiefel 1952.
    """
    x, residual = torch.zeros_like(right), right.clone()
    direction, squared = residual, residual @ residual
    goal = tolerance**2 * squared
    for _ in range(10 * len(right)):
        if squared <= goal:
            break
        image = product(direction)
        curvature = direction @ image
        if not curvature > 0:
            raise ValueError(f"the matrix is not positive definite: a direction has curvature {curvature:.3g}")
        step = squared / curvature
        x, residual = x + step * direction, residual - step * image
        squared, before = residual @ residual, squared
        direction = residual + squared / before * direction
    return x


def total_gradient(loss: Value, value: Value, theta: Tensor, phi: Tensor, *, tolerance: float = 1e-12) -> Tensor:
    """d loss(theta, phi*(theta)) / d theta = partial + (d phi* / d theta)' grad_phi loss, [k], at a best response.

    For loss = value the second term is zero, since grad_phi V = 0: the envelope theorem. For another loss, such as
    the non-saturating one, it is not.
    Taught in {ref}`ch-implicit-functions`.
    """
    partial, through = grad(loss, (0, 1))(theta, phi)
    return partial + response_product(value, theta, phi, through, tolerance=tolerance)


def unroll(value: Value, theta: Tensor, phi: Tensor, *, steps: int, rate: float) -> Tensor:
    """phi after `steps` steps of gradient ascent on V, phi <- phi + rate grad_phi V; differentiable in both arguments.

    Taught in {ref}`ch-implicit-functions`; Metz et al. 2017, eq. 6.
    """
    for _ in range(steps):
        phi = phi + rate * grad(value, 1)(theta, phi)
    return phi


def unrolled_gradient(loss: Value, value: Value, theta: Tensor, phi: Tensor, *, steps: int, rate: float) -> Tensor:
    """d loss(theta, phi_K(theta)) / d theta, [k], where phi_K is `unroll`ed from phi by K = `steps` steps.

    K = 0 is the partial derivative of alternating training; with K it tends to `total_gradient`.
    Taught in {ref}`ch-implicit-functions`; Metz et al. 2017, eq. 8.
    """
    return grad(lambda at: loss(at, unroll(value, at, phi, steps=steps, rate=rate)))(theta)


def _curvature(value: Value, theta: Tensor, phi: Tensor) -> Tensor:
    """V_phi,phi [m, m], by reverse mode twice: torch's `hessian` is slower to start."""
    return jacrev(grad(value, 1), 1)(theta, phi)

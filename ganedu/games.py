"""Two-player games as vector fields, the ways to step along them, and the spectra that decide where the steps lead.

A state w [n] holds both players: w[:split] belongs to the first (the generator's theta), the rest to the second (the
discriminator's psi). A field maps [n] to [n]. An update maps a field, a state and a rate to the next state, in one
line shaped like its formula. All of it is differentiable, so that Jacobians come from autograd.
Taught in {ref}`ch-game-dynamics`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import grad, jacrev

Field = Callable[[Tensor], Tensor]


class Game(NamedTuple):
    """Two losses of one state w [n]: `first` is descended in w[:split], `second` in w[split:].

    A value V that the first player minimizes and the second maximizes is the game (V, -V): see `zero_sum`.
    Taught in {ref}`ch-game-dynamics`.
    """

    first: Callable[[Tensor], Tensor]
    second: Callable[[Tensor], Tensor]
    split: int = 1

    def field(self, w: Tensor) -> Tensor:
        """Where both players want to go, v(w) = (-d first / d theta, -d second / d psi), [n]."""
        return -torch.cat([grad(self.first)(w)[: self.split], grad(self.second)(w)[self.split :]])


def zero_sum(value: Callable[[Tensor], Tensor], *, split: int = 1) -> Game:
    """The game min over theta, max over psi of value(w), a scalar.

    Taught in {ref}`ch-saddle-points`.
    """
    return Game(value, lambda w: -value(w), split)


def bilinear(coupling: Tensor | float = 1.0) -> Game:
    """The game of V = theta' C psi; with C = 1 the players run around the origin for ever.

    coupling: the matrix C [k, m], or a number for one coordinate each.
    Taught in {ref}`ch-game-dynamics`.
    """
    matrix = torch.as_tensor(coupling, dtype=torch.float64).reshape(-1, 1) if _is_scalar(coupling) else coupling
    k = len(matrix)
    return zero_sum(lambda w: w[:k] @ matrix @ w[k:], split=k)


def quadratic(a: float, b: float, coupling: float = 1.0) -> Game:
    """The game of V = a theta^2 / 2 + coupling theta psi - b psi^2 / 2; a saddle at 0 if a, b > 0.

    Taught in {ref}`ch-saddle-points`.
    """
    return zero_sum(lambda w: a * w[0] ** 2 / 2 + coupling * w[0] * w[1] - b * w[1] ** 2 / 2)


# Updates. `v` is a field, `h` the rate.


def simultaneous(v: Field, w: Tensor, h: float) -> Tensor:
    """w + h v(w): both players answer the other's old position.

    Taught in {ref}`ch-game-dynamics`.
    """
    return w + h * v(w)


def alternating(v: Field, w: Tensor, h: float, *, order: str = "GD", split: int = 1) -> Tensor:
    """One after the other, each answering the other's newest position.

    order: who moves, letter by letter: G moves w[:split], D moves w[split:]; "GDDDDD" gives D five steps.
    Raises ValueError for other letters.
    Taught in {ref}`ch-game-dynamics`.
    """
    for player in order:
        w = w + h * _turn(player, w, split) * v(w)
    return w


def extragradient(v: Field, w: Tensor, h: float) -> Tensor:
    """w + h v(w + h v(w)): look ahead, then step from here along what is seen there.

    Taught in {ref}`ch-game-dynamics`; Korpelevich 1976.
    """
    return w + h * v(w + h * v(w))


def optimistic(v: Field, state: Tensor, h: float) -> Tensor:
    """w + h (2 v(w) - v(w_before)): the look ahead of `extragradient`, taken from the last step.

    state: (w, v(w_before)), [2 n]; start with zeros behind w.
    Taught in {ref}`ch-game-dynamics`; Popov 1980, Daskalakis et al. 2018.
    """
    w, before = state.chunk(2)
    now = v(w)
    return torch.cat([w + h * (2 * now - before), now])


def momentum(v: Field, state: Tensor, h: float, *, beta: float) -> Tensor:
    """w + h v(w) + beta (w - w_before): the heavy ball, for both players at once.

    state: (w, w - w_before), [2 n]; start with zeros behind w.
    Taught in {ref}`ch-game-dynamics`; Polyak 1964.
    """
    w, move = state.chunk(2)
    move = h * v(w) + beta * move
    return torch.cat([w + move, move])


def alternating_momentum(
    v: Field, state: Tensor, h: float, *, beta: float, order: str = "GD", split: int = 1
) -> Tensor:
    """The heavy ball of one player after the other; with a negative beta it contracts the bilinear game.

    state: (w, w - w_before), [2 n]. order, split: as in `alternating`, the memory moving with its player.
    Taught in {ref}`ch-game-dynamics`; Gidel et al. 2019.
    """
    for player in order:
        w, move = state.chunk(2)
        turn = _turn(player, w, split)
        step = turn * (h * v(w) + beta * move)
        state = torch.cat([w + step, torch.where(turn, step, move)])
    return state


# Changes of a field or of a state, to be combined with any update.


def consensus(v: Field, weight: float) -> Field:
    """The field v - weight grad (||v||^2 / 2) = v - weight J' v: both players also shrink the field itself.

    Taught in {ref}`ch-game-dynamics`; Mescheder et al. 2017, eq. 8.
    """
    return lambda w: v(w) - weight * grad(lambda at: v(at).square().sum() / 2)(w)


def clip(w: Tensor, limit: float, *, split: int = 1) -> Tensor:
    """The state with the second player's part put back into [-limit, limit], as weight clipping does.

    Taught in {ref}`ch-game-dynamics`; Arjovsky et al. 2017, algorithm 1.
    """
    return torch.cat([w[:split], w[split:].clamp(-limit, limit)])


def orbit(update: Callable[[Tensor, float], Tensor], start: Tensor, rates: Sequence[float]) -> Tensor:
    """The states [1 + steps, n] from `start` [n] on; step t is update(state, rates[t]).

    Taught in {ref}`ch-game-dynamics`.
    """
    states = [start]
    for rate in rates:
        states.append(update(states[-1], rate))
    return torch.stack(states)


# Spectra and solutions.


def jacobian(function: Field, at: Tensor) -> Tensor:
    """Matrix [n, n] of partial derivatives of a field or of an update at a state [n], by autograd.

    Taught in {ref}`ch-game-dynamics`.
    """
    return jacrev(function)(at)


def spectrum(function: Field, at: Tensor) -> Tensor:
    """Eigenvalues [n] of the Jacobian, complex, by rising real and then imaginary part.

    Of a field at its zero: locally stable if all real parts are negative. Of an update at its fixed point: the
    largest modulus is the factor that a distance shrinks or grows by each step, in the long run.
    Taught in {ref}`ch-game-dynamics`.
    """
    values = torch.linalg.eigvals(jacobian(function, at))
    return torch.stack(sorted(values, key=lambda z: (round(z.real.item(), 9), z.imag.item())))


def radius(function: Field, at: Tensor) -> float:
    """Largest modulus in the `spectrum`, of an update at its fixed point: below 1 it contracts, above 1 it diverges.

    Taught in {ref}`ch-game-dynamics`.
    """
    return spectrum(function, at).abs().max().item()


def solve_matrix_game(payoff: Tensor) -> tuple[Tensor, Tensor, float]:
    """Mixed strategies (x [n], y [m]) and the value of min over x, max over y of x' payoff y, by linear programming.

    The least t with payoff' x <= t in every column is what x cannot be made to pay more than; y is its dual.
    Raises ValueError for a payoff that is no finite matrix.
    Taught in {ref}`ch-saddle-points`; von Neumann 1928.
    """
    import numpy as np
    from scipy.optimize import linprog

    if payoff.ndim != 2 or not payoff.numel() or not payoff.isfinite().all():
        raise ValueError(f"payoff of shape {tuple(payoff.shape)} given; a finite matrix [n, m] is expected")
    matrix = payoff.detach().double().numpy()
    n, m = matrix.shape
    found = linprog(
        np.append(np.zeros(n), 1.0),  # the variables are x and t
        A_ub=np.column_stack([matrix.T, -np.ones(m)]),
        b_ub=np.zeros(m),
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
    )
    return torch.from_numpy(found.x[:n]), torch.from_numpy(-found.ineqlin.marginals), float(found.fun)


def _turn(player: str, w: Tensor, split: int) -> Tensor:
    """Mask [n] of the coordinates that the player moves."""
    if player not in ("G", "D"):
        raise ValueError(f"no player is called {player!r}; the order consists of G (w[:split]) and D (w[split:])")
    first = torch.arange(len(w), device=w.device) < split
    return first if player == "G" else ~first


def _is_scalar(value: Tensor | float) -> bool:
    return not isinstance(value, Tensor) or value.ndim == 0

"""`ganedu.games` and `ganedu.dirac` against closed forms, finite differences and brute force."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganedu import games, losses
from ganedu.checks._numeric import central_differences
from ganedu.dirac import dirac

ORIGIN = torch.zeros(2, dtype=torch.float64)
rates = st.floats(0.01, 0.9)
few = settings(max_examples=8, deadline=None)


def point(*coordinates):
    return torch.tensor(coordinates, dtype=torch.float64)


def largest_root(*coefficients):
    return max(abs(np.roots(coefficients)))


def matrix_power_growth(update, n, steps=400):
    """Factor a step by which a linear update stretches a random start, measured without any eigenvalue."""
    state = torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    norms = games.orbit(lambda w, h: update(w), state, [0.0] * steps).norm(dim=1)
    return ((norms[-1] / norms[steps // 2]) ** (2 / steps)).item()


# Updates of the bilinear game


@given(rates)
@few
def test_radii_of_the_bilinear_game_are_the_closed_forms(h):
    v = games.bilinear().field
    assert games.radius(lambda w: games.simultaneous(v, w, h), ORIGIN) == pytest.approx(math.sqrt(1 + h**2), abs=1e-12)
    assert games.radius(lambda w: games.alternating(v, w, h), ORIGIN) == pytest.approx(1, abs=1e-12)
    expected = math.sqrt(1 - h**2 + h**4)
    assert games.radius(lambda w: games.extragradient(v, w, h), ORIGIN) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_more_steps_of_the_discriminator_do_not_leave_the_circle(steps):
    update = partial(games.alternating, games.bilinear().field, h=0.1, order="G" + "D" * steps)
    assert games.radius(update, ORIGIN) == pytest.approx(1, abs=1e-12)


@given(rates)
@few
def test_optimistic_step_has_the_roots_of_its_quadratic(h):
    got = games.radius(lambda s: games.optimistic(games.bilinear().field, s, h), ORIGIN.repeat(2))
    assert got == pytest.approx(
        largest_root(1, -(1 + 2j * h), 1j * h), abs=1e-6
    )  # s^2 - (1 + 2 h l) s + h l, l = i; double at 1/2


@given(rates, st.sampled_from([-0.9, -0.5, -0.1, 0.3, 0.8]))
@few
def test_momentum_has_the_roots_of_its_polynomials(h, beta):
    v, zero = games.bilinear().field, ORIGIN.repeat(2)
    together = games.radius(lambda s: games.momentum(v, s, h, beta=beta), zero)
    assert together == pytest.approx(largest_root(1, -(1 + beta + 1j * h), beta), abs=1e-6)
    in_turn = games.radius(lambda s: games.alternating_momentum(v, s, h, beta=beta), zero)
    square = np.polymul(np.polymul([1, -1], [1, -1]), np.polymul([1, -beta], [1, -beta]))
    expected = largest_root(*np.polyadd(square, [h**2, 0, 0, 0]))  # (s - 1)^2 (s - beta)^2 + h^2 s^3
    assert in_turn == pytest.approx(expected, abs=1e-6)  # double roots are found to half of the digits


def test_negative_momentum_contracts_only_in_turn():
    v, zero = games.bilinear().field, ORIGIN.repeat(2)
    assert games.radius(lambda s: games.momentum(v, s, 0.1, beta=-0.5), zero) > 1.0005
    assert games.radius(lambda s: games.alternating_momentum(v, s, 0.1, beta=-0.5), zero) < 0.999


def test_momentum_of_several_numbers_is_that_of_each():
    state = torch.arange(6.0, dtype=torch.float64)  # three places, and their last moves
    got = games.momentum(lambda w: -2 * w, state, 0.1, beta=0.5)
    moves = [0.1 * -2 * w + 0.5 * move for w, move in zip((0, 1, 2), (3, 4, 5), strict=True)]
    assert got.tolist() == pytest.approx([w + move for w, move in enumerate(moves)] + moves, abs=1e-14)


def test_a_penalty_without_weight_costs_nothing():
    w = point(0.4, -1.2)
    assert dirac(penalty="r1").field(w).tolist() == pytest.approx(dirac().field(w).tolist(), abs=1e-14)


@pytest.mark.parametrize("order", ["GD", "DG", "GDD"])
def test_momentum_in_turn_is_the_heavy_ball_of_one_player_after_the_other(order):
    v, h, beta = games.bilinear().field, 0.2, -0.5
    w, move = [1.0, -2.0], [0.3, 0.7]
    for player in order:  # v is (-psi, theta)
        moved = "GD".index(player)
        slope = -w[1] if player == "G" else w[0]
        move[moved] = h * slope + beta * move[moved]
        w[moved] += move[moved]
    state = games.alternating_momentum(v, point(1.0, -2.0, 0.3, 0.7), h, beta=beta, order=order)
    assert state.tolist() == pytest.approx([*w, *move], abs=1e-14)


@given(rates, st.floats(0.1, 1.0))
@few
def test_consensus_shifts_the_spectrum_of_the_bilinear_game_by_its_weight(h, weight):
    v = games.consensus(games.bilinear().field, weight)
    got = games.radius(lambda w: games.simultaneous(v, w, h), ORIGIN)
    assert got == pytest.approx(math.hypot(1 - h * weight, h), abs=1e-12)


@pytest.mark.parametrize(
    ("update", "n"),
    [
        (lambda v: lambda w: games.simultaneous(v, w, 0.2), 2),
        (lambda v: lambda w: games.alternating(v, w, 0.2), 2),
        (lambda v: lambda w: games.extragradient(v, w, 0.2), 2),
        (lambda v: lambda s: games.optimistic(v, s, 0.2), 4),
        (lambda v: lambda s: games.momentum(v, s, 0.2, beta=0.3), 4),
        (lambda v: lambda s: games.alternating_momentum(v, s, 0.2, beta=-0.5), 4),
    ],
)
def test_orbits_grow_as_the_spectra_of_their_updates_say(update, n):
    step = update(games.bilinear().field)
    expected = games.radius(step, torch.zeros(n, dtype=torch.float64))
    assert matrix_power_growth(step, n) == pytest.approx(expected, abs=2e-3)


def test_squared_radius_under_a_decaying_rate_grows_as_the_power_eta_squared_of_time():
    eta, steps = 0.5, 2000
    schedule = [eta / math.sqrt(j + 1) for j in range(steps)]
    orbit = games.orbit(partial(games.simultaneous, games.bilinear().field), point(1.0, 0.0), schedule)
    squared = orbit.square().sum(1)
    assert squared[-1].item() == pytest.approx(math.prod(1 + h**2 for h in schedule), rel=1e-10)
    exponent = math.log(squared[-1] / squared[steps // 10]) / math.log(10)
    assert exponent == pytest.approx(eta**2, abs=1e-3)


def test_different_rates_of_the_players_do_not_cure_the_bilinear_game():
    v, scale = games.bilinear().field, point(0.1, 0.4)
    assert games.radius(lambda w: w + scale * v(w), ORIGIN) == pytest.approx(math.sqrt(1.04), abs=1e-12)


def test_bilinear_game_of_vectors_moves_the_players_along_the_matrix():
    matrix = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    game, w = games.bilinear(matrix), torch.arange(5, dtype=torch.float64)
    assert torch.allclose(game.field(w), torch.cat([-matrix @ w[2:], w[:2] @ matrix]), atol=1e-14)
    found = games.spectrum(game.field, torch.zeros(5, dtype=torch.float64)).imag.sort().values
    singular = torch.linalg.svdvals(matrix)
    expected = torch.cat([singular, -singular, torch.zeros(1, dtype=torch.float64)]).sort().values
    assert torch.allclose(found, expected, atol=1e-7)


@given(st.floats(0.1, 2), st.floats(0.1, 2), st.floats(-2, 2))
@few
def test_quadratic_game_has_its_saddle_at_zero_and_a_coupling_of_one(a, b, c):
    game, w = games.quadratic(a, b, c), torch.tensor([0.3, -0.7], dtype=torch.float64)
    assert torch.equal(games.quadratic(a, b).field(w), games.quadratic(a, b, 1.0).field(w))
    assert torch.equal(game.field(ORIGIN), ORIGIN)
    expected = torch.linalg.eigvals(torch.tensor([[-a, -c], [c, -b]], dtype=torch.float64))
    got = games.spectrum(game.field, ORIGIN)
    assert torch.allclose(got.sum(), expected.sum(), atol=1e-12) and (got.real < 0).all()
    assert torch.allclose(got.prod(), expected.prod(), atol=1e-12)
    grid = torch.linspace(-2, 2, 9, dtype=torch.float64)
    for x in grid:  # V(0, psi) <= V(0, 0) <= V(theta, 0)
        assert game.first(point(0.0, x)) <= 0 <= game.first(point(x, 0.0))


# The Dirac-GAN


def closed_field(loss, w):
    theta, psi = w.tolist()

    def sigmoid(t):
        return 1 / (1 + math.exp(-t))

    a = psi * theta
    match loss:
        case "minimax":
            return psi * sigmoid(a), -theta * sigmoid(a)
        case "non_saturating":
            return psi * sigmoid(-a), -theta * sigmoid(a)
        case "wasserstein":
            return psi, -theta
        case "least_squares":
            return psi * (1 - a), -theta * a
        case "hinge":
            return psi, -theta * (a > -1)
        case "relativistic":
            return psi * sigmoid(-a), -theta * sigmoid(a)


@pytest.mark.parametrize("loss", losses.NAMES)
@pytest.mark.parametrize("w", [point(0.7, -1.1), point(1.5, 0.4)])
def test_field_of_the_dirac_gan_is_the_one_derived_by_hand(loss, w):
    assert dirac(loss).field(w).tolist() == pytest.approx(closed_field(loss, w), abs=1e-14)


@pytest.mark.parametrize(
    ("loss", "slope"),
    [("minimax", 0.5), ("non_saturating", 0.5), ("relativistic", 0.5), ("wasserstein", 1), ("hinge", 1)],
)
def test_every_unpenalized_loss_only_rotates(loss, slope):
    got = games.spectrum(dirac(loss).field, ORIGIN)
    assert torch.allclose(got, torch.tensor([-1j, 1j], dtype=torch.complex128) * slope, atol=1e-14)


@given(st.sampled_from(["r1", "r2"]), st.floats(0.05, 3))
@few
def test_zero_centered_penalties_damp_the_rotation(penalty, gamma):
    got = games.spectrum(dirac(penalty=penalty, weight=gamma).field, ORIGIN)
    root = complex(gamma**2 / 4 - 1 / 4) ** 0.5
    assert abs(got.sum() + gamma) < 1e-12 and abs(got.prod() - 0.25) < 1e-12
    assert min(abs(got[1] - (-gamma / 2 + s * root)) for s in (1, -1)) < 1e-6
    assert (got.real < 0).all()


@given(st.floats(0.1, 1.2))
@few
def test_instance_noise_damps_the_rotation_by_its_variance(noise):
    got = games.spectrum(dirac(noise=noise).field, ORIGIN)
    assert abs(got.sum() + noise**2 / 2) < 1e-12  # 2 f''(0) s^2 with f''(0) = -1/4
    assert abs(got.prod() - 0.25) < 1e-12


def test_instance_noise_is_the_mean_over_noise():
    w, random = point(0.8, -0.9), torch.Generator().manual_seed(0)
    draws = 0.7 * torch.randn(2, 400_000, dtype=torch.float64, generator=random)
    fake, real = w[1] * (w[0] + draws[0]), w[1] * draws[1]
    terms = torch.stack([w[1] * fake.sigmoid(), draws[1] * (-real).sigmoid() - (w[0] + draws[0]) * fake.sigmoid()])
    error = terms.std(dim=1) / 400_000**0.5
    assert ((terms.mean(1) - dirac(noise=0.7).field(w)).abs() < 4 * error).all()


def test_gradient_penalty_neither_damps_nor_rotates_at_the_equilibrium():
    game = dirac("wasserstein", penalty="gradient_penalty", weight=0.35)
    theta, psi = 0.6, -1.4
    assert game.field(point(theta, psi)).tolist() == pytest.approx([psi, -theta + 0.7 * (abs(psi) - 1)], abs=1e-12)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 2))
@few
def test_consensus_descends_half_the_squared_field(theta, psi, weight):
    v, w = dirac().field, point(theta, psi)
    _, slope = central_differences(lambda at: v(at).square().sum() / 2, w)
    got = games.consensus(v, weight)(w)
    assert got.tolist() == pytest.approx((v(w) - weight * slope).tolist(), abs=1e-8)


def published_consensus(w, weight=1.0):
    """The gradient in the authors' code, whose second term is halved; psi there is -psi here."""
    theta, psi = w[0], -w[1]
    slope = torch.sigmoid(-psi * theta)
    curvature = -slope * (1 - slope)
    wrong = 0.5 * (psi**2 + theta**2) * slope * curvature
    return torch.stack(
        [
            -psi * slope - weight * (theta * slope**2 + psi * wrong),
            -(theta * slope - weight * (psi * slope**2 + theta * wrong)),
        ]
    )


def test_with_the_true_gradient_consensus_diverges_under_five_discriminator_steps_and_with_the_published_it_does_not():
    def final(v, order):
        update = partial(games.alternating, v, order=order)
        return games.orbit(update, point(1.0, -1.0), [0.2] * 200)[-1].norm().item()

    true = games.consensus(dirac().field, 1.0)
    assert final(true, "GD") < 1e-3
    assert final(true, "GDDDDD") > 2
    assert final(published_consensus, "GDDDDD") < 1e-9
    at = point(0.7, 1.1)
    assert not torch.allclose(true(at), published_consensus(at), atol=0.05)


def test_clipping_touches_the_second_player_only():
    assert torch.equal(games.clip(point(3.0, -4.0), 1.0), point(3.0, -1.0))


# Matrix games


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
@few
def test_solution_of_a_matrix_game_is_a_saddle(seed, n, m):
    payoff = torch.randn(n, m, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x, y, value = games.solve_matrix_game(payoff)
    assert (x >= -1e-12).all() and (y >= -1e-12).all()
    assert x.sum().item() == pytest.approx(1, abs=1e-10) and y.sum().item() == pytest.approx(1, abs=1e-10)
    assert (x @ payoff).max().item() == pytest.approx(value, abs=1e-9)  # whatever y does
    assert (payoff @ y).min().item() == pytest.approx(value, abs=1e-9)  # whatever x does


def test_rock_paper_scissors_is_played_evenly():
    payoff = torch.tensor([[0.0, 1, -1], [-1, 0, 1], [1, -1, 0]])
    x, y, value = games.solve_matrix_game(payoff)
    assert x.tolist() == pytest.approx([1 / 3] * 3) and y.tolist() == pytest.approx([1 / 3] * 3)
    assert value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: games.alternating(games.bilinear().field, ORIGIN, 0.1, order="GX"), "no player is called 'X'"),
        (lambda: games.solve_matrix_game(torch.tensor([[math.nan]])), "a finite matrix"),
        (lambda: games.solve_matrix_game(torch.tensor([[1.0, math.inf]])), "a finite matrix"),
        (lambda: games.solve_matrix_game(torch.zeros(3)), r"shape \(3,\) given"),
        (lambda: dirac(noise=-1.0), "cannot be -1.0; 0 is none"),
        (lambda: dirac("gan"), "unknown loss 'gan'"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""What the live figures compute, in a browser, against the package, NumPy, SciPy and PyTorch in double precision."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from live_cases import ESBUILD, bundle
from scipy.optimize import linear_sum_assignment
from torch.nn import functional as F

from ganedu import densities, divergences, latent, losses, penalties, results, transport, value
from ganedu.metrics import frechet_from_features, precision_recall
from ganedu.networks import web
from tools import front_figure

NAMES = (
    *("convolutions", "critic", "densities", "dynamics", "evaluation", "front", "generator", "latent"),
    *("quadrature", "spectral"),
)
FIGURES = ("frozen-tangent", "phase-portrait")
EXACT = 1e-12


@pytest.fixture(scope="module")
def js(chromium, tmp_path_factory):
    """Evaluate JavaScript beside the figures' mathematics."""
    if not ESBUILD.exists():
        pytest.skip("no esbuild (npm ci fetches it) on this machine: the figures were not computed")
    folder = tmp_path_factory.mktemp("live")
    modules = [*(f"mathematics/{name}.js" for name in NAMES), *(f"figures/{name}.js" for name in FIGURES)]
    script = bundle(modules, folder / "figures.js")
    page = chromium.new_page()
    page.add_script_tag(path=bundle(["mathematics/transport.js"], folder / "transport.js"))
    page.evaluate("window.transport = live")
    page.add_script_tag(path=script)
    yield page.evaluate
    page.close()


def close(got, expected, atol=EXACT):
    got, expected = (torch.as_tensor(x, dtype=torch.float64).detach() for x in (got, expected))
    torch.testing.assert_close(got, expected, rtol=0, atol=atol)


def test_quadrature_nodes_are_those_of_the_package(js):
    grid = densities.interval(-9, 9, panels=25)
    got = js("() => { const g = live.interval(-9, 9, 25); return [[...g.nodes], [...g.weights]]; }")
    close(got[0], grid.nodes, atol=1e-14 * 9)
    close(got[1], grid.weights, atol=1e-14)


def test_optimal_discriminator_and_divergences_are_those_of_the_package(js):
    grid = densities.interval(-12, 12, panels=20, order=10)
    for mean, std, prior in ((1.5, 1.0, 0.5), (-2.0, 0.7, 0.8), (4.0, 1.3, 0.1)):
        log_p, log_q = (d.log_prob(grid.nodes) for d in (densities.gaussian(), densities.gaussian(mean, std)))
        got = js(
            """([mean, std, prior]) => {
                const p = live.gaussian(0, 1), q = live.gaussian(mean, std), grid = live.interval(-12, 12, 20, 10);
                return {d: [...grid.nodes].map(x => live.optimalD(p(x), q(x), prior)),
                        kl: live.kl(p, q, grid), js: live.js(p, q, grid),
                        value: live.value(x => live.optimalLogit(p(x), q(x)), p, q, grid)};
            }""",
            [mean, std, prior],
        )
        close(got["d"], value.optimal_discriminator(log_p, log_q, prior))
        close(got["kl"], divergences.kl(log_p, log_q, grid), atol=1e-11)  # of values up to 30
        close(got["js"], divergences.js(log_p, log_q, grid))
        close(got["value"], value.value(value.optimal_logit(log_p, log_q), log_p, log_q, grid))


def test_the_peak_of_a_place_is_the_optimal_answer(js):
    p, q, prior = 0.3, 0.11, 0.7
    best = prior * p / (prior * p + (1 - prior) * q)
    left, top, right = (js("a => live.share(...a)", [best + step, p, q, prior]) for step in (-1e-4, 0, 1e-4))
    assert top > left and top > right
    close(top, prior * p * math.log(best) + (1 - prior) * q * math.log(1 - best), atol=1e-15)


def test_the_frozen_discriminator_touches_the_divergence(js):
    """Same value and same slope where it was optimal, and nowhere above."""
    got = js(
        """() => {
            const at = 1.7, h = 1e-4;
            const slope = f => (f(at + h) - f(at - h)) / (2 * h);
            return {gap: live.frozen(at, at) - live.divergence(at),
                    slopes: slope(x => live.frozen(at, x)) - slope(live.divergence),
                    above: Math.max(...[-3, -1, 0, 1, 3, 4].map(x => live.frozen(at, x) - live.divergence(x)))};
        }"""
    )
    close(got["gap"], 0)
    close(got["slopes"], 0, atol=1e-8)
    assert got["above"] < -1e-3


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares", "wasserstein"])
def test_pulls_are_the_slopes_of_the_package_s_losses(js, name):
    logits = torch.linspace(-6, 6, 25, dtype=torch.float64, requires_grad=True)
    slope = torch.autograd.grad(sum(losses.get(name).generator(logit[None]) for logit in logits), logits)[0]
    close(js("([name, at]) => at.map(live.PULLS[name])", [name, logits.tolist()]), -slope)


def test_the_front_page_plays_the_game_of_its_figure(js):
    grid = densities.interval(-9, 9, panels=25)
    log_p = densities.log_on(grid, densities.mixture([-1.8, 2.0], [0.45, 0.8], [0.4, 0.6]))
    got = js(
        """steps => {
            let bumps = live.beginning();
            const grid = live.interval(-9, 9, 25), seen = [];
            for (let i = 0; i <= steps[steps.length - 1]; i++) {
                if (steps.includes(i)) seen.push([[...grid.nodes].map(live.generated(bumps)), live.gameValue(bumps)]);
                bumps = live.step(bumps);
            }
            return seen;
        }""",
        list(front_figure.STEPS),
    )
    for (log_q, game), (_, expected) in zip(got, front_figure.play(log_p, grid), strict=True):
        close(log_q, expected, atol=1e-9)  # a thousand steps, and tails down to -150
        close(game, value.value(value.optimal_logit(log_p, expected), log_p, expected, grid), atol=1e-11)


def plain_path(losses_of, rule, start, rate, steps):
    """The path of a game by autograd: x descends the first loss, y the second."""

    def slopes(x, y):
        at = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
        one, other = losses_of(at[0], at[1])
        return (
            torch.autograd.grad(one, at, retain_graph=True)[0][0].item(),
            torch.autograd.grad(other, at)[0][1].item(),
        )

    path = [tuple(start)]
    for _ in range(steps):
        x, y = path[-1]
        u, v = slopes(x, y)
        if rule == "alternating":
            v = slopes(x - rate * u, y)[1]
        if rule == "extragradient":
            u, v = slopes(x - rate * u, y - rate * v)
        path.append((x - rate * u, y - rate * v))
    return path


def dirac(name, penalty):
    """The Dirac-GAN's two losses with the package's losses: logit y x for the generated point, 0 for the data."""

    def both(x, y):
        fake, real = (y * x)[None], (y * 0)[None]
        loss = losses.get(name)
        return loss.generator(fake), loss.discriminator(real, fake) + penalty(y)

    return both


GAMES = {
    "bilinear": lambda x, y: (x * y, -x * y),
    "dirac": dirac("minimax", lambda y: 0),
    "non_saturating": dirac("non_saturating", lambda y: 0),
    "r1": dirac("non_saturating", lambda y: 0.5 * y.square() / 2),
    "wasserstein": dirac("wasserstein", lambda y: 0),
    "gradient_penalty": dirac("wasserstein", lambda y: 0.5 * (y.abs() - 1).square()),
}


@pytest.mark.parametrize("rule", ["simultaneous", "alternating", "extragradient"])
@pytest.mark.parametrize("game", GAMES)
def test_phase_portraits_follow_autograd(js, game, rule):
    got = js("([game, rule]) => live.play(live.GAMES[game].field, rule, [0.9, 0.4], 0.1, 60)", [game, rule])
    close(got, plain_path(GAMES[game], rule, (0.9, 0.4), 0.1, 60))


def test_every_game_of_the_portraits_is_compared(js):
    assert set(js("Object.keys(live.GAMES)")) == set(GAMES)


def test_a_game_that_leaves_the_numbers_ends_early(js):
    assert js("live.play(live.bilinear(), 'simultaneous', [1, 1], 30, 200).length") < 20


@pytest.mark.parametrize("n", [1, 4, 6])
def test_the_cheapest_plan_is_that_of_scipy_and_of_optimal_transport(js, n):
    ot = pytest.importorskip("ot")
    random = np.random.default_rng(n)
    for _ in range(5):
        a, b = random.normal(size=(2, n, 2))
        got = js("([a, b]) => transport.cheapest(a, b)", [a.tolist(), b.tolist()])
        cost = np.linalg.norm(a[:, None] - b[None], axis=2)
        assert got["plan"] == linear_sum_assignment(cost)[1].tolist()
        weights = np.full(n, 1 / n)
        close(got["w1"], ot.emd2(weights, weights, cost))


def test_the_divergence_of_points_sees_only_coincidence(js):
    a = [[0, 0], [1, 0], [2, 0], [3, 0]]
    for k in range(5):
        b = [[x, y + (i >= k)] for i, (x, y) in enumerate(a)]
        close(js("([a, b]) => transport.jsd(a, b)", [a, b]), (1 - k / 4) * math.log(2))


@pytest.mark.parametrize("seed", range(4))
def test_critics_are_optimal_and_their_slopes_and_charge_those_of_the_package(js, seed):
    random = torch.Generator().manual_seed(seed)
    real, fake = 2 * torch.randn(2, 3, 2, dtype=torch.float64, generator=random)
    found = js("([x, y]) => live.scores(x, y)", [real.tolist(), fake.tolist()])
    u, v = (torch.tensor(found[side], dtype=torch.float64) for side in "uv")
    even = torch.full((3,), 1 / 3, dtype=torch.float64)
    cost = torch.cdist(real, fake)
    assert (u[:, None] - v - cost).max() < EXACT
    close(u.mean() - v.mean(), transport.wasserstein_lp(even, even, cost).cost)
    close(u.mean() - v.mean(), transport.wasserstein_dual(even, even, cost).value)

    critics = {
        "highest": lambda z: (v + (z[:, None] - fake).norm(dim=2)).min(1).values,
        "lowest": lambda z: (u - (z[:, None] - real).norm(dim=2)).max(1).values,
        "halfway": lambda z: (critics["highest"](z) + critics["lowest"](z)) / 2,
    }
    mix = (torch.arange(50, dtype=torch.float64) + 0.5) / 50
    for name, critic in critics.items():
        for i, j in itertools.product(range(3), range(3)):
            way = [each[k].expand(50, 2) for each, k in ((real, i), (fake, j))]
            at = mix[:, None] * way[0] + (1 - mix[:, None]) * way[1]
            got = js(
                """([real, fake, u, v, name, i, j, ts]) => {
                    const [high, low] = [live.highest(fake, v), live.lowest(real, u)];
                    const critic = {highest: high, lowest: low, halfway: live.between(high, low)}[name];
                    const {rows, charge, length, climb} = live.along(critic, real[i], fake[j], ts);
                    return {slopes: rows.map(r => r.slope), norms: rows.map(r => r.norm),
                            parts: rows.map(r => r.part), charge, mean: climb / length};
                }""",
                [real.tolist(), fake.tolist(), found["u"], found["v"], name, i, j, mix.tolist()],
            )
            slopes = penalties.input_gradient(critic, at)
            close(got["slopes"], slopes)
            close(got["norms"], slopes.norm(dim=1))
            close(got["parts"], slopes @ (real[i] - fake[j]) / cost[i, j])
            close(got["mean"], (critic(real[[i]]) - critic(fake[[j]])).squeeze() / cost[i, j])
            close(got["charge"], penalties.gradient_penalty(critic, *way, mix=mix[:, None]))
            if j == found["plan"][i]:
                close(got["norms"], torch.ones(50))  # between partners there is no choice


def test_ways_through_the_noise_are_those_of_the_package(js):
    random = torch.Generator().manual_seed(0)
    steps = torch.linspace(0, 1, 9, dtype=torch.float64)
    for d in (2, 7, 64):
        a, b = torch.randn(2, d, dtype=torch.float64, generator=random)
        for name in ("lerp", "slerp"):
            got = js(
                "([name, a, b, ts]) => ts.map(t => live[name](a, b, t))", [name, a.tolist(), b.tolist(), steps.tolist()]
            )
            close(got, getattr(latent, name)(a, b, steps))
        frame = torch.tensor(js("([a, b]) => live.frame(a, b)", [a.tolist(), b.tolist()]), dtype=torch.float64)
        close(frame @ frame.T, torch.eye(2))
        close((frame @ b) @ frame, b)  # both ends lie in the plane
    assert js("live.slerp([1, 2], [-2, -4], 0.5)") is None and js("live.slerp([0, 0], [1, 0], 0.5)") is None
    close(js("live.slerp([1, 2], [3, 6], 0.25)"), [1.5, 3])


def test_a_stored_generator_gives_pytorch_s_images(js):
    file = results.folder("mlp_digits") / "generator.json"
    z = torch.randn(20, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    got = js(
        """([content, zs]) => {
            const net = live.generator(content);
            return zs.map(z => [...live.generate(net, z)]);
        }""",
        [json.loads(file.read_text()), z.tolist()],
    )
    close(got, web.read(file)(z).flatten(1))


def test_floats_of_16_bits_are_read_as_numpy_reads_them(js):
    bits = np.arange(0, 1 << 16, 7, dtype=np.uint16)
    expected = bits.view(np.float16).astype(np.float64)
    finite = np.isfinite(expected)
    close(js("all => all.map(live.half)", bits[finite].tolist()), expected[finite], atol=0)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "something else"}, "This is no generator for a page. Write one by: ganedu export RUN"),
        ({"layers": None}, "This is no generator for a page."),
        ({"bits": 8}, "The weights of a layer cannot be read."),
        ({"bits": 32}, "A layer has not the 8192 weights that it announces."),
        ({"image_shape": [1, 9, 9]}, "Its 64 outputs are no image of 1 × 9 × 9."),
        ({"layers": [{"kind": "attention"}]}, "It has a layer of the unknown kind “attention”."),
    ],
)
def test_a_file_that_is_no_generator_is_refused_in_a_sentence(js, change, complaint):
    content = json.loads((results.folder("mlp_digits") / "generator.json").read_text()) | change
    said = js("content => { try { live.generator(content); return ''; } catch (e) { return e.message; } }", content)
    assert said.startswith(complaint)


def test_power_iteration_finds_the_singular_value(js):
    for w in ([[1.4, -0.3], [0.5, 0.8]], [[0, 2], [1, 0]], [[1, 2], [2, 4]], [[-3, 1], [0.2, 2.9]]):
        close(js("w => live.singularValues(w)", w), np.linalg.svd(w)[1])
        path = js("w => live.powerIteration(w, [0.3, 1], 60)", w)
        v = np.array([0.3, 1])
        for step in path[:10]:
            v = v / np.linalg.norm(v)
            close(step["v"], v)
            close(step["estimate"], np.linalg.norm(np.array(w) @ v))
            v = np.array(w).T @ np.array(w) @ v
        estimates = [step["estimate"] for step in path]
        assert all(b >= a - 1e-12 for a, b in itertools.pairwise(estimates))


def test_convolution_arithmetic_is_pytorch_s(js):
    for kernel in range(1, 8):
        for stride in range(1, 5):
            for padding in range(4):
                layer = {"kernel": kernel, "stride": stride, "padding": padding}
                size = js("layer => live.convolved(32, layer)", layer)
                if kernel <= 32 + 2 * padding:
                    assert (
                        size == F.conv1d(torch.ones(1, 1, 32), torch.ones(1, 1, kernel), None, stride, padding).shape[2]
                    )
                counts = js("layer => live.overlaps(8, layer)", layer)
                if (8 - 1) * stride - 2 * padding + kernel > 0:
                    x, w = torch.ones(1, 1, 8), torch.ones(1, 1, kernel)
                    assert counts == F.conv_transpose1d(x, w, None, stride, padding)[0, 0].tolist()
                else:
                    assert counts == []


def test_receptive_field_is_what_the_gradient_reaches(js):
    for kernel, stride in ((3, 2), (4, 2), (5, 1), (2, 2), (3, 3)):
        x = torch.ones(1, 1, 400, requires_grad=True)
        y = x
        for _ in range(3):
            y = F.conv1d(y, torch.ones(1, 1, kernel), None, stride)
        reached = torch.autograd.grad(y[0, 0, 1], x)[0].count_nonzero().item()
        assert (
            js("layer => live.receptiveField(layer, 3)", {"kernel": kernel, "stride": stride, "padding": 0}) == reached
        )


def test_measures_of_clouds_are_those_of_the_package(js):
    random = torch.Generator().manual_seed(0)
    for shift, width in ((0.0, 1.0), (1.5, 0.4), (0.2, 2.0)):
        real = torch.randn(70, 2, dtype=torch.float64, generator=random)
        fake = shift + width * torch.randn(60, 2, dtype=torch.float64, generator=random)
        got = js(
            "([a, b]) => ({frechet: live.frechet(a, b), ...live.precisionRecall(a, b)})", [real.tolist(), fake.tolist()]
        )
        close(got["frechet"], frechet_from_features(real, fake))
        expected = precision_recall(real, fake)
        close([got["precision"], got["recall"]], [expected.precision, expected.recall])

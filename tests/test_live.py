"""The engine of the pages that move, in a browser, against PyTorch in double precision."""

import math
from itertools import product

import pytest
import torch
from live_cases import ESBUILD, Plane, bundle

from ganedu import losses, penalties
from ganedu.data import kinds
from ganedu.recipes import adversarial

MODULES = [
    *(f"engine/{name}.js" for name in ("data", "draws", "game", "losses", "matrix", "memory", "network", "optimizers")),
    *(f"engine/{name}.js" for name in ("penalties", "random", "tensor")),
]
HIDDEN = (9, 7)
PENALTIES = ("none", "gradient_penalty", "r1", "r2")

# What the tests call: a game with given weights, from nested lists and back.
BRIDGE = """
const flat = rows => Float64Array.from(rows.flat(Infinity));
const load = ({generator, discriminator, hidden}) => {
    const game = new live.Game(2, hidden, hidden, new live.Random(0));
    game.generator.parameters.forEach((p, i) => p.data.set(generator[i]));
    game.discriminator.parameters.forEach((p, i) => p.data.set(discriminator[i]));
    return game;
};
const points = rows => new live.Tensor(flat(rows), rows.length, rows[0].length);
const lists = tensors => tensors.map(t => [...t.data]);
const weights = game => ({generator: lists(game.generator.parameters),
                          discriminator: lists(game.discriminator.parameters)});
"""


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """A browser page with the engine in it."""
    if not ESBUILD.exists():
        pytest.skip("no esbuild (npm ci fetches it) on this machine: the engine was not run")
    script = bundle(MODULES, tmp_path_factory.mktemp("live") / "engine.js")
    page = chromium.new_page()
    page.add_script_tag(path=script)
    page.add_script_tag(content=BRIDGE)
    yield page
    page.close()


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def distance(got, expected):
    """Largest absolute difference between nested lists (or a number) and what PyTorch says, relative above 1."""
    flat = [t.flatten() for t in expected] if isinstance(expected, (list, tuple)) else [expected.flatten()]
    got = [
        torch.tensor(g, dtype=torch.float64).flatten() for g in (got if isinstance(expected, (list, tuple)) else [got])
    ]
    return max(((g - e).abs() / e.abs().clamp_min(1)).max().item() for g, e in zip(got, flat, strict=True))


def recipe(loss="non_saturating", penalty="none", optimizer="adam", **more):
    config = adversarial.Config(
        size=1, latent_dim=2, norm="none", loss=loss, penalty=penalty, optimizer="adam", learning_rate=1e-3, **more
    )
    game = Plane(config, HIDDEN)
    if optimizer != "adam":
        for player, rate in (("generator", config.learning_rate), ("discriminator", config.learning_rate_d)):
            make = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}[optimizer]
            game.optimizers[player] = make(game.networks[player].parameters(), lr=rate or config.learning_rate)
    return game


def state(game):
    return {"generator": game.weights("generator"), "discriminator": game.weights("discriminator"), "hidden": HIDDEN}


def rules(game, optimizer="adam"):
    config = game.config

    def settings(rate):
        return {"name": optimizer, "rate": rate, "beta1": config.beta1, "beta2": config.beta2}

    return {
        "loss": config.loss,
        "penalty": config.penalty,
        "penaltyWeight": config.penalty_weight,
        "clip": config.clip,
        "criticSteps": config.n_critic,
        "generator": settings(config.learning_rate),
        "discriminator": settings(config.learning_rate_d or config.learning_rate),
    }


def test_the_names_are_those_of_the_package(page):
    assert set(page.evaluate("Object.keys(live.LOSSES)")) == set(losses.NAMES)
    assert set(page.evaluate("Object.keys(live.PENALTIES)")) == set(PENALTIES) < set(penalties.NAMES)


@pytest.mark.parametrize("name", losses.NAMES)
def test_losses_and_their_slopes_agree_with_the_package(page, name):
    real, fake = 4 * draw(23), 4 * draw(23, seed=1)  # logits from about -10 to 10
    real.requires_grad_(), fake.requires_grad_()
    loss = losses.get(name)
    expected = []
    for value in (
        loss.discriminator(real, fake),
        loss.generator(fake, real) if loss.relativistic else loss.generator(fake),
    ):
        slopes = torch.autograd.grad(value, (real, fake), allow_unused=True, materialize_grads=True)
        expected += [value.detach(), *slopes]
    got = page.evaluate(
        """([name, real, fake]) => {
            const [r, f] = [points(real), points(fake)];
            const {discriminator, generator} = live.LOSSES[name];
            return [discriminator(r, f), generator(f, r)].flatMap(
                value => [[value.value], ...lists(live.gradient(value, [r, f]))]);
        }""",
        [name, real[:, None].tolist(), fake[:, None].tolist()],
    )
    assert distance(got, expected) < 1e-12


@pytest.mark.parametrize("name", losses.NAMES)
def test_ideal_values_are_those_of_a_discriminator_that_cannot_tell(page, name):
    """At D = 1/2, which for least squares is the score 1/2, both densities being equal."""
    score = torch.full((4,), 0.5 if name == "least_squares" else 0.0, dtype=torch.float64)
    loss = losses.get(name)
    ideal = page.evaluate("name => live.LOSSES[name].ideal", name)
    assert ideal["discriminator"] == pytest.approx(loss.discriminator(score, score).item(), abs=1e-15)
    if ideal["generator"] is not None:
        value = loss.generator(score, score) if loss.relativistic else loss.generator(score)
        assert ideal["generator"] == pytest.approx(value.item(), abs=1e-15)


@pytest.mark.parametrize(("loss", "penalty"), list(product(losses.NAMES, PENALTIES)))
def test_losses_penalties_and_gradients_agree_with_the_package(page, loss, penalty):
    game = recipe(loss, penalty, penalty_weight=3.0)
    real, fake, mix = draw(16, 2), draw(16, 2, seed=1), draw(16, seed=2).sigmoid()
    drawn = mix[:, None, None, None] if penalty == "gradient_penalty" else None
    images = [x[:, :, None, None] for x in (real, fake)]
    parameters = list(game.networks["discriminator"].parameters())
    judged = [game.networks["discriminator"](x) for x in images]
    term = penalties.term(game.config.penalty, game.networks["discriminator"], *images, drawn)
    total = game.loss.discriminator(*judged) + 3.0 * term
    slopes = torch.autograd.grad(total, parameters, materialize_grads=True)

    mine = list(game.networks["generator"].parameters())
    generated = game.generator_loss(images[0], game.networks["generator"](draw(16, 2, seed=3)))
    expected = [total.detach(), term.detach(), *slopes, generated.detach(), *torch.autograd.grad(generated, mine)]
    got = page.evaluate(
        """([state, rules, real, fake, mix, noise]) => {
            const game = load(state);
            const {total, penalty} = game.discriminatorLoss(rules, points(real), points(fake), flat(mix));
            const slopes = lists(live.gradient(total, game.discriminator.parameters));
            const generated = game.generatorLoss(rules, points(real), game.samples(flat(noise)));
            return [[total.value], [penalty?.value ?? 0], ...slopes,
                    [generated.value], ...lists(live.gradient(generated, game.generator.parameters))];
        }""",
        [state(game), rules(game), real.tolist(), fake.tolist(), mix.tolist(), draw(16, 2, seed=3).tolist()],
    )
    assert distance(got, expected) < 1e-9


def test_a_gradient_can_be_differentiated_twice_more(page):
    """The third derivative of a function that uses every smooth operation, against PyTorch."""
    x, w = draw(5, 3), draw(4, 3, seed=1)

    def function(x, w):
        h = torch.nn.functional.softplus(x @ w.T)
        return 5 * ((1 + h.square()).sqrt() * torch.sigmoid(h) / (h + 2)).sum()

    x.requires_grad_()
    first = torch.autograd.grad(function(x, w), x, create_graph=True)[0].square().sum()
    second = torch.autograd.grad(first, x, create_graph=True)[0].square().sum()
    third = torch.autograd.grad(second, x)[0]
    got = page.evaluate(
        """([x, w]) => {
            const {affine, gradient, productRight, reciprocal, sigmoid, softplus, sqrt, square, sum, times} = live;
            const at = points(x);
            const h = softplus(productRight(at, points(w)));
            const root = sqrt(affine(square(h), 1, 1));
            const y = affine(sum(times(times(root, sigmoid(h)), reciprocal(affine(h, 1, 2)))), 5);
            const size = f => sum(square(gradient(f, [at], {again: true})[0]));
            return lists(gradient(size(size(y)), [at]))[0];
        }""",
        [x.tolist(), w.tolist()],
    )
    assert third.abs().max() > 1 and distance(got, third) < 1e-12


STEPS = 200
RUNS = [
    ("minimax", "none", "adam", {}),
    ("non_saturating", "r1", "adam", {"penalty_weight": 0.5}),
    ("non_saturating", "gradient_penalty", "adam", {"beta1": 0.0, "beta2": 0.9}),
    ("least_squares", "none", "rmsprop", {}),
    ("wasserstein", "none", "rmsprop", {"clip": 0.05, "n_critic": 5}),
    ("wasserstein", "gradient_penalty", "adam", {"n_critic": 3}),
    ("hinge", "r2", "adam", {"learning_rate_d": 4e-3}),
    ("relativistic", "r1", "adam", {"n_critic": 2}),
    ("wasserstein", "r1", "sgd", {"penalty_weight": 0.5}),
]


@pytest.mark.parametrize(("loss", "penalty", "optimizer", "more"), RUNS)
def test_200_steps_end_at_the_same_weights_as_the_package(page, loss, penalty, optimizer, more):
    game = recipe(loss, penalty, optimizer, **more)
    begin, batch, k = state(game), 16, game.config.n_critic
    real, noise = draw(STEPS, k, batch, 2, seed=1), draw(STEPS, k, batch, 2, seed=2)
    mix = draw(STEPS, k, batch, seed=3).sigmoid()
    numbers = []
    for step in range(STEPS):
        game.give(noise[step], mix[step])
        scalars = game.step(kinds.Images(real[step].reshape(k * batch, 2, 1, 1)), torch.Generator())
        numbers.append(torch.stack([scalars["loss_d"], scalars["loss_g"]]))
    got = page.evaluate(
        """([state, rules, real, noise, mix]) => {
            const game = load(state);
            const numbers = real.map((_, s) => game.step(
                rules, {real: real[s].map(flat), noise: noise[s].map(flat), mix: mix[s].map(flat)}));
            return {...weights(game), losses: numbers.map(n => [n.discriminator, n.generator])};
        }""",
        [begin, rules(game, optimizer), real.tolist(), noise.tolist(), mix.tolist()],
    )
    moved = max(distance(begin[player], _parameters(game, player)) for player in ("generator", "discriminator"))
    assert moved > 1e-2, "nothing was trained, so nothing was compared"
    assert distance(got["losses"], torch.stack(numbers)) < 1e-6
    for player in ("generator", "discriminator"):
        assert distance(got[player], _parameters(game, player)) < 1e-6


def _parameters(game, player):
    return [p.detach() for p in game.networks[player].parameters()]


def test_pulls_are_the_gradients_of_each_sample_s_own_loss(page):
    game = recipe("non_saturating")
    at = draw(8, 2)
    x = at[:, :, None, None].clone().requires_grad_()
    logits = game.networks["discriminator"](x)
    pull = -torch.autograd.grad(torch.nn.functional.softplus(-logits).sum(), x)[0]
    got = page.evaluate(
        "([state, rules, at]) => [...load(state).pulls(rules, flat(at), flat(at))]",
        [state(game), rules(game), at.tolist()],
    )
    assert distance(got, pull) < 1e-12


def test_the_ring_is_the_package_s_ring(page):
    from ganedu.densities import ring_centers

    assert distance(page.evaluate("live.DATA.ring.parts.flat()"), ring_centers()) < 1e-15


def test_random_numbers_have_their_distributions_and_follow_the_seed(page):
    from scipy import stats

    drawn = page.evaluate(
        """() => {
            const many = (seed, what) => {
                const random = new live.Random(seed);
                return Array.from({length: 20000}, () => random[what]());
            };
            return [many(1, 'uniform'), many(1, 'normal'), many(1, 'normal'), many(2, 'normal')];
        }"""
    )
    assert stats.kstest(drawn[0], "uniform").pvalue > 1e-3
    assert stats.kstest(drawn[1], "norm").pvalue > 1e-3
    assert drawn[1] == drawn[2] != drawn[3]
    assert abs(torch.corrcoef(torch.tensor([drawn[1], drawn[3]]))[0, 1]) < 5 / math.sqrt(20000)

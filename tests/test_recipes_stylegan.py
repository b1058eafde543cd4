"""`ganedu.recipes.stylegan`: the step in plain lines, lazy penalties that resume, draws that can be dealt out."""

import copy
import dataclasses

import pytest
import torch
import torch.distributed as dist
from torch.nn.functional import softplus

from ganedu import _joint, penalties, recipes
from ganedu.data import kinds
from ganedu.recipes import stylegan
from ganedu.recipes.adversarial import lazy

TINY = {"size": 8, "batch_size": 4, "latent_dim": 5, "width": 3, "max_width": 4, "depth": 2, "penalty_every": 3}
TINY |= {"path_every": 2, "flip": False, "slow": 0.1}


def tiny(*, seed=0, **choices):
    config = dataclasses.replace(stylegan.Config(), **(TINY | choices))
    return stylegan.Recipe(config, image_shape=(2, config.size, config.size), seed=seed)


def batch_for(recipe, n=4, seed=1):
    return kinds.Images(torch.rand(n, *recipe.image_shape, generator=random(seed)) * 2 - 1)


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def weights(recipe):
    return {
        f"{player}.{name}": weight.detach().clone()
        for player, network in recipe.networks.items()
        for name, weight in network.named_parameters()
    }


def flat(recipe):
    return torch.cat([weight.flatten() for weight in weights(recipe).values()])


@pytest.mark.parametrize("style", ["demodulation", "adain"])
def test_one_step_moves_every_parameter(style):
    recipe = tiny(style=style)
    before = weights(recipe)
    scalars = recipe.step(batch_for(recipe), random())
    after = weights(recipe)
    assert not {name for name in before if torch.equal(before[name], after[name])}
    names = {"loss_d", "loss_g", "d_real", "d_fake", "penalty", "path", "path_mean"}
    assert set(scalars) == names
    assert all(value.ndim == 0 and value.isfinite() and not value.requires_grad for value in scalars.values())


def test_each_player_moves_its_own_weights_only():
    recipe = tiny()
    (real,) = batch_for(recipe)
    fake = recipe.fakes(recipe.draw_fakes(4, random()))
    for act, mine in (
        (lambda: recipe.discriminator_step(real, fake.detach(), random()), "discriminator"),
        (lambda: recipe.penalty_step(real, fake.detach(), random()), "discriminator"),
        (lambda: recipe.generator_step(real, fake), "generator"),
        (lambda: recipe.path_step(2, random()), "generator"),
    ):
        before = weights(recipe)
        act()
        after = weights(recipe)
        moved = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
        assert moved == {mine}


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double")
def test_a_step_is_the_algorithm_written_out_with_plain_torch():
    ours, plain = tiny(), tiny()
    g, d = plain.networks["generator"], plain.networks["discriminator"]
    rates = {"g": (0.002 * 2 / 3, 0.99 ** (2 / 3)), "d": (0.002 * 3 / 4, 0.99 ** (3 / 4))}
    adam = {
        name: torch.optim.Adam(net.parameters(), lr=rates[name][0], betas=(0.0, rates[name][1]))
        for name, net in (("g", g), ("d", d))
    }

    def move(name, loss):
        adam[name].zero_grad(set_to_none=False)  # a weight without a gradient ages as well
        loss.backward()
        adam[name].step()

    def draw(n, stream):
        z, other = torch.randn(2, n, 5, generator=stream)
        switch = torch.randint(1, g.layers, (n,), generator=stream)
        switch[torch.rand(n, generator=stream) >= 0.9] = g.layers
        noises = [torch.randn(n, 1, side, side, generator=stream) for side in (4, 8, 8)]
        first, second = g.mapping(z), g.mapping(other)
        layers = [torch.where((switch > i)[:, None], first, second) for i in range(g.layers)]
        return torch.stack(layers, 1), noises

    stream, batches, mean = random(), [batch_for(plain, seed=i) for i in range(5)], torch.zeros(())
    for step, (real,) in enumerate(batches):
        styles, noises = draw(4, stream)
        fake = g.synthesis(styles, noises)
        move("d", softplus(-d(real)).mean() + softplus(d(fake.detach())).mean())
        if step % 3 == 0:
            x = real.clone().requires_grad_()
            (slope,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
            move("d", 3 * 10 / 2 * slope.square().sum((1, 2, 3)).mean())
        move("g", softplus(-d(fake)).mean())
        if step % 2 == 0:
            styles, noises = draw(2, stream)
            y = torch.randn(2, 2, 8, 8, generator=stream) / 8
            (slope,) = torch.autograd.grad((g.synthesis(styles, noises) * y).sum(), styles, create_graph=True)
            lengths = slope.square().sum(2).mean(1).sqrt()
            mean = mean + 0.01 * (lengths.mean().detach() - mean)
            move("g", 2 * 2 * (lengths - mean).square().mean())
    stream = random()
    for batch in batches:
        ours.step(batch, stream)
    assert ours.path_mean.item() == pytest.approx(mean.item(), rel=1e-12)
    assert (flat(ours) - flat(plain)).abs().max() < 1e-8


def test_optimizers_are_corrected_for_the_steps_of_the_penalties():
    recipe = tiny(beta1=0.5)
    (d,), (g,) = (recipe.optimizers[name].param_groups for name in ("discriminator", "generator"))
    assert (d["lr"], g["lr"]) == (0.002 * 0.75, 0.002 * 2 / 3)
    assert d["betas"] == (0.5**0.75, 0.99**0.75)
    assert g["betas"] == (0.5 ** (2 / 3), 0.99 ** (2 / 3))
    alone = tiny(penalty="none", path_weight=0.0)
    assert {group["lr"] for each in alone.optimizers.values() for group in each.param_groups} == {0.002}
    plain = {"lr": 1.0}
    lazy(plain, 1)
    assert plain == {"lr": 0.5}


def test_penalties_come_when_they_are_due_and_weigh_as_much_as_they_are_rare():
    recipe, seen = tiny(), []
    recipe.penalty_step = lambda *args: seen.append("penalty") or torch.zeros(())
    recipe.path_step = lambda *args: seen.append("path") or torch.zeros(())
    for step in range(6):
        seen.append(step)
        recipe.step(batch_for(recipe), random())
    assert seen == [0, "penalty", "path", 1, 2, "path", 3, "penalty", 4, "path", 5]


def test_a_run_that_goes_on_in_the_middle_of_an_interval_takes_the_same_path():
    whole, first = tiny(), tiny()
    stream = random()
    for step in range(7):
        expected = whole.step(batch_for(whole, seed=step), stream)
    stream = random()
    for step in range(4):
        first.step(batch_for(first, seed=step), stream)
    again, state = tiny(seed=5), first.extra_state()
    for name in first.networks:
        again.networks[name].load_state_dict(first.networks[name].state_dict())
        again.optimizers[name].load_state_dict(copy.deepcopy(first.optimizers[name].state_dict()))
    first.step(batch_for(first), random(9))  # what was stored is a copy
    again.load_extra_state(state)
    for step in range(4, 7):
        got = again.step(batch_for(again, seed=step), stream)
    assert torch.equal(flat(whole), flat(again))
    assert all(torch.equal(got[name], expected[name]) for name in expected)
    assert again.extra_state()["steps"] == 7


def test_two_processes_with_their_parts_are_one_with_the_joint_batch(monkeypatch):
    joint = tiny(batch_size=16)
    parts = [tiny(batch_size=8), tiny(batch_size=8)]
    streams = [random(5), random(6)]
    (real,) = batch_for(joint, n=16)
    drawn = {n: [parts[0].draw_fakes(n, stream) for stream in streams] for n in (8, 4)}
    directions = [torch.randn(4, 2, 8, 8, generator=stream) for stream in streams]

    def together(draws):
        fields = [torch.cat([getattr(draw, name) for draw in draws]) for name in ("z", "other", "switch")]
        return stylegan.Draw(*fields, [torch.cat(pair) for pair in zip(*(draw.noises for draw in draws), strict=True)])

    def gradients(recipe, images, draw, path, direction):
        monkeypatch.setattr(torch, "randn", lambda *args, **options: direction)
        recipe.draw_fakes = lambda n, stream: path if n < len(images) else draw
        kept = []
        for optimizer in recipe.optimizers.values():
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            monkeypatch.setattr(
                optimizer,
                "step",
                lambda weights=weights: kept.append(
                    torch.cat([torch.zeros_like(w).flatten() if w.grad is None else w.grad.flatten() for w in weights])
                ),
            )
        recipe.step(kinds.Images(images), random())
        return kept

    means = []
    monkeypatch.setattr(_joint, "mean", lambda value: means.append(value) or value)
    whole = gradients(joint, real, together(drawn[8]), together(drawn[4]), torch.cat(directions))
    shared = means[0]
    monkeypatch.setattr(_joint, "mean", lambda value: means.append(value) or shared)
    halves = [
        gradients(part, images, draw, path, direction)
        for part, images, draw, path, direction in zip(
            parts, real.chunk(2), drawn[8], drawn[4], directions, strict=True
        )
    ]
    assert torch.allclose((means[1] + means[2]) / 2, shared, rtol=1e-5)
    assert len(whole) == 4
    for one, first, second in zip(whole, *halves, strict=True):
        assert one.abs().max() > 1e-4
        assert (one - (first + second) / 2).abs().max() < 1e-5 * max(1, one.abs().max())


def test_the_running_mean_is_that_of_all_processes(monkeypatch):
    assert _joint.mean(torch.tensor(3.0)) == 3.0
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "all_reduce", lambda value: value.add_(5.0))
    mine = torch.tensor(3.0)
    assert _joint.mean(mine) == 4.0
    assert mine == 3.0


def test_path_lengths_of_a_linear_map_are_known():
    matrix = torch.randn(3 * 4 * 4, 5, generator=random(), dtype=torch.float64)
    styles, y = (
        torch.randn(6, 1, 5, generator=random(3)).double(),
        torch.randn(6, 3, 4, 4, generator=random(4)).double(),
    )
    lengths = penalties.path_lengths(lambda w: (w[:, 0] @ matrix.T).reshape(-1, 3, 4, 4), styles, y)
    assert torch.allclose(lengths, (y.flatten(1) @ matrix).norm(dim=1) / 4, rtol=1e-12)
    assert not styles.requires_grad


def test_nothing_is_drawn_from_global_generators(monkeypatch):
    recipe = tiny()
    state = torch.get_rng_state()
    recipe.step(batch_for(recipe), random())
    recipe.sample(3, random(), truncation=0.5, mix=2)
    assert torch.equal(torch.get_rng_state(), state)


def test_samples_are_clipped_and_the_same_for_a_seed():
    recipe = tiny()
    with torch.no_grad():
        for color in recipe.networks["generator"].synthesis.colors:
            color.weight *= 10
    images = recipe.sample(6, random())
    assert images.shape == (6, 2, 8, 8)
    assert images.abs().max() == 1
    assert torch.equal(images, recipe.sample(6, random()))
    assert not images.requires_grad
    mean = recipe.sample(6, random(), truncation=0.0)
    assert torch.allclose(mean, mean[:1].expand_as(mean), atol=1e-5)  # no noise has strength yet
    assert not torch.equal(recipe.sample(6, random(), mix=2), images)
    other = tiny(seed=4).networks["generator"]
    assert not torch.equal(recipe.sample(6, random(), generator=other), images)


def test_a_table_of_mixtures_is_drawn():
    recipe = tiny()
    table = recipe.mixtures(2, 3, 2, random(), truncation=0.7)
    assert table.shape == (3, 4, 2, 8, 8)
    assert torch.equal(table, recipe.mixtures(2, 3, 2, random(), truncation=0.7))


def test_only_without_waiting_penalties_every_step_does_the_same():
    assert not tiny().settled
    assert not tiny(penalty_every=1).settled
    assert tiny(penalty_every=1, path_weight=0.0).settled
    assert tiny(penalty="none", path_weight=0.0).settled


def test_the_defaults_are_config_f():
    c = stylegan.Config()
    assert (c.size, c.batch_size, c.latent_dim, c.learning_rate, c.beta1, c.beta2) == (1024, 32, 512, 0.002, 0.0, 0.99)
    assert (c.depth, c.slow, c.mixing, c.penalty, c.penalty_weight, c.penalty_every) == (8, 0.01, 0.9, "r1", 10, 16)
    assert (c.path_weight, c.path_every, c.path_decay, c.path_share) == (2.0, 8, 0.01, 2)
    assert (c.width, c.max_width, c.flip, c.norm) == (32, 512, True, "none")
    assert recipes.get("stylegan") is stylegan.Recipe


@pytest.mark.parametrize("choices", [{"depth": 0}, {"penalty": "gradient_penalty"}, {"loss": "relativistic"}])
def test_other_choices_train(choices):
    recipe = tiny(**choices)
    assert all(value.isfinite() for value in recipe.step(batch_for(recipe), random()).values())


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny(mixing=1.5), "mixing and path_decay are shares from 0 to 1, not 1.5"),
        (lambda: tiny(path_weight=-1.0), "path_weight must be at least 0, not -1.0"),
        (lambda: tiny(penalty_every=0), "penalty_every must be at least 1, not 0"),
        (lambda: tiny(slow=0.0), "slow must be positive, not 0.0"),
        (lambda: tiny(n_critic=2), "one step of the discriminator for each of the generator, not n_critic 2"),
        (lambda: tiny(style="ada"), "unknown style 'ada'"),
        (lambda: tiny(norm="batch"), "set norm='none'"),
        (lambda: tiny().sample(2, random(), truncation=-1.0), "truncation must be 0 .* not -1.0"),
        (lambda: tiny().sample(2, random(), mix=4), "mix must be 0, or a layer from 1 to 3, not 4"),
        (lambda: tiny().mixtures(1, 1, 0, random()), "switch must be a layer from 1 to 3, not 0"),
        (lambda: tiny().step(kinds.Images(torch.zeros(4, 1, 8, 8)), random()), "stylegan: batch of shape"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

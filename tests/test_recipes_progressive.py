"""`ganedu.recipes.progressive` and its networks: published counts, continuous growth, the schedule, exact resuming."""

import copy
import dataclasses
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganedu.data import kinds
from ganedu.networks import progressive as networks
from ganedu.networks.batchwise import append_deviation
from ganedu.networks.mlp import parameter_count
from ganedu.recipes.progressive import Config, Recipe, growth
from ganedu.training import TrainConfig, checkpoint, load, resume, train
from ganedu.training.ema import Average

TINY = {"size": 16, "latent_dim": 5, "width": 8, "base": 32, "batch_size": 4, "hold": 8, "fade": 16, "flip": False}


def tiny(*, seed=0, channels=1, **choices):
    config = dataclasses.replace(Config(), **(TINY | choices))
    return Recipe(config, image_shape=(channels, config.size, config.size), seed=seed)


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def batch_for(recipe, n=4):
    images = torch.rand(recipe.n_real * n, *recipe.image_shape, generator=random(1)) * 2 - 1
    return kinds.Images(images)


def weights(recipe):
    players = recipe.networks.items()
    return {f"{player}.{name}": w.detach().clone() for player, each in players for name, w in each.named_parameters()}


def pair(size=16, dtype=torch.float64):
    torch.manual_seed(0)
    g = networks.Generator(5, 1, size=size, widest=8, base=32).to(dtype)
    return g, networks.Discriminator(1, size=size, widest=8, base=32).to(dtype)


# --- networks ---


def test_parameter_counts_are_those_of_the_paper():
    c = Config()
    with torch.device("meta"):
        pairs = [
            (networks.Generator(512, 3), networks.Discriminator(3)),
            Recipe.build(SimpleNamespace(config=c, image_shape=(3, c.size, c.size))),
        ]
    assert [[parameter_count(network) for network in pair] for pair in pairs] == 2 * [[23_079_115, 23_087_249]]
    assert networks.channels_at(1024, widest=512, base=8192) == [512, 512, 512, 512, 256, 128, 64, 32, 16]


def test_a_new_pair_works_at_the_smallest_size():
    g, d = pair()
    images = g(torch.randn(4, 5, generator=random(), dtype=torch.float64))
    assert images.shape == (4, 1, 4, 4) and d(images).shape == (4,)


@pytest.mark.parametrize("level", [1, 2])
def test_growth_is_continuous_at_both_ends_of_a_fade(level):
    g, d = pair()
    z = torch.randn(4, 5, generator=random(), dtype=torch.float64)

    def play(level, alpha):
        for network in (g, d):
            network.grow_to(level, alpha)
        return g(z), d(g(z))

    before, started, ended, after = play(level - 1, 1.0), play(level, 0.0), play(level, 1 - 1e-15), play(level, 1.0)
    torch.testing.assert_close(started[0], F.interpolate(before[0], scale_factor=2.0), rtol=0, atol=1e-12)
    for got, expected in ((started[1], before[1]), (ended[0], after[0]), (ended[1], after[1])):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)
    half = play(level, 0.5)[0]
    torch.testing.assert_close(half, (started[0] + after[0]) / 2, rtol=0, atol=1e-12)


def test_equalized_layers_start_as_he_initializes():
    torch.manual_seed(0)
    layer = networks.equalize(nn.Conv2d(16, 64, 3))
    assert layer.weight.std().item() == pytest.approx((2 / (16 * 9)) ** 0.5, rel=0.05)
    assert layer.parametrizations.weight.original.std().item() == pytest.approx(1, rel=0.05)
    assert not layer.bias.any()


def test_pixel_norm_makes_the_mean_square_of_a_pixel_one():
    normal = networks.PixelNorm()(torch.randn(2, 6, 3, 3, dtype=torch.float64))
    torch.testing.assert_close(normal.square().mean(1), torch.ones(2, 3, 3, dtype=torch.float64), rtol=0, atol=1e-6)


def test_the_deviation_of_a_group_is_appended_as_a_map():
    x = torch.randn(8, 3, 2, 2, generator=random(), dtype=torch.float64)
    got = append_deviation(x, 4)
    assert got.shape == (8, 4, 2, 2)
    assert torch.equal(got[:, :3], x)
    for first in (0, 1):  # two groups of four: 0, 2, 4, 6 and 1, 3, 5, 7
        expected = (x[first::2].var(0, correction=0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(got[first::2, 3], expected.expand(4, 2, 2))
    assert append_deviation(x[:1].expand(4, -1, -1, -1))[:, 3].max() < 1.1e-4  # equal samples
    with pytest.raises(ValueError, match="do not divide into groups of 4"):
        append_deviation(x[:6], 4)


def test_growth_travels_with_the_weights():
    g, _ = pair(dtype=torch.float32)
    g.grow_to(2, 0.25)
    other, _ = pair(dtype=torch.float32)
    other.load_state_dict(g.state_dict())
    assert (other.level, other.fading) == (2, True)
    z = torch.randn(3, 5)
    assert torch.equal(g(z), other(z))


# --- schedule ---


def test_the_schedule_holds_and_fades_in_turn():
    states = [growth(images, hold=8, fade=16, levels=2) for images in (0, 8, 12, 24, 32, 36, 48, 10**9)]
    assert states == [(0, 1.0), (0, 1.0), (1, 0.25), (1, 1.0), (1, 1.0), (2, 0.25), (2, 1.0), (2, 1.0)]
    assert growth(3, hold=1, fade=0, levels=9) == (3, 1.0)
    # the paper's: 600,000 images a phase, so 1024 pixels are reached after 8 fades and as many holds
    assert growth(8 * 1_200_000, hold=600_000, fade=600_000, levels=8) == (8, 1.0)
    assert growth(8 * 1_200_000 - 1, hold=600_000, fade=600_000, levels=8) == (8, pytest.approx(1, abs=1e-5))


def test_defaults_are_those_of_the_paper():
    c = Config()
    assert (c.size, c.latent_dim, c.batch_size, c.learning_rate) == (1024, 512, 16, 1e-3)
    assert (c.beta1, c.beta2, c.loss, c.penalty, c.penalty_weight, c.drift) == (
        0.0, 0.99, "wasserstein", "gradient_penalty", 10.0, 1e-3)  # fmt: skip
    assert (c.hold, c.fade, c.group) == (600_000, 600_000, 4)
    small = c.small()
    recipe = Recipe(small, image_shape=(1, small.size, small.size))
    assert all(value.isfinite() for value in recipe.step(batch_for(recipe, 8), random()).values())


# --- step ---


def test_a_step_moves_the_weights_of_the_levels_reached_and_no_other():
    recipe = tiny(learning_rate=1e-2)
    for taken, grown in ((0, {0}), (3, {0, 1}), (6, {1}), (20, {2})):  # hold, fade, hold, grown
        recipe.taken = taken
        before = weights(recipe)
        recipe.optimizers = tiny().optimizers | {}  # placeholders, replaced below: no momentum of earlier levels
        for player, network in recipe.networks.items():
            recipe.optimizers[player] = torch.optim.Adam(network.parameters(), lr=1e-2, betas=(0.0, 0.99))
        recipe.step(batch_for(recipe), random())
        after = weights(recipe)
        moved = {name for name in before if not torch.equal(before[name], after[name])}
        level = max(grown)
        for name in before:
            kind, number = name.split(".")[1:3]
            expected = int(number) in grown if kind in ("to_image", "from_image") else int(number) <= level
            if not name.endswith("bias"):  # the critic's loss cancels the last one
                assert (name in moved) == expected, (taken, name)


def test_a_step_is_the_algorithm_written_out_with_plain_torch():
    ours, plain = tiny(learning_rate=1e-2), tiny(learning_rate=1e-2)
    g, d = plain.networks["generator"], plain.networks["discriminator"]
    data, draws = batch_for(plain), random()
    for recipe in (ours, plain):
        recipe.taken = 4  # 16 images: level 1, half faded in
    for network in (g, d):
        network.grow_to(1, 0.5)
    ours.step(data, random())
    small = F.avg_pool2d(data.images, 2)
    real = 0.5 * F.interpolate(F.avg_pool2d(small, 2), scale_factor=2.0) + 0.5 * small
    fake = g(torch.randn(4, 5, generator=draws))
    t = torch.rand(4, 1, 1, 1, generator=draws)
    mixed = (t * real + (1 - t) * fake.detach()).requires_grad_()
    (slopes,) = torch.autograd.grad(d(mixed).sum(), mixed, create_graph=True)
    of_real = d(real)
    loss = d(fake.detach()).mean() - of_real.mean() + 1e-3 * of_real.square().mean()
    loss = loss + 10 * (slopes.flatten(1).norm(dim=1) - 1).square().mean()
    plain.optimizers["discriminator"].zero_grad()
    loss.backward()
    plain.optimizers["discriminator"].step()
    plain.optimizers["generator"].zero_grad()
    (-d(fake).mean()).backward()
    plain.optimizers["generator"].step()
    for (name, got), expected in zip(weights(ours).items(), weights(plain).values(), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=2e-5, msg=name)


def test_resuming_in_the_middle_of_a_fade_gives_the_same_bits():
    def trained(stop):
        recipe, draws = tiny(), random()
        average = Average(recipe.networks["generator"], decay=0.9)
        for step in range(1, 8):
            recipe.step(batch_for(recipe), draws)
            average.update(recipe.networks["generator"], step)
            if step == stop:  # another recipe takes over what a checkpoint holds
                state = copy.deepcopy([
                    [network.state_dict() for network in recipe.networks.values()],
                    [optimizer.state_dict() for optimizer in recipe.optimizers.values()],
                    recipe.extra_state(), average.network.state_dict(),
                ])  # fmt: skip
                recipe = tiny(seed=5)
                for network, saved in zip(recipe.networks.values(), state[0], strict=True):
                    network.load_state_dict(saved)
                for optimizer, saved in zip(recipe.optimizers.values(), state[1], strict=True):
                    optimizer.load_state_dict(saved)
                recipe.load_extra_state(state[2])
                average = Average(recipe.networks["generator"], decay=0.9)
                average.network.load_state_dict(state[3])
        return recipe, recipe.sample(4, random(), generator=average.network)

    whole, images = trained(stop=0)
    for stop in (3, 4, 6):  # the fade begins after two steps and lasts four
        resumed, others = trained(stop)
        assert resumed.growth == whole.growth
        assert torch.equal(images, others)
        assert all(torch.equal(a, b) for a, b in zip(weights(whole).values(), weights(resumed).values(), strict=True))


def test_samples_have_the_full_size_from_the_first_step():
    recipe = tiny()
    images = recipe.sample(3, random())
    assert images.shape == (3, 1, 16, 16)
    assert images.abs().max() <= 1
    assert torch.equal(images, F.interpolate(images[..., ::4, ::4], scale_factor=4.0))
    assert not recipe.settled
    recipe.taken = 12
    assert recipe.settled
    recipe.step(batch_for(recipe), random())
    grown = recipe.sample(3, random())
    assert not torch.equal(grown, F.interpolate(grown[..., ::2, ::2], scale_factor=2.0))


def test_an_average_shows_images_of_the_size_it_has_grown_to():
    recipe = tiny()
    average = Average(recipe.networks["generator"], decay=0.0)
    for _ in range(13):
        recipe.step(batch_for(recipe), random())
        average.update(recipe.networks["generator"], 10**9)
    assert torch.equal(recipe.sample(2, random(), generator=average.network), recipe.sample(2, random()))
    assert average.network.level == 2


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny(size=20), "20 x 20 pixels do not arise from 4 x 4 by doubling"),
        (lambda: tiny(hold=-1), "hold must not be negative, but is -1"),
        (lambda: tiny(hold=0, fade=0), "hold and fade are both 0"),
        (lambda: tiny(batch_size=6), "a batch of 6 does not divide into groups of 4"),
        (lambda: tiny(group=0), "a batch of 4 does not divide into groups of 0"),
        (lambda: tiny(width=0), "width and base must be at least 1, not 0 and 32"),
        (lambda: pair()[0].grow_to(3), "levels are 0 to 2, shares 0 to 1; level 3 with share 1.0 given"),
        (lambda: pair()[1](torch.zeros(4, 1, 8, 8)), r"\[batch, 1, 4, 4\] expected at this level"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()


def test_a_group_may_be_a_single_image():
    recipe = tiny(group=1)
    assert all(value.isfinite() for value in recipe.step(batch_for(recipe), random()).values())


def test_a_run_interrupted_at_every_step_ends_with_the_same_bits(tmp_path):
    images = torch.randint(256, (11, 1, 8, 8), generator=random(3), dtype=torch.uint8)
    options = {
        "config": TrainConfig(steps=5, log_every=2, sample_every=5, checkpoint_every=2),
        "recipe_config": dataclasses.replace(Config(), **(TINY | {"size": 8, "hold": 4})),  # fades in steps 2 to 5
        "show": False,
    }
    train("progressive", images, out=tmp_path / "whole", **options)
    outcome = train("progressive", images, out=tmp_path / "pieces", max_minutes=0, **options)
    while not outcome.finished:
        outcome = resume(tmp_path / "pieces", data=images, max_minutes=0, show=False)
    whole, pieces = (checkpoint.read(tmp_path / name) for name in ("whole", "pieces"))
    assert len(pieces["sessions"]) > 3
    assert whole["processes"][0]["extra"] == pieces["processes"][0]["extra"] == {"taken": 5}
    for part in ("recipe", "average"):
        torch.testing.assert_close(pieces[part], whole[part], rtol=0, atol=0)
    assert 0 < float(whole["average"]["alpha"]) < 1
    loaded = load(tmp_path / "pieces")
    assert loaded.sample(2, random()).shape == (2, 1, 8, 8)
    assert loaded.networks["generator"].level == 1

"""R3GAN: its networks against the paper's counts, its step against plain lines, its schedules and what they survive."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from ganedu import recipes
from ganedu.data import kinds
from ganedu.networks import r3gan
from ganedu.networks.mlp import parameter_count
from ganedu.recipes.r3gan import Recipe, scheduled

PAPER = Recipe.Config()
TINY = replace(PAPER, size=8, batch_size=4, latent_dim=5, width=4, widest=8, depth=1, group=4, learning_rate=0.01)
TINY = replace(TINY, burn_in=4, penalty_weight=2.0, last_penalty_weight=0.5)


def made(seed=0, channels=1, **changes):
    return Recipe(replace(TINY, **changes), image_shape=(channels, 8, 8), seed=seed)


def images(n=4, seed=1):
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def state(recipe):
    return torch.cat([w.detach().flatten() for network in recipe.networks.values() for w in network.parameters()])


def test_parameters_are_those_of_the_public_presets():
    with torch.device("meta"):
        for config, counts in {PAPER: (20_732_160, 20_683_776), PAPER.faces(): (23_057_952, 23_009_568)}.items():
            sizes = {"size": config.size, "width": config.width, "widest": config.widest}
            networks = r3gan.Generator(config.latent_dim, 3, **sizes), r3gan.Discriminator(3, **sizes)
            assert tuple(map(parameter_count, networks)) == counts
    assert [round(count / 1e6, 3) for count in counts] == [23.058, 23.010]  # table 1 of the paper, last row
    assert r3gan.stages(256, 96, 768) == [768, 768, 768, 768, 384, 192, 96]


def test_defaults_are_those_of_the_public_presets():
    assert (PAPER.batch_size, PAPER.latent_dim, PAPER.loss, PAPER.penalty) == (512, 64, "relativistic", "r1_r2")
    assert (PAPER.learning_rate, PAPER.last_learning_rate) == (2e-4, 5e-5)
    assert (PAPER.beta1, PAPER.beta2, PAPER.last_beta2) == (0.0, 0.9, 0.99)
    assert (PAPER.size, PAPER.width, PAPER.widest) == (32, 768, 768)
    assert (PAPER.depth, PAPER.expansion, PAPER.group) == (2, 2, 16)
    for config, gammas in {PAPER: (0.05, 0.005), PAPER.faces(): (150.0, 15.0)}.items():
        assert (config.penalty_weight, config.last_penalty_weight) == gammas
        assert config.burn_in == 20_000_000 // config.batch_size


def test_a_block_starts_as_the_identity_and_a_network_without_normalization_keeps_the_size_of_its_signal():
    torch.manual_seed(0)
    x = torch.randn(4, 32, 8, 8)
    block = r3gan.Block(32, blocks=6)
    assert torch.equal(block(x), x)
    assert block.mix.groups == 4
    for layer, fan in ((block.widen, 32), (block.mix, 16 * 9)):
        assert layer.weight.std().item() == pytest.approx(r3gan.GAIN * 6**-0.25 / math.sqrt(fan), rel=0.05)
    with torch.no_grad():
        made = r3gan.Generator(16, 3, size=32, width=64, widest=256)(torch.randn(200, 16))
        assert 0.4 < made.std().item() < 1.2
        judged = r3gan.Discriminator(3, size=32, width=64, widest=256)(torch.randn(5, 3, 32, 32))
    assert judged.shape == (5,)
    names = [name for name, _ in r3gan.Generator(16, 3, size=8, width=16, widest=32).named_parameters()]
    assert {name.split(".")[-2] for name in names if name.endswith("bias")} == {"first", "second"}


def test_every_block_starts_smaller_the_more_blocks_there_are_in_all_stages():
    torch.manual_seed(0)
    network = r3gan.Generator(4, 1, size=8, width=64, widest=64, depth=3)
    blocks = [module for module in network.modules() if isinstance(module, r3gan.Block)]
    assert len(blocks) == 2 * 3
    for block in blocks:
        assert block.widen.weight.std().item() == pytest.approx(r3gan.GAIN * 6**-0.25 / 64**0.5, rel=0.05)


def test_resampling_is_the_program_s_away_from_the_border():
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    taps = torch.tensor([1.0, 3, 3, 1]).double()
    kernel = (torch.outer(taps, taps) / 64).expand(3, 1, 4, 4)
    down = F.conv2d(x, kernel, stride=2, padding=1, groups=3)
    up = F.conv_transpose2d(x, 4 * kernel, stride=2, padding=1, groups=3)
    for ours, theirs in ((r3gan.Halve()(x), down), (r3gan.Double()(x), up)):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours[..., 1:-1, 1:-1], theirs[..., 1:-1, 1:-1], atol=1e-12)
    for layer in (r3gan.Halve(), r3gan.Double()):
        flat = torch.full((1, 1, 8, 8), 0.7)
        assert torch.allclose(layer(flat), torch.tensor(0.7))  # an even image stays even, up to its border


def test_a_step_is_the_algorithm_written_out_with_plain_torch():
    ours, plain = made(), made()
    g, d = plain.networks["generator"], plain.networks["discriminator"]
    draws, real = torch.Generator().manual_seed(2), images()
    for step in range(6):
        share = (1 + math.cos(math.pi * min(step, 4) / 4)) / 2
        gamma, beta2, rate = 0.5 + 1.5 * share, 0.99 - 0.09 * share, 5e-5 + (0.01 - 5e-5) * share
        for optimizer in plain.optimizers.values():
            optimizer.param_groups[0] |= {"betas": (0.0, beta2), "lr": rate}
        fake = g(torch.randn(4, 5, generator=draws))
        loss = F.softplus(d(fake.detach()) - d(real)).mean()
        for batch in (real, fake.detach()):
            batch = batch.clone().requires_grad_()
            (slope,) = torch.autograd.grad(d(batch).sum(), batch, create_graph=True)
            loss = loss + gamma / 2 * slope.flatten(1).square().sum(1).mean()
        plain.optimizers["discriminator"].zero_grad()
        loss.backward()
        plain.optimizers["discriminator"].step()
        plain.optimizers["generator"].zero_grad()
        F.softplus(d(real) - d(fake)).mean().backward()
        plain.optimizers["generator"].step()
    draws = torch.Generator().manual_seed(2)
    for step in range(6):
        for optimizer in ours.optimizers.values():
            optimizer.param_groups[0]["lr"] = 0.01 * ours.learning_rate_factor(step, 6)
        ours.step(kinds.Images(images()), draws)
    assert torch.allclose(state(ours), state(plain), rtol=0, atol=2e-5)


def test_one_step_moves_every_weight_that_the_first_step_can_reach_and_the_second_all_others():
    recipe, draws = made(), torch.Generator().manual_seed(2)
    parameters = {f"{p}.{n}": w for p, net in recipe.networks.items() for n, w in net.named_parameters()}
    before = {name: weight.detach().clone() for name, weight in parameters.items()}
    recipe.step(kinds.Images(images()), draws)
    still = {name for name, weight in parameters.items() if torch.equal(weight, before[name])}
    inside = ("widen.weight", "mix.weight", "first.bias", "second.bias")  # behind the convolution that is 0 at first
    assert all(name.endswith(inside) for name in still)
    recipe.step(kinds.Images(images()), draws)
    assert not any(torch.equal(weight, before[name]) for name, weight in parameters.items())


def test_schedules_are_cosines_of_the_step_that_end_with_the_burn_in():
    assert [scheduled(step, 10, 3.0, 1.0) for step in (0, 5, 10, 99)] == pytest.approx([3.0, 2.0, 1.0, 1.0])
    assert scheduled(7, 0, 3.0, 1.0) == 3.0
    recipe = made()
    assert [recipe.learning_rate_factor(step, steps) for step, steps in ((0, 9), (4, 9), (4, 99))] == [1, 0.005, 0.005]
    draws = torch.Generator().manual_seed(2)
    seen = []
    for _ in range(6):
        assert recipe.settled == (recipe.done >= 4)
        recipe.step(kinds.Images(images()), draws)
        seen.append(recipe.penalty_weight.item())
    assert seen == pytest.approx([2.0, 1.7803, 1.25, 0.7197, 0.5, 0.5], abs=1e-4)
    assert all(group["betas"] == (0.0, 0.9) for o in recipe.optimizers.values() for group in o.param_groups)


def test_a_run_goes_on_to_the_bit_where_its_state_was_taken():
    def steps(recipe, draws, n):
        for _ in range(n):
            recipe.step(kinds.Images(images(seed=recipe.done)), draws)

    whole, first, second = made(), made(), made(seed=5)
    draws = torch.Generator().manual_seed(2)
    steps(whole, draws, 5)
    draws = torch.Generator().manual_seed(2)
    steps(first, draws, 2)
    for name, network in second.networks.items():
        network.load_state_dict(first.networks[name].state_dict())
        second.optimizers[name].load_state_dict(first.optimizers[name].state_dict())
    second.load_extra_state(first.extra_state())
    steps(second, draws, 3)
    assert torch.equal(state(whole), state(second))


def test_samples_are_decided_by_their_seed():
    recipe = made()
    first, again, other = (recipe.sample(3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == (3, 1, 8, 8)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_samples_are_clipped_while_training_sees_what_is_too_white():
    recipe = made()
    with torch.no_grad():
        recipe.networks["generator"].basis.mul_(50)
    noise = recipe.noise(4, torch.Generator().manual_seed(1))
    assert recipe.networks["generator"](noise).abs().max() > 1
    assert recipe.sample(4, torch.Generator().manual_seed(1)).abs().max() == 1


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: made(burn_in=-1), "burn_in must be a number of steps, or 0 for no schedules, not -1"),
        (lambda: made(last_beta2=1.0), r"last_beta2 must be in \[0, 1\), not 1.0"),
        (lambda: made(last_penalty_weight=-1.0), "last_penalty_weight must not be negative, but it is -1.0"),
        (lambda: made(optimizer="rmsprop"), "its schedules are those of Adam"),
        (lambda: made(widest=2), "widest at least width, not width=4, widest=2"),
        (lambda: made(width=5, widest=5, group=3), "10 channels cannot be parted into 3 groups; choose a width"),
        (lambda: made().step(kinds.Images(images().expand(4, 3, 8, 8)), torch.Generator()), "r3gan: batch of shape"),
        (lambda: recipes.get("r3gan")(TINY, image_shape=(1, 12, 12)), "configured for"),
        (lambda: Recipe(replace(TINY, size=12), image_shape=(1, 12, 12)), "resize them to 8 or 16"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

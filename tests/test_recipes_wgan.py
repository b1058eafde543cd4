"""`wgan`, `wgan-gp` and `sngan`: the papers' numbers, the order of a step, optimizers, schedules, exact resume."""

import dataclasses
import shutil

import pytest
import torch

from ganedu import recipes
from ganedu.data import kinds
from ganedu.recipes import adversarial
from ganedu.training import TrainConfig, checkpoint, resume, train

VARIANTS = {
    "wgan": ("wgan", {"size": 8, "width": 4}),
    "wgan-gp conv": ("wgan-gp", {"size": 8, "width": 4}),
    "wgan-gp bias": ("wgan-gp", {"size": 8, "width": 4, "bias": True}),
    "wgan-gp resnet": ("wgan-gp", {"size": 16, "width": 4, "architecture": "resnet"}),
    "sngan resnet": ("sngan", {"size": 16, "width": 4, "width_g": 4}),
    "sngan conv": ("sngan", {"size": 16, "width": 4, "width_g": 4, "architecture": "conv"}),
}
PENALIZED = ("wgan-gp conv", "wgan-gp bias", "wgan-gp resnet")
FOR_ALL = pytest.mark.parametrize("variant", VARIANTS)


def configured(variant, **changes):
    name, choices = VARIANTS[variant]
    return dataclasses.replace(recipes.get(name).Config(), latent_dim=5, batch_size=4, **(choices | changes))


def tiny(variant, *, seed=0, **changes):
    """A recipe small enough for one step in milliseconds."""
    config = configured(variant, **changes)
    return recipes.get(VARIANTS[variant][0])(config, image_shape=(1, config.size, config.size), seed=seed)


def images_for(recipe, n=4):
    draws = torch.Generator().manual_seed(1)
    return torch.rand(recipe.n_real * n, *recipe.image_shape, generator=draws) * 2 - 1


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def weights(network):
    return {name: weight.detach().clone() for name, weight in network.named_parameters()}


def test_defaults_are_those_of_the_papers():
    wgan, gp, sn = (recipes.get(name).Config() for name in ("wgan", "wgan-gp", "sngan"))
    assert (wgan.loss, wgan.optimizer, wgan.learning_rate, wgan.clip) == ("wasserstein", "rmsprop", 5e-5, 0.01)
    assert (wgan.n_critic, wgan.batch_size, wgan.latent_dim, wgan.penalty) == (5, 64, 100, "none")
    assert (gp.loss, gp.penalty, gp.penalty_weight, gp.norm) == ("wasserstein", "gradient_penalty", 10.0, "none")
    assert (gp.n_critic, gp.batch_size, gp.latent_dim, gp.clip) == (5, 64, 128, 0.0)
    assert (gp.optimizer, gp.learning_rate, gp.beta1, gp.beta2, gp.decay) == ("adam", 1e-4, 0.0, 0.9, False)
    assert (gp.resnet().size, gp.resnet().learning_rate, gp.resnet().decay) == (32, 2e-4, True)
    assert (sn.loss, sn.norm, sn.penalty, sn.n_critic) == ("hinge", "spectral", "none", 5)
    assert (sn.learning_rate, sn.learning_rate_d, sn.beta1, sn.beta2, sn.decay) == (2e-4, 0.0, 0.0, 0.9, True)
    assert (sn.batch_size, sn.latent_dim, sn.size, sn.width_g) == (64, 128, 32, 256)


@pytest.mark.parametrize(("variant", "pixels"), [("sngan resnet", 1), ("wgan-gp resnet", 64)])
def test_the_residual_critic_adds_in_sngan_and_takes_means_in_wgan_gp(variant, pixels):
    recipe = tiny(variant)
    critic, x = recipe.networks["discriminator"].eval(), images_for(recipe)[:3]
    added = critic.blocks(x).flatten(2).sum(2)
    assert torch.allclose(critic(x), added @ critic.score.weight[0] / pixels, rtol=1e-4, atol=1e-6)
    assert critic(x).std() > 1e-4


@FOR_ALL
def test_every_weight_moves_in_one_step_and_each_optimizer_moves_its_own(variant):
    recipe = tiny(variant)
    before = {player: weights(network) for player, network in recipe.networks.items()}
    real = images_for(recipe)
    fake = recipe.networks["generator"](recipe.noise(len(real), random()))
    recipe.discriminator_step(real, fake.detach(), random())
    now = {player: weights(network) for player, network in recipe.networks.items()}
    assert all(torch.equal(now["generator"][name], old) for name, old in before["generator"].items())
    # In D(real) - D(fake) the last bias cancels; the hinge loss is such a difference as long as all are within margin.
    still = {name for name, old in before["discriminator"].items() if torch.equal(now["discriminator"][name], old)}
    last_bias = [name for name in before["discriminator"] if name.endswith("bias")][-1:]
    assert still <= set(last_bias)
    assert not still or variant in ("wgan-gp resnet", "sngan conv")
    critic = now["discriminator"]
    recipe.generator_step(real, fake)
    now = {player: weights(network) for player, network in recipe.networks.items()}
    assert all(torch.equal(now["discriminator"][name], old) for name, old in critic.items())
    still = {name for name, old in before["generator"].items() if torch.equal(now["generator"][name], old)}
    # A batch normalization cancels the bias of the convolution before it.
    assert all("residual" in name and name.endswith("bias") for name in still)


@FOR_ALL
def test_the_critic_takes_its_batches_in_order_and_its_fakes_without_a_graph(variant):
    recipe, seen = tiny(variant, n_critic=3, penalty="none"), []
    recipe.networks["discriminator"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    data = images_for(recipe)
    recipe.step(kinds.Images(data), random())
    assert torch.equal(torch.cat([seen[0], seen[2], seen[4]]), data)
    assert [given.requires_grad for given in seen] == [False] * 3 * 2 + [True]
    assert torch.equal(seen[5], seen[6])  # G moves with the fakes that D saw last
    for player, steps in (("discriminator", 3), ("generator", 1)):
        assert {int(entry["step"]) for entry in recipe.optimizers[player].state.values()} == {steps}


@pytest.mark.parametrize("variant", PENALIZED)
def test_the_penalty_sees_interpolates_of_real_and_detached_fake(variant):
    recipe, seen = tiny(variant, n_critic=1), []
    critic = recipe.networks["discriminator"]
    critic.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach().clone()))
    data = images_for(recipe)
    scalars = recipe.step(kinds.Images(data), random())
    real, fake, mixed = seen[:3]
    share = ((mixed - fake) * (real - fake)).flatten(1).sum(1) / (real - fake).flatten(1).square().sum(1)
    assert ((share > 0) & (share < 1)).all()
    assert share.unique().numel() == len(data)
    assert torch.allclose(mixed, fake + share.view(-1, 1, 1, 1) * (real - fake), rtol=0, atol=1e-5)
    assert scalars["penalty"] > 0


@pytest.mark.parametrize("variant", ["wgan", *PENALIZED])
def test_the_numbers_of_a_step_give_the_wasserstein_estimate(variant):
    scalars = tiny(variant).step(kinds.Images(images_for(tiny(variant))), random())
    assert scalars["loss_d"].item() == pytest.approx((scalars["d_fake"] - scalars["d_real"]).item(), abs=1e-7)


def test_no_penalized_critic_has_batch_normalization():
    for variant in PENALIZED:
        for config in (configured(variant), recipes.get("wgan-gp").Config(), recipes.get("wgan-gp").Config().small()):
            recipe = recipes.get("wgan-gp")(config, image_shape=(1, config.size, config.size))
            kinds = {type(layer).__name__ for layer in recipe.networks["discriminator"].modules()}
            assert not any("BatchNorm" in kind for kind in kinds)
    with pytest.raises(ValueError, match="batch normalization makes every logit depend"):
        tiny("wgan-gp conv", norm="batch")


@FOR_ALL
def test_learning_rates_are_a_pure_function_of_the_step(variant):
    decaying, constant = tiny(variant, decay=True), tiny(variant, decay=False)
    for recipe in (decaying, constant):
        at = [recipe.learning_rate_factor(step, 8) for step in range(8)]
        recipe.step(kinds.Images(images_for(recipe)), random())
        assert [recipe.learning_rate_factor(step, 8) for step in reversed(range(8))] == at[::-1]
    assert [decaying.learning_rate_factor(step, 8) for step in (0, 2, 7, 8)] == [1, 0.75, 0.125, 0]
    assert {constant.learning_rate_factor(step, 8) for step in range(9)} == {1.0}


def test_annealed_learning_rates_fall_like_one_over_the_step_however_long_the_run():
    recipe = tiny("sngan conv", decay=False, anneal=100)
    assert [recipe.learning_rate_factor(step, 8) for step in (0, 99, 100)] == [1.0] * 3
    fallen = [recipe.learning_rate_factor(step, steps) for step in (200, 400) for steps in (500, 9000)]
    assert fallen == [0.5, 0.5, 0.25, 0.25]
    both = tiny("sngan conv", decay=True, anneal=100)
    assert both.learning_rate_factor(200, 400) == 0.25


def test_two_time_scales_are_two_learning_rates():
    recipe = tiny("sngan conv", learning_rate=1e-4, learning_rate_d=4e-4, n_critic=1)
    rates = {player: optimizer.param_groups[0]["lr"] for player, optimizer in recipe.optimizers.items()}
    assert rates == {"generator": 1e-4, "discriminator": 4e-4}
    single = tiny("sngan conv", learning_rate=1e-4)
    assert {optimizer.param_groups[0]["lr"] for optimizer in single.optimizers.values()} == {1e-4}


def test_the_first_step_of_either_optimizer_is_its_formula():
    start, slope = torch.tensor([1.0, -2.0, 3.0]), torch.tensor([0.5, -4.0, 1e-3])
    adam = 1e-2 * slope / (slope.abs() + 1e-8)  # both corrections cancel the betas at the first step
    rmsprop = 1e-2 * slope / ((0.01 * slope**2).sqrt() + 1e-8)  # no correction: ten times as far
    for name, moved in (("adam", adam), ("rmsprop", rmsprop)):
        weight = torch.nn.Parameter(start.clone())
        weight.grad = slope.clone()
        adversarial.optimizer(adversarial.Config(optimizer=name), [weight], 1e-2).step()
        assert torch.allclose(start - weight.detach(), moved, rtol=1e-4, atol=0), name


def test_a_clipped_critic_stays_within_its_limit():
    recipe = tiny("wgan")
    for _ in range(3):
        recipe.step(kinds.Images(images_for(recipe)), random())
        largest = max(weight.abs().max().item() for weight in recipe.networks["discriminator"].parameters())
        assert largest == pytest.approx(0.01, rel=1e-6)


@FOR_ALL
def test_a_run_resumed_in_the_middle_ends_with_the_same_bits(variant, tmp_path):
    kind, config = recipes.get(VARIANTS[variant][0]), configured(variant, n_critic=2, decay=True)
    data = torch.randint(0, 256, (24, 1, config.size, config.size), generator=random(), dtype=torch.uint8)
    steps = TrainConfig(steps=12, log_every=6, sample_every=12, checkpoint_every=6)
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    train(kind, data, out=whole, config=steps, recipe_config=config, show=False)
    shutil.copytree(whole, resumed)
    shutil.copy(resumed / "checkpoint.previous.pt", resumed / "checkpoint.pt")
    assert checkpoint.read(resumed)["step"] == 6
    assert resume(resumed, recipe=kind, data=data, show=False).finished
    ends, middle = (checkpoint.read(run) for run in (whole, resumed)), checkpoint.read(whole, previous=True)
    ours, theirs = (flat(end) for end in ends)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert any(not torch.equal(ours[key], value) for key, value in flat(middle).items())
    vectors = [key for key in ours if key.endswith(".u")]
    assert bool(vectors) == variant.startswith("sngan")
    assert all(not torch.equal(ours[key], flat(middle)[key]) for key in vectors if ours[key].numel() > 1)


def flat(state, prefix=""):
    """The tensors of a checkpoint's weights, averages, optimizers and random numbers, by their path."""
    found = {}
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list | tuple) else ()
    for key, value in items:
        path = f"{prefix}.{key}"
        found |= {path: value} if isinstance(value, torch.Tensor) else flat(value, path)
    return found


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny("wgan-gp conv", architecture="mlp"), "wgan-gp: unknown architecture 'mlp'; choose one of conv"),
        (lambda: tiny("sngan conv", architecture="mlp"), "sngan: unknown architecture 'mlp'; choose one of conv"),
        (lambda: tiny("sngan conv", norm="batch"), "sngan: unknown normalization 'batch'; choose one of spectral"),
        (lambda: tiny("wgan-gp resnet", norm="batch", penalty="none"), "the residual critic has no normalization"),
        (lambda: tiny("wgan-gp resnet", bias=True), "the residual critic has no choice of biases; set bias=false"),
        (lambda: tiny("wgan", optimizer="sgd"), "unknown optimizer 'sgd'; choose one of adam, rmsprop"),
        (lambda: tiny("sngan conv", anneal=-1), "anneal must be a number of steps, or 0 for never, not -1"),
        (lambda: tiny("sngan conv", learning_rate_d=-1.0), "learning_rate_d must be positive, or 0 for that of"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

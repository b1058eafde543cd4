"""`ganedu.recipes`: every architecture with every loss and penalty, and what a step promises to the loop."""

import dataclasses
import json
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from ganedu import losses, penalties, recipes
from ganedu.data import kinds
from ganedu.networks.mlp import parameter_count

TINY = {
    "mlp": {"size": 8, "hidden": (8, 8)},
    "dcgan": {"size": 8, "width": 4, "kernel": 4, "noise": "normal"},
    "dcgan/paper": {"size": 8, "width": 4},
    "article-gan": {"size": 16, "width": 4},
    "wgan": {"size": 8, "width": 4, "n_critic": 1},
    "wgan-gp": {"size": 8, "width": 4, "n_critic": 1},
    "wgan-gp/resnet": {"size": 16, "width": 4, "n_critic": 1, "architecture": "resnet"},
    "sngan": {"size": 16, "width": 4, "width_g": 4, "n_critic": 1},
    "sngan/conv": {"size": 8, "width": 4, "width_g": 4, "n_critic": 1, "architecture": "conv"},
}


def tiny(name="dcgan", *, device="cpu", seed=0, channels=1, **choices):
    """A recipe small enough for one step in milliseconds."""
    kind = recipes.get(name.partition("/")[0])
    if choices.get("penalty", "none") != "none" and kind.Config().norm == "batch":
        choices = {"norm": "none"} | choices
    config = dataclasses.replace(kind.Config(), latent_dim=5, **(TINY[name] | choices))
    return kind(config, image_shape=(channels, config.size, config.size), device=device, seed=seed)


def images_for(recipe, n=4):
    draws = torch.Generator().manual_seed(1)
    return torch.rand(recipe.n_real * n, *recipe.image_shape, generator=draws) * 2 - 1


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def weights(recipe):
    return {
        f"{player}.{name}": weight.detach().clone()
        for player, network in recipe.networks.items()
        for name, weight in network.named_parameters()
    }


def biases_before_normalization(recipe):
    layers = [(key, layer) for key, layer in recipe.networks["generator"].named_modules() if not list(layer.children())]
    return {
        f"generator.{key}.bias"
        for (key, _), (_, following) in pairwise(layers)
        if isinstance(following, torch.nn.BatchNorm2d)
    }


@pytest.mark.parametrize("penalty", penalties.NAMES)
@pytest.mark.parametrize("loss", losses.NAMES)
@pytest.mark.parametrize("name", TINY)
def test_any_architecture_loss_and_penalty_train_for_one_step(name, loss, penalty):
    recipe = tiny(name, loss=loss, penalty=penalty)
    before = weights(recipe)
    scalars = recipe.step(kinds.Images(images_for(recipe)), random())
    after = weights(recipe)
    still = {weight for weight in before if torch.equal(before[weight], after[weight])}
    # D(real) - D(fake) cancels the last bias of D, a batch normalization in G the biases before it.
    assert still <= {[key for key in before if key.endswith("bias")][-1], *biases_before_normalization(recipe)}
    assert not still or name not in ("dcgan", "dcgan/paper", "wgan", "wgan-gp")
    names = {"loss_d", "loss_g", "d_real", "d_fake"} | ({"penalty"} if penalty != "none" else set())
    assert set(scalars) == names
    for value in scalars.values():
        assert value.ndim == 0
        assert not value.requires_grad
        assert value.isfinite()


@pytest.mark.parametrize("name", recipes.NAMES)
def test_configurations_are_primitives_that_survive_json(name):
    for config in (recipes.get(name).Config(), recipes.get(name).Config().small()):
        stored = json.loads(json.dumps(dataclasses.asdict(config)))
        revived = type(config)(**{key: tuple(v) if isinstance(v, list) else v for key, v in stored.items()})
        assert revived == config


def test_defaults_are_those_of_the_papers():
    config = recipes.get("dcgan").Config()
    assert (config.size, config.batch_size, config.latent_dim) == (64, 128, 100)
    assert (config.learning_rate, config.beta1, config.beta2) == (2e-4, 0.5, 0.999)
    assert (config.noise, config.width, config.kernel, config.loss) == ("uniform", 128, 5, "non_saturating")
    assert (config.port().noise, config.port().width, config.port().kernel) == ("normal", 64, 4)
    counts = {"dcgan": (18_885_760, 17_232_768), "article-gan": (5_134_339, 1_046_401)}
    for name, expected in counts.items():
        recipe = recipes.get(name)(recipes.get(name).Config(), image_shape=(3, 64, 64))
        assert tuple(parameter_count(network) for network in recipe.networks.values()) == expected
    recipe = recipes.get("mlp")(recipes.get("mlp").Config(), image_shape=(1, 28, 28))
    assert tuple(parameter_count(network) for network in recipe.networks.values()) == (550_416, 533_505)


def test_the_fully_connected_miniature_has_half_the_widths():
    full = recipes.get("mlp").Config()
    assert full.small().hidden == tuple(width // 2 for width in full.hidden)


@pytest.mark.parametrize("name", [name for name in recipes.NAMES if recipes.get(name).Batch is kinds.Images])
def test_miniatures_train_for_a_step(name):
    config = recipes.get(name).Config().small()
    recipe = recipes.get(name)(config, image_shape=(1, config.size, config.size))
    assert all(value.isfinite() for value in recipe.step(kinds.Images(images_for(recipe, n=8)), random()).values())


def test_a_step_is_the_algorithm_written_out_with_plain_torch():
    ours, plain = tiny(learning_rate=0.01), tiny(learning_rate=0.01)
    g, d = plain.networks["generator"], plain.networks["discriminator"]
    draws, data = random(), images_for(plain)
    for _ in range(3):
        fake = g(torch.randn(len(data), 5, generator=draws))
        plain.optimizers["discriminator"].zero_grad()
        F.binary_cross_entropy_with_logits(d(data), torch.ones(len(data))).backward()
        F.binary_cross_entropy_with_logits(d(fake.detach()), torch.zeros(len(data))).backward()
        plain.optimizers["discriminator"].step()
        plain.optimizers["generator"].zero_grad()
        F.binary_cross_entropy_with_logits(d(fake), torch.ones(len(data))).backward()
        plain.optimizers["generator"].step()
    draws = random()
    for _ in range(3):
        ours.step(kinds.Images(data), draws)
    for (name, got), expected in zip(weights(ours).items(), weights(plain).values(), strict=True):
        assert torch.allclose(got, expected, rtol=0, atol=1e-5), name


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_noise_has_the_law_that_is_asked_for(noise):
    z = tiny(noise=noise).noise(4000, random()).flatten().double()
    law = {"normal": torch.special.ndtr, "uniform": lambda x: ((x + 1) / 2).clamp(0, 1)}[noise]
    ranks = torch.arange(1, len(z) + 1) / len(z)
    largest = (law(z.sort().values) - ranks).abs().max().item()  # Kolmogorov and Smirnov: 1.95 / sqrt(n) is rare
    assert largest < 1.95 / len(z) ** 0.5
    assert torch.equal(tiny(noise=noise).noise(4000, random()).flatten().double(), z)


def test_the_same_seeds_give_the_same_bits_and_other_seeds_others():
    def trained(seed, noise):
        recipe = tiny("article-gan", seed=seed, penalty="gradient_penalty")
        draws = random(noise)
        for _ in range(2):
            recipe.step(kinds.Images(images_for(recipe)), draws)
        return torch.cat([weight.flatten() for weight in weights(recipe).values()])

    reference = trained(0, 2)
    assert torch.equal(reference, trained(0, 2))
    assert not torch.equal(reference, trained(1, 2))
    assert not torch.equal(reference, trained(0, 3))


def test_building_a_recipe_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    tiny("dcgan", seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_dropout_goes_on_where_the_stored_state_left_it():
    recipe = tiny("article-gan")
    state = recipe.extra_state()
    images = images_for(recipe)
    first = recipe.networks["discriminator"](images)
    second = recipe.networks["discriminator"](images)
    recipe.load_extra_state(state)
    assert not torch.equal(first, second)
    assert torch.equal(recipe.networks["discriminator"](images), first)


def test_the_discriminator_steps_n_critic_times_on_fresh_real_images():
    recipe = tiny("mlp", n_critic=3)
    seen = []
    recipe.networks["discriminator"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    data = images_for(recipe)
    recipe.step(kinds.Images(data), random())
    assert torch.equal(torch.cat([seen[0], seen[2], seen[4]]), data)
    assert [images.requires_grad for images in seen] == [False] * 3 * 2 + [True]  # only G's own step reaches G
    for player, steps in (("discriminator", 3), ("generator", 1)):
        state = recipe.optimizers[player].state
        assert {int(entry["step"]) for entry in state.values()} == {steps}


def test_each_players_gradients_are_its_own():
    recipe = tiny("mlp")
    draws, data = random(), images_for(recipe)
    fake = recipe.networks["generator"](recipe.noise(len(data), draws))
    recipe.discriminator_step(data, fake.detach(), draws)
    assert all(weight.grad is None for weight in recipe.networks["generator"].parameters())
    of_d = [weight.grad.clone() for weight in recipe.networks["discriminator"].parameters()]
    recipe.generator_step(data, fake)
    for weight, grad in zip(recipe.networks["discriminator"].parameters(), of_d, strict=True):
        assert torch.equal(weight.grad, grad)
        assert weight.requires_grad


def test_loss_and_penalty_share_one_backward():
    recipe = tiny("mlp", penalty="r1", penalty_weight=3.0)
    real, fake = images_for(recipe), images_for(recipe).flip(0)
    total, scalars = recipe.discriminator_loss(real, fake, None)
    assert total.item() == pytest.approx((scalars["loss_d"] + 3 * scalars["penalty"]).item(), rel=1e-6)
    expected = penalties.r1(recipe.networks["discriminator"], real)
    assert scalars["penalty"].item() == pytest.approx(expected.item(), rel=1e-6)


def test_clipping_bounds_the_critic_after_every_step():
    recipe = tiny("mlp", loss="wasserstein", clip=0.01)
    recipe.step(kinds.Images(images_for(recipe)), random())
    assert max(weight.abs().max() for weight in recipe.networks["discriminator"].parameters()) <= 0.01
    assert max(weight.abs().max() for weight in recipe.networks["generator"].parameters()) > 0.01


@pytest.mark.parametrize("n_critic", [1, 2])
def test_steps_under_autocast_follow_those_in_float32(n_critic):
    exact, rounded = (tiny("mlp", n_critic=n_critic, penalty="gradient_penalty", learning_rate=0.01) for _ in range(2))
    draws, others, start = random(), random(), weights(exact)
    for _ in range(4):
        exact.step(kinds.Images(images_for(exact)), draws)
        with torch.autocast("cpu", torch.bfloat16):
            scalars = rounded.step(kinds.Images(images_for(rounded)), others)
    assert {value.dtype for value in scalars.values()} == {torch.float32}
    a, b = (torch.cat([(w[k] - start[k]).flatten() for k in start]) for w in (weights(exact), weights(rounded)))
    assert F.cosine_similarity(a, b, dim=0) > 0.95


def test_half_precision_copies_of_weights_are_never_older_than_the_weights():
    recipe, agree = tiny("mlp", n_critic=3, learning_rate=0.1), []

    def compare(network, inputs, output):
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            agree.append(torch.equal(network.forward(*inputs), output))

    for network in recipe.networks.values():
        network.register_forward_hook(compare)
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(2):
            recipe.step(kinds.Images(images_for(recipe)), random())
    assert agree == [True] * 2 * (3 * 3 + 1)


def test_samples_are_images_of_an_evaluated_network_which_goes_back_to_training():
    recipe = tiny()
    recipe.step(kinds.Images(images_for(recipe)), random())
    images = recipe.sample(6, random())
    assert images.shape == (6, 1, 8, 8)
    assert images.abs().max() <= 1
    assert not images.requires_grad
    assert torch.equal(recipe.sample(6, random())[:3], recipe.sample(6, random())[:3])
    assert recipe.networks["generator"].training
    alone = recipe.networks["generator"].eval()(recipe.noise(6, random()))
    assert torch.equal(alone, images)  # batch statistics would make it depend on the batch
    assert recipe.networks["generator"].eval() is not recipe.sample(1, random(), generator=alone_generator(recipe))


def alone_generator(recipe):
    return tiny(seed=9).networks["generator"]


def test_no_step_waits_for_the_device(monkeypatch):
    def refuse(*args):
        raise AssertionError("a step read a number from the device")

    recipe = tiny("mlp", loss="relativistic", penalty="gradient_penalty")
    data, draws = images_for(recipe), random()
    for optimizer in recipe.optimizers.values():
        monkeypatch.setattr(optimizer, "step", lambda: None)  # Adam reads its step counter, which stays on the CPU
    for reader in ("item", "__float__", "__int__", "__bool__", "tolist", "numpy"):
        monkeypatch.setattr(torch.Tensor, reader, refuse)
    recipe.step(kinds.Images(data), draws)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: recipes.get("dcgans"), "unknown recipe 'dcgans'; choose one of mlp, dcgan, article-gan, wgan"),
        (lambda: tiny(loss="hinges"), "unknown loss 'hinges'"),
        (lambda: tiny(penalty="r3"), "unknown penalty 'r3'"),
        (lambda: tiny(n_critic=0), "n_critic must be at least 1, not 0"),
        (lambda: tiny(clip=-1.0), "clip must be positive"),
        (lambda: tiny(noise="gaussian"), "unknown noise 'gaussian'; choose one of normal, uniform"),
        (lambda: tiny(penalty="r1", norm="batch"), "batch normalization makes every logit depend.*norm='none'"),
        (lambda: tiny("mlp", norm="batch"), "have no normalization"),
        (
            lambda: recipes.get("dcgan")(recipes.get("dcgan").Config(), image_shape=(1, 28, 28)),
            r"\(1, 28, 28\), but the recipe is configured for \[C, 64, 64\]; resize",
        ),
        (
            lambda: tiny().step(kinds.Images(torch.zeros(4, 3, 8, 8)), random()),
            r"dcgan: batch of shape \(4, 3, 8, 8\) given",
        ),
        (
            lambda: tiny(n_critic=2).step(kinds.Images(torch.zeros(3, 1, 8, 8)), random()),
            r"\[2 \* B, 1, 8, 8\] expected",
        ),
        (lambda: tiny().step(torch.zeros(4, 1, 8, 8), random()), r"is a ganedu.data.kinds.Images\(images\)"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()


def test_compiled_networks_follow_the_trajectory_of_the_plain_ones():
    plain, compiled = (tiny("dcgan", penalty="gradient_penalty", learning_rate=0.01) for _ in range(2))
    for network in compiled.networks.values():
        network.compile(backend="aot_eager")  # traced like any other backend, without a C++ compiler
    for recipe in (plain, compiled):
        draws = random()
        for _ in range(2):
            recipe.step(kinds.Images(images_for(recipe)), draws)
    for (name, got), expected in zip(weights(compiled).items(), weights(plain).values(), strict=True):
        assert torch.allclose(got, expected, rtol=0, atol=1e-5), name

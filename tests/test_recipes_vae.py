"""`ganedu.recipes.vae`: the bound by independent methods, whose weights move, and what is refused."""

import dataclasses

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from ganedu import recipes
from ganedu.data import kinds
from ganedu.networks.mlp import parameter_count
from ganedu.recipes import vae

Vae = recipes.get("vae")
TINY = {"dense": {"size": 8, "latent_dim": 3, "units": 5}, "conv": {"size": 8, "latent_dim": 3, "width": 2}}


def tiny(architecture="conv", *, channels=1, seed=0, **choices):
    config = dataclasses.replace(Vae.Config(), **(TINY.get(architecture, {"size": 8}) | choices))
    config = dataclasses.replace(config, architecture=architecture)
    return Vae(config, image_shape=(channels, config.size, config.size), seed=seed)


def images_for(recipe, n=4):
    return torch.rand(n, *recipe.image_shape, generator=random(1)) * 2 - 1


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def weights(recipe):
    named = ((player, network.named_parameters()) for player, network in recipe.networks.items())
    return {f"{player}.{name}": w.detach().clone() for player, each in named for name, w in each}


def test_the_two_terms_are_those_of_torch():
    mean, log_std, x = torch.randn(3, 4), torch.randn(3, 4), torch.randn(3, 4)
    code = Independent(Normal(mean, log_std.exp()), 1)
    prior = Independent(Normal(torch.zeros(3, 4), torch.ones(3, 4)), 1)
    assert torch.allclose(vae.divergence(mean, log_std), kl_divergence(code, prior), rtol=1e-5)
    expected = Independent(Normal(mean, 0.3 * torch.ones(3, 4)), 1).log_prob(x)
    assert torch.allclose(vae.log_normal(x, mean, torch.tensor(0.3).log()), expected, rtol=1e-5)


def test_the_bound_is_below_the_likelihood_and_close_for_the_true_posterior():
    """x = w z + noise, so that p(x) and p(z | x) are known: with the latter the bound is the likelihood itself."""
    w, s, x = torch.tensor(0.8), torch.tensor(0.5), torch.tensor([[0.3], [-1.2]])
    likelihood = Normal(0.0, (w**2 + s**2).sqrt()).log_prob(x)[:, 0]
    variance = 1 / (1 + w**2 / s**2)
    means = variance * w * x / s**2
    z = means[:, None] + variance.sqrt() * torch.randn(2, 200_000, 1, generator=random())

    inside = torch.stack([vae.log_normal(x[i].expand(200_000, 1), w * z[i], s.log()).mean() for i in range(2)])
    elbo = inside - vae.divergence(means, variance.sqrt().log().expand(2, 1))
    assert torch.allclose(elbo, likelihood, atol=0.01)
    off = torch.stack([vae.log_normal(x[i].expand(200_000, 1), w * (z[i] + 0.5), s.log()).mean() for i in range(2)])
    assert (off - vae.divergence(means + 0.5, variance.sqrt().log().expand(2, 1)) < likelihood - 0.05).all()


@pytest.mark.parametrize("architecture", TINY)
@pytest.mark.parametrize("channels", [1, 3])
def test_one_step_moves_every_weight(architecture, channels):
    recipe = tiny(architecture, channels=channels)
    before = weights(recipe)
    scalars = recipe.step(kinds.Images(images_for(recipe)), random())
    still = {name for name, w in weights(recipe).items() if torch.equal(before[name], w)}
    assert not still
    assert set(scalars) == {"loss", "elbo", "reconstruction", "kl", "std"}
    assert all(value.ndim == 0 and value.isfinite() and not value.requires_grad for value in scalars.values())
    assert scalars["elbo"].item() == pytest.approx((scalars["reconstruction"] - scalars["kl"]).item(), rel=1e-5)


def test_a_step_is_the_algorithm_written_out():
    ours, plain = tiny(learning_rate=0.01), tiny(learning_rate=0.01)
    decoder, encoder, draws, x = plain.networks["generator"], plain.networks["encoder"], random(), images_for(plain)
    for _ in range(3):
        mean, log_std = encoder(x)
        code = Independent(Normal(mean, log_std.exp()), 1)
        z = mean + log_std.exp() * torch.randn(4, 3, generator=draws)
        density = Independent(Normal(decoder(z), decoder.log_std.exp().expand(4, 1, 8, 8)), 3).log_prob(x)
        prior = Independent(Normal(torch.zeros(4, 3), torch.ones(4, 3)), 1)
        loss = (kl_divergence(code, prior) - density).mean() / 64
        for optimizer in plain.optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        for optimizer in plain.optimizers.values():
            optimizer.step()
    draws = random()
    for _ in range(3):
        ours.step(kinds.Images(x), draws)
    for (name, got), expected in zip(weights(ours).items(), weights(plain).values(), strict=True):
        assert torch.allclose(got, expected, rtol=0, atol=1e-4), name


def test_the_bound_rises():
    recipe, x = tiny(learning_rate=3e-3), torch.zeros(16, 1, 8, 8)
    x[::2, :, :4], x[1::2, :, 4:] = -0.8, 0.8
    draws = random()
    bounds = [recipe.step(kinds.Images(x), draws)["elbo"].item() for _ in range(60)]
    assert bounds[-1] > bounds[0] + 10


def test_samples_and_reconstructions_are_images_of_evaluated_networks():
    recipe = tiny()
    assert recipe.sample(6, random()).shape == (6, 1, 8, 8)
    assert torch.equal(recipe.sample(6, random())[:3], recipe.sample(6, random())[:3])
    back = recipe.reconstruct(images_for(recipe))
    assert back.shape == (4, 1, 8, 8) and back.abs().max() <= 1
    assert all(network.training for network in recipe.networks.values())
    assert len(recipe.sheet(None, random(), n=8)) == 8


def test_the_papers_networks_have_one_hidden_layer_of_500():
    recipe = Vae(Vae.Config(), image_shape=(1, 28, 28))
    decoder, encoder = (parameter_count(network) for network in recipe.networks.values())
    assert decoder == 20 * 500 + 500 + 500 * 784 + 784 + 1
    assert encoder == 784 * 500 + 500 + 500 * 40 + 40
    assert (recipe.config.batch_size, recipe.config.latent_dim, recipe.config.kl_weight) == (100, 20, 1.0)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny("transformer"), "unknown architecture 'transformer'; choose one of dense, conv"),
        (lambda: tiny(kl_weight=-1.0), "kl_weight must not be negative"),
        (lambda: tiny(load_size=4), "no window of 8 pixels can be cut from 4"),
        (lambda: Vae(Vae.Config(), image_shape=(1, 8, 8)), r"\(1, 8, 8\), but the recipe is configured for"),
        (lambda: tiny().step(kinds.Images(torch.zeros(2, 3, 8, 8)), random()), r"batch of shape \(2, 3, 8, 8\) given"),
        (lambda: tiny().step(torch.zeros(2, 1, 8, 8), random()), r"kinds.Images\(images\), not a Tensor"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

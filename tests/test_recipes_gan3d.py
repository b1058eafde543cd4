"""`ganedu.recipes.gan3d` and `ganedu.networks.voxels`: sizes of the paper, and a discriminator that waits."""

import dataclasses

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ganedu import recipes
from ganedu.data import kinds, stored
from ganedu.networks import voxels
from ganedu.networks.mlp import parameter_count
from ganedu.training import TrainConfig, checkpoint, resume, train

Gan3d = recipes.get("gan3d")
TINY = {"size": 8, "batch_size": 4, "latent_dim": 5, "width": 4}


def tiny(*, seed=0, **choices):
    config = dataclasses.replace(Gan3d.Config(), **(TINY | choices))
    return Gan3d(config, image_shape=(1, *[config.size] * 3), seed=seed)


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def batch_for(recipe, n=4):
    """Rather full voxels, which a discriminator soon tells from the gray of a new generator."""
    shown = 0.2 + 0.8 * torch.rand(n, *recipe.image_shape, generator=random(1))
    return kinds.Voxels(shown)


def weights(network):
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def test_the_networks_have_the_papers_layers():
    g, d = voxels.Generator(200), voxels.Discriminator()
    shapes = []
    for network in (g, d):
        for layer in network.layers:
            if not list(layer.children()) and hasattr(layer, "kernel_size"):
                layer.register_forward_hook(lambda layer, inputs, output: shapes.append(tuple(output.shape[1:])))
    with torch.no_grad():
        logits = d(g(torch.rand(2, 200)))
    assert logits.shape == (2,)
    up = [(512, 4, 4, 4), (256, 8, 8, 8), (128, 16, 16, 16), (64, 32, 32, 32), (1, 64, 64, 64)]
    down = [(64, 32, 32, 32), (128, 16, 16, 16), (256, 8, 8, 8), (512, 4, 4, 4), (1, 1, 1, 1)]
    assert shapes == up + down
    convolutions = [(200, 512), (512, 256), (256, 128), (128, 64), (64, 1)]
    norms = 2 * (512 + 256 + 128 + 64)
    assert parameter_count(g) == sum(64 * a * b for a, b in convolutions) + norms == 17_569_664
    assert parameter_count(d) == 64 * (64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512)
    assert parameter_count(d) == 11_048_704


def test_defaults_are_those_of_the_paper():
    config = Gan3d.Config()
    assert (config.size, config.batch_size, config.latent_dim, config.width) == (64, 100, 200, 64)
    assert (config.learning_rate, config.learning_rate_d, config.beta1) == (2.5e-3, 1e-5, 0.5)
    assert (config.patience, config.noise, config.loss, config.penalty) == (0.8, "uniform", "non_saturating", "none")


def test_a_step_is_the_algorithm_written_out_with_plain_torch():
    ours, plain = (tiny(learning_rate=0.01, learning_rate_d=0.005, patience=0.3) for _ in range(2))
    g, d = plain.networks["generator"], plain.networks["discriminator"]
    for optimizer in plain.optimizers.values():
        optimizer.param_groups[0]["fused"] = False
    draws, before, waited = random(), 0.0, []
    (shown,) = batch_for(plain)
    for _ in range(8):
        fake = g(torch.rand(len(shown), 5, generator=draws))
        on_real, on_fake = d(shown), d(fake.detach())
        waited.append(before > 0.3)
        if not waited[-1]:
            loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
            plain.optimizers["discriminator"].zero_grad()
            loss.backward()
            plain.optimizers["discriminator"].step()
        before = torch.cat([on_real > 0, on_fake < 0]).float().mean().item()
        plain.optimizers["generator"].zero_grad()
        F.softplus(-d(fake)).mean().backward()
        plain.optimizers["generator"].step()
    draws = random()
    for _ in range(8):
        scalars = ours.step(batch_for(ours), draws)
    assert waited[:3] == [False, False, True]
    assert set(scalars) == {"loss_d", "loss_g", "d_real", "d_fake", "accuracy"}
    assert scalars["accuracy"].item() == pytest.approx(before)
    for player, network in plain.networks.items():
        assert torch.allclose(weights(ours.networks[player]), weights(network), rtol=0, atol=1e-4), player


@pytest.mark.parametrize(("accuracy", "patience", "moves"), [(0.81, 0.8, False), (0.8, 0.8, True), (1.0, 1.0, True)])
def test_the_discriminator_waits_after_a_batch_that_it_judged_too_well(accuracy, patience, moves):
    recipe = tiny(patience=patience)
    draws = random()
    recipe.step(batch_for(recipe), draws)
    recipe.load_extra_state({"accuracy": torch.tensor(accuracy)})
    before = {player: weights(network) for player, network in recipe.networks.items()}
    recipe.step(batch_for(recipe), draws)
    after = {player: weights(network) for player, network in recipe.networks.items()}
    assert torch.equal(before["discriminator"], after["discriminator"]) != moves
    assert not torch.equal(before["generator"], after["generator"])
    counts = {int(entry["step"]) for entry in recipe.optimizers["discriminator"].state.values()}
    assert counts == {1 + moves}
    again = tiny()
    again.load_extra_state(recipe.extra_state())
    assert torch.equal(again.accuracy, recipe.accuracy)


def test_one_step_moves_every_weight():
    recipe = tiny()
    before = {player: [w.detach().clone() for w in n.parameters()] for player, n in recipe.networks.items()}
    recipe.step(batch_for(recipe), random())
    for player, network in recipe.networks.items():
        assert not any(torch.equal(old, new) for old, new in zip(before[player], network.parameters(), strict=True))


def test_no_step_waits_for_the_device(monkeypatch):
    def refuse(*args):
        raise AssertionError("a step read a number from the device")

    recipe, draws = tiny(patience=0.5), random()
    data = batch_for(recipe)
    recipe.step(data, draws)
    flags = []
    for optimizer in recipe.optimizers.values():  # Adam reads its step counter, which stays on the CPU
        monkeypatch.setattr(optimizer, "step", lambda optimizer=optimizer: flags.append(optimizer))
    for reader in ("item", "__float__", "__int__", "__bool__", "tolist", "numpy"):
        monkeypatch.setattr(torch.Tensor, reader, refuse)
    recipe.step(data, draws)
    assert flags[0].found_inf.shape == () and not hasattr(flags[1], "found_inf")


def test_noise_is_uniform_from_zero_or_normal():
    uniform, normal = (tiny(noise=noise).noise(4000, random()) for noise in ("uniform", "normal"))
    assert 0 <= uniform.min() < 0.01 and 0.99 < uniform.max() <= 1
    assert normal.min() < -3 and abs(normal.std().item() - 1) < 0.02


def test_samples_are_the_same_for_the_same_seed_and_are_shown_as_pictures():
    recipe = tiny()
    recipe.step(batch_for(recipe), random())
    solids = recipe.sample(3, random())
    assert solids.shape == (3, 1, 8, 8, 8) and solids.abs().max() <= 1 and not solids.requires_grad
    assert torch.equal(solids, recipe.sample(3, random()))
    assert recipe.sheet(None, random(), n=3).shape == (3, 1, 64, 64)


def test_the_miniature_trains_for_a_step():
    config = Gan3d.Config().small()
    recipe = Gan3d(config, image_shape=(1, 16, 16, 16))
    assert all(value.isfinite() for value in recipe.step(batch_for(recipe), random()).values())


@pytest.mark.parametrize("loss", ["wasserstein", "hinge", "relativistic"])
def test_penalties_on_the_slope_need_no_norm(loss):
    recipe = tiny(loss=loss, penalty="gradient_penalty", norm="none")
    assert recipe.step(batch_for(recipe), random())["penalty"].isfinite()


def test_a_run_interrupted_at_every_step_ends_with_the_same_bits(tmp_path):
    solids = torch.randint(256, (7, 1, 8, 8, 8), generator=random(), dtype=torch.uint8)
    options = {
        "config": TrainConfig(steps=5, log_every=2, sample_every=5, checkpoint_every=2),
        "recipe_config": dataclasses.replace(Gan3d.Config(), **(TINY | {"patience": 0.5, "learning_rate_d": 0.01})),
        "show": False,
    }
    train("gan3d", solids, out=tmp_path / "whole", **options)
    outcome = train("gan3d", solids, out=tmp_path / "pieces", max_minutes=0, **options)
    while not outcome.finished:
        outcome = resume(tmp_path / "pieces", data=solids, max_minutes=0, show=False)
    whole, pieces = (checkpoint.read(tmp_path / name) for name in ("whole", "pieces"))
    assert len(pieces["sessions"]) > 3
    for part in ("recipe", "average"):
        torch.testing.assert_close(pieces[part], whole[part], rtol=0, atol=0)
    assert pieces["processes"][0]["extra"] == whole["processes"][0]["extra"]
    with Image.open(tmp_path / "whole" / "samples" / "step_000005.png") as sheet:
        assert sheet.size == (8 * 66 + 2, 8 * 66 + 2)


def test_the_set_of_solids_is_drawn_at_the_size_of_the_recipe():
    found = stored.load(kinds.Voxels, "solids", "test", size=8)
    assert found.data.voxels.shape == (512, 1, 8, 8, 8) and stored.names(kinds.Voxels) == ("solids",)
    with pytest.raises(ValueError, match="unknown set of voxels 'digits'; there is solids"):
        stored.load(kinds.Voxels, "digits")


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny(size=10), "10 voxels a side do not arise from 4 by doubling; take 8 or 16"),
        (lambda: tiny(patience=-0.1), "patience is an accuracy between 0 and 1, not -0.1"),
        (lambda: tiny(optimizer="rmsprop"), "only Adam can leave a step out; set patience=1 for rmsprop"),
        (lambda: Gan3d(Gan3d.Config(), image_shape=(1, 64, 64)), r"\[C, 64, 64, 64\]; resize"),
        (lambda: Gan3d(Gan3d.Config(), image_shape=(3, 64, 64, 64)), "voxels have one channel"),
        (lambda: voxels.Discriminator(size=8)(torch.zeros(1, 1, 8, 8)), r"\[batch, 1, 8, 8, 8\] expected"),
        (lambda: voxels.Generator(4, size=8)(torch.zeros(1, 5)), r"\[batch, 4\] expected"),
        (lambda: voxels.Discriminator(size=8, norm="layer"), "unknown normalization 'layer'"),
        (lambda: tiny(penalty="r1"), "set norm='none'"),
        (lambda: tiny().step(kinds.Images(torch.zeros(4, 1, 8, 8)), random()), r"gan3d.*Voxels\(voxels\)"),
        (lambda: tiny().step(kinds.Voxels(torch.zeros(4, 1, 4, 4, 4)), random()), r"\[1 \* B, 1, 8, 8, 8\] expected"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

"""The recipes of pairs: counts of the papers, losses by hand, whose weights move, holes, zooms, and exact resuming."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from ganedu import recipes
from ganedu.data import kinds
from ganedu.metrics import features
from ganedu.networks import context, patchgan, unet, zoom
from ganedu.networks.mlp import parameter_count
from ganedu.recipes import srgan
from ganedu.training import TrainConfig, checkpoint, resume, train

TINY = {
    "pix2pix": {"size": 16, "load_size": 0, "width": 4, "halvings": 1},
    "context-encoder": {"size": 16, "width": 4, "bottleneck": 6},
    "srgan": {"size": 8, "width": 4, "blocks": 1, "halvings": 1, "dense": 5},
}
INPUTS = {"pix2pix": (1, 16, 16), "context-encoder": (3, 16, 16), "srgan": (3, 4, 4)}
NAMES = tuple(TINY)


def tiny(name, *, seed=0, **choices):
    kind = recipes.get(name)
    config = dataclasses.replace(kind.Config(), **(TINY[name] | {"batch_size": 4} | choices))
    return kind(config, image_shape=(3, config.size, config.size), input_shape=INPUTS[name], seed=seed)


def batch_for(recipe, n=4):
    draws = random(1)
    shapes = (recipe.input_shape, recipe.image_shape)
    return kinds.Pairs(*(torch.rand(n, *shape, generator=draws) * 2 - 1 for shape in shapes))


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def weights(recipe):
    return {
        f"{player}.{name}": weight.detach().clone()
        for player, network in recipe.networks.items()
        for name, weight in network.named_parameters()
    }


def test_networks_have_the_published_numbers_of_parameters():
    with torch.device("meta"):
        assert parameter_count(unet.Generator(3, 3)) == 54_413_955  # 54.414 M, as the authors' program prints
        assert parameter_count(patchgan.Discriminator(6, affine=True)) == 2_768_705  # 2.769 M
        assert parameter_count(context.Generator(3)) == 71_124_544
        assert parameter_count(zoom.Generator(3)) == 1_547_350


def test_defaults_are_those_of_the_papers():
    pix, hole, zoomed = (recipes.get(name).Config() for name in ("pix2pix", "context-encoder", "srgan"))
    assert (pix.size, pix.load_size, pix.flip, pix.batch_size, pix.dropout) == (256, 286, True, 1, True)
    assert (pix.learning_rate, pix.beta1, pix.distance, pix.restoration, pix.halvings) == (2e-4, 0.5, "l1", 100, 3)
    assert (hole.size, hole.batch_size, hole.learning_rate, hole.learning_rate_d) == (128, 64, 2e-3, 2e-4)
    assert (hole.distance, hole.restoration, hole.adversarial, hole.bottleneck) == ("l2", 0.999, 0.001, 4000)
    assert (zoomed.size, zoomed.batch_size, zoomed.learning_rate, zoomed.beta1) == (96, 16, 1e-4, 0.9)
    assert (zoomed.distance, zoomed.restoration, zoomed.adversarial, zoomed.warmup) == ("l2", 1.0, 1e-3, 0)
    assert (zoomed.blocks, zoomed.halvings, zoomed.dense) == (16, 4, 1024)


def test_the_docstrings_tell_these_numbers():
    assert "54,413,955" in unet.Generator.__doc__
    assert "2,768,705" in patchgan.Discriminator.__doc__
    assert "71,124,544" in context.Generator.__doc__
    assert "1,547,350" in zoom.Generator.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_one_step_moves_every_weight_that_has_a_say(name):
    recipe = tiny(name)
    before = weights(recipe)
    scalars = recipe.step(batch_for(recipe), random())
    after = weights(recipe)
    still = {weight for weight in before if torch.equal(before[weight], after[weight])}
    assert all("bias" in weight for weight in still)  # normalization takes a bias before it away again
    assert set(scalars) == {"loss_d", "loss_g", "d_real", "d_fake", "distance"}
    for value in scalars.values():
        assert value.ndim == 0 and not value.requires_grad and value.isfinite()


@pytest.mark.parametrize("name", NAMES)
def test_without_an_adversarial_weight_no_discriminator_is_trained(name):
    recipe = tiny(name, adversarial=0.0)
    before = weights(recipe)
    scalars = recipe.step(batch_for(recipe), random())
    after = weights(recipe)
    moved = {weight.split(".")[0] for weight in before if not torch.equal(before[weight], after[weight])}
    assert moved == {"generator"}
    assert scalars["loss_g"].item() == pytest.approx(recipe.config.restoration * scalars["distance"].item())


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_the_algorithm_written_out_with_plain_torch(name):
    ours, plain = tiny(name), tiny(name)
    g, d = (plain.networks[player] for player in ("generator", "discriminator"))
    c, draws = plain.config, random()
    x, y = batch_for(plain)
    for _ in range(3):
        noise = plain.draw(x, draws)
        made = g(x) if noise is None else g(x, noise)
        goal = y[:, :, 4:12, 4:12] if name == "context-encoder" else y
        see = (lambda z: torch.cat([x, z], 1)) if name == "pix2pix" else (lambda z: z)
        plain.optimizers["discriminator"].zero_grad()
        (F.softplus(-d(see(goal))).mean() + F.softplus(d(see(made.detach()))).mean()).backward()
        plain.optimizers["discriminator"].step()
        plain.optimizers["generator"].zero_grad()
        error = (F.l1_loss if name == "pix2pix" else F.mse_loss)(made, goal)
        (c.restoration * error + c.adversarial * F.softplus(-d(see(made))).mean()).backward()
        plain.optimizers["generator"].step()
    draws = random()
    for _ in range(3):
        ours.step(kinds.Pairs(x, y), draws)
    for (weight, got), expected in zip(weights(ours).items(), weights(plain).values(), strict=True):
        assert torch.allclose(got, expected, rtol=0, atol=2e-5), weight


@pytest.mark.parametrize("name", NAMES)
def test_each_players_gradients_are_its_own(name):
    recipe = tiny(name)
    x, y = batch_for(recipe)
    goal, made = recipe.wanted(y), recipe.make(x, recipe.draw(x, random()))
    recipe.discriminator_step(x, goal, made.detach())
    assert all(weight.grad is None for weight in recipe.networks["generator"].parameters())
    kept = [weight.grad.clone() for weight in recipe.networks["discriminator"].parameters()]
    recipe.generator_step(x, goal, made)
    for old, weight in zip(kept, recipe.networks["discriminator"].parameters(), strict=True):
        assert torch.equal(old, weight.grad) and weight.requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_a_relativistic_loss_trains_too(name):
    recipe = tiny(name, loss="relativistic")
    assert recipe.step(batch_for(recipe), random())["loss_g"].isfinite()


@pytest.mark.parametrize("name", NAMES)
def test_no_step_waits_for_the_device(name, monkeypatch):
    def refuse(*args):
        raise AssertionError("a step read a number from the device")

    recipe = tiny(name)
    batch, draws = batch_for(recipe), random()
    recipe.step(batch, draws)
    for method in ("item", "tolist", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, method, refuse)
    recipe.step(batch, draws)


@pytest.mark.parametrize("name", NAMES)
def test_translations_are_pictures_of_an_evaluated_network_which_goes_back_to_training(name):
    recipe = tiny(name)
    x, y = batch_for(recipe)
    made = recipe.translate(x)
    assert made.shape == y.shape and made.abs().max() <= 1 and not made.requires_grad
    assert recipe.networks["generator"].training
    assert torch.equal(made, recipe.translate(x))
    others = tiny(name, seed=1)
    assert not torch.equal(made, recipe.translate(x, generator=others.networks["generator"]))


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_has_a_row_of_inputs_one_of_what_is_made_and_one_of_the_truth(name):
    recipe = tiny(name)
    x, y = batch_for(recipe)
    sheet = recipe.sheet(kinds.Pairs(x, y), random())
    assert sheet.shape == (12, *recipe.image_shape)
    assert torch.equal(sheet[4:8], recipe.translate(x))
    assert torch.equal(sheet[8:], y)
    zoomed = y.shape[2] // x.shape[2]
    assert torch.equal(sheet[:4, :1, ::zoomed, ::zoomed], x[:, :1])


def test_the_noise_of_pix2pix_is_dropout_given_from_outside():
    recipe = tiny("pix2pix")
    x, _ = batch_for(recipe)
    noise = recipe.draw(x, random())
    assert set(noise.unique().tolist()) == {0.0, 2.0}
    assert noise.shape == (4, recipe.networks["generator"].noise_size)
    assert noise.mean().item() == pytest.approx(1, abs=0.1)
    calm, one, again, other = (
        recipe.translate(x, random=None if seed is None else random(seed)) for seed in (None, 3, 3, 4)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other) and not torch.equal(one, calm)
    assert tiny("pix2pix", dropout=False).draw(x, random()) is None


def test_a_number_that_is_switched_off_has_no_part_in_the_picture():
    torch.manual_seed(0)
    network = unet.Generator(1, 1, size=16, width=2)
    x, ones = torch.randn(1, 1, 16, 16), torch.ones(1, network.noise_size)
    assert torch.allclose(network(x, ones), network(x))
    reached = torch.autograd.grad(network(x, ones.requires_grad_()).square().sum(), ones)[0]
    assert (reached != 0).double().mean() > 0.4  # those behind a ReLU that sleeps are not felt


def test_a_u_net_takes_the_short_way_for_what_is_near():
    torch.manual_seed(0)
    network = unet.Generator(1, 1, size=16, width=2)
    assert network(torch.randn(2, 1, 32, 16)).shape == (2, 1, 32, 16)
    for part in network.up[:-1].parameters():
        part.data.zero_()
    x = torch.randn(1, 1, 16, 16, requires_grad=True)
    rows = torch.autograd.grad(network(x)[0, 0, 8, 8], x)[0][0, 0].abs().sum(1).nonzero()
    assert 0 < rows.max() - rows.min() < 16


def test_the_context_encoder_changes_the_hole_and_nothing_else():
    recipe = tiny("context-encoder")
    x, y = batch_for(recipe)
    made = recipe.translate(x)
    hole = torch.zeros(16, 16, dtype=torch.bool)
    hole[4:12, 4:12] = True
    assert torch.equal(made[..., ~hole], x[..., ~hole])
    assert not torch.equal(made[..., hole], x[..., hole])
    changed = y.clone()
    changed[..., ~hole] = 0
    losses = [recipe.step(kinds.Pairs(x, each), random())["distance"] for each in (y,)]
    assert losses[0] == tiny("context-encoder").step(kinds.Pairs(x, changed), random())["distance"]


def test_holes_of_four_pixels_are_filled_as_well():
    config = recipes.get("context-encoder").Config().small()
    recipe = recipes.get("context-encoder")(config, image_shape=(1, 8, 8))
    batch = kinds.Pairs(*torch.rand(2, 6, 1, 8, 8))
    assert recipe.step(batch, random())["loss_d"].isfinite()
    assert recipe.translate(batch.inputs).shape == (6, 1, 8, 8)


def test_srgan_enlarges_by_what_the_shapes_say_and_pictures_of_other_sizes_too():
    network = tiny("srgan").networks["generator"].eval()
    assert network(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 8, 8)
    assert network(torch.zeros(1, 3, 5, 7)).shape == (1, 3, 10, 14)
    assert zoom.Generator(1, zoom=4, width=2, blocks=1)(torch.zeros(2, 1, 3, 3)).shape == (2, 1, 12, 12)


def test_the_adversary_of_srgan_enters_after_the_warm_up_also_when_resumed():
    recipe = tiny("srgan", warmup=2)
    batch = batch_for(recipe)
    said = []
    for _ in range(2):
        assert not recipe.settled
        said.append(set(recipe.step(batch, random())))
    other = tiny("srgan", warmup=2)
    other.load_extra_state(recipe.extra_state())
    assert recipe.settled and other.settled
    said.append(set(other.step(batch, random())))
    assert said == [{"loss_g", "distance"}] * 2 + [{"loss_g", "distance", "loss_d", "d_real", "d_fake"}]


def test_srgan_can_compare_what_a_classifier_sees(monkeypatch):
    torch.manual_seed(0)
    classifier = features.FeatureNetwork("some", (3, 8, 8), 4).eval().requires_grad_(False)
    monkeypatch.setattr(srgan.features, "network", lambda name: classifier)
    recipe = tiny("srgan", features_of="some")
    x, y = batch_for(recipe)
    made = recipe.make(x, None)
    maps = [F.relu(z) for z in (made, y)]
    for i in range(0, 12, 4):
        maps = [classifier.body[i : i + 4](z if i else w) for z, w in zip(maps, (made, y), strict=True)]
    expected = F.mse_loss(*maps)
    assert recipe.distance(made, y).item() == pytest.approx(expected.item(), rel=1e-5)
    assert recipe.step(kinds.Pairs(x, y), random())["distance"].item() == pytest.approx(expected.item(), rel=1e-5)
    with pytest.raises(ValueError, match="sees 3 channels, not 1"):
        srgan.feature_maps("some", 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_interrupted_at_every_step_ends_with_the_same_bits(name, tmp_path):
    choices = {"warmup": 2} if name == "srgan" else {}
    x, y = (((each + 1) * 127.5).round().to(torch.uint8) for each in batch_for(tiny(name), n=9))
    options = {
        "config": TrainConfig(steps=4, log_every=2, sample_every=4, checkpoint_every=2),
        "recipe_config": dataclasses.replace(tiny(name).config, **choices),
        "show": False,
    }
    train(name, (x, y), out=tmp_path / "whole", **options)
    outcome = train(name, (x, y), out=tmp_path / "pieces", max_minutes=0, **options)
    while not outcome.finished:
        outcome = resume(tmp_path / "pieces", data=(x, y), max_minutes=0, show=False)
    whole, pieces = (checkpoint.read(tmp_path / run) for run in ("whole", "pieces"))
    assert len(pieces["sessions"]) > 2
    for part in ("recipe", "average"):
        torch.testing.assert_close(pieces[part], whole[part], rtol=0, atol=0)
    assert pieces["processes"][0]["extra"] == whole["processes"][0]["extra"] == ({"steps": 4} if choices else {})


@pytest.mark.parametrize(
    ("name", "choices", "says"),
    [
        ("pix2pix", {"distance": "l3"}, "unknown distance 'l3'"),
        ("pix2pix", {"adversarial": -1.0}, "adversarial must not be negative"),
        ("pix2pix", {"adversarial": 0.0, "restoration": 0.0}, "nothing to learn"),
        ("pix2pix", {"load_size": 12}, "no window of 16 pixels"),
        ("pix2pix", {"halvings": 4}, "at least 48 for 4 halvings"),
        ("pix2pix", {"loss": "l2"}, "unknown"),
        ("context-encoder", {"load_size": 20}, "has its hole elsewhere"),
        ("context-encoder", {"size": 12}, "do not arise"),
        ("srgan", {"warmup": -1}, "warmup must be"),
        ("srgan", {"halvings": 4}, "cannot be halved 4 times"),
        ("srgan", {"size": 12}, "do not arise"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(name, choices, says):
    kind = recipes.get(name)
    config = dataclasses.replace(kind.Config(), **(TINY[name] | choices))
    inputs = (INPUTS[name][0], *[config.size if name != "srgan" else 4] * 2)
    with pytest.raises(ValueError, match=says):
        kind(config, image_shape=(3, config.size, config.size), input_shape=inputs)


def test_shapes_that_do_not_fit_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="from inputs of shape"):
        recipes.get("pix2pix")(tiny("pix2pix").config, image_shape=(3, 16, 16), input_shape=(1, 8, 8))
    with pytest.raises(ValueError, match="no doubling"):
        recipes.get("srgan")(tiny("srgan").config, image_shape=(3, 8, 8), input_shape=(3, 8, 8))
    with pytest.raises(ValueError, match="configured for"):
        recipes.get("pix2pix")(tiny("pix2pix").config, image_shape=(3, 8, 8), input_shape=(1, 8, 8))
    recipe = tiny("pix2pix")
    x, y = batch_for(recipe)
    for batch in (kinds.Pairs(x[:3], y), kinds.Pairs(y, y), kinds.Pairs(x[:0], y[:0])):
        with pytest.raises(ValueError, match=r"pix2pix: inputs \["):
            recipe.step(batch, random())
    network = recipe.networks["generator"]
    with pytest.raises(ValueError, match="multiples of 16"):
        network(torch.zeros(1, 1, 16, 20))
    with pytest.raises(ValueError, match="leave it out for other sides"):
        network(torch.zeros(1, 1, 32, 32), torch.ones(1, network.noise_size))

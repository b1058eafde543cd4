"""`ganedu.recipes.biggan` and its networks: published counts, attention, classes, truncation, the step by hand."""

import copy
import dataclasses

import pytest
import scipy.stats
import torch
from torch import nn
from torch.nn import functional as F

from ganedu import penalties
from ganedu.data import kinds
from ganedu.networks import biggan
from ganedu.networks.attention import SelfAttention
from ganedu.networks.mlp import parameter_count
from ganedu.recipes.biggan import Config, Recipe, truncated_noise
from ganedu.recipes.evaluated import with_standing_statistics
from ganedu.training import TrainConfig, checkpoint, load, resume, train
from ganedu.training.sampling import options_of

TINY = {"size": 16, "width": 2, "latent_dim": 6, "shared": 4, "attention": 8, "batch_size": 4, "n_critic": 1}
CLASSES = ("cat", "dog", "owl")


def tiny(*, device="cpu", seed=0, channels=1, classes=CLASSES, **choices):
    config = dataclasses.replace(Config(), **(TINY | choices))
    return Recipe(config, image_shape=(channels, config.size, config.size), device=device, seed=seed, classes=classes)


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def batch_for(recipe, n=4):
    images = torch.rand(recipe.n_real * n, *recipe.image_shape, generator=random(1)) * 2 - 1
    return kinds.Labeled(images, torch.arange(recipe.n_real * n) % 3)


def weights(recipe):
    networks = recipe.networks.items()
    return {f"{player}.{name}": w.detach().clone() for player, each in networks for name, w in each.named_parameters()}


# --- attention ---


def test_attention_is_the_identity_at_first_and_only_gamma_has_a_gradient():
    layer, x = SelfAttention(16), torch.randn(2, 16, 4, 6, generator=random())
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    moved = {name for name, w in layer.named_parameters() if w.grad.any()}
    assert moved == {"gamma"}


def test_attention_is_the_textbook_formula():
    layer, x = SelfAttention(8, pool=False).double(), torch.randn(2, 8, 3, 3, generator=random(), dtype=torch.float64)
    nn.init.constant_(layer.gamma, 0.7)
    places = x.flatten(2).transpose(1, 2)  # [B, 9, 8]
    query, key, value = (places @ conv.weight.flatten(1).T for conv in (layer.query, layer.key, layer.value))
    attended = F.scaled_dot_product_attention(query, key, value, scale=1.0)
    expected = places + 0.7 * attended @ layer.out.weight.flatten(1).T
    torch.testing.assert_close(layer(x).flatten(2).transpose(1, 2), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(layer.weights(x).sum(2), torch.ones(2, 9, dtype=torch.float64))


def test_pooled_attention_looks_at_a_quarter_of_the_places():
    layer = SelfAttention(16)
    assert layer.weights(torch.randn(2, 16, 4, 6)).shape == (2, 24, 6)
    assert parameter_count(layer) == 5 * 16 * 16 // 4 + 1


@pytest.mark.parametrize("shape", [(2, 8, 4, 4), (2, 16, 3, 4), (16, 4, 4)])
def test_attention_refuses_maps_that_do_not_fit(shape):
    with pytest.raises(ValueError, match=r"\[batch, 16, H, W\] with even H and W expected"):
        SelfAttention(16)(torch.randn(shape))


# --- networks ---


@pytest.mark.parametrize(
    ("size", "latent_dim", "of_g", "of_d"),
    [  # as in the notes of google/compare_gan, except where they differ by what is named here
        (128, 120, 70_433_988, 87_982_370),
        (256, 140, 82_097_604 + (384**2 - 192**2) * 5 // 4, 98_635_298 + 768**2 + 768),  # attention, a shortcut
        (512, 160, 82_468_068, 98_801_378 + 768**2 + 768 + 96**2 + 96),  # two shortcuts
    ],
)
def test_parameter_counts_are_the_published_ones(size, latent_dim, of_g, of_d):
    with torch.device("meta"):
        g = biggan.Generator(latent_dim, 3, 1000, size=size, normalized=False)
        d = biggan.Discriminator(3, 1000, size=size, normalized=False)
    assert (parameter_count(g), parameter_count(d)) == (of_g, of_d)


def test_every_weight_is_normalized_but_the_generators_embedding():
    recipe = tiny()
    for player, network in recipe.networks.items():
        plain = [name for name, w in network.named_parameters() if w.ndim > 1 and "parametrizations" not in name]
        assert plain == (["embedding.weight"] if player == "generator" else [])


def test_conditional_normalization_scales_and_shifts_by_the_condition():
    layer, x, y = biggan.ConditionalBatchNorm(3, 5), torch.randn(6, 3, 4, 4), torch.randn(6, 5)
    normal = F.batch_norm(x, None, None, training=True)
    expected = (1 + y @ layer.gain.weight.T)[:, :, None, None] * normal + (y @ layer.shift.weight.T)[:, :, None, None]
    torch.testing.assert_close(layer(x, y), expected)


def test_the_shortcut_commutes_with_repeating_pixels():
    block, x, y = biggan.UpBlock(4, 2, 3).eval(), torch.randn(2, 4, 4, 4), torch.randn(2, 3)
    torch.testing.assert_close(block.twice(block.shortcut(x)), block.shortcut(block.twice(x)))
    assert block(x, y).shape == (2, 2, 8, 8)


def test_the_discriminator_compares_features_with_the_class():
    d, x = tiny().networks["discriminator"].eval(), torch.randn(2, 1, 16, 16)
    h = d.features(x)
    logits = torch.stack([d(x, torch.full((2,), label)) for label in range(3)], 1)
    torch.testing.assert_close(logits, d.linear(h) + h @ d.embedding.weight.T)


def test_each_part_of_the_noise_and_the_class_reach_the_image():
    g = tiny().networks["generator"].eval()
    z, labels = torch.randn(2, 6, generator=random()), torch.tensor([0, 1])
    for part in range(3):
        other = z.clone()
        other[:, 2 * part : 2 * part + 2] += 1
        assert not torch.allclose(g(other, labels), g(z, labels))
    assert not torch.allclose(g(z, labels), g(z, 1 - labels))


# --- step ---


def test_defaults_are_those_of_the_paper():
    c = Config()
    assert (c.size, c.batch_size, c.latent_dim, c.shared, c.width) == (128, 2048, 120, 128, 96)
    assert (c.learning_rate, c.learning_rate_d, c.beta1, c.beta2, c.n_critic) == (5e-5, 2e-4, 0.0, 0.999, 2)
    assert (c.loss, c.orthogonal, c.attention) == ("hinge", 1e-4, 64)
    small = c.small()
    recipe = Recipe(small, image_shape=(1, small.size, small.size), classes=CLASSES)
    assert all(value.isfinite() for value in recipe.step(batch_for(recipe, 8), random()).values())


@pytest.mark.parametrize("loss", ["hinge", "non_saturating", "relativistic"])
def test_steps_move_every_weight(loss):
    recipe = tiny(loss=loss, learning_rate=1e-2)
    before = weights(recipe)
    for _ in range(2):  # while gamma is 0 the rest of the attention has no gradient
        scalars = recipe.step(batch_for(recipe), random())
    after = weights(recipe)
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still <= {"discriminator.linear.bias"}  # which a relativistic loss cancels
    assert set(scalars) == {"loss_d", "loss_g", "d_real", "d_fake"}
    assert all(value.ndim == 0 and not value.requires_grad and value.isfinite() for value in scalars.values())


def test_the_first_step_leaves_only_the_attention_behind_gamma_alone():
    recipe = tiny(orthogonal=0.0)
    before = weights(recipe)
    recipe.step(batch_for(recipe), random())
    after = weights(recipe)
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still
    assert all(any(f".{part}." in name for part in ("query", "key", "value", "out")) for name in still)


def test_a_step_is_the_algorithm_written_out_with_plain_torch():
    ours, plain = tiny(n_critic=2), tiny(n_critic=2)
    g, d = plain.networks["generator"], plain.networks["discriminator"]
    draws, data = random(), batch_for(plain)
    for x, c in zip(data.images.chunk(2), data.labels.chunk(2), strict=True):
        z = torch.randn(4, 6, generator=draws)
        labels = torch.randint(3, (4,), generator=draws)
        fake = g(z, labels)
        plain.optimizers["discriminator"].zero_grad()
        (F.relu(1 - d(x, c)).mean() + F.relu(1 + d(fake.detach(), labels)).mean()).backward()
        plain.optimizers["discriminator"].step()
    loss = -d(fake, labels).mean()
    for name, w in g.named_parameters():
        if w.ndim > 1 and name != "embedding.weight":
            m = w.flatten(1)
            loss = loss + 1e-4 * ((m @ m.T) * (1 - torch.eye(len(m)))).square().sum()
    plain.optimizers["generator"].zero_grad()
    loss.backward()
    plain.optimizers["generator"].step()
    ours.step(data, random())
    for (name, got), expected in zip(weights(ours).items(), weights(plain).values(), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-6, msg=name)


def test_orthogonality_is_zero_for_orthogonal_rows_of_any_length_and_has_the_true_gradient():
    rows = torch.linalg.qr(torch.randn(5, 5, generator=random(), dtype=torch.float64))[0][:3] * torch.tensor(
        [[1.0], [2], [3]]
    )
    assert penalties.orthogonality(rows) < 1e-20
    w = torch.randn(4, 2, 3, generator=random(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(penalties.orthogonality, w)


def test_no_step_waits_for_the_device(monkeypatch):
    def refuse(*args):
        raise AssertionError("a step read a number from the device")

    recipe = tiny()
    data, draws = batch_for(recipe), random()
    for optimizer in recipe.optimizers.values():
        monkeypatch.setattr(optimizer, "step", lambda: None)  # Adam reads its step counter, which stays on the CPU
    for reader in ("item", "__float__", "__int__", "__bool__", "tolist", "numpy"):
        monkeypatch.setattr(torch.Tensor, reader, refuse)
    recipe.step(data, draws)


# --- samples ---


def test_samples_are_reproducible_images_of_the_asked_classes():
    recipe = tiny()
    labels = torch.tensor([2, 0, 1, 2])
    images = recipe.sample(4, random(), labels=labels)
    assert images.shape == (4, 1, 16, 16)
    assert images.abs().max() <= 1
    assert not images.requires_grad
    assert torch.equal(images, recipe.sample(4, random(), labels=labels))
    assert torch.equal(recipe.sample(4, random(), labels=torch.tensor([2, 1, 1, 2]))[[0, 2, 3]], images[[0, 2, 3]])
    assert not torch.equal(recipe.sample(4, random(), labels=torch.tensor([2, 1, 1, 2]))[1], images[1])
    assert recipe.networks["generator"].training
    average = copy.deepcopy(recipe.networks["generator"])
    assert torch.equal(recipe.sample(4, random(), generator=average, labels=labels), images)
    assert recipe.sample(5, random()).shape == (5, 1, 16, 16)


def test_a_sheet_shows_one_class_a_row_from_the_same_latents():
    recipe = tiny()
    sheet = recipe.sheet(None, random(), n=24)
    assert sheet.shape == (24, 1, 16, 16)
    z = recipe.noise(8, random())
    second_row = recipe.networks["generator"].eval()(z, torch.ones(8, dtype=torch.int64))
    torch.testing.assert_close(sheet[8:16], second_row.detach())
    assert len(recipe.sheet(None, random(), n=64)) == 64
    assert len(tiny(classes=tuple("0123456789")).sheet(None, random(), n=64)) == 80


def test_truncated_noise_has_the_law_of_what_is_left():
    z = truncated_noise(500, 8, 1.2, random(), device="cpu").double().flatten()
    assert z.abs().max() <= 1.2
    assert scipy.stats.kstest(z.numpy(), scipy.stats.truncnorm(-1.2, 1.2).cdf).pvalue > 0.01
    assert not truncated_noise(3, 8, 0.0, random(), device="cpu").any()
    wide = truncated_noise(500, 8, 100.0, random(), device="cpu").double().flatten()
    assert scipy.stats.kstest(wide.numpy(), "norm").pvalue > 0.01
    recipe = tiny()
    cut = {"truncation": 0.0, "standing": False, "labels": torch.zeros(3, dtype=torch.int64)}
    assert torch.equal(*(recipe.sample(3, random(seed), **cut) for seed in (1, 2)))


def test_truncated_samples_take_the_statistics_of_truncated_batches_and_leave_the_network_as_it_was():
    recipe = tiny()
    generator = recipe.networks["generator"].train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    seen, labels = [], torch.zeros(3, dtype=torch.int64)

    def look(norm, inputs, output):
        seen.append((norm.training, inputs[0].mean((0, 2, 3)), inputs[0].shape[0]))

    generator.image[0].register_forward_hook(look)  # the last batch norm; copies carry the hook along
    taken = recipe.sample(3, random(), truncation=0.3, labels=labels)
    assert [(training, size) for training, _, size in seen] == [(True, 64)] * 16 + [(False, 3)]
    assert generator.training
    torch.testing.assert_close(dict(generator.state_dict()), before, rtol=0, atol=0)
    kept = recipe.sample(3, random(), truncation=0.3, labels=labels, standing=False)
    assert len(seen) == 18 and not torch.allclose(taken, kept)
    torch.testing.assert_close(recipe.sample(3, random(), truncation=0.3, labels=labels), taken, rtol=0, atol=0)


def test_standing_statistics_are_means_over_the_batches_in_double_precision():
    network = torch.nn.Sequential(torch.nn.BatchNorm1d(2, momentum=0.3), torch.nn.Dropout(0.5)).double().train()
    batches = [(torch.randn(5, 2, generator=random(seed), dtype=torch.float64),) for seed in range(3)]
    standing = with_standing_statistics(network, iter(batches))
    torch.testing.assert_close(standing[0].running_mean, torch.stack([batch.mean(0) for (batch,) in batches]).mean(0))
    torch.testing.assert_close(standing[0].running_var, torch.stack([batch.var(0) for (batch,) in batches]).mean(0))
    assert standing[0].momentum == 0.3 and not standing.training and network.training
    assert not network[0].running_mean.any()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny(classes=()), "biggan needs images with classes, and is given none"),
        (lambda: tiny(penalty="r1"), "set penalty='none', not 'r1'"),
        (lambda: tiny(orthogonal=-1.0), "orthogonal must not be negative, but is -1"),
        (lambda: tiny(latent_dim=7), "latent_dim 7 does not divide into 3 parts.*a multiple of 3"),
        (lambda: tiny(size=20), "no BigGAN has images of 20 x 20 pixels; choose one of 16, 32, 64, 128, 256, 512"),
        (lambda: tiny(attention=16), "no maps of 16 x 16 pixels to attend to; choose one of 0, 8"),
        (lambda: tiny().sample(2, random(), truncation=-0.5), "truncated to .* t >= 0, not -0.5"),
        (lambda: tiny().sample(2, random(), labels=torch.tensor([0, 3])), r"0 to 2, not \[0, 3\]"),
        (
            lambda: tiny().sample(2, random(), labels=torch.tensor([0])),
            "2 whole numbers expected as labels of 2 images",
        ),
        (
            lambda: tiny().step(kinds.Labeled(torch.zeros(4, 3, 16, 16), torch.zeros(4)), random()),
            "biggan: batch of shape",
        ),
        (
            lambda: tiny().step(kinds.Labeled(torch.zeros(4, 1, 16, 16), torch.zeros(3, dtype=torch.int64)), random()),
            r"\[1 \* B, 1, 16, 16\] expected",
        ),
        (
            lambda: tiny().step(
                kinds.Labeled(torch.zeros(4, 1, 16, 16), torch.full((4,), -1, dtype=torch.int64)), random()
            ),
            "labels from -1 to -1 given, but the classes are numbered 0 to 2",
        ),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()


def test_a_run_on_labeled_images_resumes_with_the_same_bits_and_samples_classes(tmp_path):
    images = torch.randint(256, (11, 1, 16, 16), generator=random(3), dtype=torch.uint8)
    labeled = kinds.Labeled(images, torch.arange(11) % 3)
    options = {
        "config": TrainConfig(steps=4, log_every=2, sample_every=4, checkpoint_every=1),
        "recipe_config": dataclasses.replace(Config(), **TINY),
        "show": False,
    }
    train("biggan", labeled, out=tmp_path / "whole", **options)
    outcome = train("biggan", labeled, out=tmp_path / "pieces", max_minutes=0, **options)
    while not outcome.finished:
        outcome = resume(tmp_path / "pieces", data=labeled, max_minutes=0, show=False)
    whole, pieces = (checkpoint.read(tmp_path / name) for name in ("whole", "pieces"))
    for part in ("recipe", "average"):
        torch.testing.assert_close(pieces[part], whole[part], rtol=0, atol=0)
    recipe = load(tmp_path / "pieces")
    assert recipe.classes == ("0", "1", "2")
    asked = options_of(recipe, 4, classes="2,0", truncation=0.5)
    assert recipe.sample(4, random(), **asked).shape == (4, 1, 16, 16)
    assert (tmp_path / "whole" / "samples" / "step_000004.png").is_file()

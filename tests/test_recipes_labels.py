"""`ganedu.recipes.cgan` and `sgan`: who is told the class, which losses, whose weights move, and what is refused."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from ganedu import recipes
from ganedu.data import few_labels, kinds
from ganedu.networks import conditional
from ganedu.networks.mlp import parameter_count
from ganedu.recipes import sgan
from ganedu.training import TrainConfig, resume, train

SMALL = {"size": 8, "latent_dim": 5, "width": 2}
CASES = {
    "cgan": (recipes.get("cgan").Config(), SMALL | {"kernel": 4}),
    "cgan/mismatched": (recipes.get("cgan").Config(), SMALL | {"kernel": 4, "mismatched": 0.25}),
    "cgan/projection": (recipes.get("cgan").Config().projection(), SMALL | {"n_critic": 2}),
    "sgan": (recipes.get("sgan").Config(), SMALL | {"width_g": 2}),
    "sgan/adversarial": (recipes.get("sgan").Config(), SMALL | {"width_g": 2, "objective": "adversarial"}),
}
CLASSES = ("cat", "dog", "owl")


def tiny(name, *, seed=0, classes=CLASSES, channels=1, **choices):
    config, options = CASES[name]
    config = dataclasses.replace(config, **(options | choices))
    kind = recipes.get(name.partition("/")[0])
    return kind(config, image_shape=(channels, config.size, config.size), classes=classes, seed=seed)


def batch_for(recipe, n=4, unknown=0):
    random = torch.Generator().manual_seed(1)
    images = torch.rand(recipe.n_real * n, *recipe.image_shape, generator=random) * 2 - 1
    labels = torch.randint(len(recipe.classes), (len(images),), generator=random)
    labels[:unknown] = -1
    return kinds.Labeled(images, labels)


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def weights(recipe):
    named = ((player, network.named_parameters()) for player, network in recipe.networks.items())
    return {f"{player}.{name}": w.detach().clone() for player, each in named for name, w in each}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("channels", [1, 3])
def test_one_step_moves_every_weight(name, channels):
    recipe = tiny(name, channels=channels, classes=("a", "b"))
    before = weights(recipe)
    for seed in range(3):
        scalars = recipe.step(batch_for(recipe, n=8), random(seed))
    after = weights(recipe)
    still = {key for key in before if torch.equal(before[key], after[key])}
    # the hinge cancels the constant of D; features do not feel the head
    assert still <= {"discriminator.psi.bias"}
    extra = {"supervised"} if name.startswith("sgan") else set()
    assert set(scalars) == {"loss_d", "loss_g", "d_real", "d_fake"} | extra
    for value in scalars.values():
        assert value.ndim == 0 and not value.requires_grad and value.isfinite()


@pytest.mark.parametrize("name", CASES)
def test_each_players_gradients_are_its_own(name):
    recipe = tiny(name, n_critic=1)
    moved = {}
    for player, optimizer in recipe.optimizers.items():
        steps = moved.setdefault(player, [])

        def step(*, player=player, steps=steps):
            other = next(each for each in recipe.networks if each != player)
            steps.append([w.requires_grad for w in recipe.networks[other].parameters()])

        optimizer.step = step
    recipe.step(batch_for(recipe), random())
    assert moved["generator"] == [[False] * len(list(recipe.networks["discriminator"].parameters()))]
    assert all(w.requires_grad for w in recipe.networks["discriminator"].parameters())


@pytest.mark.parametrize("s", [0.0, 0.25])
def test_a_conditional_step_is_the_algorithm_written_out(s):
    ours, plain = (tiny("cgan", learning_rate=0.01, noise="normal", mismatched=s) for _ in range(2))
    g, d, draws = plain.networks["generator"], plain.networks["discriminator"], random()
    x, y = batch_for(plain)
    for _ in range(3):
        order = torch.randint(3, (4,), generator=draws)
        fake = g(torch.randn(4, 5, generator=draws), order)
        loss = F.softplus(-d(x, y)).mean() + (1 - s) * F.softplus(d(fake.detach(), order)).mean()
        if s:
            wrong = (y + torch.randint(1, 3, (4,), generator=draws)) % 3
            loss = loss + s * F.softplus(d(x, wrong)).mean()
        plain.optimizers["discriminator"].zero_grad()
        loss.backward()
        plain.optimizers["discriminator"].step()
        plain.optimizers["generator"].zero_grad()
        F.softplus(-d(fake, order)).mean().backward()
        plain.optimizers["generator"].step()
    draws = random()
    for _ in range(3):
        ours.step(kinds.Labeled(x, y), draws)
    for (name, got), expected in zip(weights(ours).items(), weights(plain).values(), strict=True):
        assert torch.allclose(got, expected, rtol=0, atol=1e-4), name


def test_wrong_classes_are_wrong_and_equally_frequent():
    recipe = tiny("cgan/mismatched")
    real = kinds.Labeled(torch.zeros(6000, 1, 8, 8), torch.arange(6000) % 3)
    wrong = recipe.draw(real, random())
    assert not (wrong == real.labels).any()
    assert all(abs((wrong == k).double().mean() - 1 / 3) < 0.03 for k in range(3))
    assert tiny("cgan").draw(real, random()) is None


@pytest.mark.parametrize("name", ["cgan", "cgan/projection"])
def test_where_a_class_is_not_known_the_discriminator_is_not_told_that_of_the_fake(name):
    recipe = tiny(name, n_critic=1)
    batch = batch_for(recipe, unknown=2)
    seen = []
    recipe.networks["discriminator"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    recipe.step(batch, random())
    assert len(seen) == 3
    for labels in seen:
        assert labels[:2].tolist() == [-1, -1] and (labels[2:] >= 0).all()


def test_a_sheet_has_rows_of_one_class_and_all_classes_in_turn():
    recipe, seen = tiny("cgan"), []
    recipe.networks["generator"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    assert len(recipe.sheet(None, random(), n=64)) == 64
    assert torch.equal(torch.cat(seen), (torch.arange(8) % 3).repeat_interleave(8))


@pytest.mark.parametrize("name", ["cgan", "cgan/projection"])
def test_samples_are_of_the_classes_that_are_asked_for_and_the_same_for_the_same_seed(name):
    recipe = tiny(name)
    zeros, ones = (recipe.sample(6, random(), labels=torch.full((6,), k)) for k in (0, 1))
    assert zeros.shape == (6, 1, 8, 8) and zeros.abs().max() <= 1
    assert torch.equal(zeros, recipe.sample(6, random(), labels=torch.zeros(6, dtype=torch.int64)))
    assert not torch.allclose(zeros, ones)
    assert recipe.networks["generator"].training
    assert torch.equal(recipe.sample(6, random()), recipe.sample(6, random()))
    assert torch.equal(recipe.sample(6, random(), generator=tiny(name, seed=0).networks["generator"]),
                       recipe.sample(6, random()))  # fmt: skip


def test_a_sheet_has_one_class_a_row():
    recipe, seen = tiny("cgan"), []
    recipe.networks["generator"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    assert len(recipe.sheet(None, random())) == 64
    assert seen[0].tolist() == [k for row in range(8) for k in [row % 3] * 8]
    many = tiny("cgan", classes=tuple(map(str, range(12))))
    assert len(many.sheet(None, random())) == 96


def test_labels_become_rows_with_a_one_and_the_unknown_a_row_of_zeros():
    labels = torch.tensor([2, -1, 0])
    assert conditional.one_hot(labels, 3).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    with pytest.raises(ValueError, match=r"int64 \[batch\] expected"):
        conditional.one_hot(labels.float(), 3)


def test_conditional_batch_norm_is_batch_norm_with_rows_for_gains_and_biases():
    norm = conditional.ConditionalBatchNorm2d(4, 3).double()
    x, labels = torch.randn(6, 4, 2, 2, dtype=torch.float64), torch.tensor([0, 1, 2, 2, 1, 0])
    plain = F.batch_norm(x, None, None, training=True)
    expected = torch.stack([plain[i] * norm.gain[k, :, None, None] + norm.bias[k, :, None, None]
                            for i, k in enumerate(labels)])  # fmt: skip
    assert torch.allclose(norm(x, labels), expected, atol=1e-12)


def test_the_projection_is_a_product_of_features_and_the_vector_of_the_class():
    judge = conditional.ProjectionDiscriminator(1, 3, size=8, width=2, normalized=False).double()
    x, labels = torch.randn(4, 1, 8, 8, dtype=torch.float64), torch.tensor([0, 2, -1, 1])
    phi = judge.features(x)
    products = torch.stack([phi[i] @ judge.vectors.weight[k] if k >= 0 else phi.new_zeros(())
                            for i, k in enumerate(labels)])  # fmt: skip
    assert torch.allclose(judge(x, labels), judge.psi(phi)[:, 0] + products, atol=1e-12)


def test_the_class_adds_inputs_to_the_first_layers_and_nothing_else():
    plain = recipes.get("dcgan")(recipes.get("dcgan").Config(), image_shape=(3, 64, 64))
    told = recipes.get("cgan")(recipes.get("cgan").Config(), image_shape=(3, 64, 64), classes=tuple("0123456789"))
    more = [parameter_count(told.networks[k]) - parameter_count(plain.networks[k]) for k in plain.networks]
    assert more == [10 * 1024 * 16, 10 * 128 * 25]


def test_real_and_fake_share_one_softmax_with_the_classes():
    logits = torch.randn(7, 4, dtype=torch.float64) * 3
    chances = torch.cat([logits, torch.zeros(7, 1, dtype=torch.float64)], 1).softmax(1)
    assert torch.allclose(sgan.real_logit(logits).sigmoid(), 1 - chances[:, -1], atol=1e-14)
    labels = torch.tensor([0, -1, 3, -1, 2, 1, -1])
    known = labels >= 0
    expected = F.cross_entropy(logits[known], labels[known])
    assert torch.allclose(sgan.known_cross_entropy(logits, labels), expected, atol=1e-14)
    assert sgan.known_cross_entropy(logits, torch.full((7,), -1)).item() == 0


def test_the_semi_supervised_loss_is_that_of_the_paper():
    recipe = tiny("sgan", unlabeled_weight=0.7)
    real, fake = batch_for(recipe, n=6, unknown=3), batch_for(recipe, n=5).images
    loss, scalars = recipe.discriminator_loss(real, fake)
    judge = recipe.networks["discriminator"]
    z_real, z_fake = judge(real.images)[:3].logsumexp(1), judge(fake).logsumexp(1)
    supervised = F.cross_entropy(judge(real.images)[3:], real.labels[3:])
    unsupervised = (F.softplus(-z_real).mean() + F.softplus(z_fake).mean()) / 2
    assert loss.item() == pytest.approx((supervised + 0.7 * unsupervised).item(), rel=1e-5)
    assert scalars["supervised"].item() == pytest.approx(supervised.item(), rel=1e-5)
    gap = judge.features(real.images)[:3].mean(0) - judge.features(fake).mean(0)
    assert recipe.generator_loss(real, fake).item() == pytest.approx(gap.square().sum().item(), rel=1e-4)
    other = tiny("sgan/adversarial").generator_loss(real, fake).item()
    assert other == pytest.approx(F.softplus(-z_fake).mean().item(), rel=1e-5)


def test_with_all_labels_known_all_images_are_real():
    assert torch.allclose(sgan.without_label(torch.tensor([0, 1, 2, 0])), torch.full((4,), 0.25))
    assert sgan.without_label(torch.tensor([0, -1, 2, -1])).tolist() == [0, 0.5, 0, 0.5]


def test_classification_learns_and_leaves_the_mode_alone():
    recipe = tiny("sgan", width=8, learning_rate=3e-3)
    images = torch.rand(60, 1, 8, 8, generator=random()) * 0.2
    labels = torch.arange(60) % 3
    images[labels == 1, :, :4] -= 1
    images[labels == 2, :, 4:] -= 1
    for seed in range(40):
        recipe.step(kinds.Labeled(images, labels), random(seed))
    assert (recipe.classify(images) == labels).double().mean() > 0.9
    assert recipe.networks["discriminator"].training


def test_labels_are_kept_evenly_the_same_everywhere_and_more_contain_fewer():
    labels = torch.arange(30) % 3
    few, more = few_labels.keep(labels, 2), few_labels.keep(labels, 4)
    for kept, n in ((few, 2), (more, 4)):
        assert [(kept == k).sum().item() for k in range(3)] == [n] * 3
        assert torch.equal(kept[kept >= 0], labels[kept >= 0])
    assert (more[few >= 0] >= 0).all()
    assert torch.equal(few, few_labels.keep(labels, 2))
    assert torch.equal(few_labels.keep(labels, 0), labels)


@pytest.mark.parametrize("paths", [False, True])
def test_half_of_what_a_semi_supervised_recipe_is_shown_has_a_label(paths):
    labels = torch.arange(30) % 3
    images = list(range(30)) if paths else torch.arange(30, dtype=torch.uint8)[:, None, None, None]
    stored = kinds.Labeled(images, labels)
    shown = sgan.Recipe.prepare(stored, dataclasses.replace(sgan.Config(), labels_per_class=2))
    numbers = torch.tensor([int(i) for i in shown.images])
    assert torch.equal(numbers[:30], torch.arange(30)) and (shown.labels[:30] == -1).all()
    assert len(numbers[30:].unique()) == 6 and torch.equal(shown.labels[30:], numbers[30:] % 3)
    assert sgan.Recipe.prepare(stored, sgan.Config()) is stored


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny("cgan", conditioning="sum"), "unknown conditioning 'sum'; choose one of concat, projection"),
        (lambda: tiny("cgan", norm="spectral"), "conditioning='concat' has no normalization 'spectral'"),
        (lambda: tiny("cgan", norm="none", penalty="gradient_penalty"), "the class of a mixture of two images"),
        (lambda: tiny("cgan/projection", bias=True), "have no choice of biases; set bias=false"),
        (lambda: tiny("cgan", mismatched=1.0), "mismatched is a share of the fakes, from 0 to below 1, not 1.0"),
        (lambda: tiny("cgan/mismatched", classes=("one",)), "no class is wrong; set mismatched=0"),
        (lambda: tiny("cgan", classes=()), "the data have no classes"),
        (lambda: tiny("cgan").sample(2, random(), labels=torch.tensor([0, 3])), "from 0 to 3 given; the classes are 0"),
        (lambda: tiny("cgan").sample(2, random(), labels=torch.tensor([-1, 1])), "cat, dog, owl"),
        (lambda: tiny("cgan").sample(3, random(), labels=torch.tensor([0, 1])), r"int64 \[3\] expected"),
        (lambda: tiny("cgan").step(kinds.Images(torch.zeros(4, 1, 8, 8)), random()), r"kinds.Labeled\(images, labels"),
        (lambda: tiny("sgan", objective="matching"), "unknown objective 'matching'"),
        (lambda: tiny("sgan", n_critic=2), "no other n_critic than 1, but n_critic=2"),
        (lambda: tiny("sgan", unlabeled_weight=-1.0), "unlabeled_weight must not be negative"),
        (lambda: tiny("sgan", classes=("one",)), "nothing to tell apart"),
        (lambda: few_labels.keep(torch.arange(6) % 3, 3), "class 0 has 2 labels, of which 3 cannot be kept"),
        (lambda: few_labels.keep(torch.arange(6) % 3, -1), "number of labels, or 0 for all, not -1"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()


@pytest.mark.parametrize("name", ["cgan", "sgan"])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(name, tmp_path):
    kind = recipes.get(name)
    config = dataclasses.replace(kind.Config().small(), size=8, latent_dim=4, width=2, batch_size=8)
    options = {"recipe_config": config, "data": "digits"}
    train(name, out=tmp_path / "whole", config=TrainConfig(steps=4), **options)
    train(name, out=tmp_path / "parts", config=TrainConfig(steps=2), **options)
    resume(tmp_path / "parts", steps=4)
    whole, parts = ((tmp_path / run / "generator.safetensors").read_bytes() for run in ("whole", "parts"))
    assert whole == parts

"""`stackgan` and `attngan`: losses by hand, whose weights move, captions in and out, what is remembered."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganedu import recipes
from ganedu.data import captions, kinds, stored
from ganedu.training import TrainConfig, checkpoint, resume, train

NAMES = ("stackgan", "attngan")
WORDS = captions.WORDS
TINY = {"size": 16, "first": 8, "batch_size": 4, "width": 2, "width_d": 2, "latent_dim": 3, "sentence": 4, "code": 2}


def tiny(name, *, seed=0, **choices):
    kind = recipes.get(name)
    more = {"halvings": 1} if name == "stackgan" else {"width_m": 2}
    config = dataclasses.replace(kind.Config(), **(TINY | {"blocks": 1, "longest": 9, "remember": 16} | more | choices))
    return kind(config, image_shape=(3, config.size, config.size), words=WORDS, seed=seed)


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def batch_of(n=4, size=16):
    texts = ["a small red disc at the top left", "a large blue square in the center", "a large red disc at the top"]
    tokens, lengths = captions.encode_all([texts[i % 3] for i in range(n)], WORDS)
    return kinds.Described(torch.rand(n, 3, size, size, generator=random(1)) * 2 - 1, tokens, lengths)


def weights(recipe):
    return {f"{p}.{n}": w.detach().clone() for p, net in recipe.networks.items() for n, w in net.named_parameters()}


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_the_papers_and_the_contract_is_kept(name):
    kind = recipes.get(name)
    config = kind.Config()
    assert kind.Batch is kinds.Described and kind.name == name
    assert (config.batch_size, config.code, config.first) == {"stackgan": (64, 128, 64), "attngan": (20, 100, 64)}[name]
    assert (config.learning_rate, config.beta1, config.latent_dim) == (2e-4, 0.5, 100)
    assert (config.size, config.blocks, config.kl_weight, config.matching) == (
        {"stackgan": (256, 4, 1.0, True), "attngan": (128, 2, 1.0, True)}[name])  # fmt: skip
    assert (config.width, config.width_d, config.sentence, config.alone) == (
        {"stackgan": (96, 96, 1024, False), "attngan": (32, 64, 256, True)}[name])  # fmt: skip
    if name == "attngan":
        assert (config.match_weight, config.width_m) == (5.0, 64)
    small = config.small()
    recipe = kind(small, image_shape=(3, small.size, small.size), words=WORDS)
    assert all(value.isfinite() for value in recipe.step(batch_of(size=32), random()).values())


def test_a_step_of_stackgan_is_the_algorithm_written_out():
    ours, plain = (tiny("stackgan", learning_rate=0.01, norm="none", kl_weight=0.3) for _ in range(2))
    G, judges = plain.networks["generator"], plain.networks["discriminator"]
    images, tokens, lengths = batch_of()
    real = [F.avg_pool2d(images, 2), images]
    mine, theirs = random(), random()
    for _ in range(3):
        drawn = G(torch.randn(4, G.noise_dim, generator=theirs), tokens, lengths)
        loss = 0
        for D, x, fake in zip(judges, real, drawn.images, strict=True):
            right, fooled = D(x, tokens, lengths), D(fake.detach(), tokens, lengths)
            wrong = D(x, tokens.roll(1, 0), lengths.roll(1, 0))
            loss += F.softplus(-right).mean() + (F.softplus(fooled).mean() + F.softplus(wrong).mean()) / 2
        plain.optimizers["discriminator"].zero_grad()
        loss.backward()
        plain.optimizers["discriminator"].step()
        kl = (drawn.mu**2 + drawn.log_variance.exp() - 1 - drawn.log_variance).sum(1).mean() / 2
        loss_g = 0.3 * kl
        for D, fake in zip(judges, drawn.images, strict=True):
            loss_g = loss_g + F.softplus(-D(fake, tokens, lengths)).mean()
        plain.optimizers["generator"].zero_grad()
        loss_g.backward()
        plain.optimizers["generator"].step()
        scalars = ours.step(batch_of(), mine)
        assert scalars["loss_d"].item() == pytest.approx(loss.item(), rel=1e-4)
        assert scalars["loss_g"].item() == pytest.approx(loss_g.item(), rel=1e-4)
        assert scalars["kl"].item() == pytest.approx(kl.item(), rel=1e-4)
    for ours_, theirs_ in zip(weights(ours).values(), weights(plain).values(), strict=True):
        torch.testing.assert_close(ours_, theirs_, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_one_step_moves_every_weight_that_has_a_say(name):
    recipe = tiny(name, width=4, width_d=4)
    before = weights(recipe)
    scalars = recipe.step(batch_of(), random())
    after = weights(recipe)
    still = {each for each in before if torch.equal(before[each], after[each])}
    assert not {each for each in still if "bias" not in each}
    for value in scalars.values():
        assert value.ndim == 0 and not value.requires_grad and value.isfinite()
    assert {"loss_d", "loss_g", "d_real", "d_fake", "d_wrong", "kl"} <= set(scalars)
    assert ({"match", "match_fake"} <= set(scalars)) == (name == "attngan")


@pytest.mark.parametrize("name", NAMES)
def test_each_player_moves_its_own_weights(name):
    recipe, batch = tiny(name), batch_of()
    images, tokens, lengths = batch
    drawn = recipe.networks["generator"](recipe.noise(4, random()), tokens, lengths)
    steps = {
        "discriminator": lambda: recipe.discriminator_step(images, [i.detach() for i in drawn.images], tokens, lengths),
        "generator": lambda: recipe.generator_step(images, drawn, tokens, lengths),
    }
    if name == "attngan":
        steps["matcher"] = lambda: recipe.matcher_step(*batch)
    for player, step in steps.items():
        before = weights(recipe)
        step()
        after = weights(recipe)
        moved = {each.split(".")[0] for each in after if not torch.equal(before[each], after[each])}
        assert moved == {player}
        assert all(weight.requires_grad for network in recipe.networks.values() for weight in network.parameters())


def test_without_matching_no_wrong_pair_is_seen():
    scalars = tiny("stackgan", matching=False).step(batch_of(), random())
    assert "d_wrong" not in scalars


@pytest.mark.parametrize("name", NAMES)
def test_samples_follow_their_seed_and_their_captions(name):
    recipe = tiny(name)
    for _ in range(2):
        recipe.step(batch_of(), random())
    assert torch.equal(recipe.sample(5, random()), recipe.sample(5, random()))
    tokens, lengths = recipe.encode(["a small red disc at the top left", "a large blue square"])
    images = recipe.sample(2, random(), tokens=tokens, lengths=lengths)
    assert images.shape == (2, 3, 16, 16) and images.abs().max() <= 1 and not images.requires_grad
    swapped = captions.swap(tokens, "red", "blue", WORDS)
    others = recipe.sample(2, random(), tokens=swapped, lengths=lengths)
    assert not torch.equal(images[0], others[0]) and torch.equal(images[1], others[1])
    assert recipe.networks["generator"].training
    assert recipe.sheet(batch_of(8), random(), n=64).shape == (64, 3, 16, 16)


@pytest.mark.parametrize("name", NAMES)
def test_the_captions_that_samples_are_drawn_from_travel_with_the_generator(name):
    recipe, other = tiny(name), tiny(name, seed=5)
    recipe.step(batch_of(), random())
    other.networks["generator"].load_state_dict(recipe.networks["generator"].state_dict())
    assert torch.equal(other.sample(6, random()), recipe.sample(6, random()))
    seen = recipe.networks["generator"].captions
    assert int(seen.seen) == 4 and torch.equal(seen.tokens[:4, :8], batch_of().tokens)


@pytest.mark.parametrize("name", NAMES)
def test_no_step_waits_for_the_device(name, monkeypatch):
    def refuse(*args):
        raise AssertionError("a step read a number from the device")

    recipe, draws, batch = tiny(name), random(), batch_of()
    recipe.step(batch, draws)
    for optimizer in recipe.optimizers.values():
        monkeypatch.setattr(optimizer, "step", lambda: None)  # Adam reads its step counter, which stays on the CPU
    for reader in ("item", "__float__", "__int__", "__bool__", "tolist", "numpy"):
        monkeypatch.setattr(torch.Tensor, reader, refuse)
    recipe.step(batch, draws)


def test_the_matcher_learns_nothing_from_fakes_and_the_generator_hears_it():
    recipe = tiny("attngan", match_weight=3.0)
    images, tokens, lengths = batch_of()
    drawn = recipe.networks["generator"](recipe.noise(4, random()), tokens, lengths)
    loss, scalars = recipe.generator_loss(images, drawn, tokens, lengths)
    loss_without, _ = super(type(recipe), recipe).generator_loss(images, drawn, tokens, lengths)
    assert (loss - loss_without).item() == pytest.approx(3 * scalars["match_fake"].item(), rel=1e-4)
    assert isinstance(recipe.networks["matcher"], nn.Module)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny("stackgan", flip=True), "a mirrored image may contradict its caption"),
        (lambda: tiny("stackgan", penalty="r1"), "no penalty"),
        (lambda: tiny("stackgan", first=6), "multiple of first, 6, not 16"),
        (lambda: tiny("stackgan", remember=0), "remember is too small: 0"),
        (lambda: tiny("stackgan", encoder="bert"), "choose one of bag, gru"),
        (
            lambda: recipes.get("stackgan")(
                recipes.get("stackgan").Config(), image_shape=(3, 256, 256), words=("a", "red")
            ),
            'words must be a vocabulary: "" in front',
        ),
        (lambda: tiny("stackgan").step(batch_of(1), random()), "1 images with captions of 8 words"),
        (lambda: tiny("stackgan", longest=7).step(batch_of(), random()), "captions of 8 words"),
        (lambda: tiny("stackgan").step(batch_of(size=8), random()), r"stackgan: batch of shape \(4, 3, 8, 8\)"),
        (lambda: tiny("attngan").encode(["a red disk"]), "'disk'.*nearest: disc"),
        (lambda: tiny("attngan", longest=3).encode(["a red disc at"]), "a caption of 4 words given, at most 3"),
        (lambda: tiny("attngan").sample(2, random(), tokens=batch_of().tokens), r"tokens \[2, T\] and lengths \[2\]"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()


@pytest.mark.parametrize("name", NAMES)
def test_a_run_interrupted_at_every_step_ends_with_the_same_bits(name, tmp_path):
    recipe = tiny(name)
    images, tokens, lengths = batch_of(9)
    samples = stored.Stored(
        kinds.Described(((images + 1) * 127).to(torch.uint8), tokens, lengths), {"words": recipe.words}
    )
    options = {
        "config": TrainConfig(steps=3, log_every=1, sample_every=3, checkpoint_every=2),
        "recipe_config": dataclasses.replace(recipe.config, batch_size=2),
        "show": False,
    }
    train(name, samples, out=tmp_path / "whole", **options)
    outcome = train(name, samples, out=tmp_path / "pieces", max_minutes=0, **options)
    while not outcome.finished:
        outcome = resume(tmp_path / "pieces", data=samples, max_minutes=0, show=False)
    whole, pieces = (checkpoint.read(tmp_path / each) for each in ("whole", "pieces"))
    for part in ("recipe", "average"):
        torch.testing.assert_close(pieces[part], whole[part], rtol=0, atol=0)
    assert (tmp_path / "whole" / "samples" / "step_000003.png").is_file()

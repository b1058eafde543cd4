"""`ganedu.recipes.cyclegan`: the losses by hand, whose weights move, the history of fakes, and exact resuming."""

import dataclasses

import pytest
import torch
from torch import nn

from ganedu import recipes
from ganedu.data import kinds
from ganedu.networks.mlp import parameter_count
from ganedu.training import TrainConfig, checkpoint, resume, train

CycleGan = recipes.get("cyclegan")
TINY = {"size": 8, "load_size": 0, "batch_size": 2, "width": 2, "blocks": 1, "halvings": 1, "pool": 3}


def tiny(*, channels=1, seed=0, **choices):
    config = dataclasses.replace(CycleGan.Config(), **(TINY | choices))
    return CycleGan(config, image_shape=(channels, config.size, config.size), seed=seed)


def batch_for(recipe, n=2):
    return kinds.Unpaired(*(torch.rand(2, n, *recipe.image_shape, generator=random(1)) * 2 - 1))


def random(seed=2):
    return torch.Generator().manual_seed(seed)


def weights(recipe):
    return {
        f"{player}.{name}": weight.detach().clone()
        for player, network in recipe.networks.items()
        for name, weight in network.named_parameters()
    }


class Scaled(nn.Module):
    """Multiplies by a number that can be learned."""

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return self.factor * x


class MeanScaled(Scaled):
    """A logit map of one number an image: its mean times a number that can be learned."""

    def forward(self, x):
        return super().forward(x.mean((1, 2, 3), keepdim=True))


def by_hand(**choices):
    """AtoB doubles, BtoA triples; the logit of A is the mean, that of B half the mean. a is 0.5, b is -0.25."""
    recipe = tiny(**choices)
    pair, judges = recipe.networks["generator"], recipe.networks["discriminator"]
    pair.AtoB, pair.BtoA, judges.A, judges.B = Scaled(2.0), Scaled(3.0), MeanScaled(1.0), MeanScaled(0.5)
    return recipe, torch.full((2, *recipe.image_shape), 0.5), torch.full((2, *recipe.image_shape), -0.25)


def test_the_translators_losses_are_those_computed_by_hand():
    recipe, a, b = by_hand(lambda_cycle=7.0, identity=0.25)
    loss, fake_a, fake_b, scalars = recipe.generator_loss(a, b)
    adversarial = (0.5 * 1.0 - 1) ** 2 + (-0.75 - 1) ** 2  # fake B is 1, fake A is -0.75
    cycle = abs(3.0 - 0.5) + abs(-1.5 - -0.25)  # both come back six times as large
    identity = abs(-0.5 - -0.25) + abs(1.5 - 0.5)
    assert torch.equal(fake_b, torch.full_like(b, 1.0))
    assert torch.equal(fake_a, torch.full_like(a, -0.75))
    expected = {"adversarial": adversarial, "cycle": cycle, "identity": identity}
    expected["loss_g"] = adversarial + 7 * cycle + 7 * 0.25 * identity
    assert {name: value.item() for name, value in scalars.items()} == pytest.approx(expected, rel=1e-6)
    assert loss.item() == pytest.approx(expected["loss_g"], rel=1e-6)


def test_the_discriminators_losses_are_those_computed_by_hand():
    recipe, a, b = by_hand()
    loss, scalars = recipe.discriminator_loss(a, b, torch.full_like(a, -0.75), torch.full_like(b, 1.0))
    of_a = ((0.5 - 1) ** 2 + (-0.75) ** 2) / 2
    of_b = ((-0.125 - 1) ** 2 + 0.5**2) / 2
    expected = {"loss_d": of_a + of_b, "d_real": (0.5 - 0.125) / 2, "d_fake": (-0.75 + 0.5) / 2}
    assert {name: value.item() for name, value in scalars.items()} == pytest.approx(expected, rel=1e-6)
    assert loss.item() == pytest.approx(of_a + of_b, rel=1e-6)


def test_without_its_weight_the_identity_loss_is_neither_added_nor_computed():
    recipe, a, b = by_hand(identity=0.0)
    calls = []
    recipe.networks["generator"].AtoB.register_forward_hook(lambda module, inputs, output: calls.append(len(output)))
    _, _, _, scalars = recipe.generator_loss(a, b)
    assert set(scalars) == {"loss_g", "adversarial", "cycle"}
    assert scalars["loss_g"].item() == pytest.approx((scalars["adversarial"] + 10 * scalars["cycle"]).item(), rel=1e-6)
    assert calls == [2, 2]


def test_a_step_is_the_algorithm_written_out_with_one_batch_for_each_purpose():
    ours, plain = (tiny(learning_rate=0.01, pool=0, channels=3) for _ in range(2))
    pair, judges = plain.networks["generator"], plain.networks["discriminator"]
    a, b = batch_for(plain)
    l1, l2 = nn.L1Loss(), nn.MSELoss()
    for _ in range(3):
        fake_b, fake_a = pair.AtoB(a), pair.BtoA(b)
        on_b, on_a = judges.B(fake_b), judges.A(fake_a)
        loss = l2(on_b, torch.ones_like(on_b)) + l2(on_a, torch.ones_like(on_a))
        loss = loss + 10 * (l1(pair.BtoA(fake_b), a) + l1(pair.AtoB(fake_a), b))
        loss = loss + 5 * (l1(pair.AtoB(b), b) + l1(pair.BtoA(a), a))
        plain.optimizers["generator"].zero_grad()
        loss.backward()
        plain.optimizers["generator"].step()
        plain.optimizers["discriminator"].zero_grad()
        for judge, real, fake in ((judges.A, a, fake_a), (judges.B, b, fake_b)):
            on_real, on_fake = judge(real), judge(fake.detach())
            (0.5 * (l2(on_real, torch.ones_like(on_real)) + l2(on_fake, torch.zeros_like(on_fake)))).backward()
        plain.optimizers["discriminator"].step()
        scalars = ours.step(kinds.Unpaired(a, b), random())
        assert scalars["loss_g"].item() == pytest.approx(loss.item(), rel=1e-4)
    images = torch.rand(2, 3, 8, 8)
    for direction in ("AtoB", "BtoA"):
        expected = plain.translate(images, direction)
        assert torch.allclose(ours.translate(images, direction), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_one_step_moves_every_weight_that_has_a_say(channels):
    recipe = tiny(channels=channels)
    before = weights(recipe)
    scalars = recipe.step(batch_for(recipe), random())
    after = weights(recipe)
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert all(name.endswith("bias") for name in still)  # normalization takes a bias before it away again
    assert {name for name in before if name.endswith("weight")}.isdisjoint(still)
    assert not {f"generator.{way}.layers.14.bias" for way in ("AtoB", "BtoA")} & still
    assert set(scalars) == {"loss_g", "loss_d", "adversarial", "cycle", "identity", "d_real", "d_fake"}
    for value in scalars.values():
        assert value.ndim == 0
        assert not value.requires_grad
        assert value.isfinite()


def test_each_players_gradients_are_its_own():
    recipe = tiny()
    a, b = batch_for(recipe)
    before = weights(recipe)
    fake_a, fake_b, _ = recipe.generator_step(a, b)
    assert not fake_a.requires_grad and not fake_b.requires_grad
    assert all(weight.grad is None for weight in recipe.networks["discriminator"].parameters())
    assert all(weight.requires_grad for weight in recipe.networks["discriminator"].parameters())
    between, of_g = weights(recipe), [weight.grad.clone() for weight in recipe.networks["generator"].parameters()]
    recipe.discriminator_step(a, b, fake_a, fake_b)
    after = weights(recipe)
    for weight, grad in zip(recipe.networks["generator"].parameters(), of_g, strict=True):
        assert torch.equal(weight.grad, grad)
    for name in before:
        mine, others = (between, after) if name.startswith("generator") else (after, before)
        assert torch.equal(between[name], others[name]), name
        assert name.endswith("bias") or not torch.equal(before[name], mine[name]), name


def test_defaults_are_those_of_the_paper():
    config = CycleGan.Config()
    assert (config.size, config.load_size, config.flip, config.batch_size) == (256, 286, True, 1)
    assert (config.learning_rate, config.beta1, config.beta2) == (2e-4, 0.5, 0.999)
    assert (config.lambda_cycle, config.identity, config.pool) == (10, 0.5, 50)
    for size, residual_blocks in ((256, 9), (128, 6)):
        recipe = CycleGan(dataclasses.replace(config, size=size), image_shape=(3, size, size))
        generators, discriminators = (parameter_count(network) for network in recipe.networks.values())
        assert generators == 2 * (11_378_179 - (9 - residual_blocks) * 2 * (256 * 256 * 9 + 256))
        assert discriminators == 2 * 2_764_737


def test_the_miniature_trains_for_a_step_on_batches_of_its_size():
    config = CycleGan.Config().small()
    recipe = CycleGan(config, image_shape=(3, config.size, config.size))
    assert (config.batch_size, config.identity) == (4, 0.5)
    assert all(value.isfinite() for value in recipe.step(batch_for(recipe, n=4), random()).values())


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_losses_of_a_batch_are_means_of_those_of_its_images(n):
    recipe, (a, b) = tiny(channels=3), batch_for(tiny(channels=3), n)
    loss, fake_a, fake_b, _ = recipe.generator_loss(a, b)
    assert len(fake_a) == len(fake_b) == n
    alone = [recipe.generator_loss(a[i : i + 1], b[i : i + 1])[0].item() for i in range(n)]
    assert loss.item() == pytest.approx(sum(alone) / n, rel=1e-5)
    loss, _ = recipe.discriminator_loss(a, b, fake_a, fake_b)
    alone = [recipe.discriminator_loss(*(each[i : i + 1] for each in (a, b, fake_a, fake_b)))[0] for i in range(n)]
    assert loss.item() == pytest.approx(sum(alone).item() / n, rel=1e-5)


def test_the_learning_rate_is_constant_for_half_of_the_steps_and_falls_to_zero_in_a_line():
    recipe = tiny()
    factors = [recipe.learning_rate_factor(step, 200) for step in range(201)]
    assert factors[:101] == [1.0] * 101
    assert factors[101:] == pytest.approx([1 - k / 100 for k in range(1, 101)], rel=1e-12, abs=1e-12)
    assert [recipe.learning_rate_factor(step, 3) for step in range(3)] == pytest.approx([1, 1, 2 / 3], rel=1e-12)


def test_the_discriminators_see_remembered_fakes_and_the_translators_new_ones():
    recipe, seen = tiny(pool=2), []
    recipe.networks["discriminator"].A.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    draws = random()
    for _ in range(6):
        recipe.step(batch_for(recipe), draws)
    assert all(len(images) == size for images, size in zip(seen, [2, 4] * 6, strict=True))
    assert torch.equal(torch.cat(seen[1::2])[:2], batch_for(recipe)[0])
    fresh, shown = torch.cat(seen[0::2]), torch.cat([images[2:] for images in seen[1::2]])
    same = (fresh == shown).flatten(1).all(1)
    assert same[:2].all() and not same.all()
    assert {tuple(image) for image in shown.flatten(1).tolist()} <= {tuple(i) for i in fresh.flatten(1).tolist()}


def test_each_history_remembers_the_fakes_of_its_domain_and_is_shown_to_its_judge():
    recipe, a, b = by_hand(pool=4)
    seen = {"A": [], "B": []}
    for domain, judge in (("A", recipe.networks["discriminator"].A), ("B", recipe.networks["discriminator"].B)):
        judge.register_forward_pre_hook(lambda module, inputs, to=seen[domain]: to.append(inputs[0].detach().clone()))
    recipe.step(kinds.Unpaired(a, b), random())
    fakes = {"A": torch.full_like(a, -0.75), "B": torch.full_like(b, 1.0)}  # three times b, twice a
    for domain, real in (("A", a), ("B", b)):
        assert recipe.pools[domain].count == 2
        assert torch.equal(recipe.pools[domain].images[:2], fakes[domain])
        for_g, for_d = seen[domain]
        assert torch.equal(for_g, fakes[domain])
        assert torch.equal(for_d, torch.cat([real, fakes[domain]]))


def test_steps_are_settled_once_the_histories_are_full():
    recipe, draws, settled = tiny(pool=3), random(), []
    for _ in range(3):
        settled.append(recipe.settled)
        recipe.step(batch_for(recipe), draws)
    assert settled == [False, False, True]
    assert tiny(pool=0).settled
    other = tiny(pool=3)
    other.load_extra_state(recipe.extra_state())
    assert other.settled


def test_translations_and_sheets_come_from_the_given_generator_in_evaluation_mode():
    recipe, other = tiny(), tiny(seed=9)
    examples = batch_for(recipe, n=4)
    a, b = examples
    sheet = recipe.sheet(examples, None, generator=other.networks["generator"])
    pair = other.networks["generator"]
    expected = [a, pair.AtoB(a), pair.BtoA(pair.AtoB(a)), b, pair.BtoA(b), pair.AtoB(pair.BtoA(b))]
    assert torch.equal(sheet, torch.cat(expected))
    assert not sheet.requires_grad
    assert torch.equal(recipe.translate(b, "BtoA"), recipe.networks["generator"].BtoA(b))
    assert recipe.translate(torch.zeros(1, 1, 12, 20), "AtoB").shape == (1, 1, 12, 20)
    assert recipe.networks["generator"].AtoB.training
    assert pair.BtoA.training


def test_gradients_under_autocast_follow_those_in_float32():
    recipe = tiny(width=8, size=16)
    a, b = batch_for(recipe)

    def gradients(rounded):
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            loss_g, fake_a, fake_b, of_g = recipe.generator_loss(a, b)
            loss_d, of_d = recipe.discriminator_loss(a, b, fake_a.detach(), fake_b.detach())
        assert fake_a.dtype == (torch.bfloat16 if rounded else torch.float32)
        assert {value.dtype for value in (of_g | of_d).values()} == {torch.float32}
        for loss, player in ((loss_g, "generator"), (loss_d, "discriminator")):
            named = recipe.networks[player].named_parameters()
            heard = [weight for name, weight in named if name.endswith("weight")]
            yield torch.cat([each.flatten() for each in torch.autograd.grad(loss, heard, retain_graph=True)])

    # The slope of an L1 distance is a sign, which rounding turns where an image is nearly right: G agrees less than D.
    for exact, rounded, least in zip(gradients(False), gradients(True), (0.8, 0.999), strict=True):
        assert torch.nn.functional.cosine_similarity(exact, rounded, dim=0) > least


def test_no_step_waits_for_the_device(monkeypatch):
    def refuse(*args):
        raise AssertionError("a step read a number from the device")

    recipe, draws = tiny(pool=2), random()
    data = batch_for(recipe)
    recipe.step(data, draws)  # fills the pools
    for optimizer in recipe.optimizers.values():
        monkeypatch.setattr(optimizer, "step", lambda: None)  # Adam reads its step counter, which stays on the CPU
    for reader in ("item", "__float__", "__int__", "__bool__", "tolist", "numpy"):
        monkeypatch.setattr(torch.Tensor, reader, refuse)
    recipe.step(data, draws)


def test_a_run_interrupted_at_every_step_ends_with_the_same_bits(tmp_path):
    a, b = (torch.randint(256, (n, 1, 8, 8), generator=random(n), dtype=torch.uint8) for n in (7, 5))
    options = {
        "config": TrainConfig(steps=5, log_every=2, sample_every=5, checkpoint_every=2),
        "recipe_config": dataclasses.replace(CycleGan.Config(), **(TINY | {"batch_size": 1, "pool": 2})),
        "show": False,
    }
    train("cyclegan", (a, b), out=tmp_path / "whole", **options)
    outcome = train("cyclegan", (a, b), out=tmp_path / "pieces", max_minutes=0, **options)
    while not outcome.finished:
        assert outcome.step < 5
        outcome = resume(tmp_path / "pieces", data=(a, b), max_minutes=0, show=False)
    whole, pieces = (checkpoint.read(tmp_path / name) for name in ("whole", "pieces"))
    assert len(pieces["sessions"]) > 3
    pools, whole_pools = pieces["processes"][0]["extra"], whole["processes"][0]["extra"]
    for got, expected in [
        (pieces["recipe"], whole["recipe"]),
        (pieces["average"], whole["average"]),
        (pools, whole_pools),
    ]:
        torch.testing.assert_close(got, expected, rtol=0, atol=0)
    assert pools["A"]["images"].shape == (2, 1, 8, 8)
    assert (tmp_path / "whole" / "samples" / "step_000005.png").is_file()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny(size=10), r"size must be a multiple of 4 and at least 8, not 10"),
        (lambda: tiny(size=8, halvings=2), r"at least 12, not 8.*fewer halvings than 2"),
        (lambda: tiny(load_size=7), "no window of 8 pixels can be cut from 7"),
        (lambda: tiny(pool=1), "a pool of 1 cannot hold a batch of 2"),
        (lambda: tiny(identity=-1.0), "identity must not be negative, but is -1"),
        (
            lambda: CycleGan(CycleGan.Config(), image_shape=(3, 32, 32)),
            r"\(3, 32, 32\), but the recipe is configured for \[C, 256, 256\]; resize",
        ),
        (
            lambda: tiny().step(torch.zeros(2, 1, 8, 8), random()),
            r"\[B, 1, 8, 8\] expected twice \(images of A and of B",
        ),
        (lambda: tiny().translate(torch.zeros(1, 1, 8, 8), "BtoC"), "'BtoC'; choose one of AtoB, BtoA"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

"""`ganedu.penalties` against closed forms, autograd's own double backward, and finite differences."""

import pytest
import torch
from torch import nn

from ganedu import penalties

SLOPED = [name for name in penalties.NAMES if name != "none"]


def smooth_critic(features=3, dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(features, 5, dtype=dtype), nn.Softplus(), nn.Linear(5, 1, dtype=dtype), nn.Flatten(0)
    )


def convolutional_critic(activation=lambda: nn.LeakyReLU(0.2)):
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 8, 4, 2, 1), activation(), nn.Conv2d(8, 16, 4, 2, 1), activation())
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))


def weight_gradients(critic, loss, **options):
    options |= {"materialize_grads": True}  # the slope does not depend on the biases of a piecewise linear critic
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(critic.parameters()), **options)])


def with_draw(name, critic, real, fake):
    return penalties.term(name, critic, real, fake, penalties.draw(name, real, torch.Generator().manual_seed(3)))


def test_slope_penalties_are_zero_for_a_unit_slope_critic():
    real, fake = torch.randn(7, 2, 3, 3), torch.randn(7, 2, 3, 3)

    def critic(x):
        return x.flatten(1).sum(1) / 18**0.5

    assert penalties.gradient_penalty(critic, real, fake).item() == pytest.approx(0, abs=1e-10)
    assert penalties.dragan(critic, real).item() == pytest.approx(0, abs=1e-10)
    assert penalties.gradient_penalty(critic, real, fake, target=3.0).item() == pytest.approx(4, abs=1e-5)
    assert penalties.r1(critic, real).item() == pytest.approx(0.5, abs=1e-6)
    assert penalties.term("none", critic, real, fake, None).item() == 0


def test_values_of_a_quadratic_critic_are_the_closed_forms():
    real, fake = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    mix = torch.rand(6, 1, dtype=torch.float64)
    noise = torch.randn_like(real)

    def critic(x):
        return x.square().sum(1) / 2  # slope |x|

    at = mix * real + (1 - mix) * fake
    expected = {
        penalties.gradient_penalty(critic, real, fake, mix=mix): ((at.norm(dim=1) - 1) ** 2).mean(),
        penalties.r1(critic, real): (real**2).sum() / 12,
        penalties.r2(critic, fake): (fake**2).sum() / 12,
        penalties.r1_r2(critic, real, fake): (real**2).sum() / 12 + (fake**2).sum() / 12,
        penalties.dragan(critic, real, noise=noise): (((real + noise).norm(dim=1) - 1) ** 2).mean(),
    }
    for got, value in expected.items():
        assert got.item() == pytest.approx(value.item(), abs=1e-12)


@pytest.mark.parametrize("name", SLOPED)
def test_penalties_are_differentiable_twice_more_in_weights_and_samples(name):
    critic, real, fake = smooth_critic(), torch.randn(4, 3).double(), torch.randn(4, 3).double()
    weights = [p.detach().clone().requires_grad_() for p in list(critic.parameters())[:-1]]
    drawn = penalties.draw(name, real, torch.Generator().manual_seed(1))

    def penalty(real, fake, first, bias, second):
        def score(x):
            return (torch.nn.functional.softplus(x @ first.T + bias) @ second.T)[:, 0]

        return penalties.term(name, score, real, fake, drawn)

    inputs = (real.requires_grad_(), fake.requires_grad_(), *weights)
    assert torch.autograd.gradcheck(penalty, inputs)
    assert torch.autograd.gradgradcheck(penalty, inputs)


@pytest.mark.parametrize("name", SLOPED)
def test_weight_gradients_of_a_module_are_those_of_autograds_double_backward(name):
    critic = convolutional_critic()
    real, fake = torch.randn(5, 1, 8, 8), torch.randn(5, 1, 8, 8)
    drawn = penalties.draw(name, real, torch.Generator().manual_seed(3))
    at = {"gradient_penalty": lambda: drawn * real + (1 - drawn) * fake, "r1": lambda: real, "r2": lambda: fake}
    at["r1_r2"] = lambda: torch.cat([real, fake])
    x = at.get(name, lambda: real + drawn)().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    squared = slope.flatten(1).square().sum(1)
    centered = {"r1": squared.mean() / 2, "r2": squared.mean() / 2, "r1_r2": squared.mean()}
    oracle = centered[name] if name in centered else (squared.sqrt() - 1).square().mean()
    got = penalties.term(name, critic, real, fake, drawn)
    assert got.item() == pytest.approx(oracle.item(), rel=1e-5)
    expected = weight_gradients(critic, oracle)
    assert torch.allclose(weight_gradients(critic, got), expected, rtol=1e-4, atol=1e-6)
    assert expected.abs().max() > 1e-3


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("side", [8, 10])  # 10: halved to 5, which halves no further
def test_gradients_of_a_piecewise_linear_critic_are_those_of_autograds_double_backward(inplace, side):
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace), nn.AvgPool2d(2), nn.Conv2d(4, 4, 3, padding=1))
    last = (nn.LeakyReLU(0.3, inplace), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * (side // 4) ** 2, 1))
    critic, x = nn.Sequential(*layers, *last, nn.Flatten(0)).double(), torch.randn(3, 1, side, side).double()
    (slope,) = torch.autograd.grad(critic(x.requires_grad_()).sum(), x, create_graph=True)
    oracle = slope.flatten(1).square().sum(1).mean() / 2
    got, expected = (weight_gradients(critic, value) for value in (penalties.r1(critic, x.detach()), oracle))
    assert torch.allclose(got, expected, rtol=0, atol=1e-14) and expected.abs().max() > 1e-4


@pytest.mark.parametrize("name", SLOPED)
def test_gradient_is_finite_where_the_critic_is_flat(name):
    critic = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1, bias=False), nn.Flatten(0))
    for weight in critic.parameters():
        nn.init.zeros_(weight)
    value = with_draw(name, critic, torch.randn(5, 3), torch.randn(5, 3))
    value.backward()
    assert value.item() == pytest.approx(0 if name.startswith("r") else 1, abs=1e-6)
    assert all(weight.grad.isfinite().all() for weight in critic.parameters() if weight.grad is not None)


@pytest.mark.parametrize("name", SLOPED)
def test_a_penalty_of_a_batch_is_the_mean_over_its_samples_each_with_its_own_draw(name):
    critic, real, fake = smooth_critic(), torch.randn(6, 3).double(), torch.randn(6, 3).double()
    drawn = penalties.draw(name, real, torch.Generator().manual_seed(0))
    assert drawn is None or len(drawn.flatten(1)[:, 0].unique()) == 6
    rows = [slice(i, i + 1) for i in range(6)]
    parts = [penalties.term(name, critic, real[r], fake[r], None if drawn is None else drawn[r]) for r in rows]
    whole = penalties.term(name, critic, real, fake, drawn)
    assert whole.item() == pytest.approx(torch.stack(parts).mean().item(), abs=1e-14)


@pytest.mark.parametrize("activation", [nn.Softplus, lambda: nn.LeakyReLU(0.2)])
@pytest.mark.parametrize("name", SLOPED)
def test_bf16_autocast_changes_neither_the_penalty_nor_its_gradient(name, activation):
    critic = convolutional_critic(activation)
    real, fake = torch.randn(16, 1, 8, 8), torch.randn(16, 1, 8, 8).bfloat16()  # as a generator gives them there
    exact = with_draw(name, critic, real, fake.float())
    with torch.autocast("cpu", torch.bfloat16):
        logits = critic(real)  # fills autocast's cache of half-precision weights, as the loss does before the penalty
        rounded = with_draw(name, critic, real, fake)
        assert critic(real).dtype == logits.dtype == torch.bfloat16  # the penalty has switched autocast on again
        inside = weight_gradients(critic, with_draw(name, critic, real, fake))  # the backward too, as in a run
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(exact.item(), rel=1e-6)
    a, b = weight_gradients(critic, exact), weight_gradients(critic, rounded)
    assert a.norm() > 1e-3
    assert torch.allclose(a, b, rtol=1e-5, atol=1e-5 * a.abs().max().item())
    assert torch.nn.functional.cosine_similarity(a.double(), inside.double(), dim=0) >= 0.9999


def test_under_bf16_autocast_loss_and_penalty_share_one_backward():
    critic, real = convolutional_critic(), torch.randn(16, 1, 8, 8)
    penalty_alone = weight_gradients(critic, penalties.r1(critic, real))
    with torch.autocast("cpu", torch.bfloat16):
        loss = critic(real).float().mean()
        together = loss + penalties.r1(critic, real)
    loss_alone, together = weight_gradients(critic, loss, retain_graph=True), weight_gradients(critic, together)
    assert torch.allclose(together, loss_alone + penalty_alone, rtol=0, atol=1e-6)
    assert penalty_alone.abs().max() > 1e-3


def test_slopes_that_overflow_half_precision_are_summed_in_float32():
    x = torch.randn(3, 4).half()
    assert penalties.r1(lambda x: 300 * x.sum(1), x).item() == pytest.approx(4 * 300**2 / 2, rel=1e-3)


def test_running_statistics_and_power_iterations_are_left_alone():
    critic = nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4)), nn.BatchNorm1d(4), nn.Linear(4, 1), nn.Flatten(0)
    )
    before = {name: value.clone() for name, value in critic.state_dict().items()}
    penalties.r1(critic, torch.randn(5, 3)).backward()
    assert all(torch.equal(value, before[name]) for name, value in critic.state_dict().items())


@pytest.mark.parametrize("name", SLOPED)
def test_compiles_without_graph_breaks_to_the_same_gradient(name):
    critic, real, fake = smooth_critic(), torch.randn(4, 3).double(), torch.randn(4, 3).double()
    drawn = penalties.draw(name, real, torch.Generator().manual_seed(3))

    def loss():
        return critic(real).mean() + penalties.term(name, critic, real, fake, drawn)

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")  # traces double backward; no C++ compiler
    assert torch.allclose(weight_gradients(critic, compiled()), weight_gradients(critic, loss()), rtol=0, atol=1e-12)


def test_compiles_without_graph_breaks_within_bf16_autocast():
    critic, real, fake = convolutional_critic(), torch.randn(4, 1, 8, 8), torch.randn(4, 1, 8, 8).bfloat16()
    mix = penalties.uniform_mix(real, torch.Generator().manual_seed(3))

    def loss():
        with torch.autocast("cpu", torch.bfloat16):
            return penalties.gradient_penalty(critic, real, fake, mix=mix)

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert torch.allclose(weight_gradients(critic, compiled()), weight_gradients(critic, loss()), rtol=1e-5, atol=1e-6)


def test_draws_come_from_the_given_generator_and_have_the_law_they_claim():
    real = 3 * torch.randn(4000, 1, 2)
    mix, noise = (
        draw(real, torch.Generator().manual_seed(5)) for draw in (penalties.uniform_mix, penalties.normal_noise)
    )
    assert torch.equal(mix, penalties.uniform_mix(real, torch.Generator().manual_seed(5)))
    assert mix.shape == (4000, 1, 1)
    assert ((mix >= 0) & (mix <= 1)).all()
    assert mix.mean().item() == pytest.approx(0.5, abs=0.03)
    assert noise.std().item() == pytest.approx(1.5, rel=0.06)


def test_clipping_bounds_every_weight_and_changes_no_other():
    critic = nn.Linear(4, 3)
    before = [weight.detach().clone() for weight in critic.parameters()]
    penalties.clip_weights(critic, 0.1)
    for weight, old in zip(critic.parameters(), before, strict=True):
        assert torch.equal(weight, old.clamp(-0.1, 0.1))
        assert weight.requires_grad


def test_bad_input_is_named():
    real = torch.randn(4, 1, 2, 2)
    with pytest.raises(ValueError, match=r"\(4, 1, 2, 2\) and fake \(3, 1, 2, 2\)"):
        penalties.gradient_penalty(torch.sum, real, real[:3])
    with pytest.raises(ValueError, match="one weight a sample"):
        penalties.gradient_penalty(torch.sum, real, real, mix=torch.rand(1))
    with pytest.raises(ValueError, match="cannot be added"):
        penalties.dragan(torch.sum, real, noise=torch.randn(4, 1))
    with pytest.raises(ValueError, match=r"fake \(3, 1, 2, 2\) count alike"):
        penalties.r1_r2(torch.sum, real, real[:3])
    with pytest.raises(ValueError, match="empty batch"):
        penalties.r1(torch.sum, real[:0])
    with pytest.raises(ValueError, match="limit > 0, not -1"):
        penalties.clip_weights(nn.Linear(1, 1), -1)
    with pytest.raises(ValueError, match="unknown penalty 'r3'; choose one of none, gradient_penalty, r1, r2, r1_r2"):
        penalties.term("r3", torch.sum, real, real, None)

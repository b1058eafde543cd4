"""`ganedu.networks.resnet`, `.sngan` and `.spectral`: counts, written-out blocks, samples apart, spectral norms."""

import copy
from math import ceil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from ganedu.networks import dcgan, resnet, sngan, spectral
from ganedu.networks.mlp import parameter_count
from ganedu.penalties import input_gradient

CRITICS = {
    "resnet": lambda: resnet.Critic(1, size=16, width=6),
    "spectral resnet": lambda: resnet.Critic(1, size=16, width=6, pool="sum", normalized=True),
    "plain convolutions": lambda: sngan.Discriminator(1, size=16, width=4, normalized=False),
    "spectral convolutions": lambda: sngan.Discriminator(1, size=16, width=4),
    "dcgan": lambda: dcgan.Discriminator(1, size=16, width=4, norm="none"),
}


def conv(inputs, outputs, kernel):
    return inputs * outputs * kernel**2 + outputs


def images(n, seed=0, size=16, dtype=torch.float32):
    return torch.rand(n, 1, size, size, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 2 - 1


@pytest.mark.parametrize(
    ("width_g", "bias", "counts"), [(128, 1, (1_204_483, 1_053_825)), (256, 0, (4_276_739, 1_053_824))]
)
def test_residual_pairs_of_both_papers_have_the_number_of_parameters_counted_by_hand(width_g, bias, counts):
    g, d = width_g, 128
    dense = 128 * 16 * g + 16 * g
    up = 2 * 2 * g + 2 * conv(g, g, 3) + conv(g, g, 1)  # two normalizations, two convolutions, the shortcut
    first = conv(3, d, 3) + conv(d, d, 3) + conv(3, d, 1)
    down, same = 2 * conv(d, d, 3) + conv(d, d, 1), 2 * conv(d, d, 3)
    by_hand = (dense + 3 * up + 2 * g + conv(g, 3, 3), first + down + 2 * same + d + bias)
    assert by_hand == counts
    assert parameter_count(resnet.Generator(128, 3, width=g)) == counts[0]
    assert parameter_count(resnet.Critic(3, normalized=not bias)) == counts[1]


def test_plain_pair_of_sngan_has_the_number_of_parameters_counted_by_hand():
    doubling = sum(16 * a * b + 2 * b for a, b in [(512, 256), (256, 128), (128, 64)])
    assert 128 * 8192 + 8192 + doubling + conv(64, 3, 3) == 3_811_907
    halving = sum(conv(a, b, 3) + conv(b, b, 4) for a, b in [(3, 64), (64, 128), (128, 256)])
    assert halving + conv(256, 512, 3) + 512 * 16 + 1 == 2_935_873
    assert parameter_count(sngan.Generator(128, 3)) == 3_811_907
    assert parameter_count(sngan.Discriminator(3)) == 2_935_873


@given(st.integers(1, 3), st.sampled_from([16, 32, 64]), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=8, deadline=None)
def test_pairs_of_any_size_fit_together(channels, size, width, batch):
    z = torch.randn(batch, 5)
    for module, critic in ((resnet, resnet.Critic), (sngan, sngan.Discriminator)):
        made = (
            module.Generator(5, channels, size=size, width=width)(z)
            if batch > 1
            else torch.zeros(1, channels, size, size)
        )
        assert made.shape == (batch, channels, size, size)
        assert made.abs().max() <= 1
        assert critic(channels, size=size, width=width)(made).shape == (batch,)


def test_residual_networks_have_the_tables_of_the_paper():
    generator, critic = resnet.Generator(128, 3), resnet.Critic(3)
    x, seen = torch.randn(2, 128), []
    for layer in generator.layers:
        x = layer(x)
        seen += [tuple(x.shape[1:])] if isinstance(layer, resnet.Block | nn.Tanh) else []
    assert seen == [(128, 8, 8), (128, 16, 16), (128, 32, 32), (3, 32, 32)]
    seen = []
    for block in critic.blocks:
        x = block(x)
        seen.append(tuple(x.shape[1:]))
    assert seen == [(128, 16, 16), *[(128, 8, 8)] * 4]


def test_blocks_are_the_papers_formulas_written_out():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 8, 8, dtype=torch.float64)

    def applied(layer, h):
        return F.conv2d(h, layer.weight, layer.bias, padding=layer.weight.shape[-1] // 2)

    def convolutions(block):
        return [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]

    block = resnet.Block(4, 6, resample="down").double()
    one, two, shortcut = convolutions(block)
    residual = F.avg_pool2d(applied(two, applied(one, x.clamp_min(0)).clamp_min(0)), 2)
    expected = residual + F.avg_pool2d(applied(shortcut, x), 2)  # as in the public code: first the convolution
    assert torch.allclose(block(x), expected, rtol=0, atol=1e-12)

    block = resnet.Block(4, 6, resample="down", first=True).double()
    one, two, shortcut = convolutions(block)
    expected = F.avg_pool2d(applied(two, applied(one, x).clamp_min(0)), 2) + applied(shortcut, F.avg_pool2d(x, 2))
    assert torch.allclose(block(x), expected, rtol=0, atol=1e-12)

    block = resnet.Block(4, 4).double()
    one, two = convolutions(block)
    assert torch.allclose(block(x), x + applied(two, applied(one, x.clamp_min(0)).clamp_min(0)), rtol=0, atol=1e-12)

    block = resnet.Block(4, 6, resample="up", norm=True).double()
    one, two, shortcut = convolutions(block)
    larger = F.batch_norm(x, None, None, training=True).clamp_min(0).repeat_interleave(2, 2).repeat_interleave(2, 3)
    residual = applied(two, F.batch_norm(applied(one, larger), None, None, training=True).clamp_min(0))
    expected = residual + applied(shortcut, x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.allclose(block(x), expected, rtol=0, atol=1e-10)


def test_mean_and_sum_pool_differ_by_the_number_of_pixels():
    torch.manual_seed(0)
    mean = resnet.Critic(1, size=16, width=4)
    total = resnet.Critic(1, size=16, width=4, pool="sum")
    total.load_state_dict(mean.state_dict())
    assert torch.allclose(total(images(3)), 64 * mean(images(3)), rtol=1e-5, atol=1e-5)  # the last bias is 0 at first


@pytest.mark.parametrize("pool", ["mean", "sum"])
def test_the_residual_critics_score_is_a_weighted_pool_of_its_features(pool):
    torch.manual_seed(0)
    critic, x = resnet.Critic(1, size=16, width=4, pool=pool).double(), images(3, dtype=torch.float64)
    features = critic.blocks(x).flatten(2)  # [3, 4, 64]
    pooled = {"mean": features.sum(2) / 64, "sum": features.sum(2)}[pool]
    assert torch.allclose(critic(x), pooled @ critic.score.weight[0], rtol=0, atol=1e-12)
    assert pooled.abs().max() > 1e-2


def test_plain_discriminator_of_sngan_is_the_papers_table_written_out():
    torch.manual_seed(0)
    discriminator = sngan.Discriminator(1, size=8, width=2, normalized=False).double()
    x = images(3, size=8, dtype=torch.float64)
    convolutions = [layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d)]
    h = x
    for layer, stride in zip(convolutions, (1, 2, 1), strict=True):
        h = F.conv2d(h, layer.weight, layer.bias, stride=stride, padding=1)
        h = torch.where(h > 0, h, 0.1 * h)  # table 3b
    dense = discriminator.layers[-1]
    assert torch.allclose(discriminator(x), h.flatten(1) @ dense.weight[0] + dense.bias, rtol=0, atol=1e-12)


def test_initial_weights_have_the_spread_of_the_public_code():
    torch.manual_seed(0)
    critic = resnet.Critic(3, width=64)
    one, two, shortcut = (layer for layer in critic.blocks[1].modules() if isinstance(layer, nn.Conv2d))
    for layer in (one, two):
        assert layer.weight.std().item() == pytest.approx((4 / (9 * 64 + 9 * 64)) ** 0.5, rel=0.03)
    assert shortcut.weight.std().item() == pytest.approx((2 / (64 + 64)) ** 0.5, rel=0.05)
    assert all(not layer.bias.any() for layer in critic.modules() if isinstance(layer, nn.Conv2d | nn.Linear))


@pytest.mark.parametrize("name", CRITICS)
def test_no_critic_lets_one_sample_touch_the_score_of_another(name):
    critic = CRITICS[name]().eval()  # a forward pass in training mode goes one step on in the power iteration
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in critic.modules())
    batch, other = images(5), images(5)
    other[2] = -other[2] + 0.3
    before, after = critic(batch), critic(other)
    kept = [0, 1, 3, 4]
    assert torch.equal(before[kept], after[kept])
    assert before[2] != after[2]


def test_batch_normalization_fails_the_test_of_independence():
    critic = dcgan.Discriminator(1, size=16, width=4, norm="batch")
    batch, other = images(5), images(5)
    other[2] = -other[2] + 0.3
    assert (critic(batch) != critic(other)).all()


def weight_matrices(network):
    """Weights as they act, of each linear map and, as matrices [outputs, the rest], of each convolution."""
    return [layer.weight.detach().flatten(1) for layer in network.modules() if isinstance(layer, spectral.LAYERS)]


@pytest.mark.parametrize("name", ["spectral resnet", "spectral convolutions"])
def test_spectral_norms_are_one_after_a_warm_up(name):
    torch.manual_seed(0)
    critic = CRITICS[name]()
    for _ in range(100):
        critic(images(1))
    norms = torch.tensor([torch.linalg.matrix_norm(w.double(), 2) for w in weight_matrices(critic.eval())])
    assert len(norms) == sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in critic.modules())
    assert norms.min() >= 1 - 1e-5  # power iteration never overestimates a singular value
    assert norms.max() <= 1.01


def test_without_the_normalization_spectral_norms_are_not_one():
    torch.manual_seed(0)
    norms = [torch.linalg.matrix_norm(w, 2).item() for w in weight_matrices(CRITICS["plain convolutions"]())]
    assert all(abs(norm - 1) > 0.05 for norm in norms)


@pytest.mark.parametrize("build", [lambda: nn.Linear(7, 5), lambda: nn.Conv2d(3, 4, 3)])
def test_weights_and_gradients_are_those_of_pytorchs_own_spectral_normalization(build):
    torch.manual_seed(0)
    layer = build().double()
    original = layer.weight.detach().clone()
    theirs = spectral_norm(copy.deepcopy(layer))
    ours = spectral.normalize(nn.Sequential(layer))[0]
    own, reference = ours.parametrizations.weight[0], theirs.parametrizations.weight[0]
    own.u.copy_(reference._u)
    own.v.copy_(reference._v)
    for _ in range(3):
        got, expected = ours.weight, theirs.weight
        assert torch.allclose(got, expected, rtol=0, atol=1e-14)
        assert not torch.allclose(got, original, rtol=0, atol=1e-3)
        slopes = [
            torch.autograd.grad(weight.sin().sum(), layer.parametrizations.weight.original)[0]
            for weight, layer in ((got, ours), (expected, theirs))
        ]
        assert torch.allclose(*slopes, rtol=0, atol=1e-13)


def test_spectral_norms_are_one_under_autocast_as_well():
    torch.manual_seed(0)
    critic = CRITICS["spectral convolutions"]()
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(100):
            critic(images(1))
    norms = [torch.linalg.matrix_norm(w, 2).item() for w in weight_matrices(critic.eval())]
    assert all(1 - 1e-5 <= norm <= 1.01 for norm in norms)


@pytest.mark.parametrize("training", [True, False])
def test_weights_are_divided_in_float32_whatever_autocast_would_do(monkeypatch, training):
    layer, mv, within = spectral.SpectralNorm(torch.randn(4, 3)).train(training), torch.mv, []
    monkeypatch.setattr(torch, "mv", lambda a, b: within.append(torch.is_autocast_enabled("cpu")) or mv(a, b))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.is_autocast_enabled("cpu")
        layer(torch.randn(4, 3))
    assert len(within) == (3 if training else 1) and not any(within)  # a CPU's autocast leaves mv alone, a GPU's not


def test_power_iteration_keeps_up_with_training():
    torch.manual_seed(0)
    critic = CRITICS["spectral convolutions"]()
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
    for step in range(30):
        optimizer.zero_grad()
        (critic(images(4, seed=step)).mean() - critic(-images(4, seed=step)).mean()).backward()
        optimizer.step()
    critic(images(1))
    norms = [torch.linalg.matrix_norm(w, 2).item() for w in weight_matrices(critic.eval())]
    assert all(0.95 <= norm <= 1.15 for norm in norms)  # the paper's figure 9 has 0.95 to 1.2


def patches(layer):
    """To how many patches of a convolution a pixel belongs at most, along one side."""
    return ceil(layer.kernel_size[0] / layer.stride[0]) if isinstance(layer, nn.Conv2d) else 1


def slope_between(critic, x, y):
    return (critic(x) - critic(y)).abs() / (x - y).flatten(1).norm(dim=1)


def test_slopes_stay_below_the_product_of_the_layers_bounds():
    torch.manual_seed(0)
    critic, free = CRITICS["spectral convolutions"](), CRITICS["plain convolutions"]()
    for layer in free.modules():
        if isinstance(layer, spectral.LAYERS):
            layer.weight.data *= 100
    for _ in range(100):
        critic(images(1))
    layers = [layer for layer in critic.eval().modules() if isinstance(layer, spectral.LAYERS)]
    bound = 1.01 * torch.tensor([patches(layer) for layer in layers]).prod()  # leaky ReLUs have slopes of at most 1
    x, y = images(64), images(64, seed=1)
    near = x + 1e-3 * input_gradient(critic, x)
    for a, b in ((x, y), (x, near)):
        assert (slope_between(critic, a, b) <= bound).all()
        assert (slope_between(free, a, b) > bound).all()


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (4, 2)])
def test_a_convolution_of_spectral_norm_one_is_bounded_by_its_overlap_and_not_by_one(kernel, stride):
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, kernel, stride=stride, padding=1, bias=False).double()
    with torch.no_grad():
        layer.weight.add_(0.5)
        layer.weight /= torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
    basis = torch.eye(2 * 8 * 8, dtype=torch.float64).view(-1, 2, 8, 8)
    norm = torch.linalg.matrix_norm(layer(basis).flatten(1), 2)
    assert 1.05 < norm <= patches(layer)


def test_power_iterations_belong_to_the_state_and_slopes_leave_them_alone():
    torch.manual_seed(0)
    critic = CRITICS["spectral resnet"]()
    vectors = {name: value for name, value in critic.state_dict().items() if name.endswith((".u", ".v"))}
    assert len(vectors) == 2 * len(weight_matrices(critic))
    before = {name: value.clone() for name, value in vectors.items()}
    slopes = input_gradient(critic, images(3))
    assert slopes.isfinite().all()
    assert all(torch.equal(value, before[name]) for name, value in vectors.items())
    critic(images(3))
    assert not all(torch.equal(value, before[name]) for name, value in vectors.items())
    twin = CRITICS["spectral resnet"]()
    twin.load_state_dict(critic.state_dict())
    assert torch.equal(twin(images(3)), critic(images(3)))


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: resnet.Generator(4, 1, size=28), "28 x 28 pixels.*resize them to 16 or 32"),
        (lambda: resnet.Critic(1, size=8), "8 x 8 by doubling; resize them to 16"),
        (lambda: resnet.Critic(1, size=16, pool="max"), "unknown pool 'max'; choose one of mean, sum"),
        (lambda: sngan.Discriminator(1, size=20), "20 x 20 pixels.*resize them to 16 or 32"),
        (lambda: resnet.Generator(4, 1, size=16, width=2)(torch.randn(2, 5)), r"noise of shape \(2, 5\)"),
        (lambda: sngan.Generator(4, 1, size=16, width=2)(torch.randn(2, 5)), r"noise of shape \(2, 5\)"),
        (lambda: resnet.Critic(1, size=16, width=2)(torch.zeros(2, 1, 8, 8)), r"\[batch, 1, 16, 16\] expected"),
        (lambda: sngan.Discriminator(1, size=16, width=2)(torch.zeros(2, 3, 16, 16)), r"\[batch, 1, 16, 16\] expected"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

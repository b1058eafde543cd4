"""`ganedu.networks`: shapes, counts and ranges for any widths."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from ganedu.networks import article, dcgan
from ganedu.networks.mlp import SLOPE, Discriminator, Generator, parameter_count

widths = st.lists(st.integers(1, 12), min_size=0, max_size=3)
sizes = st.integers(1, 9)


@given(sizes, widths, sizes, sizes)
@settings(max_examples=50, deadline=None)
def test_any_widths_give_the_announced_shapes(latent, hidden, output, batch):
    samples = Generator(latent, output, hidden=hidden)(torch.randn(batch, latent))
    assert samples.shape == (batch, output)
    assert Discriminator(output, hidden=hidden)(samples).shape == (batch,)


@given(sizes, widths, sizes)
@settings(max_examples=50, deadline=None)
def test_parameters_are_a_weight_for_each_pair_and_a_bias_for_each_output(latent, hidden, output):
    chain = [latent, *hidden, output]
    expected = sum(a * b + b for a, b in pairwise(chain))
    assert parameter_count(Generator(latent, output, hidden=hidden)) == expected
    chain[-1] = 1
    expected = sum(a * b + b for a, b in pairwise(chain))
    assert parameter_count(Discriminator(latent, hidden=hidden)) == expected


def test_networks_of_the_article_have_its_sizes():
    generator, discriminator = Generator(64, 784), Discriminator(784)
    assert parameter_count(generator) == 550_416
    assert parameter_count(discriminator) == 533_505
    assert discriminator(generator(torch.randn(7, 64))).shape == (7,)


def test_frozen_parameters_are_not_counted():
    network = Discriminator(3, hidden=[4])
    network.layers[0].requires_grad_(False)
    assert parameter_count(network) == 4 + 1


def test_bounded_generator_stays_within_the_range_of_tanh_and_the_other_does_not():
    noise = 1e4 * torch.randn(200, 3)
    torch.manual_seed(0)
    bounded = Generator(3, 5)(noise)
    torch.manual_seed(0)
    free = Generator(3, 5, bounded=False)(noise)
    assert bounded.abs().max() <= 1 < free.abs().max()
    assert torch.equal(bounded, torch.tanh(free))


def test_forward_passes_are_the_written_out_products():
    torch.manual_seed(0)
    generator = Generator(2, 3, hidden=[4], dtype=torch.float64)
    discriminator = Discriminator(3, hidden=[5], dtype=torch.float64)
    z = torch.randn(6, 2, dtype=torch.float64)
    w1, b1, w2, b2 = generator.parameters()
    samples = torch.tanh((z @ w1.T + b1).clamp_min(0) @ w2.T + b2)
    assert torch.allclose(generator(z), samples, rtol=0, atol=1e-14)
    v1, c1, v2, c2 = discriminator.parameters()
    h = samples @ v1.T + c1
    logits = (torch.where(h > 0, h, SLOPE * h) @ v2.T + c2)[:, 0]
    assert torch.allclose(discriminator(samples), logits, rtol=0, atol=1e-14)


def test_discriminator_returns_logits_and_not_probabilities():
    torch.manual_seed(0)
    network = Discriminator(4)
    logits = network(100 * torch.randn(500, 4))
    assert logits.min() < 0 or logits.max() > 1
    assert not isinstance(network.layers[-1], torch.nn.Sigmoid)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_of_weights_is_the_one_asked_for(dtype):
    for network in (Generator(2, 3, dtype=dtype), Discriminator(2, dtype=dtype)):
        assert {parameter.dtype for parameter in network.parameters()} == {dtype}


def test_one_step_of_each_player_trains_that_player():
    torch.manual_seed(0)
    generator, discriminator = Generator(3, 2, hidden=[16]), Discriminator(2, hidden=[16])
    z, real = torch.randn(64, 3), torch.randn(64, 2) + 2

    def descend(network, loss):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
        before = loss()
        before.backward()
        optimizer.step()
        return before.item(), loss().item()

    def loss_d():
        return F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(generator(z).detach())).mean()

    before, after = descend(discriminator, loss_d)
    assert after < before
    before, after = descend(generator, lambda: F.softplus(-discriminator(generator(z))).mean())
    assert after < before


@pytest.mark.parametrize(
    ("network", "batch", "message"),
    [
        (Generator(4, 2), torch.randn(3, 5), r"noise of shape \(3, 5\).*\[batch, 4\]"),
        (Generator(4, 2), torch.randn(4), r"noise of shape \(4,\)"),
        (Discriminator(64), torch.randn(3, 1, 8, 8), r"samples of shape \(3, 1, 8, 8\).*flatten"),
    ],
)
def test_input_of_the_wrong_shape_is_named(network, batch, message):
    with pytest.raises(ValueError, match=message):
        network(batch)


@pytest.mark.parametrize("build", [lambda: Generator(0, 2), lambda: Discriminator(2, hidden=[4, 0])])
def test_layers_without_units_are_refused(build):
    with pytest.raises(ValueError, match="at least one unit"):
        build()


def shapes(network, batch):
    """Output shape of every layer in turn, without the batch dimension."""
    seen = []
    for layer in network.layers:
        batch = layer(batch)
        seen.append(tuple(batch.shape[1:]))
    return seen


def distinct(table):
    return [shape for before, shape in pairwise([None, *table]) if shape != before]


def test_dcgan_shapes_and_counts_are_those_of_the_port_that_tutorials_copy():
    generator, discriminator = dcgan.Generator(100, 3), dcgan.Discriminator(3)
    assert parameter_count(generator) == 3_576_704
    assert parameter_count(discriminator) == 2_765_568
    pyramid = [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]
    assert distinct(shapes(generator, torch.randn(2, 100, 1, 1))) == pyramid
    down = [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (1, 1, 1)]
    assert distinct(shapes(discriminator, torch.randn(2, 3, 64, 64))) == down


def test_dcgan_of_the_papers_program_has_the_number_of_parameters_counted_by_hand():
    steps = [(1024, 512), (512, 256), (256, 128), (128, 3)]
    kernels = sum(25 * a * b for a, b in steps)
    generator = dcgan.Generator(100, 3, width=128, kernel=5)
    assert parameter_count(generator) == 100 * 16384 + kernels + 2 * (16384 + 512 + 256 + 128)
    discriminator = dcgan.Discriminator(3, width=128, kernel=5)
    assert parameter_count(discriminator) == kernels + 2 * (256 + 512 + 1024) + 1024 * 4 * 4
    pyramid = [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    seen = shapes(generator, torch.randn(2, 100, 1, 1))
    assert distinct(shape for shape in seen if len(shape) == 3) == pyramid  # without the flat one that is normalized
    down = [(128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4), (1, 1, 1)]
    assert distinct(shapes(discriminator, torch.randn(2, 3, 64, 64))) == down


def test_dcgan_of_the_papers_program_is_the_formula_written_out():
    torch.manual_seed(0)
    generator, z = dcgan.Generator(3, 1, size=16, width=2, kernel=5).double(), torch.randn(6, 3, dtype=torch.float64)
    project, _, norm, _, _, first, norm2, _, last, _ = generator.layers
    h = z @ project.weight.flatten(1)  # a dense layer, [6, 4 * 4 * 4]
    assert h.shape == (6, 64)
    h = (h - h.mean(0)) / (h.var(0, correction=0) + norm.eps).sqrt() * norm.weight + norm.bias  # each number by itself
    h = F.conv_transpose2d(h.clamp_min(0).view(6, 4, 4, 4), first.weight, stride=2, padding=2, output_padding=1)
    h = F.batch_norm(h, None, None, norm2.weight, norm2.bias, training=True).clamp_min(0)
    images = F.conv_transpose2d(h, last.weight, stride=2, padding=2, output_padding=1).tanh()
    assert torch.allclose(generator(z), images, rtol=0, atol=1e-12)
    discriminator = dcgan.Discriminator(1, size=16, width=2, kernel=5).double()
    one, _, two, norm, _, read = discriminator.layers
    h = F.leaky_relu(F.conv2d(images, one.weight, stride=2, padding=2), 0.2)
    h = F.conv2d(h, two.weight, stride=2, padding=2)
    h = F.leaky_relu(F.batch_norm(h, None, None, norm.weight, norm.bias, training=True), 0.2)
    logits = h.flatten(1) @ read.weight.flatten()  # a dense layer of 4 * 4 * 4 numbers, without a bias
    assert torch.allclose(discriminator(images), logits, rtol=0, atol=1e-12)


def test_dcgan_normalizes_all_but_the_output_of_g_and_the_input_of_d():
    generator = [type(layer).__name__ for layer in dcgan.Generator(8, 1, size=16, width=4).layers]
    assert generator == [*["ConvTranspose2d", "BatchNorm2d", "ReLU"] * 2, "ConvTranspose2d", "Tanh"]
    discriminator = [type(layer).__name__ for layer in dcgan.Discriminator(1, size=16, width=4).layers]
    assert discriminator == ["Conv2d", "LeakyReLU", "Conv2d", "BatchNorm2d", "LeakyReLU", "Conv2d"]
    bare = dcgan.Discriminator(1, size=16, width=4, norm="none").modules()
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in bare)


@pytest.mark.parametrize(("norm", "power"), [("batch", 0), ("none", 1)])
def test_contrast_scales_the_verdict_by_a_power_unless_there_is_a_bias(norm, power):
    torch.manual_seed(0)
    bare, biased = (dcgan.Discriminator(1, size=16, width=4, norm=norm, bias=bias).double() for bias in (False, True))
    nn.init.normal_(bare.layers[0].weight)  # large, so that the norm's epsilon hardly matters
    biased.load_state_dict(bare.state_dict() | {"layers.0.bias": torch.zeros(4)})
    x = torch.randn(64, 1, 16, 16, dtype=torch.float64)

    def error(network):
        return ((network(x / 4) - network(x) / 4**power).abs().max() / network(x).abs().max()).item()

    assert torch.allclose(bare(x), biased(x), rtol=0, atol=1e-12) and error(bare) < 1e-2
    nn.init.normal_(biased.layers[0].bias, std=4.0)
    assert error(biased) > 0.1


def test_dcgan_initial_weights_have_the_papers_spread():
    torch.manual_seed(0)
    pairs = [(dcgan.Generator(100, 3, size=32, kernel=k), dcgan.Discriminator(3, size=32, kernel=k)) for k in (4, 5)]
    for network in (*pairs[0], *pairs[1]):
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                assert layer.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.3)
        for name, weight in network.named_parameters():
            if weight.ndim == 4:
                assert weight.std().item() == pytest.approx(0.02, rel=0.1), name
                assert abs(weight.mean().item()) < 2e-3, name


def test_article_networks_have_the_tables_and_counts_of_the_article():
    generator, discriminator = article.Generator(100, 3), article.Discriminator(3)
    assert parameter_count(generator) == 5_134_339
    assert parameter_count(discriminator) == 1_046_401
    table = [(512 * 16,), (512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]
    assert distinct(shapes(generator, torch.randn(2, 100))) == table
    table = [(64, 32, 32), (128, 16, 16), (256, 8, 8), (16384,), (1,)]
    assert distinct(shapes(discriminator, torch.randn(2, 3, 64, 64))) == table


def test_article_layers_come_in_the_printed_order():
    generator = [type(layer).__name__ for layer in article.Generator(8, 3, width=2).layers]
    hidden = ["ConvTranspose2d", "BatchNorm2d", "ReLU"]
    assert generator == ["Linear", "Unflatten", *hidden * 3, "ConvTranspose2d", "Tanh"]
    discriminator = [type(layer).__name__ for layer in article.Discriminator(3, width=2).layers]
    hidden = ["Conv2d", "LeakyReLU", "BatchNorm2d", "Dropout"]
    assert discriminator == ["Conv2d", "LeakyReLU", "Dropout", *hidden * 2, "Flatten", "Linear"]
    assert {layer.p for layer in article.Discriminator(3, width=2).layers if isinstance(layer, nn.Dropout)} == {0.3}


def test_dense_and_first_convolution_of_the_article_collapse_into_one_affine_map():
    generator = article.Generator(6, 1, size=16, width=4).double()
    z = torch.randn(2, 6, dtype=torch.float64)
    affine = generator.layers[:3]  # Dense, Reshape, Conv2DTranspose
    at = affine(torch.stack([z[0], z[1], 0.3 * z[0] + 0.7 * z[1]]))
    assert torch.allclose(at[2], 0.3 * at[0] + 0.7 * at[1], rtol=0, atol=1e-13)


@pytest.mark.parametrize(("upsampling", "counts"), [("k5", {4.0, 6.0, 9.0}), ("k4", {4.0})])
def test_overlap_of_the_articles_kernel_is_uneven_and_that_of_a_divisible_one_is_not(upsampling, counts):
    layer = article.Generator(2, 1, size=8, width=1, upsampling=upsampling).layers[2]
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    inner = layer(torch.ones(1, 1, 8, 8))[..., 4:-4, 4:-4]
    assert set(inner.flatten().tolist()) == counts


def test_resize_variant_has_the_size_of_the_printed_one_and_treats_inner_pixels_alike():
    generator = article.Generator(100, 3, upsampling="resize")
    assert parameter_count(generator) == 5_134_339
    inner = generator.layers[2](torch.ones(1, 512, 6, 6))[0, 0, 3:-3, 3:-3]
    assert torch.allclose(inner, inner[0, 0].expand_as(inner), atol=1e-5)


@given(st.integers(1, 3), st.sampled_from([8, 16, 32]), st.integers(1, 3), st.integers(2, 3), sizes)
@settings(max_examples=15, deadline=None)
def test_convolutional_pairs_of_any_size_fit_together(channels, size, width, batch, latent):
    z = torch.randn(batch, latent)
    for upsampling in article.UPSAMPLINGS:
        images = article.Generator(latent, channels, size=size, width=width, upsampling=upsampling)(z)
        assert images.shape == (batch, channels, size, size)
    if size > 8:
        assert article.Discriminator(channels, size=size, width=width)(images).shape == (batch,)
    for kernel in dcgan.KERNELS:
        images = dcgan.Generator(latent, channels, size=size, width=width, kernel=kernel)(z)
        assert images.shape == (batch, channels, size, size)
        assert images.abs().max() <= 1
        assert dcgan.Discriminator(channels, size=size, width=width, kernel=kernel)(images).shape == (batch,)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: dcgan.Generator(4, 1, size=28), "28 x 28 pixels.*resize them to 16 or 32"),
        (lambda: dcgan.Discriminator(1, size=4), "4 x 4 by doubling; resize them to 8"),
        (lambda: article.Discriminator(1, size=8), "8 x 8 by doubling; resize them to 16"),
        (lambda: dcgan.Generator(4, 1, size=0), "resize them to 8"),
        (lambda: dcgan.Discriminator(1, size=8, norm="layer"), "unknown normalization 'layer'; choose one of batch"),
        (lambda: dcgan.Generator(4, 1, kernel=3), "no DCGAN has kernels of 3 x 3; choose one of 4, 5"),
        (lambda: dcgan.Discriminator(1, kernel=6), "no DCGAN has kernels of 6 x 6"),
        (lambda: article.Generator(4, 1, size=8, upsampling="k3"), "unknown upsampling 'k3'; choose one of k5, k4"),
        (lambda: dcgan.Generator(4, 1, size=8)(torch.randn(2, 4, 1, 1)), r"noise of shape .*\[batch, 4\]"),
        (lambda: article.Generator(4, 1, size=8)(torch.randn(2, 5)), r"noise of shape \(2, 5\)"),
        (lambda: dcgan.Discriminator(1, size=8)(torch.randn(2, 3, 8, 8)), r"\(2, 3, 8, 8\) given, \[batch, 1, 8, 8\]"),
        (lambda: article.Discriminator(1, size=16)(torch.randn(2, 1, 8, 8)), r"\[batch, 1, 16, 16\] expected; resize"),
    ],
)
def test_convolutional_networks_name_what_does_not_fit(use, message):
    with pytest.raises(ValueError, match=message):
        use()

"""`ganedu.networks`: shapes, counts and ranges for any widths."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

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

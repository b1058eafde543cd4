"""`ganedu.networks.stylegan`: published sizes, what a style does to a feature map, and which layers it reaches."""

import pytest
import torch
from torch.nn import functional as F

from ganedu.networks import stylegan
from ganedu.networks.mlp import parameter_count

TINY = {"size": 16, "width": 3, "max_width": 6, "depth": 2}


def tiny(**choices):
    torch.manual_seed(0)
    return stylegan.Generator(5, 2, **(TINY | choices)).double()


def draw(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noises(generator, n, seed=3):
    return [draw(*shape, seed=seed + i) for i, shape in enumerate(generator.synthesis.noise_shapes(n))]


def test_parameter_counts_are_those_of_the_public_programs():
    with torch.device("meta"):
        second, judge = stylegan.Generator(512, 3), stylegan.Discriminator(3)
        first = stylegan.Generator(512, 3, width=16, style="adain")
    # printed by stylegan (README) and by stylegan2-ada-pytorch, there with 2 of the 8 layers of 262,656 weights
    assert parameter_count(first) == 26_219_627
    assert parameter_count(second) == 28_794_124 + 6 * 262_656 == 30_370_060
    assert parameter_count(judge) == 29_012_513
    assert first.layers == second.layers == 18
    assert parameter_count(second.mapping) == 8 * 262_656


def test_adain_gives_each_map_the_mean_and_the_deviation_of_the_style():
    x, scale, shift = 3 * draw(4, 5, 6, 6) + 2, draw(4, 5, seed=2), draw(4, 5, seed=3)
    styled = stylegan.adain(x, scale, shift, epsilon=0.0)
    assert (styled.mean((2, 3)) - shift).abs().max() < 1e-13
    assert (styled.std((2, 3), correction=0) - scale.abs()).abs().max() < 1e-13
    norm = F.instance_norm(x, eps=1e-5) * scale[..., None, None] + shift[..., None, None]
    assert torch.allclose(stylegan.adain(x, scale, shift, epsilon=1e-5), norm, rtol=0, atol=1e-12)


def test_adain_forgets_the_previous_scale_and_shift():
    x, scale, shift = draw(2, 3, 5, 5), draw(2, 3, seed=2), draw(2, 3, seed=3)
    moved = 7 * x - 4
    styles = {"scale": scale, "shift": shift, "epsilon": 0.0}
    assert torch.allclose(stylegan.adain(moved, **styles), stylegan.adain(x, **styles), rtol=0, atol=1e-12)


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulated_convolution_is_one_convolution_with_weights_of_its_own_for_each_sample(demodulate):
    x, weight, style = draw(3, 4, 6, 6), draw(5, 4, 3, 3, seed=2), draw(3, 4, seed=3)
    out = stylegan.modulated_convolution(x, weight, style, demodulate=demodulate)
    for sample, one, scales in zip(out, x, style, strict=True):
        own = weight * scales[:, None, None]
        if demodulate:
            own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        assert torch.allclose(sample, F.conv2d(one[None], own, padding=1)[0], rtol=0, atol=1e-12)


def test_demodulation_gives_variance_one_for_independent_inputs_of_variance_one():
    x, weight, style = draw(1, 4, 400, 400), draw(5, 4, 3, 3, seed=2), 3 * draw(1, 4, seed=3)
    variance = stylegan.modulated_convolution(x, weight, style).var((2, 3))
    assert (variance - 1).abs().max() < 0.03
    assert (stylegan.modulated_convolution(x, weight, style, demodulate=False).var((2, 3)) - 1).abs().min() > 1


def test_doubling_is_a_convolution_of_the_bilinearly_larger_maps_inside_the_border():
    x, weight, ones = draw(2, 3, 8, 8), draw(4, 3, 3, 3, seed=2), torch.ones(2, 3, dtype=torch.float64)
    out = stylegan.modulated_convolution(x, weight, ones, demodulate=False, up=True)
    larger = F.interpolate(x, scale_factor=2, mode="bilinear")
    expected = F.conv2d(larger, weight.flip(2, 3), padding=1)
    assert out.shape == (2, 4, 16, 16)
    assert torch.allclose(out[..., 3:-3, 3:-3], expected[..., 3:-3, 3:-3], rtol=0, atol=1e-12)


@pytest.mark.parametrize("style", stylegan.STYLES)
def test_a_layer_has_one_style_and_changes_nothing_before_it(style):
    generator = tiny(style=style)
    z, other = draw(2, 5), draw(2, 5, seed=2)
    assert generator.styles(z).shape == (2, generator.layers, 5)
    seen = []
    for block in generator.synthesis.blocks:
        for layer in block:
            layer.register_forward_hook(lambda module, inputs, output: seen.append(output))
    generator.synthesis(generator.styles(z))
    plain, number = list(seen), len(seen)
    for switch in range(1, generator.layers):
        seen.clear()
        generator.synthesis(generator.styles(z, other, switch))
        differs = [not torch.equal(a, b) for a, b in zip(plain, seen, strict=True)]
        assert differs == [False] * min(switch, number) + [True] * (number - switch)


def test_every_sample_switches_where_it_is_told():
    generator = tiny()
    z, other = draw(3, 5), draw(3, 5, seed=2)
    styles = generator.styles(z, other, torch.tensor([1, 3, generator.layers]))
    one, two = generator.styles(z), generator.styles(other)
    for sample, switch in enumerate([1, 3, generator.layers]):
        assert torch.allclose(styles[sample, :switch], one[sample, :switch], atol=1e-14)
        assert torch.allclose(styles[sample, switch:], two[sample, switch:], atol=1e-14)


def test_noise_starts_without_strength_and_then_counts():
    generator = tiny()
    z = draw(2, 5)
    assert torch.equal(generator(z), generator(z, noises(generator, 2)))
    for block in generator.synthesis.blocks:
        for layer in block:
            torch.nn.init.ones_(layer.strength)
    assert not torch.equal(generator(z), generator(z, noises(generator, 2)))


def test_slow_layers_give_the_same_numbers_and_move_less():
    torch.manual_seed(0)
    slow = stylegan.Dense(4, 3, slow=0.01).double()
    fast = stylegan.Dense(4, 3).double()
    with torch.no_grad():
        fast.weight.copy_(0.01 * slow.weight)
    x = draw(7, 4)
    assert torch.allclose(slow(x), fast(x), rtol=0, atol=1e-12)
    before = fast(x)
    moves = []
    for layer in (slow, fast):
        optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
        (layer(x) * draw(7, 3, seed=5)).sum().backward()
        optimizer.step()
        moves.append((layer(x) - before).detach())
    assert torch.allclose(moves[0], 0.01 * moves[1], rtol=1e-4, atol=1e-9)


def test_the_center_is_the_mean_style_and_truncation_pulls_to_it():
    generator = tiny()
    center = generator.center()
    mean, spread = generator.mapping(draw(20_000, 5)).mean(0), generator.mapping(draw(20_000, 5)).std(0)
    assert ((center - mean).abs() < 5 * spread / 4096**0.5).all()
    assert torch.equal(center, generator.center())
    styles = generator.styles(draw(2, 5))
    assert torch.allclose(generator.truncated(styles, 0.0), center.expand_as(styles))
    assert torch.allclose(generator.truncated(styles, 0.25) - center, 0.25 * (styles - center))
    assert generator.truncated(styles) is styles


def test_a_table_of_mixtures_has_its_sources_on_the_edges():
    generator = tiny()
    styles, noise = generator.styles(draw(5, 5)), noises(generator, 1)
    table = stylegan.mixtures(generator, styles[:2], styles[2:], 3, noise)
    assert table.shape == (3, 4, 2, 16, 16)
    assert torch.equal(table[0, 0], torch.ones(2, 16, 16, dtype=torch.float64))
    alone = generator.synthesis(styles, [each.expand(5, -1, -1, -1) for each in noise]).clamp(-1, 1)
    assert torch.allclose(table[1:, 0], alone[:2], atol=1e-12)
    assert torch.allclose(table[0, 1:], alone[2:], atol=1e-12)
    mixed = torch.cat([styles[1:2, :3], styles[4:5, 3:]], 1)
    assert torch.allclose(table[2, 3], generator.synthesis(mixed, noise).clamp(-1, 1)[0], atol=1e-12)


def test_the_deviation_of_a_group_is_appended_for_neighbors():
    x = draw(8, 3, 2, 2)
    found = stylegan.group_deviation(x, 4)
    assert found.shape == (8, 1, 2, 2)
    for group in (slice(0, 4), slice(4, 8)):
        expected = x[group].std(0, correction=0).mean()
        assert torch.allclose(found[group], expected.expand(4, 1, 2, 2), rtol=0, atol=1e-7)
    assert torch.equal(stylegan.group_deviation(x[:4], 4), found[:4])
    assert stylegan.group_deviation(x[:6], 4)[0, 0, 0, 0] != stylegan.group_deviation(x[:6], 4)[2, 0, 0, 0]  # pairs
    assert stylegan.group_deviation(x[:3], 4).abs().max() <= 1e-4  # each alone
    assert torch.allclose(stylegan.group_deviation(x[:1].expand(4, -1, -1, -1), 4), x.new_full((), 1e-4), atol=1e-9)


def test_a_discriminator_halves_to_four_pixels():
    torch.manual_seed(0)
    judge = stylegan.Discriminator(2, size=16, width=3, max_width=6).double()
    x = draw(4, 2, 16, 16)
    assert judge.blocks(stylegan.activation(judge.enter(x))).shape == (4, 6, 4, 4)
    assert judge(x).shape == (4,)
    assert not torch.allclose(judge(x)[0], judge(x[:1])[0])  # it sees the group


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tiny(style="adin"), "unknown style 'adin'; choose one of demodulation, adain"),
        (lambda: tiny(size=12), "12 x 12 pixels do not arise"),
        (lambda: tiny()(draw(2, 6)), r"noise of shape \(2, 6\) given, \[batch, 5\] expected"),
        (lambda: tiny().styles(draw(2, 5), draw(2, 6), 1), r"\[batch, 5\] expected"),
        (lambda: tiny().truncated(tiny().styles(draw(1, 5)), -0.1), "truncation must be 0 .*, not -0.1"),
        (lambda: stylegan.mixtures(tiny(), None, None, 6, []), "switch must be a layer from 1 to 5, not 6"),
        (lambda: stylegan.Discriminator(2, size=16)(torch.zeros(1, 3, 16, 16)), "images of shape"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

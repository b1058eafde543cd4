"""`ganedu.networks.translation` and `ganedu.networks.patchgan`: sizes, counts, borders, patches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from ganedu.networks import patchgan, translation
from ganedu.networks.mlp import parameter_count

R = 256 * 256 * 9 + 256  # numbers of one 3 x 3 convolution of a residual block


@pytest.mark.parametrize(("blocks", "channels"), [(9, 3), (6, 3), (9, 1)])
def test_generators_have_the_parameters_of_the_paper(blocks, channels):
    first, last = channels * 64 * 49 + 64, 64 * channels * 49 + channels
    down = (64 * 128 * 9 + 128) + (128 * 256 * 9 + 256)
    up = (256 * 128 * 9 + 128) + (128 * 64 * 9 + 64)
    expected = first + down + 2 * blocks * R + up + last
    assert parameter_count(translation.Generator(channels, blocks=blocks)) == expected
    if (blocks, channels) == (9, 3):
        assert expected == 11_378_179


def test_the_patch_discriminator_has_the_parameters_of_the_paper():
    convolutions = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    expected = sum(inputs * outputs * 16 + outputs for inputs, outputs in convolutions)
    assert parameter_count(patchgan.Discriminator(3)) == expected == 2_764_737


def test_two_directions_are_two_sets_of_weights():
    pair, judges = translation.Translators(1, width=2, blocks=1), patchgan.Discriminators(1, width=2, halvings=1)
    for module, one, other in ((pair, pair.AtoB, pair.BtoA), (judges, judges.A, judges.B)):
        assert parameter_count(module) == parameter_count(one) + parameter_count(other)
        a, b = torch.rand(2, 1, 8, 12), torch.rand(3, 1, 16, 8)
        of_a, of_b = module(a, b)
        assert torch.equal(of_a, one(a))
        assert torch.equal(of_b, other(b))
        assert not torch.equal(one(a), other(a))


@given(st.integers(2, 7), st.integers(2, 7), st.integers(1, 3), st.sampled_from([1, 3]), st.integers(0, 2))
@settings(max_examples=20, deadline=None)
def test_a_translation_has_the_shape_of_its_original(rows, columns, batch, channels, blocks):
    images = torch.rand(batch, channels, 4 * rows, 4 * columns) * 2 - 1
    translated = translation.Generator(channels, width=2, blocks=blocks)(images)
    assert translated.shape == images.shape
    assert translated.abs().max() <= 1


@pytest.mark.parametrize(("halvings", "side"), [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_a_patch_of_exactly_so_many_pixels(halvings, side):
    torch.manual_seed(0)
    network = patchgan.Discriminator(1, width=2, halvings=halvings).double()
    for module in network.modules():  # statistics of whole maps would let every pixel be seen
        if isinstance(module, translation.InstanceNorm):
            module.forward = lambda x: x
    images = torch.rand(1, 1, 160, 160, dtype=torch.float64, requires_grad=True)
    logits = network(images)
    middle = logits.shape[2] // 2
    (slope,) = torch.autograd.grad(logits[0, 0, middle, middle], images)
    rows, columns = slope[0, 0].nonzero().T
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (side, side)


@given(st.integers(1, 3), st.integers(0, 20), st.integers(0, 20))
@settings(max_examples=20, deadline=None)
def test_patch_logits_are_a_map_and_the_smallest_image_leaves_one(halvings, more_rows, more_columns):
    network, smallest = patchgan.Discriminator(1, width=1, halvings=halvings), 3 * 2**halvings
    rows, columns = smallest + more_rows, smallest + more_columns
    expected = (2, 1, rows // 2**halvings - 2, columns // 2**halvings - 2)
    assert network(torch.rand(2, 1, rows, columns)).shape == expected
    assert network(torch.rand(2, 1, smallest, smallest)).shape == (2, 1, 1, 1)
    with pytest.raises(ValueError, match=f"sides of at least {smallest} pixels"):
        network(torch.rand(2, 1, smallest - 1, columns))


def test_instance_normalization_is_that_of_torch():
    images = torch.randn(3, 5, 6, 7, dtype=torch.float64) * 4 + 2
    expected = nn.InstanceNorm2d(5)(images)
    assert torch.allclose(translation.InstanceNorm()(images), expected, rtol=0, atol=1e-12)
    assert torch.allclose(expected.mean((2, 3)), torch.zeros(3, 5, dtype=torch.float64), rtol=0, atol=1e-12)


def test_other_paths_of_normalization_give_the_same_numbers(monkeypatch):
    images = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    on_cpu = translation.InstanceNorm()(images)
    monkeypatch.setattr(F, "group_norm", None)
    elsewhere = translation.InstanceNorm()(images.as_subclass(OnGpu))
    assert torch.allclose(on_cpu, elsewhere.as_subclass(torch.Tensor), rtol=0, atol=1e-12)


class OnGpu(torch.Tensor):
    """A tensor that says it is on a GPU, to take the way that is taken there."""

    device = torch.device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_networks_give_the_same_numbers_on_a_gpu():
    torch.manual_seed(0)
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64) * 2 - 1
    for network in (translation.Generator(3, width=4, blocks=1), patchgan.Discriminator(3, width=4, halvings=2)):
        expected = network.double()(images)
        assert torch.allclose(network.to("cuda")(images.to("cuda")).cpu(), expected, rtol=0, atol=1e-10)


def test_every_image_is_translated_and_judged_by_itself():
    torch.manual_seed(0)
    images = torch.rand(3, 3, 16, 16, dtype=torch.float64) * 2 - 1
    for network in (translation.Generator(3, width=4, blocks=1), patchgan.Discriminator(3, width=4, halvings=2)):
        network = network.double()
        together, alone = network(images), torch.cat([network(image[None]) for image in images])
        assert torch.allclose(together, alone, rtol=0, atol=1e-12)


def test_the_compiler_traces_both_pairs_as_a_whole():
    a, b = torch.rand(2, 2, 1, 8, 8)
    for pair in (translation.Translators(1, width=2, blocks=1), patchgan.Discriminators(1, width=2, halvings=1)):
        compiled = torch.compile(pair, backend="eager", fullgraph=True)
        for got, expected in zip(compiled(a, b), pair(a, b), strict=True):
            assert torch.equal(got, expected)


def test_borders_are_mirrored_in_the_outer_and_the_residual_convolutions():
    modes = {
        (module.kernel_size[0], module.padding_mode)
        for module in translation.Generator(1, width=2, blocks=1).modules()
        if isinstance(module, nn.Conv2d) and module.stride == (1, 1)
    }
    assert modes == {(7, "reflect"), (3, "reflect")}
    block = translation.Residual(2).double()
    x = torch.rand(1, 2, 6, 6, dtype=torch.float64)
    first, _, _, second, _ = block.layers
    inner = F.relu(F.instance_norm(F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), first.weight, first.bias)))
    outer = F.instance_norm(F.conv2d(F.pad(inner, (1,) * 4, mode="reflect"), second.weight, second.bias))
    assert torch.allclose(block(x), x + outer, rtol=0, atol=1e-12)


def test_weights_start_small_and_biases_at_zero():
    torch.manual_seed(0)
    for network in (translation.Generator(3, blocks=1), patchgan.Discriminator(3)):
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                assert not parameter.any()
            else:
                deviation = 0.02 * (1 + torch.tensor([-5.0, 5.0]) / (2 * parameter.numel()) ** 0.5)  # five sigmas
                assert deviation[0] < parameter.std() < deviation[1], name


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: translation.Generator(3, width=2)(torch.zeros(1, 3, 10, 17)), r"10 x 17 pixels.*crop them to 8 x 16"),
        (lambda: translation.Generator(3, width=2)(torch.zeros(1, 3, 4, 8)), r"4 x 8 pixels.*crop them to 8 x 8"),
        (lambda: translation.Generator(3, width=2)(torch.zeros(1, 1, 8, 8)), r"\[batch, 3, H, W\] expected"),
        (lambda: translation.Generator(3, width=2)(torch.zeros(3, 8, 8)), r"shape \(3, 8, 8\) given"),
        (lambda: patchgan.Discriminator(3, halvings=0), "at least once, not 0 times"),
        (lambda: patchgan.Discriminator(3, width=2)(torch.zeros(1, 1, 32, 32)), r"\[batch, 3, H, W\] expected"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

"""The averaged generator against its definition, written out number by number."""

import pytest
import torch
from torch import nn

from ganedu.training.ema import Average, decay_at


@pytest.mark.parametrize(
    ("step", "decay", "expected"),
    [(0, 0.999, 0.1), (1, 0.999, 2 / 11), (8, 0.999, 0.5), (80, 0.999, 0.9), (10**5, 0.999, 0.999), (8, 0.25, 0.25)],
)
def test_decay_warms_up_and_ends_at_its_limit(step, decay, expected):
    assert decay_at(step, decay) == pytest.approx(expected, abs=1e-15)


def weights(value):
    network = nn.Linear(2, 1, bias=False, dtype=torch.float64)
    nn.init.constant_(network.weight, value)
    return network


def test_average_is_the_weighted_sum_of_all_weights_so_far():
    average = Average(weights(5.0), decay=0.4)
    expected = 5.0
    for step, value in enumerate((1.0, -2.0, 3.0, 0.5), start=1):
        average.update(weights(value), step)
        kept = min(0.4, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * value
        assert torch.allclose(average.network.weight, torch.full((1, 2), expected, dtype=torch.float64), rtol=1e-14)


def test_average_of_constant_weights_is_these_weights_and_lies_between_others():
    average = Average(weights(0.0), decay=0.9)
    for step in range(1, 400):
        average.update(weights(1.0), step)
        assert (average.network.weight >= 0).all() and (average.network.weight <= 1).all()
    assert torch.allclose(average.network.weight, torch.ones(1, 2, dtype=torch.float64), rtol=0, atol=1e-12)


def test_running_statistics_are_copied_and_not_averaged():
    network = nn.BatchNorm1d(3)
    average = Average(network, decay=0.9)
    network(torch.randn(16, 3) + 7)
    average.update(network, 1)
    assert torch.equal(average.network.running_mean, network.running_mean)
    assert average.network.num_batches_tracked == network.num_batches_tracked == 1


def test_average_is_a_copy_in_evaluation_mode_without_gradients():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    average = Average(network, decay=0.9)
    assert not average.network.training and network.training
    assert not any(p.requires_grad for p in average.network.parameters())
    assert all(p.requires_grad for p in network.parameters())
    before = average.network[0].weight.clone()
    with torch.no_grad():
        network[0].weight.add_(1)
    assert torch.equal(average.network[0].weight, before)

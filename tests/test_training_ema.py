"""`ganedu.training.ema`: the recursion written out, its warm-up, and what is copied instead of averaged."""

import pytest
import torch
from torch import nn

from ganedu.training.ema import Average, decay_at


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3, dtype=torch.float64), nn.BatchNorm1d(3, dtype=torch.float64))


def move(net, step):
    """Weights and running statistics of another step, all of them other numbers."""
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(0.5 * step)
    net(torch.full((4, 2), float(step), dtype=torch.float64) * torch.arange(4.0, dtype=torch.float64)[:, None])


def test_the_average_is_the_recursion_written_out():
    net = network()
    average, first = Average(net, decay=0.3), [weight.detach().clone() for weight in net.parameters()]
    expected = first
    for step in (1, 2, 3, 4, 5):
        move(net, step)
        average.update(net, step)
        keep = min(0.3, (1 + step) / (10 + step))  # 2/11, 3/12, 4/13 > 0.3, so the third is the first of the last rate
        expected = [keep * a + (1 - keep) * w.detach() for a, w in zip(expected, net.parameters(), strict=True)]
    for got, value, start in zip(average.network.parameters(), expected, first, strict=True):
        assert torch.allclose(got, value, rtol=0, atol=1e-14)
        assert not torch.allclose(got, start, rtol=0, atol=0.1)
        assert not got.requires_grad


def test_the_decay_warms_up_so_that_early_weights_are_forgotten():
    assert [decay_at(step, 0.999) for step in (1, 8, 90)] == pytest.approx([2 / 11, 0.5, 0.91], abs=1e-15)
    assert decay_at(10**6, 0.999) == 0.999
    left = 1.0  # the share of the initial weights after 300 steps
    for step in range(1, 301):
        left *= decay_at(step, 0.999)
    assert left < 1e-10 < 0.7 < 0.999**300


def test_running_statistics_are_copied_and_not_averaged():
    net = network()
    average = Average(net, decay=0.999)
    for step in (1, 2):
        move(net, step)
        before = average.network[1].running_mean.clone()
        average.update(net, step)
        assert not torch.equal(before, net[1].running_mean)
        for got, expected in zip(average.network.buffers(), net.buffers(), strict=True):
            assert torch.equal(got, expected)
    assert average.network[1].num_batches_tracked == 2
    move(net, 3)  # a copy, which later steps leave alone
    assert not torch.equal(average.network[1].running_mean, net[1].running_mean)


def test_the_averaged_network_is_its_own_and_stays_in_evaluation_mode():
    net = network().train()
    average = Average(net, decay=0.9)
    average.update(net, 1)
    assert net.training and not any(module.training for module in average.network.modules())
    assert not {id(w) for w in net.parameters()} & {id(w) for w in average.network.parameters()}

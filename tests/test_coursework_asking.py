"""Functions behind a wall behave, seen from a test, as if they were called here; what comes back is plain data."""

import contextlib
import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tools.coursework import wire
from tools.coursework.asking import AnswerError, LimitBroken, Limits, Submission
from tools.coursework.walls import Wall

ANSWERS = """
import torch
def double(x): return 2 * x
def apply(f, x): return {"value": f(x), "pair": (1, None, "two", [True, 0.5])}
def slope_of(f, x): return torch.func.grad(f)(x)
def penalty(f, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x, create_graph=True)[0].square().sum()
def train(network, optimizer, x):
    optimizer.zero_grad()
    network(x).sum().backward()
    optimizer.step()
def in_place(x): x.add_(1)
def module(): return torch.nn.Linear(1, 1)
def broken(): raise ZeroDivisionError("by \\x1b zero")
def strange(): raise type("CheckFailed", (Exception,), {})("x")
def leave(): raise SystemExit
"""
PLAIN = st.recursive(
    st.none() | st.booleans() | st.text() | st.floats(allow_nan=False) | st.integers(-(2**63) + 1, 2**63 - 1),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def submission():
    answering = Submission.of({}, Wall("none"), Limits(memory_gb=1))
    answering.begin()
    answering.ask(do="define", source=ANSWERS)
    yield answering
    answering.close()


@given(PLAIN)
@settings(deadline=None)
def test_plain_data_come_back_as_they_went(value):
    assert wire.read(*wire.written(value)) == value


@pytest.mark.parametrize("name", wire.DTYPES)
def test_tensors_of_every_kind_come_back_bit_by_bit(name):
    for shape in ((), (0, 3), (2, 3)):
        tensor = torch.arange(math.prod(shape)).reshape(shape).to(wire.DTYPES[name]).movedim(0, -1) if shape else (
            torch.tensor(1, dtype=wire.DTYPES[name])
        )  # fmt: skip
        (back,) = wire.read(*wire.written([tensor]))
        assert back.dtype == tensor.dtype and back.shape == tensor.shape and torch.equal(back, tensor)


@given(st.binary(max_size=60) | PLAIN.map(lambda value: json.dumps(value).encode()), st.binary(max_size=20))
@settings(deadline=None)
def test_no_bytes_make_the_reader_do_more_than_refuse(text, blob):
    with contextlib.suppress(wire.Garbled):
        wire.written(wire.read(text, blob))  # if it is read, it is plain


@pytest.mark.parametrize(
    "text",
    ['{"tensor": ["float64", [9], 0]}', '{"tensor": ["float64", [-1], 0]}', '{"tensor": ["object", [], 0]}',
     '{"tensor": ["uint8", [1], -1]}', '{"tensor": ["uint8", [4611686018427387904, 4], 0]}', "[" * 10**5, "1" * 10**5,
     '{"tensor": ["uint8", [0, 1000000000000], 0]}', '{"dict": [[{"list": []}, 1]]}', '{"object": 1}', "{}"],
)  # fmt: skip
def test_impossible_values_are_refused(text):
    with pytest.raises(wire.Garbled):
        value = wire.read(text.encode(), b"12345678")
        raise wire.Garbled if torch.is_tensor(value) and value.numel() == 0 else AssertionError(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, 2**63, torch.zeros(1).expand(10**10), torch.eye(2).to_sparse()])
def test_what_is_not_plain_is_not_sent(value):
    with pytest.raises(wire.NotPlain):
        wire.written([value])


def test_functions_go_in_and_plain_data_come_back(submission):
    scale = torch.tensor([2.0, 3.0])
    got = submission.function("apply")(lambda x: scale * x, x=torch.ones(2))
    assert torch.equal(got["value"], scale) and got["pair"] == (1, None, "two", [True, 0.5])
    assert torch.equal(submission.function("slope_of")(lambda x: (scale * x**2).sum(), scale), 2 * scale**2)


def test_a_derivative_reaches_through_the_answer(submission):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (slope,) = torch.autograd.grad((submission.function("double")(x**2) * torch.tensor([1.0, 5.0])).sum(), x)
    assert torch.equal(slope, torch.tensor([4.0, 40.0]))
    with torch.no_grad():
        assert not submission.function("double")(x).requires_grad


def test_a_derivative_reaches_what_a_function_among_the_arguments_holds(submission):
    scale, layer = torch.tensor(3.0, requires_grad=True), nn.Linear(2, 1, bias=False)
    found = submission.function("penalty")(lambda x: scale * layer(x), torch.ones(4, 2))
    by_scale, by_weight = torch.autograd.grad(found, [scale, layer.weight])
    assert torch.allclose(by_scale, 2 * found.detach() / 3)
    assert torch.allclose(by_weight, 72 * layer.weight.detach())


def test_a_network_that_an_answer_trains_is_trained_here_and_nothing_else_is_changed(submission):
    network, x = nn.Linear(2, 1), torch.ones(3, 2)
    copy = nn.Linear(2, 1)
    copy.load_state_dict(network.state_dict())
    submission.function("train")(network, torch.optim.SGD(network.parameters(), 0.1), x)
    copy(x).sum().backward()
    torch.optim.SGD(copy.parameters(), 0.1).step()
    assert torch.equal(network.weight, copy.weight) and torch.equal(network.weight.grad, copy.weight.grad)
    submission.function("in_place")(x)
    assert torch.equal(x, torch.ones(3, 2))  # expected values may be computed from it


def test_errors_are_raised_here_and_none_can_be_mistaken_for_one_of_ours(submission):
    with pytest.raises(ZeroDivisionError, match="by   zero"):
        submission.function("broken")()
    with pytest.raises(AnswerError, match="CheckFailed: x"):
        submission.function("strange")()
    with pytest.raises(AnswerError, match="a Linear is neither a number nor a tensor"):
        submission.function("module")()
    with pytest.raises(NameError, match="nothing is not defined"):
        submission.function("nothing")()
    with pytest.raises(AnswerError, match="SystemExit"):
        submission.function("leave")()


def test_a_process_that_ends_is_a_limit_that_was_broken():
    answering = Submission.of({}, Wall("none"), Limits(memory_gb=1))
    answering.begin()
    with pytest.raises(LimitBroken, match="ended the Python process"):
        answering.ask(do="define", source="import os; os._exit(0)")
    answering.close()

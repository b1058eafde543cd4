"""Of the cells of a chapter those are found that others need."""

import pytest
from slicing import names, needed, sliced


@pytest.mark.parametrize(
    ("cell", "bound", "used"),
    [
        ("y = x + 1", {"y"}, {"x"}),
        ("x = x + 1", {"x"}, {"x"}),
        ("x += 1", {"x"}, {"x"}),
        ("x[0] = 1", set(), {"x"}),
        ("for ax in axes:\n    ax.plot(k)", {"ax"}, {"axes", "k"}),
        ("with open(f) as g:\n    g.read()", {"g"}, {"open", "f"}),
        ("(a, b), *c = d", {"a", "b", "c"}, {"d"}),
        ("r = [f(i, k) for i in s]", {"r"}, {"f", "k", "s"}),
        ("def f(x, n=m):\n    y = x + c\n    return y", {"f"}, {"m", "c"}),
        ("class A(B):\n    k = c", {"A"}, {"B", "c"}),
        ("g = lambda x: x * w", {"g"}, {"w"}),
        ("%matplotlib inline\nimport a.b, c as d\nfrom e import f\na.b(d, f)", set(), set()),
    ],
)
def test_what_a_cell_binds_and_what_it_uses_from_above(cell, bound, used):
    assert names(cell) == (bound, used)


def test_the_last_binding_above_is_needed_and_what_it_needs():
    cells = ["a = 1", "b = a", "a = 2", "train()", "c = a", "print(b)", "b = 3"]
    assert needed(cells, [4]) == {2, 4}
    assert needed(cells, [5]) == {0, 1, 5}
    assert needed(cells, [4, 5]) == {0, 1, 2, 4, 5}


def test_of_the_others_imports_precision_and_seeds_are_left():
    cells = [
        "%matplotlib inline\nimport torch\ntorch.manual_seed(3)\nrun = train()",
        "torch.set_default_dtype(torch.float64)  # for the checks\nprint(run)",
        "%time x = 1\ny = 2",
    ]
    assert sliced(cells, {2}) == [
        "import torch\ntorch.manual_seed(3)",
        "torch.set_default_dtype(torch.float64)",
        "\ny = 2",
    ]

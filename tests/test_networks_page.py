"""The page of networks and training steps says what a step of each recipe does."""

import re
from itertools import groupby

import pytest
import torch
from torch import nn

from ganedu import recipes
from ganedu.cli.recipes import usual_facts
from tools import networks

PAGE = (networks.ROOT / "book" / "appendix" / "networks.md").read_text(encoding="utf-8")
LETTERS = {"D": "discriminator", "G": "generator", "E": "encoder", "M": "matcher"}
LETTERS |= {"F": "generator.BtoA", "D_A": "discriminator.A", "D_B": "discriminator.B"}
LETTERS |= {"D₁": "discriminator.0", "D₂": "discriminator.1"}
FOR_ALL = pytest.mark.parametrize("name", recipes.NAMES)


@pytest.fixture(scope="module")
def seen():
    """What was seen in a step of each recipe."""
    return {name: networks.watch(name) for name in recipes.NAMES}


def modules(names, network_names):
    """The networks that letters of the page stand for."""
    letters = LETTERS | ({"G": "generator.AtoB"} if "generator.AtoB" in network_names else {})
    return {letters[each] for name in names for each in name.split(", ")}


@FOR_ALL
def test_a_declared_step_is_the_step_of_the_recipe(seen, name):
    happened = [(phase.ran | phase.moved, phase.moved) for phase in seen[name].phases]
    declared = [
        (
            modules([n for flow in phase["flows"] for n in networks.networks_in(flow)], seen[name].networks),
            modules(phase["moves"], seen[name].networks),
        )
        for phase in networks.declared()[name]
    ]
    assert declared == [phase for phase, _ in groupby(happened)]  # several steps of a critic are one phase


@FOR_ALL
def test_whoever_moves_gets_a_gradient(name):
    for phase in networks.declared()[name]:
        ends = [flow.rpartition("⊣")[2] if "⊣" in flow else flow for flow in phase["flows"]]
        reached = {each for end in ends for part in re.split("→", end) for each in part.strip().split(", ")}
        assert set(phase["moves"]) <= reached


@FOR_ALL
def test_the_rows_of_a_drawing_hold_all_weights_of_its_network(seen, name):
    for label, network in seen[name].networks.items():
        rows = seen[name].drawings[label]
        assert sum(row.weights for row in rows) == sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(
    "name", [n for n in recipes.NAMES if n not in ("progressive", "cyclegan", "attngan", "context-encoder")]
)
def test_an_image_leaves_the_generator(seen, name):
    kind = recipes.get(name)
    shapes = [row.left for row in seen[name].drawings["generator"]]
    assert usual_facts(kind, kind.Config().small())["image_shape"] in shapes


def test_a_drawing_joins_what_bends_and_counts_equal_blocks():
    layers = [nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()]
    network, calls, phases = nn.Sequential(*layers, nn.Linear(64, 64), nn.Linear(64, 64)), {}, [networks.Phase()]
    for module in network.modules():
        module.register_forward_hook(lambda m, a, o: networks._note_call("net", phases, calls, m, a, o))
    network(torch.zeros(2, 1, 8, 8))
    first, second = networks._rows(network, calls)
    assert first == networks.Row("Conv2d 3×3, stride 2 · BatchNorm2d · ReLU · Flatten", 36 + 4 + 8, (1, 8, 8), (64,))
    assert second == networks.Row("Linear", 2 * (64 * 64 + 64), (64,), (64,), times=2)


def test_a_network_that_moves_is_filled_and_one_that_is_held_is_not():
    page = networks.step([{"moves": ["D₁", "D₂"], "flows": ["z → G ⊣ D₁, D₂"]}])
    assert '<b class="held">G</b>' in page and '<b class="moves">D₁, D₂</b>' in page and ">→|</span>" in page


def test_every_recipe_stands_on_the_page_once_with_its_chapter():
    found = re.findall(r"^`([\w-]+)`, taught in \{ref\}`(ch-[\w-]+)`\.\n\n```\{include\} \S+/([\w-]+)\.md", PAGE, re.M)
    assert sorted(name for name, _, _ in found) == sorted(recipes.NAMES)
    for name, chapter, included in found:
        assert included == name and f"{{ref}}`{chapter}`" in recipes.get(name).__doc__

"""The benchmarks compare equal work, and the page on performance shows what they stored."""

import io
import json
import re
from dataclasses import asdict
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import __main__ as command
from benchmarks import cyclegan, dcgan, epoch, measure, playground, quality, record, scaling, wgan_gp
from ganedu import penalties, recipes
from ganedu.data import kinds
from tools import performance

ROOT = Path(__file__).resolve().parents[1]
TINY = {"size": 8, "batch_size": 4, "width": 4, "latent_dim": 5}
TINY_CRITICS = {
    "conv": {**TINY, "architecture": "conv"},
    "resnet": {**TINY, "architecture": "resnet", "size": 16},
}
TINY_CYCLE = {"size": 16, "width": 4, "blocks": 1, "halvings": 2, "pool": 1}
STORED = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def losses(work, steps=2):
    return [{name: float(value) for name, value in work().items()} for _ in range(steps)]


def assert_same(ours, theirs, atol=1e-5):
    assert all(row.keys() == other.keys() for row, other in zip(ours, theirs, strict=True))
    for row, other in zip(ours, theirs, strict=True):
        assert row == pytest.approx(other, abs=atol)


@pytest.mark.parametrize("layout", [None, torch.contiguous_format])
def test_the_plain_step_of_dcgan_and_ours_take_the_same_path_in_float32(layout):
    assert_same(losses(dcgan.ours(layout=layout, **TINY)), losses(dcgan.plain(**TINY)))


@pytest.mark.parametrize("architecture", ["conv", "resnet"])
def test_the_plain_step_of_wgan_gp_and_ours_take_the_same_path_in_float32(architecture):
    tiny = TINY_CRITICS[architecture]
    assert_same(losses(wgan_gp.ours(**tiny)), losses(wgan_gp.plain(**tiny)))


def test_the_plain_step_of_cyclegan_and_ours_take_the_same_path_in_float32_beyond_a_full_pool():
    theirs = losses(cyclegan.plain(**TINY_CYCLE), 4)
    assert_same(losses(cyclegan.ours(**TINY_CYCLE), 4), theirs, atol=1e-4)
    never_full = losses(cyclegan.plain(**{**TINY_CYCLE, "pool": 50}), 4)
    assert never_full[-1]["loss_d"] != pytest.approx(theirs[-1]["loss_d"], abs=1e-3)


def test_the_plain_cyclegan_normalizes_by_the_librarys_layers_and_as_ours_does():
    ours, plain = (cyclegan.recipe(**TINY_CYCLE).networks["generator"] for _ in range(2))
    cyclegan.use_library_norm({"generator": plain})
    norms = [m for m in plain.modules() if isinstance(m, nn.InstanceNorm2d)]
    assert len(norms) == 2 * 7 and not any(isinstance(m, cyclegan.InstanceNorm) for m in plain.modules())
    a, b = cyclegan.real_batches(TINY_CYCLE)[0]
    for x, y in zip(ours(a, b), plain(a, b), strict=True):
        assert torch.allclose(x, y, rtol=0, atol=1e-5)


def test_the_plain_critic_step_walks_through_the_generator_and_ours_does_not():
    made, random = wgan_gp.recipe(**TINY_CRITICS["conv"]), torch.Generator().manual_seed(2)
    g, d, real = made.networks["generator"], made.networks["discriminator"], dcgan.real_batches(TINY)[0]
    wgan_gp.critic_step(g, d, dcgan.adam(d, made.config), real, 10.0, random)
    assert all(weight.grad is not None for weight in g.parameters())
    g.zero_grad()
    made.n_real = 1
    made.generator_step = lambda real, fake: {}
    made.step(kinds.Images(real), random)
    assert all(weight.grad is None for weight in g.parameters())


@pytest.mark.parametrize("make", [epoch.pictures, epoch.Photographs])
def test_the_plain_epoch_and_ours_see_the_same_images_in_the_same_order(make):
    images = make(8, 8)
    assert images.bytes.shape == (8, 3, 8, 8) and images.bytes.dtype == torch.uint8
    assert_same(losses(epoch.ours(images, **TINY)), losses(epoch.plain(images, 0, **TINY)))


def test_photographs_are_cut_from_the_middle_at_their_own_proportions():
    images, (width, height) = epoch.Photographs(1, 8), epoch.PHOTOGRAPH
    assert images.bytes.float().std() > 10  # they show something
    edge, file = (height - width) // 2 - 8, io.BytesIO()  # 8: as far as the resizing looks
    shown = np.zeros((height, width, 3), dtype=np.uint8)
    shown[:edge], shown[-edge:], shown[height // 2 :, : width // 2] = 255, 255, 100
    Image.fromarray(shown).save(file, "PNG")
    images.files = [file.getvalue()]
    picture = np.array(images.picture(0))
    assert picture.shape == (8, 8, 3) and (picture[:3] == 0).all() and (picture[5:, :3] == 100).all()
    assert (picture[:, 5:] == 0).all()


def test_a_contest_whose_exact_side_does_other_work_is_refused():
    works = {"plain": lambda: lambda: {"loss": 1.0}, "exact": lambda: lambda: {"loss": 1.1}}
    with pytest.raises(ValueError, match=r"off the plain path by .*0.1.*not the same work"):
        measure.paths(measure.Contest("other", {}, works))


def test_rounds_take_turns_and_run_backward_every_other_time():
    order = []
    seconds = measure.interleave({name: lambda name=name: order.append(name) for name in "abc"}, rounds=2)
    assert "".join(order) == "abccba" and all(len(times) == 2 for times in seconds.values())


def test_speedups_are_medians_of_ratios_within_a_round():
    found = measure.summary([1.0, 2.0, 30.0], [2.0, 1.0, 3.0])
    assert (found["seconds"], found["speedup"]) == (2.0, 2.0)


def test_operations_and_bytes_are_those_of_a_product_counted_by_hand():
    layer, x = nn.Linear(3, 5, bias=False), torch.randn(7, 3)
    found = measure.count(lambda: layer(x))
    assert found["operations"] == 2 * 7 * 3 * 5
    assert found["bytes"] == 4 * (7 * 3 + 3 * 5 + 7 * 5)


def test_ours_does_the_operations_of_plain_without_the_gradients_that_are_thrown_away():
    count = {name: measure.count(build(**TINY)) for name, build in (("plain", dcgan.plain), ("ours", dcgan.ours))}
    d, images = dcgan.recipe(**TINY).networks["discriminator"], dcgan.real_batches(TINY)[0]
    d(images)  # one pass forward is as much as one pass backward to the weights
    forward = measure.count(lambda: d(images))["operations"]
    assert count["plain"]["operations"] - count["ours"]["operations"] == forward
    assert count["ours"]["bytes"] < count["plain"]["bytes"]


@pytest.mark.parametrize("architecture", ["conv", "resnet"])
def test_a_penalty_costs_two_passes_forward_and_two_backward_and_none_for_gradients_that_are_zero(architecture):
    critic = wgan_gp.recipe(**TINY_CRITICS[architecture]).networks["discriminator"]
    real, fake = dcgan.real_batches(TINY_CRITICS[architecture], 2)
    forward = measure.count(lambda: critic(real))["operations"]
    whole = measure.count(lambda: penalties.gradient_penalty(critic, real, fake).backward())["operations"]
    assert whole / forward == pytest.approx(4, abs=0.01)


def test_operations_are_those_of_pytorchs_own_counter():
    work = dcgan.plain(**TINY)
    with FlopCounterMode(display=False) as theirs:
        work()
    assert measure.count(work)["operations"] == theirs.get_total_flops() > 0


def test_a_compared_contest_says_floor_and_share(tmp_path):
    found = measure.compare(dcgan.contest(**TINY), rounds=2)
    row, rates = found["contestants"]["bf16"], found["machine"]
    assert row["floor_seconds"] == pytest.approx(row["operations"] / rates["bf16_operations_per_second"], rel=1e-9)
    assert row["share_of_floor"] == pytest.approx(row["floor_seconds"] / row["seconds"], rel=1e-9)
    assert found["contestants"]["plain"]["speedup"] == 1
    path = record.write(found, command="here", folder=tmp_path)
    assert record.read(tmp_path)["dcgan"] == json.loads(path.read_text())


def test_a_larger_batch_needs_more_memory():
    small, large = (scaling.peak_memory({**TINY, "size": 32, "width": 16, "batch_size": n}) for n in (1, 64))
    assert 0 < small < large


def test_costs_of_steps_and_frames_follow_from_two_speeds():
    step, frame = 0.002, 0.005  # seconds of the page's thread
    runs = [{"steps": s, "frames": f, "busy": s * step + f * frame} for s, f in ((10.0, 60.0), (200.0, 50.0))]
    assert playground._costs(*runs) == pytest.approx({"step": 2.0, "frame": 5.0}, abs=1e-9)


def test_slopes_are_exponents():
    assert performance.slope([1, 2, 4], [3, 12, 48]) == pytest.approx(2, abs=1e-9)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_results_say_where_they_come_from(path):
    found = json.loads(path.read_text())
    assert found["name"] == path.stem
    assert found["settings"]["seeds"] if path.stem in command.TRAINED else found["rounds"] >= 3
    source = found["provenance"]
    assert source["packages"]["torch"] and source["processor"] and source["threads"] >= 1
    assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?", source["commit"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", source["date"])
    assert source["command"].startswith(f"python -m benchmarks {path.stem} ")


def test_the_page_shows_the_stored_numbers(tmp_path):
    performance.build(tmp_path)
    page = (ROOT / "book" / "appendix" / "performance.md").read_text()
    pages = ("performance.md", "scaling.md", "scaling.svg", "playground.md")
    for name in (*pages, "quality.md", "quality.svg", "ingredients.md"):
        assert f"../../_build/generated/{name}" in page and (tmp_path / name).exists()
    shown, results = (tmp_path / "performance.md").read_text(), record.read()
    assert results.keys() >= {"dcgan", "scaling"}
    apart = {"scaling", "playground", *command.TRAINED}
    assert performance.TITLES.keys() == command.CONTESTS.keys() >= results.keys() - apart
    for name in results.keys() - apart:
        assert f"### {performance.TITLES[name]}" in shown
        for contestant, row in results[name]["contestants"].items():
            assert f"| {contestant} | {row['seconds']:.3f} | {row['speedup']:.2f}× |" in shown
    for row in (results["scaling"]["batch"][-1], results["scaling"]["side"][-1]):
        assert f"{row['seconds']:.3f} seconds" in (tmp_path / "scaling.md").read_text()
    before = (tmp_path / "scaling.svg").read_bytes()
    (tmp_path / "scaling.svg").unlink()
    performance.build(tmp_path)
    assert (tmp_path / "scaling.svg").read_bytes() == before


QUALITY = {"data": "digits", "size": 8, "seconds": 0.3, "every": 0.1, "samples": 80, "seeds": (0, 1)}


def test_quality_is_followed_at_the_same_times_for_all_runners(tmp_path, monkeypatch):
    runners = ("dcgan, plain", "dcgan, small", "wgan-gp, plain", "sngan, plain", "sngan, ours", "r3gan, small")
    pace = (0.1, 0.05, 0.1, 0.1, 0.05, 0.04)
    monkeypatch.setattr(quality, "paces", lambda names, *_: dict(zip(names, pace, strict=True)))
    found = quality.measure(runners=runners, parts=tmp_path / "parts", **QUALITY)
    assert tuple(found["runners"]) == runners
    for name, row in found["runners"].items():
        assert len(row["runs"]) == 2
        times = [0.1, 0.2, 0.3] if name.endswith("plain") else [0.1, 0.2]
        for run in row["runs"]:
            assert run["seconds"] == pytest.approx(times)
            assert run["steps"] == [round(each / found["pace"][name]) for each in run["seconds"]]
            assert len(run["frechet_distance"]) == len(times)
            assert all(np.isfinite([*run["frechet_distance"], run["not_averaged"]]))
            assert (run["not_averaged"] == run["frechet_distance"][-1]) == name.endswith("plain")
    assert json.loads(json.dumps(found["settings"])) is not None
    monkeypatch.setattr(quality, "runner", None)  # nothing is left to do
    assert quality.measure(runners=runners, parts=tmp_path / "parts", **QUALITY)["runners"] == found["runners"]
    with pytest.raises(ValueError, match="other settings; choose another folder"):
        quality.measure(runners=runners, parts=tmp_path / "parts", **QUALITY | {"samples": 70})
    with pytest.raises(ValueError, match="other settings; choose another folder"):
        quality.measure(runners=runners[:2], parts=tmp_path / "parts", **QUALITY)


def test_each_ingredient_is_one_change_of_the_miniature(monkeypatch):
    made = []

    def trainer(*parts, **_):
        made.append(parts)
        return MagicMock()

    monkeypatch.setattr(quality, "Trainer", trainer)
    for name in quality.INGREDIENTS:
        quality.runner(name, torch.zeros(130, 1, 16, 16, dtype=torch.uint8), 16, 0, 1)
    (first, _, base), *others = made
    assert first.config == recipes.get("dcgan").Config().small() and base.precision == "fp32"
    assert len(others) == len(quality.CHANGES)
    for (recipe, batches, plan), change in zip(others, quality.CHANGES.values(), strict=True):
        now, before = asdict(recipe.config) | {"precision": plan.precision}, asdict(first.config)
        assert {key: value for key, value in now.items() if value != before.get(key, base.precision)} == change
        order = batches.orders[0]
        assert (order.batch_size, order.flip) == (recipe.config.batch_size, recipe.config.flip)


def test_the_table_of_ingredients_names_what_was_changed():
    run = {"seconds": [20.0, 40.0], "frechet_distance": [9.0, 5.0], "not_averaged": 6.0}
    other = run | {"frechet_distance": [8.0, 5.0]}
    runs = {"dcgan, small": [run, other], "dcgan, small, no bias": [other, other]}
    found = {"pace": dict.fromkeys(runs, 0.25), "runners": quality.summary(runs)}
    table = performance.ingredients(found | {"provenance": record.provenance("python -m benchmarks ingredients")})
    assert "| nothing | 0.250 | 8.0 to 9.0 | 5.0 | 6.0 |" in table
    assert "| no bias | 0.250 | 8.0 | 5.0 | 6.0 |" in table


def test_the_pace_of_each_runner_is_measured_by_its_own_steps():
    images = torch.randint(0, 256, (64, 1, 8, 8), dtype=torch.uint8)
    found = quality.paces(("dcgan, plain", "sngan, small"), images, 8)
    assert found.keys() == {"dcgan, plain", "sngan, small"}
    assert all(1e-5 < each < 10 for each in found.values())


def test_quality_is_reached_when_a_run_first_is_as_near_as_the_best_plain_one():
    runs = {
        "dcgan, plain": {"seconds": [1.0, 2.0], "frechet_distance": [9.0, 5.0]},
        "dcgan, ours": {"seconds": [1.0, 2.0], "frechet_distance": [4.0, 3.0]},
        "sngan, ours": {"seconds": [1.0, 2.0], "frechet_distance": [8.0, 6.0]},
    }
    found = quality.summary({name: [run] for name, run in runs.items()})
    assert {name: row["reached"] for name, row in found.items()} == {
        "dcgan, plain": [2.0],
        "dcgan, ours": [1.0],
        "sngan, ours": [None],
    }
    assert found["sngan, ours"]["goal"] == 5.0


def test_the_table_of_quality_shows_each_time_and_who_was_as_near():
    runs = {
        "dcgan, plain": [[9.0, 7.0, 5.0], [11.0, 6.0, 5.0]],
        "dcgan, small": [[8.0, 4.0], [6.0, 6.0]],
    }
    made = {
        name: [{"seconds": [20.0, 40.0, 60.0][: len(d)], "frechet_distance": d, "not_averaged": 12.0} for d in each]
        for name, each in runs.items()
    }
    found = {"settings": {"seconds": 60.0}, "pace": dict.fromkeys(runs, 0.25), "runners": quality.summary(made)}
    found["provenance"] = record.provenance("python -m benchmarks quality")
    table = performance.quality(found)
    assert "| dcgan, plain | 0.250 | 9 to 11 | 6 to 7 | 5 |  | 60 s |" in table
    assert "| dcgan, small | 0.250 | 6 to 8 | 4 to 6 |  | 12 | 40 s to never |" in table
    assert table.count("`python -m benchmarks quality`") == 1
    assert performance.race(found).count("<path") > 10

"""The feature networks, and reports that carry their protocol."""

import json
import math
import os

import pytest
import torch

from ganedu import data
from ganedu.metrics import features, frechet_from_features, report


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def digits(cache):
    return features.network("digits", cache=cache)


@pytest.fixture(scope="module")
def test_images():
    return data.load("digits", "test").images


def test_digits_are_read_nearly_without_error(digits):
    assert features.accuracy(digits, data.load("digits", "test")) >= 0.97


@pytest.mark.skipif(not os.environ.get("GANEDU_DATA"), reason="set GANEDU_DATA to a folder with the original archives")
@pytest.mark.skipif(not os.environ.get("GANEDU_SLOW"), reason="two minutes: set GANEDU_SLOW=1 to train the network")
@pytest.mark.parametrize(("name", "least"), [("mnist", 0.98), ("fashion-mnist", 0.90)])
def test_larger_sets_are_read_as_well_as_promised(name, least, tmp_path):
    net = features.network(name, cache=tmp_path)
    assert features.accuracy(net, data.load(name, "test")) >= least


def test_second_call_reads_the_same_weights_from_the_cache(digits, cache, monkeypatch):
    monkeypatch.setattr(features, "train", lambda *_, **__: pytest.fail("trained again"))
    again = features.network("digits", cache=cache)
    assert again.tag == digits.tag and len(again.tag) == len("digits-") + 12
    assert [file.suffix for file in cache.iterdir()] == [".safetensors"]


def test_training_repeats_itself_and_leaves_the_random_state_alone(monkeypatch):
    monkeypatch.setitem(features.IMAGES_TO_SEE, "digits", 1000)
    before, images = torch.get_rng_state(), data.load("digits")
    first, second = (features.train("digits", images) for _ in range(2))
    assert first.tag == second.tag != features.train("digits", images, seed=1).tag
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("threads", [1, 2])
def test_weights_do_not_depend_on_the_number_of_threads(monkeypatch, threads):
    monkeypatch.setitem(features.IMAGES_TO_SEE, "digits", 1000)
    images, before = data.load("digits"), torch.get_num_threads()
    expected = features.train("digits", images).tag
    torch.set_num_threads(threads)
    try:
        assert features.train("digits", images).tag == expected
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_double_precision_as_default_changes_no_weight(digits, cache, monkeypatch):
    monkeypatch.setitem(features.IMAGES_TO_SEE, "digits", 1000)
    single = features.train("digits", data.load("digits"))
    torch.set_default_dtype(torch.float64)
    try:
        assert features.train("digits", data.load("digits")).tag == single.tag
        assert features.network("digits", cache=cache).extract(data.load("digits").images[:3]).features.dtype
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("shape", [(1, 7, 64), (1, 64, 7), (3, 7, 7)])
def test_images_with_a_side_below_eight_are_too_small(shape):
    with pytest.raises(ValueError, match=f"images of {shape[1]} x {shape[2]} pixels are too small.*8 x 8 at least"):
        features.FeatureNetwork("tiny", shape, 2)
    smallest = features.FeatureNetwork("small", (shape[0], 8, 8), 2)
    assert smallest(torch.zeros(2, shape[0], 8, 8))[1].shape == (2, 2)


def test_color_is_looked_at_more_deeply_than_gray():
    depths = {
        channels: sum(
            isinstance(layer, torch.nn.Conv2d) for layer in features.FeatureNetwork("x", (channels, 8, 8), 2).modules()
        )
        for channels in (1, 3)
    }
    assert depths == {1: 2, 3: 3}


def test_features_and_probabilities_have_the_promised_form(digits, test_images):
    features_, probabilities = digits.extract(test_images)
    assert features_.shape == (256, features.WIDTH) and probabilities.shape == (256, 10)
    assert features_.dtype == torch.float32 and features_.min() >= 0 and not features_.requires_grad
    assert torch.allclose(probabilities.sum(1), torch.ones(256))


def test_bytes_floats_and_any_batch_size_see_the_same_image(digits, test_images):
    expected = digits.extract(test_images).features
    noisy = data.to_floats(test_images).clamp(-0.999, 0.999) + 1e-4  # rounds back to the same byte
    assert torch.equal(digits.extract(noisy).features, expected)
    assert torch.allclose(digits.extract(test_images, batch_size=7).features, expected, atol=1e-5)


def test_enlarged_images_are_brought_back_to_the_size_of_the_set(digits, test_images):
    large = test_images.repeat_interleave(4, 2).repeat_interleave(4, 3)
    near, own = digits.extract(large), digits.extract(test_images)
    same = (near.probabilities.argmax(1) == own.probabilities.argmax(1)).double().mean()
    assert same > 0.9


def test_features_tell_digits_from_noise(digits, test_images):
    train = digits.extract(data.load("digits").images).features
    real = digits.extract(test_images).features
    random = torch.Generator().manual_seed(0)
    noise = digits.extract(torch.randint(0, 256, (256, 1, 8, 8), generator=random, dtype=torch.uint8)).features
    assert frechet_from_features(noise, train) > 10 * frechet_from_features(real, train)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(4, 3, 8, 8, dtype=torch.uint8), r"\(4, 3, 8, 8\).*takes \[n, 1, height, width\]"),
        (torch.zeros(4, 8, 8, dtype=torch.uint8), r"\(4, 8, 8\)"),
        (torch.zeros(0, 1, 8, 8, dtype=torch.uint8), r"\(0, 1, 8, 8\)"),
        (torch.full((4, 1, 8, 8), math.nan), "256 of 256 pixels are NaN"),
        (torch.full((4, 1, 8, 8), 2.0), r"not within \[-1, 1\]"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.int64), "must be floats"),
    ],
)
def test_images_it_cannot_take_are_named(digits, images, message):
    with pytest.raises(ValueError, match=message):
        digits.extract(images)


def test_images_too_small_and_sets_without_classes_are_refused():
    with pytest.raises(ValueError, match="4 x 4 pixels are too small"):
        features.FeatureNetwork("tiny", (1, 4, 4), 2)
    photos = data.ImageData(torch.zeros(9, 3, 16, 16, dtype=torch.uint8), None, ())
    with pytest.raises(ValueError, match="photos has no classes"):
        features.train("photos", photos)


@pytest.mark.parametrize("damage", ["cut", "text", "swapped"])
def test_a_damaged_file_is_refused_with_its_remedy(digits, cache, tmp_path, damage):
    whole = next(cache.glob("*.safetensors")).read_bytes()
    spoiled = {"cut": whole[: len(whole) // 2], "text": b"not weights", "swapped": whole[:-1] + bytes([whole[-1] ^ 1])}
    name = next(cache.glob("*.safetensors")).name
    (tmp_path / name).write_bytes(spoiled[damage])
    with pytest.raises(ValueError, match=f"{name}.*delete it, and the network is trained again"):
        features.network("digits", cache=tmp_path)


def test_a_cache_that_cannot_be_written_is_named_before_any_training(monkeypatch, tmp_path):
    monkeypatch.setattr(features, "train", lambda *_, **__: pytest.fail("trained"))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"file cannot be written.*set GANEDU_CACHE"):
        features.network("digits", cache=tmp_path / "file")


def test_cache_folder_follows_the_platform_and_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GANEDU_CACHE", str(tmp_path))
    assert features.cache_folder() == tmp_path
    monkeypatch.delenv("GANEDU_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    for platform in ("linux", "win32"):
        monkeypatch.setattr("sys.platform", platform)
        assert features.cache_folder() == tmp_path / "ganedu"
    monkeypatch.setattr("sys.platform", "darwin")
    assert features.cache_folder().parts[-3:] == ("Library", "Caches", "ganedu")


# Reports


@pytest.fixture(scope="module")
def measured(digits, test_images):
    fake = data.to_floats(test_images.roll(1, dims=3))
    return report.evaluate(digits, test_images, fake, split="test", step=100, averaged=True)


def test_a_report_holds_every_number_and_how_it_was_made(measured, digits):
    assert set(measured.values) == set(report.LOWER_IS_BETTER)
    assert measured.protocol == report.Protocol(
        data="digits", split="test", n_real=256, n_fake=256, features=digits.tag, size=(8, 8)
    )
    assert measured.step == 100 and measured.averaged
    assert measured.values["frechet_distance"] > 0 and 1 <= measured.values["classifier_score"] <= 10


def test_a_report_survives_json(measured):
    assert report.Report.from_record(json.loads(json.dumps(measured.record()))) == measured


def test_a_record_without_the_size_of_the_images_is_read_and_compared_with_no_other(measured):
    record = json.loads(json.dumps(measured.record()))
    del record["protocol"]["size"]
    old = report.Report.from_record(record)
    assert old.protocol.size is None and old.values == measured.values
    with pytest.raises(ValueError, match=r"size=\(8, 8\).*size=None"):
        report.final_and_best([measured, old])


def test_reports_at_two_sizes_are_not_compared(digits, test_images, measured):
    larger = [data.resize(images, 16) for images in (test_images, test_images.roll(1, dims=3))]
    other = report.evaluate(digits, *larger, split="test", step=200, averaged=True)
    assert other.protocol.size == (16, 16)
    with pytest.raises(ValueError, match=r"different protocols.*size=\(8, 8\).*size=\(16, 16\)"):
        report.final_and_best([measured, other])
    with pytest.raises(ValueError, match=r"generated images of \(16, 16\) pixels and real ones of \(8, 8\)"):
        report.evaluate(digits, test_images, larger[1], split="test", step=0, averaged=True)


def test_a_reference_gives_the_numbers_asked_for_as_evaluate_does(digits, test_images, measured):
    reference = report.Reference(digits, test_images, split="test")
    shifted = test_images.roll(1, dims=3)
    some = reference.report(shifted, step=100, averaged=True, names=("recall", "frechet_distance"))
    assert some.protocol == measured.protocol
    assert dict(some.values) == {name: measured.values[name] for name in ("frechet_distance", "recall")}
    with pytest.raises(ValueError, match=r"unknown metrics \['loss'\]; choose among frechet_distance"):
        reference.report(shifted, step=0, averaged=True, names=("loss",))


def test_real_images_against_themselves_are_perfect(digits, test_images):
    values = report.evaluate(digits, test_images, test_images, split="test", step=0, averaged=False).values
    assert values["frechet_distance"] == pytest.approx(0, abs=1e-6)
    assert values["precision"] == values["recall"] == 1


def reports(protocol, **values):
    return [
        report.Report(protocol=protocol, step=step, averaged=False, values={name: value for name in values})
        for name in values
        for step, value in values[name]
    ]


def test_final_and_best_are_both_told(measured):
    runs = reports(measured.protocol, frechet_distance=[(300, 5.0), (100, 9.0), (200, 4.0)])
    assert [r.step for r in report.final_and_best(runs)] == [300, 200]
    runs = reports(measured.protocol, recall=[(300, 0.5), (100, 0.9), (200, 0.4)])
    assert [r.step for r in report.final_and_best(runs, "recall")] == [300, 100]


def test_numbers_of_two_protocols_are_not_compared(measured):
    other = report.Protocol(data="digits", split="test", n_real=256, n_fake=999, features="digits-0", size=(8, 8))
    runs = reports(measured.protocol, recall=[(1, 0.5)]) + reports(other, recall=[(2, 0.6)])
    with pytest.raises(ValueError, match=r"different protocols cannot be compared: .*n_fake=256.*n_fake=999"):
        report.final_and_best(runs, "recall")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r | {"step": -1}, "step -1 given"),
        (lambda r: r | {"values": {}}, "at least one"),
        (lambda r: r | {"values": {"recall": math.nan}}, "finite.*recall"),
        (lambda r: r | {"protocol": r["protocol"] | {"n_fake": 0}}, "0 generated images"),
        (lambda r: r | {"seed": 1}, r"unknown \['seed'\]"),
        (lambda r: {k: v for k, v in r.items() if k != "step"}, r"no report: missing \['step'\]"),
        (lambda r: r | {"protocol": {"data": "digits"}}, "no protocol: missing"),
        (lambda r: r | {"protocol": r["protocol"] | {"size": [8]}}, r"size \[8\] given, height and width"),
        (lambda r: r | {"protocol": r["protocol"] | {"size": "8x"}}, r"height and width in pixels expected"),
    ],
)
def test_records_that_are_no_reports_are_refused(measured, change, message):
    with pytest.raises(ValueError, match=message):
        report.Report.from_record(change(measured.record()))


def test_a_choice_among_nothing_is_refused(measured):
    with pytest.raises(ValueError, match="unknown metric 'loss'"):
        report.final_and_best([measured], "loss")
    with pytest.raises(ValueError, match="missing in some of 0 reports"):
        report.final_and_best([])

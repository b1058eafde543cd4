"""`ganedu.reporting.judging`: a page that does not give the answer away, and what its votes prove."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ganedu.cli import app
from ganedu.metrics import clopper_pearson, student
from ganedu.reporting import judging


def pictures(n, *, low, high, channels=1, side=6, seed=0):
    return torch.randint(
        low, high, (n, channels, side, side), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
    )


def written(folder, *, n=12, pairs=10, seed=0, channels=1):
    """A page whose real pictures are dark and whose fakes are bright."""
    real, fake = pictures(n, low=0, high=100, channels=channels), pictures(n, low=150, high=256, channels=channels)
    return judging.write(folder, real, fake, pairs=pairs, seed=seed)


def embedded(page):
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"))
    found = json.loads(data[1])
    decoded = [
        [np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))) for uri in pair]
        for pair in found["pairs"]
    ]
    return found["page"], decoded


def voted(folder, key, wrong=0, *, judge="a"):
    """The file of a judge who is wrong on the first `wrong` pairs."""
    answers = json.loads(key.read_text())
    other = {"left": "right", "right": "left"}
    votes = [other[side] if i < wrong else side for i, side in enumerate(answers["real"])]
    path = folder / f"votes-{judge}.json"
    path.write_text(
        json.dumps({"page": answers["page"], "judge": judge, "votes": votes, "seconds": [1.0] * len(votes)})
    )
    return path


@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_hold_one_real_and_one_generated_picture_and_the_key_says_which(tmp_path, channels):
    page, key = written(tmp_path, channels=channels)
    name, pairs = embedded(page)
    answers = json.loads(key.read_text())
    assert (page.name, key.name, answers["page"]) == ("judge.html", "judge.key.json", name)
    assert len(pairs) == len(answers["real"]) == 10
    shown = set()
    for pair, side in zip(pairs, answers["real"], strict=True):
        dark = [image.max() < 100 for image in pair]
        assert dark == [side == "left", side == "right"]
        assert pair[0].shape == ((6, 6) if channels == 1 else (6, 6, 3))
        shown |= {image.tobytes() for image in pair}
    assert len(shown) == 20  # nothing is shown twice


def test_the_order_is_random_and_follows_from_the_seed(tmp_path):
    page, key = written(tmp_path / "a", n=400, pairs=400)
    again, _ = written(tmp_path / "b", n=400, pairs=400)
    other, _ = written(tmp_path / "c", n=400, pairs=400, seed=1)
    assert page.read_bytes() == again.read_bytes() != other.read_bytes()
    left = json.loads(key.read_text())["real"].count("left")
    assert 160 < left < 240


def test_the_page_is_one_file_that_does_not_know_the_answers(tmp_path):
    page, key = written(tmp_path)
    content = page.read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', content) and "http" not in content
    data = json.loads(re.search(r'id="data">(.*?)</script>', content)[1])
    assert set(data) == {"page", "pairs"}
    assert not set(json.loads(key.read_text())) <= set(data)
    headers = {uri[:60] for pair in data["pairs"] for uri in pair}
    assert len({header[: len("data:image/png;base64,") + 20] for header in headers}) == 1  # PNGs alike but for pixels


def test_votes_are_counted_with_exact_intervals(tmp_path):
    _, key = written(tmp_path)
    one = voted(tmp_path, key, wrong=2)
    verdict = judging.evaluate([one], key)
    assert (verdict.judges, verdict.votes, verdict.right) == (1, 10, 8)
    assert verdict.share == clopper_pearson(8, 10) and verdict.over_judges is None
    assert verdict.variation == 0  # the lower end is below one half
    more = [one, voted(tmp_path, key, wrong=4, judge="b"), voted(tmp_path, key, wrong=0, judge="c")]
    verdict = judging.evaluate(more, key, level=0.9)
    assert (verdict.judges, verdict.votes, verdict.right) == (3, 30, 24)
    assert verdict.share == clopper_pearson(24, 30, level=0.9)
    assert verdict.over_judges == student(torch.tensor([0.8, 0.6, 1.0], dtype=torch.float64), level=0.9)
    assert verdict.variation == pytest.approx(1 - (2 * (1 - verdict.share.low)) ** 0.5)


def test_the_least_variation_is_reached_by_laws_that_share_one_part():
    for variation in (0.0, 0.3, 1.0):
        p = torch.tensor([variation, 1 - variation, 0.0], dtype=torch.float64)
        q = p.flip(0)
        order = torch.tensor([2.0, 1.0, 0.0])
        wins = (p[:, None] * q) * ((order[:, None] > order).double() + 0.5 * (order[:, None] == order))
        assert judging.least_variation(wins.sum().item()) == pytest.approx(variation, abs=1e-7)
    assert judging.least_variation(0.2) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "holds no votes"),
        ('{"page": "x", "judge": "a", "votes": ["left"] }', "holds votes for the page x, the key is of"),
        ('{"page": "x", "judge": "a", "votes": ["up"] }', "holds no votes"),
        ('{"page": "x", "judge": "a", "votes": [["left"]] }', "holds no votes"),
        ('{"page": "x", "judge": 3, "votes": ["left"] }', "holds no votes"),
        ('{"page": "x", "judge": "a", "votes": [] }', "holds no votes"),
        ("[" * 100_000, "cannot be read"),
        ('"' + "x" * judging.LARGEST + '"', "too long"),
    ],
)
def test_files_that_are_no_votes_are_named(tmp_path, content, message):
    _, key = written(tmp_path)
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        judging.evaluate([path], key)
    assert "bad.json" in str(caught.value)


def test_what_does_not_fit_is_named(tmp_path):
    _, key = written(tmp_path)
    one = voted(tmp_path, key)
    real, fake = pictures(5, low=0, high=100), pictures(5, low=0, high=100)
    for use, message in [
        (lambda: judging.evaluate([], key), "no votes given"),
        (lambda: judging.evaluate([one, one], key), "counted already"),
        (lambda: judging.evaluate([one], one), "is no key of a page"),
        (lambda: judging.evaluate([one], tmp_path / "none.json"), "none.json cannot be read"),
        (lambda: judging.write(tmp_path, real, fake, pairs=6), "6 pairs need as many of each: 5 real and 5 fake"),
        (lambda: judging.write(tmp_path, real, fake, pairs=0), "0 pairs"),
        (lambda: judging.write(tmp_path, real.float(), fake), r"real pictures must be uint8 \[n, C, H, W\]"),
        (lambda: judging.write(tmp_path, real, fake[:, :, :4]), "differ in shape, which tells all"),
        (lambda: judging.least_variation(1.2), "a share lies between 0 and 1, not 1.2"),
    ]:
        with pytest.raises(ValueError, match=message):
            use()


def test_a_person_votes_by_click_and_key_and_saves_the_file(tmp_path, chromium):
    page, key = written(tmp_path)
    answers = json.loads(key.read_text())["real"]
    browser = chromium.new_page()
    problems = []
    browser.on("pageerror", lambda error: problems.append(str(error)))
    browser.goto(page.as_uri())
    browser.click(f"#pair button:nth-child({1 + (answers[0] == 'right')})")
    assert browser.text_content("#progress") == "Pair 2 of 10"
    for side in answers[1:]:
        browser.keyboard.press("ArrowLeft" if side == "left" else "ArrowRight")
    assert browser.text_content("#progress") == "10 votes" and not browser.is_visible("#pair")
    browser.keyboard.press("ArrowLeft")  # too late
    with browser.expect_download() as download:
        browser.click("#save")
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert json.loads(saved.read_text()) == json.loads(browser.input_value("#text"))
    verdict = judging.evaluate([saved], key)
    assert (verdict.votes, verdict.right, problems) == (10, 10, [])
    browser.close()


@pytest.fixture(scope="module", params=[["dcgan", "--set", "width=4"], ["gan3d", "--set", "width=2"]], ids=["2d", "3d"])
def run(request, tmp_path_factory):
    """A run of two steps."""
    out = tmp_path_factory.mktemp("runs") / "run"
    done = ganedu("train", *request.param, "--steps", 2, "--batch-size", 4, "--device", "cpu", "--out", out)
    assert done.exit_code == 0, done.output
    return out


def ganedu(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_writes_the_page_of_a_run_and_counts_its_votes(run, tmp_path):
    done = ganedu("judge", run, "--pairs", 6, "--seed", 3)
    assert done.exit_code == 0 and done.stdout.startswith(f"{run / 'judge.html'}: 6 pairs; "), done.output
    _, pairs = embedded(run / "judge.html")
    side = 16 if pairs[0][0].shape[0] == 16 else 64  # voxels are shown as pictures
    assert len(pairs) == 6 and all(image.shape == (side, side) for pair in pairs for image in pair)
    key = run / "judge.key.json"
    files = [voted(tmp_path, key, judge=judge) for judge in "abcd"]
    done = ganedu("judge", run, *(word for file in files for word in ("--votes", file)))
    assert done.exit_code == 0, done.output
    first, second, third = done.stdout.splitlines()
    assert first.startswith("4 judges, 24 votes, 24 right: 1.00, 95% interval 0.86 to 1.00")
    assert second == "over judges: 1.00, 1.00 to 1.00" and "total variation is at least 0.47" in third
    done = ganedu("judge", run, "--votes", voted(tmp_path, key, wrong=3))
    assert done.stdout.splitlines()[1].startswith("this does not prove that real and generated pictures differ")


def test_the_command_answers_mistakes_with_a_sentence(run, tmp_path):
    for words, message in [
        (("judge", run, "--pairs", 10_000), "10000 pairs need as many real pictures: the test split has"),
        (("judge", run, "--votes", tmp_path / "none.json"), "cannot be read"),
        (("judge", tmp_path), "there is no run in"),
    ]:
        done = ganedu(*words)
        assert done.exit_code == 1 and message in done.stderr and done.stderr.count("\n") == 1, done.output


def test_samples_of_voxels_are_pictures_or_turn(run, tmp_path):
    done = ganedu("sample", run, "--n", 2, "--out", tmp_path / "drawn.png")
    assert done.exit_code == 0, done.output
    done = ganedu("sample", run, "--n", 2, "--out", tmp_path / "drawn.gif")
    with Image.open(tmp_path / "drawn.gif") as found:
        assert getattr(found, "n_frames", 1) == (24 if found.size == (128, 64) else 1)

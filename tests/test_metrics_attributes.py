"""`ganedu.metrics.attributes`: a judge learns what its data say, answers questions, and is kept in the cache."""

import pytest
import torch

from ganedu import data
from ganedu.data.images import ImageData
from ganedu.metrics import attributes
from ganedu.metrics.attributes import Attributes, Judge

NAMES = ("glasses", "hat color", "coat color")
VALUES = (("no glasses", "round glasses", "square glasses"), ("red", "blue"), ("red", "green", "plaid"))


@pytest.fixture(scope="module")
def trained():
    """Images of 8 x 8: how bright the left half is, and whether it is the upper or the lower half of the right side."""
    random = torch.Generator().manual_seed(0)
    table = torch.stack([torch.randint(3, (600,), generator=random), torch.randint(2, (600,), generator=random)], dim=1)
    images = torch.randint(0, 30, (600, 1, 8, 8), generator=random, dtype=torch.uint8)
    images[:, 0, :, :4] += (table[:, 0] * 80).to(torch.uint8)[:, None, None]
    images[table[:, 1] == 0, 0, :4, 4:] += 200
    images[table[:, 1] == 1, 0, 4:, 4:] += 200
    names, values = ("light", "side"), (("no light", "dim", "bright"), ("upper", "lower"))
    return ImageData(images, None, ()), Attributes(names, values, table)


@pytest.fixture(scope="module")
def judge(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "IMAGES_TO_SEE", 6000)
        return attributes.train(*trained)


def test_the_judge_learns_every_attribute(trained, judge):
    images, known = trained
    assert min(attributes.accuracy(judge, images.images, known.table).values()) > 0.95


def test_training_leaves_random_numbers_and_threads_alone(trained, monkeypatch):
    monkeypatch.setattr(attributes, "IMAGES_TO_SEE", 300)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    first, again = attributes.train(*trained), attributes.train(*trained)
    assert torch.equal(state, torch.random.get_rng_state()) and threads == torch.get_num_threads()
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_answers_are_log_odds(trained, judge):
    images = trained[0].images[:20]
    asked = [judge.question("light"), judge.question("bright"), judge.question("side=upper")]
    light, side = judge.logits(images)[1]
    probabilities = light.softmax(1)
    expected = [1 - probabilities[:, 0], probabilities[:, 2], side.softmax(1)[:, 0]]
    assert torch.allclose(judge.answers(images, asked).sigmoid(), torch.stack(expected, dim=1), atol=1e-5)


def test_bytes_and_floats_get_one_answer(trained, judge):
    images = trained[0].images[:5]
    assert torch.equal(judge.logits(images)[0], judge.logits(data.to_floats(images))[0])


def test_questions():
    net = Judge((3, 16, 16), NAMES, VALUES)
    assert net.question("glasses").yes == (1, 2)
    assert net.question("glasses=no glasses").yes == (0,)
    assert net.question("plaid")[1:] == (2, (2,))
    assert net.question("coat color = red")[1:] == (2, (0,))
    assert [each.text for each in net.all_questions()][:3] == ["glasses", "hat color=red", "hat color=blue"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red", '"red" can be "hat color=red" or "coat color=red"'),
        ("hat color", "write hat color=VALUE, where VALUE is one of red, blue"),
        ("hat color=plaid", "one of red, blue"),
        ("glases", 'did you mean "glasses"'),
        ("wings", "knows glasses, hat color, coat color"),
        ("", "unknown attribute"),
    ],
)
def test_questions_that_cannot_be_asked(text, message):
    with pytest.raises(ValueError, match=message):
        Judge((3, 16, 16), NAMES, VALUES).question(text)


def test_classes_are_an_attribute():
    digits = data.load("digits", "test")
    found = attributes.attributes_of(digits, "digits")
    assert found.names == ("class",) and len(found.values[0]) == 10
    assert torch.equal(found.table[:, 0], digits.labels)
    with pytest.raises(ValueError, match="pictures knows neither"):
        attributes.attributes_of(ImageData(digits.images, None, ()), "pictures")


def test_judges_are_trained_once_and_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(attributes, "IMAGES_TO_SEE", 2000)
    first = attributes.judge("digits", size=8, cache=tmp_path)
    monkeypatch.setattr(attributes, "train", None)  # whoever trains now, fails
    again = attributes.judge("digits", size=8, cache=tmp_path)
    assert (again.names, again.values, again.shape) == (first.names, first.values, first.shape)
    images = data.load("digits", "test").images
    assert torch.equal(first.logits(images)[0], again.logits(images)[0])
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match="delete it"):
        attributes.judge("digits", size=8, cache=tmp_path)


def test_images_of_another_shape_are_named(judge):
    for shape in [(2, 1, 9, 8), (2, 3, 8, 8), (0, 1, 8, 8)]:
        with pytest.raises(ValueError, match=r"the judge takes \[n, 1, 8, 8\]"):
            judge.logits(torch.zeros(shape))
    with pytest.raises(ValueError, match="too small"):
        Judge((1, 7, 8), ("a",), (("b", "c"),))

"""`ganedu.networks.text`, `stackgan`, `attngan`: captions of different length, attention, parameter counts."""

import pytest
import torch

from ganedu.networks import attngan, stackgan, text
from ganedu.networks.mlp import parameter_count


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def some_captions(n=5, length=7, words=9, seed=1):
    lengths = torch.randint(1, length + 1, (n,), generator=random(seed))
    tokens = torch.randint(1, words, (n, length), generator=random(seed + 1))
    return tokens * (torch.arange(length) < lengths[:, None]), lengths


@pytest.mark.parametrize("kind", text.ENCODERS)
def test_what_stands_after_the_end_of_a_caption_has_no_influence(kind):
    encoder = text.CaptionEncoder(9, width=6, kind=kind)
    tokens, lengths = some_captions()
    vectors, sentence = encoder(tokens, lengths)
    assert vectors.shape == (5, 7, 6) and sentence.shape == (5, 6)
    for i, length in enumerate(lengths.tolist()):
        alone = encoder(tokens[i : i + 1, :length], lengths[i : i + 1])
        torch.testing.assert_close(alone[1][0], sentence[i])
        torch.testing.assert_close(alone[0][0], vectors[i, :length])
    longer = torch.cat([tokens, torch.zeros_like(tokens)], 1)
    torch.testing.assert_close(encoder(longer, lengths)[1], sentence)


def test_a_gru_reads_both_ways_and_a_bag_does_not_see_the_order():
    tokens, lengths = torch.tensor([[1, 2, 3], [3, 2, 1]]), torch.tensor([3, 3])
    bag, gru = (text.CaptionEncoder(5, width=4, kind=kind)(tokens, lengths)[1] for kind in text.ENCODERS)
    torch.testing.assert_close(bag[0], bag[1])
    assert (gru[0] - gru[1]).abs().max() > 1e-3
    encoder = text.CaptionEncoder(5, width=4, kind="gru")
    oracle = torch.nn.GRU(4, 2, batch_first=True, bidirectional=True)
    for name, weight in oracle.named_parameters():
        half = encoder.back if name.endswith("_reverse") else encoder.forth
        weight.data = getattr(half, name.removesuffix("_reverse")).data
    states, last = oracle(encoder.embedding(tokens))
    vectors, sentence = encoder(tokens, lengths)
    torch.testing.assert_close(vectors, states)
    torch.testing.assert_close(sentence, torch.cat([last[0], last[1]], 1))


def test_the_divergence_is_that_of_pytorch_summed_over_the_code():
    mu, log_variance = torch.randn(2, 4, 6, generator=random())
    normal = torch.distributions.Normal(mu, (log_variance / 2).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(text.kl_to_standard(mu, log_variance), expected)


def test_augmented_codes_have_the_mean_and_spread_that_they_report():
    augmentation = text.Augmentation(3, 2)
    sentence = torch.randn(1, 3, generator=random()).expand(20000, -1)
    c, mu, log_variance = augmentation(sentence, torch.randn(20000, 2, generator=random(1)))
    torch.testing.assert_close(c.mean(0), mu[0], atol=0.05, rtol=0)
    torch.testing.assert_close(c.std(0), (log_variance[0] / 2).exp(), atol=0.05, rtol=0)


def test_attention_is_a_mean_of_the_words_that_are_there():
    tokens, lengths = some_captions()
    said = text.present(tokens, lengths)
    queries, vectors = torch.randn(5, 4, 6, generator=random()), torch.randn(5, 7, 6, generator=random(1))
    means, weights = text.attend(queries, vectors, said)
    torch.testing.assert_close(weights.sum(2), torch.ones(5, 4))
    assert (weights >= 0).all() and (weights[~said[:, None].expand_as(weights)] == 0).all()
    for i, length in enumerate(lengths.tolist()):
        alone = torch.softmax(queries[i] @ vectors[i, :length].T, 1) @ vectors[i, :length]
        torch.testing.assert_close(means[i], alone)
    read, maps = text.WordAttention(6, 4)(torch.randn(5, 4, 3, 2), vectors, said)
    assert read.shape == (5, 4, 3, 2) and maps.shape == (5, 7, 3, 2)
    torch.testing.assert_close(maps.sum(1), torch.ones(5, 3, 2))


def test_a_memory_holds_the_last_captions_and_draws_from_what_it_has_seen():
    memory = text.Memory(4, 5)
    tokens, lengths = memory.draw(3, random())
    assert not tokens.any() and not lengths.any()
    memory.add(torch.tensor([[1, 0], [2, 0], [3, 0]]), torch.ones(3, dtype=torch.int64))
    assert set(memory.draw(200, random())[0][:, 0].tolist()) == {1, 2, 3}
    memory.add(torch.tensor([[4, 0], [5, 0]]), torch.ones(2, dtype=torch.int64))
    assert set(memory.draw(200, random())[0][:, 0].tolist()) == {2, 3, 4, 5}
    assert memory.draw(3, random())[0].shape == (3, 5)


def test_parameter_counts_by_hand_at_the_papers_size():
    generator = stackgan.Generator(21, 3)
    w, s, c, z = 96, 1024, 128, 100
    bn = lambda n: 2 * n  # noqa: E731
    embedding, moments = 21 * s, 2 * (s * 2 * c + 2 * c)
    start = 16 * w * 16
    sketch = (z + c) * start + bn(start)
    sketch += sum(9 * a * a // 2 + bn(a // 2) for a in (16 * w, 8 * w, 4 * w, 2 * w)) + 27 * w
    refine = 27 * w + 16 * w * 2 * w + bn(2 * w) + 16 * 2 * w * 4 * w + bn(4 * w)
    refine += 9 * (4 * w + c) * 4 * w + bn(4 * w) + 4 * 2 * (9 * 16 * w * w + bn(4 * w))
    refine += 9 * 4 * w * 2 * w + bn(2 * w) + 9 * 2 * w * w + bn(w) + 2 * (9 * w * w + bn(w)) + 27 * w
    assert parameter_count(generator) == embedding + moments + sketch + refine
    judge = stackgan.Judge(21, 3, size=64)
    image = 48 * w + sum(16 * 2 * a * a + bn(2 * a) for a in (w, 2 * w, 4 * w))
    joined = (s * c + c) + (8 * w + c) * 8 * w + bn(8 * w) + 16 * 8 * w + 1
    assert parameter_count(judge) == embedding + image + joined
    assert stackgan.Judge(3, 3, size=256, width=2, sentence=4, code=2).look(torch.zeros(2, 3, 256, 256)).shape[1] == 16


def test_nothing_of_the_second_stage_flows_into_the_first():
    options = {
        "first": 8,
        "size": 16,
        "width": 2,
        "latent_dim": 3,
        "sentence": 4,
        "code": 2,
        "halvings": 1,
        "blocks": 1,
    }
    generator = stackgan.Generator(9, 3, **options)
    tokens, lengths = some_captions()
    drawn = generator(torch.randn(5, generator.noise_dim), tokens, lengths)
    assert [tuple(image.shape) for image in drawn.images] == [(5, 3, 8, 8), (5, 3, 16, 16)]
    drawn.images[1].sum().backward()
    assert all(weight.grad is None for weight in generator.sketch.parameters())
    assert generator.first_image[0].weight.grad is None


def test_a_matcher_attends_to_regions_and_equal_captions_do_not_compete():
    matcher = attngan.Matcher(9, 3, size=16, width=4, sentence=6, encoder="bag")
    tokens, lengths = some_captions()
    images = torch.rand(5, 3, 16, 16, generator=random()) * 2 - 1
    weights = matcher.attention(images, tokens, lengths)
    assert weights.shape == (5, 7, 4, 4)
    said = text.present(tokens, lengths)
    torch.testing.assert_close(weights.sum((2, 3))[said], torch.ones(int(said.sum())))
    same = tokens[:1].expand(5, -1)
    assert matcher(images, same, lengths[:1].expand(5)).item() == pytest.approx(0, abs=1e-6)


def test_word_scores_of_all_pairs_are_those_of_each_pair_alone():
    tokens, lengths = some_captions(n=4)
    said = text.present(tokens, lengths)
    regions, vectors = torch.randn(3, 6, 5, generator=random()), torch.randn(4, 7, 6, generator=random(1))
    scores = attngan.word_scores(regions, vectors, said)
    for i in range(3):
        for j, length in enumerate(lengths.tolist()):
            words = vectors[j, :length]
            shares = torch.softmax(words @ regions[i], 0)
            seen = torch.softmax(4 * shares, 1) @ regions[i].T
            cosines = torch.nn.functional.cosine_similarity(seen, words)
            assert scores[i, j].item() == pytest.approx((torch.logsumexp(5 * cosines, 0) / 5).item(), abs=1e-5)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: text.CaptionEncoder(5, width=4, kind="bert"), "'bert'; choose one of bag, gru"),
        (lambda: text.CaptionEncoder(5, width=5, kind="gru"), "even number of features, not 5"),
        (lambda: text.check_captions(torch.zeros(2, 3), torch.ones(2, dtype=torch.int64)), r"int64 \[B, T\]"),
        (lambda: text.check_captions(torch.ones(2, 3).long(), torch.ones(3).long()), "make them with the recipe's"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()

"""Captions inside networks: words to vectors, a sentence with added noise, and attention of pixels to words.

A caption comes as tokens [B, T], numbers of words with 0 after the end, and lengths [B].
Taught in {ref}`ch-text-to-image`; Zhang et al. 2017, section 3.2; Xu et al. 2018, section 3.1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ENCODERS = ("bag", "gru")


class CaptionEncoder(nn.Module):
    """Captions to word vectors [B, T, width] and a sentence vector [B, width].

    words: size of the vocabulary, the empty word included. kind: "bag" takes each word by itself and the sentence as
    their sum over the root of their number, blind to the order; "gru" reads the caption in both directions, width / 2
    numbers each, and takes the last states as the sentence. What stands after the end has no influence.
    Raises ValueError for another kind, an odd width of a GRU, and captions of a wrong shape.
    Taught in {ref}`ch-text-to-image`; Xu et al. 2018, section 3.2.
    """

    def __init__(self, words: int, *, width: int, kind: str = "bag"):
        super().__init__()
        if kind not in ENCODERS:
            raise ValueError(f"unknown caption encoder {kind!r}; choose one of {', '.join(ENCODERS)}")
        if kind == "gru" and width % 2:
            raise ValueError(f"a GRU in two directions gives an even number of features, not {width}")
        self.kind, self.width = kind, width
        self.embedding = nn.Embedding(words, width)
        if kind == "gru":
            self.forth, self.back = (nn.GRU(width, width // 2, batch_first=True) for _ in range(2))

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        check_captions(tokens, lengths)
        vectors, said = self.embedding(tokens), present(tokens, lengths)[:, :, None]
        if self.kind == "bag":
            return vectors, (vectors * said).sum(1) * lengths.clamp_min(1).rsqrt()[:, None]
        forth, _ = self.forth(vectors)
        turn = turned(tokens, lengths)[:, :, None].expand(-1, -1, forth.shape[2])
        back, _ = self.back(vectors.gather(1, turned(tokens, lengths)[:, :, None].expand_as(vectors)))
        last = (lengths.clamp_min(1) - 1)[:, None, None].expand(-1, 1, forth.shape[2])
        sentence = torch.cat([forth.gather(1, last), back.gather(1, last)], 2).squeeze(1)
        return torch.cat([forth, back.gather(1, turn)], 2) * said, sentence


class Augmentation(nn.Module):
    """Conditioning augmentation: a sentence [B, inputs] to a noisy code [B, outputs], c = mu + sigma * eps.

    eps: standard normal numbers [B, outputs]. Returns c, mu and log sigma^2, each [B, outputs]. One linear map gives
    mu and log sigma^2, with no nonlinearity behind it: a ReLU, as in the authors' PyTorch program, would keep mu >= 0
    and sigma >= 1.
    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017, section 3.2.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.outputs = outputs
        self.moments = nn.Linear(inputs, 2 * outputs)

    def forward(self, sentence: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, log_variance = self.moments(sentence).chunk(2, dim=1)
        return mu + (log_variance / 2).exp() * eps, mu, log_variance


def kl_to_standard(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)) in nats, [B]: the sum over the components [B, n] of each sample.

    Taught in {ref}`ch-text-to-image`; Zhang et al. 2017, equation 2.
    """
    return (mu.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def attend(queries: Tensor, vectors: Tensor, said: Tensor) -> tuple[Tensor, Tensor]:
    """Each query's mean of the vectors, weighted by the softmax of their products.

    queries: [B, N, n]; vectors: [B, T, n]; said: bool [B, T], which of them there are, at least one a sample.
    Returns the means [B, N, n] and the weights [B, N, T]: not negative, rows of sum 1, 0 where nothing is said.
    Taught in {ref}`ch-text-to-image`; Xu et al. 2018, equation 2.
    """
    scores = (queries @ vectors.transpose(1, 2)).masked_fill(~said[:, None, :], float("-inf"))
    weights = scores.softmax(2)
    return weights @ vectors, weights


class WordAttention(nn.Module):
    """Features [B, channels, H, W] and word vectors [B, T, width] to what each pixel reads, [B, channels, H, W].

    A linear map without bias brings the words to the length of the features. Returns the readings and the weights
    [B, T, H, W], which sum to 1 over the words at every pixel.
    Taught in {ref}`ch-text-to-image`; Xu et al. 2018, section 3.1.
    """

    def __init__(self, width: int, channels: int):
        super().__init__()
        self.project = nn.Linear(width, channels, bias=False)

    def forward(self, features: Tensor, vectors: Tensor, said: Tensor) -> tuple[Tensor, Tensor]:
        read, weights = attend(features.flatten(2).transpose(1, 2), self.project(vectors), said)
        return read.transpose(1, 2).unflatten(2, features.shape[2:]), weights.transpose(1, 2).unflatten(
            2, features.shape[2:]
        )


class Memory(nn.Module):
    """The last `size` captions that were seen, as buffers: [size, longest] tokens and [size] lengths.

    A generator that has one can be asked for pictures without captions: it draws from these.
    Taught in {ref}`ch-text-to-image`.
    """

    def __init__(self, size: int, longest: int):
        super().__init__()
        self.register_buffer("tokens", torch.zeros(size, longest, dtype=torch.int64))
        self.register_buffer("lengths", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def add(self, tokens: Tensor, lengths: Tensor) -> None:
        """Remember a batch of captions [B, T], in place of the oldest; longer ones than the memory's are refused."""
        size, longest = self.tokens.shape
        place = (self.seen + torch.arange(len(tokens), device=tokens.device)) % size
        self.tokens[place] = F.pad(tokens, (0, longest - tokens.shape[1]))
        self.lengths[place] = lengths
        self.seen += len(tokens)

    def draw(self, n: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """n captions, drawn uniformly with repetition; empty ones if none was seen."""
        size = len(self.tokens)
        chosen = torch.rand(n, generator=random, device=self.tokens.device) * self.seen.clamp(1, size)
        chosen = chosen.long().clamp_max(size - 1)
        return self.tokens[chosen], self.lengths[chosen]


def present(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Which places [B, T] hold a word; the first one always does, so that an empty caption reads as the empty word.

    Taught in {ref}`ch-text-to-image`.
    """
    return torch.arange(tokens.shape[1], device=tokens.device) < lengths.clamp_min(1)[:, None]


def turned(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Places [B, T] of the words from the last to the first; what stands after the end stays there.

    Taught in {ref}`ch-text-to-image`.
    """
    place = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
    mirrored = lengths[:, None] - 1 - place
    return torch.where(mirrored >= 0, mirrored, place)


def check_captions(tokens: Tensor, lengths: Tensor) -> None:
    """Raises ValueError for captions that are not int64 [B, T] with lengths int64 [B].

    Taught in {ref}`ch-text-to-image`.
    """
    whole = tokens.dtype == lengths.dtype == torch.int64
    if not whole or tokens.ndim != 2 or not tokens.shape[1] or lengths.shape != tokens.shape[:1]:
        raise ValueError(
            f"captions as tokens int64 [B, T] and lengths int64 [B] expected, not {tokens.dtype} {list(tokens.shape)} "
            f"and {lengths.dtype} {list(lengths.shape)}; make them with the recipe's `encode`"
        )

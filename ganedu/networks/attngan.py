"""AttnGAN in miniature: a second stage whose pixels read the words, and a matcher of images with captions.

Taught in {ref}`ch-text-to-image`; Xu et al. 2018.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganedu import _joint
from ganedu.networks.dcgan import SLOPE, check_images, doublings, initialize
from ganedu.networks.stackgan import Drawn, Residual, Sketch, double, to_image
from ganedu.networks.text import Augmentation, CaptionEncoder, Memory, WordAttention, present

GAMMAS = (4.0, 5.0, 10.0)  # sharpness of attention, of the best words, of the choice among a batch; public code


class Generator(nn.Module):
    """Noise [B, noise_dim] and captions to images of two sizes, `first` and `size`, as a `Drawn` with attention.

    noise_dim = latent_dim + code: what the sketch starts from, and the eps of the conditioning augmentation. The second
    stage takes the features of the first [B, width, first, first], joins them with what each pixel reads in the caption
    and doubles them. width: channels of both stages at their end.
    Raises ValueError for sizes that do not fit, and noise of another shape.
    Taught in {ref}`ch-text-to-image`; Xu et al. 2018, section 3.1.
    """

    def __init__(
        self,
        words: int,
        channels: int,
        *,
        first: int = 64,
        size: int = 128,
        width: int = 32,
        latent_dim: int = 100,
        sentence: int = 256,
        code: int = 100,
        encoder: str = "gru",
        blocks: int = 2,
        longest: int = 32,
        remember: int = 1024,
    ):
        super().__init__()
        self.latent_dim, self.code, self.noise_dim = latent_dim, code, latent_dim + code
        self.captions = Memory(remember, longest)
        self.encoder = CaptionEncoder(words, width=sentence, kind=encoder)
        self.augment = Augmentation(sentence, code)
        self.sketch = Sketch(latent_dim + code, size=first, width=width)
        self.first_image = to_image(width, channels)
        self.attention = WordAttention(sentence, width)
        ups = [double(2 * width if i == 0 else width, width) for i in range(doublings(size, start=first))]
        self.draw = nn.Sequential(*(Residual(2 * width) for _ in range(blocks)), *ups)
        self.second_image = to_image(width, channels)
        self.apply(initialize)

    def forward(self, z: Tensor, tokens: Tensor, lengths: Tensor) -> Drawn:
        if z.ndim != 2 or z.shape[1] != self.noise_dim:
            raise ValueError(f"noise of shape {tuple(z.shape)} given, [batch, {self.noise_dim}] expected")
        z, eps = z.split([self.latent_dim, self.code], dim=1)
        vectors, sentence = self.encoder(tokens, lengths)
        c, mu, log_variance = self.augment(sentence, eps)
        features = self.sketch(torch.cat([z, c], 1))
        read, attention = self.attention(features, vectors, present(tokens, lengths))
        image = self.second_image(self.draw(torch.cat([features, read], 1)))
        return Drawn([self.first_image(features), image], mu, log_variance, attention)


class Matcher(nn.Module):
    """How well images [B, channels, size, size] and captions fit: a word is compared with the region it attends to.

    An image becomes regions [B, sentence, size / 4, size / 4] and one vector [B, sentence]; a caption word vectors and
    a sentence vector. width: channels of the image encoder's first layer.
    Taught in {ref}`ch-text-to-image`; Xu et al. 2018, section 3.2.
    """

    def __init__(self, words: int, channels: int, *, size: int, width: int, sentence: int, encoder: str = "gru"):
        super().__init__()
        self.image_shape = (channels, size, size)
        self.encoder = CaptionEncoder(words, width=sentence, kind=encoder)
        layers: list[nn.Module] = []
        for inputs, outputs in ((channels, width), (width, 2 * width)):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
        self.look = nn.Sequential(*layers, nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.LeakyReLU(SLOPE))
        self.region = nn.Conv2d(2 * width, sentence, 1)
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(2 * width * 16, sentence))

    def attention(self, images: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Weights [B, T, H, W] of the regions of each image, for each word of its caption; each sums to 1."""
        check_images(images, self.image_shape)
        regions, vectors = self.region(self.look(images)), self.encoder(tokens, lengths)[0]
        weights = where_words_look(regions.flatten(2), vectors, present(tokens, lengths))
        return weights.unflatten(2, regions.shape[2:])

    def forward(self, images: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Loss of finding each image's caption and each caption's image among those of the batch, a scalar.

        Four cross entropies: by words and by sentences, each in both directions. Equal captions do not compete. In a
        run of several processes the batch is that of all of them, and each computes this loss of the whole.
        """
        check_images(images, self.image_shape)
        seen = self.look(images)
        vectors, sentence = self.encoder(tokens, lengths)
        regions, whole, vectors, sentence, tokens, lengths = map(
            _joint.cat, (self.region(seen).flatten(2), self.whole(seen), vectors, sentence, tokens, lengths)
        )
        by_words = word_scores(regions, vectors, present(tokens, lengths))
        by_sentence = F.normalize(whole, dim=1) @ F.normalize(sentence, dim=1).T
        equal = (tokens[:, None] == tokens).all(2) & ~torch.eye(len(tokens), dtype=torch.bool, device=tokens.device)
        own, total = torch.arange(len(tokens), device=tokens.device), 0.0
        for scores in (by_words, by_sentence):
            logits = (GAMMAS[2] * scores).masked_fill(equal, float("-inf"))
            total = total + F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)
        return total


def where_words_look(regions: Tensor, vectors: Tensor, said: Tensor) -> Tensor:
    """Weights [B, T, N] of N regions [B, n, N] for each word [B, T, n].

    First the words share each region, by a softmax over the words; then each word takes its mean of the regions, by a
    softmax over the regions that is GAMMAS[0] times as sharp.
    Taught in {ref}`ch-text-to-image`; Xu et al. 2018, equations 7 to 9.
    """
    shares = (vectors @ regions).masked_fill(~said[:, :, None], float("-inf")).softmax(1)
    return (GAMMAS[0] * shares).softmax(2)


def word_scores(regions: Tensor, vectors: Tensor, said: Tensor) -> Tensor:
    """How well each image [B, n, N] fits each caption [C, T, n] by its words, [B, C].

    Each word looks at the image and is compared with what it sees, by the cosine; the words' cosines join as
    (1 / g) log sum exp(g cosine), g = GAMMAS[1], which is near the largest.
    Taught in {ref}`ch-text-to-image`; Xu et al. 2018, equations 7 to 10.
    """
    n, captions = len(regions), len(said)
    pairs = regions[:, None].expand(-1, captions, -1, -1).flatten(0, 1)
    words, spoken = (each[None].expand(n, *each.shape).flatten(0, 1) for each in (vectors, said))
    looked = where_words_look(pairs, words, spoken) @ pairs.transpose(1, 2)  # [n * captions, T, features]
    cosines = F.cosine_similarity(looked, words, dim=2).masked_fill(~spoken, float("-inf"))
    return (GAMMAS[1] * cosines).logsumexp(1).unflatten(0, (n, captions)) / GAMMAS[1]

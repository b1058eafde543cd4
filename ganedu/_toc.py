"""The numbers of the chapters, by their labels, for programs that run without the book beside them."""

LABELS = (
    "ch-generation",
    "ch-gradients",
    "ch-value-function",
    "ch-optimal-discriminator",
    "ch-jensen-shannon",
    "ch-generator-loss",
    "ch-saddle-points",
    "ch-implicit-functions",
    "ch-game-dynamics",
    "ch-first-gan",
    "ch-mode-collapse",
    "ch-training-advice",
    "ch-disjoint-supports",
    "ch-wasserstein",
    "ch-gradient-penalty",
    "ch-spectral-normalization",
    "ch-evaluation",
    "ch-convolutions",
    "ch-dcgan",
    "ch-wgan-gp",
    "ch-biggan",
    "ch-stylegan",
    "ch-conditional",
    "ch-paired-translation",
    "ch-cyclegan",
    "ch-text-to-image",
    "ch-latent-space",
    "ch-responsible-use",
    "ch-solids",
    "ch-today",
)


def chapter(label: str) -> str:
    """`ch-dcgan` as "chapter 19"."""
    return f"chapter {LABELS.index(label) + 1}"

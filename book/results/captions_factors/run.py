"""The CPU runs of chapter 26 on drawn shapes with captions: `python book/results/captions_factors/run.py`, one process.

The miniatures of both recipes, two seeds each, one thread. The averaged generator is measured every 150 steps on
captions of the test set: how often the color is the one that is said (picture and sketch), and how often it follows
when the word is swapped for another. At the end: how often every other word is true, read off the nearest of the 8192
drawings to train on, and how often anything is drawn, without which no word counts as true; what the noisy code costs;
for AttnGAN, which color it paints if none is said, which if a caption is changed for the words that the pixels read
only or for the code only, and how much of a word's attention lies on the shape, against the shape's share of the area.

"careless": StackGANs at 16 x 16 pixels learn from captions of which two in five name a false color, without wrong
pairs, with captions of other pictures, and with captions in which the color alone is drawn anew. Numbers go to
metrics.json, their circumstances to provenance.json, once all runs have ended. samples.png has eight captions a column:
sketch and picture by StackGAN, sketch and picture by AttnGAN, the same with the color swapped for the next but one, and
what the picture's pixels pay to the color word.
"""

import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch.nn import functional as F

from ganedu import data, recipes
from ganedu.data import captions, factors, kinds
from ganedu.networks.stackgan import shrink
from ganedu.networks.text import kl_to_standard, present
from ganedu.training import run_folder
from ganedu.training.ema import Average

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, keep  # noqa: E402

TASKS = [("attngan", 0), ("stackgan", 0), ("stackgan", 1), ("attngan", 1)]
STEPS, EVERY, ASKED, SIDE = 600, 150, 1024, 32
MISTOLD, MANY, SEEDS, WRONG = 0.4, 3000, 2, ("other pictures", "another color", "")
SHOWN = (
    "a large red square at the left",
    "a large blue disc at the top right",
    "a small yellow triangle at the bottom",
    "a large green triangle in the center",
    "a small magenta disc at the top left",
    "a large cyan square at the bottom right",
    "a small blue square at the right",
    "a large yellow disc at the bottom left",
)
TEST, FOUND = captions.load_described("factors", "test"), factors.load("test")
TRAIN, DRAWINGS = captions.load_described("factors"), factors.load("train")
FIRST = TEST.words.index(captions.COLORS[0])  # the colors follow one another in the list of words
SAID = captions.attributes(FOUND.factors) | {"shape": FOUND.labels}
KNOWN = captions.attributes(DRAWINGS.factors) | {"shape": DRAWINGS.labels}
FLAT = captions.cover(data.to_floats(TRAIN.images, torch.float32)).flatten(1)


def drawn(recipe, network, seed, tokens, lengths):
    return recipe.draw_all(
        len(tokens), torch.Generator().manual_seed(seed), generator=network, tokens=tokens, lengths=lengths
    )


def is_color(tokens):
    return (tokens >= FIRST) & (tokens < FIRST + 6)


def further(tokens, by):
    """Captions with every color replaced by the one that is `by` further on the circle, a number or one a caption."""
    return torch.where(is_color(tokens), FIRST + (tokens - FIRST + by) % 6, tokens)


def next_color(tokens):
    """Captions with every color replaced by the next but one of the circle, and the colors they have now."""
    swapped = further(tokens, 2)
    return swapped, ((swapped - FIRST) * is_color(swapped)).sum(1)


def measure(recipe, network):
    """How many of ASKED test captions have the right color: in the picture, in the sketch, after a swap."""
    tokens, lengths = TEST.tokens[:ASKED], TEST.lengths[:ASKED]
    images = drawn(recipe, network, 7, tokens, lengths).images
    swapped, wanted = next_color(tokens)
    others = drawn(recipe, network, 7, swapped, lengths).images[-1]
    said = SAID["color"][:ASKED]
    hits = {
        "color": captions.color(images[-1]) == said,
        "sketch": captions.color(images[0]) == said,
        "swap": captions.color(others) == wanted,
    }
    return {name: int(hit.sum()) for name, hit in hits.items()}


def color_unsaid(recipe, network):
    """How many of ASKED pictures show each color, or nothing, when the caption names none."""
    texts = [" ".join(word for word in text.split() if word not in captions.COLORS) for text in TEST.captions[:ASKED]]
    images = drawn(recipe, network, 7, *recipe.encode(texts)).images[-1]
    counts = torch.bincount(captions.color(images) + 1, minlength=7).tolist()
    return dict(zip(("nothing", *captions.COLORS), counts, strict=True))


def by_one_way(recipe, network):
    """How many of ASKED pictures show the new color, and how many the old one, if a caption is changed half.

    "words": the pixels read the changed words, the code is that of the old caption; "code": the other way round.
    """
    tokens, lengths = TEST.tokens[:ASKED], TEST.lengths[:ASKED]
    changed, wanted = next_color(tokens)
    noise = recipe.noise(ASKED, torch.Generator().manual_seed(7)).split([network.latent_dim, network.code], 1)
    table = {}
    for name, read, coded in (("words", changed, tokens), ("code", tokens, changed)):
        with torch.no_grad():
            code = network.augment(network.encoder(coded, lengths)[1], noise[1])[0]
            features = network.sketch(torch.cat([noise[0], code], 1))
            found = network.attention(features, network.encoder(read, lengths)[0], present(read, lengths))[0]
            shown = captions.color(network.second_image(network.draw(torch.cat([features, found], 1))))
        table[name] = {"new": int((shown == wanted).sum()), "old": int((shown == SAID["color"][:ASKED]).sum())}
    return table


def read_words(recipe, network):
    """How many of ASKED pictures show something, and what each word says, by the nearest drawing; and real images."""
    tokens, lengths = TEST.tokens[:ASKED], TEST.lengths[:ASKED]
    counts = {}
    for kind, images in (
        ("drawn", drawn(recipe, network, 7, tokens, lengths).images[-1]),
        ("real", data.to_floats(TEST.images[:ASKED], torch.float32)),
    ):
        nearest = torch.cdist(captions.cover(images).flatten(1), FLAT).argmin(1)
        shown = captions.color(images)
        read = {name: values[nearest] for name, values in KNOWN.items()} | {"color": shown}
        counts[kind] = {name: int(((shown >= 0) & (read[name] == SAID[name][:ASKED])).sum()) for name in read}
        counts[kind]["shown"] = int((shown >= 0).sum())
    return counts


def attention(maps, cover, tokens):
    """Mean over captions, for each kind of word, of its attention's share on the shape and inside over outside."""
    cover = shrink(cover[:, None], maps.shape[-1])[:, 0]
    spent = maps.flatten(2) / maps.flatten(2).sum(2, keepdim=True)
    on_shape = (spent * cover.flatten(1)[:, None]).sum(2)  # [B, T]
    table = {"area": cover.mean().item()}
    kinds_of_words = {
        "color": captions.COLORS,
        "size": captions.SIZES,
        "shape": factors.SHAPES,
        "place": (*captions.ROWS, *captions.COLUMNS),
        "other": ("a", "at", "in", "the"),
    }
    for name, words in kinds_of_words.items():
        chosen = torch.isin(tokens, torch.tensor([TEST.words.index(w) for w in words if w in TEST.words]))
        table[name] = on_shape[chosen].mean().item()
    return table


def attention_of_pixels(maps, cover, tokens):
    """For each color, its word's mean share of the attention of pixels on the shape and of pixels off it."""
    cover, table = shrink(cover[:, None], maps.shape[-1])[:, 0], {}
    for color in captions.COLORS:
        samples, places = (tokens == TEST.words.index(color)).nonzero(as_tuple=True)
        paid, covered = maps[samples, places], cover[samples]
        table[color] = {"on": paid[covered > 0.5].mean().item(), "off": paid[covered < 0.1].mean().item()}
    return table


def mistold(tokens):
    """Captions with the color exchanged for one of the five others in the share MISTOLD of them, once and for all."""
    random = torch.Generator().manual_seed(0)
    by = torch.randint(1, 6, (len(tokens), 1), generator=random)
    return further(tokens, by * (torch.rand(len(tokens), 1, generator=random) < MISTOLD))


class Recolored(recipes.get("stackgan")):
    """StackGAN whose wrong captions differ in the color only, which is drawn anew, as likely right as any other."""

    def others(self, tokens, lengths):
        return torch.where(is_color(tokens), FIRST + torch.randint(6, (len(tokens), 1)), tokens), lengths


def careless(wrong, seed):
    """A StackGAN that learns from `mistold` captions, at half the side: how many of ASKED show the color asked for.

    wrong: where the captions of wrong pairs come from, "other pictures", "another color", or "" for no such pairs.
    """
    kind, side = Recolored if wrong == "another color" else recipes.get("stackgan"), SIDE // 2
    config = replace(kind.Config().small(), size=side, first=side // 2, matching=bool(wrong))
    torch.manual_seed(seed)
    recipe = kind(config, image_shape=(3, side, side), words=TEST.words, seed=seed)
    average = Average(recipe.networks["generator"], decay=0.999)
    images, tokens = shrink(data.to_floats(TRAIN.images, torch.float32), side), mistold(TRAIN.tokens)
    order, random = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    true = (tokens == TRAIN.tokens).all(1).double().mean().item()
    run = {"wrong captions": wrong, "seed": seed, "true captions": round(true, 4), "rows": []}
    for step in range(1, MANY + 1):
        chosen = torch.randint(len(images), (config.batch_size,), generator=order)
        recipe.step(kinds.Described(images[chosen], tokens[chosen], TRAIN.lengths[chosen]), random)
        average.update(recipe.networks["generator"], step)
        if step % STEPS == 0:
            asked = drawn(recipe, average.network, 7, TEST.tokens[:ASKED], TEST.lengths[:ASKED])
            shown, said = captions.color(asked.images[-1]), SAID["color"][:ASKED]
            counts = {"said": int((shown == said).sum()), "nothing": int((shown < 0).sum())}
            run["rows"].append({"step": step, **counts})
            print("careless", wrong, seed, counts, flush=True)
    return run


def train(name, seed):
    """One run; returns its measurements, the recipe and the averaged generator."""
    torch.set_num_threads(1)
    kind = recipes.get(name)
    config = kind.Config().small()
    recipe = kind(config, image_shape=(3, SIDE, SIDE), words=TEST.words, seed=seed)
    average = Average(recipe.networks["generator"], decay=0.999)
    images = data.to_floats(TRAIN.images, torch.float32)
    order, random = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    rows, spent = [], 0.0
    for step in range(1, STEPS + 1):
        began = time.process_time()
        chosen = torch.randint(len(images), (config.batch_size,), generator=order)
        scalars = recipe.step(kinds.Described(images[chosen], TRAIN.tokens[chosen], TRAIN.lengths[chosen]), random)
        average.update(recipe.networks["generator"], step)
        spent += time.process_time() - began
        if step % EVERY == 0:
            numbers = {key: round(value.item(), 4) for key, value in scalars.items()}
            rows.append({"step": step, **measure(recipe, average.network), "last": numbers})
            print(name, seed, rows[-1], f"{spent:.0f} s", flush=True)
    tokens, lengths = TEST.tokens[:ASKED], TEST.lengths[:ASKED]
    made = drawn(recipe, average.network, 7, tokens, lengths)
    run = {
        "recipe": name,
        "seed": seed,
        "rows": rows,
        "words": read_words(recipe, average.network),
        "kl": kl_to_standard(made.mu, made.log_variance).mean().item(),
        "cpu_seconds": round(spent, 1),
    }
    if made.attention is not None:
        real = data.to_floats(TEST.images[:ASKED], torch.float32)
        with torch.no_grad():
            looked = recipe.networks["matcher"].attention(real, tokens, lengths)
        run["unsaid"] = color_unsaid(recipe, average.network)
        run["changed half"] = by_one_way(recipe, average.network)
        run["attention"] = {
            "generator": attention(made.attention, captions.cover(made.images[-1]), tokens),
            "matcher": attention(looked, captions.cover(real), tokens),
            "pixels": attention_of_pixels(made.attention, captions.cover(made.images[-1]), tokens),
        }
    return run, recipe, average.network, asdict(config)


def rows_of(recipe, network):
    """Rows of samples.png for the captions SHOWN."""
    tokens, lengths = recipe.encode(list(SHOWN))
    made = drawn(recipe, network, 3, tokens, lengths)
    rows = [F.interpolate(made.images[0], size=SIDE), made.images[-1]]
    if made.attention is not None:
        rows.append(drawn(recipe, network, 3, next_color(tokens)[0], lengths).images[-1])
        place = is_color(tokens).long().argmax(1)
        paid = made.attention[torch.arange(len(SHOWN)), place][:, None]
        paid = 2 * paid / paid.amax((2, 3), keepdim=True) - 1
        rows.append(F.interpolate(paid, size=SIDE).expand(-1, 3, -1, -1))
    return torch.cat(rows)


def main():
    about, began, runs, configs, rows = circumstances(HERE), time.monotonic(), [], {}, {}
    for name, seed in TASKS:
        run, recipe, network, configs[name] = train(name, seed)
        runs.append(run)
        if seed == 0:
            rows[name] = rows_of(recipe, network)
    run_folder.write_samples(HERE / "samples.png", torch.cat([rows["stackgan"], rows["attngan"]]))
    counts = torch.tensor([TRAIN.captions.count(text) for text in set(TRAIN.captions)], dtype=torch.float64)
    shares = counts / counts.sum()
    metrics = {
        "configs": configs,
        "asked": ASKED,
        "shown": SHOWN,
        "caption_nats": -(shares * shares.log()).sum().item(),
        "runs": runs,
        "careless": [careless(wrong, seed) for seed in range(SEEDS) for wrong in WRONG],
    }
    seconds = round(time.monotonic() - began, 1)
    keep(HERE, metrics, about | {"seeds": sorted({seed for _, seed in TASKS}), "wall_seconds": seconds})


if __name__ == "__main__":
    main()

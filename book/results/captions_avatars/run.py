"""Faces drawn from captions by AttnGAN: `python book/results/captions_avatars/run.py`, 15 minutes of one thread.

The run is that of `COMMAND`. Its averaged generator draws a face for each of 1,000 captions of the test set, and a
judge that was trained on drawn faces names the ten attributes: how often they are those that the caption says, how
often those of another caption (what not listening would give), and how often the judge is right on the true faces.
The pixels are asked how much of their attention goes to the word "glasses", where glasses sit and elsewhere.
Numbers go to metrics.json, their circumstances to provenance.json; samples.png has a caption a column: the true face,
and three that were drawn from it. The judge is trained at its first use, which takes some minutes more.

Pictures: python-avatars (MIT), after Avataaars by Pablo Stanley.
"""

import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn.functional import adaptive_avg_pool2d

from ganedu import __version__, data
from ganedu.data import avatars, captions
from ganedu.metrics import attributes
from ganedu.training import load, run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, ganedu, keep  # noqa: E402

SIDE = 32
COMMAND = (
    f"train attngan --data avatars --size {SIDE} --steps 4000 --set width=24 --set learning_rate_d=2e-4 "
    "--set match_weight=3.0 --set decay=True --sample-every 1000 --device cpu"
)
ASKED, SHOWN, TIMES = 1000, 10, 3
GLASSES = avatars.NAMES.index("glasses")
READ = ("glasses", "eyes", "background")


def read_by_pixels(recipe, described, faces):
    """Mean share of a pixel's attention that goes to some words, for pixels where glasses sit, and elsewhere.

    In pictures that are drawn from captions with glasses. Where those sit: at the pixels of the true face that change
    when it is drawn without; all faces have their eyes in the same place.
    """
    worn = (faces.attributes[:, GLASSES] > 0).nonzero()[:ASKED, 0]
    bare = faces.attributes[worn].clone()
    bare[:, GLASSES] = 0
    changed = (avatars.draw(bare) != faces.images[worn]).any(1, keepdim=True)
    tokens, lengths = described.tokens[worn], described.lengths[worn]
    paid = recipe.draw_all(len(worn), torch.Generator().manual_seed(0), tokens=tokens, lengths=lengths).attention
    on = adaptive_avg_pool2d(changed.float(), paid.shape[-1])[:, 0]
    table = {}
    for word in READ:
        samples, places = (tokens == described.words.index(word)).nonzero(as_tuple=True)
        shares = {"on": on[samples], "off": 1 - on[samples]}
        table[word] = {
            name: ((paid[samples, places] * part).sum() / part.sum()).item() for name, part in shares.items()
        }
    return table


def main() -> None:
    torch.set_num_threads(1)
    about, started = circumstances(HERE), time.perf_counter()
    described, faces = captions.load_described("avatars", "test", size=SIDE), avatars.load("test")
    judge = attributes.judge("avatars", size=SIDE)
    table = faces.attributes[:ASKED]
    with tempfile.TemporaryDirectory() as folder:
        ganedu(f"{COMMAND} --out {folder}/run", folder)
        recipe = load(Path(folder) / "run")
        said = {"tokens": described.tokens[:ASKED], "lengths": described.lengths[:ASKED]}
        made = [recipe.sample(ASKED, torch.Generator().manual_seed(seed), **said) for seed in range(TIMES)]
    found = {
        "as_said": attributes.accuracy(judge, made[0], table),
        "as_another_says": attributes.accuracy(judge, made[0], table.roll(1, 0)),
        "true_faces": attributes.accuracy(judge, described.images[:ASKED], table),
    }
    rows = [data.to_floats(described.images[:SHOWN], torch.float32), *(each[:SHOWN] for each in made)]
    enlarged = torch.cat(rows).repeat_interleave(3, 2).repeat_interleave(3, 3)
    run_folder.write_samples(HERE / "samples.png", enlarged, columns=SHOWN)
    provenance = about | {
        "train": f"ganedu {COMMAND}",
        "data": "avatars: python-avatars 1.4.1 (MIT), after Avataaars by Pablo Stanley",
        "ganedu": __version__,
        "seed": 0,
        "wall_seconds": round(time.perf_counter() - started),
    }
    numbers = {"asked": ASKED, "shown": described.captions[:SHOWN], "accuracy": found}
    keep(HERE, numbers | {"attention": read_by_pixels(recipe, described, faces)}, provenance)


if __name__ == "__main__":
    main()

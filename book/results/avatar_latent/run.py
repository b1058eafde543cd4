"""The generator and the judge of chapter 27: `python book/results/avatar_latent/run.py`, one thread.

It calls the command that the chapter prints, and needs no file: the package draws the faces.
Numbers go to metrics.json, their circumstances to provenance.json, 64 samples, not selected, to samples.png, and the
weights of both networks, rounded to half precision, to generator.safetensors and judge.safetensors.
"""

import json
import platform
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from store import KEPT, ganedu, read  # noqa: E402

from ganedu import data, training  # noqa: E402
from ganedu.metrics import attributes, frechet_from_features  # noqa: E402

RUN = Path("runs") / "dcgan-avatars"
TRAIN = (
    "train dcgan --data avatars --small --size 32 --set latent_dim=64 --set learning_rate=4e-4 "
    "--set learning_rate_d=2e-4 --set bias=false --steps 4000"
)
SAMPLES = 2000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ganedu(TRAIN, folder)
        ganedu(f"sample {RUN} --n 64 --out {HERE / 'samples.png'}", folder)
        keep(Path(folder) / RUN)


def keep(run: Path) -> None:
    """What the chapter needs of a run, into this folder."""
    weights = load_file(run / "generator.safetensors")
    halves = {name: w.half() if w.is_floating_point() else w for name, w in weights.items()}
    save_file(halves, HERE / "generator.safetensors")
    attributes.write(HERE / "judge.safetensors", attributes.judge("avatars", size=32).half())
    judge = attributes.read(HERE / "judge.safetensors")
    test = data.load("avatars", "test", size=32)
    right = attributes.accuracy(judge, test.images, test.attributes)
    made = training.load(run).sample(SAMPLES, torch.Generator().manual_seed(0))
    of_test, of_made = (judge.logits(images)[0].double() for images in (test.images, made))
    half = len(of_test) // 2
    found = read(run, "config", "provenance")
    content = {
        "metrics": {
            "recipe": found["config"]["recipe"],
            "step": training.checkpoint.read(run)["step"],
            "judge_accuracy": {name: round(share, 4) for name, share in right.items()},
            "distance_over_the_judge": round(float(frechet_from_features(of_test, of_made)), 1),
            "distance_of_two_halves_of_the_test_set": round(
                float(frechet_from_features(of_test[:half], of_test[half:])), 1
            ),
        },
        "provenance": {
            "command": f"python book/results/{HERE.name}/run.py",
            "train": f"ganedu {TRAIN}",
            "data_sha256": found["config"]["data"]["sha256"],
            **{key: found["provenance"][key] for key in KEPT},
            "machine": platform.machine(),
        },
    }
    for name, entries in content.items():
        (HERE / f"{name}.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

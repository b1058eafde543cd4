"""WGAN-GP and DCGAN on the digits over five seeds: `python book/results/wgan_gp_digits_seeds/run.py`, about
7 minutes of computing.

Every run is that of `ganedu train RECIPE --seed SEED --steps 500 --evaluate-every 100` on a CPU. Fréchet distances and
the means of the scores go to metrics.json, their circumstances to provenance.json.
"""

import json
import platform
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from ganedu import data, recipes
from ganedu.metrics import features
from ganedu.training import TrainConfig, train

HERE = Path(__file__).resolve().parent
RECIPES, SEEDS, STEPS, EVERY = ("wgan-gp", "dcgan"), 5, 500, 100


def run(recipe: str, seed: int) -> dict:
    """One training: Fréchet distances on the way, and losses and scores as means of ten steps."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        train(
            recipe,
            "digits",
            out=Path(folder) / "run",
            recipe_config=recipes.get(recipe).Config().small(),
            config=TrainConfig(steps=STEPS, seed=seed, evaluate_every=EVERY),
            show=False,
        )
        rows = [json.loads(line) for line in (Path(folder) / "run" / "metrics.jsonl").read_text().splitlines()]
        reports = json.loads((Path(folder) / "run" / "evaluation.json").read_text())["reports"]
    return {
        "frechet_distance": [round(each["values"]["frechet_distance"], 3) for each in reports],
        **{key: [round(row[key], 4) for row in rows] for key in ("loss_d", "d_real", "d_fake")},
        "protocol": reports[-1]["protocol"],
        "evaluated": [each["step"] for each in reports],
        "logged": [row["step"] for row in rows],
    }


def main() -> None:
    start = time.time()
    jobs = [(recipe, seed) for recipe in RECIPES for seed in range(SEEDS)]
    with ProcessPoolExecutor(2) as pool:
        results = dict(zip(jobs, pool.map(run, *zip(*jobs, strict=True)), strict=True))
    shared = {key: results[jobs[0]][key] for key in ("protocol", "evaluated")}
    runs = {
        recipe: {
            "config": vars(recipes.get(recipe).Config().small()),
            "logged": results[recipe, 0]["logged"],
            **{
                key: [results[recipe, seed][key] for seed in range(SEEDS)]
                for key in ("frechet_distance", "loss_d", "d_real", "d_fake")
            },
        }
        for recipe in RECIPES
    }
    (HERE / "metrics.json").write_text(json.dumps({**shared, "steps": STEPS, "runs": runs}) + "\n", encoding="utf-8")
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE)
    provenance = {
        "command": f"python book/results/{HERE.name}/run.py",
        "train": f"ganedu train RECIPE --seed SEED --steps {STEPS} --evaluate-every {EVERY}",
        "seeds": list(range(SEEDS)),
        "images": len(data.load("digits").images),
        "features": features.network("digits").tag,
        "commit": git.stdout.strip(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"cpu, {platform.machine()}, 2 processes of one thread",
        "wall_seconds": round(time.time() - start),
    }
    (HERE / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

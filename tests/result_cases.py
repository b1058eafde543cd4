"""The stored results of the book, for the tests that read them."""

import json
import runpy
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "book" / "results"


def stored(name):
    """The names of a run's script, its numbers, and what made it."""
    read = {each: json.loads((RESULTS / name / f"{each}.json").read_text()) for each in ("metrics", "provenance")}
    return runpy.run_path(str(RESULTS / name / "run.py"), run_name="read"), read["metrics"], read["provenance"]

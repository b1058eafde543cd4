"""Results of runs that are too long for a notebook: numbers, pictures, what made them, and the script to repeat it.

Taught in {ref}`app-how-checks`.
"""

import json
from pathlib import Path

HERE = Path(__file__).parent
PLACES = (HERE / "_results", HERE.parent / "book" / "results")  # in an installed package, in the repository


def folder(name: str) -> Path:
    """Where a stored result lies: metrics.json, provenance.json, run.py and, for some, samples.png.

    Raises ValueError with the names of those that are stored, if `name` is none of them.
    Taught in {ref}`app-how-checks`.
    """
    for place in PLACES:
        if (place / name / "metrics.json").is_file():
            return place / name
    raise ValueError(f"no stored result {name!r}; there are: {', '.join(names()) or 'none'}")


def metrics(name: str) -> dict:
    """The numbers of a stored result.

    Raises ValueError as `folder` does.
    Taught in {ref}`app-how-checks`.
    """
    return json.loads((folder(name) / "metrics.json").read_text(encoding="utf-8"))


def names() -> list[str]:
    """The stored results.

    Taught in {ref}`app-how-checks`.
    """
    return sorted({path.parent.name for place in PLACES for path in place.glob("*/metrics.json")})

"""Stored results belong to the code that the book prints."""

import hashlib
import json
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parents[1]
RING = ROOT / "book" / "results" / "ring_coverage"


def test_ring_results_were_made_by_the_cells_of_chapter_10():
    cells = jupytext.read(ROOT / "book" / "chapters" / "10_first_gan.md").cells
    code = "\n\n\n".join(cell.source for cell in cells if "ring-code" in cell.metadata.get("tags", []))
    stored = json.loads((RING / "provenance.json").read_text(encoding="utf-8"))
    assert stored["code_sha256"] == hashlib.sha256(code.encode()).hexdigest(), f"run `{stored['command']}` again"


def test_ring_results_are_complete():
    stored = json.loads((RING / "metrics.json").read_text(encoding="utf-8"))
    for arm, results in stored["arms"].items():
        for key, values in results.items():
            assert len(values) == stored["settings"]["seeds"], (arm, key)
    assert all(0 <= modes <= 8 for results in stored["arms"].values() for modes in results["modes"])

"""The generated parts of the page on mutants, from the stored results: `python -m tools.mutants.page`."""

from pathlib import Path

from tools.mutants import record
from tools.pages import ROOT, write_if_changed
from tools.performance import origin

FOLDER = ROOT / "tests" / "mutants"


def build(target: Path) -> None:
    """Write them into the folder `target`."""
    for kind in ("package", "chapters"):
        stored = [record.read(path) for path in sorted(FOLDER.glob(f"{kind}_seed_*.json"))]
        parts = [record.page(found, origin) for found in stored]
        write_if_changed(target / f"mutants_{kind}.md", "\n".join(parts) or "Nothing measured yet.\n")
    reasons = record.equivalent(FOLDER / "equivalent.yml")
    lines = [f"* `{name}`: {why}" for name, why in reasons.items()]
    write_if_changed(target / "mutants_equivalent.md", "\n".join(lines or ["None is known yet."]) + "\n")


if __name__ == "__main__":
    build(ROOT / "_build" / "generated")

"""The lines of numbers of the gallery, from the stored runs of the bare commands: `python -m tools.gallery`.

`make book` calls it. Pictures and sentences stand on the page itself, in book/gallery.md.
"""

from pathlib import Path

from ganedu import results
from tools.pages import ROOT, write_if_changed


def line(found: dict) -> str:
    """What a bare command changed, and what it took."""
    changed = " → ".join(f"{found[when]:.3g}" for when in ("before", "after"))
    floor = "" if found["floor"] is None else f", real ones {found['floor']:.3g}"
    took = f"{found['steps']} steps, {found['processor_seconds']:.0f} s"
    return f"{found['number'].capitalize()} **{changed}**{floor} · {took}\n"


def build(target: Path) -> None:
    """Write the lines into the folder `target`, one file a recipe."""
    for name, found in results.metrics("gallery").items():
        write_if_changed(target / "gallery" / f"{name}.md", line(found))


if __name__ == "__main__":
    build(ROOT / "_build" / "generated")

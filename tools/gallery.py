"""The cards of the gallery, from the stored runs of the bare commands: `python -m tools.gallery`.

`make book` calls it. Titles and sentences stand on the page itself, in book/gallery.md.
"""

from pathlib import Path

from ganedu import results
from tools.pages import ROOT, write_if_changed

NAME = "gallery"


def cards(table: dict[str, dict]) -> dict[str, str]:
    """The text of each card, by recipe: numbers, command and circumstances."""
    return {name: card(found) for name, found in table.items()}


def card(found: dict) -> str:
    """One recipe: what its bare command took and what it changed."""
    weights = " + ".join(f"{count:,}" for count in found["weights"].values())
    changed = f"{found['before']:g} after one step, **{found['after']:g}** at the end"
    return (
        f"`{found['command']}` · {found['data']}, {found['size']} pixels · {found['steps']} steps, "
        f"{found['seconds']:.0f} s on one thread · {weights} weights · {found['number']}: {changed}\n"
    )


def build(target: Path) -> None:
    """Write the cards into the folder `target`, one file a recipe."""
    for name, text in cards(results.metrics(NAME)).items():
        write_if_changed(target / "gallery" / f"{name}.md", text)


if __name__ == "__main__":
    build(ROOT / "_build" / "generated")

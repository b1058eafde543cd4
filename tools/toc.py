"""Write the table of contents of the pages that exist: `python -m tools.toc`.

`book/_toc.yml` lists the whole course; a chapter enters the book with its notebook. The file is
only written when its text changes, because Jupyter Book rebuilds every page after a newer one.
"""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "book" / "_toc.yml"
TARGET = ROOT / "_build" / "toc.yml"


def written(toc, root):
    """The table of contents `toc` without the chapters that have no file below `root`."""
    parts = [
        {**part, "chapters": [c for c in part["chapters"] if any(root.glob(f"{c['file']}.*"))]} for part in toc["parts"]
    ]
    return {**toc, "parts": [part for part in parts if part["chapters"]]}


if __name__ == "__main__":
    toc = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    text = yaml.safe_dump(written(toc, ROOT), allow_unicode=True, sort_keys=False)
    if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text, encoding="utf-8")

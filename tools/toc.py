"""Find the chapters that are written: `python -m tools.toc`.

`book/_toc.yml` lists the whole course; a chapter enters the book with its notebook. This writes the
table of contents for the build, and for the front page the list of chapters of each part.
"""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "book" / "_toc.yml"
TARGET = ROOT / "_build" / "toc.yml"
LISTS = ROOT / "_build" / "generated"


def written(toc, root):
    """The table of contents `toc` without the pages that have no file below `root`, and without empty parts."""
    parts = [
        {**part, "chapters": [page for page in part["chapters"] if any(root.glob(f"{page['file']}.*"))]}
        for part in toc["parts"]
    ]
    return {**toc, "parts": [part for part in parts if part["chapters"]]}


def chapter_list(part, root):
    """Links to the chapters of one part, for the front page; those to come are named and marked."""
    ready = {page["file"] for page in part["chapters"] if any(root.glob(f"{page['file']}.*"))}
    lines = [
        f"- {{doc}}`/{page['file']}`" if page["file"] in ready else f"- {page.get('title', page['file'])} *(to come)*"
        for page in part["chapters"]
    ]
    return "\n".join(lines) + "\n"


def write(path, text):
    """Only when the text changes: Jupyter Book rebuilds whatever is older than its sources."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    toc = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    write(TARGET, yaml.safe_dump(written(toc, ROOT), allow_unicode=True, sort_keys=False))
    for number, part in enumerate(toc["parts"][:-1], 1):  # the last one is the appendix
        write(LISTS / f"part_{number}.md", chapter_list(part, ROOT))

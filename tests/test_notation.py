"""The notation appendix says which letters mean something else in a chapter, and its chapters stand in order."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "book" / "appendix" / "notation.md"
SECTIONS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
TABLE = "Letters with more than one meaning"


def chapter(section):
    """Number of the chapter that a section is about; None for the symbols of the whole book."""
    found = re.search(r"\(chapters? (\d+)", section.splitlines()[0])
    return found and int(found[1])


def rows(section):
    """The cells of each row of a section's table."""
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("| $")]


def letters(section):
    """Single letters, with no index and no argument, that a section explains."""
    symbols = re.findall(r"\$([^$]+)\$", " ".join(cells[0] for cells in rows(section)))
    return {symbol for symbol in symbols if re.fullmatch(r"[A-Za-z]|\\[a-z]+", symbol)}


def test_sections_of_chapters_stand_in_order():
    numbers = [number for number in map(chapter, SECTIONS) if number]
    assert numbers == sorted(numbers)


def test_letters_with_another_meaning_in_a_chapter_are_listed():
    general = set().union(*(letters(each) for each in SECTIONS if not chapter(each) and not each.startswith(TABLE)))
    again = {}
    for section in SECTIONS:
        for letter in letters(section) & general if chapter(section) else ():
            again.setdefault(letter, []).append(chapter(section))
    (table,) = (each for each in SECTIONS if each.startswith(TABLE))
    listed = {cells[0].strip(" $"): [int(number) for number in cells[2].split(",")] for cells in rows(table)}
    assert listed == again

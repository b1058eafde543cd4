"""The page of questions cannot drift from the chapters: its numbers stand where it says, its links and commands exist.

An answer ends with comments `<!-- from: FILE "words with a number" ... -->`. Every number of the answer, outside code
and mathematics, is in the words of one of them, and the words are in the file.
"""

import json
import re
import shlex
from dataclasses import fields
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import typer
import yaml

from ganedu import recipes
from ganedu.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "faq.md").read_text(encoding="utf-8")
ANSWERS = dict(part.partition("\n")[::2] for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:])
POINTER = re.compile(r"^<!-- from: (\S+)((?: \"[^\"]+\")+) -->$", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:[.,]\d+)*")
COMMANDS = re.findall(r"^ganedu .*", PAGE, re.MULTILINE)

answers = pytest.mark.parametrize("question", ANSWERS)


def prose(answer):
    """What a reader reads, without code, mathematics and comments."""
    for other in (r"```.*?```", r"<!--.*?-->", r"`[^`]*`", r"\$[^$]*\$"):
        answer = re.sub(other, " ", answer, flags=re.DOTALL)
    return answer


def pointers(answer):
    """Pairs of a file and words that stand in it."""
    return [(file, words) for file, quoted in POINTER.findall(answer) for words in re.findall(r'"([^"]+)"', quoted)]


@cache
def text_of(file):
    """A page as it is, a notebook's cells and outputs as text; one blank for all white space."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.endswith(".ipynb"):
        parts = []
        for cell in json.loads(text)["cells"]:
            parts += cell["source"]
            for output in cell.get("outputs", []):
                parts += ["\n", *output.get("text", []), *output.get("data", {}).get("text/plain", [])]
            parts.append("\n")
        text = "".join(parts)
    return " ".join(text.split())


@cache
def labels():
    """The labels that a page, a chapter or a section of the book has."""
    pages = [*(ROOT / "book").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    found = (re.findall(r"(?:^|\")\(([\w-]+)\)=", page.read_text(encoding="utf-8"), re.MULTILINE) for page in pages)
    return {label for each in found for label in each}


def test_fifteen_questions_and_some_more():
    assert len(ANSWERS) >= 15 and len(PAGE.splitlines()) <= 200


@answers
def test_an_answer_links_to_where_it_stands_in_full(question):
    linked = re.findall(r"\{ref\}`([\w-]+)`", ANSWERS[question])
    assert linked and set(linked) <= labels()


@answers
def test_an_answer_quotes_numbers_from_the_files_that_it_names(question):
    answer = ANSWERS[question]
    assert answer.count("<!--") == len(POINTER.findall(answer)), "a comment that is no pointer"
    quoted = pointers(answer)
    assert any(NUMBER.search(words) for _, words in quoted)
    assert [(file, words) for file, words in quoted if words not in text_of(file)] == []


@answers
def test_every_number_of_an_answer_has_a_pointer(question):
    quoted = {number for _, words in pointers(ANSWERS[question]) for number in NUMBER.findall(words)}
    assert sorted(set(NUMBER.findall(prose(ANSWERS[question]))) - quoted) == []


@answers
def test_the_words_of_a_pointer_serve_the_answer(question):
    """A pointer whose numbers the answer no longer has is a leftover."""
    answer = POINTER.sub("", ANSWERS[question])
    for _, words in pointers(ANSWERS[question]):
        numbers = NUMBER.findall(words)
        assert not numbers or set(numbers) & set(NUMBER.findall(answer)), words


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_and_its_options_exist(line):
    command, words = typer.main.get_command(app), shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    if command.name == "train":
        config = {field.name for field in fields(recipes.get(words[0]).Config)}
        known |= {f"--{name.replace('_', '-')}" for name in config}
        changed = [value.partition("=")[0] for option, value in pairwise(words) if option == "--set"]
        assert set(changed) <= config
    assert [word for word in words if word.startswith("--") and word not in known] == []


def test_the_page_is_in_the_book():
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    assert "book/faq" in [page["file"] for part in toc["parts"] for page in part["chapters"]]


def test_the_wrong_order_of_steps_gives_the_message_of_the_page_and_the_cure_does_not():
    torch.manual_seed(0)
    generator, discriminator = torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1))
    step = torch.optim.SGD(discriminator.parameters(), 0.1)
    fake = generator(torch.randn(5, 2))

    early = discriminator(fake).mean()  # the generator's loss, before D moves
    discriminator(fake.detach()).mean().backward()
    step.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        early.backward()

    discriminator(generator(torch.randn(5, 2))).mean().backward()
    assert generator.weight.grad.norm() > 0

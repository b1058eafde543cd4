"""LaTeX into tokens: spacing goes, arguments get braces, and what has a value becomes a single name.

`D^*(x)` is one symbol if the chapter gives a value for `D^*(x)`. So the longest sequence of tokens that has a value
wins, and everything that is left must be arithmetic.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from ganedu.formula._errors import FormulaError

_WHOLE = r"text|operatorname\*?|mathrm|mathbb|mathcal|mathbf|bar|hat|tilde|dot|begin|end"
_RAW = re.compile(rf"\\(?:{_WHOLE})\{{[^{{}}]*\}}|\\[a-zA-Z]+\*?|\\.|\s+|.", re.DOTALL)
_SIZES = re.compile(r"\\(left|right|[bB]igg?[lrm]?|limits|nolimits|displaystyle)")
_SPACES = {r"\,", r"\;", r"\:", r"\ ", "\\\n", r"\quad", "~"}
_SAME = {
    r"\tfrac": r"\frac", r"\dfrac": r"\frac", r"\leq": r"\le", r"\geq": r"\ge", r"\ln": r"\log", r"\|": r"\Vert",
    r"\mathbb{E}": "E", r"\lbrace": r"\{", r"\rbrace": r"\}", r"\top": r"\top", r"\ast": "*",
}  # fmt: skip
_ARGUMENTS = {r"\frac": 2, r"\sqrt": 1, "^": 1, "_": 1}
_WORD = re.compile(r"\\(?:operatorname\*?|mathrm)\{([^{}]*)\}")


@dataclass(frozen=True)
class Token:
    """A piece of a formula: its text, its place in the LaTeX, and whether a space is printed before it."""

    text: str
    start: int
    end: int
    spaced: bool = False
    kind: str = ""


def split(latex: str) -> list[Token]:
    """The tokens of a formula, with braces around every argument and spacing folded into `spaced`."""
    pieces, spaced = [], False
    for match in _RAW.finditer(latex):
        text = _SAME.get(match[0], match[0])
        if text.isspace() or _SIZES.fullmatch(text) or text == r"\!":
            continue
        if text in _SPACES:
            spaced = True
            continue
        if word := _WORD.fullmatch(text):
            text = word[1].replace(r"\,", " ")
        pieces.append(Token(text, match.start(), match.end(), spaced))
        spaced = False
    return _numbers(_braced(pieces, latex))


def _braced(pieces: list[Token], latex: str) -> list[Token]:
    """Braces around every argument, so that `\\frac12` and `x^2` read like `\\frac{1}{2}` and `x^{2}`."""
    result, position = [], 0
    while position < len(pieces):
        token = pieces[position]
        result.append(token)
        position += 1
        for _ in range(_ARGUMENTS.get(token.text, 0)):
            if position == len(pieces):
                raise FormulaError(f"`{token.text}` lacks an argument", latex, token.start, token.end)
            if pieces[position].text == "{":
                end = _closing(pieces, position, latex)
                result += [pieces[position], *_braced(pieces[position + 1 : end], latex), pieces[end]]
                position = end + 1
            else:
                one = pieces[position]
                result += [replace(one, text="{", end=one.start), one, replace(one, text="}", start=one.end)]
                position += 1
    return result


def _closing(tokens: list[Token], opening: int, latex: str) -> int:
    depth = 0
    for position in range(opening, len(tokens)):
        depth += {"{": 1, "}": -1}.get(tokens[position].text, 0)
        if depth == 0:
            return position
    raise FormulaError("this brace is not closed", latex, tokens[opening].start, tokens[opening].end)


def _numbers(tokens: list[Token]) -> list[Token]:
    """Adjacent digits joined: 1, ., 3, 8, 6 become one number."""
    result: list[Token] = []
    for token in tokens:
        last = result[-1] if result else None
        glued = last and last.end == token.start and not token.spaced and last.text[0].isdigit()
        if glued and (token.text.isdigit() or (token.text == "." and "." not in last.text)):
            result[-1] = replace(last, text=last.text + token.text, end=token.end)
        else:
            result.append(token)
    return [t for token in result for t in _without_final_point(token)]


def _without_final_point(token: Token) -> list[Token]:
    if token.text[0].isdigit() and token.text.endswith("."):  # "= 0." ends a sentence
        return [replace(token, text=token.text[:-1], end=token.end - 1), Token(".", token.end - 1, token.end)]
    return [token]


def named(tokens: list[Token], names: Collection[str]) -> list[Token]:
    """The tokens with every longest sequence that spells one of the names replaced by a single NAME token."""
    spelled = {tuple(t.text for t in split(name)): name for name in names}
    lengths = sorted({len(sequence) for sequence in spelled}, reverse=True)
    texts = [token.text for token in tokens]
    result, position = [], 0
    while position < len(tokens):
        for length in lengths:
            sequence = tuple(texts[position : position + length])
            name = spelled.get(sequence)
            if name is not None and len(sequence) == length:
                first, last = tokens[position], tokens[position + length - 1]
                result.append(Token(name, first.start, last.end, first.spaced, "NAME"))
                position += length
                break
        else:
            result.append(tokens[position])
            position += 1
    return result

"""The language of the book's formulas: what a token means, and which sequences of them are arithmetic.

Only arithmetic can be written in it: sums, products, powers, named functions, expectations, derivatives. Nothing of a
formula is ever executed as code.
"""

from collections.abc import Mapping

from lark import Lark, Tree
from lark.exceptions import UnexpectedInput
from lark.lexer import Lexer
from lark.lexer import Token as Terminal

from ganedu.formula._errors import FormulaError
from ganedu.formula._tokens import Token

GRAMMAR = r"""
start: sum (REL sum)*
?sum: SIGN? term (SIGN term)*
?term: factor ((TIMES | DIV)? factor)*
?factor: primary | power | call | closed | derivative | big
power: (primary | closed) POW LBRACE sum RBRACE
    | (primary | closed) POW LBRACE TOP RBRACE -> transpose
call: (FUNC | MEAN) FPOW? (primary | power | call | closed)
closed: (FUNC | MEAN) FPOW? CALL sum (COMMA sum)* RPAR
derivative: DERIVATIVE term (AT LBRACE NAME REL sum RBRACE)?
big: BIG OPAQUE? term
    | BIG SUB LBRACE NAME REL sum RBRACE POW LBRACE sum RBRACE term -> ranged
?primary: NUMBER -> number
    | NAME -> symbol
    | LPAR sum RPAR -> group
    | LBRACE sum RBRACE -> group
    | FRAC LBRACE sum RBRACE LBRACE sum RBRACE -> fraction
    | SQRT LBRACE sum RBRACE -> root
    | LABS sum RABS -> absolute
    | LNORM sum RNORM (SUB LBRACE NUMBER RBRACE)? -> norm
    | LANGLE sum COMMA sum RANGLE -> inner
    | LFLOOR sum RFLOOR -> floor
    | LCEIL sum RCEIL -> ceil
    | primary FACTORIAL -> factorial
    | INT (SUB LBRACE start RBRACE)? term DIFF -> integral
    | BEGIN row (ROW row)* END -> cases
row: sum COMMA? TEXT start? COMMA?
%declare REL SIGN TIMES DIV POW LBRACE RBRACE TOP FUNC MEAN FPOW CALL COMMA RPAR LPAR DERIVATIVE AT NAME NUMBER
%declare BIG OPAQUE SUB FRAC SQRT LABS RABS LNORM RNORM LANGLE RANGLE LFLOOR RFLOOR LCEIL RCEIL FACTORIAL INT DIFF
%declare BEGIN ROW END TEXT
"""
RELATIONS = {"=": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">=", r"\approx": "~", r"\to": "->", r"\equiv": "="}
FUNCTIONS = {r"\log", r"\exp", r"\tanh", r"\sin", r"\cos", r"\max", r"\min", r"\sigma", r"\Phi", "softplus", "sign",
             "ReLU", "tr", "O"}  # fmt: skip
CONSTANTS = {"e", r"\pi"}
_KINDS = {
    "+": "SIGN", "-": "SIGN", r"\cdot": "TIMES", r"\times": "TIMES", r"\odot": "TIMES", "/": "DIV", "^": "POW",
    "(": "LPAR", "[": "LPAR", r"\{": "LPAR", ")": "RPAR", "]": "RPAR", r"\}": "RPAR", "{": "LBRACE", "}": "RBRACE",
    ",": "COMMA", r"\top": "TOP", r"\frac": "FRAC", r"\sqrt": "SQRT", r"\sum": "BIG", r"\prod": "BIG", "!": "FACTORIAL",
    r"\lvert": "LABS", r"\rvert": "RABS", r"\lVert": "LNORM", r"\rVert": "RNORM", r"\langle": "LANGLE",
    r"\rangle": "RANGLE", r"\lfloor": "LFLOOR", r"\rfloor": "RFLOOR", r"\lceil": "LCEIL", r"\rceil": "RCEIL",
    r"\begin{cases}": "BEGIN", r"\end{cases}": "END", "_": "SUB",
}  # fmt: skip
_WORDS = {
    "RPAR": "a closing bracket", "RBRACE": "a closing brace", "SIGN": "+ or -", "NAME": "a symbol",
    "NUMBER": "a number", "LPAR": "a bracket", "REL": "a relation", "$END": "the end", "DIFF": "the dx of the integral",
    "RABS": "a closing |", "RNORM": "a closing norm bar", "LBRACE": "a brace", "FUNC": "a function",
    "FRAC": "a fraction", "COMMA": "a comma",
}  # fmt: skip
_ENDS_OPERAND = {"NAME", "NUMBER", "RPAR", "RBRACE", "RABS", "RNORM", "FACTORIAL", "RANGLE", "DIFF", "RFLOOR", "RCEIL"}
_OPENING = {"(", "[", r"\{", "{", r"\begin{cases}", r"\langle", r"\lfloor", r"\lceil", r"\lvert", r"\lVert"}
_CLOSING = {")", "]", r"\}", "}", r"\end{cases}", r"\rangle", r"\rfloor", r"\rceil", r"\rvert", r"\rVert"}
_PUNCTUATION = {",", ".", ";", "&", r"\\", r"\begin{aligned}", r"\end{aligned}"}


class _Given(Lexer):
    """Hands our own tokens to Lark."""

    def __init__(self, _):
        pass

    def lex(self, tokens):
        for t in tokens:
            yield Terminal(
                t.kind, t.text, start_pos=t.start, end_pos=t.end, line=1, column=t.start, end_line=1, end_column=t.end
            )


_PARSER = Lark(GRAMMAR, parser="lalr", lexer=_Given, propagate_positions=True, maybe_placeholders=False)


def parse(tokens: list[Token], latex: str) -> Tree:
    """The tree of one clause. Raises FormulaError with the place and what was expected there."""
    try:
        return _PARSER.parse(tokens)
    except UnexpectedInput as error:
        expected = sorted({_WORDS[name] for name in getattr(error, "expected", ()) if name in _WORDS})
        hint = f"expected {', '.join(expected)}" if expected else "not arithmetic"
        found = getattr(error, "token", None)
        if found is None or found.type == "$END":
            raise FormulaError(f"the formula breaks off: {hint}", latex, len(latex)) from None
        raise FormulaError(f"unexpected `{found}`: {hint}", latex, found.start_pos, found.end_pos) from None


def classified(tokens: list[Token], values: Mapping, latex: str) -> list[Token]:
    """Tokens with their kinds; a symbol without a value is an error that names it."""
    reader = _Reader(tokens, values, latex)
    while reader.position < len(tokens):
        reader.step()
    return reader.result


class _Reader:
    """Goes through the tokens once, from left to right, and gives each its kind."""

    def __init__(self, tokens: list[Token], values: Mapping, latex: str):
        self.tokens, self.values, self.latex = tokens, values, latex
        self.position, self.integrals, self.cases, self.bars = 0, 0, 0, []
        self.result: list[Token] = []
        self.indices = {
            tokens[i + 3].text
            for i in range(len(tokens) - 4)
            if tokens[i].text in (r"\sum", r"\prod") and [t.text for t in tokens[i + 1 : i + 3]] == ["_", "{"]
            and tokens[i + 4].text == "="
        }  # fmt: skip

    def texts(self, count: int) -> list[str]:
        return [t.text for t in self.tokens[self.position : self.position + count]]

    def emit(self, kind: str, count: int = 1, text: str | None = None):
        first, last = self.tokens[self.position], self.tokens[self.position + count - 1]
        self.result.append(Token(first.text if text is None else text, first.start, last.end, first.spaced, kind))
        self.position += count

    def step(self):
        token = self.tokens[self.position]
        if self.derivative() or self.differential() or self.bar(token):
            return
        if token.kind == "NAME":
            self.emit(self.kind_of_value(token))
            self.opening()
        elif token.text in FUNCTIONS:
            self.emit("FUNC")
            self.function_power()
            self.opening()
        elif token.text in CONSTANTS or token.text in self.indices:
            self.emit("NAME")
        elif token.text[0].isdigit():
            self.emit("NUMBER")
        elif token.text in RELATIONS:
            self.emit("REL")
        elif token.text.startswith(r"\text{"):
            self.emit("TEXT")
        elif token.text == r"\\":
            self.row()
        elif token.text in ("&", r"\begin{aligned}", r"\end{aligned}"):
            self.position += 1
        elif token.text == "_":
            self.subscript(token)
        elif token.text in _KINDS:
            self.cases += {"BEGIN": 1, "END": -1}.get(_KINDS[token.text], 0)
            self.emit(_KINDS[token.text])
            if self.result[-1].kind == "BIG":
                self.opaque_range()
        else:
            self.unknown(token)

    def kind_of_value(self, token: Token) -> str:
        if not callable(self.values[token.text]):
            return "NAME"
        if token.text.startswith(r"\int"):
            self.integrals += 1
            return "INT"
        return "MEAN" if token.text[0] == "E" or token.text.startswith(r"\mathbb{E}") else "FUNC"

    def opening(self):
        """A bracket right after a function holds its arguments; right after a number's name it is refused."""
        if self.position == len(self.tokens) or self.result[-1].kind == "INT":
            return
        bracket, last = self.tokens[self.position], self.result[-1]
        if bracket.text not in ("(", "[", r"\{"):
            return
        if last.kind == "FPOW" or last.kind == "FUNC" or (last.kind == "MEAN" and bracket.text == "["):
            self.emit("CALL")
        elif last.kind == "NAME" and bracket.text == "(" and not bracket.spaced and last.text[-1] not in ")]":
            problem = (
                f"`{last.text}(` reads as a function: give a value for it with its argument, or print a thin space "
                "between the factors of a product"
            )
            raise FormulaError(problem, self.latex, last.start, bracket.end)

    def function_power(self):
        texts = self.texts(4)
        if texts[:2] == ["^", "{"] and texts[2:3] and texts[2].isdigit() and texts[3:] == ["}"]:
            self.position += 2
            self.emit("FPOW")
            self.position += 1

    def derivative(self) -> bool:
        texts = self.texts(9)
        for symbol in ("d", r"\partial"):
            if texts[:6] == [r"\frac", "{", symbol, "}", "{", symbol] and texts[7:8] == ["}"]:
                self.differentiated(6, 8)
                return True
        if texts[:3] and texts[0] == r"\nabla" and texts[1:3] == ["_", "{"] and texts[4:5] == ["}"]:
            self.differentiated(3, 5)
            return True
        return False

    def differentiated(self, offset: int, count: int):
        variable = self.tokens[self.position + offset]
        if variable.kind != "NAME":
            raise FormulaError(
                f"the derivative in `{variable.text}`, which has no value", self.latex, variable.start, variable.end
            )
        self.emit("DERIVATIVE", count, variable.text)

    def differential(self) -> bool:
        token = self.tokens[self.position]
        is_variable = token.kind == "NAME" and not token.spaced
        if self.integrals and token.text == "d" and not is_variable and self.position + 1 < len(self.tokens):
            self.integrals -= 1
            self.emit("DIFF", 2)
            return True
        return False

    def bar(self, token: Token) -> bool:
        """Decide whether a bar opens, closes, or means "at"."""
        if token.text not in ("|", r"\Vert"):
            return False
        kind = "ABS" if token.text == "|" else "NORM"
        operand = bool(self.result) and self.result[-1].kind in _ENDS_OPERAND
        if kind == "ABS" and self.texts(2)[1:] == ["_"]:
            self.emit("AT", 2)
        elif operand and self.bars and self.bars[-1] == kind:
            self.bars.pop()
            self.emit("R" + kind)
        else:
            self.bars.append(kind)
            self.emit("L" + kind)
        return True

    def row(self):
        if self.cases:
            self.emit("ROW")
        else:  # a long line goes on
            self.position += 1

    def subscript(self, token: Token):
        if self.result and self.result[-1].kind in ("BIG", "INT", "RNORM"):
            self.emit("SUB")
            return
        owner = self.result[-1] if self.result else token
        raise FormulaError(
            f"a subscript on `{owner.text}`: the whole symbol needs a value ({self.known()})",
            self.latex,
            owner.start,
            token.end,
        )

    def opaque_range(self):
        """A range that names no first index: the sum runs over the last dimension."""
        texts = self.texts(4)
        if texts[:2] == ["_", "{"] and texts[3:] != ["="]:
            depth, count = 0, 1
            while count == 1 or depth:
                depth += {"{": 1, "}": -1}.get(self.tokens[self.position + count].text, 0)
                count += 1
            self.emit("OPAQUE", count)

    def unknown(self, token: Token):
        raise FormulaError(f"`{token.text}` has no value ({self.known()})", self.latex, token.start, token.end)

    def known(self) -> str:
        return "given: " + (", ".join(self.values) or "nothing")


def clauses(tokens: list[Token], latex: str) -> list[list[Token]]:
    """The statements of a formula. Commas and wide spaces part them; what follows a text is a condition for readers."""
    found: list[list[Token]] = [[]]
    depth, prose = 0, False
    for token in tokens:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if depth == 0 and (token.text == r"\qquad" or (token.text in ",;" and not prose)):
            found.append([])
            prose = False
        elif depth == 0 and token.text.startswith(r"\text{"):
            prose = True
        elif not prose:
            found[-1].append(token)
    kept = [stripped for clause in found if (stripped := _without_punctuation(clause)) and not _in_brackets(stripped)]
    for clause in kept if len(kept) > 1 else []:
        if len(last_side(clause)) == len(clause):
            problem = "this asserts nothing: a condition for readers stands after a text"
            raise FormulaError(problem, latex, clause[0].start, clause[-1].end)
    return kept


def _without_punctuation(clause: list[Token]) -> list[Token]:
    """A clause without what stands before and after it: a sentence's end, the marks of aligned lines."""
    ends = [i for i, token in enumerate(clause) if token.text not in _PUNCTUATION]
    return clause[ends[0] : ends[-1] + 1] if ends else []


def _in_brackets(clause: list[Token]) -> bool:
    """Whether a clause is a condition in brackets, `(a > 0)`."""
    related = any(token.text in RELATIONS for token in clause)
    return related and clause[0].text == "(" and clause[-1].text == ")" and len(last_side(clause)) == len(clause)


def last_side(clause: list[Token]) -> list[Token]:
    """What stands after the last relation of a statement; the whole of it if there is none."""
    depth, start = 0, 0
    for position, token in enumerate(clause):
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if depth == 0 and token.text in RELATIONS:
            start = position + 1
    return clause[start:]
